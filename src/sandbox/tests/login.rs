//! Tokens: how they are got, and which are taken.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::{CLIENT_ID, CLIENT_SECRET, DOMAIN, TENANT_ID};
use super::{POLICIES, azure_mfa, sandbox};

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
async fn an_assertion_does_not_open_an_application_that_has_a_secret() {
    let (_directory, running, client) = sandbox().await;
    for (app, secret, status) in [
        ("7f1d0b52-3c6e-4a8f-9e21-5b0c4d3a2f61", json!("s3"), 401),
        ("7f1d0b52-3c6e-4a8f-9e21-5b0c4d3a2f62", Value::Null, 200),
    ] {
        let said = json!({"client_id": app, "secret": secret, "permissions": ["Policy.Read.All"]});
        assert_eq!(client.post("/sandbox/apps", said).await.status, 200);
        let form = [
            ("client_id", app),
            ("client_assertion", "e30.e30.x"),
            ("grant_type", "client_credentials"),
        ];
        let url = format!("{}/{TENANT_ID}/oauth2/v2.0/token", client.url);
        let answer = client.http.post(url).form(&form).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{app}");
        let body: Value = answer.json().await.unwrap();
        let error = (status == 401).then_some("invalid_client");
        assert_eq!(body["error"].as_str(), error, "{app}");
    }
    running.stop().await;
}
