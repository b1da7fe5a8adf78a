//! What people and programs read: documents, texts, exit codes.

use serde_json::{Value, json};

use crate::support::{KEY, NAME, SIGN_IN, TENANT_ID, Wire, Workspace};

/// The keys of an object, in the order in which they were printed.
#[track_caller]
fn keys(value: &Value, text: &str, pointer: &str) -> Vec<String> {
    let object = value
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer}: {value:#}"));
    let keys: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    for key in &keys {
        assert!(text.contains(&format!("\"{key}\":")));
    }
    keys
}

#[track_caller]
fn has_keys(value: &Value, text: &str, pointer: &str, expected: &[&str]) {
    let mut found = keys(value, text, pointer);
    let mut expected: Vec<String> = expected.iter().map(|key| (*key).to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{pointer}");
}

/// The first key of a printed document.
fn first_key(text: &str) -> &str {
    text.trim_start_matches(['{', '\n', ' '])
        .split('"')
        .nth(1)
        .unwrap()
}

#[test]
fn the_plan_document_has_the_shape_of_the_design() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.set_state(Some("on"));
    let created = workspace.run(&["plan", "--json"]).exits(0);
    assert_eq!(first_key(&created.stdout), "format_version");
    let plan = created.json();
    let text = &created.stdout;
    assert_eq!(plan["format_version"], "1.0");
    has_keys(
        &plan,
        text,
        "",
        &[
            "format_version",
            "tenant",
            "created_at",
            "digest",
            "changes",
            "unmanaged",
            "refusals",
            "notes",
            "summary",
        ],
    );
    has_keys(&plan, text, "/tenant", &["name", "id", "domain"]);
    has_keys(
        &plan,
        text,
        "/changes/0",
        &[
            "policy",
            "name",
            "id",
            "action",
            "from_state",
            "to_state",
            "held",
            "fields",
            "effect",
            "source",
            "notes",
        ],
    );
    has_keys(
        &plan,
        text,
        "/changes/0/held/0",
        &["gate", "reason", "until"],
    );
    has_keys(
        &plan,
        text,
        "/changes/0/fields/0",
        &["path", "before", "after", "origin"],
    );
    has_keys(&plan, text, "/changes/0/source", &["file", "line"]);
    has_keys(
        &plan,
        text,
        "/unmanaged/0",
        &["id", "name", "state", "candidate_for", "notes"],
    );
    assert_eq!(
        plan["summary"],
        json!({
            "create": 1, "update": 0, "promote": 0, "restore": 0, "demote": 0, "disable": 0,
            "delete": 0, "unchanged": 0, "held": 1, "unmanaged": 3,
        })
    );
    assert_eq!(plan["created_at"], "2026-11-02T08:00:00Z");
    let digest = plan["digest"].as_str().unwrap();
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    let change = &plan["changes"][0];
    assert_eq!(change["policy"], KEY);
    assert_eq!(change["name"], NAME);
    assert_eq!(change["id"], Value::Null);
    assert_eq!(change["source"]["file"], crate::support::FILE);
    let origins: std::collections::BTreeSet<_> = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["origin"].as_str().unwrap())
        .collect();
    assert_eq!(origins, ["default", "file", "implied"].into());

    // A refusal and a note.
    let body = tenant.shipped_body("disabled");
    tenant.create_policy(&body);
    tenant.create_policy(&body);
    let refused = workspace.run(&["plan", "--json"]).exits(3);
    let plan = refused.json();
    has_keys(
        &plan,
        &refused.stdout,
        "/refusals/0",
        &["guard", "policy", "message", "source", "help", "absolute"],
    );
    has_keys(
        &plan,
        &refused.stdout,
        "/refusals/0/source",
        &["file", "line"],
    );
}

#[test]
fn the_status_document_has_the_shape_of_the_design() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let early = workspace.run(&["status", "--json"]).exits(0).json();
    assert_eq!(early["policies"][0]["id"], Value::Null);
    assert_eq!(early["policies"][0]["soak"]["met"], false);
    workspace.apply();
    tenant.advance("2d");
    let outcome = workspace.run(&["status", "--json"]).exits(0);
    assert_eq!(first_key(&outcome.stdout), "format_version");
    let status = outcome.json();
    let text = &outcome.stdout;
    has_keys(&status, text, "", &["format_version", "tenant", "policies"]);
    has_keys(
        &status,
        text,
        "/policies/0",
        &["policy", "name", "id", "state", "soak", "gates"],
    );
    assert_eq!(
        status["policies"][0]["soak"],
        json!({
            "since": "2026-11-02T08:00:01Z", "required": "7d",
            "until": "2026-11-09T08:00:01Z", "met": false,
        })
    );
    assert_eq!(status["policies"][0]["id"], json!(tenant.shipped_id()));
    let gates = status["policies"][0]["gates"].as_array().unwrap();
    for gate in gates {
        let verdict = gate["verdict"].as_str().unwrap();
        assert!(
            ["pass", "warn", "fail", "unknown", "not-measured"].contains(&verdict),
            "{gate}"
        );
        assert!(!gate["reason"].as_str().unwrap().is_empty());
    }
    let measured: Vec<_> = gates
        .iter()
        .filter(|gate| gate["verdict"] != "not-measured")
        .map(|gate| {
            (
                gate["gate"].as_str().unwrap(),
                gate["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        measured,
        [
            ("soak", "fail"),
            ("intent", "pass"),
            ("unchanged", "pass"),
            ("break-glass", "pass"),
            ("exclusions", "pass"),
            ("security-defaults", "pass"),
            ("licence", "pass"),
        ]
    );
    workspace.run(&["status", "--exit-code"]).exits(2);
    tenant.advance("5d");
    workspace.run(&["status", "--exit-code"]).exits(0);
}

#[test]
fn every_document_begins_with_its_format() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for (arguments, code) in [
        (&["validate", "--json"][..], 0),
        (&["plan", "--json"], 0),
        (&["promote", KEY, "--json"], 3),
        (&["apply", "--auto-approve", "--json"], 0),
        (&["apply", "--auto-approve", "--json"], 0),
        (&["promote", KEY, "--json"], 3),
        (&["status", "--json"], 0),
        (&["sandbox", "advance", "8d", "--json"], 0),
        (&["promote", KEY, "--json"], 0),
    ] {
        let outcome = workspace.run(arguments).exits(code);
        outcome.json();
        assert_eq!(first_key(&outcome.stdout), "format_version", "{outcome}");
    }
    assert_eq!(tenant.events(), 2);
}

#[test]
fn the_exit_code_tells_changes_only_when_asked() {
    let workspace = Workspace::new();
    let _tenant = workspace.serve();
    workspace.run(&["plan"]).exits(0);
    workspace.run(&["plan", "--detailed-exitcode"]).exits(2);
    workspace.set_state(Some("on"));
    workspace.apply();
    // Only held is no change.
    let held = workspace
        .run(&["plan", "--detailed-exitcode", "--json"])
        .exits(0)
        .json();
    assert_eq!(held["summary"]["held"], 1);
    workspace.run(&["apply", "--auto-approve"]).exits(0);
}

#[test]
fn errors_of_usage_and_of_yaml_are_exit_1() {
    let workspace = Workspace::new();
    workspace.run(&["no-such-command"]).exits(1);
    workspace.run(&["plan", "--no-such-option"]).exits(1);
    workspace
        .run(&["plan", "--config", "no-such.yaml"])
        .exits(1);
    workspace.run(&["--version"]).exits(0);
    workspace.run(&["--help"]).exits(0);
    workspace.edit_policy("controls: [mfa]", "controls: [mfaa]");
    workspace.run(&["plan"]).exits(1);
    workspace.run(&["apply", "--auto-approve"]).exits(1);
    let findings = workspace.run(&["validate"]).exits(2);
    assert!(
        findings
            .stdout
            .contains("policies/azure-management-mfa.yaml:19:14"),
        "{findings}"
    );
    assert!(!workspace.exists(".portcullis"), "nothing was started");
}

#[test]
fn data_goes_to_stdout_and_everything_else_to_stderr() {
    let workspace = Workspace::new();
    let _tenant = workspace.serve();
    let applied = workspace
        .run(&["apply", "--auto-approve", "-vv", "--json"])
        .exits(0);
    applied.json();
    assert!(applied.stderr.contains("creating it"), "{applied}");
    let quiet = workspace.run(&["apply", "--auto-approve", "-q"]).exits(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn colour_is_used_only_when_it_is_asked_for() {
    let workspace = Workspace::new();
    let _tenant = workspace.serve();
    let escape = '\u{1b}';
    assert!(!workspace.run(&["plan"]).stdout.contains(escape));
    let plain = workspace.run(&["plan", "--color", "never"]).stdout;
    assert!(!plain.contains(escape));
    let colored = workspace.run(&["plan", "--color", "always"]).stdout;
    assert!(colored.contains(escape));
    assert_ne!(colored, plain);
}

#[test]
fn a_plan_against_a_snapshot_needs_no_credential_and_is_the_same() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    for state in ["report-only", "on"] {
        workspace.set_state(Some(state));
        workspace
            .run_with(&["snapshot", "tenant.json"], &SIGN_IN, "")
            .exits(0);
        let live = workspace
            .run_with(&["plan", "--json"], &SIGN_IN, "")
            .exits(0);
        let requests = wire.sent().len();
        let offline = workspace
            .run(&["plan", "--json", "--snapshot", "tenant.json"])
            .exits(0);
        assert_eq!(wire.sent().len(), requests, "nothing was asked");
        assert_eq!(offline.stdout, live.stdout);
        workspace
            .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
            .exits(0);
    }
    let snapshot: Value = serde_json::from_str(&workspace.read("tenant.json")).unwrap();
    assert_eq!(snapshot["complete"], true);
    assert!(
        snapshot["taken_at"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-02T08:00:")
    );
    workspace.run(&["plan"]).exits(1).says("AZURE_CLIENT_ID");
    workspace
        .run(&["plan", "--snapshot", "portcullis.yaml"])
        .exits(1)
        .says("is no snapshot");
}

#[test]
fn the_applied_document_tells_what_was_done() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let done = workspace
        .run(&["apply", "--auto-approve", "--json"])
        .exits(0)
        .json();
    assert_eq!(done["tenant"], "sandbox");
    assert_eq!(
        done["applied"],
        json!([{
            "policy": KEY, "name": NAME, "id": tenant.shipped_id(),
            "action": "create", "state": "report-only",
        }])
    );
    let nothing = workspace
        .run(&["apply", "--auto-approve", "--json"])
        .exits(0)
        .json();
    assert_eq!(nothing["applied"], json!([]));
}

#[test]
fn break_glass_addresses_are_never_printed() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut said = String::new();
    let mut run = |arguments: &[&str]| {
        let outcome = workspace.run(arguments);
        said.push_str(&outcome.stdout);
        said.push_str(&outcome.stderr);
    };
    run(&["plan"]);
    run(&["plan", "--json"]);
    run(&["apply", "--auto-approve"]);
    run(&["status"]);
    tenant.advance("8d");
    run(&["promote", KEY]);
    run(&["plan"]);
    run(&["apply", "--auto-approve"]);
    run(&["demote", KEY]);
    assert!(
        said.contains("emergency-access-1"),
        "by their declared names"
    );
    assert!(!said.contains("emergency1@"), "{said}");
}

#[test]
fn the_sandbox_begins_anew_and_stays_in_its_folder() {
    let workspace = Workspace::new();
    workspace.apply();
    workspace
        .run(&["sandbox", "advance", "8d"])
        .exits(0)
        .says("it is 2026-11-10 08:00:01 UTC there");
    workspace.run(&["sandbox", "advance", "-1d"]).exits(1);
    workspace
        .run(&["sandbox", "reset"])
        .exits(0)
        .says("it is 2026-11-02 08:00:00 UTC there");
    assert_eq!(workspace.change()["action"], "create");
    // `store:` moves it.
    workspace.edit(
        "portcullis.yaml",
        "version: 1",
        "version: 1\nstore: elsewhere",
    );
    workspace.run(&["sandbox", "advance", "1d"]).exits(0);
    assert!(workspace.exists("elsewhere/sandbox/events.jsonl"));
    assert_eq!(workspace.plan()["created_at"], "2026-11-03T08:00:00Z");
}

// What people read.

#[test]
fn text_of_the_first_plan() {
    let workspace = Workspace::new();
    insta::assert_snapshot!(workspace.run(&["plan"]).exits(0).stdout);
}

#[test]
fn text_of_the_status() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("2d");
    insta::assert_snapshot!(workspace.run(&["status"]).exits(0).stdout);
}

#[test]
fn text_of_a_refusal() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.edit(
        "portcullis.yaml",
        "expires: 2027-03-31",
        "expires: 2026-11-02",
    );
    tenant.advance("1d");
    let id = tenant.user("emergency2");
    tenant.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"accountEnabled": false}),
    );
    let outcome = workspace.run(&["plan"]).exits(3);
    insta::assert_snapshot!(format!("{}---\n{}", outcome.stdout, outcome.stderr));
}

#[test]
fn text_of_a_refused_promotion() {
    let workspace = Workspace::new();
    let _tenant = workspace.serve();
    workspace.apply();
    let outcome = workspace.run(&["promote", KEY]).exits(3);
    insta::assert_snapshot!(format!("{}---\n{}", outcome.stdout, outcome.stderr));
}

#[test]
fn text_of_a_promotion() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    insta::assert_snapshot!(workspace.run(&["plan"]).exits(0).stdout);
}

#[test]
fn text_of_the_help() {
    let workspace = Workspace::empty();
    insta::assert_snapshot!(workspace.run(&["--help"]).exits(0).stdout);
}

#[test]
fn the_tenant_of_the_sandbox_is_the_published_one() {
    let workspace = Workspace::new();
    assert_eq!(workspace.plan()["tenant"]["id"], TENANT_ID);
}
