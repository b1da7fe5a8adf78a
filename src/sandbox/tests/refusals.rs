//! What the service refuses, and that nothing breaks it.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{POLICIES, azure_mfa, sandbox, with};

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
    // What the batch prefers is not what its parts prefer.
    let batch = json!({"requests": [
        {"id": "0", "method": "GET", "url": "/identity/conditionalAccess/policies"},
        {"id": "1", "method": "GET", "url": "/identity/conditionalAccess/policies",
         "headers": {"Prefer": "include-unknown-enum-members"}},
    ]});
    let preferring = [("Prefer", "include-unknown-enum-members")];
    let parts = client
        .send("POST", "/v1.0/$batch", Some(batch), &preferring)
        .await;
    for (at, platform) in [(0, "unknownFutureValue"), (1, "linux")] {
        let policy = &parts.body["responses"][at]["body"]["value"][8];
        let excluded = &policy["conditions"]["platforms"]["excludePlatforms"];
        assert_eq!(*excluded, json!([platform]));
    }
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
async fn no_value_in_any_place_breaks_the_server() {
    let (_directory, running, client) = sandbox().await;
    let id = client.post(POLICIES, azure_mfa()).await.id();
    let mut full = client.get(&format!("{POLICIES}/{id}")).await.body;
    full["sessionControls"] =
        json!({"signInFrequency": {"isEnabled": true, "value": 1, "type": "days"}});
    let mut places = Vec::new();
    let mut open = vec![(String::new(), full.clone())];
    while let Some((path, value)) = open.pop() {
        for (key, inner) in value.as_object().into_iter().flatten() {
            open.push((format!("{path}/{key}"), inner.clone()));
            places.push(format!("{path}/{key}"));
        }
    }
    assert!(places.len() > 40);
    for place in places {
        for odd in [
            json!(null),
            json!({}),
            json!([]),
            json!([null]),
            json!(""),
            json!(-1),
            json!(true),
        ] {
            let (parent, key) = place.rsplit_once('/').unwrap();
            let mut body = azure_mfa();
            match body.pointer_mut(parent) {
                Some(object) if object.is_object() => object[key] = odd.clone(),
                _ => continue,
            }
            let made = client.post(POLICIES, body.clone()).await.status;
            assert!(made == 201 || made == 400, "{made} for {body}");
            let mut nested = odd.clone();
            for step in place.rsplit('/').filter(|step| !step.is_empty()) {
                nested = json!({step: nested});
            }
            let patched = client
                .patch(&format!("{POLICIES}/{id}"), nested.clone())
                .await
                .status;
            assert!(patched == 204 || patched == 400, "{patched} for {nested}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_deleted_stays_in_policies_but_cannot_be_added() {
    let (_directory, running, client) = sandbox().await;
    let body = json!({"displayName": "G", "mailNickname": "g", "mailEnabled": false, "securityEnabled": true});
    let group = client.post("/v1.0/groups", body).await.id();
    let policy = with("/conditions/users/excludeGroups", json!([group]));
    let made = client.post(POLICIES, policy.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        client.delete(&format!("/v1.0/groups/{group}")).await.status,
        204
    );
    let path = format!("{POLICIES}/{}", made.id());
    assert_eq!(
        client.get(&path).await.body["conditions"]["users"]["excludeGroups"],
        json!([group])
    );
    let block = json!({"conditions": {"users": policy["conditions"]["users"]}});
    assert_eq!(client.patch(&path, block).await.status, 204);
    assert_eq!(
        client
            .patch(&path, json!({"state": "disabled"}))
            .await
            .status,
        204
    );
    assert_eq!(client.post(POLICIES, policy).await.status, 400);
    running.stop().await;
}
