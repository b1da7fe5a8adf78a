//! The recording of a sandbox, and whether it holds to the contract.

use std::path::Path;

use serde_json::Value;

use super::checker::exchange::{Exchange, REDACTED};
use super::checker::tables::Tables;
use super::checker::violations;
use super::openapi;

/// Reads a line of a recording. What a scripted fault spoiled is marked with its name in `fault`: of such an
/// exchange only the request counts.
pub(super) fn exchange(line: &str) -> Option<Exchange> {
    let line: Value = serde_json::from_str(line).ok()?;
    let (request, response) = (&line["request"], &line["response"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let headers = request["headers"].as_object()?;
    Some(Exchange {
        method: text(&request["method"])?,
        target: text(&request["target"])?,
        headers: headers
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        sent: request["body"].clone(),
        status: u16::try_from(response["status"].as_u64()?).ok()?,
        content_type: text(&response["headers"]["content-type"]),
        answer: match &line["fault"] {
            Value::Null => response["body"].clone(),
            _ => REDACTED.into(),
        },
    })
}

/// Fails when an exchange of a recording breaks the contract.
pub(crate) fn assert_holds(recording: &Path) {
    let Ok(text) = std::fs::read_to_string(recording) else {
        return;
    };
    let mut found: Vec<String> = Vec::new();
    let lines = text.lines().count();
    for (at, line) in text.lines().enumerate() {
        let Some(exchange) = exchange(line) else {
            // The last line may be torn: its process was killed while it wrote.
            assert!(
                at + 1 == lines,
                "line {} of the recording cannot be read: {line}",
                at + 1
            );
            continue;
        };
        let ours = violations(Tables::ours(), &exchange);
        found.extend(ours.iter().map(ToString::to_string));
        if let Some(official) = openapi::tables() {
            let theirs = violations(official, &exchange);
            found.extend(theirs.iter().map(|found| format!("OpenAPI: {found}")));
        }
    }
    found.sort();
    found.dedup();
    assert!(
        found.is_empty(),
        "{} things break the contract (tests/contract):\n{}",
        found.len(),
        found.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use serde_json::json;

    use super::*;
    use crate::support::Workspace;

    fn recording(verified: &str, fault: Option<&str>) -> tempfile::NamedTempFile {
        let line = json!({
            "fault": fault,
            "request": {
                "method": "GET", "target": "/v1.0/domains", "body": null,
                "headers": {"host": "127.0.0.1:8080", "authorization": "Bearer [redacted]"},
            },
            "response": {
                "status": 200, "headers": {"content-type": "application/json"},
                "body": {
                    "@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#domains",
                    "value": [{
                        "id": "a.example", "authenticationType": "Managed", "isAdminManaged": true,
                        "isDefault": true, "isInitial": true, "isRoot": true, "isVerified": verified,
                        "supportedServices": [],
                    }],
                },
            },
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{line}\n{{\"torn\":")).unwrap();
        file
    }

    #[test]
    fn a_recording_that_breaks_the_contract_fails_the_test() {
        let file = recording("yes", None);
        let outcome = catch_unwind(|| assert_holds(file.path()));
        let said = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert!(
            said.contains("response $.value[0].isVerified: is a Bool, not \"yes\" (type)"),
            "{said}"
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_no_excuse_but_at_the_end() {
        let file = recording("yes", Some("garbage"));
        let text = std::fs::read_to_string(file.path()).unwrap();
        std::fs::write(file.path(), format!("{{\"torn\":\n{text}")).unwrap();
        let outcome = catch_unwind(|| assert_holds(file.path()));
        let said = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert!(
            said.contains("line 1 of the recording cannot be read"),
            "{said}"
        );
    }

    #[test]
    fn what_a_fault_spoiled_is_not_held_against_the_service() {
        assert_holds(recording("yes", Some("garbage")).path());
    }

    #[test]
    fn every_run_of_the_binary_is_recorded() {
        let workspace = Workspace::new();
        workspace.apply();
        let text = std::fs::read_to_string(workspace.recording()).unwrap();
        let tools: Vec<String> = text
            .lines()
            .filter_map(exchange)
            .filter(|exchange| {
                exchange
                    .headers
                    .iter()
                    .any(|(_, value)| value.starts_with("portcullis/"))
            })
            .map(|exchange| format!("{} {}", exchange.method, exchange.target))
            .collect();
        let created = "POST /v1.0/identity/conditionalAccess/policies".to_owned();
        assert!(tools.contains(&created), "{tools:#?}");
        assert!(
            tools.contains(&"POST /v1.0/$batch".to_owned()),
            "{tools:#?}"
        );
    }
}
