//! The sandbox over real HTTP.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, DOMAIN, Options, Running, TENANT_ID, start};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

/// A client of one door.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

struct Answer {
    status: u16,
    date: String,
    content_type: String,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }
}

async fn serve(state: &Path) -> Running {
    start(Options {
        state: state.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
    })
    .await
    .unwrap()
}

impl Client {
    async fn of(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let form = [
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("grant_type", "client_credentials"),
            ("scope", "x//.default"),
        ];
        let body: Value = http
            .post(format!(
                "{url}/{TENANT_ID}/oauth2/v2.0/token?client-request-id=1"
            ))
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: body["access_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        let (status, date, content_type) = (
            response.status().as_u16(),
            header("date"),
            header("content-type"),
        );
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            date,
            content_type,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body), &[]).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }
}

/// A sandbox in a directory that goes with it.
async fn sandbox() -> (tempfile::TempDir, Running, Client) {
    let directory = tempfile::tempdir().unwrap();
    let running = serve(directory.path()).await;
    let client = Client::of(running.url()).await;
    (directory, running, client)
}

fn azure_mfa() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "displayName": "CA010 - Require MFA for Azure management",
        "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": [AZURE]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    })
}

fn with(path: &str, value: Value) -> Value {
    let mut policy = azure_mfa();
    let (parent, key) = path.rsplit_once('/').unwrap();
    policy.pointer_mut(parent).unwrap()[key] = value;
    policy
}

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
async fn what_the_service_refuses_it_refuses_in_its_words() {
    let (_directory, running, client) = sandbox().await;
    let nobody = "11111111-1111-1111-1111-111111111111";
    let grant = |controls: Value| json!({"operator": "OR", "builtInControls": controls});
    let frequency = |value: Value| json!({"signInFrequency": value});
    let tenants = |value: Value| json!({"guestOrExternalUserTypes": "b2bCollaborationGuest", "externalTenants": value});
    let cases = [
        (
            with("/conditions/clientAppTypes", json!([])),
            "1064: 'clientAppTypes' condition does not support []. If you want to target all client apps, use ['All'].",
        ),
        (
            with("/conditions/applications/includeApplications", json!([])),
            "1011:",
        ),
        (
            with(
                "/conditions/applications/includeUserActions",
                json!(["urn:user:registerdevice"]),
            ),
            "1012: 'applications' condition cannot include both 'includeApplications' and 'includeUserActions'/'includeProtectionLevels'. Please remove one of the conditions.",
        ),
        (
            with(
                "/conditions/applications/includeApplications",
                json!([nobody]),
            ),
            "1034: Policy contains invalid applications: {\"11111111-1111-1111-1111-111111111111\":\"ServicePrincipalNotFound\"}",
        ),
        (
            with(
                "/conditions/applications/includeApplications",
                json!(["04b07795-8ddb-461a-bbee-02f9e1bf7b46"]),
            ),
            "1034: Policy contains invalid applications: {\"04b07795-8ddb-461a-bbee-02f9e1bf7b46\":\"PublicClientsAreUnsupported\"}",
        ),
        (
            with(
                "/conditions/locations",
                json!({"includeLocations": [nobody]}),
            ),
            "1040: NamedLocation with id 11111111-1111-1111-1111-111111111111 does not exist in the directory.",
        ),
        (
            with("/grantControls", grant(json!(["block", "mfa"]))),
            "1032: ConditionalActionPolicy validation failed due to InvalidControls.",
        ),
        (
            with("/grantControls", grant(json!(["passwordChange", "mfa"]))),
            "1032: ConditionalActionPolicy validation failed due to InvalidPasswordResetControl.",
        ),
        (
            with(
                "/sessionControls",
                frequency(
                    json!({"isEnabled": true, "value": 1, "type": "days", "frequencyInterval": "timeBased", "authenticationType": "secondaryAuthentication"}),
                ),
            ),
            "1104: 'timeBased' value for 'frequencyInterval' property in 'signInFrequency' session control only supports 'primaryAndSecondaryAuthentication' value for 'authenticationType' property.",
        ),
        (
            with(
                "/sessionControls",
                frequency(
                    json!({"isEnabled": true, "value": 1, "type": "days", "frequencyInterval": "everyTime"}),
                ),
            ),
            "1007:",
        ),
        (
            with(
                "/grantControls/authenticationStrength",
                json!({"id": "00000000-0000-0000-0000-000000000002"}),
            ),
            "1108:",
        ),
        (
            with(
                "/grantControls/authenticationStrength@odata.bind",
                json!("x"),
            ),
            "1007:",
        ),
        (
            with("/conditions/users/excludeUserActions", json!([])),
            "1007:",
        ),
        (with("/conditions/times", Value::Null), "1007:"),
        (with("/partialEnablementStrategy", Value::Null), "1007:"),
        (with("/id", json!(nobody)), "1007:"),
        (with("/state", json!("unknownFutureValue")), "1007:"),
        (with("/state", json!("on")), "1007:"),
        (with("/displayName", json!(7)), "1007:"),
        (
            with("/conditions/users/excludeGroups", Value::Null),
            "1007:",
        ),
        (
            with("/conditions/users/includeUsers", json!("All")),
            "1007:",
        ),
        (
            with(
                "/conditions/platforms",
                json!({"includePlatforms": ["unknownFutureValue"]}),
            ),
            "1007:",
        ),
        (
            with(
                "/conditions/authenticationFlows",
                json!({"transferMethods": ""}),
            ),
            "1007:",
        ),
        (
            with(
                "/conditions/authenticationFlows",
                json!({"transferMethods": null}),
            ),
            "1007:",
        ),
        (
            with(
                "/conditions/devices",
                json!({"deviceFilter": {"mode": "include"}}),
            ),
            "1007:",
        ),
        (
            with("/conditions/users/includeRoles", json!(["All"])),
            "1007:",
        ),
        (
            with(
                "/conditions/users/includeUsers",
                json!(["emergency1@sandbox.onmicrosoft.example"]),
            ),
            "1007:",
        ),
        (
            with("/conditions/users/excludeUsers", json!([nobody])),
            "User with id",
        ),
        (
            with("/conditions/users/excludeGroups", json!([nobody])),
            "Group with id",
        ),
        (
            with("/conditions/users/includeRoles", json!([nobody])),
            "Role with id",
        ),
        (
            with("/conditions/users/includeUsers", json!([])),
            "Policy must include a rule for users",
        ),
        (
            with("/grantControls", Value::Null),
            "Policy must include grant controls",
        ),
        (
            with(
                "/conditions/users/excludeGuestsOrExternalUsers",
                tenants(
                    json!({"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind": "all", "members": []}),
                ),
            ),
            "1007:",
        ),
        (json!([]), "1007:"),
    ];
    for (body, message) in cases {
        let refused = client.post(POLICIES, body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(
            refused.message().starts_with(message),
            "{} for {body}",
            refused.message()
        );
        assert_eq!(refused.body["error"]["code"], "BadRequest");
        assert_eq!(
            refused.body["error"]["innerError"]["date"],
            "2026-11-02T08:00:00"
        );
    }
    // Beta puts the numbered text inside.
    let beta = client
        .post(
            "/beta/identity/conditionalAccess/policies",
            with("/state", json!("on")),
        )
        .await;
    assert!(
        beta.message()
            .starts_with("The server could not process the request")
    );
    assert!(
        beta.body["error"]["innerError"]["message"]
            .as_str()
            .unwrap()
            .starts_with("1007: ")
    );
    // Nothing of all this was written.
    assert_eq!(client.get("/sandbox").await.body["events"], 0);
    // And what looks unusual but is right is accepted.
    for body in [
        with("/grantControls/operator", Value::Null),
        with(
            "/conditions/locations",
            json!({"includeLocations": ["All"], "excludeLocations": ["00000000-0000-0000-0000-000000000000"]}),
        ),
        with("/conditions/insiderRiskLevels", json!("minor, moderate")),
        with(
            "/conditions/users/excludeGuestsOrExternalUsers",
            tenants(
                json!({"@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "membershipKind": "enumerated", "members": [nobody]}),
            ),
        ),
        with(
            "/sessionControls",
            json!({"applicationEnforcedRestrictions": {"isEnabled": false}}),
        ),
        with(
            "/conditions/platforms",
            json!({"includePlatforms": ["all"], "excludePlatforms": ["linux"]}),
        ),
    ] {
        let made = client.post(POLICIES, body.clone()).await;
        assert_eq!(made.status, 201, "{} for {body}", made.body);
    }
    let known = client
        .send(
            "GET",
            POLICIES,
            None,
            &[("Prefer", "include-unknown-enum-members")],
        )
        .await;
    assert_eq!(
        known.body["value"][8]["conditions"]["platforms"]["excludePlatforms"],
        json!(["linux"])
    );
    let masked = client.get(POLICIES).await;
    assert_eq!(
        masked.body["value"][8]["conditions"]["platforms"]["excludePlatforms"],
        json!(["unknownFutureValue"])
    );
    running.stop().await;
}

#[tokio::test]
async fn security_defaults_stop_enabling_and_nothing_else() {
    let (_directory, running, client) = sandbox().await;
    let defaults = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy";
    assert_eq!(client.get(defaults).await.body["isEnabled"], false);
    assert_eq!(
        client
            .patch(defaults, json!({"isEnabled": true}))
            .await
            .status,
        204
    );
    let made = client.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201);
    let path = format!("{POLICIES}/{}", made.id());
    let refused = client.patch(&path, json!({"state": "enabled"})).await;
    assert_eq!(
        refused.message(),
        "Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy."
    );
    assert_eq!(
        client
            .patch(&path, json!({"state": "disabled"}))
            .await
            .status,
        204
    );
    running.stop().await;
}

#[tokio::test]
async fn tokens_are_asked_for_and_looked_at() {
    let (_directory, running, client) = sandbox().await;
    let post = |tenant: &str, secret: &str| {
        let form = vec![
            ("client_id", CLIENT_ID.to_owned()),
            ("client_secret", secret.to_owned()),
            ("grant_type", "client_credentials".to_owned()),
        ];
        client
            .http
            .post(format!("{}/{tenant}/oauth2/v2.0/token", client.url))
            .form(&form)
            .send()
    };
    let wrong = post(TENANT_ID, "guess").await.unwrap();
    assert_eq!(wrong.status().as_u16(), 401);
    let body: Value = wrong.json().await.unwrap();
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .starts_with("AADSTS7000215: ")
    );
    assert_eq!(
        post("nobody.example", CLIENT_SECRET)
            .await
            .unwrap()
            .status()
            .as_u16(),
        400
    );
    assert_eq!(
        post(DOMAIN, CLIENT_SECRET).await.unwrap().status().as_u16(),
        200
    );

    use base64::Engine as _;
    let forged = |claims: Value| {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string());
        format!("Bearer e30.{claims}.x")
    };
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer not-a-token".to_owned(),
        forged(json!({"tid": TENANT_ID, "exp": 1})),
        forged(json!({"tid": "other", "exp": 99_999_999_999_i64})),
    ] {
        let request = client
            .http
            .get(format!("{}{POLICIES}", client.url))
            .header("authorization", header.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 401, "{header}");
        assert_eq!(response.headers()["date"], "Mon, 02 Nov 2026 08:00:00 GMT");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    }
    let poor =
        forged(json!({"tid": TENANT_ID, "exp": 99_999_999_999_i64, "roles": ["Policy.Read.All"]}));
    let request = client
        .http
        .post(format!("{}{POLICIES}", client.url))
        .header("authorization", poor)
        .json(&azure_mfa());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 403);

    // The browser flow, with its proof of possession.
    let authorize = format!(
        "{}/{TENANT_ID}/oauth2/v2.0/authorize?client_id=c&redirect_uri=http://localhost:1/done&state=s%2F1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        client.url
    );
    let redirect = client.http.get(authorize).send().await.unwrap();
    assert_eq!(redirect.status().as_u16(), 302);
    let location = reqwest::Url::parse(redirect.headers()["location"].to_str().unwrap()).unwrap();
    let code = location
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    for (verifier, status) in [
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 200),
        ("other", 400),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "c"),
            ("code", &code),
            ("code_verifier", verifier),
        ];
        let answer = client
            .http
            .post(format!("{}/{TENANT_ID}/oauth2/v2.0/token", client.url))
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    running.stop().await;
}

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
        3
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
async fn two_doors_are_one_tenant_and_the_second_carries_on() {
    let (directory, first, one) = sandbox().await;
    let second = serve(directory.path()).await;
    let two = Client::of(second.url()).await;
    let made = two.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201);
    let path = format!("{POLICIES}/{}", made.id());
    assert_eq!(one.get(&path).await.status, 200);
    assert_eq!(
        one.patch(&path, json!({"state": "disabled"})).await.status,
        204
    );
    let read = two.get(&path).await;
    assert_eq!(
        (&read.body["state"], read.date.as_str()),
        (&json!("disabled"), "Mon, 02 Nov 2026 08:00:02 GMT")
    );
    // Links lead back through the door that was asked.
    let page = two.get(&format!("{POLICIES}?$top=1")).await;
    assert!(
        page.body["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with(second.url())
    );
    let url = std::fs::read_to_string(directory.path().join("url")).unwrap();
    assert_eq!(url, first.url());

    first.stop().await;
    assert_eq!(two.get(&path).await.body["state"], "disabled");
    assert_eq!(two.delete(&path).await.status, 204);
    assert_eq!(
        std::fs::read_to_string(directory.path().join("url")).unwrap(),
        second.url()
    );
    second.stop().await;
    assert!(!directory.path().join("url").exists());

    // And a third one finds everything where it was left.
    let third = serve(directory.path()).await;
    let three = Client::of(third.url()).await;
    assert_eq!(three.get(&path).await.status, 404);
    assert_eq!(three.get("/sandbox").await.body["events"], 3);
    three.send("POST", "/sandbox/reset", None, &[]).await;
    assert_eq!(
        three.get("/sandbox").await.body["now"],
        "2026-11-02T08:00:00.0000000Z"
    );
    third.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_torn_log() {
    let (directory, running, client) = sandbox().await;
    let made = client.post(POLICIES, azure_mfa()).await;
    let before = client.get(POLICIES).await.body;
    running.stop().await;
    let log = directory.path().join("events.jsonl");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend_from_slice(b"{\"n\":2,\"at\":\"2026-");
    std::fs::write(&log, bytes).unwrap();
    let again = serve(directory.path()).await;
    let client = Client::of(again.url()).await;
    let after = client.get(POLICIES).await.body;
    assert_eq!(after["value"], before["value"]);
    // The ids follow from the log, so that the same writes make the same tenant.
    client.send("POST", "/sandbox/reset", None, &[]).await;
    assert_eq!(client.post(POLICIES, azure_mfa()).await.id(), made.id());
    again.stop().await;
    std::fs::write(&log, "nonsense\n").unwrap();
    let options = Options {
        state: directory.path().to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
    };
    assert!(
        start(options)
            .await
            .unwrap_err()
            .to_string()
            .contains("line 1 is not an event")
    );
    let abroad = Options {
        state: directory.path().to_owned(),
        listen: "0.0.0.0:0".parse().unwrap(),
    };
    assert!(start(abroad).await.is_err());
}

/// `cargo test --release --lib sandbox::tests::latency -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
#[allow(clippy::print_stderr)]
async fn latency_of_the_list_of_two_hundred_policies() {
    let (_directory, running, client) = sandbox().await;
    let start = std::time::Instant::now();
    for _ in 0..197 {
        assert_eq!(client.post(POLICIES, azure_mfa()).await.status, 201);
    }
    eprintln!("POST: {:?} each", start.elapsed() / 197);
    for top in ["", "?$top=1"] {
        let start = std::time::Instant::now();
        for _ in 0..20 {
            client.get(&format!("{POLICIES}{top}")).await;
        }
        eprintln!("GET policies{top}: {:?} each", start.elapsed() / 20);
    }
    running.stop().await;
}
