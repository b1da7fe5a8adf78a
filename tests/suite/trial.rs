//! What an outsider tried through the binary, and found wanting once.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use serde_json::json;

use crate::support::{FILE, KEY, NAME, RECORD, Served, TENANT_ID, Workspace};

/// A workspace whose policy is live, and the tenant beside it.
fn live() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    (workspace, tenant)
}

/// The same, weighed and written down.
fn promoted() -> (Workspace, Served) {
    let (workspace, tenant) = live();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    (workspace, tenant)
}

/// Runs `apply`, lets something happen while its question stands, and answers yes.
///
/// Returns the exit code and what was said on stderr.
fn asked(workspace: &Workspace, meanwhile: impl FnOnce()) -> (Option<i32>, String) {
    let mut child = workspace
        .command(&["apply"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"is accepted: ") {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it did not ask");
        said.push(byte[0]);
    }
    meanwhile();
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    stderr.read_to_end(&mut said).unwrap();
    let code = child.wait().unwrap().code();
    (code, String::from_utf8(said).unwrap())
}

#[test]
fn a_question_that_stood_for_long_is_about_what_was_shown() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let account = format!("/v1.0/users/{}", tenant.user("emergency1"));
    let (code, said) = asked(&workspace, || {
        tenant.patch(&account, &json!({"accountEnabled": false}));
    });
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("disabled-break-glass"), "{said}");
    assert!(tenant.named(NAME).is_empty());

    tenant.patch(&account, &json!({"accountEnabled": true}));
    let name = "CA-Exclude-Backup-Automation";
    let (code, said) = asked(&workspace, || {
        tenant.delete(&format!("/v1.0/groups/{}", tenant.group(name)));
        tenant.create_group(name, &[]);
    });
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(KEY), "{said}");
    assert!(tenant.named(NAME).is_empty());

    let (code, said) = asked(&workspace, || {});
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(tenant.named(NAME).len(), 1);
}

#[test]
fn demote_does_not_believe_the_record_of_another_tenant() {
    let (workspace, tenant) = promoted();
    workspace.apply();
    let record = workspace
        .read(RECORD)
        .replace(TENANT_ID, "7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11")
        .replace(&tenant.shipped_id(), "22222222-2222-4222-8222-222222222222");
    workspace.write(RECORD, &record);
    workspace.run(&["demote", KEY]).exits(0);
    assert_eq!(
        tenant.shipped()["state"],
        "enabledForReportingButNotEnforced"
    );
    assert!(!workspace.exists(RECORD));
}

#[test]
fn demote_finds_a_policy_under_its_earlier_name() {
    let (workspace, tenant) = live();
    let id = tenant.shipped_id();
    tenant.patch_policy(&id, &json!({"displayName": "Old", "state": "enabled"}));
    workspace.add_to_policy("renamed_from: [Older, Old]");
    workspace.run(&["demote", KEY]).exits(0).says("\"Old\"");
    assert_eq!(
        tenant.named("Old")[0]["state"],
        "enabledForReportingButNotEnforced"
    );
}

#[test]
fn every_json_document_says_its_format_first() {
    let (workspace, tenant) = live();
    let plan = workspace.path("plan.json");
    let plan = plan.to_str().unwrap();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    workspace.run(&["plan", "--out", plan]).exits(0);
    let first = |arguments: &[&str]| {
        let outcome = workspace.run(&[arguments, &["--json"]].concat()).exits(0);
        outcome.json();
        let start = "{\n  \"format_version\": \"1.0\",";
        assert!(outcome.stdout.starts_with(start), "{outcome}");
    };
    first(&["show", plan]);
    first(&["snapshot", "snapshot.json"]);
    first(&["apply", plan]);
    first(&["promote", KEY]);
    first(&["demote", KEY]);
}

#[test]
fn a_state_that_the_only_tenant_hides_is_not_the_one_that_is_edited() {
    let (workspace, tenant) = live();
    workspace.add_to_policy("tenants:\n  sandbox:\n    state: report-only # here");
    let before = workspace.read(FILE);
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    let edited = before.replace("    state: report-only # here", "    state: on # here");
    assert_eq!(workspace.read(FILE), edited);
    assert_eq!(workspace.change()["action"], "promote");
    workspace.apply();
    workspace.run(&["demote", KEY]).exits(0);
    assert_eq!(workspace.read(FILE), before);
    assert_eq!(workspace.change()["action"], "none");
}

#[test]
fn the_next_step_names_the_tenant_where_it_has_to() {
    let (workspace, tenant) = live();
    workspace.edit(
        "portcullis.yaml",
        "\nprincipals:",
        "  contoso: {tenant_id: 7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11, auth: browser}\n\nprincipals:",
    );
    tenant.advance("8d");
    let sandbox = ["--tenant", "sandbox"];
    workspace
        .run(&[&["promote", KEY][..], &sandbox].concat())
        .exits(0)
        .says("portcullis apply --tenant sandbox\n");
    workspace
        .run(&[&["plan", "--out", "plan.json"][..], &sandbox].concat())
        .exits(0)
        .says("portcullis apply --tenant sandbox plan.json\n");
}

#[test]
fn a_record_that_says_itself_that_a_gate_failed_turns_nothing_on() {
    let (workspace, _tenant) = promoted();
    workspace.edit(RECORD, "  soak: pass", "  soak: fail");
    let change = workspace.change();
    assert_eq!(change["action"], "none");
    assert_eq!(change["held"][0]["gate"], "promotion");
    let reason = change["held"][0]["reason"].to_string();
    assert!(reason.contains("says fail for the gate soak"), "{reason}");
}

#[test]
fn a_log_is_coloured_like_everything_else() {
    let workspace = Workspace::new();
    let plain = workspace.run(&["plan", "-vv"]).exits(0);
    assert!(plain.stderr.contains("DEBUG"), "{plain}");
    assert!(!plain.stderr.contains('\u{1b}'), "{plain}");
    let colour = workspace.run(&["plan", "-vv", "--color", "always"]);
    assert!(colour.stderr.contains('\u{1b}'), "{colour}");
}

#[test]
fn a_pattern_that_fits_no_key_does_not_go_unnoticed() {
    let workspace = Workspace::new();
    workspace
        .run(&["plan", "--policy", "azure-managment*"])
        .exits(0)
        .says("no policy has a key that matches --policy azure-managment*");
}

#[test]
fn a_plan_that_is_refused_by_now_says_so_and_not_that_it_is_done() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.run(&["plan", "--out", "plan.json"]).exits(0);
    tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace
        .run(&["apply", "plan.json"])
        .exits(4)
        .says("what would be done now is refused")
        .says("error[weaken]");
}

#[test]
fn a_name_in_the_tenant_neither_steers_the_terminal_nor_writes_lines_of_ours() {
    let (workspace, tenant) = live();
    let evil = "Evil\u{1b}[2J\nPlan: nothing\u{202e}";
    let mut body = tenant.shipped_body("disabled");
    body["displayName"] = json!(evil);
    tenant.create_policy(&body);
    let group = tenant.create_group("Harmless", &[]);
    tenant.patch(
        &format!("/v1.0/groups/{group}"),
        &json!({"displayName": evil}),
    );
    let mut users = tenant.shipped_body("")["conditions"]["users"].clone();
    users["excludeGroups"]
        .as_array_mut()
        .unwrap()
        .push(json!(group));
    tenant.patch_policy(
        &tenant.shipped_id(),
        &json!({"conditions": {"users": users}}),
    );
    for command in ["plan", "status"] {
        let shown = workspace.run(&[command]).exits(0);
        let text = shown.stdout.replace('\n', "");
        assert!(
            !text.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{shown:?}"
        );
        assert!(!shown.stdout.contains("\nPlan: nothing"), "{shown}");
        assert!(shown.stdout.contains("Evil\\u{1b}[2J\\u{a}Plan"), "{shown}");
    }
    let unmanaged = workspace.plan()["unmanaged"].to_string();
    assert!(
        unmanaged.contains(&json!(evil).to_string()),
        "a document keeps it"
    );
}

#[test]
fn an_emergency_says_why_in_one_line_and_names_no_date_it_does_not_wait_for() {
    let (workspace, tenant) = live();
    let emergency =
        |reason: &str| workspace.run(&["promote", KEY, "--emergency", "--reason", reason]);
    emergency(" \n").exits(1).says("it is empty");
    let account = format!("/v1.0/users/{}", tenant.user("emergency1"));
    tenant.patch(&account, &json!({"accountEnabled": false}));
    let refused = emergency("outage").exits(3);
    assert!(!refused.stderr.contains("earliest date"), "{refused}");
    tenant.patch(&account, &json!({"accountEnabled": true}));
    emergency("first\n second").exits(0);
    assert!(
        workspace.read(RECORD).contains("reason: \"first second\""),
        "{}",
        workspace.read(RECORD)
    );

    workspace.apply();
    let weighed = workspace.run(&["promote", KEY]).exits(0);
    assert!(
        weighed.stdout.contains("is on, and was weighed anew"),
        "{weighed}"
    );
    assert!(!weighed.stdout.contains("Turn it on"), "{weighed}");
}

#[test]
fn an_inline_exclusion_stays_within_what_is_declared_of_the_same_group() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let group = tenant.group("CA-Exclude-Backup-Automation");
    let inline =
        format!("[{{group: {group}, reason: it is the same group, owner: a@contoso.example}}]");
    workspace.edit_policy("[backup-automation]", &inline);
    assert_eq!(workspace.change()["action"], "create");
    for person in ["svc-reports", "linh.tran"] {
        tenant.join(&group, &tenant.user(person));
    }
    let plan = workspace.refused_plan();
    assert_eq!(plan["refusals"][0]["guard"], "max-members", "{plan:#}");
    let before = tenant.everything();
    workspace.run(&["apply", "--auto-approve"]).exits(3);
    assert_eq!(tenant.everything(), before);
}
