//! Asking a served sandbox to do what only a sandbox can.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use super::SandboxError;
use super::relay::{client, is_loopback_origin};

/// Asks the sandbox at `url` to `reset`, `advance` and the like, and returns what it answers.
///
/// Any door will do; it passes the request on to the owner. Where several tenants are served, `tenant`
/// names one by its id or domain, the first one when left out.
///
/// # Errors
/// When nobody answers, or the sandbox says no.
pub async fn control(
    url: &str,
    tenant: Option<&str>,
    what: &str,
    body: &Value,
) -> Result<Value, SandboxError> {
    ask(url, Method::POST, tenant, what, Some(body)).await
}

/// The faults that are scripted at the sandbox at `url` and have not struck often enough yet.
///
/// # Errors
/// When nobody answers.
pub async fn faults(url: &str) -> Result<Value, SandboxError> {
    ask(url, Method::GET, None, "faults", None).await
}

/// Forgets the faults that are scripted at the sandbox at `url`; says how many those were.
///
/// # Errors
/// When nobody answers.
pub async fn clear_faults(url: &str) -> Result<Value, SandboxError> {
    ask(url, Method::DELETE, None, "faults", None).await
}

/// Where the sandbox of a state directory is being served, as far as its files say.
pub fn served_at(state: &Path) -> Option<String> {
    let url = std::fs::read_to_string(state.join("url")).ok()?;
    is_loopback_origin(&url).then_some(url)
}

/// Whether a URL leads nowhere but to this machine.
fn is_on_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

async fn ask(
    url: &str,
    method: Method,
    tenant: Option<&str>,
    what: &str,
    body: Option<&Value>,
) -> Result<Value, SandboxError> {
    let failed = |problem: String| SandboxError::Control {
        url: url.to_owned(),
        problem,
    };
    // A secret may be in the body, and a sandbox is nowhere but on this machine.
    if !is_on_loopback(url) {
        return Err(failed(
            "a sandbox is served on loopback only, and this is another host; nothing was sent"
                .to_owned(),
        ));
    }
    let mut request = client()?
        .request(method, format!("{url}/sandbox/{what}"))
        .query(&tenant.map(|tenant| [("tenant", tenant)]));
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.map_err(|error| {
        let hint = if error.is_connect() && url.starts_with("https://") {
            "; SSL_CERT_FILE must name the bundle.pem of its TLS folder"
        } else {
            ""
        };
        failed(format!("nobody answers ({}){hint}", error.without_url()))
    })?;
    let status = answer.status();
    let answer: Value = answer
        .json()
        .await
        .map_err(|_| failed("the answer is not a sandbox's".to_owned()))?;
    if status.is_success() {
        return Ok(answer);
    }
    let sentence = answer
        .pointer("/error/message")
        .and_then(Value::as_str)
        .unwrap_or("it says no and not why");
    Err(failed(sentence.to_owned()))
}
