//! Records: what they allow, for how long, and what makes them void.

use serde_json::{Value, json};

use crate::support::{FILE, KEY, RECORD, Served, Workspace};

const REPORT_ONLY: &str = "enabledForReportingButNotEnforced";

/// A workspace whose policy was weighed after its soak, and not turned on yet.
fn recorded() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    (workspace, tenant)
}

/// A workspace whose policy is on.
fn enforced() -> (Workspace, Served) {
    let (workspace, tenant) = recorded();
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], "enabled");
    (workspace, tenant)
}

/// Asserts that the promotion is held by the gate, for the reason, and that apply writes nothing.
#[track_caller]
fn held(workspace: &Workspace, tenant: &Served, gate: &str, why: &str) {
    let before = tenant.everything();
    let change = workspace.change();
    assert_eq!(change["action"], "none", "{change:#}");
    let held = change["held"]
        .as_array()
        .unwrap()
        .iter()
        .find(|held| held["gate"] == gate)
        .unwrap_or_else(|| panic!("{gate} does not hold {change:#}"));
    assert!(held["reason"].as_str().unwrap().contains(why), "{held}");
    workspace.apply();
    assert_eq!(tenant.everything(), before);
}

fn gate<'a>(status: &'a Value, gate: &str) -> &'a Value {
    status["policies"][0]["gates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["gate"] == gate)
        .unwrap_or_else(|| panic!("{gate}: {status:#}"))
}

#[test]
fn a_record_counts_for_72_hours() {
    let (workspace, tenant) = recorded();
    tenant.advance("71h 59m");
    assert_eq!(workspace.change()["action"], "promote");
    tenant.advance("1m");
    held(&workspace, &tenant, "promotion", "counts for 72");
    // Weighed again it counts again.
    workspace.run(&["promote", KEY]).exits(0);
    assert_eq!(workspace.change()["action"], "promote");
}

#[test]
fn promotion_valid_for_is_the_users_to_choose() {
    let (workspace, tenant) = recorded();
    workspace.add_to_policy("rollout: {promotion_valid_for: 2h}");
    tenant.advance("1h 59m");
    assert_eq!(workspace.change()["action"], "promote");
    tenant.advance("1m");
    held(&workspace, &tenant, "promotion", "counts for 2");
}

#[test]
fn state_on_without_a_record_turns_nothing_on() {
    let (workspace, tenant) = recorded();
    std::fs::remove_file(workspace.path(RECORD)).unwrap();
    held(&workspace, &tenant, "promotion", "no promotion is recorded");
}

#[test]
fn a_record_alone_turns_nothing_on() {
    let (workspace, tenant) = recorded();
    workspace.set_state(Some("report-only"));
    let change = workspace.change();
    assert_eq!(change["action"], "none");
    assert_eq!(change["held"], json!([]));
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn an_edit_of_the_yaml_voids_the_record_and_begins_a_new_soak() {
    let (workspace, tenant) = recorded();
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    let change = workspace.change();
    assert_eq!(change["action"], "update", "{change:#}");
    assert_eq!(change["to_state"], "report-only");
    assert_eq!(change["held"][0]["gate"], "soak");
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    held(
        &workspace,
        &tenant,
        "promotion",
        "changed since it was weighed",
    );
}

#[test]
fn an_edit_of_the_live_policy_that_was_undone_voids_the_record() {
    let (workspace, tenant) = recorded();
    let id = tenant.shipped_id();
    for control in ["block", "mfa"] {
        tenant.patch_policy(
            &id,
            &json!({"grantControls": {"operator": "OR", "builtInControls": [control]}}),
        );
    }
    held(
        &workspace,
        &tenant,
        "promotion",
        "modified since it was weighed",
    );
    // And with it the soak.
    held(&workspace, &tenant, "soak", "0 of 7 days");
}

#[test]
fn members_that_join_an_exclusion_void_the_record() {
    let (workspace, tenant) = recorded();
    tenant.join(
        &tenant.group("CA-Exclude-Backup-Automation"),
        &tenant.user("svc-reports"),
    );
    held(
        &workspace,
        &tenant,
        "promotion",
        "the exclusions or their members changed",
    );
    held(&workspace, &tenant, "unchanged", "changed during the soak");
}

#[test]
fn a_record_of_another_policy_or_tenant_counts_for_nothing() {
    let (workspace, tenant) = recorded();
    workspace.edit(
        RECORD,
        portcullis::sandbox::TENANT_ID,
        "0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21",
    );
    held(&workspace, &tenant, "promotion", "another policy or tenant");

    let (workspace, tenant) = recorded();
    let line = workspace
        .read(RECORD)
        .lines()
        .find(|line| line.starts_with("content:"))
        .unwrap()
        .to_owned();
    workspace.edit(
        RECORD,
        &line,
        &format!("content: sha256:{}", "0".repeat(64)),
    );
    held(
        &workspace,
        &tenant,
        "promotion",
        "changed since it was weighed",
    );
}

#[test]
fn an_instant_gate_that_fails_since_holds_the_promotion() {
    let (workspace, tenant) = recorded();
    tenant.patch(
        "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy",
        &json!({"isEnabled": true}),
    );
    held(
        &workspace,
        &tenant,
        "security-defaults",
        "security defaults are on",
    );
}

#[test]
fn promotion_is_refused_while_the_live_policy_is_not_what_the_yaml_says() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace
        .run(&["promote", KEY])
        .exits(3)
        .says("not live yet");
    workspace.apply();
    tenant.advance("8d");
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    let files = workspace.files();
    workspace
        .run(&["promote", KEY])
        .exits(3)
        .says("intent: the live policy differs from the YAML in users.exclude");
    assert_eq!(workspace.files(), files);
    workspace
        .run(&["promote", "no-such-key"])
        .exits(1)
        .says("the workspace has no policy no-such-key");
}

#[test]
fn the_soak_starts_at_the_later_of_created_and_modified() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("6d");
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    workspace.apply();
    tenant.advance("6d");
    workspace
        .run(&["promote", KEY])
        .exits(3)
        .says("soak: 6 of 7 days");
    tenant.advance("1d");
    workspace.run(&["promote", KEY]).exits(0);
}

#[test]
fn a_policy_that_somebody_lowered_comes_back_only_when_asked_for() {
    let (workspace, tenant) = enforced();
    let id = tenant.shipped_id();
    tenant.advance("40d");
    tenant.patch_policy(&id, &json!({"state": REPORT_ONLY}));
    held(
        &workspace,
        &tenant,
        "promotion",
        &format!("`portcullis apply --restore {KEY}`"),
    );
    let plan = workspace
        .run(&["plan", "--json", "--restore", KEY])
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["restore"], 1);
    assert_eq!(plan["changes"][0]["action"], "restore");
    assert_eq!(plan["changes"][0]["to_state"], "on");
    workspace
        .run(&["apply", "--auto-approve", "--restore", KEY])
        .exits(0)
        .says("turned on again");
    assert_eq!(tenant.shipped()["state"], "enabled");
    workspace
        .run(&["plan", "--restore", "no-such-key"])
        .exits(1)
        .says("the workspace has no policy no-such-key");
}

#[test]
fn the_directory_audit_alone_is_enough_to_restore() {
    let (workspace, tenant) = enforced();
    let id = tenant.shipped_id();
    // A fresh runner has no journal.
    std::fs::remove_dir_all(workspace.path(".portcullis/journal")).unwrap();
    tenant.patch_policy(&id, &json!({"state": REPORT_ONLY}));
    let plan = workspace
        .run(&["plan", "--json", "--restore", KEY])
        .exits(0)
        .json();
    assert_eq!(plan["changes"][0]["action"], "restore");
}

#[test]
fn what_was_never_on_is_not_restored() {
    let (workspace, tenant) = recorded();
    // Touched, so that the time of its last change is another, but never on.
    tenant.patch_policy(&tenant.shipped_id(), &json!({"state": REPORT_ONLY}));
    let plan = workspace
        .run(&["plan", "--json", "--restore", KEY])
        .exits(0)
        .json();
    assert_eq!(plan["changes"][0]["action"], "none", "{plan:#}");
    assert_eq!(plan["summary"]["restore"], 0);
}

#[test]
fn a_restore_does_not_bring_back_what_was_changed_as_well() {
    let (workspace, tenant) = enforced();
    let id = tenant.shipped_id();
    tenant.patch_policy(
        &id,
        &json!({"state": REPORT_ONLY, "grantControls": {"operator": "OR", "builtInControls": ["block"]}}),
    );
    let plan = workspace
        .run(&["plan", "--json", "--restore", KEY])
        .exits(0)
        .json();
    let change = &plan["changes"][0];
    assert_eq!(change["action"], "update", "{change:#}");
    assert_eq!(change["to_state"], "report-only");
}

#[test]
fn an_emergency_skips_the_soak_and_has_to_be_weighed_within_72_hours() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace.run(&["promote", KEY, "--emergency"]).exits(1);
    workspace
        .run(&[
            "promote",
            KEY,
            "--emergency",
            "--reason",
            "a token was stolen",
        ])
        .exits(0);
    let record = workspace.read(RECORD);
    assert!(record.contains("a token was stolen"), "{record}");
    assert!(record.contains("  soak: warn\n"), "{record}");
    assert_eq!(workspace.change()["action"], "promote");
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], "enabled");

    let status = |code| {
        workspace
            .run(&["status", "--json", "--exit-code"])
            .exits(code)
            .json()
    };
    tenant.advance("71h");
    assert_eq!(gate(&status(0), "emergency")["verdict"], "warn");
    tenant.advance("2h");
    let late = status(2);
    let emergency = gate(&late, "emergency");
    assert_eq!(emergency["verdict"], "fail");
    assert!(
        emergency["reason"]
            .as_str()
            .unwrap()
            .contains("a token was stolen"),
        "{emergency}"
    );
    // Weighed it is an ordinary promotion.
    workspace.run(&["promote", KEY]).exits(0);
    let weighed = status(0);
    let gates = weighed["policies"][0]["gates"].as_array().unwrap();
    assert!(
        !gates.iter().any(|gate| gate["gate"] == "emergency"),
        "{weighed:#}"
    );
    assert!(!workspace.read(RECORD).contains("emergency"));
}

#[test]
fn an_emergency_that_is_lowered_is_over() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace
        .run(&[
            "promote",
            KEY,
            "--emergency",
            "--reason",
            "a token was stolen",
        ])
        .exits(0);
    workspace.apply();
    tenant.advance("80h");
    workspace.run(&["demote", KEY]).exits(0);
    assert!(!workspace.exists(RECORD));
    let status = workspace.run(&["status", "--json"]).exits(0).json();
    let gates = status["policies"][0]["gates"].as_array().unwrap();
    assert!(!gates.iter().any(|gate| gate["gate"] == "emergency"));
}

#[test]
fn an_emergency_skips_no_guard() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let files = workspace.files();
    let id = tenant.user("emergency2");
    tenant.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"accountEnabled": false}),
    );
    workspace
        .run(&[
            "promote",
            KEY,
            "--emergency",
            "--reason",
            "a token was stolen",
        ])
        .exits(3)
        .says("break-glass");
    assert_eq!(workspace.files(), files);
}

#[test]
fn an_emergency_record_that_was_not_applied_expires() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace
        .run(&[
            "promote",
            KEY,
            "--emergency",
            "--reason",
            "a token was stolen",
        ])
        .exits(0);
    tenant.advance("73h");
    held(&workspace, &tenant, "promotion", "counts for 72");
    assert!(workspace.read(FILE).contains("state: on"));
}

#[test]
fn a_policy_that_is_on_already_is_not_promoted_again() {
    let (workspace, _tenant) = enforced();
    let files = workspace.files();
    workspace
        .run(&["promote", KEY])
        .exits(0)
        .says("is on already; there is nothing to promote");
    assert_eq!(workspace.files(), files);
}
