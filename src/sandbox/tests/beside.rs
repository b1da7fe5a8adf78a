//! What stands beside the policies: strengths, contexts, templates, and the bin of the locations.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{POLICIES, sandbox, with};

const STRENGTHS: &str = "/v1.0/policies/authenticationStrengthPolicies";
const CONTEXTS: &str = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences";
const TEMPLATES: &str = "/v1.0/identity/conditionalAccess/templates";

#[tokio::test]
async fn a_custom_strength_is_made_used_changed_and_deleted() {
    let (_directory, running, client) = sandbox().await;
    let body = json!({"displayName": "Keys only", "description": "d", "policyType": "custom",
        "allowedCombinations": ["fido2", "softwareOath, password"]});
    let made = client.post(STRENGTHS, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(
        made.body["allowedCombinations"],
        json!(["fido2", "password,softwareOath"])
    );
    assert_eq!(made.body["requirementsSatisfied"], "mfa");
    let id = made.id();
    let path = format!("{STRENGTHS}/{id}");
    let other = format!("/v1.0/identity/conditionalAccess/authenticationStrength/policies/{id}");
    assert_eq!(client.get(&other).await.body["displayName"], "Keys only");
    assert_eq!(
        client
            .patch(&path, json!({"displayName": "Keys"}))
            .await
            .status,
        204
    );
    assert_eq!(client.get(&path).await.body["displayName"], "Keys");
    assert_eq!(
        client
            .patch(&path, json!({"allowedCombinations": ["fido2"]}))
            .await
            .status,
        400
    );

    let mut policy = with("/grantControls/authenticationStrength", json!({"id": id}));
    policy["grantControls"]["builtInControls"] = json!([]);
    let policy = client.post(POLICIES, policy).await.id();
    let usage = client.get(&format!("{path}/usage()")).await.body;
    assert_eq!(usage["mfa"][0]["id"], policy);
    assert_eq!(usage["none"], json!([]));
    let used = client.delete(&path).await;
    assert_eq!(used.status, 400);
    assert!(
        used.message().contains("CA010 - Require MFA"),
        "{}",
        used.message()
    );

    let action = format!("{path}/updateAllowedCombinations");
    let result = client
        .post(
            &action,
            json!({"allowedCombinations": ["fido2", "password"]}),
        )
        .await;
    assert_eq!(result.status, 200, "{}", result.body);
    assert_eq!(
        result.body["previousCombinations"],
        json!(["fido2", "password,softwareOath"])
    );
    assert_eq!(
        result.body["currentCombinations"],
        json!(["fido2", "password"])
    );
    assert_eq!(result.body["conditionalAccessReferences"], json!([policy]));
    let usage = client.get(&format!("{path}/usage()")).await.body;
    assert_eq!(
        (&usage["mfa"], &usage["none"][0]["id"]),
        (&json!([]), &json!(policy))
    );

    let configurations = format!("{path}/combinationConfigurations");
    let configuration = json!({
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": ["486be649-7a58-4c3d-9c1f-0e8f1d2b3a40"],
    });
    let made = client.post(&configurations, configuration.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let one = format!("{configurations}/{}", made.id());
    assert_eq!(
        client
            .patch(&one, json!({"allowedAAGUIDs": []}))
            .await
            .status,
        204
    );
    assert_eq!(client.get(&one).await.body["allowedAAGUIDs"], json!([]));
    let mut wrong = configuration;
    wrong["appliesToCombinations"] = json!(["password"]);
    assert_eq!(client.post(&configurations, wrong).await.status, 400);
    assert_eq!(client.delete(&one).await.status, 204);
    assert_eq!(client.get(&configurations).await.body["value"], json!([]));

    assert_eq!(
        client.delete(&format!("{POLICIES}/{policy}")).await.status,
        204
    );
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);

    let built_in = format!("{STRENGTHS}/00000000-0000-0000-0000-000000000004");
    assert_eq!(client.delete(&built_in).await.status, 400);
    assert_eq!(
        client
            .patch(&built_in, json!({"displayName": "x"}))
            .await
            .status,
        400
    );
    for wrong in [json!([]), json!(["sms,voice"]), json!("fido2"), Value::Null] {
        let body = json!({"displayName": "x", "allowedCombinations": wrong});
        assert_eq!(client.post(STRENGTHS, body).await.status, 400);
    }
    for number in 0..16 {
        let status = client.post(STRENGTHS, body.clone()).await.status;
        assert_eq!(status, if number < 15 { 201 } else { 400 }, "{number}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_context_is_made_by_patching_it_and_stays_while_it_is_used() {
    let (_directory, running, client) = sandbox().await;
    let path = format!("{CONTEXTS}/c7");
    assert_eq!(client.get(&path).await.status, 404);
    let body = json!({"displayName": "Strict", "isAvailable": true});
    assert_eq!(client.patch(&path, body).await.status, 204);
    assert_eq!(
        client
            .patch(&path, json!({"description": "d"}))
            .await
            .status,
        204
    );
    let read = client.get(&path).await.body;
    assert_eq!(
        (
            &read["id"],
            &read["displayName"],
            &read["description"],
            &read["isAvailable"]
        ),
        (&json!("c7"), &json!("Strict"), &json!("d"), &json!(true))
    );
    let filtered = client
        .get(&format!("{CONTEXTS}?$filter=isAvailable eq true"))
        .await
        .body;
    assert_eq!(filtered["value"].as_array().unwrap().len(), 1);
    assert_eq!(client.post(CONTEXTS, json!({"id": "c7"})).await.status, 400);
    for wrong in ["c0", "c100", "x1", "c07"] {
        let refused = client
            .patch(&format!("{CONTEXTS}/{wrong}"), json!({}))
            .await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let target = json!({"includeAuthenticationContextClassReferences": ["c7"]});
    let policy = client
        .post(POLICIES, with("/conditions/applications", target))
        .await
        .id();
    assert_eq!(client.delete(&path).await.status, 400);
    assert_eq!(
        client.delete(&format!("{POLICIES}/{policy}")).await.status,
        204
    );
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(CONTEXTS).await.body["value"], json!([]));
    running.stop().await;
}

#[tokio::test]
async fn a_template_is_found_by_scenario_and_a_policy_is_made_of_it() {
    let (_directory, running, client) = sandbox().await;
    let asking = [("Prefer", "include-unknown-enum-members")];
    let all = client.send("GET", TEMPLATES, None, &asking).await.body["value"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(all.len(), 17);
    for template in &all {
        let mut policy = template["details"].clone();
        policy["displayName"] = template["name"].clone();
        policy["state"] = json!("disabled");
        let excluded = &mut policy["conditions"]["users"]["excludeUsers"];
        excluded
            .as_array_mut()
            .unwrap()
            .retain(|user| user == "GuestsOrExternalUsers");
        let made = client.post(POLICIES, policy).await;
        assert_eq!(made.status, 201, "{}: {}", template["name"], made.body);
    }
    let azure = client
        .get(&format!(
            "{TEMPLATES}/D8C51A9A-e6b1-454d-86af-554e7872e2c1?$select=id,details"
        ))
        .await;
    assert_eq!(
        azure.body["details"]["conditions"]["applications"]["includeApplications"],
        json!(["797f4846-ba00-4fd7-ba43-dac1f8f63013"])
    );
    assert!(azure.body.get("name").is_none());
    let named = format!("{TEMPLATES}?$filter=name eq 'Block legacy authentication'");
    assert_eq!(
        client.get(&named).await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for option in ["$top=1", "$skip=1", "$count=true"] {
        assert_eq!(
            client.get(&format!("{TEMPLATES}?{option}")).await.status,
            400
        );
    }
    assert_eq!(client.post(TEMPLATES, json!({})).await.status, 405);
    running.stop().await;
}

#[tokio::test]
async fn a_deleted_location_comes_back_within_thirty_days() {
    let (_directory, running, client) = sandbox().await;
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    let bin = "/v1.0/identity/conditionalAccess/deletedItems/namedLocations";
    let found = client
        .get(&format!("{locations}?$filter=isTrusted eq false"))
        .await
        .body;
    let id = found["value"][0]["id"].as_str().unwrap().to_owned();
    let before = client.get(&format!("{locations}/{id}")).await.body;
    assert_eq!(
        client.delete(&format!("{locations}/{id}")).await.status,
        204
    );
    let deleted = client.get(&format!("{bin}/{id}")).await.body;
    assert_eq!(deleted["deletedDateTime"], "2026-11-02T08:00:01.0000000Z");
    let restored = client
        .send("POST", &format!("{bin}/{id}/restore"), None, &[])
        .await;
    assert_eq!(restored.status, 200);
    assert_eq!(client.get(&format!("{locations}/{id}")).await.body, before);
    assert_eq!(client.get(bin).await.body["value"], json!([]));
    client.delete(&format!("{locations}/{id}")).await;
    client.post("/sandbox/advance", json!({"by": "31d"})).await;
    let late = client
        .send("POST", &format!("{bin}/{id}/restore"), None, &[])
        .await;
    assert_eq!(late.status, 404);
    running.stop().await;
}
