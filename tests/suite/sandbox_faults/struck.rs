//! Each kind of fault, on each kind of request: how the run ends, and that the next one converges.

use serde_json::{Value, json};

use super::{APPLY, run, scene};
use crate::support::{FILE, KEY, NAME, Served, Workspace};

const LIST: &str = "v1.0/identity/conditionalAccess/policies";

/// What strikes a write, how the run ends that is struck, and whether it looks the write up.
fn faults_of_a_write() -> Vec<(Value, i32, bool)> {
    vec![
        // Nothing certain: it is looked up, and sent again only when it is not there.
        (json!({"status": 429}), 0, true),
        (json!({"status": 429, "retry_after": 1}), 0, true),
        (json!({"status": 500}), 0, true),
        (json!({"status": 502}), 0, true),
        (json!({"status": 503}), 0, true),
        (json!({"status": 504}), 0, true),
        (json!({"kind": "reset-before"}), 0, true),
        (json!({"kind": "reset-after"}), 0, true),
        (json!({"kind": "half-body"}), 0, true),
        (json!({"kind": "garbage"}), 0, true),
        // Nothing wrong but the looks of it.
        (json!({"kind": "wrong-content-type"}), 0, false),
        (json!({"kind": "slow-body", "for": "300ms"}), 0, false),
        (json!({"kind": "stall", "for": "300ms"}), 0, false),
        (json!({"kind": "expired-token"}), 0, false),
        // Not there, twice.
        (json!({"status": 503, "times": 2}), 5, true),
        (json!({"kind": "reset-before", "times": 2}), 5, true),
    ]
}

/// Applies a write that is struck.
#[track_caller]
fn apply_struck(workspace: &Workspace, fault: &Value, code: i32, looks: bool) {
    let applied = run(workspace, &APPLY, code);
    let looked = applied.stderr.contains("looking whether the write arrived");
    assert_eq!(looked, looks, "{fault}: {applied}");
}

/// Strikes the next request of a method.
fn strike(tenant: &Served, method: &str, fault: &Value) {
    let mut fault = fault.clone();
    fault["method"] = json!(method);
    fault["path"] = json!(LIST);
    tenant.script(&fault);
}

/// Runs again, and asserts that nothing is left to do, and nothing of the script.
#[track_caller]
fn converges(workspace: &Workspace, tenant: &Served, fault: &Value) {
    run(workspace, &APPLY, 0);
    let plan = run(workspace, &["plan", "--json", "--detailed-exitcode"], 0).json();
    assert_eq!(plan["summary"]["create"], 0, "{fault}");
    assert_eq!(tenant.get("/sandbox/faults"), json!([]), "{fault}");
}

#[test]
fn a_create_that_is_struck_is_made_once() {
    let (workspace, tenant) = scene("0", &[]);
    run(&workspace, &APPLY, 0);
    for (number, (fault, code, looks)) in faults_of_a_write().into_iter().enumerate() {
        let name = format!("Policy {number}");
        workspace.add_policy(&format!("policy-{number}"), &name);
        strike(&tenant, "POST", &fault);
        apply_struck(&workspace, &fault, code, looks);
        converges(&workspace, &tenant, &fault);
        assert_eq!(tenant.named(&name).len(), 1, "{fault}");
    }
    // What the service refuses is an error, and nothing was written.
    for (number, status) in [400, 404].into_iter().enumerate() {
        let name = format!("Refused {number}");
        workspace.add_policy(&format!("refused-{number}"), &name);
        strike(&tenant, "POST", &json!({"status": status}));
        run(&workspace, &APPLY, 1);
        assert_eq!(tenant.named(&name).len(), 0, "{status}");
        converges(&workspace, &tenant, &json!(status));
        assert_eq!(tenant.named(&name).len(), 1, "{status}");
    }
}

#[test]
fn an_update_that_is_struck_is_made_once() {
    let (workspace, tenant) = scene("0", &[]);
    run(&workspace, &APPLY, 0);
    let id = tenant.shipped_id();
    let mut name = NAME.to_owned();
    for (number, (fault, code, looks)) in faults_of_a_write().into_iter().enumerate() {
        // An update by id: the pin finds it whatever it is called.
        let next = format!("CA010 - Number {number}");
        let text = workspace.read(FILE).replace(&name, &next);
        let text = if number == 0 {
            format!("{text}\ntenants:\n  sandbox: {{id: {id}}}\n")
        } else {
            text
        };
        workspace.write(FILE, &text);
        name = next;
        let events = tenant.events();
        strike(&tenant, "PATCH", &fault);
        apply_struck(&workspace, &fault, code, looks);
        converges(&workspace, &tenant, &fault);
        assert_eq!(tenant.named(&name).len(), 1, "{fault}");
        assert_eq!(tenant.events(), events + 1, "{fault}");
    }
    assert_eq!(tenant.policies().len(), 4);
}

#[test]
fn a_delete_that_is_struck_is_made_once() {
    let (workspace, tenant) = scene("0", &[]);
    let faults = faults_of_a_write();
    for number in 0..faults.len() {
        workspace.add_policy(&format!("policy-{number}"), &format!("Policy {number}"));
    }
    run(&workspace, &APPLY, 0);
    let mut left = tenant.policies().len();
    for (number, (fault, code, looks)) in faults.into_iter().enumerate() {
        let file = format!("policies/policy-{number}.yaml");
        workspace.edit(&file, "state: report-only", "state: absent");
        strike(&tenant, "DELETE", &fault);
        apply_struck(&workspace, &fault, code, looks);
        converges(&workspace, &tenant, &fault);
        left -= 1;
        assert_eq!(tenant.policies().len(), left, "{fault}");
    }
    let bin = tenant.get("/v1.0/identity/conditionalAccess/deletedItems/policies");
    assert_eq!(bin["value"].as_array().unwrap().len(), 16);
}

#[test]
fn a_read_that_is_struck_is_repeated_or_an_error() {
    let (workspace, tenant) = scene("0", &["--page-size", "2"]);
    run(&workspace, &APPLY, 0);
    let before = tenant.everything();
    for (fault, code) in [
        (json!({"status": 503, "times": 3}), 0),
        (json!({"status": 504}), 0),
        (json!({"status": 429, "retry_after": 1, "times": 2}), 0),
        (json!({"kind": "reset-before", "times": 2}), 0),
        (json!({"kind": "reset-after"}), 0),
        (json!({"kind": "half-body", "times": 2}), 0),
        (json!({"kind": "slow-body", "for": "300ms"}), 0),
        (json!({"kind": "stall", "for": "300ms"}), 0),
        (json!({"kind": "wrong-content-type"}), 0),
        (json!({"kind": "expired-token"}), 0),
        (json!({"kind": "expired-page-token"}), 0),
        (json!({"kind": "garbage"}), 1),
        (json!({"status": 404}), 1),
        (json!({"status": 503, "times": 6}), 1),
        (json!({"kind": "expired-page-token", "times": 2}), 1),
    ] {
        strike(&tenant, "GET", &fault);
        let plan = run(&workspace, &["plan", "--json"], code);
        if code == 0 {
            assert_eq!(plan.json()["summary"]["unchanged"], 1, "{fault}");
        }
        assert_eq!(tenant.get("/sandbox/faults"), json!([]), "{fault}: {plan}");
    }
    assert_eq!(tenant.everything(), before, "whoever reads writes nothing");
}

#[test]
fn a_stale_read_before_a_write_stops_it_and_after_it_is_looked_at_again() {
    let (workspace, tenant) = scene("1s", &[]);
    run(&workspace, &APPLY, 0);
    let id = tenant.shipped_id();
    // The list and the read before the write show the tenant before a change made by hand.
    tenant.patch_policy(&id, &json!({"state": "disabled"}));
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    strike(&tenant, "GET", &json!({"kind": "stale"}));
    let events = tenant.events();
    run(&workspace, &APPLY, 4);
    assert_eq!(tenant.events(), events);
    // After the write one look shows it not yet.
    tenant.script(&json!({"kind": "stale", "path": LIST, "method": "GET", "skip": 2}));
    run(&workspace, &APPLY, 0);
    assert_eq!(tenant.events(), events + 1);
    assert_eq!(tenant.get("/sandbox/faults"), json!([]));
}

#[test]
fn a_batch_whose_parts_are_struck_reads_them_again() {
    let (workspace, tenant) = scene("0", &[]);
    run(&workspace, &APPLY, 0);
    for fault in [
        json!({"path": "users", "status": 429}),
        json!({"path": "users", "status": 503, "times": 2}),
        json!({"path": "users", "kind": "reset-before"}),
        json!({"path": "groups", "kind": "half-body"}),
    ] {
        tenant.script(&fault);
        tenant.forget_requests();
        let plan = run(&workspace, &["plan", "--json"], 0);
        assert_eq!(plan.json()["summary"]["unchanged"], 1, "{fault}");
        let requests = tenant.get("/sandbox/requests").to_string();
        assert!(requests.contains("\"fault\""), "{fault}: {requests}");
    }
}

#[test]
fn a_demotion_gets_through() {
    let (workspace, tenant) = scene("1s", &[]);
    tenant.create_policy(&tenant.shipped_body("enabled"));
    let id = tenant.shipped_id();
    let text = workspace.read(FILE);
    workspace.write(
        FILE,
        &format!("{text}\ntenants:\n  sandbox: {{id: {id}}}\n"),
    );
    for fault in [
        json!({"status": 503}),
        json!({"status": 429}),
        json!({"kind": "reset-before"}),
        json!({"kind": "reset-after"}),
        json!({"kind": "half-body"}),
        json!({"kind": "garbage"}),
        json!({"kind": "expired-token"}),
    ] {
        tenant.patch_policy(&id, &json!({"state": "enabled"}));
        strike(&tenant, "PATCH", &fault);
        run(&workspace, &["demote", KEY], 0);
        assert_eq!(
            tenant.shipped()["state"],
            "enabledForReportingButNotEnforced",
            "{fault}"
        );
    }
}
