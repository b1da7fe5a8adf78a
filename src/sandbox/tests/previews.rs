//! What beta has and v1.0 has not.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{POLICIES, sandbox, with};

const BETA: &str = "/beta/identity/conditionalAccess/policies";

#[tokio::test]
async fn beta_keeps_preview_features_and_v1_leaves_such_policies_out() {
    let (_directory, running, client) = sandbox().await;
    let previews = [
        with("/conditions/agentIdRiskLevels", json!("high")),
        with(
            "/conditions/deviceStates",
            json!({"includeStates": ["All"], "excludeStates": ["Compliant"]}),
        ),
        with(
            "/sessionControls",
            json!({"continuousAccessEvaluation": {"mode": "strictLocation"}}),
        ),
        with(
            "/sessionControls",
            json!({"globalSecureAccessFilteringProfile": {"isEnabled": true, "profileId": "p"}}),
        ),
        with(
            "/conditions/clientApplications",
            json!({"includeAgentIdServicePrincipals": ["All"], "includeServicePrincipals": []}),
        ),
        with(
            "/conditions/devices",
            json!({"includeDevices": ["All"], "excludeDevices": ["Compliant"]}),
        ),
    ];
    let before = client.get(POLICIES).await.body["value"]
        .as_array()
        .unwrap()
        .len();
    for policy in previews {
        let refused = client.post(POLICIES, policy.clone()).await;
        assert_eq!(refused.status, 400);
        assert!(
            refused.message().starts_with(
                "1038: The policy you are trying to create or update contains preview features."
            ),
            "{}",
            refused.body
        );
        let made = client.post(BETA, policy.clone()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.id();
        assert_eq!(client.get(&format!("{POLICIES}/{id}")).await.status, 404);
        let read = client.get(&format!("{BETA}/{id}")).await.body;
        for (block, value) in policy["conditions"].as_object().unwrap() {
            for (key, value) in value.as_object().into_iter().flatten() {
                assert_eq!(read["conditions"][block][key], *value, "{block}.{key}");
            }
        }
        for (control, value) in policy["sessionControls"].as_object().into_iter().flatten() {
            assert_eq!(read["sessionControls"][control], *value);
        }
        let patched = client
            .patch(&format!("{POLICIES}/{id}"), json!({"state": "disabled"}))
            .await;
        assert!(patched.message().starts_with("1038: "), "{}", patched.body);
        let patched = client
            .patch(&format!("{BETA}/{id}"), json!({"state": "disabled"}))
            .await;
        assert_eq!(patched.status, 204);
    }
    let on = |list: Value| list["value"].as_array().unwrap().len();
    assert_eq!(on(client.get(POLICIES).await.body), before);
    assert_eq!(on(client.get(BETA).await.body), before + 6);
    // Empty, they are only unknown keys.
    let empty = client
        .post(POLICIES, with("/conditions/deviceStates", Value::Null))
        .await;
    assert!(empty.message().starts_with("1007: "), "{}", empty.body);
    let both = json!({"includeDevices": ["All"], "excludeDevices": ["Compliant"],
        "deviceFilter": {"mode": "include", "rule": "device.isCompliant -eq True"}});
    assert_eq!(
        client
            .post(BETA, with("/conditions/devices", both))
            .await
            .status,
        400
    );
    // What is in the bin is left out as well.
    let id = client.get(BETA).await.body["value"][before]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.delete(&format!("{POLICIES}/{id}")).await.status, 404);
    assert_eq!(client.delete(&format!("{BETA}/{id}")).await.status, 204);
    for (version, kept) in [("v1.0", 0), ("beta", 1)] {
        let bin = format!("/{version}/identity/conditionalAccess/deletedItems/policies");
        assert_eq!(on(client.get(&bin).await.body), kept);
    }
    running.stop().await;
}
