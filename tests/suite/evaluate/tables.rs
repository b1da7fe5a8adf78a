//! Truth tables of when a policy applies, made by hand from section 2.2 of the audit reference. Each test
//! names its rule.

use portcullis::evaluate::{
    Attributes, Condition, Country, Holders, KnownFacts, NoFacts, Outcome, Person, Prepared,
    SignIn, Standing, Subject, Target, Truth, WorkloadIdentity, analysis_reason, applies, explain,
    outcome,
};
use portcullis::model::{
    ClientApp, GuestKind, Id, Kind, LivePolicy, Platform, RiskLevel, Suite, TransferMethod,
    UserAction,
};
use portcullis::tenant::Names;
use serde_json::{Value, json};

use Truth::{No, Unknown, Yes};

const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

fn policy(conditions: Value) -> Prepared {
    in_state(
        "enabled",
        conditions,
        json!({"operator": "OR", "builtInControls": ["mfa"]}),
    )
}

pub(super) fn in_state(state: &str, more: Value, grant: Value) -> Prepared {
    let mut conditions = json!({
        "clientAppTypes": ["all"],
        "users": {"includeUsers": ["All"]},
        "applications": {"includeApplications": ["All"]},
    });
    for (key, value) in more.as_object().unwrap() {
        conditions[key] = value.clone();
    }
    let policy = json!({
        "id": "p", "displayName": "p", "state": state, "conditions": conditions, "grantControls": grant,
    });
    Prepared::live(&LivePolicy::try_from(policy).unwrap())
}

/// Anna, a member, in the browser on Windows, to Azure management, without any risk.
pub(super) fn anna() -> SignIn {
    let mut sign_in = SignIn::new(
        Subject::Person(Person::member(Id::new("anna"))),
        Target::App(Id::new(AZURE)),
    );
    sign_in.client = Some(ClientApp::Browser);
    sign_in.platform = Some(Platform::Windows);
    sign_in.sign_in_risk = Some(RiskLevel::None);
    sign_in.user_risk = Some(RiskLevel::None);
    sign_in.flow = Some(TransferMethod::None);
    sign_in
}

fn anna_with(change: impl FnOnce(&mut SignIn)) -> SignIn {
    let mut sign_in = anna();
    change(&mut sign_in);
    sign_in
}

/// Anna is in staff, not in empty, and perhaps in half; she holds reader and not owner.
fn facts() -> KnownFacts {
    let id = Id::new;
    let mut facts = KnownFacts::default();
    facts.groups.insert(id("staff"), Holders::all([id("anna")]));
    facts.groups.insert(id("empty"), Holders::all([]));
    facts.groups.insert(id("half"), Holders::default());
    facts.roles.insert(id("reader"), Holders::all([id("anna")]));
    facts.roles.insert(id("owner"), Holders::all([]));
    facts
}

fn users(users: Value) -> Truth {
    applies(&policy(json!({"users": users})), &anna(), &facts())
}

#[test]
fn e1_only_enforced_policies_count() {
    let block = json!({"operator": "OR", "builtInControls": ["block"]});
    for (state, expected) in [
        ("enabled", Outcome::Blocked(vec![0])),
        ("enabledForReportingButNotEnforced", Outcome::Granted),
        ("disabled", Outcome::Granted),
    ] {
        let policies = [in_state(state, json!({}), block.clone())];
        assert_eq!(outcome(&policies, &anna(), &NoFacts), expected, "{state}");
    }
}

#[test]
fn e2_all_that_apply_count_together_and_a_block_wins() {
    let grant = |control: &str| json!({"operator": "OR", "builtInControls": [control]});
    let mfa = || in_state("enabled", json!({}), grant("mfa"));
    let block = || in_state("enabled", json!({}), grant("block"));
    let guests = || {
        in_state(
            "enabled",
            json!({"users": {"includeUsers": ["GuestsOrExternalUsers"]}}),
            grant("block"),
        )
    };
    let maybe = || {
        in_state(
            "enabled",
            json!({"users": {"includeGroups": ["half"]}}),
            grant("block"),
        )
    };
    for (policies, expected) in [
        (vec![], Outcome::Granted),
        (vec![guests()], Outcome::Granted),
        (vec![mfa(), mfa()], Outcome::Requires(vec![0, 1])),
        (vec![mfa(), block()], Outcome::Blocked(vec![1])),
        (vec![block(), mfa(), maybe()], Outcome::Blocked(vec![0])),
        (vec![guests(), mfa()], Outcome::Requires(vec![1])),
        (
            vec![maybe(), mfa()],
            Outcome::Undetermined {
                open: vec![0],
                requires: vec![1],
            },
        ),
    ] {
        assert_eq!(outcome(&policies, &anna(), &facts()), expected);
    }
}

#[test]
fn e3_conditions_are_anded_values_ored_and_nothing_restricts_nothing() {
    let risk_and = |platform: &str| json!({"signInRiskLevels": ["low", "none"], "platforms": {"includePlatforms": [platform]}});
    for (conditions, expected) in [
        (json!({}), Yes),
        (
            json!({"platforms": null, "locations": null, "signInRiskLevels": [], "clientAppTypes": []}),
            Yes,
        ),
        (
            json!({"platforms": {"includePlatforms": [], "excludePlatforms": []}}),
            Yes,
        ),
        (risk_and("windows"), Yes),
        (risk_and("macOS"), No),
        (
            json!({"signInRiskLevels": ["high"], "platforms": {"includePlatforms": ["windows"]}}),
            No,
        ),
    ] {
        assert_eq!(
            applies(&policy(conditions.clone()), &anna(), &facts()),
            expected,
            "{conditions}"
        );
    }
}

#[test]
fn u1_all_is_everyone_and_none_is_nobody() {
    let guest = anna_with(|sign_in| {
        sign_in.subject = Subject::Person(Person {
            id: Some(Id::new("guest")),
            standing: Some(Standing::External {
                kind: GuestKind::B2bCollaborationGuest,
                home: None,
            }),
        });
    });
    assert_eq!(applies(&policy(json!({})), &guest, &facts()), Yes);
    assert_eq!(users(json!({"includeUsers": ["None"]})), No);
    assert_eq!(users(json!({})), No);
    assert_eq!(users(json!({"includeUsers": ["anna"]})), Yes);
    assert_eq!(users(json!({"includeUsers": ["bert"]})), No);
}

#[test]
fn u2_exclusion_beats_inclusion_across_kinds() {
    for (exclusion, expected) in [
        (json!({"excludeUsers": ["anna"]}), No),
        (json!({"excludeGroups": ["staff"]}), No),
        (json!({"excludeRoles": ["reader"]}), No),
        (
            json!({"excludeUsers": ["bert"], "excludeGroups": ["empty"], "excludeRoles": ["owner"]}),
            Yes,
        ),
        (json!({"excludeGroups": ["half"]}), Unknown),
        (
            json!({"excludeGroups": ["half"], "excludeUsers": ["anna"]}),
            No,
        ),
        (json!({"excludeUsers": ["GuestsOrExternalUsers"]}), Yes),
    ] {
        for inclusion in [
            json!({"includeUsers": ["All"]}),
            json!({"includeUsers": ["anna"]}),
            json!({"includeGroups": ["staff"]}),
            json!({"includeRoles": ["reader"]}),
        ] {
            let mut both = inclusion;
            both.as_object_mut()
                .unwrap()
                .extend(exclusion.as_object().unwrap().clone());
            assert_eq!(users(both.clone()), expected, "{both}");
        }
    }
}

#[test]
fn u3_groups_and_active_roles() {
    for (include, expected) in [
        (json!({"includeGroups": ["staff"]}), Yes),
        (json!({"includeGroups": ["empty"]}), No),
        (json!({"includeRoles": ["reader"]}), Yes),
        // Eligible holders are not among the holders.
        (json!({"includeRoles": ["owner"]}), No),
        (json!({"includeRoles": ["never-read"]}), Unknown),
        (json!({"includeRoles": ["never-read", "reader"]}), Yes),
    ] {
        assert_eq!(users(include.clone()), expected, "{include}");
    }
}

#[test]
fn u4_guests_by_kind_and_home() {
    let contoso = "00000000-0000-4000-8000-000000000071";
    let entry = |kinds: &str, tenants: Value| {
        policy(json!({"users": {"includeGuestsOrExternalUsers":
            {"guestOrExternalUserTypes": kinds, "externalTenants": tenants}}}))
    };
    let enumerated = || json!({"membershipKind": "enumerated", "members": [contoso]});
    let legacy = policy(json!({"users": {"includeUsers": ["GuestsOrExternalUsers"]}}));
    let guests = entry(
        "b2bCollaborationGuest,serviceProvider",
        json!({"membershipKind": "all"}),
    );
    let of_contoso = entry("b2bCollaborationGuest", enumerated());
    let internal = entry("internalGuest", enumerated());
    let external = |kind: GuestKind, home: Option<&str>| {
        Some(Standing::External {
            kind,
            home: home.map(Id::new),
        })
    };
    use GuestKind::{B2bCollaborationGuest, B2bDirectConnectUser, InternalGuest};
    for (standing, expected) in [
        (Some(Standing::Member), [No, No, No, No]),
        (
            external(B2bCollaborationGuest, Some(contoso)),
            [Yes, Yes, Yes, No],
        ),
        (
            external(B2bCollaborationGuest, Some("other")),
            [Yes, Yes, No, No],
        ),
        (
            external(B2bCollaborationGuest, None),
            [Yes, Yes, Unknown, No],
        ),
        (external(InternalGuest, None), [Yes, No, No, Yes]),
        (
            external(B2bDirectConnectUser, Some(contoso)),
            [Yes, No, No, No],
        ),
        (None, [Unknown, Unknown, Unknown, Unknown]),
    ] {
        let sign_in = anna_with(|sign_in| {
            sign_in.subject = Subject::Person(Person {
                id: None,
                standing: standing.clone(),
            });
        });
        let applies = [&legacy, &guests, &of_contoso, &internal]
            .map(|policy| applies(policy, &sign_in, &facts()));
        assert_eq!(applies, expected, "{standing:?}");
    }
}

#[test]
fn u5_policies_on_users_and_on_workloads_do_not_meet() {
    let identity = |owned, managed| {
        anna_with(|sign_in| {
            sign_in.subject = Subject::Workload(WorkloadIdentity {
                id: Id::new("robot"),
                owned,
                managed,
                attributes: Attributes::complete(),
            });
        })
    };
    let workload = |clients: Value| {
        policy(json!({"users": {"includeUsers": ["None"]}, "clientApplications": clients}))
    };
    let all = workload(json!({"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}));
    let but = workload(
        json!({"includeServicePrincipals": ["ServicePrincipalsInMyTenant"], "excludeServicePrincipals": ["robot"]}),
    );
    let one = workload(json!({"includeServicePrincipals": ["robot"]}));
    let people = policy(json!({}));
    for (sign_in, expected) in [
        (anna(), [No, No, No, Yes]),
        (identity(Some(true), Some(false)), [Yes, No, Yes, No]),
        (identity(Some(false), Some(false)), [No, No, No, No]),
        (identity(Some(true), Some(true)), [No, No, No, No]),
        (identity(Some(true), None), [Unknown, No, Unknown, No]),
        (identity(None, Some(false)), [Unknown, No, Unknown, No]),
    ] {
        let applies = [&all, &but, &one, &people].map(|policy| applies(policy, &sign_in, &facts()));
        assert_eq!(applies, expected, "{:?}", sign_in.subject);
    }
}

#[test]
fn u6_what_could_not_be_read_is_unknown_and_who_is_gone_is_nobody() {
    for (include, expected) in [
        (json!({"includeUsers": ["deleted"]}), No),
        (json!({"includeGroups": ["never-read"]}), Unknown),
        (json!({"includeGroups": ["half"]}), Unknown),
        // Whoever is in only by a group that is excluded as well is out either way.
        (
            json!({"includeGroups": ["half"], "excludeGroups": ["half"]}),
            No,
        ),
        (
            json!({"includeUsers": ["All"], "excludeGroups": ["half"], "includeGroups": ["half"]}),
            Unknown,
        ),
    ] {
        assert_eq!(users(include.clone()), expected, "{include}");
    }
}

fn to(app: &str) -> SignIn {
    anna_with(|sign_in| sign_in.target = Some(Target::App(Id::new(app))))
}

#[test]
fn a1_azure_management_is_a_group_and_all_covers_everything() {
    let app = |include: &str, exclude: &[&str]| {
        policy(
            json!({"applications": {"includeApplications": [include], "excludeApplications": exclude}}),
        )
    };
    let azure = app(AZURE, &[]);
    let gov = app("40a69793-8fe6-4db1-9591-dbc5c57b17d8", &[]);
    let all = app("All", &[]);
    let but = app("All", &[AZURE]);
    for (resource, expected) in [
        // Azure Resource Manager, portal, Data Lake, Application Insights, Log Analytics.
        (AZURE, [Yes, No, Yes, No]),
        ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", [Yes, Yes, Yes, No]),
        ("e9f49c6b-5ce5-44c8-925d-015017e9f7ad", [Yes, Yes, Yes, No]),
        ("f5c26e74-f226-4ae8-85f0-b4af0080ac9e", [Yes, Yes, Yes, No]),
        ("ca7f3f0b-7d91-482c-8e09-c5d840d0eac5", [Yes, Yes, Yes, No]),
        // The government's own.
        ("40a69793-8fe6-4db1-9591-dbc5c57b17d8", [No, Yes, Yes, Yes]),
        // Azure DevOps and Microsoft Graph are outside.
        ("499b84ac-1321-427f-aa17-267ca6975798", [No, No, Yes, Yes]),
        ("00000003-0000-0000-c000-000000000000", [No, No, Yes, Yes]),
    ] {
        let applies =
            [&azure, &gov, &all, &but].map(|policy| applies(policy, &to(resource), &NoFacts));
        assert_eq!(applies, expected, "{resource}");
    }
}

#[test]
fn a2_suites_are_their_own_groups() {
    let suites = |include: &str, exclude: &[&str]| {
        policy(
            json!({"applications": {"includeApplications": [include], "excludeApplications": exclude}}),
        )
    };
    let portals = suites("MicrosoftAdminPortals", &[]);
    let office = suites("Office365", &[]);
    let neither = suites("Office365", &["Office365"]);
    let mut facts = facts();
    facts
        .suites
        .insert(Suite::Office365, [Id::new("mail")].into());
    for (resource, expected) in [
        (AZURE, [No, No, No]),
        ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", [Yes, No, No]),
        ("mail", [Unknown, Yes, No]),
        ("own", [Unknown, No, No]),
    ] {
        let applies =
            [&portals, &office, &neither].map(|policy| applies(policy, &to(resource), &facts));
        assert_eq!(applies, expected, "{resource}");
    }
    let applies = applies(&neither, &to("mail"), &NoFacts);
    assert_eq!(
        applies, No,
        "whether it is in the suite makes no difference"
    );
}

#[test]
fn a3_actions_and_contexts_stand_for_themselves() {
    let action =
        policy(json!({"applications": {"includeUserActions": ["urn:user:registersecurityinfo"]}}));
    let context =
        policy(json!({"applications": {"includeAuthenticationContextClassReferences": ["c1"]}}));
    let all = policy(json!({}));
    for (target, expected) in [
        (Target::App(Id::new(AZURE)), [No, No, Yes]),
        (
            Target::UserAction(UserAction::RegisterSecurityInformation),
            [Yes, No, No],
        ),
        (Target::UserAction(UserAction::RegisterDevice), [No, No, No]),
        (Target::AuthenticationContext("c1".into()), [No, Yes, No]),
        (Target::AuthenticationContext("c2".into()), [No, No, No]),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.target = Some(target.clone()));
        let applies = [&action, &context, &all].map(|policy| applies(policy, &sign_in, &facts()));
        assert_eq!(applies, expected, "{target:?}");
    }
}

#[test]
fn a4_an_application_filter_is_unknown_without_the_attributes() {
    let rule = "CustomSecurityAttribute.Set_Kind -contains \"mfa\"";
    let filter = |mode: &str, include: Value| {
        policy(
            json!({"applications": {"includeApplications": include, "applicationFilter": {"mode": mode, "rule": rule}}}),
        )
    };
    let include = filter("include", json!([]));
    let with_all = filter("include", json!(["All"]));
    let exclude = filter("exclude", json!(["All"]));
    let mut tagged = facts();
    let mfa = portcullis::evaluate::Value::Texts(vec!["mfa".into(), "x".into()]);
    tagged
        .app_attributes
        .insert(Id::new(AZURE), Attributes::complete().with("Set_Kind", mfa));
    let mut bare = facts();
    bare.app_attributes
        .insert(Id::new(AZURE), Attributes::complete());
    for (facts, expected) in [
        (&facts(), [Unknown, Yes, Unknown]),
        (&tagged, [Yes, Yes, No]),
        (&bare, [No, Yes, Yes]),
    ] {
        let applies = [&include, &with_all, &exclude].map(|policy| applies(policy, &anna(), facts));
        assert_eq!(applies, expected);
    }
}

#[test]
fn a6_the_requested_resource_counts() {
    let azure = policy(json!({"applications": {"includeApplications": [AZURE]}}));
    let unknown = anna_with(|sign_in| sign_in.target = None);
    assert_eq!(applies(&azure, &unknown, &NoFacts), Unknown);
    assert_eq!(
        applies(&policy(json!({"applications": {}})), &unknown, &NoFacts),
        No
    );
    // Azure CLI as the client says nothing: asking for Graph with it is not covered.
    assert_eq!(
        applies(
            &azure,
            &to("00000003-0000-0000-c000-000000000000"),
            &NoFacts
        ),
        No
    );
}

#[test]
fn c1_client_types() {
    use ClientApp::{Browser, EasSupported, ExchangeActiveSync, MobileAndDesktop, Other};
    let policies = [
        json!([]),
        json!(["all"]),
        json!(["browser"]),
        json!(["exchangeActiveSync", "other"]),
        json!(["easSupported"]),
    ]
    .map(|clients| policy(json!({"clientAppTypes": clients})));
    for (client, expected) in [
        (Some(Browser), [Yes, Yes, Yes, No, No]),
        (Some(MobileAndDesktop), [Yes, Yes, No, No, No]),
        (Some(ExchangeActiveSync), [Yes, Yes, No, Yes, Unknown]),
        (Some(EasSupported), [Yes, Yes, No, Yes, Yes]),
        (Some(Other), [Yes, Yes, No, Yes, No]),
        (None, [Yes, Yes, Unknown, Unknown, Unknown]),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.client = client.clone());
        let applies = [0, 1, 2, 3, 4].map(|at| applies(&policies[at], &sign_in, &NoFacts));
        assert_eq!(applies, expected, "{client:?}");
    }
    let every = policy(
        json!({"clientAppTypes": ["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"]}),
    );
    let sign_in = anna_with(|sign_in| sign_in.client = None);
    assert_eq!(applies(&every, &sign_in, &NoFacts), Yes, "whichever it is");
}

#[test]
fn c3_platforms_and_one_that_no_policy_names() {
    let platforms = |include: &[&str], exclude: &[&str]| {
        policy(json!({"platforms": {"includePlatforms": include, "excludePlatforms": exclude}}))
    };
    let policies = [
        platforms(&["all"], &[]),
        platforms(
            &["all"],
            &[
                "android",
                "iOS",
                "windows",
                "windowsPhone",
                "macOS",
                "linux",
            ],
        ),
        platforms(&["windows"], &[]),
        platforms(&["windows"], &["windows"]),
        platforms(&[], &["linux"]),
        platforms(&["unknownFutureValue"], &[]),
    ];
    for (platform, expected) in [
        (Some(Platform::Windows), [Yes, No, Yes, No, Yes, Unknown]),
        (Some(Platform::Linux), [Yes, No, No, No, No, Unknown]),
        (
            Some(Platform::Unknown("TempleOS".into())),
            [Yes, Yes, No, No, Yes, Unknown],
        ),
        (None, [Yes, Unknown, Unknown, No, Unknown, Unknown]),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.platform = platform.clone());
        let applies = [0, 1, 2, 3, 4, 5].map(|at| applies(&policies[at], &sign_in, &NoFacts));
        assert_eq!(applies, expected, "{platform:?}");
    }
}

#[test]
fn c4_places() {
    let locations = |include: &[&str], exclude: &[&str]| {
        policy(json!({"locations": {"includeLocations": include, "excludeLocations": exclude}}))
    };
    let mfa = "00000000-0000-0000-0000-000000000000";
    let policies = [
        locations(&["All"], &["AllTrusted"]),
        locations(&["AllTrusted"], &[]),
        locations(&["office"], &[]),
        locations(&["nordics"], &["office"]),
        locations(&["nowhere"], &[]),
        locations(&["gone"], &[]),
        locations(&["All"], &[mfa]),
        locations(&["office"], &["AllTrusted"]),
    ];
    let mut facts = facts();
    let named = [
        json!({"id": "office", "displayName": "Office", "isTrusted": true, "ipRanges": [{"cidrAddress": "198.51.100.0/24"}]}),
        json!({"id": "nordics", "displayName": "Nordics", "countriesAndRegions": ["SE"], "includeUnknownCountriesAndRegions": false}),
        json!({"id": "nowhere", "displayName": "Nowhere", "countriesAndRegions": ["XX"], "includeUnknownCountriesAndRegions": true}),
    ];
    let named = named.map(|json| portcullis::model::NamedLocation::try_from(json).unwrap());
    facts.locations = Some(
        named
            .into_iter()
            .map(|location| (location.id.clone(), location))
            .collect(),
    );
    type Case = (
        Option<&'static str>,
        Option<Country>,
        Option<bool>,
        [Truth; 8],
    );
    let cases: [Case; 6] = [
        // address, country, MFA trusted
        (
            Some("198.51.100.9"),
            Some(Country::Code("SE".into())),
            Some(false),
            [No, Yes, Yes, No, No, No, Yes, No],
        ),
        (
            Some("203.0.113.9"),
            Some(Country::Code("SE".into())),
            Some(false),
            [Yes, No, No, Yes, No, No, Yes, No],
        ),
        (
            Some("203.0.113.9"),
            Some(Country::NotFound),
            Some(true),
            [No, Yes, No, No, Yes, No, No, No],
        ),
        (
            Some("203.0.113.9"),
            Some(Country::Code("US".into())),
            None,
            [Unknown, Unknown, No, No, No, No, Unknown, No],
        ),
        (
            None,
            Some(Country::Code("SE".into())),
            Some(false),
            [Unknown, Unknown, Unknown, Unknown, No, No, Yes, No],
        ),
        (
            None,
            None,
            None,
            [Unknown, Unknown, Unknown, Unknown, Unknown, No, Unknown, No],
        ),
    ];
    for (address, country, mfa_trusted, expected) in cases {
        let sign_in = anna_with(|sign_in| {
            sign_in.place.address = address.map(|address| address.parse().unwrap());
            sign_in.place.country = country.clone();
            sign_in.place.mfa_trusted = mfa_trusted;
        });
        let applies = [0, 1, 2, 3, 4, 5, 6, 7].map(|at| applies(&policies[at], &sign_in, &facts));
        assert_eq!(applies, expected, "{address:?} {country:?} {mfa_trusted:?}");
    }
    // Without the objects each location is a fact of its own, which may be given.
    let given = anna_with(|sign_in| {
        sign_in.place.within = [(Id::new("office"), true)].into();
        sign_in.place.trusted = Some(true);
    });
    let applies = [0, 1, 2, 3].map(|at| applies(&policies[at], &given, &NoFacts));
    assert_eq!(applies, [No, Yes, Yes, No]);
}

#[test]
fn c5_a_level_matches_when_it_is_listed() {
    let policies = [
        json!([]),
        json!(["high", "medium"]),
        json!(["none", "low", "medium", "high", "hidden"]),
        json!(["none"]),
    ]
    .map(|levels| policy(json!({"signInRiskLevels": levels.clone(), "userRiskLevels": []})));
    for (risk, expected) in [
        (Some(RiskLevel::None), [Yes, No, Yes, Yes]),
        (Some(RiskLevel::High), [Yes, Yes, Yes, No]),
        (Some(RiskLevel::Hidden), [Yes, No, Yes, No]),
        (None, [Yes, Unknown, Yes, Unknown]),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.sign_in_risk = risk.clone());
        let applies = [0, 1, 2, 3].map(|at| applies(&policies[at], &sign_in, &NoFacts));
        assert_eq!(applies, expected, "{risk:?}");
    }
}

/// The table at the end of `concept-condition-filters-for-devices`.
#[test]
fn c6_device_filters() {
    let filter = |mode: &str, rule: &str| {
        policy(json!({"devices": {"deviceFilter": {"mode": mode, "rule": rule}}}))
    };
    let policies = [
        filter("include", "device.model -eq \"Surface\""),
        filter("exclude", "device.model -eq \"Surface\""),
        filter("include", "device.model -ne \"Surface\""),
        filter("include", "device.extensionAttribute1 -eq \"SAW\""),
        filter("include", "device.extensionAttribute1 -ne \"SAW\""),
        filter("include", "device.model is fine"),
    ];
    let surface = || {
        Attributes::complete()
            .with("model", "Surface")
            .with("extensionAttribute1", "SAW")
    };
    type Case = (Option<bool>, Option<bool>, Attributes, [Truth; 6]);
    let cases: [Case; 6] = [
        // registered, managed by Intune, attributes
        (
            Some(false),
            None,
            surface(),
            [No, Yes, Yes, No, Yes, Unknown],
        ),
        (
            Some(true),
            Some(true),
            surface(),
            [Yes, No, No, Yes, No, Unknown],
        ),
        (
            Some(true),
            Some(false),
            surface(),
            [Yes, No, No, No, Yes, Unknown],
        ),
        (
            Some(true),
            Some(false),
            surface().with("trustType", "ServerAD"),
            [Yes, No, No, Yes, No, Unknown],
        ),
        (
            Some(true),
            Some(false),
            surface().with("isCompliant", true),
            [Yes, No, No, Yes, No, Unknown],
        ),
        (
            None,
            None,
            Attributes::default(),
            [Unknown, Unknown, Unknown, Unknown, Unknown, Unknown],
        ),
    ];
    for (registered, managed, attributes, expected) in cases {
        let sign_in = anna_with(|sign_in| {
            sign_in.device.registered = registered;
            sign_in.device.managed = managed;
            sign_in.device.attributes = attributes;
        });
        let applies = [0, 1, 2, 3, 4, 5].map(|at| applies(&policies[at], &sign_in, &NoFacts));
        assert_eq!(applies, expected, "{:?}", sign_in.device);
    }
    let known_model = anna_with(|sign_in| {
        sign_in.device.attributes = Attributes::default().with("model", "Laptop")
    });
    // Registered or not, it is no Surface.
    assert_eq!(applies(&policies[0], &known_model, &NoFacts), No);
    assert_eq!(applies(&policies[2], &known_model, &NoFacts), Yes);
}

#[test]
fn c7_a_policy_on_flows_never_covers_an_ordinary_sign_in() {
    let policies = [
        json!(null),
        json!({"transferMethods": "deviceCodeFlow"}),
        json!({"transferMethods": "deviceCodeFlow,authenticationTransfer"}),
    ]
    .map(|flows| policy(json!({"authenticationFlows": flows})));
    for (flow, expected) in [
        (Some(TransferMethod::None), [Yes, No, No]),
        (Some(TransferMethod::DeviceCode), [Yes, Yes, Yes]),
        (Some(TransferMethod::Transfer), [Yes, No, Yes]),
        (None, [Yes, Unknown, Unknown]),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.flow = flow.clone());
        let applies = [0, 1, 2].map(|at| applies(&policies[at], &sign_in, &NoFacts));
        assert_eq!(applies, expected, "{flow:?}");
    }
}

#[test]
fn what_nobody_knows_leaves_the_policy_undetermined() {
    let odd = policy(json!({"times": {"includedRanges": ["x"]}, "deviceStates": {"include": []}}));
    assert_eq!(applies(&odd, &anna(), &NoFacts), Unknown);
    let bert_only =
        policy(json!({"times": {"includedRanges": ["x"]}, "users": {"includeUsers": ["bert"]}}));
    assert_eq!(applies(&bert_only, &anna(), &NoFacts), No);
    let empty = policy(json!({"deviceStates": {"include": []}, "clients": null}));
    assert_eq!(applies(&empty, &anna(), &NoFacts), Yes);
}

/// Contract section 2.6: the first condition that is not met, in the order of `analysisReasons`.
#[test]
fn the_first_unmet_condition_is_the_one_graph_names_first() {
    let elsewhere = json!({"includeApplications": ["elsewhere"]});
    let windows = json!({"includePlatforms": ["macOS"]});
    for (conditions, expected) in [
        (json!({}), "notSet"),
        (
            json!({"platforms": windows, "applications": elsewhere, "users": {"includeUsers": ["bert"]}}),
            "users",
        ),
        (
            json!({"platforms": windows, "applications": elsewhere}),
            "application",
        ),
        (
            json!({"platforms": windows, "clientAppTypes": ["other"]}),
            "devicePlatform",
        ),
        (
            json!({"devices": {"deviceFilter": {"mode": "include", "rule": "device.model -eq \"x\""}}, "clientAppTypes": ["other"]}),
            "devices",
        ),
        (
            json!({"clientAppTypes": ["other"], "signInRiskLevels": ["high"]}),
            "clientApps",
        ),
        (
            json!({"locations": {"includeLocations": ["gone"]}, "signInRiskLevels": ["high"]}),
            "location",
        ),
        (
            json!({"signInRiskLevels": ["high"], "userRiskLevels": ["high"]}),
            "signInRisk",
        ),
        (
            json!({"userRiskLevels": ["high"], "authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),
            "userRisk",
        ),
        (
            json!({"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),
            "authenticationFlow",
        ),
        (
            json!({"insiderRiskLevels": "minor"}),
            "notEnoughInformation",
        ),
        (
            json!({"insiderRiskLevels": "minor", "userRiskLevels": ["high"]}),
            "userRisk",
        ),
        (
            json!({"clientApplications": {"includeServicePrincipals": ["x"]}, "users": {"includeUsers": ["None"]}}),
            "workloadIdentities",
        ),
    ] {
        let sign_in = anna_with(|sign_in| sign_in.device.registered = Some(false));
        let mut facts = facts();
        facts.locations = Some([].into());
        assert_eq!(
            analysis_reason(&policy(conditions.clone()), &sign_in, &facts),
            expected,
            "{conditions}"
        );
    }
    let off = in_state(
        "disabled",
        json!({"users": {"includeUsers": ["bert"]}}),
        json!(null),
    );
    assert_eq!(analysis_reason(&off, &anna(), &NoFacts), "policyNotEnabled");
    let action = anna_with(|sign_in| {
        sign_in.target = Some(Target::UserAction(UserAction::RegisterDevice));
    });
    assert_eq!(
        analysis_reason(&policy(json!({})), &action, &NoFacts),
        "userActions"
    );
}

#[test]
fn an_explanation_says_why_in_names() {
    let mut facts = facts();
    facts.names = Names::default().with(Kind::Group, Id::new("staff"), "All staff");
    for (conditions, condition, expected) in [
        (
            json!({"users": {"includeUsers": ["All"], "excludeGroups": ["staff"]}}),
            Condition::Users,
            "excluded: member of group All staff",
        ),
        (
            json!({"users": {"includeGroups": ["empty"]}}),
            Condition::Users,
            "the user is not among those it includes",
        ),
        (
            json!({"users": {"includeGroups": ["half"]}}),
            Condition::Users,
            "would need to know whether this holds: member of group half",
        ),
        (json!({}), Condition::Application, "included: all resources"),
        (
            json!({"clientAppTypes": ["mobileAppsAndDesktopClients"]}),
            Condition::ClientApps,
            "the client browser is not among its clients (mobile-apps-and-desktop-clients)",
        ),
        (
            json!({"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["windows"]}}),
            Condition::Platform,
            "the platform windows is not among its platforms (all, but not windows)",
        ),
        (
            json!({"signInRiskLevels": ["high"]}),
            Condition::SignInRisk,
            "the sign-in risk none is not among its levels (high)",
        ),
        (
            json!({"insiderRiskLevels": "elevated"}),
            Condition::InsiderRisk,
            "would need to know whether the insider risk is among its levels (elevated)",
        ),
        (
            json!({"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),
            Condition::AuthenticationFlow,
            "an ordinary sign-in is not among its authentication flows (device-code-flow)",
        ),
        (
            json!({"devices": {"deviceFilter": {"mode": "include", "rule": "device.model"}}}),
            Condition::Devices,
            "the device filter cannot be read, at character 13: an operator like -eq is expected",
        ),
        (
            json!({"times": "x"}),
            Condition::Other,
            "the policy holds conditions.times, which this version does not know",
        ),
    ] {
        let explanation = explain(&policy(conditions.clone()), &anna(), &facts);
        let reason = explanation
            .reasons
            .iter()
            .find(|reason| reason.condition == condition);
        assert_eq!(reason.unwrap().why, expected, "{conditions}");
    }
}
