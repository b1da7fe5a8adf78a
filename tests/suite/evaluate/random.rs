//! Random policies in Graph JSON and random worlds.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::universe::{FACTS, World, id, is_consistent};

/// How many cases a property is tried on; `CASES` sets more.
pub(super) fn cases(modest: u32) -> ProptestConfig {
    let cases = std::env::var("CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(modest),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn some(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(words, 0..=most).prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

fn ids(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    some(words, most).prop_map(|words| words.iter().map(|word| id(word)).collect())
}

/// A value most of the time left out.
fn rarely<S: Strategy<Value = Value>>(value: S) -> impl Strategy<Value = Value> {
    prop_oneof![3 => Just(Value::Null), 1 => value]
}

fn guests() -> impl Strategy<Value = Value> {
    let kinds = some(
        &[
            "internalGuest",
            "b2bCollaborationGuest",
            "b2bCollaborationMember",
            "serviceProvider",
        ],
        3,
    );
    let tenants = prop_oneof![
        Just(Value::Null),
        Just(json!({"membershipKind": "all"})),
        ids(&["contoso", "fabrikam"], 2)
            .prop_map(|members| json!({"membershipKind": "enumerated", "members": members})),
    ];
    (kinds, tenants).prop_map(|(kinds, tenants)| {
        json!({"guestOrExternalUserTypes": kinds.join(","), "externalTenants": tenants})
    })
}

fn side() -> impl Strategy<Value = (Value, Value, Value, Value)> {
    let people = prop_oneof![
        2 => Just(vec!["All".to_owned()]),
        1 => Just(vec!["GuestsOrExternalUsers".to_owned()]),
        1 => Just(vec!["None".to_owned()]),
        3 => ids(&["anna", "bert", "gone"], 2),
    ];
    let groups = ids(&["staff", "admins", "partners"], 2);
    let roles = ids(&["administrator", "reader"], 2);
    (people, groups, roles, rarely(guests())).prop_map(|(people, groups, roles, guests)| {
        (json!(people), json!(groups), json!(roles), guests)
    })
}

fn users() -> impl Strategy<Value = Value> {
    let excluded =
        prop_oneof![1 => Just((json!([]), json!([]), json!([]), Value::Null)), 2 => side()];
    (side(), excluded).prop_map(|(include, exclude)| {
        let (mut include_guests, mut excluded_people) = (include.3, exclude.0);
        // The two forms cannot be combined (contract section 1.4), and nobody excludes everybody.
        if include.0 == json!(["GuestsOrExternalUsers"]) {
            include_guests = Value::Null;
        }
        let mut exclude_guests = exclude.3;
        if excluded_people == json!(["GuestsOrExternalUsers"]) {
            exclude_guests = Value::Null;
        } else if excluded_people == json!(["All"]) {
            excluded_people = json!([]);
        }
        json!({
            "includeUsers": include.0, "includeGroups": include.1, "includeRoles": include.2,
            "includeGuestsOrExternalUsers": include_guests,
            "excludeUsers": excluded_people, "excludeGroups": exclude.1, "excludeRoles": exclude.2,
            "excludeGuestsOrExternalUsers": exclude_guests,
        })
    })
}

fn applications() -> impl Strategy<Value = Value> {
    fn apps(most: usize) -> impl Strategy<Value = Vec<String>> {
        some(
            &[
                "Office365",
                "MicrosoftAdminPortals",
                "azure",
                "portal",
                "mail",
            ],
            most,
        )
        .prop_map(|apps| {
            let id = |app: &String| match app.starts_with(char::is_uppercase) {
                true => app.clone(),
                false => id(app),
            };
            apps.iter().map(id).collect()
        })
    }
    let include = prop_oneof![2 => Just(vec!["All".to_owned()]), 3 => apps(3)];
    prop_oneof![
        8 => (include, apps(2)).prop_map(|(include, exclude)| {
            json!({"includeApplications": include, "excludeApplications": exclude})
        }),
        1 => some(&["urn:user:registersecurityinfo", "urn:user:registerdevice"], 2)
            .prop_map(|actions| json!({"includeUserActions": actions})),
        1 => some(&["c1", "c2"], 2)
            .prop_map(|contexts| json!({"includeAuthenticationContextClassReferences": contexts})),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let clause = select(vec![
        "device.isCompliant -eq True",
        "device.isCompliant -ne True",
        "device.isCompliant -eq \"False\"",
        "device.trustType -eq \"ServerAD\"",
        "device.trustType -ne \"ServerAD\"",
        "device.model -startsWith \"surface\"",
        "device.model -notStartsWith \"Surface\"",
        "device.model -endsWith \"PRO\"",
        "device.model -notEndsWith \"Pro\"",
        "device.model -contains \"top\"",
        "device.model -notContains \"top\"",
        "device.model -in [\"Laptop\", \"Tablet\"]",
        "device.model -notIn [\"Laptop\", \"Tablet\"]",
        "device.model -eq null",
        "device.model -ne null",
        "device.extensionAttribute1 -eq \"SAW\"",
        "device.extensionAttribute1 -ne \"SAW\"",
        "device.displayName -eq \"x\"",
    ]);
    let joined = |clauses: Vec<String>, join: &str| clauses.join(join);
    let alternative = prop::collection::vec(clause.prop_map(str::to_owned), 1..=2)
        .prop_map(move |clauses| joined(clauses, " -and "));
    prop::collection::vec(alternative, 1..=2).prop_map(move |all| joined(all, " -or "))
}

fn conditions() -> impl Strategy<Value = Value> {
    let clients = prop_oneof![
        Just(vec!["all".to_owned()]),
        some(
            &[
                "browser",
                "mobileAppsAndDesktopClients",
                "exchangeActiveSync",
                "easSupported",
                "other"
            ],
            3
        ),
    ];
    fn platforms() -> impl Strategy<Value = Vec<String>> {
        some(&["all", "android", "iOS", "windows", "macOS", "linux"], 3)
    }
    let platforms = (platforms(), platforms()).prop_map(
        |(include, exclude)| json!({"includePlatforms": include, "excludePlatforms": exclude}),
    );
    fn places() -> impl Strategy<Value = Vec<String>> {
        some(
            &[
                "All",
                "AllTrusted",
                "mfa",
                "office",
                "branch",
                "nordics",
                "abroad",
            ],
            2,
        )
        .prop_map(|places| {
            let id = |place: &String| match place.as_str() {
                "All" | "AllTrusted" => place.clone(),
                "mfa" => "00000000-0000-0000-0000-000000000000".to_owned(),
                place => id(place),
            };
            places.iter().map(id).collect()
        })
    }
    let locations = (places(), places()).prop_map(
        |(include, exclude)| json!({"includeLocations": include, "excludeLocations": exclude}),
    );
    let risk =
        || rarely(some(&["none", "low", "medium", "high"], 2).prop_map(|levels| json!(levels)));
    let insider = rarely(
        some(&["minor", "moderate", "elevated"], 2).prop_map(|levels| json!(levels.join(","))),
    );
    let flows = rarely(
        some(&["none", "deviceCodeFlow", "authenticationTransfer"], 2)
            .prop_map(|flows| json!({"transferMethods": flows.join(",")})),
    );
    let devices = rarely(
        (select(vec!["include", "exclude"]), rule())
            .prop_map(|(mode, rule)| json!({"deviceFilter": {"mode": mode, "rule": rule}})),
    );
    (
        users(), applications(), clients, rarely(platforms), rarely(locations),
        risk(), risk(), insider, flows, devices,
    )
        .prop_map(|(users, applications, clients, platforms, locations, sign_in, user, insider, flows, devices)| {
            json!({
                "users": users, "applications": applications, "clientAppTypes": clients,
                "platforms": platforms, "locations": locations, "signInRiskLevels": sign_in,
                "userRiskLevels": user, "insiderRiskLevels": insider, "authenticationFlows": flows,
                "devices": devices,
            })
        })
}

fn grant() -> impl Strategy<Value = Value> {
    let controls = some(
        &[
            "mfa",
            "compliantDevice",
            "domainJoinedDevice",
            "approvedApplication",
            "compliantApplication",
            "passwordChange",
            "riskRemediation",
        ],
        3,
    );
    let strength = rarely(
        select(vec!["strength-mfa", "strength-passkey", "strength-weak"])
            .prop_map(|strength| json!({"id": id(strength)})),
    );
    let more = (ids(&["terms"], 1), some(&["factor"], 1));
    prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!({"operator": "OR", "builtInControls": ["block"]})),
        8 => (select(vec!["AND", "OR"]), controls, strength, more).prop_map(
            |(operator, controls, strength, (terms, factors))| json!({
                "operator": operator, "builtInControls": controls,
                "authenticationStrength": strength, "termsOfUse": terms,
                "customAuthenticationFactors": factors,
            })
        ),
    ]
}

/// A random policy in Graph JSON.
pub(super) fn any_policy() -> impl Strategy<Value = Value> {
    let state = select(vec![
        "enabled",
        "enabledForReportingButNotEnforced",
        "disabled",
    ]);
    (state, conditions(), grant()).prop_map(|(state, conditions, grant)| {
        json!({"id": id("gone"), "displayName": "x", "state": state, "conditions": conditions, "grantControls": grant})
    })
}

/// A world in which everything is known.
pub(super) fn any_world() -> impl Strategy<Value = World> {
    let values: Vec<_> = FACTS.iter().map(|(_, values)| select(*values)).collect();
    values.prop_map(|values| {
        let facts = FACTS.iter().map(|(fact, _)| *fact);
        let mut world: World = facts.zip(values).collect();
        if world["device:registered"] == "no" {
            world.insert("device.isCompliant", "null");
            world.insert("device.trustType", "null");
        }
        for (combination, fact) in [("used", "mfa:done"), ("available", "mfa:able")] {
            if ["password,sms", "fido2"].contains(&world[combination]) {
                world.insert(fact, "yes");
            }
        }
        if ["app:azure", "app:portal"].contains(&world["target"]) {
            let portal = if world["target"] == "app:portal" {
                "yes"
            } else {
                "no"
            };
            world.insert("suite:Office365", "no");
            world.insert("suite:MicrosoftAdminPortals", portal);
        }
        assert!(is_consistent(&world));
        world
    })
}

/// The facts that may be taken away; who it is and what is asked for always stay.
pub(super) fn some_facts(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    let facts: Vec<_> = FACTS
        .iter()
        .map(|(fact, _)| *fact)
        .filter(|fact| !["user", "target"].contains(fact))
        .collect();
    subsequence(facts, 0..=most)
}

/// A world with some of its facts taken away, and one that no tenant ever tells.
pub(super) fn without(world: &World, facts: &[&str]) -> World {
    let mut known = world.clone();
    known.retain(|fact, _| !facts.contains(fact) && *fact != "eas");
    known
}
