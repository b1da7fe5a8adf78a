//! `portcullis validate`

use serde::Serialize;

use super::error::CommandError;
use super::session::has_errors;
use super::ui::Ui;
use super::{Global, Success};
use crate::diagnostic::Diagnostic;
use crate::report::diagnostics;
use crate::workspace::load;

/// Check the YAML offline: every finding of every file, with its place.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Document<'a> {
    format_version: &'static str,
    valid: bool,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    finding: &'a Diagnostic,
    column: u32,
}

pub(super) fn run(_: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let mut loaded = load(&global.config);
    if let Some(workspace) = &loaded.workspace {
        loaded.findings.extend(workspace.findings());
    }
    let findings = &loaded.findings;
    let valid = !has_errors(findings);
    if global.json {
        ui.json(&Document {
            format_version: "1.0",
            valid,
            findings: findings
                .iter()
                .map(|finding| Row {
                    finding,
                    column: finding.source.column,
                })
                .collect(),
        })?;
    } else {
        if !findings.is_empty() {
            ui.result(&diagnostics::render(findings, &loaded.texts, ui.color()));
        }
        ui.result(&summary(&loaded, valid));
    }
    Ok(if valid {
        Success::Done
    } else {
        Success::Findings
    })
}

fn summary(loaded: &crate::workspace::Loaded, valid: bool) -> String {
    let count =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    match &loaded.workspace {
        Some(workspace) if valid => format!(
            "Valid: {}, {}.",
            count(workspace.policy_keys().count(), "policy", "policies"),
            count(workspace.tenant_names().count(), "tenant", "tenants")
        ),
        _ => {
            let errors = loaded
                .findings
                .iter()
                .filter(|finding| finding.severity == crate::diagnostic::Severity::Error)
                .count();
            format!("Not valid: {}.", count(errors, "error", "errors"))
        }
    }
}
