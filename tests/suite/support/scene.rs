//! A workspace and a tenant with a wire between them.

use serde_json::Value;

use super::{Graph, KEY, SIGN_IN, Served, Wire, Workspace, change_of};

/// A workspace, its tenant, and the wire on which every request can be read.
pub(crate) struct Scene {
    pub(crate) workspace: Workspace,
    pub(crate) tenant: Served,
    pub(crate) wire: Wire,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let workspace = Workspace::new();
        let tenant = workspace.serve();
        let wire = Wire::to(&tenant.url);
        wire.declare(&workspace);
        Self {
            workspace,
            tenant,
            wire,
        }
    }

    /// A scene in which the shipped policy is live and as wanted.
    pub(crate) fn applied() -> Self {
        let scene = Self::new();
        scene.apply();
        scene
    }

    /// Applies what there is to apply.
    #[track_caller]
    pub(crate) fn apply(&self) {
        self.workspace
            .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
            .exits(0);
    }

    /// Asserts that the next plan has nothing to do.
    #[track_caller]
    pub(crate) fn settled(&self) {
        let plan = self
            .workspace
            .run_with(&["plan", "--json"], &SIGN_IN, "")
            .exits(0)
            .json();
        for change in plan["changes"].as_array().unwrap() {
            assert_eq!(change["action"], "none", "{change:#}");
        }
    }

    /// The body of the last write of a policy.
    pub(crate) fn last_write(&self) -> Value {
        serde_json::from_str(&self.wire.writes().last().unwrap().body).unwrap()
    }

    /// Replaces the grant of the shipped policy.
    #[track_caller]
    pub(crate) fn grant(&self, yaml: &str) {
        self.workspace
            .edit_policy("grant:\n  controls: [mfa]", yaml);
    }

    /// What the next plan does to the shipped policy.
    #[track_caller]
    pub(crate) fn change(&self) -> Value {
        let plan = self
            .workspace
            .run_with(&["plan", "--json"], &SIGN_IN, "")
            .exits(0)
            .json();
        change_of(&plan, KEY)
    }

    /// Creates the shipped policy by hand, report-only and changed in one place.
    #[track_caller]
    pub(crate) fn live_but(&self, pointer: &str, value: Value) {
        let body = shipped_but(&self.tenant, pointer, value);
        self.tenant.create_policy(&body);
    }
}

/// The shipped policy as somebody else would write it, report-only and changed in one place.
pub(crate) fn shipped_but(tenant: &Graph, pointer: &str, value: Value) -> Value {
    let mut body = tenant.shipped_body("enabledForReportingButNotEnforced");
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}
