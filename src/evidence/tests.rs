//! What goes into a bundle.
#![allow(clippy::unwrap_used)]

use jiff::civil::date;
use serde_json::json;

use super::*;
use crate::model::{Desired, Exclusion, Kind, LivePolicy, PrincipalKind, State, WantedState};
use crate::tenant::fixture::*;
use crate::tenant::{AuditEvent, Snapshot, Wanted, exclusions_fingerprint};

/// A live policy that excludes the backup group beside the emergency account.
fn with_group() -> LivePolicy {
    live_with(LIVE, State::ReportOnly, |json| {
        json["conditions"]["users"]["excludeGroups"] = json!([id(BACKUP)]);
    })
}

/// A workspace in which the group is a declared exception.
fn workspace() -> Desired {
    let mut policy = desired_policy(Some(WantedState::On));
    policy.policy.conditions.users.exclude.groups = [principal_name("Backup", "backup")].into();
    let mut workspace = desired([policy]);
    let mut backup = principal(
        PrincipalKind::ServiceAccount,
        "backup",
        Kind::Group,
        "Backup",
    );
    backup.expires = Some(at(date(2027, 3, 31)));
    backup.max_members = Some(at(2));
    workspace.principals.insert("backup".into(), backup);
    workspace
}

fn bundle(desired: &Desired, snapshot: &Snapshot, remembered: &Remembered) -> Bundle {
    let policy = &desired.policies[KEY];
    let live = snapshot.policies.first();
    let wanted = Wanted::new(desired, policy, snapshot, live.map(|live| &live.policy));
    Weighed {
        desired,
        policy,
        wanted: &wanted,
        live,
        snapshot,
        remembered,
    }
    .bundle()
}

fn membership(snapshot: &Snapshot, remembered: &Remembered) -> Membership {
    bundle(&workspace(), snapshot, remembered)
        .exclusions
        .membership
}

/// A journal that knows the exclusions as they are in `snapshot`.
fn journalled(snapshot: &Snapshot) -> Remembered {
    let exclusions = exclusions_fingerprint(&with_group().policy, snapshot);
    assert!(exclusions.is_some());
    Remembered {
        writes: [(
            id(LIVE),
            RememberedWrite {
                exclusions,
                at: time("2026-11-01T08:00:00Z"),
            },
        )]
        .into(),
        ..Remembered::default()
    }
}

fn event(at: &str, by: Option<&str>) -> AuditEvent {
    AuditEvent {
        at: time(at),
        activity: "Add member to group".into(),
        by: by.map(str::to_owned),
        ..AuditEvent::default()
    }
}

#[test]
fn single_accounts_need_no_memory() {
    let desired = desired([desired_policy(None)]);
    let bundle = bundle(
        &desired,
        &snapshot([live(State::ReportOnly)]),
        &Remembered::default(),
    );
    assert_eq!(bundle.exclusions.membership, Membership::SingleAccounts);
    assert_eq!(bundle.differences, [] as [&str; 0]);
    assert!(bundle.exceptions.is_empty());
    assert_eq!(
        bundle.break_glass,
        [EmergencyAccount {
            principal: "emergency-access-1".into(),
            resolved: true,
            enabled: Some(true),
            reached: true,
            excluded: true,
        }]
    );
}

#[test]
fn a_group_is_compared_with_the_journal_or_else_with_the_audit() {
    let nothing = Remembered::default();
    let mut tenant = snapshot([with_group()]);
    assert_eq!(
        membership(&tenant, &journalled(&tenant)),
        Membership::AsJournalled
    );
    assert_eq!(
        membership(&tenant, &nothing),
        Membership::Unknown("neither the journal nor the directory audit knows backup".into())
    );
    let before = journalled(&tenant);
    tenant
        .members
        .get_mut(&id(BACKUP))
        .unwrap()
        .members
        .push(user(ANNA, "anna@example.org"));
    assert_eq!(
        membership(&tenant, &before),
        Membership::Changed(vec![
            "the members of an excluded group are not those of our last write".into()
        ])
    );
    // The audit decides when the journal does not agree: it changed before the soak, or within it.
    tenant
        .history
        .insert(id(BACKUP), vec![event("2026-10-30T00:00:00Z", None)]);
    assert_eq!(membership(&tenant, &before), Membership::AuditShowsNone);
    tenant.history.insert(
        id(BACKUP),
        vec![event("2026-11-05T00:00:00Z", Some("somebody@example.org"))],
    );
    assert_eq!(
        membership(&tenant, &nothing),
        Membership::Changed(vec![
            "Add member to group (backup) by somebody@example.org at 2026-11-05T00:00:00Z".into()
        ])
    );
}

#[test]
fn what_cannot_be_known_is_unknown() {
    let why = |change: fn(&mut Snapshot)| {
        let mut tenant = snapshot([with_group()]);
        tenant.history.insert(id(BACKUP), vec![]);
        change(&mut tenant);
        membership(&tenant, &Remembered::default())
    };
    assert_eq!(why(|_| {}), Membership::AuditShowsNone);
    let unknown = |why: &str| Membership::Unknown(why.to_owned());
    assert_eq!(
        why(|t| t.members.get_mut(&id(BACKUP)).unwrap().complete = false),
        unknown("the members of an excluded group could not be read completely")
    );
    assert_eq!(
        why(
            |t| t.members.get_mut(&id(BACKUP)).unwrap().members.push(object(
                Kind::Group,
                id(110),
                "Nested"
            ))
        ),
        unknown("backup holds other groups, whose audit was not read")
    );
    assert_eq!(
        why(|t| t.taken_at = time("2026-12-02T00:00:00Z")),
        unknown("the soak began before the directory audit begins (30 days)")
    );
    assert_eq!(
        why(|t| t.policies[0].created = None),
        unknown("the service gave no time of its last change")
    );
    assert_eq!(
        why(|t| inserted(
            t.policies[0]
                .policy
                .conditions
                .users
                .exclude
                .roles
                .insert(id(ADMINISTRATOR))
        )),
        unknown("a role is excluded, and who holds it is not measured; exclude a group instead")
    );
    assert_eq!(
        why(|t| t.policies.clear()),
        unknown("the policy is not live yet")
    );
}

#[test]
fn an_exception_is_declared_by_a_principal_or_in_the_policy() {
    let mut desired = workspace();
    let tenant = snapshot([with_group()]);
    let exceptions = bundle(&desired, &tenant, &Remembered::default()).exceptions;
    assert_eq!(
        exceptions,
        [Exception {
            name: "backup".into(),
            declared: true,
            expires: Some(date(2027, 3, 31)),
            review_by: None,
            members: Some(1),
            max_members: Some(2),
            members_unknown: false,
        }]
    );
    desired.principals.remove("backup");
    let undeclared = bundle(&desired, &tenant, &Remembered::default()).exceptions;
    assert!(!undeclared[0].declared);
    desired.policies.get_mut(KEY).unwrap().exclusions = vec![Exclusion {
        kind: Kind::Group,
        name: name("Backup"),
        reason: "nightly".into(),
        owner: "platform-team".into(),
        review_by: Some(at(date(2026, 12, 31))),
        expires: None,
    }];
    let inline = bundle(&desired, &tenant, &Remembered::default()).exceptions;
    assert_eq!(
        (inline[0].declared, inline[0].review_by),
        (true, Some(date(2026, 12, 31)))
    );
}

#[test]
fn a_difference_and_an_unresolved_name_are_both_differences() {
    let mut desired = workspace();
    let mut tenant = snapshot([with_group()]);
    assert_eq!(
        bundle(&desired, &tenant, &Remembered::default()).differences,
        [] as [&str; 0]
    );
    let policy = desired.policies.get_mut(KEY).unwrap();
    policy.policy.name = "New name".into();
    policy.policy.conditions.users.exclude.users = [name("nobody@example.org")].into();
    tenant
        .found
        .push(found("nobody@example.org", vec![], Kind::User));
    assert_eq!(
        bundle(&desired, &tenant, &Remembered::default()).differences,
        ["name", "user \"nobody@example.org\""]
    );
}

#[test]
fn the_licence_depends_on_what_the_policy_asks() {
    let uses = |change: fn(&mut LivePolicy)| {
        let mut there = live(State::ReportOnly);
        change(&mut there);
        let bundle = bundle(
            &desired([desired_policy(None)]),
            &snapshot([there]),
            &Remembered::default(),
        );
        (bundle.uses_risk, bundle.about_workloads)
    };
    assert_eq!(uses(|_| {}), (false, false));
    let high = || [crate::model::RiskLevel::High].into();
    let risk: [fn(&mut LivePolicy, std::collections::BTreeSet<crate::model::RiskLevel>); 2] = [
        |live, high| live.policy.conditions.sign_in_risk = high,
        |live, high| live.policy.conditions.user_risk = high,
    ];
    for set in risk {
        let mut there = live(State::ReportOnly);
        set(&mut there, high());
        let bundle = bundle(
            &desired([desired_policy(None)]),
            &snapshot([there]),
            &Remembered::default(),
        );
        assert!(bundle.uses_risk);
    }
    assert_eq!(
        uses(|live| live.policy.conditions.workload = Some(crate::model::Workload::default())),
        (false, true)
    );
}
