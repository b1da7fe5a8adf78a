//! From report-only to on: when a record counts, and what is written then.

use serde_json::json;

use super::*;
use crate::evidence::Weighed;
use crate::model::{Emergency, PromotionRecord, State, WantedState::On};
use crate::plan::{Action, Effect};
use crate::tenant::{AuditEvent, Wanted};

/// A record of what would be weighed now.
fn weighed(desired: &Desired, snapshot: &Snapshot) -> PromotionRecord {
    let policy = &desired.policies[KEY];
    let live = snapshot.policies.first();
    let wanted = Wanted::new(desired, policy, snapshot, live.map(|live| &live.policy));
    let bundle = Weighed {
        desired,
        policy,
        wanted: &wanted,
        live,
        snapshot,
        remembered: &Remembered::default(),
    }
    .bundle();
    record(
        &bundle.live.unwrap().content,
        &bundle.exclusions.fingerprint.unwrap(),
    )
}

/// A workspace with a record that fits the live policy, and the tenant, before something changes.
fn promoted() -> (Desired, Snapshot) {
    let (mut desired, snapshot) = (desired([wanting(On)]), snapshot([live(State::ReportOnly)]));
    let record = weighed(&desired, &snapshot);
    desired.records.insert(KEY.into(), at(record));
    (desired, snapshot)
}

fn restoring(desired: &Desired, snapshot: &Snapshot) -> Plan {
    let options = PlanOptions {
        restore: [KEY.to_owned()].into(),
        ..PlanOptions::default()
    };
    plan(desired, snapshot, &Remembered::default(), &options)
}

#[test]
fn a_record_that_fits_turns_the_policy_on_with_nothing_but_its_state() {
    let (desired, snapshot) = promoted();
    let change = change(against(&desired, &snapshot));
    assert_eq!(change.action, Action::Promote);
    assert_eq!(bodies(&change), [&json!({"state": "enabled"})]);
    assert_eq!(change.effect, Effect::Strengthens);
    assert_eq!(change.to_state, On);
    assert_eq!(rows(&change), [r#"state: "report-only" -> "on" (File)"#]);
    assert!(change.notes.contains(
        &"all gates passed when it was weighed at 2026-11-19T12:00:00Z, and pass again".to_owned()
    ));
}

#[test]
fn without_a_record_it_is_held_by_the_gates_or_by_its_absence() {
    let young = live_with(LIVE, State::ReportOnly, |json| {
        json["modifiedDateTime"] = json!("2026-11-18T12:00:00Z");
    });
    let change = change(planned(wanting(On), [young]));
    assert_eq!(gates(&change), ["soak"]);
    assert_eq!(change.held[0].reason, "2 of 7 days");
    assert_eq!(
        change.held[0].until.unwrap().to_string(),
        "2026-11-25T12:00:00Z"
    );
    assert!(change.writes.is_empty());
}

#[test]
fn a_gate_that_fails_again_holds_what_was_recorded() {
    let (desired, mut snapshot) = promoted();
    snapshot.security_defaults = Some(true);
    let held = change(against(&desired, &snapshot));
    assert_eq!(
        (held.action, gates(&held)),
        (Action::None, vec!["security-defaults"])
    );
    snapshot.security_defaults = None;
    let held = change(against(&desired, &snapshot));
    assert_eq!(
        (held.action, gates(&held)),
        (Action::None, vec!["security-defaults"])
    );
}

#[test]
fn a_record_that_counts_no_more_holds() {
    let (desired, mut snapshot) = promoted();
    snapshot.taken_at = time("2026-11-22T12:00:00Z");
    let held = change(against(&desired, &snapshot));
    assert_eq!(gates(&held), ["promotion"]);
    assert_eq!(
        held.held[0].reason,
        "it was weighed 72 hours ago and counts for 72; run `portcullis promote azure-mfa` again"
    );
    snapshot.taken_at = time("2026-11-22T11:59:59Z");
    assert_eq!(change(against(&desired, &snapshot)).action, Action::Promote);
}

#[test]
fn an_emergency_skips_the_soak_and_says_so() {
    let young = live_with(LIVE, State::ReportOnly, |json| {
        json["createdDateTime"] = json!("2026-11-19T08:00:00Z");
    });
    let (mut desired, mut snapshot) = (desired([wanting(On)]), snapshot([young]));
    let mut record = weighed(&desired, &snapshot);
    record.live_modified = time("2026-11-19T08:00:00Z");
    desired.records.insert(KEY.into(), at(record.clone()));
    assert_eq!(gates(&change(against(&desired, &snapshot))), ["soak"]);

    record.emergency = Some(Emergency {
        reason: "an attack".into(),
    });
    desired.records.insert(KEY.into(), at(record));
    let on = change(against(&desired, &snapshot));
    assert_eq!(on.action, Action::Promote);
    assert!(
        on.notes.contains(
            &"an emergency, weighed at 2026-11-19T12:00:00Z without evidence and soak: an attack"
                .to_owned()
        )
    );
    snapshot.security_defaults = Some(true);
    assert_eq!(
        gates(&change(against(&desired, &snapshot))),
        ["security-defaults"]
    );
}

/// The tenant after somebody lowered the promoted policy.
fn lowered() -> (Desired, Snapshot) {
    let (desired, _) = promoted();
    let mut snapshot = snapshot([live_with(LIVE, State::ReportOnly, |json| {
        json["modifiedDateTime"] = json!("2026-11-20T08:00:00Z");
    })]);
    snapshot.history.insert(
        id(LIVE),
        vec![AuditEvent {
            at: time("2026-11-20T08:00:00Z"),
            activity: "Update conditional access policy".into(),
            by: Some("somebody@example.org".into()),
            state_before: Some(State::On),
            state_after: Some(State::ReportOnly),
            ..AuditEvent::default()
        }],
    );
    (desired, snapshot)
}

#[test]
fn what_somebody_lowered_is_restored_only_when_asked_for() {
    let (desired, snapshot) = lowered();
    let held = change(against(&desired, &snapshot));
    assert_eq!(
        (held.action, gates(&held)),
        (Action::None, vec!["promotion"])
    );
    assert_eq!(
        held.held[0].reason,
        "it was on and somebody lowered it: `portcullis apply --restore azure-mfa` turns it on again"
    );
    let restored = change(restoring(&desired, &snapshot));
    assert_eq!(restored.action, Action::Restore);
    assert_eq!(bodies(&restored), [&json!({"state": "enabled"})]);
    assert!(restored.notes.contains(
        &"it was on since it was weighed at 2026-11-19T12:00:00Z; every gate but the soak passes".to_owned()
    ));
}

#[test]
fn restoring_needs_the_gates_and_somebody_who_saw_it_on() {
    let (desired, mut snapshot) = lowered();
    snapshot.service_plans = Some(Default::default());
    assert_eq!(gates(&change(restoring(&desired, &snapshot))), ["licence"]);
    snapshot.history.clear();
    let held = change(restoring(&desired, &snapshot));
    assert!(held.held.iter().any(|held| {
        held.reason
            .starts_with("the live policy was modified since it was weighed")
    }));
    // The journal of this machine knows as well.
    let mut remembered = Remembered::default();
    remembered
        .turned_on
        .insert(id(LIVE), time("2026-11-19T12:00:00Z"));
    snapshot.service_plans = lowered().1.service_plans;
    let plan = plan(
        &desired,
        &snapshot,
        &remembered,
        &PlanOptions {
            restore: [KEY.to_owned()].into(),
            ..PlanOptions::default()
        },
    );
    assert_eq!(change(plan).action, Action::Restore);
}

#[test]
fn asking_for_a_restore_turns_nothing_else_on() {
    let snapshot = snapshot([live(State::ReportOnly)]);
    let held = change(restoring(&desired([wanting(On)]), &snapshot));
    assert_eq!(gates(&held), ["promotion"]);
    assert!(held.writes.is_empty());
}
