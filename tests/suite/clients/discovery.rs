//! What clients ask before and beside Conditional Access.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, Door, TENANT_ID, answered, secure, trusting};

const DOMAIN: &str = "sandbox.onmicrosoft.example";

/// A document that is read without a token.
async fn document(door: &Door, path: &str) -> Value {
    let http = trusting(&door.authority());
    let (status, document) = answered(http.get(format!("{}{path}", door.url()))).await;
    assert_eq!(status, 200, "{path}: {document}");
    document
}

#[tokio::test]
async fn the_cloud_describes_itself() {
    let (_directory, door) = secure();
    let url = door.url();
    let cloud = document(&door, "/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!(cloud["name"], "PortcullisSandbox");
    assert_eq!(cloud["resourceManager"], format!("{url}/"));
    assert_eq!(cloud["microsoftGraphResourceId"], format!("{url}/"));
    assert_eq!(cloud["authentication"]["loginEndpoint"], url);
    assert_eq!(
        cloud["authentication"]["audiences"],
        json!([format!("{url}/")])
    );
    // The rest of what `az cloud register` takes from it.
    for field in [
        "sqlManagement",
        "batch",
        "gallery",
        "graphAudience",
        "vmImageAliasDoc",
        "media",
    ] {
        assert!(cloud[field].is_string(), "{field}");
    }
    for suffix in ["storage", "keyVaultDns", "sqlServerHostname"] {
        assert!(cloud["suffixes"][suffix].is_string(), "{suffix}");
    }
}

#[tokio::test]
async fn ways_to_sign_in_are_found() {
    let (_directory, door) = secure();
    let url = door.url();
    let root = format!("{url}/{TENANT_ID}");
    for name in [TENANT_ID, DOMAIN] {
        let path = format!("/{name}/v2.0/.well-known/openid-configuration");
        let found = document(&door, &path).await;
        assert_eq!(found["issuer"], format!("{root}/v2.0"));
        assert_eq!(found["token_endpoint"], format!("{root}/oauth2/v2.0/token"));
        assert_eq!(
            found["authorization_endpoint"],
            format!("{root}/oauth2/v2.0/authorize")
        );
        assert_eq!(
            document(
                &door,
                found["jwks_uri"]
                    .as_str()
                    .unwrap()
                    .strip_prefix(url)
                    .unwrap()
            )
            .await,
            json!({"keys": []})
        );
    }
    for name in ["common", "organizations"] {
        let path = format!("/{name}/v2.0/.well-known/openid-configuration");
        let found = document(&door, &path).await;
        assert_eq!(found["issuer"], format!("{url}/{{tenantid}}/v2.0"));
        assert_eq!(
            found["token_endpoint"],
            format!("{url}/{name}/oauth2/v2.0/token")
        );
    }
    let asked = format!(
        "/common/discovery/instance?api-version=1.1&authorization_endpoint={root}/oauth2/v2.0/authorize"
    );
    let instance = document(&door, &asked).await;
    assert_eq!(
        instance["tenant_discovery_endpoint"],
        format!("{root}/v2.0/.well-known/openid-configuration")
    );
    let host = url.strip_prefix("https://").unwrap();
    assert_eq!(instance["metadata"][0]["aliases"], json!([host]));
}

/// What a token says of its bearer.
fn claims(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(parts[1])
        .unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn an_application_and_a_person_get_the_claims_that_clients_look_at() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    let app = claims(&client.token);
    for claim in ["oid", "appid", "app_displayname", "aud", "iss"] {
        assert!(app[claim].is_string(), "{claim}: {app}");
    }
    assert_eq!(app["idtyp"], "app");
    assert_eq!(app["tid"], TENANT_ID);
    assert!(
        app["roles"]
            .as_array()
            .unwrap()
            .contains(&json!("Policy.Read.All"))
    );
    let (begin, end) = (app["nbf"].as_i64().unwrap(), app["exp"].as_i64().unwrap());
    assert!(begin < end, "{app}");
    let (status, refused) = client.get("/v1.0/me").await;
    assert_eq!(status, 400);
    assert_eq!(refused["error"]["code"], "BadRequest");

    // A person on another device, who never says which tenant.
    let endpoint = |name: &str| format!("{}/organizations/oauth2/v2.0/{name}", door.url());
    let form = [("client_id", "an-app"), ("scope", "openid")];
    let (_, code) = answered(client.http.post(endpoint("devicecode")).form(&form)).await;
    let form = [
        ("client_id", "an-app"),
        ("device_code", code["device_code"].as_str().unwrap()),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
    ];
    let (status, token) = answered(client.http.post(endpoint("token")).form(&form)).await;
    assert_eq!(status, 200, "{token}");
    let token = token["access_token"].as_str().unwrap().to_owned();
    let person = claims(&token);
    assert_eq!(
        (&person["idtyp"], &person["tid"]),
        (&json!("user"), &json!(TENANT_ID))
    );
    let client = Client { token, ..client };
    let (status, me) = client.get("/v1.0/me?$select=id,userPrincipalName").await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(
        me["userPrincipalName"],
        "ca.admin@sandbox.onmicrosoft.example"
    );
    assert_eq!(me["id"], person["oid"]);
}

#[tokio::test]
async fn azure_shows_one_subscription_to_whoever_signed_in() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    let (status, list) = client.get("/subscriptions?api-version=2022-12-01").await;
    assert_eq!(status, 200);
    let id = list["value"][0]["subscriptionId"].as_str().unwrap();
    assert_eq!(list["value"][0]["tenantId"], TENANT_ID);
    assert_eq!(list["value"][0]["state"], "Enabled");
    let (_, tenants) = client.get("/tenants?api-version=2022-12-01").await;
    assert_eq!(tenants["value"][0]["tenantId"], TENANT_ID);
    assert_eq!(tenants["value"][0]["defaultDomain"], DOMAIN);
    let path = format!("/subscriptions/{id}/locations?api-version=2022-12-01");
    let (_, locations) = client.get(&path).await;
    assert_eq!(locations["value"][0]["name"], "westeurope");
    let elsewhere = path.replace(id, "11111111-1111-4111-8111-111111111111");
    let (status, refused) = client.get(&elsewhere).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (404, &json!("SubscriptionNotFound"))
    );
    let stranger = client.http.get(format!("{}/subscriptions", door.url()));
    assert_eq!(answered(stranger).await.0, 401);

    // Its path names no tenant; with many of them the token does.
    let directory = tempfile::tempdir().unwrap();
    let many = Door::serve(directory.path(), &["--tenants", "2"]);
    let second = many.line["tenants"][1]["tenant_id"].as_str().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = Client::of_tenant(http, many.url(), second).await;
    let (_, list) = client.get("/subscriptions").await;
    assert_eq!(list["value"][0]["tenantId"], second);
}

#[tokio::test]
async fn every_path_that_was_seen_in_a_log_is_answered() {
    let (_directory, door) = secure();
    let client = Client::of(&door).await;
    let (_, user) = client.get(&format!("/v1.0/users/linh.tran@{DOMAIN}")).await;
    let (_, groups) = client.get("/v1.0/groups").await;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let (user, group) = (id(&user), id(&groups["value"][0]));
    for list in [
        "/v1.0//identity/conditionalAccess/policies",
        "/beta/identity/conditionalAccess/policies",
        "/v1.0/policies/conditionalAccessPolicies",
        "/v1.0/identity/conditionalAccess/namedLocations",
        "/beta/conditionalAccess/namedLocations",
        &format!("/v1.0/groups/{group}/members?$top=999"),
        "/v1.0/domains",
        "/v1.0/organization",
        "/v1.0/users",
        "/v1.0/groups",
        "/v1.0/applications",
        "/v1.0/servicePrincipals",
        "/v1.0/directoryRoles",
        "/v1.0/groupSettings",
        "/v1.0/roleManagement/directory/roleAssignments",
        "/v1.0/policies/activityBasedTimeoutPolicies",
        "/v1.0/policies/roleManagementPolicyAssignments?$filter=scopeId eq '/' and scopeType eq 'DirectoryRole'&$expand=policy($expand=rules)",
        "/v1.0/directory/onPremisesSynchronization",
        "/v1.0/identityGovernance/accessReviews/definitions",
        "/v1.0/deviceManagement/deviceCompliancePolicies",
        "/v1.0/deviceManagement/managedDevices?$select=id,deviceName",
        "/beta/deviceManagement/deviceEnrollmentConfigurations",
        "/beta/legacy/policies",
    ] {
        let (status, page) = client.get(list).await;
        assert_eq!(status, 200, "{list}: {page}");
        assert!(page["value"].is_array(), "{list}: {page}");
    }
    let (_, organization) = client.get("/v1.0/organization").await;
    assert_eq!(organization["value"].as_array().unwrap().len(), 1);
    for (one, field) in [
        (format!("/v1.0/directoryObjects/{user}"), "id"),
        (format!("/v1.0/users/{user}"), "userPrincipalName"),
        (
            "/v1.0/policies/authorizationPolicy".to_owned(),
            "guestUserRoleId",
        ),
        (
            "/v1.0/policies/adminConsentRequestPolicy".to_owned(),
            "isEnabled",
        ),
        (
            "/v1.0/policies/defaultAppManagementPolicy".to_owned(),
            "isEnabled",
        ),
        (
            "/v1.0/policies/deviceRegistrationPolicy".to_owned(),
            "userDeviceQuota",
        ),
        (
            "/v1.0/policies/authenticationMethodsPolicy".to_owned(),
            "authenticationMethodConfigurations",
        ),
        (
            "/v1.0/policies/crossTenantAccessPolicy/default".to_owned(),
            "inboundTrust",
        ),
        (
            "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy".to_owned(),
            "isEnabled",
        ),
        (
            "/v1.0/deviceManagement?$select=settings".to_owned(),
            "settings",
        ),
    ] {
        let (status, document) = client.get(&one).await;
        assert_eq!(status, 200, "{one}: {document}");
        assert!(!document[field].is_null(), "{one}: {document}");
    }
    let search = "/v1.0/serviceprincipals?$search=\"appId:797f4846-ba00-4fd7-ba43-dac1f8f63013\"&$select=displayName";
    let (_, found) = answered(
        client
            .request(Method::GET, search)
            .header("consistencylevel", "eventual"),
    )
    .await;
    assert_eq!(
        found["value"][0]["displayName"],
        "Windows Azure Service Management API"
    );
    let (status, _) = client
        .send(
            Method::POST,
            "/v1.0/security/microsoft.graph.security.runHuntingQuery",
            Some(&json!({"query": "SigninLogs"})),
        )
        .await;
    assert_eq!(status, 200);
    let (status, refused) = client.get("/v1.0/directory/attributeSets").await;
    assert_eq!(status, 404);
    assert_eq!(
        refused["error"]["message"],
        "Resource not found for the segment 'attributeSets'."
    );
}
