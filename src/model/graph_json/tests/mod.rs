//! Every property in and out, what is kept and what is not written.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod objects;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Block, LivePolicy, block_json, create_json};
use crate::diff;
use crate::model::fixture::any_policy;
use crate::model::{
    ClientApp, CloudAppSecurity, Conditions, Control, ExternalTenants, Filter, FilterMode,
    FrequencyAuthentication, FrequencyInterval, FrequencyUnit, Grant, GuestKind, Guests, Id,
    InsiderRisk, LocationSet, Locations, Operator, PersistentBrowser, Platform, Platforms, Policy,
    RiskLevel, Session, SignInFrequency, State, Suite, TargetSet, Targets, TransferMethod,
    UserAction, UserSet, Users, Workload,
};

fn guid(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<Id> {
    numbers.into_iter().map(|n| Id::new(guid(n))).collect()
}

/// The smallest policy that has the documented shape.
fn small() -> Value {
    json!({"id": guid(1), "displayName": "A", "state": "disabled", "conditions": {}})
}

/// The smallest policy with something put at a path.
fn with(path: &str, value: Value) -> Value {
    let mut policy = small();
    let mut at = &mut policy;
    for key in path.split('.') {
        if at.is_null() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = value;
    policy
}

fn read(policy: Value) -> LivePolicy {
    LivePolicy::try_from(policy).unwrap()
}

fn error(policy: Value) -> String {
    LivePolicy::try_from(policy).unwrap_err().to_string()
}

/// A policy with something in every property, in the form and order the service answers with.
fn everything() -> Value {
    json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess/policies/$entity",
        "id": "0000000A-0000-4000-8000-000000000001",
        "templateId": "c503282e-c03e-4098-8bc9-d4acd28ef2a2",
        "displayName": "Everything",
        "createdDateTime": "2026-11-01T18:55:43.1454565Z",
        "modifiedDateTime": "2026-11-02T00:00:00Z",
        "deletedDateTime": null,
        "state": "enabledForReportingButNotEnforced",
        "partialEnablementStrategy": null,
        "conditions": {
            "clientAppTypes": ["mobileAppsAndDesktopClients", "browser", "exchangeActiveSync", "easSupported", "other", "all"],
            "applications": {
                "includeApplications": [guid(2), "Office365", "All", "None", "MicrosoftAdminPortals", "AllAgentIdResources"],
                "excludeApplications": [guid(3), "Office365"],
                "includeUserActions": ["urn:user:registersecurityinfo", "urn:user:registerdevice"],
                "includeAuthenticationContextClassReferences": ["c1", "c99"],
                "applicationFilter": {"mode": "exclude", "rule": "CustomSecurityAttribute.a -eq 'b'"},
            },
            "users": {
                "includeUsers": [guid(4), "All", "None"],
                "excludeUsers": [guid(5), "GuestsOrExternalUsers"],
                "includeGroups": [guid(6)],
                "excludeGroups": [guid(7)],
                "includeRoles": [guid(8)],
                "excludeRoles": [guid(9)],
                "includeGuestsOrExternalUsers": {
                    "guestOrExternalUserTypes": "internalGuest, serviceProvider",
                    "externalTenants": {
                        "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                        "membershipKind": "enumerated",
                        "members": ["0000000B-0000-4000-8000-000000000000"],
                    },
                },
                "excludeGuestsOrExternalUsers": null,
            },
            "clientApplications": {
                "includeServicePrincipals": ["ServicePrincipalsInMyTenant", guid(10)],
                "excludeServicePrincipals": [guid(11)],
                "servicePrincipalFilter": {"mode": "include", "rule": "x"},
            },
            "platforms": {"includePlatforms": ["all", "android", "iOS", "windows", "windowsPhone", "macOS"], "excludePlatforms": ["linux"]},
            "locations": {
                "includeLocations": ["All", guid(12)],
                "excludeLocations": ["AllTrusted", "00000000-0000-0000-0000-000000000000"],
            },
            "signInRiskLevels": ["low", "hidden"],
            "userRiskLevels": ["medium", "none"],
            "servicePrincipalRiskLevels": ["high"],
            "insiderRiskLevels": "minor, moderate,elevated",
            "authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"},
            "devices": {"deviceFilter": {"mode": "include", "rule": "device.isCompliant -eq True"}},
        },
        "grantControls": {
            "operator": "AND",
            "builtInControls": ["block", "mfa", "compliantDevice", "domainJoinedDevice", "approvedApplication", "compliantApplication", "passwordChange", "riskRemediation"],
            "customAuthenticationFactors": ["factor"],
            "termsOfUse": [guid(13)],
            "authenticationStrength@odata.context": "…",
            "authenticationStrength": {
                "id": "00000000-0000-0000-0000-000000000004",
                "displayName": "Phishing-resistant MFA",
                "allowedCombinations": ["fido2"],
            },
        },
        "sessionControls": {
            "signInFrequency": {
                "isEnabled": true, "value": 4, "type": "hours",
                "authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased",
            },
            "persistentBrowser": {"isEnabled": true, "mode": "never"},
            "applicationEnforcedRestrictions": {"isEnabled": true},
            "cloudAppSecurity": {"isEnabled": true, "cloudAppSecurityType": "blockDownloads"},
            "disableResilienceDefaults": true,
            "secureSignInSession": {"isEnabled": true},
        },
    })
}

/// What [`everything`] means, written out.
fn everything_read() -> Policy<Id> {
    Policy {
        name: "Everything".into(),
        conditions: Conditions {
            users: Users {
                include: UserSet {
                    all: true,
                    none: true,
                    users: ids([4]),
                    groups: ids([6]),
                    roles: ids([8]),
                    guests: Some(Guests {
                        kinds: BTreeSet::from([
                            GuestKind::InternalGuest,
                            GuestKind::ServiceProvider,
                        ]),
                        tenants: Some(ExternalTenants::Enumerated(BTreeSet::from([
                            "0000000b-0000-4000-8000-000000000000".to_owned(),
                        ]))),
                        legacy: false,
                    }),
                },
                exclude: UserSet {
                    all: false,
                    none: false,
                    users: ids([5]),
                    groups: ids([7]),
                    roles: ids([9]),
                    guests: Some(Guests {
                        kinds: BTreeSet::from([
                            GuestKind::InternalGuest,
                            GuestKind::B2bCollaborationGuest,
                            GuestKind::B2bCollaborationMember,
                            GuestKind::B2bDirectConnectUser,
                            GuestKind::OtherExternalUser,
                            GuestKind::ServiceProvider,
                        ]),
                        tenants: Some(ExternalTenants::All),
                        legacy: true,
                    }),
                },
            },
            workload: Some(Workload {
                include_all: true,
                include: ids([10]),
                exclude: ids([11]),
                filter: Some(Filter {
                    mode: FilterMode::Include,
                    rule: "x".into(),
                }),
            }),
            targets: Targets {
                include: TargetSet {
                    all: true,
                    none: true,
                    suites: BTreeSet::from([
                        Suite::Office365,
                        Suite::AdminPortals,
                        Suite::AgentResources,
                    ]),
                    apps: ids([2]),
                },
                exclude: TargetSet {
                    all: false,
                    none: false,
                    suites: BTreeSet::from([Suite::Office365]),
                    apps: ids([3]),
                },
                user_actions: BTreeSet::from([
                    UserAction::RegisterSecurityInformation,
                    UserAction::RegisterDevice,
                ]),
                authentication_contexts: BTreeSet::from(["c1".to_owned(), "c99".to_owned()]),
                filter: Some(Filter {
                    mode: FilterMode::Exclude,
                    rule: "CustomSecurityAttribute.a -eq 'b'".into(),
                }),
            },
            client_apps: BTreeSet::from([
                ClientApp::All,
                ClientApp::Browser,
                ClientApp::MobileAndDesktop,
                ClientApp::ExchangeActiveSync,
                ClientApp::EasSupported,
                ClientApp::Other,
            ]),
            platforms: Some(Platforms {
                include: BTreeSet::from([
                    Platform::All,
                    Platform::Android,
                    Platform::Ios,
                    Platform::Windows,
                    Platform::WindowsPhone,
                    Platform::MacOs,
                ]),
                exclude: BTreeSet::from([Platform::Linux]),
            }),
            locations: Some(Locations {
                include: LocationSet {
                    all: true,
                    all_trusted: false,
                    mfa_trusted_ips: false,
                    named: ids([12]),
                },
                exclude: LocationSet {
                    all: false,
                    all_trusted: true,
                    mfa_trusted_ips: true,
                    named: ids([]),
                },
            }),
            sign_in_risk: BTreeSet::from([RiskLevel::Low, RiskLevel::Hidden]),
            user_risk: BTreeSet::from([RiskLevel::Medium, RiskLevel::None]),
            service_principal_risk: BTreeSet::from([RiskLevel::High]),
            insider_risk: BTreeSet::from([
                InsiderRisk::Minor,
                InsiderRisk::Moderate,
                InsiderRisk::Elevated,
            ]),
            flows: BTreeSet::from([TransferMethod::DeviceCode, TransferMethod::Transfer]),
            device_filter: Some(Filter {
                mode: FilterMode::Include,
                rule: "device.isCompliant -eq True".into(),
            }),
        },
        grant: Some(Grant {
            operator: Operator::All,
            controls: BTreeSet::from([
                Control::Block,
                Control::Mfa,
                Control::CompliantDevice,
                Control::HybridJoinedDevice,
                Control::ApprovedApp,
                Control::AppProtection,
                Control::PasswordChange,
                Control::RiskRemediation,
            ]),
            strength: Some(Id::new("00000000-0000-0000-0000-000000000004")),
            terms_of_use: ids([13]),
            custom_factors: BTreeSet::from(["factor".to_owned()]),
        }),
        session: Some(Session {
            sign_in_frequency: Some(SignInFrequency {
                interval: FrequencyInterval::TimeBased,
                value: Some(4),
                unit: Some(FrequencyUnit::Hours),
                authentication: FrequencyAuthentication::PrimaryAndSecondary,
            }),
            persistent_browser: Some(PersistentBrowser::Never),
            app_enforced_restrictions: true,
            cloud_app_security: Some(CloudAppSecurity::BlockDownloads),
            resilience_defaults_disabled: true,
            token_protection: true,
        }),
    }
}

#[test]
fn every_property_is_read() {
    let live = read(everything());
    assert_eq!(live.policy, everything_read());
    assert_eq!(live.id.as_str(), "0000000a-0000-4000-8000-000000000001");
    assert_eq!(
        live.template_id.as_deref(),
        Some("c503282e-c03e-4098-8bc9-d4acd28ef2a2")
    );
    assert_eq!(live.state, State::ReportOnly);
    assert_eq!(
        live.created.unwrap().to_string(),
        "2026-11-01T18:55:43.1454565Z"
    );
    assert_eq!(
        live.unchanged_since().unwrap().to_string(),
        "2026-11-02T00:00:00Z"
    );
    assert!(live.unmodelled.is_empty(), "{:?}", live.unmodelled);
}

#[test]
fn every_property_is_written() {
    let policy = everything_read();
    assert_eq!(
        block_json(&policy, Block::Name),
        ("displayName", json!("Everything"))
    );
    let (key, conditions) = block_json(&policy, Block::Conditions);
    assert_eq!(key, "conditions");
    let all_guests = "#microsoft.graph.conditionalAccessEnumeratedExternalTenants";
    assert_eq!(
        conditions,
        json!({
            "clientAppTypes": ["all", "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"],
            "applications": {
                "includeApplications": ["All", "None", "Office365", "MicrosoftAdminPortals", "AllAgentIdResources", guid(2)],
                "excludeApplications": ["Office365", guid(3)],
                "includeUserActions": ["urn:user:registersecurityinfo", "urn:user:registerdevice"],
                "includeAuthenticationContextClassReferences": ["c1", "c99"],
                "applicationFilter": {"mode": "exclude", "rule": "CustomSecurityAttribute.a -eq 'b'"},
            },
            "users": {
                "includeUsers": ["All", "None", guid(4)],
                "excludeUsers": ["GuestsOrExternalUsers", guid(5)],
                "includeGroups": [guid(6)],
                "excludeGroups": [guid(7)],
                "includeRoles": [guid(8)],
                "excludeRoles": [guid(9)],
                "includeGuestsOrExternalUsers": {
                    "guestOrExternalUserTypes": "internalGuest,serviceProvider",
                    "externalTenants": {
                        "@odata.type": all_guests,
                        "membershipKind": "enumerated",
                        "members": ["0000000b-0000-4000-8000-000000000000"],
                    },
                },
                "excludeGuestsOrExternalUsers": null,
            },
            "clientApplications": {
                "includeServicePrincipals": ["ServicePrincipalsInMyTenant", guid(10)],
                "excludeServicePrincipals": [guid(11)],
                "servicePrincipalFilter": {"mode": "include", "rule": "x"},
            },
            "platforms": {"includePlatforms": ["all", "android", "iOS", "windows", "windowsPhone", "macOS"], "excludePlatforms": ["linux"]},
            "locations": {
                "includeLocations": ["All", guid(12)],
                "excludeLocations": ["AllTrusted", "00000000-0000-0000-0000-000000000000"],
            },
            "signInRiskLevels": ["low", "hidden"],
            "userRiskLevels": ["medium", "none"],
            "servicePrincipalRiskLevels": ["high"],
            "insiderRiskLevels": "minor,moderate,elevated",
            "authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"},
            "devices": {"deviceFilter": {"mode": "include", "rule": "device.isCompliant -eq True"}},
        })
    );
    assert_eq!(
        block_json(&policy, Block::Grant),
        (
            "grantControls",
            json!({
                "operator": "AND",
                "builtInControls": ["block", "mfa", "compliantDevice", "domainJoinedDevice", "approvedApplication", "compliantApplication", "passwordChange", "riskRemediation"],
                "customAuthenticationFactors": ["factor"],
                "termsOfUse": [guid(13)],
                "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"},
            })
        )
    );
    assert_eq!(
        block_json(&policy, Block::Session),
        (
            "sessionControls",
            json!({
                "signInFrequency": {
                    "isEnabled": true, "value": 4, "type": "hours",
                    "authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased",
                },
                "persistentBrowser": {"isEnabled": true, "mode": "never"},
                "applicationEnforcedRestrictions": {"isEnabled": true},
                "cloudAppSecurity": {"isEnabled": true, "cloudAppSecurityType": "blockDownloads"},
                "disableResilienceDefaults": true,
                "secureSignInSession": {"isEnabled": true},
            })
        )
    );
}

#[test]
fn a_patch_says_openly_what_a_block_does_not_hold() {
    let policy = read(small()).policy;
    assert_eq!(
        block_json(&policy, Block::Conditions).1,
        json!({
            "clientAppTypes": [],
            "applications": {
                "includeApplications": [],
                "excludeApplications": [],
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [],
                "applicationFilter": null,
            },
            "users": {
                "includeUsers": [], "excludeUsers": [],
                "includeGroups": [], "excludeGroups": [],
                "includeRoles": [], "excludeRoles": [],
                "includeGuestsOrExternalUsers": null, "excludeGuestsOrExternalUsers": null,
            },
            "clientApplications": null,
            "platforms": null,
            "locations": null,
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "insiderRiskLevels": null,
            "authenticationFlows": null,
            "devices": null,
        })
    );
    assert_eq!(block_json(&policy, Block::Grant).1, Value::Null);
    assert_eq!(block_json(&policy, Block::Session).1, Value::Null);

    let strength_only = read(with(
        "grantControls.authenticationStrength",
        json!({"id": guid(4)}),
    ));
    assert_eq!(
        block_json(&strength_only.policy, Block::Grant).1,
        json!({
            "operator": "OR",
            "builtInControls": [],
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength": {"id": guid(4)},
        })
    );
    let one_limit = read(with(
        "sessionControls.persistentBrowser",
        json!({"isEnabled": true, "mode": "always"}),
    ));
    assert_eq!(
        block_json(&one_limit.policy, Block::Session).1,
        json!({
            "signInFrequency": null,
            "persistentBrowser": {"isEnabled": true, "mode": "always"},
            "applicationEnforcedRestrictions": null,
            "cloudAppSecurity": null,
            "disableResilienceDefaults": null,
            "secureSignInSession": null,
        })
    );
}

#[test]
fn a_creation_leaves_out_the_empty_controls_beside_a_strength() {
    let strength_only = read(with(
        "grantControls.authenticationStrength",
        json!({"id": guid(4)}),
    ));
    let body = create_json(&strength_only.policy, State::ReportOnly);
    assert_eq!(
        body["grantControls"],
        json!({
            "operator": "OR",
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength": {"id": guid(4)},
        })
    );
    assert_eq!(body["state"], "enabledForReportingButNotEnforced");
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "conditions",
            "displayName",
            "grantControls",
            "sessionControls",
            "state"
        ]
    );
    let mfa = read(with("grantControls.builtInControls", json!(["mfa"])));
    let body = create_json(&mfa.policy, State::Off);
    assert_eq!(body["grantControls"]["builtInControls"], json!(["mfa"]));
    assert_eq!(body["state"], "disabled");
}

#[test]
fn every_time_stands_without_what_the_service_refuses_beside_it() {
    let live = read(with(
        "sessionControls.signInFrequency",
        json!({
            "isEnabled": true, "value": null, "type": null,
            "authenticationType": "secondaryAuthentication", "frequencyInterval": "everyTime",
        }),
    ));
    assert_eq!(
        block_json(&live.policy, Block::Session).1,
        json!({
            "signInFrequency": {
                "isEnabled": true, "value": null, "type": null,
                "authenticationType": "secondaryAuthentication", "frequencyInterval": "everyTime",
            },
            "persistentBrowser": null,
            "cloudAppSecurity": null,
            "secureSignInSession": null,
        })
    );
}

#[test]
fn what_is_not_modelled_is_kept_by_its_path_and_not_written() {
    let mut json = everything();
    json["partialEnablementStrategy"] = json!("half");
    json["conditions"]["times"] = json!({"includedRanges": []});
    json["conditions"]["clients"] = Value::Null;
    json["conditions"]["users"]["includeAgents"] = json!(["x"]);
    json["sessionControls"]["continuousAccessEvaluation"] = json!({"mode": "strictLocation"});
    json["sessionControls"]["signInFrequency"]["jitter"] = json!(3);
    let live = read(json.clone());
    let kept: Vec<_> = live.unmodelled.iter().collect();
    assert_eq!(
        kept,
        [
            (
                &"conditions.times".to_owned(),
                &json!({"includedRanges": []})
            ),
            (&"conditions.users.includeAgents".to_owned(), &json!(["x"])),
            (&"partialEnablementStrategy".to_owned(), &json!("half")),
            (
                &"sessionControls.continuousAccessEvaluation".to_owned(),
                &json!({"mode": "strictLocation"})
            ),
            (
                &"sessionControls.signInFrequency.jitter".to_owned(),
                &json!(3)
            ),
        ]
    );
    let written = create_json(&live.policy, State::Off).to_string();
    for word in [
        "includeAgents",
        "times",
        "partialEnablement",
        "continuousAccess",
        "jitter",
        "templateId",
        "odata.bind",
        "allowedCombinations",
    ] {
        assert!(!written.contains(word), "{word} is echoed");
    }
    assert_eq!(serde_json::to_value(&live).unwrap(), json);
}

#[test]
fn a_member_of_an_enumeration_that_is_new_is_read_as_it_came() {
    let live = read(with(
        "conditions.platforms.includePlatforms",
        json!(["visionOS"]),
    ));
    assert_eq!(
        live.policy.conditions.platforms.unwrap().include,
        BTreeSet::from([Platform::Unknown("visionOS".into())])
    );
    let live = read(with("grantControls.operator", json!("XOR")));
    assert_eq!(
        live.policy.grant.unwrap().operator,
        Operator::Unknown("XOR".into())
    );
    let live = read(with("conditions.insiderRiskLevels", json!("minor,extreme")));
    assert_eq!(
        live.policy.conditions.insider_risk,
        BTreeSet::from([InsiderRisk::Minor, InsiderRisk::Unknown("extreme".into())])
    );
}

#[test]
fn guests_are_read_in_both_forms_and_written_in_the_one_they_had() {
    let old = read(with(
        "conditions.users.includeUsers",
        json!(["GuestsOrExternalUsers"]),
    ));
    let include = &old.policy.conditions.users.include;
    assert!(include.users.is_empty());
    assert_eq!(include.guests.as_ref().unwrap().kinds.len(), 6);
    let written = block_json(&old.policy, Block::Conditions).1;
    assert_eq!(
        written["users"]["includeUsers"],
        json!(["GuestsOrExternalUsers"])
    );
    assert_eq!(
        written["users"]["includeGuestsOrExternalUsers"],
        Value::Null
    );

    let object = json!({
        "guestOrExternalUserTypes": "internalGuest, b2bCollaborationGuest,",
        "externalTenants": {"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind": "all"},
    });
    let new = read(with(
        "conditions.users.includeGuestsOrExternalUsers",
        object,
    ));
    let guests = new.policy.conditions.users.include.guests.as_ref().unwrap();
    assert_eq!(
        guests.kinds,
        BTreeSet::from([GuestKind::InternalGuest, GuestKind::B2bCollaborationGuest])
    );
    assert!(!guests.legacy);
    assert_eq!(
        block_json(&new.policy, Block::Conditions).1["users"]["includeGuestsOrExternalUsers"],
        json!({
            "guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest",
            "externalTenants": {"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind": "all"},
        })
    );
}

#[test]
fn a_block_that_does_nothing_is_no_block() {
    for (path, value) in [
        ("conditions.platforms", json!({"includePlatforms": []})),
        (
            "conditions.locations",
            json!({"includeLocations": [], "excludeLocations": []}),
        ),
        (
            "conditions.clientApplications",
            json!({"includeServicePrincipals": []}),
        ),
        ("conditions.devices", json!({"deviceFilter": null})),
        (
            "sessionControls",
            json!({
                "signInFrequency": {"isEnabled": false, "value": 4, "type": "hours"},
                "persistentBrowser": {"isEnabled": false, "mode": "never"},
                "applicationEnforcedRestrictions": {"isEnabled": false},
                "cloudAppSecurity": {"isEnabled": false, "cloudAppSecurityType": "mcasConfigured"},
                "disableResilienceDefaults": false,
                "secureSignInSession": {"isEnabled": false},
            }),
        ),
    ] {
        assert_eq!(
            read(with(path, value)).policy,
            read(small()).policy,
            "{path}"
        );
    }
}

#[test]
fn a_wrong_type_is_named_by_its_path() {
    for (path, value, message) in [
        ("id", json!(7), "id: is not a string"),
        ("id", Value::Null, "id: is missing"),
        ("displayName", Value::Null, "displayName: is missing"),
        (
            "state",
            json!("on"),
            "state: the state \"on\" is not known to this version",
        ),
        ("conditions", Value::Null, "conditions: is missing"),
        ("conditions", json!(["x"]), "conditions: is not an object"),
        (
            "createdDateTime",
            json!("yesterday"),
            "createdDateTime: is not a point in time",
        ),
        (
            "conditions.users",
            json!("All"),
            "conditions.users: is not an object",
        ),
        (
            "conditions.users.includeUsers",
            json!("All"),
            "conditions.users.includeUsers: is not an array",
        ),
        (
            "conditions.users.excludeGroups",
            json!([null]),
            "conditions.users.excludeGroups: holds something that is not a string",
        ),
        (
            "conditions.insiderRiskLevels",
            json!([1]),
            "conditions.insiderRiskLevels: holds something that is not a string",
        ),
        (
            "conditions.devices.deviceFilter",
            json!({"mode": "include"}),
            "conditions.devices.deviceFilter.rule: is missing",
        ),
        (
            "conditions.users.includeGuestsOrExternalUsers",
            json!({"externalTenants": {"membershipKind": "unknownFutureValue"}}),
            "conditions.users.includeGuestsOrExternalUsers.externalTenants.membershipKind: is neither all nor enumerated",
        ),
        (
            "grantControls.authenticationStrength",
            json!({"displayName": "x"}),
            "grantControls.authenticationStrength: has no id",
        ),
        (
            "sessionControls.signInFrequency.value",
            json!(3_000_000_000_i64),
            "sessionControls.signInFrequency.value: is not a 32-bit number",
        ),
        (
            "sessionControls.secureSignInSession.isEnabled",
            json!("yes"),
            "sessionControls.secureSignInSession.isEnabled: is not a boolean",
        ),
    ] {
        assert_eq!(error(with(path, value)), message, "{path}");
    }
    assert_eq!(error(json!("a policy")), "the JSON: is not an object");
}

proptest! {
    #[test]
    fn a_policy_that_is_created_reads_back_as_it_was(policy in any_policy()) {
        let mut body = create_json(&policy, State::Off);
        body["id"] = json!(guid(1));
        let live = LivePolicy::try_from(body).unwrap();
        prop_assert!(live.unmodelled.is_empty());
        prop_assert_eq!(diff::compare(&live.policy, &policy), vec![]);
    }
}

/// What somebody else keeps as a policy, when it is one, with the id the service would give it.
fn published(mut policy: Map<String, Value>) -> Option<Value> {
    for needed in ["displayName", "state", "conditions"] {
        policy.get(needed)?;
    }
    policy.insert("id".into(), json!(guid(1)));
    Some(Value::Object(policy))
}

#[test]
fn published_policies_are_read_and_mean_the_same_when_they_are_written_again() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/policies");
    let mut files = Vec::new();
    collect(&corpus, &mut files);
    if files.is_empty() {
        let required = std::env::var("PORTCULLIS_SHARED").is_ok_and(|value| value == "required");
        assert!(!required, "no shared corpus beside the checkout");
        println!("skipped: no shared corpus beside the checkout");
        return;
    }
    let (mut read, mut refused, mut others) = (0, Vec::new(), 0);
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let Ok(Value::Object(policy)) = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        else {
            panic!("{} is no object", path.display());
        };
        let Some(policy) = published(policy) else {
            others += 1;
            continue;
        };
        let live = match LivePolicy::try_from(policy) {
            Ok(live) => live,
            Err(error) => {
                assert!(!error.path.is_empty());
                let path = path.strip_prefix(&corpus).unwrap();
                refused.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        read += 1;
        let mut again = json!({"id": guid(1), "state": live.state.wire()});
        for block in [Block::Name, Block::Conditions, Block::Grant, Block::Session] {
            let (key, value) = block_json(&live.policy, block);
            again[key] = value;
        }
        let again = LivePolicy::try_from(again).unwrap();
        assert_eq!(
            diff::compare(&live.policy, &again.policy),
            [],
            "{}",
            path.display()
        );
    }
    println!(
        "{} files: {read} read, {} refused, {others} without the parts of a policy",
        files.len(),
        refused.len()
    );
    for refused in &refused {
        println!("  {refused}");
    }
    // The eighteen are templates: conditions and controls without a name or a state.
    assert_eq!((files.len(), read, others), (153, 135, 18));
    assert!(refused.is_empty(), "{refused:#?}");
}

fn collect(directory: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            into.push(path);
        }
    }
}
