//! The traps of the Graph contract (its section 6), each set at the sandbox by a test of its number.
//!
//! A test shows the tool walking past the trap. Where the command that will meet it does not exist yet,
//! the trap is set and met by the tests' own client, and the test says `raw` in its name.

mod controls;
mod policies;
mod references;

use serde_json::{Value, json};

use crate::support::Served;

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const LOCATIONS: &str = "/v1.0/identity/conditionalAccess/namedLocations";
const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

/// What a write by hand is refused with.
#[track_caller]
fn refusal(tenant: &Served, method: &str, path: &str, body: &Value, status: u16) -> String {
    let answer = tenant.expect(method, path, Some(body), status);
    answer["error"]["message"].as_str().unwrap().to_owned()
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
