//! Policies: their life, their merging, their pages, and the trace they leave.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{AZURE, POLICIES, azure_mfa, sandbox, with};

#[tokio::test]
async fn a_policy_lives_dies_and_comes_back() {
    let (_directory, running, client) = sandbox().await;
    let made = client.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.date, "Mon, 02 Nov 2026 08:00:01 GMT");
    assert_eq!(made.body["createdDateTime"], "2026-11-02T08:00:01.0000000Z");
    let null = Value::Null;
    for (path, value) in [
        ("/modifiedDateTime", null.clone()),
        ("/templateId", null.clone()),
        ("/sessionControls", null.clone()),
        ("/partialEnablementStrategy", null.clone()),
        ("/conditions/times", null.clone()),
        ("/conditions/devices", null.clone()),
        ("/conditions/userRiskLevels", json!([])),
        ("/conditions/applications/includeUserActions", json!([])),
        ("/conditions/users/includeGuestsOrExternalUsers", null),
        ("/grantControls/termsOfUse", json!([])),
    ] {
        assert_eq!(made.body.pointer(path), Some(&value), "{path}");
    }
    let id = made.id();
    let path = format!("{POLICIES}/{id}");
    let patched = client.patch(&path, json!({"state": "enabled"})).await;
    assert_eq!((patched.status, &patched.body), (204, &json!("")));
    let read = client
        .get(&path.replace(
            "/v1.0/identity/conditionalAccess/policies",
            "/beta//policies/conditionalAccessPolicies",
        ))
        .await;
    assert_eq!(read.body["state"], "enabled");
    assert_eq!(
        read.body["modifiedDateTime"],
        "2026-11-02T08:00:02.0000000Z"
    );

    assert_eq!(client.delete(&path).await.status, 204);
    let gone = client.get(&path).await;
    assert_eq!(gone.status, 404);
    assert_eq!(
        gone.message(),
        format!("ConditionalAccessPolicy with id {id} does not exist in the directory.")
    );
    assert!(gone.content_type.starts_with("application/json"));
    let bin = "/v1.0/identity/conditionalAccess/deletedItems/policies";
    let binned = client.get(&format!("{bin}/{id}")).await;
    assert_eq!(
        binned.body["deletedDateTime"],
        "2026-11-02T08:00:03.0000000Z"
    );
    let restored = client
        .send("POST", &format!("{bin}/{id}/restore"), None, &[])
        .await;
    assert_eq!(
        (restored.status, &restored.body["state"]),
        (200, &json!("enabled"))
    );

    // The bin is emptied after thirty days.
    assert_eq!(client.delete(&path).await.status, 204);
    let now = client.post("/sandbox/advance", json!({"by": "31d"})).await;
    assert_eq!(now.body["now"], "2026-12-03T08:00:05.0000000Z");
    assert_eq!(client.get(bin).await.body["value"], json!([]));
    assert_eq!(
        client
            .send("POST", &format!("{path}/restore"), None, &[])
            .await
            .status,
        404
    );
    running.stop().await;
}

#[tokio::test]
async fn a_patch_merges_objects_replaces_lists_and_clears_with_null() {
    let (_directory, running, client) = sandbox().await;
    let id = client.post(POLICIES, azure_mfa()).await.id();
    let path = format!("{POLICIES}/{id}");
    let strength = json!({"grantControls": {"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"}}});
    let both = client.patch(&path, strength.clone()).await;
    assert_eq!(both.status, 400);
    assert_eq!(
        both.message(),
        "1108: Authentication strengths cannot be used alongside the MFA built-in control."
    );
    let mut complete = strength;
    complete["grantControls"]["builtInControls"] = json!([]);
    assert_eq!(client.patch(&path, complete).await.status, 204);
    let sessions = json!({
        "sessionControls": {"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}},
        "conditions": {"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}},
    });
    assert_eq!(client.patch(&path, sessions).await.status, 204);
    let read = client.get(&path).await.body;
    assert_eq!(
        read["grantControls"]["authenticationStrength"]["displayName"],
        "Phishing resistant MFA"
    );
    assert!(read["grantControls"]["authenticationStrength@odata.context"].is_string());
    assert_eq!(read["grantControls"]["operator"], "OR");
    assert_eq!(
        read["sessionControls"]["signInFrequency"],
        json!({"isEnabled": true, "value": 4, "type": "hours", "frequencyInterval": "timeBased", "authenticationType": "primaryAndSecondaryAuthentication"})
    );
    let cleared = json!({"conditions": {"locations": null}, "sessionControls": {"signInFrequency": {"isEnabled": false}}});
    assert_eq!(client.patch(&path, cleared).await.status, 204);
    let read = client.get(&path).await.body;
    assert_eq!(read["conditions"]["locations"], Value::Null);
    assert_eq!(read["sessionControls"], Value::Null);
    assert_eq!(read["conditions"]["users"]["includeUsers"], json!(["All"]));
    running.stop().await;
}

#[tokio::test]
async fn pages_are_cut_on_demand_and_followed_to_the_end() {
    let (_directory, running, client) = sandbox().await;
    for _ in 0..4 {
        assert_eq!(client.post(POLICIES, azure_mfa()).await.status, 201);
    }
    let whole = client.get(POLICIES).await.body;
    assert_eq!(
        (
            whole["value"].as_array().unwrap().len(),
            &whole["@odata.nextLink"]
        ),
        (7, &Value::Null)
    );
    client
        .post("/sandbox/settings", json!({"page_size": 3}))
        .await;
    let mut ids = Vec::new();
    let mut next =
        format!("{POLICIES}?$select=id&$filter=state eq 'enabledForReportingButNotEnforced'");
    loop {
        let page = client.get(&next).await.body;
        ids.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].clone()),
        );
        match page["@odata.nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len(), 5);
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert_eq!(
        client
            .get(&format!("{POLICIES}?$skiptoken=zz"))
            .await
            .status,
        400
    );
    assert_eq!(
        client
            .get(&format!("{POLICIES}?$filter=displayName eq"))
            .await
            .status,
        400
    );
    running.stop().await;
}

#[tokio::test]
async fn every_write_leaves_an_entry_in_the_audit() {
    let (_directory, running, client) = sandbox().await;
    let id = client.post(POLICIES, azure_mfa()).await.id();
    let path = format!("{POLICIES}/{id}");
    client.patch(&path, json!({"state": "enabled"})).await;
    client.delete(&path).await;
    client
        .send("POST", &format!("{path}/restore"), None, &[])
        .await;
    let audits = "/v1.0/auditLogs/directoryAudits";
    let all = client.get(audits).await.body;
    let names: Vec<_> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["activityDisplayName"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "Restore conditional access policy",
            "Delete conditional access policy",
            "Update conditional access policy",
            "Add conditional access policy",
        ]
    );
    let update = &all["value"][2];
    assert_eq!(
        (
            &update["category"],
            &update["loggedByService"],
            &update["result"]
        ),
        (
            &json!("Policy"),
            &json!("Conditional Access"),
            &json!("success")
        )
    );
    assert_eq!(update["activityDateTime"], "2026-11-02T08:00:02.0000000Z");
    assert_eq!(update["targetResources"][0]["id"], json!(id));
    let change = &update["targetResources"][0]["modifiedProperties"][0];
    let state = |side: &str| {
        let policy: Value = serde_json::from_str(change[side].as_str().unwrap()).unwrap();
        policy["state"].clone()
    };
    assert_eq!(
        (state("oldValue"), state("newValue")),
        (json!("enabledForReportingButNotEnforced"), json!("enabled"))
    );
    let one = client.get(&format!("{audits}?$filter=activityDisplayName eq 'Update conditional access policy' and activityDateTime gt 2026-11-02T08:00:01Z&$orderby=activityDateTime desc&$top=1")).await.body;
    assert_eq!(one["value"][0], *update);
    client.post("/sandbox/advance", json!({"by": "31d"})).await;
    assert_eq!(client.get(audits).await.body["value"], json!([]));
    running.stop().await;
}

#[tokio::test]
async fn the_clock_only_moves_forward_and_only_when_told() {
    let (_directory, running, client) = sandbox().await;
    for by in ["-1d", "soon", ""] {
        let refused = client.post("/sandbox/advance", json!({"by": by})).await;
        assert_eq!(refused.status, 400);
        assert!(refused.message().contains('`'), "{}", refused.message());
    }
    let moved = client.post("/sandbox/advance", json!({"by": "P8D"})).await;
    assert_eq!(moved.body["now"], "2026-11-10T08:00:00.0000000Z");
    assert_eq!(
        client.get(POLICIES).await.date,
        "Tue, 10 Nov 2026 08:00:00 GMT"
    );
    assert_eq!(
        client.get(POLICIES).await.date,
        "Tue, 10 Nov 2026 08:00:00 GMT"
    );
    running.stop().await;
}

#[tokio::test]
async fn emptying_the_bin_is_final() {
    let (_directory, running, client) = sandbox().await;
    let id = client.post(POLICIES, azure_mfa()).await.id();
    let binned = format!("/v1.0/identity/conditionalAccess/deletedItems/policies/{id}");
    assert_eq!(client.delete(&binned).await.status, 404);
    client.delete(&format!("{POLICIES}/{id}")).await;
    assert_eq!(client.delete(&binned).await.status, 204);
    let restore = format!("{binned}/restore");
    assert_eq!(client.send("POST", &restore, None, &[]).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn a_whole_policy_with_explicit_nulls_is_sent_and_reads_back_the_same() {
    let (_directory, running, client) = sandbox().await;
    let user = client
        .get("/v1.0/users/svc-backup@sandbox.onmicrosoft.example")
        .await
        .id();
    // The way one real client writes: every key, nulls where nothing is meant, on POST and on PATCH.
    let sent = json!({
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "conditions": {
            "applications": {"excludeApplications": [], "includeApplications": [AZURE], "includeUserActions": []},
            "authenticationFlows": null, "clientAppTypes": ["all"], "devices": null, "locations": null,
            "platforms": null, "servicePrincipalRiskLevels": [], "signInRiskLevels": [], "userRiskLevels": [],
            "users": {
                "excludeGroups": [], "excludeGuestsOrExternalUsers": null, "excludeRoles": [],
                "excludeUsers": [user], "includeGroups": [], "includeGuestsOrExternalUsers": null,
                "includeRoles": [], "includeUsers": ["All"]
            }
        },
        "displayName": "MFA for Azure management",
        "grantControls": {"builtInControls": ["mfa"], "customAuthenticationFactors": [], "operator": "OR", "termsOfUse": []},
        "sessionControls": null,
        "state": "enabledForReportingButNotEnforced"
    });
    let made = client.post(POLICIES, sent.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("{POLICIES}/{}", made.id());
    let before = client.get(&path).await.body;
    assert_eq!(client.patch(&path, sent).await.status, 204);
    let mut after = client.get(&path).await.body;
    after["modifiedDateTime"] = Value::Null;
    assert_eq!(after, before);
    running.stop().await;
}

#[tokio::test]
async fn a_page_goes_on_after_the_last_row_whatever_came_or_went() {
    let (_directory, running, client) = sandbox().await;
    let mut made = Vec::new();
    for number in 0..20 {
        let policy = with("/displayName", json!(format!("Policy {number:02}")));
        made.push(client.post(POLICIES, policy).await.id());
    }
    for order in ["", "&$orderby=displayName"] {
        let mut page = client.get(&format!("{POLICIES}?$top=5{order}")).await.body;
        let mut seen = Vec::new();
        let mut deleted = Vec::new();
        loop {
            let ids = page["value"].as_array().unwrap().iter();
            let ids: Vec<String> = ids
                .map(|row| row["id"].as_str().unwrap().to_owned())
                .collect();
            // What was shown goes: the last of the page once, then the first.
            let gone = if deleted.len() == 1 {
                ids.first()
            } else {
                ids.last()
            };
            let gone = gone.filter(|id| made.contains(*id)).cloned();
            seen.extend(ids);
            let Some(link) = page["@odata.nextLink"].as_str() else {
                break;
            };
            if let Some(gone) = gone
                && deleted.len() < 3
            {
                client.delete(&format!("{POLICIES}/{gone}")).await;
                deleted.push(gone);
            }
            page = client.get(link).await.body;
        }
        assert!(deleted.len() == 3, "{deleted:?}");
        let before = made.len() + 3;
        let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (before, before), "{order}");
        made.retain(|id| !deleted.contains(id));
    }
    // A token belongs to its list.
    let link = client.get(&format!("{POLICIES}?$top=1")).await.body["@odata.nextLink"].clone();
    let token = link
        .as_str()
        .unwrap()
        .split("skiptoken=")
        .nth(1)
        .unwrap()
        .to_owned();
    let elsewhere = client
        .get(&format!("/v1.0/users?$top=2&$skiptoken={token}"))
        .await;
    assert_eq!(elsewhere.status, 400);
    running.stop().await;
}
