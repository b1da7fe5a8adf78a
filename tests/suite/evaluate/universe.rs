//! A small world in plain words, and the way from it to what the library takes.
//!
//! A fact is a name and one of a few values; a fact that is left out is not known. The second evaluator
//! works on these words, and [`sign_in`] and [`tenant`] say the same to the library.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::evaluate::{
    Attributes, Country, Device, Holders, Insider, KnownFacts, Person, Place, Presented, SignIn,
    Standing, Step, Subject, Target,
};
use portcullis::model::{
    ClientApp, Combination, GuestKind, Id, InsiderRisk, NamedLocation, Platform, RiskLevel,
    Strength, Suite, TransferMethod, UserAction,
};
use serde_json::{Value, json};

/// What is known of a sign-in, by the name of the fact.
pub(super) type World = BTreeMap<&'static str, &'static str>;

const YES_NO: &[&str] = &["yes", "no"];
const RISKS: &[&str] = &["none", "low", "medium", "high", "hidden"];

/// Every fact, with every value it can have.
pub(super) const FACTS: &[(&str, &[&str])] = &[
    ("user", &["anna", "bert"]),
    ("group:staff", YES_NO),
    ("group:admins", YES_NO),
    ("group:partners", YES_NO),
    ("role:administrator", YES_NO),
    ("role:reader", YES_NO),
    (
        "standing",
        &[
            "member",
            "internalGuest@home",
            "b2bCollaborationGuest@contoso",
            "b2bCollaborationGuest@fabrikam",
            "b2bCollaborationGuest@elsewhere",
            "b2bCollaborationMember@contoso",
            "b2bCollaborationMember@fabrikam",
            "b2bCollaborationMember@elsewhere",
            "b2bDirectConnectUser@contoso",
            "b2bDirectConnectUser@fabrikam",
            "b2bDirectConnectUser@elsewhere",
            "otherExternalUser@contoso",
            "otherExternalUser@fabrikam",
            "otherExternalUser@elsewhere",
            "serviceProvider@contoso",
            "serviceProvider@fabrikam",
            "serviceProvider@elsewhere",
        ],
    ),
    (
        "target",
        &[
            "app:azure",
            "app:portal",
            "app:mail",
            "app:own",
            "action:urn:user:registersecurityinfo",
            "action:urn:user:registerdevice",
            "context:c1",
            "context:c2",
        ],
    ),
    ("suite:Office365", YES_NO),
    ("suite:MicrosoftAdminPortals", YES_NO),
    (
        "client",
        &[
            "browser",
            "mobileAppsAndDesktopClients",
            "exchangeActiveSync",
            "easSupported",
            "other",
        ],
    ),
    // Of an Exchange ActiveSync client nobody ever knows it.
    ("eas", &["supported", "unsupported"]),
    (
        "platform",
        &[
            "android",
            "iOS",
            "windows",
            "windowsPhone",
            "macOS",
            "linux",
            "another",
        ],
    ),
    (
        "address",
        &["198.51.100.7", "203.0.113.9", "2001:db8::7", "192.0.2.1"],
    ),
    ("country", &["SE", "US", "nowhere"]),
    ("position", &["SE", "US", "nowhere"]),
    ("mfa-trusted", YES_NO),
    ("sign-in-risk", RISKS),
    ("user-risk", RISKS),
    ("insider-risk", &["none", "minor", "moderate", "elevated"]),
    (
        "flow",
        &["none", "deviceCodeFlow", "authenticationTransfer"],
    ),
    ("device:registered", YES_NO),
    ("device:managed", YES_NO),
    ("device.isCompliant", &["True", "False", "null"]),
    (
        "device.trustType",
        &["ServerAD", "AzureAD", "Workplace", "null"],
    ),
    ("device.model", &["Surface Pro", "Laptop", "null"]),
    ("device.extensionAttribute1", &["SAW", "kiosk", "null"]),
    ("mfa:done", YES_NO),
    ("mfa:able", YES_NO),
    (
        "used",
        &["password", "federatedSingleFactor", "password,sms", "fido2"],
    ),
    (
        "available",
        &["password", "federatedSingleFactor", "password,sms", "fido2"],
    ),
    ("approved", YES_NO),
    ("protected", YES_NO),
    ("password:done", YES_NO),
    ("password:able", YES_NO),
    ("remediation:done", YES_NO),
    ("remediation:able", YES_NO),
    ("terms:done", YES_NO),
    ("terms:able", YES_NO),
    ("factor:done", YES_NO),
    ("factor:able", YES_NO),
];

/// The id of a thing of this world.
pub(super) fn id(word: &str) -> String {
    let number = match word {
        // The resource this tool exists for, and the portal in its group.
        "azure" => return "797f4846-ba00-4fd7-ba43-dac1f8f63013".into(),
        "portal" => return "c44b4083-3bb0-49c1-b47d-974e53cbdf3c".into(),
        // Built-in strengths.
        "strength-mfa" => return "00000000-0000-0000-0000-000000000002".into(),
        "strength-passkey" => return "00000000-0000-0000-0000-000000000004".into(),
        "strength-weak" => 1,
        "anna" => 11,
        "bert" => 12,
        "gone" => 19,
        "staff" => 21,
        "admins" => 22,
        "partners" => 23,
        "administrator" => 31,
        "reader" => 32,
        "mail" => 41,
        "own" => 42,
        "office" => 51,
        "branch" => 52,
        "nordics" => 53,
        "abroad" => 54,
        "terms" => 61,
        "contoso" => 71,
        "fabrikam" => 72,
        "elsewhere" => 73,
        "home" => 74,
        other => panic!("{other} does not exist"),
    };
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The named locations, in Graph JSON.
pub(super) fn locations() -> Vec<Value> {
    vec![
        json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "id": id("office"), "displayName": "Office",
            "isTrusted": true, "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"},
                {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/32"}]}),
        json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "id": id("branch"), "displayName": "Branch",
            "isTrusted": false, "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4Range", "lowerAddress": "203.0.113.1", "upperAddress": "203.0.113.9"}]}),
        json!({"@odata.type": "#microsoft.graph.countryNamedLocation", "id": id("nordics"), "displayName": "Nordics",
            "countriesAndRegions": ["SE", "DK"], "countryLookupMethod": "clientIpAddress",
            "includeUnknownCountriesAndRegions": false}),
        json!({"@odata.type": "#microsoft.graph.countryNamedLocation", "id": id("abroad"), "displayName": "Abroad",
            "countriesAndRegions": ["US"], "countryLookupMethod": "authenticatorAppGps",
            "includeUnknownCountriesAndRegions": true}),
    ]
}

/// The authentication strengths, in Graph JSON.
pub(super) fn strengths() -> Vec<Value> {
    vec![
        json!({"id": id("strength-mfa"), "displayName": "Multifactor authentication", "policyType": "builtIn",
            "requirementsSatisfied": "mfa", "allowedCombinations": ["fido2", "password,sms", "federatedMultiFactor"]}),
        json!({"id": id("strength-passkey"), "displayName": "Phishing resistant MFA", "policyType": "builtIn",
            "requirementsSatisfied": "mfa",
            "allowedCombinations": ["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"]}),
        json!({"id": id("strength-weak"), "displayName": "Anything", "policyType": "custom",
            "requirementsSatisfied": "none", "allowedCombinations": ["password", "password,sms"]}),
    ]
}

/// Whether a world can be: what one fact says of another.
pub(super) fn is_consistent(world: &World) -> bool {
    let is =
        |fact: &str, values: &[&str]| world.get(fact).is_some_and(|value| values.contains(value));
    let device = is("device.isCompliant", &["True", "False"])
        || is("device.trustType", &["ServerAD", "AzureAD", "Workplace"]);
    let mfa = ["password,sms", "fido2"];
    let impossible = [
        is("device:registered", &["no"]) && device,
        is("used", &mfa) && is("mfa:done", &["no"]),
        is("available", &mfa) && is("mfa:able", &["no"]),
        // Of Azure management only the portal is a portal, and nothing of it is of Office 365.
        is("target", &["app:azure", "app:portal"]) && is("suite:Office365", &["yes"]),
        is("target", &["app:azure"]) && is("suite:MicrosoftAdminPortals", &["yes"]),
        is("target", &["app:portal"]) && is("suite:MicrosoftAdminPortals", &["no"]),
    ];
    !impossible.contains(&true)
}

/// What the tenant says in this world.
pub(super) fn tenant(world: &World) -> KnownFacts {
    let user = Id::new(id(world["user"]));
    let mut facts = KnownFacts::default();
    for (fact, value) in world {
        let holders = || match *value {
            "yes" => Holders::all([user.clone()]),
            _ => Holders::all([]),
        };
        if let Some(group) = fact.strip_prefix("group:") {
            facts.groups.insert(Id::new(id(group)), holders());
        }
        if let Some(role) = fact.strip_prefix("role:") {
            facts.roles.insert(Id::new(id(role)), holders());
        }
        if let (Some(suite), Some(app)) = (
            fact.strip_prefix("suite:"),
            world["target"].strip_prefix("app:"),
        ) {
            let apps = match *value {
                "yes" => BTreeSet::from([Id::new(id(app))]),
                _ => BTreeSet::new(),
            };
            facts.suites.insert(Suite::from_wire(suite), apps);
        }
    }
    facts.locations = Some(by_id(locations().into_iter().map(|json| {
        let location = NamedLocation::try_from(json).unwrap();
        (location.id.clone(), location)
    })));
    facts.strengths = by_id(strengths().into_iter().map(|json| {
        let strength = Strength::try_from(json).unwrap();
        (strength.id.clone(), strength)
    }));
    facts
}

fn by_id<T>(all: impl Iterator<Item = (Id, T)>) -> BTreeMap<Id, T> {
    all.collect()
}

/// The sign-in of this world.
pub(super) fn sign_in(world: &World) -> SignIn {
    let get = |fact: &str| world.get(fact).copied();
    let flag = |fact: &str| get(fact).map(|value| value == "yes");
    let step = |name: &str| Step {
        done: flag(&format!("{name}:done")),
        able: flag(&format!("{name}:able")),
    };
    let standing = get("standing").map(|standing| match standing.split_once('@') {
        None => Standing::Member,
        Some((kind, home)) => Standing::External {
            kind: GuestKind::from_wire(kind),
            home: Some(Id::new(id(home))),
        },
    });
    let target = match world["target"].split_once(':').unwrap() {
        ("app", app) => Target::App(Id::new(id(app))),
        ("action", action) => Target::UserAction(UserAction::from_wire(action)),
        (_, context) => Target::AuthenticationContext(context.into()),
    };
    let country = |fact: &str| {
        get(fact).map(|country| match country {
            "nowhere" => Country::NotFound,
            code => Country::Code(code.into()),
        })
    };
    // What the rules ask for beyond the facts has no value in this world.
    let mut attributes = ["displayName", "deviceOwnership", "enrollmentProfileName"]
        .into_iter()
        .fold(Attributes::default(), |attributes, name| {
            attributes.with(name, portcullis::evaluate::Value::Null)
        });
    for (fact, value) in world {
        if let Some(name) = fact.strip_prefix("device.") {
            attributes = match *value {
                "null" => attributes.with(name, portcullis::evaluate::Value::Null),
                "True" => attributes.with(name, true),
                "False" => attributes.with(name, false),
                text => attributes.with(name, text),
            };
        }
    }
    SignIn {
        subject: Subject::Person(Person {
            id: Some(Id::new(id(world["user"]))),
            standing,
        }),
        target: Some(target),
        client: get("client").map(ClientApp::from_wire),
        platform: get("platform").map(Platform::from_wire),
        place: Place {
            address: get("address").map(|address| address.parse().unwrap()),
            country: country("country"),
            position: country("position"),
            within: BTreeMap::new(),
            trusted: None,
            mfa_trusted: flag("mfa-trusted"),
        },
        sign_in_risk: get("sign-in-risk").map(RiskLevel::from_wire),
        user_risk: get("user-risk").map(RiskLevel::from_wire),
        service_principal_risk: None,
        insider_risk: get("insider-risk").map(|risk| match risk {
            "none" => Insider::None,
            level => Insider::Level(InsiderRisk::from_wire(level)),
        }),
        flow: get("flow").map(TransferMethod::from_wire),
        device: Device {
            registered: flag("device:registered"),
            managed: flag("device:managed"),
            attributes,
        },
        presented: Presented {
            mfa: step("mfa"),
            combination: get("used").map(Combination::from_wire),
            available: get("available").map(|one| BTreeSet::from([Combination::from_wire(one)])),
            approved_app: flag("approved"),
            protected_app: flag("protected"),
            password_change: step("password"),
            risk_remediation: step("remediation"),
            terms_of_use: BTreeMap::from([(Id::new(id("terms")), step("terms"))]),
            custom_factors: BTreeMap::from([("factor".to_owned(), step("factor"))]),
        },
    }
}
