//! Published policies: both evaluators over a grid of sign-ins.

use portcullis::evaluate::Prepared;
use portcullis::model::LivePolicy;
use serde_json::Value;

use super::universe::{FACTS, World};
use super::{agreement, second};
use crate::support::shared;

/// The published policies with what templates come without; `None` when they are not there.
fn published() -> Option<Vec<Value>> {
    let policy = |(_, bytes): (String, Vec<u8>)| {
        let text = String::from_utf8(bytes).unwrap();
        let mut policy: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        for (key, value) in [
            ("id", "p"),
            ("displayName", "template"),
            ("state", "enabled"),
        ] {
            if !policy[key].is_string() {
                policy[key] = value.into();
            }
        }
        policy
    };
    Some(shared::published()?.into_iter().map(policy).collect())
}

/// Nothing of the tenants these policies were written for is in the test's world, so their ids are nobody's;
/// what is left are words, platforms, clients, risks, flows and rules.
#[test]
fn both_evaluators_agree_on_published_policies() {
    let Some(policies) = published() else {
        return;
    };
    assert_eq!(policies.len(), 153);
    let first_of_each: World = FACTS
        .iter()
        .map(|(fact, values)| (*fact, values[0]))
        .collect();
    let mut asked = 0;
    for policy in &policies {
        let live = LivePolicy::try_from(policy.clone()).unwrap();
        let _ = Prepared::live(&live);
        let Some(policy) = in_this_world(policy) else {
            continue;
        };
        for (fact, values) in FACTS.iter().filter(|(fact, _)| *fact != "eas") {
            for value in *values {
                let mut world = first_of_each.clone();
                world.remove("eas");
                world.insert("used", "password");
                world.insert("available", "password");
                world.insert("suite:Office365", "no");
                world.insert("suite:MicrosoftAdminPortals", "no");
                world.insert(fact, value);
                if !super::universe::is_consistent(&world) {
                    continue;
                }
                asked += 1;
                if let Err(difference) = agreement::agree(&policy, &world) {
                    panic!("{}: {fact} {value}: {difference}", policy["displayName"]);
                }
            }
        }
    }
    println!("{asked} questions about {} policies", policies.len());
    assert!(asked > 10_000, "only {asked} questions");
}

/// The policy as the second evaluator can take it: groups, roles and places of other tenants taken out.
/// `None` for one that is about something the test's world does not have.
fn in_this_world(policy: &Value) -> Option<Value> {
    let mut policy = policy.clone();
    let conditions = policy["conditions"].as_object_mut()?;
    let workload = conditions
        .get("clientApplications")
        .is_some_and(|clients| !clients.is_null());
    let traffic = |applications: &Value| {
        ["networkAccess", "globalSecureAccess"]
            .iter()
            .any(|key| applications[key].is_object())
    };
    if workload || conditions.get("applications").is_some_and(traffic) {
        return None;
    }
    for (list, keep) in [
        ("users", "excludeGroups"),
        ("users", "includeGroups"),
        ("users", "includeRoles"),
        ("users", "excludeRoles"),
    ] {
        conditions.get_mut(list)?.as_object_mut()?.remove(keep);
    }
    for side in ["includeLocations", "excludeLocations"] {
        if let Some(list) = conditions
            .get_mut("locations")
            .and_then(|locations| locations.get_mut(side)?.as_array_mut())
        {
            list.retain(|name| name.as_str().is_some_and(|name| name.starts_with("All")));
        }
    }
    // The second evaluator takes Graph's own case.
    for path in ["clientAppTypes", "platforms"] {
        if let Some(value) = conditions.get_mut(path) {
            *value =
                serde_json::from_str(&value.to_string().replace("\"All\"", "\"all\"")).unwrap();
        }
    }
    let grant = policy
        .get_mut("grantControls")
        .and_then(Value::as_object_mut);
    if let Some(grant) = grant {
        if let Some(operator) = grant.get_mut("operator") {
            *operator = operator.as_str().unwrap_or("OR").to_uppercase().into();
        }
        let known =
            |control: &Value| second::CONTROLS.contains(&control.as_str().unwrap_or_default());
        let controls = grant.get("builtInControls").and_then(Value::as_array);
        if controls.is_some_and(|controls| !controls.iter().all(known)) {
            return None;
        }
        grant.remove("termsOfUse");
    }
    Some(policy)
}
