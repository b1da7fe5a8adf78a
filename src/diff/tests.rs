//! By meaning: what is equal, what is not, and that no field is forgotten.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::fixture::any_policy;
use crate::model::{
    ClientApp, CloudAppSecurity, Control, FilterMode, FrequencyAuthentication, FrequencyUnit,
    GuestKind, InsiderRisk, Locations, PersistentBrowser, Platform, Platforms, RiskLevel, Suite,
    TransferMethod, UserAction,
};

fn id(n: u32) -> Id {
    Id::new(format!("00000000-0000-4000-8000-{n:012}"))
}

/// Makes an insertion the whole of a closure that returns nothing.
fn inserted(_new: bool) {}

fn read(policy: Value) -> Policy<Id> {
    LivePolicy::try_from(policy).unwrap().policy
}

/// A policy in which something stands in every part, so that each can be changed.
fn full() -> Policy<Id> {
    let mut policy = read(json!({
        "id": id(1), "displayName": "A", "state": "disabled",
        "conditions": {
            "clientAppTypes": ["browser"],
            "clientApplications": {"includeServicePrincipals": [id(2)]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]},
        "sessionControls": {"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}},
    }));
    policy.conditions.platforms = Some(Platforms::default());
    policy.conditions.locations = Some(Locations::default());
    policy
}

fn paths(before: &Policy<Id>, after: &Policy<Id>) -> Vec<&'static str> {
    compare(before, after)
        .into_iter()
        .map(|difference| difference.path)
        .collect()
}

type Change = (&'static str, Block, fn(&mut Policy<Id>));

/// Every field of the model, the path it has to show up under, and a change of it.
const FIELDS: &[Change] = &[
    ("name", Block::Name, |p| p.name.push('B')),
    ("users.include", Block::Conditions, |p| {
        p.conditions.users.include.all = true
    }),
    ("users.include", Block::Conditions, |p| {
        inserted(p.conditions.users.include.users.insert(id(9)))
    }),
    ("users.include", Block::Conditions, |p| {
        inserted(p.conditions.users.include.groups.insert(id(9)))
    }),
    ("users.include", Block::Conditions, |p| {
        inserted(p.conditions.users.include.roles.insert(id(9)))
    }),
    ("users.include", Block::Conditions, |p| {
        p.conditions.users.include.guests = Some(Guests::legacy())
    }),
    ("users.exclude", Block::Conditions, |p| {
        p.conditions.users.exclude.all = true
    }),
    ("users.exclude", Block::Conditions, |p| {
        p.conditions.users.exclude.none = true
    }),
    ("users.exclude", Block::Conditions, |p| {
        inserted(p.conditions.users.exclude.users.insert(id(9)))
    }),
    ("users.exclude", Block::Conditions, |p| {
        inserted(p.conditions.users.exclude.groups.insert(id(9)))
    }),
    ("users.exclude", Block::Conditions, |p| {
        inserted(p.conditions.users.exclude.roles.insert(id(9)))
    }),
    ("users.exclude", Block::Conditions, |p| {
        p.conditions.users.exclude.guests = Some(Guests {
            kinds: BTreeSet::from([GuestKind::ServiceProvider]),
            tenants: None,
            legacy: false,
        });
    }),
    ("workload_identities.include", Block::Conditions, |p| {
        p.conditions.workload.as_mut().unwrap().include_all = true
    }),
    ("workload_identities.include", Block::Conditions, |p| {
        inserted(
            p.conditions
                .workload
                .as_mut()
                .unwrap()
                .include
                .insert(id(9)),
        )
    }),
    ("workload_identities.exclude", Block::Conditions, |p| {
        inserted(
            p.conditions
                .workload
                .as_mut()
                .unwrap()
                .exclude
                .insert(id(9)),
        )
    }),
    ("workload_identities.filter", Block::Conditions, |p| {
        p.conditions.workload.as_mut().unwrap().filter = Some(rule("x"))
    }),
    ("target_resources.include", Block::Conditions, |p| {
        p.conditions.targets.include.all = true
    }),
    ("target_resources.include", Block::Conditions, |p| {
        p.conditions.targets.include.none = true
    }),
    ("target_resources.include", Block::Conditions, |p| {
        inserted(p.conditions.targets.include.suites.insert(Suite::Office365))
    }),
    ("target_resources.include", Block::Conditions, |p| {
        inserted(p.conditions.targets.include.apps.insert(id(9)))
    }),
    ("target_resources.exclude", Block::Conditions, |p| {
        p.conditions.targets.exclude.all = true
    }),
    ("target_resources.exclude", Block::Conditions, |p| {
        p.conditions.targets.exclude.none = true
    }),
    ("target_resources.exclude", Block::Conditions, |p| {
        inserted(
            p.conditions
                .targets
                .exclude
                .suites
                .insert(Suite::AdminPortals),
        )
    }),
    ("target_resources.exclude", Block::Conditions, |p| {
        inserted(p.conditions.targets.exclude.apps.insert(id(9)))
    }),
    ("target_resources.user_actions", Block::Conditions, |p| {
        inserted(
            p.conditions
                .targets
                .user_actions
                .insert(UserAction::RegisterDevice),
        )
    }),
    (
        "target_resources.authentication_contexts",
        Block::Conditions,
        |p| {
            inserted(
                p.conditions
                    .targets
                    .authentication_contexts
                    .insert("c7".into()),
            )
        },
    ),
    ("target_resources.filter", Block::Conditions, |p| {
        p.conditions.targets.filter = Some(rule("x"))
    }),
    ("conditions.client_apps", Block::Conditions, |p| {
        inserted(p.conditions.client_apps.insert(ClientApp::Other))
    }),
    ("conditions.platforms.include", Block::Conditions, |p| {
        inserted(
            p.conditions
                .platforms
                .as_mut()
                .unwrap()
                .include
                .insert(Platform::Linux),
        )
    }),
    ("conditions.platforms.exclude", Block::Conditions, |p| {
        inserted(
            p.conditions
                .platforms
                .as_mut()
                .unwrap()
                .exclude
                .insert(Platform::Ios),
        )
    }),
    ("conditions.locations.include", Block::Conditions, |p| {
        p.conditions.locations.as_mut().unwrap().include.all = true
    }),
    ("conditions.locations.include", Block::Conditions, |p| {
        p.conditions.locations.as_mut().unwrap().include.all_trusted = true
    }),
    ("conditions.locations.include", Block::Conditions, |p| {
        p.conditions
            .locations
            .as_mut()
            .unwrap()
            .include
            .mfa_trusted_ips = true
    }),
    ("conditions.locations.include", Block::Conditions, |p| {
        inserted(
            p.conditions
                .locations
                .as_mut()
                .unwrap()
                .include
                .named
                .insert(id(9)),
        )
    }),
    ("conditions.locations.exclude", Block::Conditions, |p| {
        p.conditions.locations.as_mut().unwrap().exclude.all = true
    }),
    ("conditions.locations.exclude", Block::Conditions, |p| {
        p.conditions.locations.as_mut().unwrap().exclude.all_trusted = true
    }),
    ("conditions.locations.exclude", Block::Conditions, |p| {
        p.conditions
            .locations
            .as_mut()
            .unwrap()
            .exclude
            .mfa_trusted_ips = true
    }),
    ("conditions.locations.exclude", Block::Conditions, |p| {
        inserted(
            p.conditions
                .locations
                .as_mut()
                .unwrap()
                .exclude
                .named
                .insert(id(9)),
        )
    }),
    ("conditions.sign_in_risk", Block::Conditions, |p| {
        inserted(p.conditions.sign_in_risk.insert(RiskLevel::High))
    }),
    ("conditions.user_risk", Block::Conditions, |p| {
        inserted(p.conditions.user_risk.insert(RiskLevel::High))
    }),
    (
        "conditions.service_principal_risk",
        Block::Conditions,
        |p| inserted(p.conditions.service_principal_risk.insert(RiskLevel::High)),
    ),
    ("conditions.insider_risk", Block::Conditions, |p| {
        inserted(p.conditions.insider_risk.insert(InsiderRisk::Minor))
    }),
    ("conditions.authentication_flows", Block::Conditions, |p| {
        inserted(p.conditions.flows.insert(TransferMethod::DeviceCode))
    }),
    ("conditions.device_filter", Block::Conditions, |p| {
        p.conditions.device_filter = Some(rule("x"))
    }),
    ("grant.operator", Block::Grant, |p| {
        p.grant.as_mut().unwrap().operator = Operator::All
    }),
    ("grant.controls", Block::Grant, |p| {
        inserted(
            p.grant
                .as_mut()
                .unwrap()
                .controls
                .insert(Control::AppProtection),
        )
    }),
    ("grant.authentication_strength", Block::Grant, |p| {
        p.grant.as_mut().unwrap().strength = Some(id(9))
    }),
    ("grant.terms_of_use", Block::Grant, |p| {
        inserted(p.grant.as_mut().unwrap().terms_of_use.insert(id(9)))
    }),
    ("grant.custom_factors", Block::Grant, |p| {
        inserted(p.grant.as_mut().unwrap().custom_factors.insert("f".into()))
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).value = Some(5)
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).unit = Some(FrequencyUnit::Days)
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).unit = None
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).interval = FrequencyInterval::EveryTime
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).interval = FrequencyInterval::Unknown("soon".into())
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        frequency(p).authentication = FrequencyAuthentication::Secondary
    }),
    ("session.sign_in_frequency", Block::Session, |p| {
        p.session.as_mut().unwrap().sign_in_frequency = None
    }),
    ("session.persistent_browser", Block::Session, |p| {
        p.session.as_mut().unwrap().persistent_browser = Some(PersistentBrowser::Never)
    }),
    ("session.app_enforced_restrictions", Block::Session, |p| {
        p.session.as_mut().unwrap().app_enforced_restrictions = true
    }),
    ("session.cloud_app_security", Block::Session, |p| {
        p.session.as_mut().unwrap().cloud_app_security = Some(CloudAppSecurity::MonitorOnly)
    }),
    ("session.resilience_defaults", Block::Session, |p| {
        p.session.as_mut().unwrap().resilience_defaults_disabled = true
    }),
    ("session.token_protection", Block::Session, |p| {
        p.session.as_mut().unwrap().token_protection = true
    }),
];

fn rule(rule: &str) -> Filter {
    Filter {
        mode: FilterMode::Include,
        rule: rule.to_owned(),
    }
}

fn frequency(policy: &mut Policy<Id>) -> &mut SignInFrequency {
    let session = policy.session.as_mut().unwrap();
    session.sign_in_frequency.as_mut().unwrap()
}

#[test]
fn every_field_of_the_model_shows_up_in_one_field_and_in_its_block() {
    for (number, (path, block, change)) in FIELDS.iter().enumerate() {
        let (before, mut after) = (full(), full());
        change(&mut after);
        let differences = compare(&before, &after);
        let shown: Vec<_> = differences.iter().map(|d| (d.path, d.block)).collect();
        assert_eq!(shown, [(*path, *block)], "change {number}");
    }
    let changed: BTreeSet<_> = FIELDS.iter().map(|(path, ..)| *path).collect();
    let all: BTreeSet<_> = fields(&full()).iter().map(|field| field.path).collect();
    assert_eq!(changed, all);
}

#[test]
fn two_changes_of_a_field_are_told_apart() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, (.., change)) in FIELDS.iter().enumerate() {
        let mut policy = full();
        change(&mut policy);
        let print = content_fingerprint(&policy, &BTreeMap::new());
        let earlier = seen.insert(print, number);
        assert_eq!(
            earlier, None,
            "changes {earlier:?} and {number} look the same"
        );
    }
}

#[test]
fn order_never_matters() {
    let policy = |users: [&str; 2], controls: [&str; 2], methods: &str| {
        read(json!({
            "id": id(1), "displayName": "A", "state": "enabled",
            "conditions": {
                "users": {"includeUsers": users},
                "authenticationFlows": {"transferMethods": methods},
            },
            "grantControls": {"operator": "OR", "builtInControls": controls},
        }))
    };
    let one = policy(
        ["a", "b"],
        ["mfa", "block"],
        "deviceCodeFlow,authenticationTransfer",
    );
    let other = policy(
        ["b", "a"],
        ["block", "mfa"],
        "authenticationTransfer, deviceCodeFlow",
    );
    assert_eq!(compare(&one, &other), []);
}

#[test]
fn what_the_service_fills_in_equals_what_was_left_out() {
    let short = read(json!({
        "id": id(1), "displayName": "A", "state": "enabled",
        "conditions": {"clientAppTypes": ["all"], "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "AND", "builtInControls": ["mfa"]},
        "sessionControls": {"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}},
    }));
    let filled = read(json!({
        "id": id(1), "displayName": "A", "state": "enabled",
        "createdDateTime": "2026-11-01T08:00:00Z",
        "conditions": {
            "clientAppTypes": ["all"], "signInRiskLevels": [], "userRiskLevels": [],
            "servicePrincipalRiskLevels": [], "insiderRiskLevels": null, "platforms": null,
            "locations": {"includeLocations": [], "excludeLocations": []},
            "clientApplications": null, "devices": null, "authenticationFlows": null,
            "applications": {"includeApplications": [], "applicationFilter": null},
            "users": {
                "includeUsers": ["All"], "excludeUsers": [], "includeGroups": [],
                "includeGuestsOrExternalUsers": null,
            },
        },
        // How one control is joined to itself says nothing.
        "grantControls": {
            "operator": "OR", "builtInControls": ["mfa"], "termsOfUse": [],
            "customAuthenticationFactors": [], "authenticationStrength": null,
        },
        "sessionControls": {
            "signInFrequency": {
                "isEnabled": true, "value": 4, "type": "hours",
                "frequencyInterval": "timeBased",
                "authenticationType": "primaryAndSecondaryAuthentication",
            },
            "persistentBrowser": null, "disableResilienceDefaults": null,
        },
    }));
    assert_eq!(compare(&short, &filled), []);
}

#[test]
fn the_older_word_for_guests_is_every_kind_from_everywhere() {
    let with = |users: Value| {
        read(
            json!({"id": id(1), "displayName": "A", "state": "enabled", "conditions": {"users": users}}),
        )
    };
    let every = "serviceProvider,internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser";
    let tenants = json!({"membershipKind": "all"});
    let old = with(json!({"includeUsers": ["GuestsOrExternalUsers"]}));
    let new = with(
        json!({"includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": every, "externalTenants": tenants}}),
    );
    let new_without_tenants =
        with(json!({"includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": every}}));
    assert_eq!(compare(&old, &new), []);
    assert_eq!(compare(&old, &new_without_tenants), []);
    let fewer = with(
        json!({"includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "internalGuest", "externalTenants": tenants}}),
    );
    assert_eq!(paths(&old, &fewer), ["users.include"]);
    let from = |tenant: &str| {
        with(json!({"includeGuestsOrExternalUsers": {
            "guestOrExternalUserTypes": "internalGuest",
            "externalTenants": {"membershipKind": "enumerated", "members": [tenant]},
        }}))
    };
    let tenant = "0000000a-0000-4000-8000-000000000000";
    assert_eq!(paths(&fewer, &from(tenant)), ["users.include"]);
    assert_eq!(compare(&from(tenant), &from(&tenant.to_uppercase())), []);
}

#[test]
fn a_workload_policy_reads_back_with_nobody_and_that_is_no_difference() {
    let with = |users: Value| {
        read(
            json!({"id": id(1), "displayName": "A", "state": "enabled", "conditions": {
                "users": users,
                "clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]},
            }}),
        )
    };
    let asked = with(json!({}));
    let answered = with(json!({"includeUsers": ["None"]}));
    assert_eq!(compare(&asked, &answered), []);
}

#[test]
fn state_and_unmodelled_decide_in_the_fingerprints_that_name_them() {
    let json = |state: &str, extra: Value| {
        json!({
            "id": id(1), "displayName": "A", "state": state, "conditions": {},
            "modifiedDateTime": null, "somethingNew": extra,
        })
    };
    let live = |state, extra| LivePolicy::try_from(json(state, extra)).unwrap();
    let (off, on) = (live("disabled", Value::Null), live("enabled", Value::Null));
    let odd = live("disabled", json!(1));
    let content = |live: &LivePolicy| content_fingerprint(&live.policy, &live.unmodelled);
    let outcome = |live: &LivePolicy| outcome_fingerprint(&live.policy, live.state);
    assert_eq!(content(&off), content(&on));
    assert_ne!(content(&off), content(&odd));
    assert_ne!(live_fingerprint(&off), live_fingerprint(&on));
    assert_ne!(live_fingerprint(&off), live_fingerprint(&odd));
    assert_ne!(outcome(&off), outcome(&on));
    // What is read back is compared with what was asked for, which holds nothing unmodelled.
    assert_eq!(outcome(&off), outcome(&odd));
    let mut later = json("disabled", Value::Null);
    later["modifiedDateTime"] = json!("2026-11-02T00:00:00Z");
    assert_eq!(
        live_fingerprint(&LivePolicy::try_from(later).unwrap()),
        live_fingerprint(&off)
    );
}

#[test]
fn added_and_removed_are_the_two_sides() {
    let (before, mut after) = (full(), full());
    after.conditions.client_apps = BTreeSet::from([ClientApp::Other]);
    let differences = compare(&before, &after);
    let word = |word: &str| Item::Word(word.into());
    assert_eq!(differences[0].added().collect::<Vec<_>>(), [&word("other")]);
    assert_eq!(
        differences[0].removed().collect::<Vec<_>>(),
        [&word("browser")]
    );
}

proptest! {
    #[test]
    fn a_policy_equals_itself(policy in any_policy()) {
        prop_assert_eq!(compare(&policy, &policy), vec![]);
    }

    #[test]
    fn comparing_is_symmetric_and_agrees_with_the_fingerprint(a in any_policy(), b in any_policy(), same_extra: bool) {
        let there = compare(&a, &b);
        let back = compare(&b, &a);
        prop_assert_eq!(
            there.iter().map(|d| (d.path, &d.before, &d.after)).collect::<Vec<_>>(),
            back.iter().map(|d| (d.path, &d.after, &d.before)).collect::<Vec<_>>()
        );
        let extra = BTreeMap::from([("x".to_owned(), json!(1))]);
        let other = if same_extra { extra.clone() } else { BTreeMap::new() };
        prop_assert_eq!(
            content_fingerprint(&a, &extra) == content_fingerprint(&b, &other),
            there.is_empty() && same_extra
        );
    }

    #[test]
    fn one_change_is_one_difference_and_another_fingerprint(policy in any_policy(), change in 0..FIELDS.len()) {
        let mut before = full();
        before.name = policy.name;
        before.conditions.targets = policy.conditions.targets;
        let mut after = before.clone();
        let (path, _, apply) = FIELDS[change];
        apply(&mut after);
        let nothing = BTreeMap::new();
        let differs = content_fingerprint(&before, &nothing) != content_fingerprint(&after, &nothing);
        // What stands there already cannot be put there.
        let expected: Vec<&str> = if before == after { vec![] } else { vec![path] };
        prop_assert_eq!(paths(&before, &after), expected);
        prop_assert_eq!(differs, before != after);
    }
}
