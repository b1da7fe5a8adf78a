//! The directory, the locations, and many requests in one.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{AZURE, azure_mfa, sandbox};

#[tokio::test]
async fn the_directory_answers_and_changes() {
    let (_directory, running, client) = sandbox().await;
    let user = client
        .get("/v1.0/users/emergency1@sandbox.onmicrosoft.example?$select=id,accountEnabled")
        .await;
    assert_eq!(user.body["accountEnabled"], true);
    let emergency = user.id();
    let contractors = client
        .get("/v1.0/groups?$filter=displayName eq 'contractors'")
        .await;
    assert_eq!(contractors.body["value"].as_array().unwrap().len(), 2);
    let group = client
        .get("/v1.0/groups?$filter=displayName eq 'Engineering'&$select=id")
        .await;
    let engineering = group.body["value"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(group.body["value"][0].as_object().unwrap().len(), 1);
    let direct = client
        .get(&format!("/v1.0/groups/{engineering}/members"))
        .await;
    let all = client
        .get(&format!(
            "/v1.0/groups/{engineering}/transitiveMembers/microsoft.graph.user?$select=id&$top=3"
        ))
        .await;
    assert!(
        direct.body["value"]
            .as_array()
            .unwrap()
            .iter()
            .any(|member| member["@odata.type"] == "#microsoft.graph.group")
    );
    let next = all.body["@odata.nextLink"].as_str().unwrap();
    assert!(next.starts_with(&client.url));
    assert_eq!(
        client.get(next).await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let counting =
        format!("/v1.0/groups/{engineering}/transitiveMembers/microsoft.graph.user/$count");
    assert_eq!(
        client.get(&counting).await.message(),
        "$count is not currently supported."
    );
    let eventual = [("ConsistencyLevel", "eventual")];
    assert_eq!(
        client.send("GET", &counting, None, &eventual).await.body,
        json!(10)
    );
    let advanced = "/v1.0/users?$filter=userType ne 'Member'&$count=true";
    assert_eq!(
        client.get(advanced).await.body["error"]["code"],
        "Request_UnsupportedQuery"
    );
    assert_eq!(
        client.send("GET", advanced, None, &eventual).await.body["@odata.count"],
        8
    );

    let made = client.post("/v1.0/groups", json!({"displayName": "New", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let reference = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{emergency}")});
    let members = format!("/v1.0/groups/{}/members", made.id());
    assert_eq!(
        client
            .post(&format!("{members}/$ref"), reference.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        client
            .post(&format!("{members}/$ref"), reference)
            .await
            .status,
        400
    );
    let audits = client.get(&format!("/v1.0/auditLogs/directoryAudits?$filter=activityDisplayName eq 'Add member to group' and activityDateTime ge 2026-11-02T08:00:00Z and targetResources/any(t: t/id eq '{emergency}')")).await;
    let entry = &audits.body["value"][0];
    assert_eq!(
        entry["targetResources"][0]["modifiedProperties"][0]["newValue"],
        format!("\"{}\"", made.id())
    );
    assert_eq!(entry["initiatedBy"]["app"]["displayName"], "portcullis");
    assert_eq!(
        client
            .delete(&format!("{members}/{emergency}/$ref"))
            .await
            .status,
        204
    );
    assert_eq!(client.get(&members).await.body["value"], json!([]));

    assert_eq!(
        client
            .patch(
                &format!("/v1.0/users/{emergency}"),
                json!({"accountEnabled": false})
            )
            .await
            .status,
        204
    );
    let found = client
        .post(
            "/v1.0/directoryObjects/getByIds",
            json!({"ids": [emergency, "22222222-2222-2222-2222-222222222222"], "types": ["user"]}),
        )
        .await;
    assert_eq!(found.body["value"].as_array().unwrap().len(), 1);
    for path in [
        format!("/v1.0/servicePrincipals(appId='{AZURE}')"),
        format!("/beta/serviceprincipals?$filter=appId eq '{AZURE}'"),
        "/v1.0/subscribedSkus".to_owned(),
        "/v1.0/organization".to_owned(),
        "/v1.0/domains".to_owned(),
        "/v1.0/directoryRoles".to_owned(),
        "/v1.0/roleManagement/directory/roleDefinitions?$filter=displayName eq 'Global Administrator'".to_owned(),
        format!("/v1.0/roleManagement/directory/roleAssignments?$filter=principalId eq '{emergency}'"),
        "/v1.0/policies/authenticationStrengthPolicies".to_owned(),
        "/v1.0/identity/conditionalAccess/namedLocations?$filter=displayName eq 'Head office'".to_owned(),
        "/v1.0/users/callum.ferguson@sandbox.onmicrosoft.example/transitiveMemberOf".to_owned(),
        format!("/v1.0/directoryObjects/{emergency}"),
    ] {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_ne!(answer.body["value"], json!([]), "{path}");
    }
    assert_eq!(client.get("/v1.0/sandbox").await.status, 404);
    let unknown = client.get("/v1.0/wonders").await;
    assert_eq!(
        (unknown.status, unknown.message()),
        (404, "Resource not found for the segment 'wonders'.")
    );
    running.stop().await;
}

#[tokio::test]
async fn a_trusted_location_is_deleted_in_two_steps() {
    let (_directory, running, client) = sandbox().await;
    let path = "/v1.0/identity/conditionalAccess/namedLocations";
    let body = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Lab", "isTrusted": true,
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "2001:db8::/32"}]});
    let made = client.post(path, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("{path}/{}", made.id());
    assert_eq!(client.delete(&path).await.status, 400);
    let part = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": false});
    assert_eq!(client.patch(&path, part).await.status, 204);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn a_batch_answers_each_part_and_is_counted() {
    let (_directory, running, client) = sandbox().await;
    client.delete("/sandbox/requests").await;
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/users?$top=1"},
        {"id": "2", "method": "GET", "url": "/users/nobody", "dependsOn": ["1"]},
        {"id": "3", "method": "DELETE", "url": "/users/nobody", "dependsOn": ["2"]},
        {"id": "4", "method": "POST", "url": "/identity/conditionalAccess/policies", "body": azure_mfa(), "headers": {"Content-Type": "application/json"}},
    ]});
    let answer = client.post("/v1.0/$batch", batch).await;
    let statuses: Vec<_> = answer.body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["status"].clone())
        .collect();
    assert_eq!(statuses, [json!(200), json!(404), json!(424), json!(201)]);
    let step = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": "/users"});
    let large: Vec<_> = (0..21).map(step).collect();
    assert_eq!(
        client
            .post("/v1.0/$batch", json!({"requests": large}))
            .await
            .status,
        400
    );
    let requests = client.get("/sandbox/requests").await.body;
    assert_eq!(requests.as_array().unwrap().len(), 2);
    assert_eq!(
        requests[0]["parts"][3],
        json!({"method": "POST", "path": "/v1.0/identity/conditionalAccess/policies", "status": 201})
    );
    running.stop().await;
}
