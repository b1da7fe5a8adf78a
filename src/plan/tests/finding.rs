//! Which live policy a file means, who else is there, and what a saved plan is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::model::{
    Id, Kind, State,
    WantedState::{Absent, Off, ReportOnly},
};
use crate::plan::{Action, SavedOptions, SavedPlan, SavedPlanError};
use crate::tenant::{AuditEvent, Unreadable};

fn named(n: u32, name: &str) -> LivePolicy {
    live_with(n, State::Off, |json| json["displayName"] = json!(name))
}

fn found_id(plan: &Plan) -> Option<&Id> {
    plan.changes[0].id.as_ref()
}

#[test]
fn a_pin_wins_over_a_name_and_a_name_over_an_earlier_one() {
    let mut policy = wanting(Off);
    policy.renamed_from = vec![at("Older".to_owned()), at("Old".to_owned())];
    let all = || [named(301, NAME), named(302, "Old"), named(303, "Pinned")];
    assert_eq!(found_id(&planned(policy.clone(), all())), Some(&id(301)));
    let [_, old, pinned] = all();
    assert_eq!(
        found_id(&planned(policy.clone(), [old, pinned])),
        Some(&id(302))
    );
    policy.id = Some(at(id(303)));
    assert_eq!(found_id(&planned(policy.clone(), all())), Some(&id(303)));

    // A record pins as well, but only in its own tenant.
    policy.id = None;
    let mut workspace = desired([policy]);
    let mut recorded = record("", "");
    recorded.policy_id = id(303);
    workspace.records.insert(KEY.into(), at(recorded.clone()));
    assert_eq!(
        found_id(&against(&workspace, &snapshot(all()))),
        Some(&id(303))
    );
    recorded.tenant_id = id(1);
    workspace.records.insert(KEY.into(), at(recorded));
    assert_eq!(
        found_id(&against(&workspace, &snapshot(all()))),
        Some(&id(301))
    );
}

#[test]
fn two_of_a_name_are_refused_with_both_ids_and_neither_is_somebody_elses() {
    let plan = planned(wanting(Off), [named(301, NAME), named(302, NAME)]);
    assert_eq!(guards(&plan), ["ambiguous-policy"]);
    assert_eq!(
        plan.refusals[0].message,
        format!(
            "2 live policies are called \"{NAME}\": {} (off), {} (off)",
            id(301),
            id(302)
        )
    );
    assert!(plan.unmanaged.is_empty());
}

#[test]
fn a_pin_that_is_gone_is_refused_with_who_deleted_it() {
    let mut policy = wanting(Off);
    policy.id = Some(at(id(LIVE)));
    let mut tenant = snapshot([]);
    tenant.history.insert(
        id(LIVE),
        vec![AuditEvent {
            at: time("2026-11-20T08:00:00Z"),
            activity: "Delete conditional access policy".into(),
            by: Some("somebody@example.org".into()),
            ..AuditEvent::default()
        }],
    );
    let plan = against(&desired([policy.clone()]), &tenant);
    assert_eq!(guards(&plan), ["pin-gone"]);
    assert!(
        plan.refusals[0]
            .message
            .ends_with("is gone; somebody@example.org deleted it at 2026-11-20T08:00:00Z")
    );
    assert!(
        plan.refusals[0]
            .help
            .as_ref()
            .unwrap()
            .contains("restore it from the bin")
    );
    let ending = |tenant: &Snapshot| {
        let refusal = &against(&desired([policy.clone()]), tenant).refusals[0];
        refusal.message.split_once("; ").unwrap().1.to_owned()
    };
    tenant.history.insert(id(LIVE), vec![]);
    assert_eq!(
        ending(&tenant),
        "the directory audit does not say who deleted it"
    );
    tenant.history.clear();
    assert_eq!(
        ending(&tenant),
        "the directory audit, which may say who deleted it, was not read"
    );
    policy.state = Some(at(Absent));
    let plan = against(&desired([policy]), &tenant);
    assert_eq!(plan.refusals, []);
    assert_eq!(plan.changes[0].action, Action::None);
}

#[test]
fn what_cannot_be_read_is_refused_and_never_taken_for_gone() {
    let unreadable = |id, name: &str| Unreadable {
        id: Some(id),
        name: Some(name.to_owned()),
        problem: "conditions: is missing".into(),
        raw: Value::Null,
    };
    let mut by_pin = wanting(Off);
    by_pin.id = Some(at(id(LIVE)));
    let mut tenant = snapshot([]);
    tenant.unreadable = vec![unreadable(id(LIVE), "Renamed")];
    assert_eq!(
        guards(&against(&desired([by_pin]), &tenant)),
        ["unreadable-policy"]
    );
    tenant.unreadable = vec![unreadable(id(LIVE), NAME)];
    let plan = against(&desired([wanting(Off)]), &tenant);
    assert_eq!(guards(&plan), ["unreadable-policy"]);
    assert_eq!(
        plan.unmanaged[0].notes,
        ["cannot be read: conditions: is missing; never touched"]
    );
}

#[test]
fn two_files_for_one_policy_are_refused() {
    let mut second = wanting(Off);
    second.key = at("second".to_owned());
    let plan = against(
        &desired([wanting(Off), second]),
        &snapshot([live(State::Off)]),
    );
    assert_eq!(guards(&plan), ["ambiguous-policy"]);
    assert!(
        plan.refusals[0]
            .message
            .ends_with("is claimed by two policy files")
    );
}

#[test]
fn the_same_users_target_and_grant_make_a_candidate() {
    let twin = |change: fn(&mut Value)| {
        let there = live_with(302, State::ReportOnly, |json| {
            json["displayName"] = json!("Somebody clicked this");
            json["conditions"]["users"]["excludeUsers"] = json!([]);
            change(json);
        });
        let plan = planned(wanting(ReportOnly), [there]);
        assert_eq!(plan.changes[0].action, Action::Create);
        plan.unmanaged[0].candidate_for.clone()
    };
    assert_eq!(twin(|_| {}).as_deref(), Some(KEY));
    // How one control is joined to itself says nothing.
    assert_eq!(
        twin(|json| json["grantControls"]["operator"] = json!("AND")).as_deref(),
        Some(KEY)
    );
    assert_eq!(
        twin(|json| json["grantControls"]["builtInControls"] = json!(["block"])),
        None
    );
    assert_eq!(
        twin(|json| json["conditions"]["applications"]["includeApplications"] = json!(["All"])),
        None
    );
    assert_eq!(
        twin(|json| json["conditions"]["users"]["includeUsers"] = json!(["None"])),
        None
    );
    // Nothing is created beside a policy that is found.
    let plan = planned(wanting(Off), [live(State::Off), named(302, "Copy")]);
    assert_eq!(plan.unmanaged[0].candidate_for, None);
}

#[test]
fn what_a_glob_leaves_out_is_neither_planned_nor_unmanaged() {
    let mut second = wanting(Off);
    second.key = at("second".to_owned());
    second.policy.name = "Second".into();
    let options = PlanOptions {
        only: Some(glob::Pattern::new("azure-*").unwrap()),
        ..PlanOptions::default()
    };
    let plan = plan(
        &desired([wanting(Off), second]),
        &snapshot([live(State::Off), named(302, "Second")]),
        &Remembered::default(),
        &options,
    );
    assert_eq!(plan.changes.len(), 1);
    assert!(plan.unmanaged.is_empty());
}

#[test]
fn a_name_that_does_not_resolve_stops_what_is_written() {
    let mut policy = wanting(ReportOnly);
    policy.policy.conditions.users.exclude.users = BTreeSet::from([name("twice@example.org")]);
    let mut tenant = snapshot([]);
    tenant.found.push(found(
        "twice@example.org",
        vec![user(7, "twice@example.org"), user(8, "twice@example.org")],
        Kind::User,
    ));
    let plan = against(&desired([policy]), &tenant);
    assert_eq!(guards(&plan), ["ambiguous"]);
    assert_eq!(
        plan.refusals[0].message,
        format!(
            "user \"twice@example.org\" fits 2 objects: {}, {}",
            id(7),
            id(8)
        )
    );
}

#[test]
fn what_the_service_holds_beyond_the_model_is_shown_and_dangling_ids_are_noted() {
    let gone = id(77);
    let there = live_with(LIVE, State::Off, |json| {
        json["conditions"]["times"] = json!({});
        json["conditions"]["users"]["excludeUsers"] = json!([id(EMERGENCY_1), gone]);
    });
    let mut policy = wanting(Off);
    policy.policy.conditions.users.exclude.users = BTreeSet::from([name(gone.as_str())]);
    let mut tenant = snapshot([there]);
    tenant.found.push(found(gone.as_str(), vec![], Kind::User));
    let plan = against(&desired([policy]), &tenant);
    assert_eq!(plan.notes[0].code, "dangling");
    let change = change(plan);
    assert_eq!(change.action, Action::None);
    assert_eq!(
        change.notes,
        [
            "the live policy holds what this version does not model; it is kept as it is: conditions.times"
        ]
    );
}

// The receipt.

fn saved(desired: &Desired) -> SavedPlan {
    let plan = against(desired, &snapshot([]));
    let options = SavedOptions {
        only: Some("azure-*".into()),
        ..SavedOptions::default()
    };
    let printed = json!({"printed": true, "digest": "…"});
    SavedPlan::new(&plan, desired, options, printed)
}

#[test]
fn a_saved_plan_is_read_as_it_was_written_and_not_otherwise() {
    let plan = saved(&desired([wanting(ReportOnly)]));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(SavedPlan::read(&text).unwrap(), plan);
    assert!(plan.digest.starts_with("sha256:"));

    let edited = text.replace("enabledForReportingButNotEnforced", "enabled");
    assert_ne!(edited, text);
    assert!(matches!(
        SavedPlan::read(&edited),
        Err(SavedPlanError::Digest)
    ));
    // `show` shows it all the same.
    SavedPlan::read_unchecked(&edited).unwrap();
    let newer = text.replacen(
        "\"format_version\":\"1.0\"",
        "\"format_version\":\"2.0\"",
        1,
    );
    assert!(
        matches!(SavedPlan::read(&newer), Err(SavedPlanError::Format(version)) if version == "2.0")
    );
    assert!(matches!(
        SavedPlan::read_unchecked(&newer),
        Err(SavedPlanError::Format(_))
    ));
    assert!(matches!(
        SavedPlan::read("[]"),
        Err(SavedPlanError::Unreadable(_))
    ));
}

#[test]
fn a_receipt_follows_the_yaml_and_not_its_places() {
    let plan = saved(&desired([wanting(ReportOnly)]));
    let mut moved = wanting(ReportOnly);
    moved.key.source.line = 40;
    moved.name_source.line = 41;
    assert_eq!(saved(&desired([moved])).yaml, plan.yaml);
    let mut other = wanting(ReportOnly);
    other.rollout.soak = jiff::SignedDuration::from_hours(1);
    assert_ne!(saved(&desired([other])).yaml, plan.yaml);
    // What was asked for beyond the YAML is asked for again, so nobody may change it.
    let mut wider = plan.clone();
    wider.options.only = None;
    assert!(SavedPlan::read(&serde_json::to_string(&wider).unwrap()).is_err());
    // What a reviewer saw belongs to the receipt; where its digest is printed does not.
    let mut reprinted = plan.clone();
    reprinted.plan = json!({"printed": true, "digest": "another"});
    assert!(SavedPlan::read(&serde_json::to_string(&reprinted).unwrap()).is_ok());
    reprinted.plan = json!({"printed": false});
    assert!(SavedPlan::read(&serde_json::to_string(&reprinted).unwrap()).is_err());
}
