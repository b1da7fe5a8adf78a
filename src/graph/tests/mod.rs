//! The client against a stub that plays scripted answers.

mod sentences;
mod snapshot;
mod transport;
mod writes;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Callbacks, Environment, GraphTenant, connect};
use crate::diagnostic::{At, Source};
use crate::model::{Auth, Cloud, Id, TenantDeclaration};

pub(super) const TENANT: &str = "7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11";
pub(super) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";

/// A request as the stub saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// An answer that the stub plays.
#[derive(Debug, Clone)]
pub(super) struct Scripted {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Scripted {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub(super) fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
        }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({"error": {"code": code, "message": message, "innerError": {"request-id": "r-1"}}}),
        )
    }
}

/// A server on loopback that plays both Graph and the sign-in service.
pub(super) struct Stub {
    pub(super) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    /// Starts it; what `script` does not answer is a token, or 404.
    pub(super) async fn start(
        script: impl Fn(&Seen) -> Option<Scripted> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = seen.clone();
        let script = Arc::new(script);
        let router = Router::new().fallback(move |request: Request| {
            let (log, script) = (log.clone(), script.clone());
            async move {
                let request = look(request).await;
                log.lock().expect("the log").push(request.clone());
                let scripted = script(&request).unwrap_or_else(|| default(&request));
                let mut response = Response::builder().status(scripted.status);
                for (name, value) in &scripted.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(scripted.body)).expect("an answer")
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { origin, seen }
    }

    /// What it saw of a path that contains `part`.
    pub(super) fn seen(&self, part: &str) -> Vec<Seen> {
        let seen = self.seen.lock().expect("the log");
        seen.iter()
            .filter(|seen| seen.path.contains(part))
            .cloned()
            .collect()
    }

    /// A declaration of this stub as a tenant.
    pub(super) fn declaration(&self, auth: Auth) -> TenantDeclaration {
        let source = Source::file("portcullis.yaml");
        TenantDeclaration {
            name: "stub".into(),
            sandbox: false,
            tenant_id: Some(At::new(Id::new(TENANT), source.clone())),
            cloud: Cloud::Custom {
                graph: self.origin.clone(),
                login: self.origin.clone(),
            },
            auth: Some(At::new(auth, source.clone())),
            client_id: Some(CLIENT.into()),
            pace: None,
            settle: None,
            source,
        }
    }

    /// The client, signed in with a client secret.
    pub(super) fn tenant(&self) -> GraphTenant {
        let declaration = self.declaration(Auth::ClientSecret);
        connect(&declaration, &environment(), Callbacks::silent()).expect("connected")
    }
}

/// An environment with a client secret.
pub(super) fn environment() -> Environment {
    Environment {
        client_secret: Some("hush-the-secret".to_owned().into()),
        ..Environment::default()
    }
}

async fn look(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000)
        .await
        .expect("a body");
    Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                let value = value.to_str().unwrap_or_default();
                (name.to_string(), value.to_owned())
            })
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn default(request: &Seen) -> Scripted {
    if request.path.ends_with("/oauth2/v2.0/token") {
        return token(&jwt(TENANT, &["Policy.Read.All"]));
    }
    Scripted::error(404, "ResourceNotFound", "nothing here")
}

/// The answer of a token endpoint.
pub(super) fn token(token: &str) -> Scripted {
    let body = json!({
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": token,
    });
    Scripted::json(200, &body)
}

/// An access token for a tenant; its signature is nothing.
pub(super) fn jwt(tenant: &str, roles: &[&str]) -> String {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!(
        "{}.{}.c2lnbmF0dXJl",
        part(json!({"alg": "none"})),
        part(json!({"tid": tenant, "roles": roles}))
    )
}

/// A policy as Graph would list it.
pub(super) fn policy(id: &str, name: &str) -> Value {
    json!({
        "id": id,
        "displayName": name,
        "state": "enabledForReportingButNotEnforced",
        "createdDateTime": "2026-11-01T08:00:00.1234567Z",
        "modifiedDateTime": null,
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    })
}

/// Plays bytes that no HTTP library would, one answer a connection.
pub(super) fn raw_server(answers: Vec<Vec<u8>>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(&answer);
        }
    });
    origin
}
