//! The status of every policy: its stage, its soak, each gate.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::plan_document::TenantRow;
use super::plan_text::moment;
use super::style::Paint;
use super::visible::visible;
use crate::evidence::Bundle;
use crate::model::State;
use crate::rollout::{Gate, Verdict};

/// What `status --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// The version of the document; always the first key.
    pub format_version: String,
    /// The tenant.
    pub tenant: TenantRow,
    /// One entry a managed policy.
    pub policies: Vec<PolicyStatus>,
}

/// The status of one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyStatus {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// The live policy's id.
    pub id: Option<String>,
    /// What is live: `absent`, `off`, `report-only` or `on`.
    pub state: String,
    /// How long it has been in report-only.
    pub soak: Soak,
    /// Every gate.
    pub gates: Vec<GateRow>,
}

/// How long a policy has been in report-only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    /// Since when its content is what it is now.
    pub since: Option<String>,
    /// How long it has to stay there, in days.
    pub required: String,
    /// When that is over.
    pub until: Option<String>,
    /// Whether it is over.
    pub met: bool,
}

/// One gate of a status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// The gate's id.
    pub gate: String,
    /// What it says.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

/// The rows of gates.
pub fn gate_rows(gates: &[Gate]) -> Vec<GateRow> {
    gates
        .iter()
        .map(|gate| GateRow {
            gate: gate.gate.to_owned(),
            verdict: gate.verdict.word().to_owned(),
            reason: gate.reason.clone(),
        })
        .collect()
}

impl PolicyStatus {
    /// The status that a bundle and its gates show.
    pub fn new(name: &str, bundle: &Bundle, gates: &[Gate]) -> Self {
        let live = bundle.live.as_ref();
        let since = live.and_then(|live| live.unchanged_since);
        let soak = gates.iter().find(|gate| gate.gate == "soak");
        let soaking = live.is_some_and(|live| live.state == State::ReportOnly);
        Self {
            policy: bundle.policy.clone(),
            name: name.to_owned(),
            id: live.map(|live| live.id.to_string()),
            state: live.map_or("absent", |live| live.state.word()).to_owned(),
            soak: Soak {
                since: since.filter(|_| soaking).map(|since| since.to_string()),
                required: days(bundle.soak),
                until: since
                    .filter(|_| soaking)
                    .and_then(|since| since.checked_add(bundle.soak).ok())
                    .map(|until| until.to_string()),
                met: soak.is_some_and(|gate| gate.verdict == Verdict::Pass),
            },
            gates: gate_rows(gates),
        }
    }
}

fn days(soak: jiff::SignedDuration) -> String {
    let hours = soak.as_hours();
    if hours % 24 == 0 {
        format!("{}d", hours / 24)
    } else {
        format!("{hours}h")
    }
}

/// Renders a status as a table.
pub fn render(status: &StatusDocument, color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = format!(
        "Tenant {} ({})\n",
        paint.bold(&status.tenant.name),
        status.tenant.id
    );
    if status.policies.is_empty() {
        out.push_str("\nThe workspace has no policies.\n");
    }
    for policy in &status.policies {
        let state = match policy.state.as_str() {
            "on" => paint.green("on"),
            "report-only" => paint.yellow("report-only"),
            other => paint.red(other),
        };
        let _ = writeln!(
            out,
            "\n{} \"{}\": {state}",
            paint.bold(&policy.policy),
            policy.name
        );
        out.push_str(&render_gates(&policy.gates, color));
    }
    out
}

/// Renders gates as an aligned table; those that are not measured are named in one line.
pub fn render_gates(gates: &[GateRow], color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = String::new();
    let width = gates
        .iter()
        .filter(|gate| gate.verdict != "not-measured")
        .map(|gate| gate.gate.len())
        .max()
        .unwrap_or_default();
    for gate in gates.iter().filter(|gate| gate.verdict != "not-measured") {
        let verdict = format!("{:<7}", gate.verdict);
        let verdict = match gate.verdict.as_str() {
            "pass" => paint.green(verdict),
            "warn" => paint.yellow(verdict),
            _ => paint.red(verdict),
        };
        let _ = writeln!(
            out,
            "    {:<width$}  {verdict}  {}",
            gate.gate,
            visible(&gate.reason)
        );
    }
    let unmeasured: Vec<_> = gates
        .iter()
        .filter(|gate| gate.verdict == "not-measured")
        .map(|gate| gate.gate.as_str())
        .collect();
    if !unmeasured.is_empty() {
        let _ = writeln!(
            out,
            "    {}",
            paint.dim(format!(
                "not measured yet, and holding nothing: {}",
                unmeasured.join(", ")
            ))
        );
    }
    out
}

/// `until` of the gate that opens last, for a sentence.
pub fn earliest(gates: &[Gate]) -> Option<String> {
    gates
        .iter()
        .filter_map(|gate| gate.until)
        .max()
        .map(|until| moment(&until.to_string()))
}
