//! Who may do what: registered applications, their permissions, and protected actions.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use serde_json::{Value, json};

use super::super::{Running, TENANT_ID, control};
use super::{Client, POLICIES, azure_mfa, sandbox, serve};

const APP: &str = "7f1d0b52-3c6e-4a8f-9e21-5b0c4d3a2f61";
const DENIED: &str =
    "You cannot perform the requested operation, required scopes are missing in the token.";

async fn register(running: &Running, permissions: &[&str], delegated: &[&str]) {
    let app = json!({
        "client_id": APP, "secret": "s3", "name": "Auditor",
        "permissions": permissions, "delegated": delegated,
    });
    control(running.url(), None, "apps", &app).await.unwrap();
}

async fn token(client: &Client, form: &[(&str, &str)]) -> (u16, Value) {
    let answer = client
        .http
        .post(format!("{}/{TENANT_ID}/oauth2/v2.0/token", client.url))
        .form(form)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn as_app(secret: &str) -> [(&str, &str); 3] {
    [
        ("client_id", APP),
        ("client_secret", secret),
        ("grant_type", "client_credentials"),
    ]
}

fn claims(token: &Value) -> Value {
    let token = token["access_token"].as_str().unwrap();
    let middle = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(middle)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn signed_in(client: &Client) -> Client {
    let (status, token) = token(client, &as_app("s3")).await;
    assert_eq!(status, 200, "{token}");
    Client {
        http: client.http.clone(),
        url: client.url.clone(),
        token: token["access_token"].as_str().unwrap().to_owned(),
        is_checked: true,
    }
}

#[tokio::test]
async fn a_registered_app_gets_what_it_was_granted_and_only_with_its_secret() {
    let (directory, running, client) = sandbox().await;
    register(&running, &["Policy.Read.All"], &["User.Read.All"]).await;
    let (status, wrong) = token(&client, &as_app("guess")).await;
    assert_eq!(status, 401);
    let sentence = wrong["error_description"].as_str().unwrap();
    assert!(sentence.starts_with("AADSTS7000215: "), "{sentence}");
    let (_, granted) = token(&client, &as_app("s3")).await;
    assert_eq!(claims(&granted)["roles"], json!(["Policy.Read.All"]));
    let (_, anybody) = token(
        &client,
        &[
            ("client_id", "someone"),
            ("client_secret", "x"),
            ("grant_type", "client_credentials"),
        ],
    )
    .await;
    assert!(claims(&anybody)["roles"].as_array().unwrap().len() > 20);

    // As a service principal it can be found, with its assignments.
    let found = format!("/v1.0/servicePrincipals?$filter=appId eq '{APP}'");
    let found = client.get(&found).await.body["value"][0].clone();
    assert_eq!(found["displayName"], "Auditor");
    let path = format!(
        "/v1.0/servicePrincipals/{}/appRoleAssignments",
        found["id"].as_str().unwrap()
    );
    let assigned = client.get(&path).await.body["value"].clone();
    assert_eq!(assigned.as_array().unwrap().len(), 1);
    let graph = client
        .get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
        .await
        .body;
    assert_eq!(assigned[0]["resourceId"], graph["id"]);
    let role = graph["appRoles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["id"] == assigned[0]["appRoleId"])
        .unwrap();
    assert_eq!(role["value"], "Policy.Read.All");

    // What was registered outlives the process, and registering again replaces it.
    running.stop().await;
    let running = serve(directory.path()).await;
    let client = Client::of(running.url()).await;
    assert_eq!(token(&client, &as_app("guess")).await.0, 401);
    register(&running, &["AuditLog.Read.All"], &[]).await;
    let (_, granted) = token(&client, &as_app("s3")).await;
    assert_eq!(claims(&granted)["roles"], json!(["AuditLog.Read.All"]));
    let assigned = client.get(&path).await.body["value"].clone();
    assert_eq!(assigned.as_array().unwrap().len(), 1);
    let unknown = json!({"client_id": APP, "permissions": ["Policy.Rule.All"]});
    let refused = control(running.url(), None, "apps", &unknown).await;
    assert!(refused.unwrap_err().to_string().contains("Policy.Rule.All"));
    running.stop().await;
}

/// An operation, and sets of permissions that are enough or not.
#[tokio::test]
async fn each_operation_needs_its_permissions_in_a_batch_too() {
    let (_directory, running, client) = sandbox().await;
    let location = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "L",
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]});
    let defaults = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy";
    let audits = "/v1.0/auditLogs/directoryAudits";
    let by_ids = "/v1.0/directoryObjects/getByIds";
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    let strengths = "/v1.0/policies/authenticationStrengthPolicies";
    let write = "Policy.ReadWrite.ConditionalAccess";
    type Case<'a> = (&'a str, &'a str, Option<Value>, &'a [&'a str], bool);
    let cases: &[Case<'_>] = &[
        ("GET", POLICIES, None, &["Policy.Read.All"], true),
        (
            "GET",
            POLICIES,
            None,
            &["Policy.Read.ConditionalAccess"],
            true,
        ),
        ("GET", POLICIES, None, &[write], false),
        ("GET", POLICIES, None, &["Directory.Read.All"], false),
        (
            "POST",
            POLICIES,
            Some(azure_mfa()),
            &["Policy.Read.All", write],
            false,
        ),
        (
            "POST",
            POLICIES,
            Some(azure_mfa()),
            &["Policy.Read.All", "Application.Read.All"],
            false,
        ),
        (
            "POST",
            POLICIES,
            Some(azure_mfa()),
            &["Policy.Read.All", write, "Application.Read.All"],
            true,
        ),
        (
            "POST",
            locations,
            Some(location.clone()),
            &["Policy.Read.All", write],
            true,
        ),
        ("POST", locations, Some(location), &[write], false),
        ("GET", strengths, None, &["Policy.Read.All"], true),
        ("GET", strengths, None, &["User.Read.All"], false),
        ("GET", defaults, None, &["Policy.Read.All"], true),
        (
            "PATCH",
            defaults,
            Some(json!({"isEnabled": false})),
            &["Policy.Read.All"],
            false,
        ),
        (
            "PATCH",
            defaults,
            Some(json!({"isEnabled": false})),
            &["Policy.Read.All", "Policy.ReadWrite.SecurityDefaults"],
            true,
        ),
        ("GET", audits, None, &["AuditLog.Read.All"], false),
        (
            "GET",
            audits,
            None,
            &["AuditLog.Read.All", "Directory.Read.All"],
            true,
        ),
        ("GET", "/v1.0/users", None, &["User.ReadBasic.All"], true),
        ("GET", "/v1.0/users", None, &["Policy.Read.All"], false),
        ("GET", "/v1.0/groups", None, &["GroupMember.Read.All"], true),
        (
            "GET",
            "/v1.0/servicePrincipals",
            None,
            &["Application.Read.All"],
            true,
        ),
        (
            "GET",
            "/v1.0/servicePrincipals(appId='797f4846-ba00-4fd7-ba43-dac1f8f63013')",
            None,
            &["User.Read.All"],
            false,
        ),
        (
            "GET",
            "/v1.0/organization",
            None,
            &["Organization.Read.All"],
            true,
        ),
        (
            "GET",
            "/v1.0/subscribedSkus",
            None,
            &["User.Read.All"],
            false,
        ),
        (
            "GET",
            "/v1.0/roleManagement/directory/roleDefinitions",
            None,
            &["RoleManagement.Read.Directory"],
            true,
        ),
        (
            "POST",
            by_ids,
            Some(json!({"ids": []})),
            &["User.ReadBasic.All"],
            true,
        ),
        (
            "POST",
            by_ids,
            Some(json!({"ids": []})),
            &["Policy.Read.All"],
            false,
        ),
    ];
    for (method, path, body, permissions, is_enough) in cases {
        register(&running, permissions, &[]).await;
        let app = signed_in(&client).await;
        let alone = app.send(method, path, body.clone(), &[]).await;
        let mut part =
            json!({"id": "1", "method": method, "url": path.trim_start_matches("/v1.0")});
        if let Some(body) = body {
            part["body"] = body.clone();
            part["headers"] = json!({"Content-Type": "application/json"});
        }
        let batch = app.post("/v1.0/$batch", json!({"requests": [part]})).await;
        assert_eq!(batch.status, 200);
        let part = &batch.body["responses"][0];
        if *is_enough {
            assert!(
                alone.status < 300,
                "{method} {path} {permissions:?}: {}",
                alone.body
            );
            assert!(part["status"].as_u64().unwrap() < 300, "{part}");
        } else {
            assert_eq!(alone.status, 403, "{method} {path} {permissions:?}");
            assert_eq!(alone.message(), DENIED);
            assert_eq!(alone.body["error"]["code"], "AccessDenied");
            assert_eq!(part["status"], 403);
            assert_eq!(part["body"]["error"]["message"], DENIED);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_protected_action_asks_for_a_step_up_and_takes_it() {
    let (_directory, running, client) = sandbox().await;
    let settings = json!({"protected_actions": "c1"});
    client.post("/sandbox/settings", settings).await;
    let send = |token: String| {
        client
            .http
            .post(format!("{}{POLICIES}", client.url))
            .bearer_auth(token)
            .json(&azure_mfa())
            .send()
    };
    let refused = send(client.token.clone()).await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    let header = refused.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(header.contains("error=\"insufficient_claims\""), "{header}");
    let asked = header
        .split("claims=\"")
        .nth(1)
        .unwrap()
        .trim_end_matches('"');
    let asked = base64::engine::general_purpose::STANDARD
        .decode(asked)
        .unwrap();
    let asked = String::from_utf8(asked).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&asked).unwrap(),
        json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}})
    );
    // Reading needs no step-up.
    assert_eq!(client.get(POLICIES).await.status, 200);

    // Somebody signs in again with the claims, by device code.
    let device: Value = client
        .http
        .post(format!("{}/{TENANT_ID}/oauth2/v2.0/devicecode", client.url))
        .form(&[("client_id", "c"), ("claims", asked.as_str())])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let form = [
        ("client_id", "c"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", device["device_code"].as_str().unwrap()),
    ];
    let (_, stepped) = token(&client, &form).await;
    assert_eq!(claims(&stepped)["acrs"], json!(["c1"]));
    let taken = send(stepped["access_token"].as_str().unwrap().to_owned())
        .await
        .unwrap();
    assert_eq!(taken.status().as_u16(), 201);
    // A refreshed token keeps what was met; a sign-in that was not asked has met nothing.
    let refresh = [
        ("client_id", "c"),
        ("grant_type", "refresh_token"),
        ("refresh_token", stepped["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(
        claims(&token(&client, &refresh).await.1)["acrs"],
        json!(["c1"])
    );
    running.stop().await;
}
