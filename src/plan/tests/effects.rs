//! Which way a change of content moves what is asked of people: a table by hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::effect::effect;
use crate::diff::compare;
use crate::model::{Id, LivePolicy, Policy, State};
use crate::plan::Effect::{self, Neutral, Strengthens, Unknown, Weakens};
use crate::tenant::fixture::*;

fn policy(change: impl FnOnce(&mut Value)) -> Policy<Id> {
    let live: LivePolicy = live_with(LIVE, State::On, change);
    live.policy
}

fn of(before: &Policy<Id>, after: &Policy<Id>) -> Effect {
    effect(before, after, &compare(before, after))
}

#[test]
fn a_field_says_by_itself_which_way_it_moves() {
    let set = |path: &'static str, value: Value| {
        move |json: &mut Value| *json.pointer_mut(path).unwrap() = value
    };
    let users = "/conditions/users";
    let conditions = "/conditions";
    let session = "/sessionControls";
    type Case = (&'static str, &'static str, Value, Value, Effect, Effect);
    let cases: Vec<Case> = vec![
        // what, where, before, after, effect, effect of the way back
        (
            "name",
            "/displayName",
            json!("A"),
            json!("B"),
            Neutral,
            Neutral,
        ),
        (
            "an excluded user more",
            users,
            json!({"includeUsers": ["All"]}),
            json!({"includeUsers": ["All"], "excludeUsers": [id(ANNA)]}),
            Weakens,
            Strengthens,
        ),
        (
            "an excluded group for a user",
            users,
            json!({"includeUsers": ["All"], "excludeUsers": [id(ANNA)]}),
            json!({"includeUsers": ["All"], "excludeGroups": [id(STAFF)]}),
            Unknown,
            Unknown,
        ),
        (
            "an included group more",
            users,
            json!({"includeGroups": [id(STAFF)]}),
            json!({"includeGroups": [id(STAFF), id(BACKUP)]}),
            Unknown,
            Unknown,
        ),
        (
            "an excluded app more",
            conditions,
            json!({"applications": {"includeApplications": ["All"]}}),
            json!({"applications": {"includeApplications": ["All"], "excludeApplications": [AZURE]}}),
            Weakens,
            Strengthens,
        ),
        (
            "an included app more",
            conditions,
            json!({"applications": {"includeApplications": [AZURE]}}),
            json!({"applications": {"includeApplications": [AZURE, "Office365"]}}),
            Unknown,
            Unknown,
        ),
        (
            "an excluded place more",
            conditions,
            json!({"locations": {"includeLocations": ["All"]}}),
            json!({"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}),
            Weakens,
            Strengthens,
        ),
        (
            "an excluded platform more",
            conditions,
            json!({"platforms": {"includePlatforms": ["all"]}}),
            json!({"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["iOS"]}}),
            Weakens,
            Strengthens,
        ),
        (
            "an excluded workload more",
            conditions,
            json!({"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}}),
            json!({"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"], "excludeServicePrincipals": [id(9)]}}),
            Weakens,
            Strengthens,
        ),
        (
            "a kind of client less",
            conditions,
            json!({"clientAppTypes": ["all"]}),
            json!({"clientAppTypes": ["browser"]}),
            Unknown,
            Unknown,
        ),
        (
            "a risk",
            conditions,
            json!({}),
            json!({"signInRiskLevels": ["high"]}),
            Unknown,
            Unknown,
        ),
        (
            "a device filter",
            conditions,
            json!({}),
            json!({"devices": {"deviceFilter": {"mode": "exclude", "rule": "x"}}}),
            Unknown,
            Unknown,
        ),
        (
            "a sign-in frequency",
            session,
            Value::Null,
            json!({"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}}),
            Strengthens,
            Weakens,
        ),
        (
            "another sign-in frequency",
            session,
            json!({"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}}),
            json!({"signInFrequency": {"isEnabled": true, "value": 1, "type": "hours"}}),
            Unknown,
            Unknown,
        ),
        (
            "token protection",
            session,
            Value::Null,
            json!({"secureSignInSession": {"isEnabled": true}}),
            Strengthens,
            Weakens,
        ),
        (
            "app-enforced restrictions",
            session,
            Value::Null,
            json!({"applicationEnforcedRestrictions": {"isEnabled": true}}),
            Strengthens,
            Weakens,
        ),
        (
            "a persistent browser",
            session,
            Value::Null,
            json!({"persistentBrowser": {"isEnabled": true, "mode": "always"}}),
            Unknown,
            Unknown,
        ),
        (
            "resilience defaults",
            session,
            Value::Null,
            json!({"disableResilienceDefaults": true}),
            Unknown,
            Unknown,
        ),
    ];
    for (what, path, before, after, there, back) in cases {
        let (before, after) = (policy(set(path, before)), policy(set(path, after)));
        assert_eq!(of(&before, &after), there, "{what}");
        assert_eq!(of(&after, &before), back, "{what}, the way back");
        assert_eq!(of(&after, &after), Neutral, "{what}, unchanged");
    }
}

#[test]
fn a_control_more_asks_for_more_with_all_and_for_less_with_any() {
    let grant = |operator: &str, controls: &[&str]| {
        policy(|json| {
            json["grantControls"] = json!({"operator": operator, "builtInControls": controls});
        })
    };
    type Side = (&'static str, &'static [&'static str]);
    let cases: &[(Side, Side, Effect)] = &[
        (
            ("AND", &["mfa"]),
            ("AND", &["mfa", "compliantDevice"]),
            Strengthens,
        ),
        (
            ("OR", &["mfa"]),
            ("OR", &["mfa", "compliantDevice"]),
            Weakens,
        ),
        (
            ("AND", &["mfa", "compliantDevice"]),
            ("AND", &["mfa"]),
            Weakens,
        ),
        (
            ("OR", &["mfa", "compliantDevice"]),
            ("OR", &["mfa"]),
            Strengthens,
        ),
        (
            ("OR", &["mfa", "compliantDevice"]),
            ("AND", &["mfa", "compliantDevice"]),
            Strengthens,
        ),
        (
            ("AND", &["mfa", "compliantDevice"]),
            ("OR", &["mfa", "compliantDevice"]),
            Weakens,
        ),
        // One control is joined to nothing.
        (("OR", &["mfa"]), ("AND", &["mfa"]), Neutral),
        (
            ("OR", &["mfa"]),
            ("AND", &["mfa", "compliantDevice"]),
            Strengthens,
        ),
        (
            ("AND", &["mfa", "compliantDevice"]),
            ("OR", &["mfa", "compliantDevice", "domainJoinedDevice"]),
            Weakens,
        ),
        (
            ("OR", &["mfa", "compliantDevice", "domainJoinedDevice"]),
            ("AND", &["mfa", "compliantDevice"]),
            Strengthens,
        ),
        (
            ("AND", &["mfa", "compliantDevice", "domainJoinedDevice"]),
            ("OR", &["mfa", "compliantDevice"]),
            Weakens,
        ),
        (("OR", &["mfa"]), ("OR", &["compliantDevice"]), Unknown),
        (
            ("OR", &["mfa", "compliantDevice"]),
            ("OR", &["mfa", "domainJoinedDevice"]),
            Unknown,
        ),
        (("OR", &["mfa"]), ("OR", &["block"]), Unknown),
        (("OR", &["block"]), ("OR", &["mfa"]), Unknown),
        (("AND", &["mfa"]), ("AND", &["mfa", "block"]), Unknown),
        (("OR", &[]), ("OR", &["mfa"]), Strengthens),
        (("OR", &[]), ("OR", &["block"]), Unknown),
        (("OR", &["mfa", "compliantDevice"]), ("OR", &[]), Weakens),
        (
            ("XOR", &["mfa", "compliantDevice"]),
            ("AND", &["mfa", "compliantDevice"]),
            Unknown,
        ),
        (
            ("XOR", &["mfa"]),
            ("XOR", &["mfa", "compliantDevice"]),
            Unknown,
        ),
    ];
    for (before, after, expected) in cases {
        let (was, is) = (grant(before.0, before.1), grant(after.0, after.1));
        assert_eq!(of(&was, &is), *expected, "{before:?} to {after:?}");
    }
}

#[test]
fn no_grant_at_all_asks_for_nothing() {
    let nothing = policy(|json| json["grantControls"] = Value::Null);
    let mfa = policy(|_| {});
    assert_eq!(of(&nothing, &mfa), Strengthens);
    assert_eq!(of(&mfa, &nothing), Weakens);
}

#[test]
fn a_strength_for_a_control_cannot_be_told_and_one_beside_it_can() {
    let strength = policy(|json| {
        json["grantControls"] = json!({"operator": "AND", "authenticationStrength": {"id": id(9)}});
    });
    let strength_and_device = policy(|json| {
        json["grantControls"] = json!({
            "operator": "AND", "builtInControls": ["compliantDevice"],
            "authenticationStrength": {"id": id(9)},
        });
    });
    assert_eq!(of(&policy(|_| {}), &strength), Unknown);
    assert_eq!(of(&strength, &strength_and_device), Strengthens);
}

#[test]
fn several_changes_count_together() {
    let before = policy(|_| {});
    let exclude = |json: &mut Value| {
        json["conditions"]["users"]["excludeUsers"] = json!([id(EMERGENCY_1), id(ANNA)])
    };
    let rename = |json: &mut Value| json["displayName"] = json!("B");
    let fewer = |json: &mut Value| {
        json["grantControls"]["builtInControls"] = json!(["mfa", "compliantDevice"])
    };
    let limit = |json: &mut Value| {
        json["sessionControls"] = json!({"secureSignInSession": {"isEnabled": true}})
    };
    let both = |one: &dyn Fn(&mut Value), other: &dyn Fn(&mut Value)| {
        of(
            &before,
            &policy(|json| {
                one(json);
                other(json)
            }),
        )
    };
    assert_eq!(both(&rename, &exclude), Weakens);
    assert_eq!(both(&exclude, &fewer), Weakens);
    assert_eq!(both(&rename, &limit), Strengthens);
    // Weaker for one, stricter for another.
    assert_eq!(both(&exclude, &limit), Unknown);
    assert_eq!(
        BTreeSet::from([both(&limit, &fewer)].map(Effect::word)),
        BTreeSet::from(["unknown"])
    );
}
