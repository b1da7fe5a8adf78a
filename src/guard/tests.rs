//! Each guard: tripped, not tripped, and live already, which is a note.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::civil::date;
use serde_json::{Value, json};

use super::*;
use crate::evidence::Remembered;
use crate::model::{
    Desired, DesiredPolicy, Exclusion, InPlace, Kind, LivePolicy, PrincipalKind, State,
    WantedState::{self, Absent, Off, On, ReportOnly},
};
use crate::plan::{PlanOptions, plan};
use crate::tenant::Snapshot;
use crate::tenant::fixture::*;

/// What the guards say: the refusals and the notes, by their codes.
fn examined(
    desired: &Desired,
    snapshot: &Snapshot,
    limits: Limits,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut plan = plan(
        desired,
        snapshot,
        &Remembered::default(),
        &PlanOptions::default(),
    );
    assert_eq!(plan.refusals, [], "the plan itself refuses");
    let notes = plan.notes.len();
    examine(&mut plan, desired, snapshot, limits);
    (
        plan.refusals.iter().map(|refusal| refusal.guard).collect(),
        plan.notes[notes..].iter().map(|note| note.code).collect(),
    )
}

fn says(desired: &Desired, snapshot: &Snapshot) -> (Vec<&'static str>, Vec<&'static str>) {
    examined(desired, snapshot, Limits::default())
}

fn one(state: WantedState) -> Desired {
    desired([desired_policy(Some(state))])
}

const SILENT: (Vec<&str>, Vec<&str>) = (vec![], vec![]);

fn refuses(guard: &'static str) -> (Vec<&'static str>, Vec<&'static str>) {
    (vec![guard], vec![])
}

fn notes(code: &'static str) -> (Vec<&'static str>, Vec<&'static str>) {
    (vec![], vec![code])
}

/// A live policy without any exclusion.
fn bare(state: State) -> LivePolicy {
    live_with(LIVE, state, |json| {
        json["conditions"]["users"]["excludeUsers"] = json!([])
    })
}

#[test]
fn nothing_is_created_without_a_break_glass_account() {
    let mut desired = one(ReportOnly);
    assert_eq!(says(&desired, &snapshot([])), SILENT);
    desired.principals.clear();
    assert_eq!(says(&desired, &snapshot([])), refuses("no-break-glass"));
    // An edit of what is there needs none, and neither does a lowering.
    desired.policies.get_mut(KEY).unwrap().policy.name = "New name".into();
    desired.policies.get_mut(KEY).unwrap().id = Some(at(id(LIVE)));
    assert_eq!(says(&desired, &snapshot([bare(State::ReportOnly)])), SILENT);
    desired.policies.get_mut(KEY).unwrap().state = Some(at(Absent));
    assert_eq!(says(&desired, &snapshot([bare(State::ReportOnly)])), SILENT);
}

#[test]
fn an_unusable_break_glass_account_stops_what_is_written() {
    type Break = fn(&mut Desired, &mut Snapshot);
    let cases: &[(&str, Break)] = &[
        ("unresolved-break-glass", |d, _| {
            d.principals.get_mut("emergency-access-1").unwrap().target = None
        }),
        ("unresolved-break-glass", |_, t| t.found[0].objects.clear()),
        ("ambiguous-break-glass", |_, t| {
            t.found[0].objects.push(user(8, "emergency1@example.org"))
        }),
        ("disabled-break-glass", |_, t| {
            t.found[0].objects[0].enabled = Some(false)
        }),
    ];
    for (guard, break_it) in cases {
        let (mut creating, mut tenant) = (one(ReportOnly), snapshot([]));
        break_it(&mut creating, &mut tenant);
        assert_eq!(says(&creating, &tenant), refuses(guard));

        // Nothing is written: it was like that before.
        let (mut same, mut tenant) = (one(ReportOnly), snapshot([live(State::ReportOnly)]));
        same.policies
            .get_mut(KEY)
            .unwrap()
            .policy
            .conditions
            .users
            .exclude
            .users = BTreeSet::from([name(id(EMERGENCY_1).as_str())]);
        tenant.found.push(found(
            id(EMERGENCY_1).as_str(),
            vec![user(EMERGENCY_1, "e")],
            Kind::User,
        ));
        break_it(&mut same, &mut tenant);
        assert_eq!(says(&same, &tenant), notes(guard));

        // What only lowers is not stopped by it.
        let (mut lowering, mut tenant) = (one(Off), snapshot([live(State::ReportOnly)]));
        break_it(&mut lowering, &mut tenant);
        let policy = lowering.policies.get_mut(KEY).unwrap();
        policy.policy.conditions.users.exclude.users =
            BTreeSet::from([name(id(EMERGENCY_1).as_str())]);
        tenant.found.push(found(
            id(EMERGENCY_1).as_str(),
            vec![user(EMERGENCY_1, "e")],
            Kind::User,
        ));
        assert_eq!(says(&lowering, &tenant), notes(guard));
    }
}

#[test]
fn an_account_whose_state_is_unknown_is_for_the_gate() {
    let mut tenant = snapshot([]);
    tenant.found[0].objects[0].enabled = None;
    assert_eq!(says(&one(ReportOnly), &tenant), SILENT);
}

#[test]
fn break_glass_that_a_result_would_lose_is_refused() {
    // The plan puts it back by itself, so a plan that lost it has to be made by hand.
    let desired = one(ReportOnly);
    let tenant = snapshot([]);
    let lost = |change: fn(&mut Plan)| {
        let mut plan = plan(
            &desired,
            &tenant,
            &Remembered::default(),
            &PlanOptions::default(),
        );
        change(&mut plan);
        examine(&mut plan, &desired, &tenant, Limits::default());
        plan.refusals
            .iter()
            .map(|refusal| (refusal.guard, refusal.absolute))
            .collect::<Vec<_>>()
    };
    assert_eq!(lost(|_| {}), []);
    assert_eq!(
        lost(|plan| plan.changes[0]
            .result
            .as_mut()
            .unwrap()
            .conditions
            .users
            .exclude
            .users
            .clear()),
        [("break-glass-lost", true)]
    );
    assert_eq!(
        lost(|plan| {
            let users = &mut plan.changes[0].result.as_mut().unwrap().conditions.users;
            users.exclude.users.clear();
            users.include.all = false;
        }),
        []
    );
}

/// A workspace that excludes the backup group, which a declared principal stands for.
fn with_backup(state: WantedState) -> Desired {
    let mut desired = one(state);
    let mut backup = principal(
        PrincipalKind::ServiceAccount,
        "backup",
        Kind::Group,
        "Backup",
    );
    backup.expires = Some(at(date(2026, 11, 20)));
    backup.max_members = Some(at(1));
    desired.principals.insert("backup".into(), backup);
    let policy: &mut DesiredPolicy = desired.policies.get_mut(KEY).unwrap();
    policy.policy.conditions.users.exclude.groups =
        BTreeSet::from([principal_name("Backup", "backup")]);
    desired
}

fn excluding_backup(state: State) -> LivePolicy {
    live_with(LIVE, state, |json: &mut Value| {
        json["conditions"]["users"]["excludeGroups"] = json!([id(BACKUP)])
    })
}

#[test]
fn an_exclusion_holds_on_its_last_day_and_not_after() {
    let desired = with_backup(ReportOnly);
    let mut tenant = snapshot([]);
    assert_eq!(says(&desired, &tenant), SILENT);
    tenant.taken_at = time("2026-11-21T00:00:00Z");
    assert_eq!(says(&desired, &tenant), refuses("expired-exclusion"));
    // It is live and nothing is written, or something else is.
    tenant.policies = vec![excluding_backup(State::ReportOnly)];
    assert_eq!(says(&desired, &tenant), notes("expired-exclusion"));
    let mut renamed = desired.clone();
    renamed.policies.get_mut(KEY).unwrap().policy.name = "New name".into();
    renamed.policies.get_mut(KEY).unwrap().id = Some(at(id(LIVE)));
    assert_eq!(says(&renamed, &tenant), notes("expired-exclusion"));
    // The edit brings it about.
    tenant.policies = vec![live(State::ReportOnly)];
    assert_eq!(says(&desired, &tenant), refuses("expired-exclusion"));
    // What goes away is nobody's concern.
    tenant.policies = vec![excluding_backup(State::ReportOnly)];
    assert_eq!(
        says(&with_backup(Absent), &tenant),
        notes("expired-exclusion")
    );
}

#[test]
fn an_inline_exclusion_ends_as_well() {
    let mut desired = one(ReportOnly);
    let policy = desired.policies.get_mut(KEY).unwrap();
    policy.policy.conditions.users.exclude.users = BTreeSet::from([name("anna@example.org")]);
    policy.exclusions = vec![Exclusion {
        kind: Kind::User,
        name: name("anna@example.org"),
        reason: "on leave".into(),
        owner: "people-team".into(),
        review_by: None,
        expires: Some(at(date(2026, 11, 19))),
    }];
    assert_eq!(says(&desired, &snapshot([])), refuses("expired-exclusion"));
    desired.policies.get_mut(KEY).unwrap().exclusions[0].expires = Some(at(date(2026, 11, 20)));
    assert_eq!(says(&desired, &snapshot([])), SILENT);
}

#[test]
fn a_group_stays_as_small_as_was_agreed() {
    let desired = with_backup(ReportOnly);
    let mut tenant = snapshot([]);
    tenant
        .members
        .get_mut(&id(BACKUP))
        .unwrap()
        .members
        .push(user(ANNA, "anna@example.org"));
    assert_eq!(says(&desired, &tenant), refuses("max-members"));
    tenant.policies = vec![excluding_backup(State::ReportOnly)];
    assert_eq!(says(&desired, &tenant), notes("max-members"));
    // A number that cannot be read is no small number.
    let mut partly = snapshot([]);
    partly.members.get_mut(&id(BACKUP)).unwrap().complete = false;
    assert_eq!(says(&desired, &partly), refuses("max-members"));
    let mut unread = snapshot([]);
    unread.members.remove(&id(BACKUP));
    assert_eq!(says(&desired, &unread), refuses("max-members"));
}

#[test]
fn an_exclusion_that_was_live_does_not_stop_an_edit_in_place() {
    let mut desired = with_backup(On);
    let policy = desired.policies.get_mut(KEY).unwrap();
    policy.id = Some(at(id(LIVE)));
    policy.rollout.in_place = Some(InPlace {
        reason: "r".into(),
        owner: "o".into(),
    });
    policy.policy.conditions.users.include.all = false;
    policy.policy.conditions.users.include.groups = BTreeSet::from([name("Vault")]);
    let mut tenant = snapshot([excluding_backup(State::On)]);
    tenant.taken_at = time("2026-12-01T00:00:00Z");
    assert_eq!(says(&desired, &tenant), notes("expired-exclusion"));
}

#[test]
fn a_run_deletes_no_more_than_was_allowed() {
    let policy = |n: u32| {
        let mut policy = desired_policy(Some(Absent));
        policy.key = at(format!("p{n}"));
        policy.id = Some(at(id(n)));
        policy
    };
    let desired = desired([policy(301), policy(302), policy(303)]);
    let there = |n| {
        live_with(n, State::Off, |json| {
            json["displayName"] = json!(format!("p{n}"))
        })
    };
    let two = snapshot([there(301), there(302)]);
    let deletes = |snapshot: &Snapshot, max_deletes| {
        let mut plan = plan(
            &desired,
            snapshot,
            &Remembered::default(),
            &PlanOptions::default(),
        );
        plan.refusals.clear();
        examine(&mut plan, &desired, snapshot, Limits { max_deletes });
        plan.refusals
            .into_iter()
            .map(|refusal| refusal.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        deletes(&two, 1),
        ["2 policies would be deleted, and 1 is the most for one run: p301, p302"]
    );
    assert_eq!(deletes(&two, 2), [] as [&str; 0]);
    assert_eq!(deletes(&snapshot([there(301)]), 1), [] as [&str; 0]);
    assert_eq!(deletes(&snapshot([there(301)]), 0).len(), 1);
}
