//! The way back: what an apply did is undone, and what somebody else did is found.

mod drift;
mod rollback;
mod who_enforces;

use serde_json::{Value, json};

use crate::support::{KEY, Outcome, Served, Workspace};

const REPORT_ONLY: &str = "enabledForReportingButNotEnforced";

/// A workspace whose policy is live in report-only.
fn applied() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    (workspace, tenant)
}

/// A workspace whose policy went the whole way to on.
fn enforced() -> (Workspace, Served) {
    let (workspace, tenant) = applied();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], "enabled");
    (workspace, tenant)
}

/// What somebody can see of the tenant's policies, without what the service stamps on them.
fn modelled(tenant: &Served) -> Vec<Value> {
    let mut policies = tenant.policies();
    for policy in &mut policies {
        for stamp in ["createdDateTime", "modifiedDateTime"] {
            policy[stamp] = Value::Null;
        }
    }
    policies
}

/// Rolls the last apply back without a question.
#[track_caller]
fn roll_back(workspace: &Workspace) -> Outcome {
    workspace.run(&["rollback", "--auto-approve"]).exits(0)
}

/// The plan that a rollback with these arguments would carry out, and its file.
#[track_caller]
fn planned(workspace: &Workspace, arguments: &[&str]) -> Value {
    let arguments = [&["rollback", "--json", "--out", "back.json"], arguments].concat();
    workspace.run(&arguments).exits(0).json()
}

/// The one change of a plan.
#[track_caller]
fn only_change(plan: &Value) -> Value {
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan:#}");
    plan["changes"][0].clone()
}

/// The gates that hold a change.
fn gates(change: &Value) -> Vec<&str> {
    let held = change["held"].as_array().unwrap();
    held.iter()
        .map(|held| held["gate"].as_str().unwrap())
        .collect()
}

/// Shuts everybody out of the shipped policy's grant by hand, as the portal does.
fn edit_by_hand(tenant: &Served) {
    let grant = json!({"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]});
    tenant.patch_policy(&tenant.shipped_id(), &json!({"grantControls": grant}));
}
