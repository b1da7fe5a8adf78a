//! What was reviewed is what is applied: a saved plan that no longer fits is exit 4, and nothing written.

use serde_json::{Value, json};

use crate::support::{FILE, KEY, Outcome, SIGN_IN, Served, Wire, Workspace};

const PLAN: &str = "reviewed.plan";

/// A workspace with a saved plan that creates the shipped policy.
fn saved() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    (workspace, tenant)
}

/// A workspace with a saved plan that edits the live, report-only policy.
fn saved_edit() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    (workspace, tenant)
}

#[track_caller]
fn stale(workspace: &Workspace, tenant: &Served, why: &str) -> Outcome {
    let before = tenant.everything();
    let journal = journal(workspace);
    let outcome = workspace.run(&["apply", PLAN]).exits(4);
    assert!(outcome.stderr.contains(why), "{why:?}: {outcome}");
    assert!(outcome.stderr.contains("nothing was written"), "{outcome}");
    assert_eq!(tenant.everything(), before, "nothing was written");
    assert_eq!(self::journal(workspace), journal, "nothing was announced");
    // What was reviewed can still be looked at.
    let shown = workspace.run(&["show", PLAN]).exits(0);
    assert!(shown.stdout.contains("Tenant "), "{shown}");
    outcome
}

/// The announced writes.
fn journal(workspace: &Workspace) -> String {
    let stored = workspace.stored();
    let of = |name: &&String| name.starts_with(".portcullis/journal/");
    let files: Vec<_> = stored.keys().filter(of).collect();
    files
        .into_iter()
        .map(|file| stored[file].as_str())
        .collect()
}

#[test]
fn a_saved_plan_is_applied_without_a_question() {
    let (workspace, tenant) = saved();
    workspace
        .run(&["apply", PLAN])
        .exits(0)
        .says("created in report-only");
    assert_eq!(
        tenant.shipped()["state"],
        "enabledForReportingButNotEnforced"
    );
    assert_eq!(tenant.events(), 1);
}

#[test]
fn show_prints_what_plan_printed() {
    let workspace = Workspace::new();
    let planned = workspace.run(&["plan", "--out", PLAN]).exits(0);
    let shown = workspace.run(&["show", PLAN]).exits(0);
    assert_eq!(shown.stdout, planned.stdout);
    let planned = workspace.plan();
    let shown = workspace.run(&["show", "--json", PLAN]).exits(0).json();
    assert_eq!(shown, planned);
}

#[test]
fn the_yaml_changed() {
    let (workspace, tenant) = saved();
    workspace.edit_policy("controls: [mfa]", "controls: [block]");
    stale(&workspace, &tenant, "the YAML changed");
}

#[test]
fn the_configuration_changed() {
    let (workspace, tenant) = saved();
    workspace.edit("portcullis.yaml", "soak: 7d", "soak: 1d");
    stale(&workspace, &tenant, "the YAML changed");
}

#[test]
fn the_live_policy_changed() {
    let (workspace, tenant) = saved_edit();
    let id = tenant.shipped_id();
    tenant.patch_policy(&id, &json!({"state": "disabled"}));
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn the_content_of_the_live_policy_changed() {
    let (workspace, tenant) = saved_edit();
    let id = tenant.shipped_id();
    tenant.patch_policy(
        &id,
        &json!({"grantControls": {"operator": "OR", "builtInControls": ["block"]}}),
    );
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn a_policy_of_the_name_appeared() {
    let (workspace, tenant) = saved();
    let mut body = tenant.shipped_body("disabled");
    body["grantControls"]["builtInControls"] = json!(["compliantDevice"]);
    tenant.create_policy(&body);
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn the_live_policy_became_what_was_wanted_without_us() {
    let (workspace, tenant) = saved();
    tenant.create_policy(&tenant.shipped_body("enabledForReportingButNotEnforced"));
    stale(&workspace, &tenant, "nothing of the plan is left to do");
}

#[test]
fn an_exclusion_group_was_created_again_under_its_old_name() {
    let (workspace, tenant) = saved();
    let old = tenant.group("CA-Exclude-Backup-Automation");
    tenant.delete(&format!("/v1.0/groups/{old}"));
    let new = tenant.create_group(
        "CA-Exclude-Backup-Automation",
        &[&tenant.user("svc-backup")],
    );
    assert_ne!(new, old);
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn the_members_of_an_exclusion_group_changed() {
    let (workspace, tenant) = saved();
    let group = tenant.group("CA-Exclude-Backup-Automation");
    tenant.join(&group, &tenant.user("svc-reports"));
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn a_break_glass_account_was_created_again_under_its_old_name() {
    let (workspace, tenant) = saved();
    let old = tenant.user("emergency2");
    tenant.delete(&format!("/v1.0/users/{old}"));
    let upn = format!("emergency2@{}", portcullis::sandbox::DOMAIN);
    let user = tenant.post(
        "/v1.0/users",
        &json!({
            "displayName": "Emergency access 2", "userPrincipalName": upn,
            "mailNickname": "emergency2", "accountEnabled": true,
            "passwordProfile": {"password": "not looked at"},
        }),
    );
    assert_ne!(user["id"], json!(old));
    stale(&workspace, &tenant, "the tenant changed");
}

#[test]
fn another_tenant() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    let wire = Wire::to_another(&tenant.url, "0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21");
    wire.declare(&workspace);
    let before = tenant.everything();
    let outcome = workspace.run_with(&["apply", PLAN], &SIGN_IN, "").exits(4);
    assert!(
        outcome.stderr.contains("the plan was made for tenant 5a4db0c5-7c0e-4d5f-9b1e-3f2a6c8d7e10, and this is 0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21"),
        "{outcome}"
    );
    assert_eq!(tenant.everything(), before);
    assert_eq!(wire.writes(), []);
}

#[test]
fn edited_by_hand() {
    // Each thing that somebody might want to slip in, in the receipt and in what is shown of it.
    for (pointer, value) in [
        ("/changes/0/write/0/body/state", json!("enabled")),
        ("/changes/0/policy", json!("another")),
        ("/plan/changes/0/to_state", json!("off")),
        ("/plan/tenant/name", json!("contoso")),
        ("/yaml", json!("sha256:00")),
    ] {
        let (workspace, tenant) = saved();
        let mut plan: Value = serde_json::from_str(&workspace.read(PLAN)).unwrap();
        let place = plan.pointer_mut(pointer);
        *place.unwrap_or_else(|| panic!("{pointer}")) = value;
        workspace.write(PLAN, &plan.to_string());
        let outcome = stale(&workspace, &tenant, "it was changed after it was saved");
        assert!(outcome.stderr.contains(PLAN), "{outcome}");
        workspace
            .run(&["show", PLAN])
            .exits(0)
            .says("warning: this file cannot be applied");
    }
}

#[test]
fn a_file_that_is_no_plan_or_of_another_format() {
    let workspace = Workspace::new();
    workspace.write(PLAN, "{\"format_version\": \"1.0\", \"hello\": 1}");
    workspace.run(&["apply", PLAN]).exits(4);
    workspace.run(&["show", PLAN]).exits(1);
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    let mut plan: Value = serde_json::from_str(&workspace.read(PLAN)).unwrap();
    plan["format_version"] = json!("2.0");
    workspace.write(PLAN, &plan.to_string());
    workspace
        .run(&["apply", PLAN])
        .exits(4)
        .says("it has format 2.0, and this version reads 1.0");
    workspace.run(&["apply", "no-such.plan"]).exits(1);
}

#[test]
fn applied_twice() {
    let (workspace, tenant) = saved();
    workspace.run(&["apply", PLAN]).exits(0);
    stale(&workspace, &tenant, "nothing of the plan is left to do");
    assert_eq!(tenant.events(), 1);
}

#[test]
fn an_empty_plan_has_nothing_to_apply() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    stale(&workspace, &tenant, "the plan has nothing to apply");
}

#[test]
fn a_gate_that_fails_since_makes_a_promotion_stale() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    tenant.patch(
        "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy",
        &json!({"isEnabled": true}),
    );
    let change = workspace.change();
    assert_eq!(change["action"], "none", "{change:#}");
    assert_eq!(change["held"][0]["gate"], "security-defaults");
    stale(&workspace, &tenant, "");
    assert_eq!(
        tenant.shipped()["state"],
        "enabledForReportingButNotEnforced"
    );
}

#[test]
fn a_guard_that_refuses_since_refuses_the_saved_plan() {
    let (workspace, tenant) = saved();
    let id = tenant.user("emergency2");
    tenant.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"accountEnabled": false}),
    );
    let before = tenant.everything();
    // The account is the same one, so the plan agrees; the guard does not.
    workspace.run(&["apply", PLAN]).exits(3);
    assert_eq!(tenant.everything(), before);
}

#[test]
fn a_comment_a_line_ending_and_a_new_unmanaged_policy_do_not_make_it_stale() {
    let (workspace, tenant) = saved();
    for file in [FILE, "portcullis.yaml"] {
        let text = format!("# reviewed\n{}\n\n# the end", workspace.read(file));
        workspace.write(file, &text.replace('\n', "\r\n"));
    }
    workspace.edit(
        "portcullis.yaml",
        "version: 1\r\n",
        "version:   1 # of the format\r\n",
    );
    let mut body = tenant.shipped_body("enabled");
    body["displayName"] = json!("Somebody else's");
    tenant.create_policy(&body);
    workspace
        .run(&["apply", PLAN])
        .exits(0)
        .says("created in report-only");
    assert_eq!(tenant.named("Somebody else's").len(), 1);
    tenant.shipped();
}

#[test]
fn a_record_that_appeared_makes_it_stale() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.set_state(Some("on"));
    workspace.apply();
    tenant.advance("8d");
    workspace.add_policy("second", "Second");
    workspace.run(&["plan", "--out", PLAN]).exits(0);
    workspace.run(&["promote", KEY]).exits(0);
    stale(&workspace, &tenant, "the YAML changed");
}
