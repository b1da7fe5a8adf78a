//! Traps in the service itself: it lags, throttles, loses, forbids, and has a preview beside it.

use serde_json::{Value, json};

use super::{AZURE, LOCATIONS, POLICIES, location, refusal};
use crate::support::{Graph, KEY, NAME, SIGN_IN, Scene, shipped_but};

const EVALUATE: &str = "/v1.0/identity/conditionalAccess/evaluate";
const SIGN_INS: &str = "/v1.0/auditLogs/signIns";
const BETA: &str = "/beta/identity/conditionalAccess/policies";

#[test]
fn trap_12_raw_what_was_just_created_cannot_be_named_yet() {
    let scene = Scene::new();
    // More reads than it takes to find out whom the policy is about.
    scene.tenant.set("read_lag", &json!(8));
    scene.tenant.set("lagging_references", &json!(true));
    let dock = scene.tenant.post(LOCATIONS, &location("Dock", false));
    let early = shipped_but(
        &scene.tenant,
        "/conditions/locations",
        json!({"includeLocations": [dock["id"]], "excludeLocations": []}),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &early, 400);
    assert_eq!(
        message,
        format!(
            "1040: NamedLocation with id {} does not exist in the directory.",
            dock["id"].as_str().unwrap()
        )
    );
    for _ in 0..8 {
        scene.tenant.get(LOCATIONS);
    }
    scene.tenant.create_policy(&early);
}

#[test]
fn trap_13_a_create_that_lost_its_location_is_found_by_reading_back() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("conditions: {locations: {include: [all], exclude: [Head office]}}");
    scene.tenant.script(&json!({
        "kind": "lossy", "loses": "conditions.locations",
        "method": "POST", "path": "identity/conditionalAccess/policies",
    }));
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(5)
        .says(KEY);
    assert_eq!(
        scene.tenant.shipped()["conditions"]["locations"],
        Value::Null
    );
    // Run again it puts right what was lost, in the policy that is there.
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["conditions"]["locations"]["includeLocations"],
        json!(["All"])
    );
    scene.settled();
}

#[test]
fn trap_14_a_policy_that_was_just_created_cannot_be_read_yet() {
    let scene = Scene::new();
    scene.tenant.set("read_lag", &json!(3));
    let mut body = scene.tenant.shipped_body("disabled");
    body["displayName"] = json!("Just created");
    let id = scene.tenant.create_policy(&body);
    scene
        .tenant
        .expect("GET", &format!("{POLICIES}/{id}"), None, 404);
    scene
        .workspace
        .edit("portcullis.yaml", "settle: 0", "settle: 3s");
    scene.apply();
    scene.tenant.set("read_lag", &Value::Null);
    assert_eq!(scene.tenant.named(NAME).len(), 1);
    scene.settled();
}

#[test]
fn trap_15_too_many_requests_are_refused_without_a_word_on_when_to_come_again() {
    let scene = Scene::new();
    for key in ["alpha", "bravo"] {
        scene.workspace.add_policy(key, key);
    }
    scene
        .workspace
        .edit("portcullis.yaml", "settle: 0", "settle: 2s");
    scene.tenant.set("throttle_rate", &json!(6));
    scene.tenant.set("throttle", &json!("graph"));
    scene.tenant.forget_requests();
    scene.apply();
    scene.tenant.set("throttle", &json!("off"));
    let requests = scene.tenant.get("/sandbox/requests");
    let refused = requests
        .as_array()
        .unwrap()
        .iter()
        .filter(|request| request["status"] == 429)
        .count();
    assert!(refused > 0, "nothing was throttled: {requests:#}");
    for name in [NAME, "alpha", "bravo"] {
        assert_eq!(scene.tenant.named(name).len(), 1, "{name}");
    }
    scene.settled();
}

#[test]
fn trap_18_raw_a_policy_with_a_preview_feature_is_seen_in_beta_only() {
    let scene = Scene::applied();
    let mut body = shipped_but(
        &scene.tenant,
        "/sessionControls",
        json!({"continuousAccessEvaluation": {"mode": "disabled"}}),
    );
    body["displayName"] = json!("Preview");
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert!(
        message.starts_with("1038: ") || message.starts_with("1007: "),
        "{message}"
    );
    let made = scene.tenant.post(BETA, &body);
    assert!(scene.tenant.named("Preview").is_empty());
    let beta = scene.tenant.get(BETA)["value"].as_array().unwrap().clone();
    assert!(beta.iter().any(|policy| policy["id"] == made["id"]));
    // What the tool does not see it does not touch.
    let before = scene.tenant.events();
    scene.apply();
    assert_eq!(scene.tenant.events(), before);
}

#[test]
fn trap_26_risk_conditions_without_p2_are_explained() {
    let scene = Scene::new();
    scene.tenant.expect(
        "POST",
        "/sandbox/profile",
        Some(&json!({"licence": "p1"})),
        200,
    );
    scene
        .workspace
        .add_to_policy("conditions: {sign_in_risk: [high]}");
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(1)
        .says(KEY)
        .says("P2");
    assert!(scene.tenant.named(NAME).is_empty());
    let body = shipped_but(
        &scene.tenant,
        "/conditions/signInRiskLevels",
        json!(["high"]),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert_eq!(
        message,
        "1039: Cannot create or update policies with premium P2 features. Upgrade to a premium P2 license and try again."
    );
}

#[test]
fn trap_27_a_missing_permission_is_named() {
    const APP: &str = "7f1d0b52-3c6e-4a8f-9e21-5b0c4d3a2f61";
    let scene = Scene::new();
    scene.tenant.expect(
        "POST",
        "/sandbox/apps",
        Some(&json!({
            "client_id": APP, "secret": "s3", "name": "Deployer",
            "permissions": [
                "Policy.Read.All", "Application.Read.All", "Directory.Read.All", "AuditLog.Read.All",
                "RoleManagement.Read.Directory", "Organization.Read.All", "User.Read.All",
                "GroupMember.Read.All",
            ],
        })),
        200,
    );
    scene
        .workspace
        .run_with(
            &["apply", "--auto-approve"],
            &[("AZURE_CLIENT_ID", APP), ("AZURE_CLIENT_SECRET", "s3")],
            "",
        )
        .exits(1)
        .says("Policy.ReadWrite.ConditionalAccess");
    assert!(scene.tenant.named(NAME).is_empty());
}

#[test]
fn trap_28_raw_what_may_not_be_seen_is_left_out_and_not_empty() {
    const APP: &str = "0f4c6b1e-92d7-4c35-8a60-71e5d9b3f248";
    let scene = Scene::new();
    scene.tenant.expect(
        "POST",
        "/sandbox/apps",
        Some(&json!({
            "client_id": APP, "secret": "s3", "name": "Log reader",
            "permissions": ["AuditLog.Read.All", "Directory.Read.All"],
        })),
        200,
    );
    let first = |graph: &Graph| graph.get(&format!("{SIGN_INS}?$top=1"))["value"][0].clone();
    let seen = first(&scene.tenant);
    assert!(
        seen["appliedConditionalAccessPolicies"].is_array(),
        "{seen:#}"
    );
    let reader = Graph::sign_in_as(&scene.tenant.url, APP, "s3");
    let hidden = first(&reader);
    assert_eq!(hidden["id"], seen["id"]);
    let keys = hidden.as_object().unwrap();
    assert!(
        !keys.contains_key("appliedConditionalAccessPolicies"),
        "{hidden:#}"
    );
}

#[test]
fn trap_29_raw_a_log_is_read_in_slices_whose_pages_end() {
    let scene = Scene::new();
    let read = |filter: &str| {
        let mut page = scene
            .tenant
            .get(&format!("{SIGN_INS}?$top=40&$filter={filter}"));
        let mut ids = Vec::new();
        let mut links = std::collections::BTreeSet::new();
        loop {
            for row in page["value"].as_array().unwrap() {
                ids.push(row["id"].as_str().unwrap().to_owned());
            }
            let Some(link) = page["@odata.nextLink"].as_str() else {
                return ids;
            };
            assert!(links.insert(link.to_owned()), "the same link again: {link}");
            page = scene
                .tenant
                .get(link.strip_prefix(scene.tenant.url.as_str()).unwrap());
        }
    };
    let day = |from: &str, to: &str| {
        read(&format!(
            "createdDateTime ge {from} and createdDateTime lt {to}"
        ))
    };
    let whole = day("2026-10-29T00:00:00Z", "2026-10-31T00:00:00Z");
    let mut slices = day("2026-10-30T00:00:00Z", "2026-10-31T00:00:00Z");
    slices.extend(day("2026-10-29T00:00:00Z", "2026-10-30T00:00:00Z"));
    assert!(whole.len() > 40, "{} are one page", whole.len());
    assert_eq!(slices, whole);
    // A token that expired in between says so, and the slice is read again.
    scene
        .tenant
        .script(&json!({"kind": "expired-page-token", "path": "auditLogs/signIns"}));
    let page = scene.tenant.get(&format!("{SIGN_INS}?$top=40"));
    let link = page["@odata.nextLink"].as_str().unwrap();
    let path = link.strip_prefix(scene.tenant.url.as_str()).unwrap();
    let refused = scene.tenant.expect("GET", path, None, 400);
    assert_eq!(refused["error"]["code"], "Directory_ExpiredPageToken");
    scene.tenant.get(path);
}

#[test]
fn trap_30_raw_the_preview_shape_of_what_if_is_gone() {
    let scene = Scene::new();
    let tenant: &Graph = &scene.tenant;
    let preview = json!({
        "conditionalAccessWhatIfSubject": {"@odata.type": "#microsoft.graph.userSubject", "userId": tenant.user("linh.tran")},
        "conditionalAccessContext": {"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": [AZURE]},
        "conditionalAccessWhatIfConditions": {},
    });
    tenant.expect("POST", EVALUATE, Some(&preview), 400);
    let now = json!({
        "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": tenant.user("linh.tran")},
        "signInContext": {"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": [AZURE]},
        "signInConditions": {"clientAppType": "browser"},
        "appliedPoliciesOnly": false,
    });
    let answer = tenant.expect("POST", EVALUATE, Some(&now), 200);
    let results = answer["value"].as_array().unwrap();
    assert_eq!(
        results.len(),
        tenant.get(POLICIES)["value"].as_array().unwrap().len()
    );
    for result in results {
        assert!(result["policyApplies"].is_boolean(), "{result:#}");
        assert!(result["analysisReasons"].is_string(), "{result:#}");
    }
}

#[test]
fn trap_36_a_patch_that_is_answered_and_not_carried_out_is_noticed() {
    let scene = Scene::applied();
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene
        .tenant
        .script(&json!({"kind": "ignored", "method": "PATCH", "path": "identity/conditionalAccess/policies"}));
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(5)
        .says(KEY);
    let groups =
        |scene: &Scene| scene.tenant.shipped()["conditions"]["users"]["excludeGroups"].clone();
    assert_eq!(groups(&scene).as_array().unwrap().len(), 1);
    scene.apply();
    assert_eq!(groups(&scene), json!([]));
    scene.settled();
}
