//! The way back, where a test through the binary cannot go: clouds without a bin, strange snapshots.

use super::*;
use crate::evidence::DoneWrite;
use crate::model::{Id, State, WantedState::*};
use crate::plan::{Action, Goal, Verb};
use crate::tenant::Unreadable;

/// A write of ours after the snapshot of a moment before.
fn write(number: u32, created: bool, state: Option<State>) -> DoneWrite {
    DoneWrite {
        digest: "sha256:0123456789ab".into(),
        policy: KEY.into(),
        name: NAME.into(),
        id: id(number),
        created,
        outcome: None,
        state,
        at: now(),
    }
}

fn remembering(done: Vec<DoneWrite>) -> Remembered {
    Remembered {
        done,
        ..Remembered::default()
    }
}

/// The plan back to `then` in a tenant that is `is` by now.
fn back(then: &Snapshot, is: &Snapshot, done: Vec<DoneWrite>) -> Plan {
    let (yaml, remembered) = (desired([wanting(ReportOnly)]), remembering(done));
    let goal = Goal::new(&yaml, Some(then), &remembered);
    assert!(goal.lookups().bin);
    goal.plan(is, &remembered, &PlanOptions::default())
}

fn verbs(change: &Change) -> Vec<Verb> {
    change.writes.iter().map(|write| write.verb).collect()
}

/// What the snapshot holds is looked up by its id.
fn knowing_ids(mut snapshot: Snapshot) -> Snapshot {
    for (kind, found_id) in [
        (crate::model::Kind::App, Id::new(AZURE)),
        (crate::model::Kind::User, id(EMERGENCY_1)),
    ] {
        let object = object(kind, found_id.clone(), found_id.as_str());
        snapshot
            .found
            .push(found(found_id.as_str(), vec![object], kind));
    }
    snapshot
}

#[test]
fn where_there_is_no_bin_it_is_created_anew_and_the_plan_says_so() {
    let then = snapshot([live(State::ReportOnly)]);
    let is = knowing_ids(snapshot([]));
    let deleted = || vec![write(LIVE, false, None)];
    let no_bin = change(back(&then, &is, deleted()));
    assert_eq!(
        (no_bin.action, no_bin.to_state),
        (Action::Create, ReportOnly)
    );
    assert_eq!(verbs(&no_bin), [Verb::Create]);
    assert_eq!(
        no_bin.notes[0],
        "the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure"
    );
    assert_eq!(
        no_bin.notes[1],
        "this cloud has no recycle bin: it is created anew, with another id"
    );

    let with_bin = Snapshot {
        deleted: Some(vec![live(State::Off)]),
        ..is
    };
    let from_bin = change(back(&then, &with_bin, deleted()));
    assert_eq!(from_bin.id, Some(id(LIVE)));
    assert_eq!(verbs(&from_bin), [Verb::Restore, Verb::Update]);
    assert_eq!(
        from_bin.writes[1].body,
        serde_json::json!({"state": "enabledForReportingButNotEnforced"})
    );
}

#[test]
fn what_was_on_is_never_created_on() {
    let then = snapshot([live(State::On)]);
    let is = knowing_ids(snapshot([]));
    let change = change(back(&then, &is, vec![write(LIVE, false, None)]));
    assert_eq!(change.to_state, ReportOnly);
    assert_eq!(gates(&change), ["restore-enforced"]);
}

#[test]
fn what_lies_in_the_bin_enforced_stays_there() {
    let then = snapshot([live(State::ReportOnly)]);
    let is = Snapshot {
        deleted: Some(vec![live(State::On)]),
        ..knowing_ids(snapshot([]))
    };
    let plan = back(&then, &is, vec![write(LIVE, false, Some(State::On))]);
    let change = change(plan);
    assert_eq!(change.id, None);
    assert_eq!(verbs(&change), [Verb::Create]);
}

#[test]
fn what_we_created_is_switched_off_and_deleted_even_when_it_is_on() {
    let plan = back(
        &snapshot([]),
        &snapshot([live(State::On)]),
        vec![write(LIVE, true, Some(State::On))],
    );
    assert!(plan.only_improves());
    let change = change(plan);
    assert_eq!(verbs(&change), [Verb::Update, Verb::Delete]);
    assert_eq!(
        bodies(&change)[0],
        &serde_json::json!({"state": "disabled"})
    );
}

#[test]
fn what_somebody_else_created_since_stays() {
    let plan = back(
        &snapshot([]),
        &snapshot([live(State::ReportOnly)]),
        vec![write(LIVE, false, Some(State::ReportOnly))],
    );
    assert!(plan.changes.is_empty());
    assert_eq!(plan.notes[0].code, "left-alone");
}

#[test]
fn what_the_snapshot_could_not_read_stays() {
    let mut then = snapshot([]);
    then.unreadable.push(Unreadable {
        id: Some(id(LIVE)),
        name: None,
        problem: "no name".into(),
        raw: serde_json::Value::Null,
    });
    let plan = back(
        &then,
        &snapshot([live(State::ReportOnly)]),
        vec![write(LIVE, true, Some(State::ReportOnly))],
    );
    assert!(plan.changes.is_empty());
    assert_eq!(plan.notes[0].code, "left-alone");
}

#[test]
fn the_snapshot_of_another_tenant_changes_nothing() {
    let mut then = snapshot([]);
    then.tenant.id = id(998);
    let plan = back(
        &then,
        &snapshot([live(State::ReportOnly)]),
        vec![write(LIVE, true, Some(State::ReportOnly))],
    );
    assert_eq!(guards(&plan), ["another-tenant"]);
    assert!(plan.is_empty());
}

#[test]
fn a_name_that_another_policy_has_by_now_is_refused() {
    let then = snapshot([live(State::ReportOnly)]);
    let other = live_with(302, State::ReportOnly, |_| {});
    let is = knowing_ids(snapshot([other]));
    let plan = back(&then, &is, vec![write(LIVE, false, None)]);
    assert_eq!(guards(&plan), ["name-taken"]);
}

#[test]
fn a_demotion_is_no_apply_that_could_be_undone() {
    let then = snapshot([live(State::On)]);
    let demotion = DoneWrite {
        digest: String::new(),
        ..write(LIVE, false, Some(State::ReportOnly))
    };
    let plan = back(&then, &snapshot([live(State::ReportOnly)]), vec![demotion]);
    assert!(plan.changes.is_empty());
}
