//! Bad weather: a tenant that is slow to show, slow to take and quick to break off, and a sandbox that
//! is killed.

mod commands;
mod killed;
mod struck;
mod weather;

use crate::support::{SIGN_IN, Served, TENANT_ID, Workspace, declaration};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

/// A workspace whose tenant is reached like any other, over connections that can break.
fn scene(settle: &str, options: &[&str]) -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve_with(options);
    workspace.declare(&declaration(TENANT_ID, &tenant.url));
    let settle = format!("settle: {settle}");
    workspace.edit("portcullis.yaml", "settle: 0", &settle);
    (workspace, tenant)
}

/// Runs the tool, and asserts how it ends.
#[track_caller]
fn run(workspace: &Workspace, arguments: &[&str], code: i32) -> crate::support::Outcome {
    workspace.run_with(arguments, &SIGN_IN, "").exits(code)
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
