//! The traps of the Graph contract (its section 6), each set at the sandbox by a test of its number.
//!
//! A test shows the tool walking past the trap. Where the command that will meet it does not exist yet,
//! the trap is set and met by the tests' own client, and the test says `raw` in its name.

mod controls;
mod policies;
mod references;

use serde_json::{Value, json};

use crate::support::{SIGN_IN, Served, Wire, Workspace};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const LOCATIONS: &str = "/v1.0/identity/conditionalAccess/namedLocations";
const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

/// A workspace, its tenant, and the wire on which every request can be read.
struct Scene {
    workspace: Workspace,
    tenant: Served,
    wire: Wire,
}

impl Scene {
    fn new() -> Self {
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
    fn applied() -> Self {
        let scene = Self::new();
        scene.apply();
        scene
    }

    /// Applies what there is to apply.
    #[track_caller]
    fn apply(&self) {
        self.workspace
            .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
            .exits(0);
    }

    /// Asserts that the next plan has nothing to do.
    #[track_caller]
    fn settled(&self) {
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
    fn last_write(&self) -> Value {
        serde_json::from_str(&self.wire.writes().last().unwrap().body).unwrap()
    }

    /// Replaces the grant of the shipped policy.
    #[track_caller]
    fn grant(&self, yaml: &str) {
        self.workspace
            .edit_policy("grant:\n  controls: [mfa]", yaml);
    }
}

/// What a write by hand is refused with.
#[track_caller]
fn refusal(tenant: &Served, method: &str, path: &str, body: &Value, status: u16) -> String {
    let answer = tenant.expect(method, path, Some(body), status);
    answer["error"]["message"].as_str().unwrap().to_owned()
}

/// The shipped policy by hand, changed in one place.
fn shipped_but(tenant: &Served, pointer: &str, value: Value) -> Value {
    let mut body = tenant.shipped_body("enabledForReportingButNotEnforced");
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

/// A location of one address range.
fn location(name: &str, trusted: bool) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": name,
        "isTrusted": trusted,
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/28"}],
    })
}
