//! Named locations, strengths and contexts: in and out, and what exporters make of policies.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{LivePolicy, ShapeError};
use crate::model::{
    Area, AuthenticationContext, ClientApp, Combination, CountryLookup, GuestKind, InsiderRisk,
    NamedLocation, Operator, Platform, Strength, StrengthType, TransferMethod,
};

fn location(json: Value) -> NamedLocation {
    let read = NamedLocation::try_from(json.clone()).unwrap();
    assert_eq!(Value::from(read.clone()), json, "it goes out as it came in");
    read
}

#[test]
fn addresses_come_as_blocks_and_as_ranges() {
    let read = location(json!({
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": "0A000000-0000-4000-8000-000000000001", "displayName": "Head office",
        "createdDateTime": "2026-11-01T00:00:00Z", "modifiedDateTime": null, "isTrusted": true,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/25"},
            {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8:1::/48"},
            {"@odata.type": "#microsoft.graph.iPv4Range", "lowerAddress": "203.0.113.5", "upperAddress": "203.0.113.9"},
        ],
        "somethingNew": {"a": 1},
    }));
    assert_eq!(read.id.as_str(), "0a000000-0000-4000-8000-000000000001");
    assert!(read.trusted);
    assert_eq!(read.unmodelled["somethingNew"], json!({"a": 1}));
    let Area::Addresses { ranges, complete } = &read.area else {
        panic!("{:?}", read.area);
    };
    assert!(complete);
    for (address, expected) in [
        ("198.51.100.127", true),
        ("198.51.100.128", false),
        ("203.0.113.5", true),
        ("203.0.113.9", true),
        ("203.0.113.10", false),
        ("2001:db8:1:ffff::1", true),
        ("2001:db8:2::1", false),
    ] {
        let address = address.parse().unwrap();
        let inside = ranges.iter().any(|range| range.contains(address));
        assert_eq!(inside, expected, "{address}");
    }
}

#[test]
fn a_range_that_cannot_be_read_leaves_the_location_incomplete() {
    let read = location(json!({
        "@odata.type": "#microsoft.graph.ipNamedLocation", "id": "l", "displayName": "x",
        "ipRanges": [{"cidrAddress": "192.0.2.0/24"}, {"@odata.type": "#microsoft.graph.ipNeighbourhood"}],
    }));
    let Area::Addresses { ranges, complete } = read.area else {
        panic!("no addresses");
    };
    assert_eq!((ranges.len(), complete), (1, false));
}

#[test]
fn countries_come_with_their_lookup() {
    let read = location(json!({
        "@odata.type": "#microsoft.graph.countryNamedLocation", "id": "l", "displayName": "Nordics",
        "countriesAndRegions": ["DK", "se"], "countryLookupMethod": "authenticatorAppGps",
        "includeUnknownCountriesAndRegions": true,
    }));
    assert_eq!(
        read.area,
        Area::Countries {
            countries: BTreeSet::from(["DK".into(), "SE".into()]),
            lookup: CountryLookup::Position,
            include_unknown: true,
        }
    );
    assert!(!read.trusted && read.unmodelled.is_empty());
}

#[test]
fn another_kind_of_location_and_the_first_snapshot_format_are_read() {
    let read = location(json!({
        "@odata.type": "#microsoft.graph.compliantNetworkNamedLocation", "id": "l", "displayName": "n",
    }));
    assert_eq!(read.area, Area::Unknown);
    assert_eq!(
        read.unmodelled["@odata.type"],
        json!("#microsoft.graph.compliantNetworkNamedLocation")
    );
    let read = location(json!({"id": "l", "name": "Head office", "trusted": true}));
    assert_eq!((read.name.as_str(), read.trusted), ("Head office", true));
    assert!(read.unmodelled.is_empty());
    let error = NamedLocation::try_from(json!({"displayName": "x"})).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.problem.as_str()),
        ("id", "is missing")
    );
}

#[test]
fn a_strength_keeps_its_combinations_and_configurations() {
    let json = json!({
        "id": "00000000-0000-0000-0000-00000000000A", "displayName": "Keys of our own",
        "description": "x", "policyType": "custom", "requirementsSatisfied": "mfa",
        "createdDateTime": "2026-11-01T00:00:00Z", "modifiedDateTime": "2026-11-01T00:00:00Z",
        "allowedCombinations": ["fido2", "password,sms"],
        "combinationConfigurations@odata.context": "x",
        "combinationConfigurations": [{
            "@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "id": "c",
            "appliesToCombinations": ["fido2"], "allowedAAGUIDs": ["a"],
        }],
    });
    let read = Strength::try_from(json.clone()).unwrap();
    assert_eq!(Value::from(read.clone()), json);
    assert_eq!(read.policy_type, Some(StrengthType::Custom));
    let combination = Combination::from_wire;
    assert_eq!(
        read.allowed,
        Some(BTreeSet::from([
            combination("fido2"),
            combination("sms,password")
        ]))
    );
    assert_eq!(read.limited, BTreeSet::from([combination("fido2")]));
    assert_eq!(read.satisfies_mfa(), Some(true));
    assert!(read.unmodelled.is_empty());
}

#[test]
fn a_strength_is_mfa_only_when_every_combination_is() {
    for (json, expected) in [
        (
            json!({"id": "s", "allowedCombinations": ["fido2", "sms"]}),
            Some(false),
        ),
        (
            json!({"id": "s", "allowedCombinations": ["fido2"], "requirementsSatisfied": "none"}),
            Some(true),
        ),
        (
            json!({"id": "s", "requirementsSatisfied": "mfa"}),
            Some(true),
        ),
        (
            json!({"id": "s", "requirementsSatisfied": "none"}),
            Some(false),
        ),
        (
            json!({"id": "s", "allowedCombinations": ["telepathy"]}),
            None,
        ),
        (
            json!({"id": "s", "allowedCombinations": ["telepathy"], "requirementsSatisfied": "mfa"}),
            Some(true),
        ),
        (json!({"id": "s", "allowedCombinations": []}), None),
        (
            json!({"id": "s", "name": "first format", "satisfies_mfa": true}),
            Some(true),
        ),
        (json!({"id": "s"}), None),
    ] {
        assert_eq!(
            Strength::try_from(json.clone()).unwrap().satisfies_mfa(),
            expected,
            "{json}"
        );
    }
}

#[test]
fn a_context_is_read() {
    let json = json!({"id": "c37", "displayName": "Trading", "description": null, "isAvailable": true, "new": 1});
    let read = AuthenticationContext::try_from(json.clone()).unwrap();
    assert_eq!(
        (read.id.as_str(), read.name.as_str(), read.available),
        ("c37", "Trading", true)
    );
    assert_eq!(read.unmodelled["new"], json!(1));
    assert_eq!(Value::from(read), json);
}

fn policy(conditions: Value, grant: Value) -> Result<LivePolicy, ShapeError> {
    LivePolicy::try_from(json!({
        "id": "p", "displayName": "x", "state": "enabled", "conditions": conditions,
        "grantControls": grant,
    }))
}

/// Lists for strings, strings for lists, other cases, empty lists for nothing: all seen in published
/// policies.
#[test]
fn what_exporters_make_of_a_policy_is_read() {
    let read = policy(
        json!({
            "clientAppTypes": ["All"],
            "platforms": [],
            "locations": [],
            "insiderRiskLevels": ["minor", "Elevated"],
            "authenticationFlows": {"transferMethods": ["deviceCodeFlow,authenticationTransfer"]},
            "users": {
                "includeUsers": ["All"],
                "excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": ["InternalGuest", "serviceProvider"]},
            },
        }),
        json!({"operator": "or", "builtInControls": ["mfa"]}),
    )
    .unwrap()
    .policy;
    let conditions = read.conditions;
    assert_eq!(conditions.client_apps, BTreeSet::from([ClientApp::All]));
    assert_eq!((conditions.platforms, conditions.locations), (None, None));
    assert_eq!(
        conditions.insider_risk,
        BTreeSet::from([InsiderRisk::Minor, InsiderRisk::Elevated])
    );
    assert_eq!(
        conditions.flows,
        BTreeSet::from([TransferMethod::DeviceCode, TransferMethod::Transfer])
    );
    assert!(conditions.users.include.all);
    assert_eq!(
        conditions.users.exclude.guests.unwrap().kinds,
        BTreeSet::from([GuestKind::InternalGuest, GuestKind::ServiceProvider])
    );
    assert_eq!(read.grant.unwrap().operator, Operator::Any);
    let read = policy(
        json!({"platforms": {"includePlatforms": ["All"], "excludePlatforms": ["LINUX", "visionOS"]}}),
        json!(null),
    );
    assert_eq!(
        read.unwrap().policy.conditions.platforms.unwrap().exclude,
        BTreeSet::from([Platform::Linux, Platform::Unknown("visionOS".into())])
    );
}

#[test]
fn what_is_no_policy_is_refused_with_the_path() {
    for (conditions, grant, expected) in [
        (
            json!({"clientAppTypes": [1]}),
            json!(null),
            "conditions.clientAppTypes: holds something that is not a string",
        ),
        (
            json!({"platforms": ["android"]}),
            json!(null),
            "conditions.platforms: is not an object",
        ),
        (
            json!({"users": {"includeUsers": {"all": true}}}),
            json!(null),
            "conditions.users.includeUsers: is not an array",
        ),
        (
            json!({"devices": {"deviceFilter": {"rule": "x"}}}),
            json!(null),
            "conditions.devices.deviceFilter.mode: is missing",
        ),
        (
            json!({}),
            json!({"authenticationStrength": {}}),
            "grantControls.authenticationStrength: has no id",
        ),
        (json!([]), json!(null), "conditions: is missing"),
    ] {
        assert_eq!(policy(conditions, grant).unwrap_err().to_string(), expected);
    }
}
