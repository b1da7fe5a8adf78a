//! Rule 1 on the way back: what was on is on again only after its key was typed.

use serde_json::json;

use super::{REPORT_ONLY, enforced, gates, modelled, only_change, planned, roll_back};
use crate::support::{KEY, Served, Workspace};

/// An enforced policy that an apply then lowered.
fn lowered() -> (Workspace, Served) {
    let (workspace, tenant) = enforced();
    workspace.set_state(Some("report-only"));
    workspace.add_to_policy(
        "weaken: {reason: the help desk is flooded, owner: identity-team@contoso.example, until: 2027-01-01}",
    );
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    (workspace, tenant)
}

#[test]
fn a_promotion_is_undone_to_report_only() {
    let (workspace, tenant) = enforced();
    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "demote");
    roll_back(&workspace);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn what_was_on_stays_report_only_until_its_key_is_named() {
    let (workspace, tenant) = lowered();
    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "none");
    assert_eq!(gates(&change), ["restore-enforced"]);
    assert!(
        change["held"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("rollback --restore-enforced azure-management-mfa"),
        "{change:#}"
    );
    roll_back(&workspace);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn named_it_is_enforced_after_the_key_is_typed_again() {
    let (workspace, tenant) = lowered();
    let command = ["rollback", "--restore-enforced", KEY];
    workspace
        .run_with(&command, &[], "yes\nyes\n")
        .exits(1)
        .says("the answer was not \"azure-management-mfa\"");
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    tenant.forget_requests();
    workspace
        .run_with(&command, &[], &format!("{KEY}\nyes\n"))
        .exits(0)
        .says("turned on again");
    assert_eq!(tenant.shipped()["state"], "enabled");
    // One PATCH, of the state alone.
    assert_eq!(tenant.writes().len(), 1);
}

#[test]
fn what_somebody_else_changed_since_comes_back_report_only_all_the_same() {
    let (workspace, tenant) = lowered();
    super::edit_by_hand(&tenant);
    let change = only_change(&planned(&workspace, &["--restore-enforced", KEY]));
    assert_eq!(change["action"], "update");
    assert_eq!(change["to_state"], "report-only");
    assert_eq!(gates(&change), ["restore-enforced"]);
    assert!(
        change["held"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("somebody else changed it"),
        "{change:#}"
    );
}

#[test]
fn an_unknown_key_is_an_error() {
    let (workspace, _tenant) = lowered();
    workspace
        .run(&["rollback", "--restore-enforced", "nobody", "--auto-approve"])
        .exits(1)
        .says("no policy nobody");
}

/// An enforced policy of which an apply took a requirement away.
fn weakened() -> (Workspace, Served) {
    let (workspace, tenant) = enforced();
    workspace.edit_policy(
        "controls: [mfa]",
        "controls: [mfa, compliant-device]\n  operator: any",
    );
    workspace.apply();
    assert_eq!(
        tenant.shipped()["grantControls"]["builtInControls"],
        json!(["mfa", "compliantDevice"])
    );
    (workspace, tenant)
}

#[test]
fn an_enforced_policy_is_not_made_stricter_unseen() {
    let (workspace, tenant) = weakened();
    let before = modelled(&tenant);
    let change = only_change(&planned(&workspace, &[]));
    assert_eq!(change["action"], "none");
    assert_eq!(change["effect"], "strengthens");
    assert_eq!(gates(&change), ["restore-enforced"]);
    roll_back(&workspace);
    assert_eq!(modelled(&tenant), before);

    workspace
        .run(&["rollback", "--restore-enforced", KEY, "--auto-approve"])
        .exits(0);
    let live = tenant.shipped();
    assert_eq!(live["grantControls"]["builtInControls"], json!(["mfa"]));
    assert_eq!(live["state"], "enabled");
}

/// An enforced policy that an apply renamed and that somebody then deleted while it was on.
fn deleted_by_somebody() -> (Workspace, Served, String) {
    let (workspace, tenant) = weakened();
    // So that it is back to what the snapshot shows, but for its id.
    workspace.edit_policy(
        "controls: [mfa, compliant-device]\n  operator: any",
        "controls: [mfa]",
    );
    workspace.add_to_policy(
        "rollout: {in_place: {reason: undone, owner: identity-team@contoso.example}}",
    );
    workspace.apply();
    let id = tenant.shipped_id();
    tenant.delete_policy(&id);
    (workspace, tenant, id)
}

/// The snapshot before the first of the last two applies: the policy was on as it is in the bin.
fn before_both(workspace: &Workspace) -> String {
    let list = workspace
        .run(&["rollback", "--list", "--json"])
        .exits(0)
        .json();
    list["snapshots"][1]["file"].as_str().unwrap().to_owned()
}

#[test]
fn what_somebody_deleted_while_it_was_on_is_created_anew_in_report_only() {
    let (workspace, tenant, id) = deleted_by_somebody();
    let file = before_both(&workspace);
    let change = only_change(&planned(&workspace, &[&file]));
    assert_eq!(
        (&change["action"], &change["to_state"]),
        (&json!("create"), &json!("report-only"))
    );
    assert_eq!(change["id"], json!(null));
    assert_eq!(gates(&change), ["restore-enforced"]);
    assert!(
        change["notes"]
            .to_string()
            .contains("lies in the recycle bin enforced"),
        "{change:#}"
    );
    workspace
        .run(&["rollback", "--auto-approve", &file])
        .exits(0);
    assert_ne!(tenant.shipped_id(), id);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn with_its_key_it_comes_out_of_the_bin_enforced() {
    let (workspace, tenant, id) = deleted_by_somebody();
    let file = before_both(&workspace);
    let change = only_change(&planned(&workspace, &["--restore-enforced", KEY, &file]));
    assert_eq!(
        (&change["action"], &change["to_state"]),
        (&json!("restore"), &json!("on"))
    );
    assert_eq!(change["id"], json!(id));
    workspace.run(&["apply", "back.json"]).exits(0);
    assert_eq!(tenant.shipped_id(), id);
    assert_eq!(tenant.shipped()["state"], "enabled");
}
