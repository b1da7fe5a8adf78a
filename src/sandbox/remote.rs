//! Asking a served sandbox to do what only a sandbox can.

use serde_json::Value;

use super::SandboxError;
use super::relay::client;

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
    let failed = |problem: String| SandboxError::Control {
        url: url.to_owned(),
        problem,
    };
    let answer = client()?
        .post(format!("{url}/sandbox/{what}"))
        .query(&tenant.map(|tenant| [("tenant", tenant)]))
        .json(body)
        .send()
        .await
        .map_err(|error| failed(format!("nobody answers ({})", error.without_url())))?;
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
