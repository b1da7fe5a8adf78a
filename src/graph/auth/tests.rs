//! Each way of signing in, against the stub.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::tests::{CLIENT, Scripted, Seen, Stub, TENANT, jwt, token};
use super::super::{Callbacks, Environment, connect};
use crate::model::{Auth, Id};
use crate::tenant::{ReadTenant as _, TenantErrorKind};

/// The fields of a form that the stub saw.
fn form(seen: &Seen) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://x/?{}", seen.body)).expect("a form");
    url.query_pairs().into_owned().collect()
}

fn field(seen: &Seen, name: &str) -> String {
    let found = form(seen).into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

async fn signed_in(stub: &Stub, auth: Auth, environment: &Environment, callbacks: Callbacks) {
    let tenant = connect(&stub.declaration(auth), environment, callbacks).expect("connected");
    assert_eq!(tenant.tenant_id().await.expect("a token"), Id::new(TENANT));
}

#[tokio::test]
async fn a_client_secret() {
    let stub = Stub::start(|_| None).await;
    let environment = super::super::tests::environment();
    signed_in(&stub, Auth::ClientSecret, &environment, Callbacks::silent()).await;
    let seen = stub.seen("/oauth2/v2.0/token");
    assert_eq!(seen[0].path, format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(
        field(&seen[0], "scope"),
        format!("{}/.default", stub.origin)
    );
    assert_eq!(field(&seen[0], "client_secret"), "hush-the-secret");
}

#[tokio::test]
async fn a_certificate() {
    let stub = Stub::start(|_| None).await;
    let key = ring::signature::EcdsaKeyPair::generate_pkcs8(
        &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &ring::rand::SystemRandom::new(),
    )
    .expect("a key");
    let block = |label: &str, der: &[u8]| {
        let body = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.pem");
    let text = block("CERTIFICATE", b"der") + &block("PRIVATE KEY", key.as_ref());
    std::fs::write(&path, text).expect("written");
    let environment = Environment {
        client_certificate_path: Some(path.display().to_string()),
        ..Environment::default()
    };
    signed_in(
        &stub,
        Auth::ClientCertificate,
        &environment,
        Callbacks::silent(),
    )
    .await;
    let seen = stub.seen("/token");
    let assertion = field(&seen[0], "client_assertion");
    let claims = assertion.split('.').nth(1).expect("a JWT");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(
        claims["aud"],
        format!("{}/{TENANT}/oauth2/v2.0/token", stub.origin)
    );
    assert_eq!(claims["sub"], CLIENT);
}

#[tokio::test]
async fn a_federated_token_in_a_file() {
    let stub = Stub::start(|_| None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "from-kubernetes").expect("written");
    let environment = Environment {
        federated_token_file: Some(path.display().to_string()),
        ..Environment::default()
    };
    signed_in(
        &stub,
        Auth::WorkloadIdentity,
        &environment,
        Callbacks::silent(),
    )
    .await;
    let seen = stub.seen("/token");
    assert_eq!(field(&seen[0], "client_assertion"), "from-kubernetes");
}

#[tokio::test]
async fn the_token_of_a_github_job() {
    let stub = Stub::start(|seen| {
        (seen.path == "/oidc").then(|| Scripted::json(200, &json!({"value": "from-github"})))
    })
    .await;
    let environment = Environment {
        actions_url: Some(format!("{}/oidc?api-version=2.0", stub.origin)),
        actions_token: Some("hush-runner".to_owned().into()),
        ..Environment::default()
    };
    signed_in(&stub, Auth::GithubOidc, &environment, Callbacks::silent()).await;
    let asked = stub.seen("/oidc");
    assert_eq!(asked[0].headers["authorization"], "Bearer hush-runner");
    assert_eq!(
        asked[0].query,
        "api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange"
    );
    let seen = stub.seen("/token");
    assert_eq!(field(&seen[0], "client_assertion"), "from-github");

    let elsewhere = Environment {
        actions_url: Some("http://runner.example/oidc".into()),
        ..environment
    };
    let declaration = stub.declaration(Auth::GithubOidc);
    let error = connect(&declaration, &elsewhere, Callbacks::silent()).expect_err("no https");
    assert!(error.message.contains("https"), "{}", error.message);
}

#[tokio::test]
async fn a_browser_comes_back_with_a_code() {
    let stub = Stub::start(|seen| {
        (seen.path.ends_with("/token") && field(seen, "code") == "the-code")
            .then(|| token(&jwt(TENANT, &[])))
    })
    .await;
    let challenge: Arc<Mutex<String>> = Arc::default();
    let noted = challenge.clone();
    let callbacks = Callbacks::new(
        move |text| {
            let url = text.split_whitespace().last().expect("a URL");
            let url = Url::parse(url).expect("a URL");
            let query = |name: &str| {
                let pair = url.query_pairs().find(|(key, _)| key == name);
                pair.map(|(_, value)| value.into_owned())
                    .expect("a parameter")
            };
            assert_eq!(url.path(), format!("/{TENANT}/oauth2/v2.0/authorize"));
            assert_eq!(query("code_challenge_method"), "S256");
            assert_eq!(query("client_id"), CLIENT);
            *noted.lock().expect("noted") = query("code_challenge");
            let (redirect, state) = (query("redirect_uri"), query("state"));
            tokio::spawn(async move {
                let browser = reqwest::Client::builder()
                    .no_proxy()
                    .build()
                    .expect("a client");
                let answer = |state: &str| format!("{redirect}?code=the-code&state={state}");
                let forged = browser
                    .get(answer("forged"))
                    .send()
                    .await
                    .expect("an answer");
                assert_eq!(forged.status(), 400);
                let good = browser.get(answer(&state)).send().await.expect("an answer");
                assert_eq!(good.status(), 200);
            });
        },
        |_| {},
    )
    .without_browser();
    signed_in(&stub, Auth::Browser, &Environment::default(), callbacks).await;
    let seen = stub.seen("/token");
    assert_eq!(seen.len(), 1);
    let verifier = Sha256::digest(field(&seen[0], "code_verifier"));
    assert_eq!(
        URL_SAFE_NO_PAD.encode(verifier),
        *challenge.lock().expect("noted")
    );
    assert!(field(&seen[0], "redirect_uri").starts_with("http://localhost:"));
    assert!(!form(&seen[0]).iter().any(|(key, _)| key == "client_secret"));
}

#[tokio::test]
async fn a_browser_that_comes_back_with_an_error() {
    let stub = Stub::start(|_| None).await;
    let callbacks = Callbacks::new(
        |text| {
            let url = Url::parse(text.split_whitespace().last().expect("a URL")).expect("a URL");
            let pairs: std::collections::BTreeMap<String, String> =
                url.query_pairs().into_owned().collect();
            let back = format!(
                "{}?state={}&error=access_denied&error_description=AADSTS65001%3A+no+consent",
                pairs["redirect_uri"], pairs["state"]
            );
            tokio::spawn(async move {
                let browser = reqwest::Client::builder()
                    .no_proxy()
                    .build()
                    .expect("a client");
                browser.get(back).send().await.expect("an answer");
            });
        },
        |_| {},
    )
    .without_browser();
    let tenant = connect(
        &stub.declaration(Auth::Browser),
        &Environment::default(),
        callbacks,
    )
    .expect("connected");
    let error = tenant.tenant_id().await.expect_err("no consent");
    assert_eq!(error.kind, TenantErrorKind::SignIn);
    assert!(error.message.contains("AADSTS65001"), "{}", error.message);
    assert!(stub.seen("/token").is_empty());
}

#[tokio::test]
async fn a_device_code_is_waited_for() {
    let asked = AtomicUsize::new(0);
    let stub = Stub::start(move |seen| {
        if seen.path.ends_with("/devicecode") {
            return Some(Scripted::json(
                200,
                &json!({
                    "device_code": "hush-device",
                    "user_code": "ABC-123",
                    "verification_uri": "https://microsoft.example/devicelogin",
                    "expires_in": 900,
                    "interval": 0,
                    "message": "open the page",
                }),
            ));
        }
        let pending =
            json!({"error": "authorization_pending", "error_description": "AADSTS70016: pending"});
        (seen.path.ends_with("/token") && asked.fetch_add(1, Ordering::SeqCst) < 2)
            .then(|| Scripted::json(400, &pending))
    })
    .await;
    let said: Arc<Mutex<String>> = Arc::default();
    let heard = said.clone();
    let callbacks = Callbacks::new(
        move |text| *heard.lock().expect("said") = text.into(),
        |_| {},
    );
    signed_in(&stub, Auth::DeviceCode, &Environment::default(), callbacks).await;
    let said = said.lock().expect("said").clone();
    assert!(
        said.contains("ABC-123") && said.contains("devicelogin"),
        "{said}"
    );
    let seen = stub.seen("/token");
    assert_eq!(seen.len(), 3);
    assert_eq!(field(&seen[0], "device_code"), "hush-device");
}

#[tokio::test]
async fn a_device_code_that_is_declined() {
    let stub = Stub::start(|seen| {
        if seen.path.ends_with("/devicecode") {
            let body = json!({
                "device_code": "d", "user_code": "u", "expires_in": 900, "interval": 0,
                "verification_uri": "https://microsoft.example/devicelogin",
            });
            return Some(Scripted::json(200, &body));
        }
        let body =
            json!({"error": "authorization_declined", "error_description": "AADSTS50076: MFA"});
        Some(Scripted::json(400, &body))
    })
    .await;
    let declaration = stub.declaration(Auth::DeviceCode);
    let tenant = connect(&declaration, &Environment::default(), Callbacks::silent());
    let error = tenant
        .expect("connected")
        .tenant_id()
        .await
        .expect_err("declined");
    assert!(error.message.contains("AADSTS50076"), "{}", error.message);
    assert!(error.hints[0].contains("MFA"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let stub = Stub::start(|_| None).await;
    let cases = [
        (Auth::ClientSecret, "AZURE_CLIENT_SECRET"),
        (Auth::ClientCertificate, "AZURE_CLIENT_CERTIFICATE_PATH"),
        (Auth::WorkloadIdentity, "AZURE_FEDERATED_TOKEN_FILE"),
        (Auth::GithubOidc, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        (
            Auth::AzurePipelines,
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        ),
    ];
    for (auth, variable) in cases {
        let declaration = stub.declaration(auth);
        let error = connect(&declaration, &Environment::default(), Callbacks::silent());
        let error = error.expect_err(variable);
        assert_eq!(error.kind, TenantErrorKind::SignIn);
        assert!(error.message.contains(variable), "{}", error.message);
        assert!(!error.hints.is_empty());
    }
    let mut declaration = stub.declaration(Auth::Browser);
    declaration.client_id = None;
    let error = connect(&declaration, &Environment::default(), Callbacks::silent());
    assert!(
        error
            .expect_err("an id")
            .message
            .contains("AZURE_CLIENT_ID")
    );
    declaration.auth = None;
    let error = connect(&declaration, &Environment::default(), Callbacks::silent());
    assert_eq!(error.expect_err("auth").kind, TenantErrorKind::Declaration);
}

#[tokio::test]
async fn callers_that_come_together_sign_in_once() {
    let stub = Stub::start(|_| None).await;
    let tenant = stub.tenant();
    let (one, two) = tokio::join!(tenant.tenant_id(), tenant.tenant_id());
    assert_eq!(one.expect("a token"), two.expect("a token"));
    assert_eq!(stub.seen("/token").len(), 1);
}

#[tokio::test]
async fn a_person_is_asked_for_what_a_challenge_claims() {
    let claims = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    let challenge = format!(
        "Bearer error=\"insufficient_claims\", claims=\"{}\"",
        STANDARD.encode(claims)
    );
    let tokens = AtomicUsize::new(0);
    let stub = Stub::start(move |seen| {
        if seen.path.ends_with("/devicecode") {
            let body = json!({
                "device_code": "d", "user_code": "u", "expires_in": 900, "interval": 0,
                "verification_uri": "https://microsoft.example/devicelogin",
            });
            return Some(Scripted::json(200, &body));
        }
        if seen.path.ends_with("/token") {
            let number = tokens.fetch_add(1, Ordering::SeqCst).to_string();
            return Some(token(&jwt(TENANT, &[&number])));
        }
        let first = format!("Bearer {}", jwt(TENANT, &["0"]));
        Some(if seen.headers["authorization"] == first {
            Scripted::error(401, "InvalidAuthenticationToken", "challenge")
                .header("www-authenticate", &challenge)
        } else {
            Scripted::json(200, &json!({"value": []}))
        })
    })
    .await;
    let declaration = stub.declaration(Auth::DeviceCode);
    let tenant = connect(&declaration, &Environment::default(), Callbacks::silent());
    let tenant = tenant.expect("connected");
    // Two requests meet the same challenge; the person is asked once more, not twice.
    let (one, two) = tokio::join!(tenant.policies(), tenant.policies());
    assert!(one.is_ok() && two.is_ok());
    let asked = stub.seen("/devicecode");
    assert_eq!(asked.len(), 2);
    assert_eq!(field(&asked[0], "claims"), "");
    assert_eq!(field(&asked[1], "claims"), claims);
}

#[tokio::test]
async fn a_sign_in_service_that_is_gone_is_said_soon() {
    let stub = Stub::start(|_| None).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let login = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    for auth in [Auth::ClientSecret, Auth::DeviceCode] {
        let mut declaration = stub.declaration(auth);
        declaration.cloud = crate::model::Cloud::Custom {
            graph: stub.origin.clone(),
            login: login.clone(),
        };
        let environment = super::super::tests::environment();
        let tenant = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
        let started = tokio::time::Instant::now();
        let error = tenant.policies().await.expect_err("nobody is there");
        assert_eq!(error.kind, TenantErrorKind::Unreachable, "{error:?}");
        assert!(started.elapsed().as_secs() < 12);
        assert!(error.message.contains(&login), "{}", error.message);
    }
}

#[tokio::test]
async fn a_page_in_place_of_the_sign_in_service_is_shown_briefly() {
    let stub = Stub::start(|_| Some(Scripted::text(200, "text/html", "<html>portal</html>"))).await;
    for auth in [Auth::ClientSecret, Auth::DeviceCode] {
        let environment = super::super::tests::environment();
        let declaration = stub.declaration(auth);
        let tenant = connect(&declaration, &environment, Callbacks::silent()).expect("connected");
        let error = tenant.policies().await.expect_err("no token");
        assert_eq!(error.kind, TenantErrorKind::SignIn, "{error:?}");
    }
    assert!(stub.seen("/v1.0").is_empty());
}
