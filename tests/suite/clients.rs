//! Other people's clients: what they need from the sandbox, over TLS and without any of our own code.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::{Certificate, Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};

mod discovery;
mod terraform;
mod tls;

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

/// `sandbox serve` as a child process, ended with its handle.
struct Door {
    child: Child,
    line: Value,
}

impl Door {
    fn serve(state: &Path, arguments: &[&str]) -> Self {
        let mut child = sandbox(&["serve", "--state", state.to_str().unwrap()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let line = serde_json::from_str(&line).unwrap();
        Self { child, line }
    }

    fn url(&self) -> &str {
        self.line["url"].as_str().unwrap()
    }

    fn authority(&self) -> PathBuf {
        self.line["ca"].as_str().unwrap().into()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("sandbox").args(arguments);
    command
}

/// A state and certificates in a directory that goes with them, and a TLS door.
fn secure() -> (TempDir, Door) {
    let directory = tempfile::tempdir().unwrap();
    let tls = directory.path().join("tls");
    let door = Door::serve(
        &directory.path().join("state"),
        &["--tls", tls.to_str().unwrap()],
    );
    (directory, door)
}

/// An HTTP client that trusts one authority and opens a connection for every request.
fn trusting(authority: &Path) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(authority).unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap()
}

/// Somebody who signed in.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    async fn of(door: &Door) -> Self {
        Self::with(trusting(&door.authority()), door.url()).await
    }

    async fn with(http: reqwest::Client, url: &str) -> Self {
        Self::of_tenant(http, url, TENANT_ID).await
    }

    async fn of_tenant(http: reqwest::Client, url: &str, tenant: &str) -> Self {
        let form = [
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("grant_type", "client_credentials"),
            ("scope", &format!("{url}//.default")),
            (
                "claims",
                r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#,
            ),
        ];
        let answer = http
            .post(format!(
                "{url}/{tenant}/oauth2/v2.0/token?client-request-id=1"
            ))
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
    }

    /// Sends a request and returns the status and the body, which must be JSON when there is one.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        answered(request).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }
}

async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let content_type = answer
        .headers()
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    if status == StatusCode::NO_CONTENT {
        assert_eq!((text.as_str(), content_type), ("", None));
        return (204, Value::Null);
    }
    let content_type = content_type.unwrap_or_default();
    assert!(
        content_type.starts_with("application/json"),
        "{status} {text}"
    );
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}
