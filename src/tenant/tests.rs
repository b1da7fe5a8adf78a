//! From names to ids and back, and what break-glass implies on the way.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::json;

use super::fixture::*;
use super::*;
use crate::model::{
    BreakGlassException, BreakGlassMode, Cloud, Desired, Guests, Id, Kind, Name, Owner, Policy,
    PrincipalKind, State, WantedState, Workload,
};

fn wanted(desired: &Desired, snapshot: &Snapshot) -> Wanted {
    Wanted::new(desired, &desired.policies[KEY], snapshot, None)
}

fn one(change: impl FnOnce(&mut Policy<Name>)) -> Desired {
    let mut policy = desired_policy(None);
    change(&mut policy.policy);
    desired([policy])
}

fn excluded_users(wanted: &Wanted) -> BTreeSet<Id> {
    wanted.policy.conditions.users.exclude.users.clone()
}

#[test]
fn a_name_becomes_the_one_id_it_stands_for() {
    let desired = one(|policy| {
        policy.conditions.users.exclude.groups = BTreeSet::from([name("Backup")]);
        policy.grant.as_mut().unwrap().strength = Some(name("phishing-resistant-mfa"));
    });
    let wanted = wanted(&desired, &snapshot([]));
    assert!(wanted.unresolved.is_empty());
    assert_eq!(
        wanted.policy.conditions.targets.include.apps,
        BTreeSet::from([Id::new(AZURE)])
    );
    assert_eq!(
        wanted.policy.conditions.users.exclude.groups,
        BTreeSet::from([id(BACKUP)])
    );
    assert_eq!(
        wanted.policy.grant.unwrap().strength.unwrap().as_str(),
        "00000000-0000-0000-0000-000000000004"
    );
    let used: Vec<_> = wanted
        .uses
        .iter()
        .map(|u| (u.kind, u.name.as_str(), u.members.clone()))
        .collect();
    assert_eq!(
        used,
        [
            (Kind::User, "emergency1@example.org", None),
            (Kind::Group, "Backup", Some(BTreeSet::from([id(BERT)]))),
            (Kind::App, "azure-management", None),
            (Kind::Strength, "phishing-resistant-mfa", None),
        ]
    );
}

#[test]
fn the_fingerprint_of_what_is_used_follows_the_members() {
    let desired =
        one(|policy| policy.conditions.users.exclude.groups = BTreeSet::from([name("Backup")]));
    let before = snapshot([]);
    let mut more = snapshot([]);
    more.members
        .get_mut(&id(BACKUP))
        .unwrap()
        .members
        .push(user(ANNA, "anna@example.org"));
    let mut partly = snapshot([]);
    partly.members.get_mut(&id(BACKUP)).unwrap().complete = false;
    let print = |snapshot: &Snapshot| wanted(&desired, snapshot).uses_fingerprint();
    assert_eq!(print(&before), print(&snapshot([])));
    assert_ne!(print(&before), print(&more));
    assert_ne!(print(&before), print(&partly));
}

#[test]
fn a_name_that_is_nobody_or_several_is_left_out_and_said() {
    let desired = one(|policy| {
        policy.conditions.users.exclude.users = [
            "nobody@example.org",
            "twice@example.org",
            "unasked@example.org",
            "anna@example.org",
        ]
        .into_iter()
        .map(name)
        .collect();
    });
    let mut snapshot = snapshot([]);
    snapshot
        .found
        .push(found("nobody@example.org", vec![], Kind::User));
    snapshot.found.push(found(
        "twice@example.org",
        vec![user(7, "twice@example.org"), user(8, "twice@example.org")],
        Kind::User,
    ));
    let wanted = wanted(&desired, &snapshot);
    let problems: Vec<_> = wanted
        .unresolved
        .iter()
        .map(|unresolved| {
            let problem = match &unresolved.problem {
                Problem::Nothing => "nothing".to_owned(),
                Problem::Several(objects) => format!("{} objects", objects.len()),
                Problem::NotLookedUp => "not looked up".to_owned(),
            };
            (unresolved.name.text.as_str(), problem)
        })
        .collect();
    assert_eq!(
        problems,
        [
            ("nobody@example.org", "nothing".to_owned()),
            ("twice@example.org", "2 objects".to_owned()),
            ("unasked@example.org", "not looked up".to_owned()),
        ]
    );
    assert_eq!(
        excluded_users(&wanted),
        BTreeSet::from([id(EMERGENCY_1), id(ANNA)])
    );
}

#[test]
fn an_id_that_is_gone_is_kept_only_where_the_live_policy_holds_it() {
    let gone = id(77);
    let desired =
        one(|policy| policy.conditions.users.exclude.users = BTreeSet::from([name(gone.as_str())]));
    let mut snapshot = snapshot([]);
    snapshot
        .found
        .push(found(gone.as_str(), vec![], Kind::User));
    let there = live_with(LIVE, State::On, |json| {
        json["conditions"]["users"]["excludeUsers"] = json!([gone]);
    });
    let included = live_with(LIVE, State::On, |json| {
        json["conditions"]["users"]["includeUsers"] = json!([gone]);
    });
    let with = |live| Wanted::new(&desired, &desired.policies[KEY], &snapshot, live);

    let kept = with(Some(&there.policy));
    assert_eq!(kept.dangling, [(Kind::User, gone.clone())]);
    assert!(kept.unresolved.is_empty());
    assert_eq!(
        excluded_users(&kept),
        BTreeSet::from([id(EMERGENCY_1), gone.clone()])
    );

    for lost in [with(Some(&included.policy)), with(None)] {
        assert!(lost.dangling.is_empty());
        assert_eq!(lost.unresolved.len(), 1);
        assert_eq!(excluded_users(&lost), BTreeSet::from([id(EMERGENCY_1)]));
    }
}

#[test]
fn a_break_glass_account_is_excluded_because_it_is_declared() {
    let wanted = wanted(&one(|_| {}), &snapshot([]));
    let account = BTreeSet::from([(Kind::User, id(EMERGENCY_1))]);
    assert_eq!(wanted.implied, account);
    assert_eq!(wanted.break_glass, account);
    assert_eq!(excluded_users(&wanted), BTreeSet::from([id(EMERGENCY_1)]));
}

#[test]
fn what_is_excluded_already_is_not_implied() {
    let by_name = one(|policy| {
        policy.conditions.users.exclude.users = BTreeSet::from([principal_name(
            "emergency1@example.org",
            "emergency-access-1",
        )]);
    });
    let by_name = wanted(&by_name, &snapshot([]));
    assert!(by_name.implied.is_empty());
    assert_eq!(
        by_name.break_glass,
        BTreeSet::from([(Kind::User, id(EMERGENCY_1))])
    );

    let through_group =
        one(|policy| policy.conditions.users.exclude.groups = BTreeSet::from([name("Vault")]));
    let through_group = wanted(&through_group, &snapshot([]));
    assert!(through_group.implied.is_empty());
    assert!(excluded_users(&through_group).is_empty());

    // Somebody who is known to be in the group is in it, however much of it was read.
    let mut partly = snapshot([]);
    partly.members.get_mut(&id(VAULT)).unwrap().complete = false;
    let partly = wanted(
        &one(|policy| policy.conditions.users.exclude.groups = BTreeSet::from([name("Vault")])),
        &partly,
    );
    assert!(partly.implied.is_empty());

    let wrong_group =
        one(|policy| policy.conditions.users.exclude.groups = BTreeSet::from([name("Backup")]));
    assert_eq!(wanted(&wrong_group, &snapshot([])).implied.len(), 1);
}

#[test]
fn a_break_glass_group_is_excluded_as_a_group() {
    let mut workspace = one(|_| {});
    workspace.principals.insert(
        "vault".into(),
        principal(PrincipalKind::BreakGlass, "vault", Kind::Group, "Vault"),
    );
    workspace.principals.remove("emergency-access-1");
    let whole = wanted(&workspace, &snapshot([]));
    assert_eq!(whole.implied, BTreeSet::from([(Kind::Group, id(VAULT))]));
    assert_eq!(
        whole.policy.conditions.users.exclude.groups,
        BTreeSet::from([id(VAULT)])
    );

    // Each of its complete members being excluded is as good.
    workspace
        .policies
        .get_mut(KEY)
        .unwrap()
        .policy
        .conditions
        .users
        .exclude
        .users = BTreeSet::from([name("emergency1@example.org")]);
    assert!(wanted(&workspace, &snapshot([])).implied.is_empty());
    let mut partly = snapshot([]);
    partly.members.get_mut(&id(VAULT)).unwrap().complete = false;
    assert_eq!(wanted(&workspace, &partly).implied.len(), 1);
}

#[test]
fn nobody_is_excluded_from_a_policy_that_cannot_reach_them() {
    let guests_only = one(|policy| {
        policy.conditions.users.include.all = false;
        policy.conditions.users.include.guests = Some(Guests::legacy());
    });
    assert!(wanted(&guests_only, &snapshot([])).implied.is_empty());
    let workloads = one(|policy| {
        policy.conditions.users.include.all = false;
        policy.conditions.workload = Some(Workload {
            include_all: true,
            ..Workload::default()
        });
    });
    assert!(wanted(&workloads, &snapshot([])).implied.is_empty());
    let other_people = one(|policy| {
        policy.conditions.users.include.all = false;
        policy.conditions.users.include.groups = BTreeSet::from([name("Staff")]);
    });
    assert!(wanted(&other_people, &snapshot([])).implied.is_empty());
    let mut about_them = one(|_| {});
    about_them.policies.get_mut(KEY).unwrap().break_glass = Some(BreakGlassException {
        mode: BreakGlassMode::Require,
        reason: "their own sign-in".into(),
        owner: "identity-team".into(),
    });
    let about_them = wanted(&about_them, &snapshot([]));
    assert!(about_them.implied.is_empty() && excluded_users(&about_them).is_empty());
}

#[test]
fn of_a_policy_that_microsoft_maintains_only_the_exclusions_are_wanted() {
    let mut workspace = one(|policy| {
        policy.conditions.users.include.all = false;
        policy.conditions.users.exclude.users = BTreeSet::from([name("anna@example.org")]);
        policy.conditions.targets.include.apps.clear();
        policy.grant = None;
    });
    workspace.policies.get_mut(KEY).unwrap().owner = Owner::Microsoft;
    let live = live_with(LIVE, State::ReportOnly, |json| {
        json["conditions"]["users"]["excludeUsers"] = json!([id(BERT)]);
    });
    let wanted = Wanted::new(
        &workspace,
        &workspace.policies[KEY],
        &snapshot([]),
        Some(&live.policy),
    );
    let mut expected = live.policy.clone();
    expected.conditions.users.exclude.users = BTreeSet::from([id(ANNA), id(EMERGENCY_1)]);
    assert_eq!(wanted.policy, expected);
    assert_eq!(
        wanted.implied,
        BTreeSet::from([(Kind::User, id(EMERGENCY_1))])
    );
}

/// What a policy includes, and whether it could then reach the emergency account, and the vault group
/// that holds it.
#[test]
fn could_reach_is_a_truth_table() {
    type Include = fn(&mut Policy<Id>);
    let mut desired = one(|_| {});
    desired.principals.insert(
        "vault".into(),
        principal(PrincipalKind::BreakGlass, "vault", Kind::Group, "Vault"),
    );
    let mut tenant = snapshot([]);
    tenant.members.insert(id(104), members(false, vec![]));
    let table: &[(&str, Include, bool, bool)] = &[
        ("nothing", |_| {}, false, false),
        (
            "none",
            |p| p.conditions.users.include.none = true,
            false,
            false,
        ),
        ("all", |p| p.conditions.users.include.all = true, true, true),
        (
            "guests",
            |p| p.conditions.users.include.guests = Some(Guests::legacy()),
            false,
            false,
        ),
        (
            "the account",
            |p| inserted(p.conditions.users.include.users.insert(id(EMERGENCY_1))),
            true,
            true,
        ),
        (
            "another user",
            |p| inserted(p.conditions.users.include.users.insert(id(ANNA))),
            false,
            false,
        ),
        (
            "a role",
            |p| inserted(p.conditions.users.include.roles.insert(id(ADMINISTRATOR))),
            true,
            true,
        ),
        (
            "its group",
            |p| inserted(p.conditions.users.include.groups.insert(id(VAULT))),
            true,
            true,
        ),
        (
            "another group",
            |p| inserted(p.conditions.users.include.groups.insert(id(STAFF))),
            false,
            false,
        ),
        (
            "a group read in part",
            |p| inserted(p.conditions.users.include.groups.insert(id(104))),
            true,
            true,
        ),
        (
            "a group not read",
            |p| inserted(p.conditions.users.include.groups.insert(id(105))),
            true,
            true,
        ),
        (
            "workloads",
            |p| {
                p.conditions.users.include.all = true;
                p.conditions.workload = Some(Workload::default());
            },
            false,
            false,
        ),
    ];
    let accounts = accounts(&desired, &tenant);
    for (what, include, account, group) in table {
        let mut policy = live(State::Off).policy;
        policy.conditions.users.include.all = false;
        include(&mut policy);
        let reached: Vec<_> = accounts
            .iter()
            .map(|account| could_reach(&policy, account, &tenant) == Reach::Could)
            .collect();
        assert_eq!(reached, [*account, *group], "{what}");
    }
}

#[test]
fn a_group_of_unknown_members_could_be_anywhere() {
    let mut desired = one(|_| {});
    desired.principals.clear();
    desired.principals.insert(
        "vault".into(),
        principal(PrincipalKind::BreakGlass, "vault", Kind::Group, "Vault"),
    );
    let mut tenant = snapshot([]);
    tenant.members.get_mut(&id(VAULT)).unwrap().complete = false;
    let mut policy = live(State::Off).policy;
    policy.conditions.users.include.all = false;
    let accounts = accounts(&desired, &tenant);
    assert_eq!(could_reach(&policy, &accounts[0], &tenant), Reach::Cannot);
    policy.conditions.users.include.users.insert(id(ANNA));
    assert_eq!(could_reach(&policy, &accounts[0], &tenant), Reach::Could);
}

#[test]
fn who_can_sign_in_is_known_or_not() {
    let mut desired = one(|_| {});
    desired.principals.insert(
        "vault".into(),
        principal(PrincipalKind::BreakGlass, "vault", Kind::Group, "Vault"),
    );
    let state = |change: fn(&mut Snapshot)| {
        let mut tenant = snapshot([]);
        change(&mut tenant);
        accounts(&desired, &tenant)
            .iter()
            .map(|account| (account.is_known_enabled(), account.disabled().len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(state(|_| {}), [(true, 0), (true, 0)]);
    assert_eq!(
        state(|t| t.found[0].objects[0].enabled = Some(false)),
        [(false, 1), (true, 0)]
    );
    assert_eq!(
        state(|t| t.found[0].objects[0].enabled = None),
        [(false, 0), (true, 0)]
    );
    assert_eq!(
        state(|t| t.found[0].objects.clear()),
        [(false, 0), (true, 0)]
    );
    let vault = |change: fn(&mut Members)| {
        let mut tenant = snapshot([]);
        change(tenant.members.get_mut(&id(VAULT)).unwrap());
        let accounts = accounts(&desired, &tenant);
        (accounts[1].is_known_enabled(), accounts[1].disabled().len())
    };
    assert_eq!(vault(|members| members.complete = false), (false, 0));
    assert_eq!(vault(|members| members.members.clear()), (false, 0));
    assert_eq!(
        vault(|members| members.members[0].enabled = Some(false)),
        (false, 1)
    );
}

#[test]
fn the_fingerprint_of_the_exclusions_is_who_they_are() {
    let print = |snapshot: &Snapshot, change: fn(&mut Policy<Id>)| {
        let mut policy = live(State::Off).policy;
        policy.conditions.users.exclude.groups.insert(id(BACKUP));
        change(&mut policy);
        exclusions_fingerprint(&policy, snapshot)
    };
    let tenant = snapshot([]);
    let before = print(&tenant, |_| {}).unwrap();
    assert_eq!(
        print(&tenant, |policy| policy.name.push('x')).unwrap(),
        before
    );
    assert_ne!(
        print(&tenant, |policy| inserted(
            policy.conditions.users.exclude.users.insert(id(ANNA))
        ))
        .unwrap(),
        before
    );
    assert_eq!(
        print(&tenant, |policy| inserted(
            policy
                .conditions
                .users
                .exclude
                .roles
                .insert(id(ADMINISTRATOR))
        )),
        None
    );
    assert_eq!(
        print(&tenant, |policy| inserted(
            policy.conditions.users.exclude.groups.insert(id(105))
        )),
        None
    );
    let mut more = snapshot([]);
    more.members
        .get_mut(&id(BACKUP))
        .unwrap()
        .members
        .push(user(ANNA, "anna@example.org"));
    assert_ne!(print(&more, |_| {}).unwrap(), before);
    // A group in between is no person: who is in it is counted already.
    let mut nested = snapshot([]);
    nested
        .members
        .get_mut(&id(BACKUP))
        .unwrap()
        .members
        .push(object(Kind::Group, id(106), "Nested"));
    assert_eq!(print(&nested, |_| {}).unwrap(), before);
    let mut partly = snapshot([]);
    partly.members.get_mut(&id(BACKUP)).unwrap().complete = false;
    assert_eq!(print(&partly, |_| {}), None);
}

#[test]
fn lookups_are_what_the_files_name_and_nothing_else() {
    let mut first = desired_policy(Some(WantedState::On));
    first.policy.conditions.users.exclude.groups = BTreeSet::from([name("Backup")]);
    first.renamed_from = vec![at("Old name".to_owned())];
    first.id = Some(at(id(LIVE)));
    let mut second = desired_policy(None);
    second.key = at("other".to_owned());
    second.policy.name = "Other".into();
    let mut workspace = desired([first, second]);
    workspace.principals.insert(
        "unused".into(),
        principal(
            PrincipalKind::Vendor,
            "unused",
            Kind::User,
            "vendor@example.org",
        ),
    );

    let lookups = Lookups::of(&workspace, &[]);
    let references: Vec<_> = lookups
        .references
        .iter()
        .map(|r| (r.kind, r.text.as_str()))
        .collect();
    assert_eq!(
        references,
        [
            (Kind::User, "emergency1@example.org"),
            (Kind::Group, "Backup"),
            (Kind::App, "azure-management"),
        ]
    );
    assert_eq!(
        lookups.managed.into_iter().collect::<Vec<_>>(),
        [
            Handle::Id(id(LIVE)),
            Handle::Name(NAME.into()),
            Handle::Name("Old name".into()),
            Handle::Name("Other".into()),
        ]
    );
    assert_eq!(lookups.cloud, Some(Cloud::Global));

    // The history is needed for what is to be on, and for what is weighed.
    let first = BTreeSet::from([
        Handle::Id(id(LIVE)),
        Handle::Name(NAME.into()),
        Handle::Name("Old name".into()),
    ]);
    assert_eq!(lookups.history, first);
    let weighing = Lookups::of(&workspace, &["other"]);
    assert!(weighing.history.contains(&Handle::Name("Other".into())));
    workspace.policies.get_mut(KEY).unwrap().state = Some(at(WantedState::ReportOnly));
    assert!(Lookups::of(&workspace, &[]).history.is_empty());
    // A record names the live policy as a pin does.
    let mut recorded = record("", "");
    recorded.policy_id = id(302);
    workspace.records.insert("other".into(), at(recorded));
    let recorded = Lookups::of(&workspace, &["other"]);
    assert!(recorded.managed.contains(&Handle::Id(id(302))));
    assert!(recorded.history.contains(&Handle::Id(id(302))));
}

#[test]
fn a_declared_name_hides_an_address() {
    let desired = one(|_| {});
    let mut tenant = snapshot([]);
    tenant
        .objects
        .insert(id(55), object(Kind::Group, id(55), "From the policies"));
    let names = Names::new(&desired, &tenant);
    assert_eq!(names.of(Kind::User, &id(EMERGENCY_1)), "emergency-access-1");
    assert_eq!(names.of(Kind::User, &id(ANNA)), "anna@example.org");
    assert_eq!(names.of(Kind::Group, &id(55)), "From the policies");
    assert_eq!(
        names.of(Kind::App, &Id::new(AZURE)),
        "Windows Azure Service Management API"
    );
    assert_eq!(
        names.of(Kind::Group, &id(56)),
        "00000000-0000-4000-8000-000000000056"
    );
    assert_eq!(names.get(Kind::User, &id(55)), None);
}

#[test]
fn an_alias_depends_on_the_cloud() {
    let azure = Query::Id(Id::new(AZURE));
    let government = Query::IdOrName(
        Id::new("40a69793-8fe6-4db1-9591-dbc5c57b17d8"),
        "Azure Government Cloud Management API",
    );
    let custom = Cloud::Custom {
        graph: "http://127.0.0.1:1".into(),
        login: "http://127.0.0.1:1".into(),
    };
    for (cloud, expected) in [
        (Cloud::Global, &azure),
        (Cloud::China, &azure),
        (custom, &azure),
        (Cloud::UsGov, &government),
        (Cloud::UsGovDod, &government),
    ] {
        assert_eq!(
            query(Kind::App, "azure-management", &cloud),
            *expected,
            "{cloud:?}"
        );
    }
    let global = |kind, text: &str| query(kind, text, &Cloud::Global);
    let strength = |n: u8| Query::Id(Id::new(format!("00000000-0000-0000-0000-00000000000{n}")));
    assert_eq!(
        global(Kind::Strength, "multifactor-authentication"),
        strength(2)
    );
    assert_eq!(global(Kind::Strength, "passwordless-mfa"), strength(3));
    assert_eq!(
        global(Kind::Strength, "phishing-resistant-mfa"),
        strength(4)
    );
    // Only where it is meant: a group may be called like an alias.
    assert_eq!(
        global(Kind::Group, "azure-management"),
        Query::Name("azure-management".into())
    );
    assert_eq!(
        global(Kind::Group, &AZURE.to_uppercase()),
        Query::Id(Id::new(AZURE))
    );
    assert_eq!(global(Kind::App, "Payroll"), Query::Name("Payroll".into()));
}
