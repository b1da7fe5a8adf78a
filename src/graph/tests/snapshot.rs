//! A snapshot: two rounds, few requests, nothing guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Scripted, Seen, Stub, policy};
use crate::model::{AddressRange, Area, Cloud, Combination, Id, Kind, State};
use crate::tenant::{Handle, Lookups, ReadTenant as _, Reference, TenantErrorKind};

const POLICY: &str = "6f1c0f0e-0000-4000-8000-000000000001";
const GROUP: &str = "6f1c0f0e-0000-4000-8000-00000000000a";
const OTHER_GROUP: &str = "6f1c0f0e-0000-4000-8000-00000000000b";
const USER: &str = "6f1c0f0e-0000-4000-8000-000000000011";
const GONE: &str = "6f1c0f0e-0000-4000-8000-0000000000ff";
const MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

fn live() -> Value {
    let mut live = policy(POLICY, "CA010");
    live["conditions"]["users"]["excludeUsers"] = json!([USER, GONE]);
    live["conditions"]["users"]["excludeGroups"] = json!([OTHER_GROUP]);
    live
}

/// What a part of a batch is answered.
fn part(url: &str) -> (u16, Value) {
    let list = |entries: Value| (200, json!({"value": entries}));
    let path = url.split('?').next().unwrap_or_default();
    match path {
        "/identity/conditionalAccess/namedLocations" => list(
            json!([{"id": GROUP, "displayName": "Head office", "isTrusted": true,
                "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]}]),
        ),
        "/policies/authenticationStrengthPolicies" => list(json!([
            {"id": "00000000-0000-0000-0000-000000000004", "displayName": "Phishing resistant MFA", "requirementsSatisfied": "mfa",
             "allowedCombinations": ["fido2"]},
        ])),
        "/policies/identitySecurityDefaultsEnforcementPolicy" => (200, json!({"isEnabled": false})),
        "/subscribedSkus" => list(json!([
            {"capabilityStatus": "Enabled", "servicePlans": [{"servicePlanId": "41781FB2-bc02-4b7c-bd55-b576c07bb09d"}]},
            {"capabilityStatus": "Suspended", "servicePlans": [{"servicePlanId": "no"}]},
        ])),
        "/organization" => list(json!([
            {"id": "x", "displayName": "Contoso", "verifiedDomains": [{"name": "contoso.example", "isInitial": true}]},
        ])),
        "/users" => list(json!([])),
        "/groups" => list(json!([{"id": GROUP, "displayName": "CA-Exclude"}])),
        "/servicePrincipals" => list(json!([
            {"id": USER, "appId": MANAGEMENT, "displayName": "Azure"},
            {"id": GONE, "appId": MANAGEMENT, "displayName": "Azure"},
        ])),
        "/roleManagement/directory/roleDefinitions" => list(json!([
            {"id": "r1", "templateId": "62e90394-69f5-4237-9190-012177145e10", "displayName": "Global Administrator"},
        ])),
        _ if path.contains(GONE) => (
            404,
            json!({"error": {"code": "Request_ResourceNotFound", "message": "gone"}}),
        ),
        _ if path.ends_with("/transitiveMembers") => list(json!([
            {"@odata.type": "#microsoft.graph.user", "id": USER, "displayName": "Ada", "userPrincipalName": "ada@x.example", "accountEnabled": true},
            {"@odata.type": "#microsoft.graph.device", "id": GONE},
        ])),
        other => panic!("an unexpected part: {other}"),
    }
}

fn batch(seen: &Seen, answer: impl Fn(&str) -> (u16, Value)) -> Scripted {
    let requests = seen.json();
    let mut responses: Vec<Value> = requests["requests"]
        .as_array()
        .expect("requests")
        .iter()
        .map(|request| {
            let (status, body) = answer(request["url"].as_str().expect("a url"));
            json!({"id": request["id"], "status": status, "headers": {"Retry-After": "0"}, "body": body})
        })
        .collect();
    // The service promises no order.
    responses.reverse();
    Scripted::json(200, &json!({ "responses": responses }))
}

fn rest(seen: &Seen) -> Option<Scripted> {
    match seen.path.as_str() {
        "/v1.0/identity/conditionalAccess/policies" => Some(
            Scripted::json(200, &json!({"value": [live()]}))
                .header("date", "Mon, 02 Nov 2026 08:00:00 GMT"),
        ),
        "/v1.0/directoryObjects/getByIds" => Some(Scripted::json(
            200,
            &json!({"value": [
                {"@odata.type": "#microsoft.graph.user", "id": USER, "displayName": "Ada"},
                {"@odata.type": "#microsoft.graph.group", "id": OTHER_GROUP, "displayName": "Others"},
            ]}),
        )),
        "/v1.0/auditLogs/directoryAudits" => Some(if seen.query.contains(POLICY) {
            Scripted::json(
                200,
                &json!({"value": [
                    {"activityDateTime": "2026-11-01T08:00:00Z", "activityDisplayName": "Add conditional access policy", "targetResources": []},
                    {"activityDateTime": "2026-11-02T07:00:00Z", "activityDisplayName": "Update conditional access policy",
                     "initiatedBy": {"app": {"displayName": "portcullis"}},
                     "targetResources": [{"id": POLICY, "modifiedProperties": [{"newValue": "{\"state\":\"enabled\"}"}]}]},
                ]}),
            )
        } else {
            Scripted::error(403, "AccessDenied", "no audit")
        }),
        _ => None,
    }
}

fn lookups() -> Lookups {
    let reference = |kind, text: &str| Reference {
        kind,
        text: text.into(),
    };
    let handles = || BTreeSet::from([Handle::Name("CA010".into())]);
    Lookups {
        cloud: Some(Cloud::Global),
        references: BTreeSet::from([
            reference(Kind::User, "nobody@x.example"),
            reference(Kind::User, GONE),
            reference(Kind::Group, "CA-Exclude"),
            reference(Kind::Role, "Global Administrator"),
            reference(Kind::App, "azure-management"),
            reference(Kind::Location, "head OFFICE"),
            reference(Kind::Strength, "Phishing-resistant MFA"),
            reference(Kind::TermsOfUse, GROUP),
        ]),
        managed: handles(),
        history: handles(),
        describe_all: false,
    }
}

#[tokio::test]
async fn everything_is_read_in_two_rounds() {
    let stub = Stub::start(|seen| {
        if seen.path == "/v1.0/$batch" {
            return Some(batch(seen, part));
        }
        rest(seen)
    })
    .await;
    let snapshot = stub.tenant().snapshot(&lookups()).await.expect("read");
    assert!(snapshot.complete);
    assert_eq!(snapshot.tenant.name.as_deref(), Some("Contoso"));
    assert_eq!(snapshot.tenant.domain.as_deref(), Some("contoso.example"));
    assert_eq!(snapshot.security_defaults, Some(false));
    assert_eq!(snapshot.service_plans.as_ref().map(BTreeSet::len), Some(1));
    assert_eq!(snapshot.found.len(), 8);
    let ids = |kind, text: &str| -> Vec<String> {
        let found = snapshot.found(kind, text).expect("looked up");
        found.iter().map(|object| object.id.to_string()).collect()
    };
    assert!(ids(Kind::User, "nobody@x.example").is_empty());
    assert!(ids(Kind::User, GONE).is_empty());
    assert_eq!(ids(Kind::Group, "CA-Exclude"), [GROUP]);
    assert_eq!(ids(Kind::App, "azure-management"), [MANAGEMENT]);
    assert_eq!(ids(Kind::Location, "head OFFICE"), [GROUP]);
    assert_eq!(ids(Kind::TermsOfUse, GROUP), [GROUP]);
    assert_eq!(
        ids(Kind::Role, "Global Administrator"),
        ["62e90394-69f5-4237-9190-012177145e10"]
    );
    assert_eq!(ids(Kind::Strength, "Phishing-resistant MFA").len(), 1);
    let (location, strength) = (&snapshot.locations[0], &snapshot.strengths[0]);
    let office = Area::Addresses {
        ranges: AddressRange::from_cidr("192.0.2.0/24")
            .into_iter()
            .collect(),
        complete: true,
    };
    assert_eq!((location.trusted, &location.area), (true, &office));
    let key = BTreeSet::from([Combination::from_wire("fido2")]);
    assert_eq!(strength.allowed, Some(key));
    let members = &snapshot.members;
    assert_eq!(members.len(), 2);
    assert!(
        members
            .values()
            .all(|members| members.complete && members.members.len() == 1)
    );
    assert_eq!(snapshot.objects[&Id::new(OTHER_GROUP)].name, "Others");
    assert!(!snapshot.objects.contains_key(&Id::new(GONE)));
    assert_eq!(
        snapshot.history.len(),
        1,
        "no audit of the group is no error"
    );
    let events = &snapshot.history[&Id::new(POLICY)];
    assert_eq!(events[0].state_after, Some(State::On));
    assert_eq!(events[0].by.as_deref(), Some("portcullis"));
    assert_eq!(stub.seen("$batch").len(), 2);
    assert_eq!(stub.seen("").len(), 1 + 1 + 2 + 1 + 2);
}

#[tokio::test]
async fn parts_are_repeated_alone_and_failures_are_admitted() {
    let tries: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let stub = Stub::start(move |seen| {
        if seen.path != "/v1.0/$batch" {
            return rest(seen);
        }
        Some(batch(seen, |url| {
            let mut tries = tries.lock().expect("tries");
            let number = tries.entry(url.to_owned()).or_default();
            *number += 1;
            let refused =
                json!({"error": {"code": "TooManyRequests", "message": "Too many requests."}});
            let forbidden = json!({"error": {"code": "AccessDenied", "message": "no"}});
            match (url.split('?').next().unwrap_or_default(), *number) {
                ("/groups" | "/subscribedSkus", 1) => (429, refused),
                ("/subscribedSkus", _) => (403, forbidden),
                ("/users", _) => (403, forbidden),
                (path, _) if path.ends_with("/transitiveMembers") => (403, forbidden),
                _ => part(url),
            }
        }))
    })
    .await;
    let snapshot = stub.tenant().snapshot(&lookups()).await.expect("read");
    let batches = stub.seen("$batch");
    let repeated = batches[1].json()["requests"].as_array().map(Vec::len);
    assert_eq!(repeated, Some(2), "only what was refused");
    assert_eq!(snapshot.service_plans, None);
    assert!(!snapshot.complete);
    assert!(snapshot.found(Kind::Group, "CA-Exclude").is_some());
    assert!(snapshot.found(Kind::User, "nobody@x.example").is_none());
    assert!(snapshot.members.values().all(|members| !members.complete));
}

#[tokio::test]
async fn more_than_twenty_parts_are_two_batches() {
    let stub = Stub::start(|seen| {
        if seen.path == "/v1.0/$batch" {
            return Some(batch(seen, part));
        }
        rest(seen)
    })
    .await;
    let mut lookups = Lookups::default();
    for number in 0..30 {
        lookups.references.insert(Reference {
            kind: Kind::User,
            text: format!("user{number}@x.example"),
        });
    }
    let snapshot = stub.tenant().snapshot(&lookups).await.expect("read");
    assert_eq!(snapshot.found.len(), 30);
    assert_eq!(stub.seen("$batch").len(), 2);
}

#[tokio::test]
async fn a_missing_part_or_date_is_an_error() {
    let stub = Stub::start(|seen| match seen.path.as_str() {
        "/v1.0/$batch" => Some(Scripted::json(200, &json!({"responses": []}))),
        _ => rest(seen),
    })
    .await;
    let error = stub
        .tenant()
        .snapshot(&lookups())
        .await
        .expect_err("a part");
    assert_eq!(error.kind, TenantErrorKind::Shape);

    // hyper writes a Date of its own unless the answer has one, so an unreadable one stands for none.
    let stub = Stub::start(|seen| {
        seen.path
            .ends_with("/policies")
            .then(|| Scripted::json(200, &json!({"value": []})).header("date", "today"))
    })
    .await;
    let error = stub.tenant().policies().await.expect_err("no date");
    assert_eq!(error.kind, TenantErrorKind::Shape);
}
