//! What becomes of a policy that an apply created, changed or deleted.

use serde_json::{Value, json};

use super::{REPORT_ONLY, applied, edit_by_hand, modelled, only_change, planned, roll_back};
use crate::support::{FILE, KEY, NAME, Workspace};

#[test]
fn what_an_apply_created_is_lowered_and_deleted() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let before = modelled(&tenant);
    for number in 0..3 {
        workspace.add_policy(&format!("more-{number}"), &format!("More {number}"));
    }
    workspace.apply();
    tenant.forget_requests();
    // Four deletes, and no --max-deletes: they do not count.
    roll_back(&workspace).says("4 changes");
    assert_eq!(modelled(&tenant), before);
    let verbs: Vec<String> = tenant.writes().into_iter().map(|(verb, _)| verb).collect();
    assert_eq!(verbs, ["PATCH", "DELETE"].repeat(4));
    let bin = tenant.get("/v1.0/identity/conditionalAccess/deletedItems/policies");
    for policy in bin["value"].as_array().unwrap() {
        assert_eq!(policy["state"], "disabled");
    }
}

#[test]
fn what_an_apply_changed_is_changed_back() {
    let (workspace, tenant) = applied();
    let before = modelled(&tenant);
    workspace.edit_policy("name: CA010 - Require", "name: CA011 - Demand");
    workspace.add_to_policy(&format!("renamed_from: [{NAME}]"));
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();
    assert_ne!(modelled(&tenant), before);

    let plan = planned(&workspace, &[]);
    let change = only_change(&plan);
    assert_eq!(change["action"], "update");
    assert_eq!(change["fields"][0]["path"], "name");
    assert_eq!(plan["back_to"]["taken_at"], "2026-11-02T08:00:01Z");
    // What to do about the YAML stands in the plan.
    let note = &plan["notes"][0];
    assert_eq!(note["code"], "yaml-afterwards");
    assert!(note["message"].as_str().unwrap().contains(FILE), "{note}");

    // The saved plan is applied like any other.
    workspace.run(&["apply", "back.json"]).exits(0);
    assert_eq!(modelled(&tenant), before);
    workspace.run(&["apply", "back.json"]).exits(4);
}

#[test]
fn what_an_apply_deleted_comes_out_of_the_bin() {
    let (workspace, tenant) = applied();
    let id = tenant.shipped_id();
    let before = modelled(&tenant);
    workspace.set_state(Some("absent"));
    workspace.apply();
    assert_eq!(tenant.policies().len(), 3);

    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "create");
    assert_eq!(change["id"], json!(id));
    assert_eq!(change["to_state"], "report-only");
    roll_back(&workspace).says("restored from the recycle bin, report-only");
    assert_eq!(modelled(&tenant), before);
    assert_eq!(tenant.shipped_id(), id);
}

#[test]
fn a_policy_that_a_new_name_created_is_deleted_and_the_old_one_stays() {
    let (workspace, tenant) = applied();
    let before = modelled(&tenant);
    workspace.edit_policy("name: CA010 - Require", "name: CA011 - Demand");
    workspace.apply();
    assert_eq!(tenant.policies().len(), 5);
    roll_back(&workspace);
    assert_eq!(modelled(&tenant), before);
}

#[test]
fn what_was_deleted_and_created_again_is_the_first_one_again() {
    let (workspace, tenant) = applied();
    let (first, before) = (tenant.shipped_id(), modelled(&tenant));
    workspace.set_state(Some("absent"));
    workspace.apply();
    let list = workspace
        .run(&["rollback", "--list", "--json"])
        .exits(0)
        .json();
    let file = list["snapshots"][0]["file"].as_str().unwrap().to_owned();
    workspace.set_state(Some("report-only"));
    workspace.apply();
    assert_ne!(tenant.shipped_id(), first);
    workspace
        .run(&["rollback", "--auto-approve", &file])
        .exits(0);
    assert_eq!(modelled(&tenant), before);
}

#[test]
fn a_rollback_is_an_apply_and_can_be_rolled_back() {
    let (workspace, tenant) = applied();
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();
    let after = modelled(&tenant);
    roll_back(&workspace);
    assert_ne!(modelled(&tenant), after);
    roll_back(&workspace);
    assert_eq!(modelled(&tenant), after);
}

#[test]
fn an_older_snapshot_undoes_every_apply_since() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let before = modelled(&tenant);
    workspace.apply();
    workspace.add_policy("second", "Second");
    workspace.apply();
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();

    let list = workspace
        .run(&["rollback", "--list", "--json"])
        .exits(0)
        .json();
    let snapshots = list["snapshots"].as_array().unwrap();
    let applied: Vec<&Value> = snapshots.iter().map(|kept| &kept["applied"]).collect();
    assert_eq!(applied, [&json!([KEY]), &json!(["second"]), &json!([KEY])]);
    let shown = workspace.run(&["rollback", "--list"]).exits(0);
    assert!(shown.stdout.contains("then applied: second"), "{shown}");

    let oldest = snapshots[2]["file"].as_str().unwrap();
    workspace
        .run(&["rollback", "--auto-approve", oldest])
        .exits(0);
    assert_eq!(modelled(&tenant), before);
}

#[test]
fn policies_that_no_apply_changed_are_left_as_they_are() {
    let (workspace, tenant) = applied();
    workspace.add_policy("second", "Second");
    workspace.apply();
    // Somebody else edits one that only an earlier apply wrote, and one that nobody here manages.
    edit_by_hand(&tenant);
    let other = tenant.named("Block legacy authentication").remove(0);
    tenant.patch_policy(
        other["id"].as_str().unwrap(),
        &json!({"state": REPORT_ONLY}),
    );
    let mut expected = modelled(&tenant);
    expected.retain(|policy| policy["displayName"] != "Second");
    roll_back(&workspace);
    assert_eq!(modelled(&tenant), expected);
}

#[test]
fn somebody_elses_edit_since_then_is_taken_back_too_and_the_plan_says_so() {
    let (workspace, tenant) = applied();
    let before = modelled(&tenant);
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();
    tenant.patch_policy(
        &tenant.shipped_id(),
        &json!({"grantControls": {"operator": "OR", "builtInControls": ["block"]}}),
    );
    let change = only_change(&planned(&workspace, &[]));
    assert!(
        change["notes"]
            .to_string()
            .contains("somebody else changed it since our last write"),
        "{change:#}"
    );
    roll_back(&workspace);
    assert_eq!(modelled(&tenant), before);
}

#[test]
fn break_glass_is_excluded_on_the_way_back_too() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    // What was there before excluded nobody.
    let mut body = tenant.shipped_body(REPORT_ONLY);
    body["conditions"]["users"]["excludeUsers"] = json!([]);
    tenant.create_policy(&body);
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();
    roll_back(&workspace);
    let live = tenant.shipped();
    assert_eq!(live["grantControls"]["builtInControls"], json!(["mfa"]));
    let excluded = live["conditions"]["users"]["excludeUsers"]
        .as_array()
        .unwrap();
    assert_eq!(excluded.len(), 2, "{live:#}");
}

#[test]
fn what_is_not_in_the_bin_any_more_is_created_anew() {
    let (workspace, tenant) = applied();
    let id = tenant.shipped_id();
    workspace.set_state(Some("absent"));
    workspace.apply();
    tenant.delete(&format!(
        "/v1.0/identity/conditionalAccess/deletedItems/policies/{id}"
    ));
    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "create");
    assert_eq!(change["id"], Value::Null);
    assert!(
        change["notes"]
            .to_string()
            .contains("not in the recycle bin any more"),
        "{change:#}"
    );
    roll_back(&workspace);
    assert_ne!(tenant.shipped_id(), id);
}

#[test]
fn without_an_apply_there_is_nothing_to_undo() {
    let workspace = Workspace::new();
    workspace
        .run(&["rollback", "--auto-approve"])
        .exits(1)
        .says("knows of no apply that could be undone")
        .says("rollback --list");
    workspace
        .run(&["rollback", "--list"])
        .exits(0)
        .says("There is no snapshot yet");
}

#[test]
fn a_snapshot_of_another_tenant_is_refused() {
    let (workspace, tenant) = applied();
    let before = tenant.everything();
    workspace.run(&["snapshot", "now.json"]).exits(0);
    workspace.edit(
        "now.json",
        portcullis::sandbox::TENANT_ID,
        "00000000-0000-4000-8000-000000000001",
    );
    workspace
        .run(&["rollback", "--auto-approve", "now.json"])
        .exits(3)
        .says("another-tenant");
    assert_eq!(tenant.everything(), before);
}

#[test]
fn nobody_answers_and_nothing_is_written() {
    let (workspace, tenant) = applied();
    let before = tenant.everything();
    workspace
        .run(&["rollback"])
        .exits(1)
        .says("the answer was not \"yes\"");
    assert_eq!(tenant.everything(), before);
    workspace.run_with(&["rollback"], &[], "yes\n").exits(0);
    assert_eq!(tenant.policies().len(), 3);
}

#[test]
fn the_plan_is_what_people_read() {
    let (workspace, _tenant) = applied();
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.add_policy("second", "Second");
    workspace.apply();
    let shown = workspace.run(&["rollback", "--out", "back.json"]).exits(0);
    let text: Vec<&str> = shown
        .stdout
        .lines()
        .map(|line| match line.split_once(" (.portcullis/snapshots") {
            Some((line, _)) => line,
            None => line,
        })
        .collect();
    assert_eq!(text.join("\n"), PLAN.trim());
}

const PLAN: &str = "
Tenant sandbox (sandbox.onmicrosoft.example, 5a4db0c5-7c0e-4d5f-9b1e-3f2a6c8d7e10) as of 2026-11-02 08:00 UTC
Rollback to the state of 2026-11-02 08:00 UTC

+ create   ~ change   - delete   ▲ turn on   ▼ lower   ‖ held

~ azure-management-mfa \"CA010 - Require MFA for Azure management\" will be changed; it stays report-only
    policies/azure-management-mfa.yaml:7
      grant.operator: - any
      grant.controls: - compliant-device
    Effect: stricter for somebody, weaker for nobody.
    note: the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure

- second \"Second\" will be deleted
    policies/second.yaml:7
      state: - report-only
    Effect: nobody is asked for anything; the policy does not enforce.
    note: an apply created it since; it was not there then
    note: it stays in the recycle bin for 30 days where the cloud has one

note: make policies/azure-management-mfa.yaml, policies/second.yaml say the same afterwards (`git revert` the commit that was applied): the next plan goes by the YAML again

Plan: 0 to create (report-only), 1 to change, 0 to promote, 1 to delete; 0 held; every other policy is left exactly as it is.
";

#[test]
fn a_cloud_without_a_bin_says_so_before_it_creates_anew() {
    let workspace = Workspace::new();
    workspace
        .run(&["sandbox", "reset", "--cloud", "us-gov"])
        .exits(0);
    // The application that the alias stands for is another one there.
    workspace.edit_policy("include: [azure-management] ", "include: [all] ");
    workspace.apply();
    workspace.set_state(Some("absent"));
    workspace.apply();
    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "create");
    assert_eq!(change["id"], Value::Null);
    assert!(
        change["notes"]
            .to_string()
            .contains("this cloud has no recycle bin"),
        "{change:#}"
    );
    roll_back(&workspace);
    assert_eq!(workspace.serve().shipped()["state"], REPORT_ONLY);
}
