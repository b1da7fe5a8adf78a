//! What somebody else changed, who it was, and what only looks like it.

use serde_json::{Value, json};

use super::{REPORT_ONLY, applied, edit_by_hand, enforced, roll_back};
use crate::support::{FILE, KEY, NAME, Outcome, Workspace};

/// The document, of a tenant in which nobody else changed anything.
#[track_caller]
fn none(workspace: &Workspace) -> Value {
    let document = workspace.run(&["drift", "--json"]).exits(0).json();
    assert_eq!(document["drift"], json!([]), "{document:#}");
    document
}

/// The one policy that somebody else changed.
#[track_caller]
fn one(workspace: &Workspace) -> Value {
    let document = workspace.run(&["drift", "--json"]).exits(2).json();
    assert_eq!(
        document["drift"].as_array().unwrap().len(),
        1,
        "{document:#}"
    );
    document["drift"][0].clone()
}

/// A machine that never applied: the same files, and a store without a journal.
fn fresh(workspace: &Workspace) {
    std::fs::remove_dir_all(workspace.path(".portcullis/journal")).unwrap();
    std::fs::remove_dir_all(workspace.path(".portcullis/snapshots")).unwrap();
}

fn text(outcome: &Outcome) -> String {
    outcome.stdout.trim_end().to_owned()
}

#[test]
fn nobody_changed_anything() {
    let (workspace, _tenant) = applied();
    let document = none(&workspace);
    assert_eq!(document["format_version"], "1.0");
    assert_eq!(document["pending"], json!([]));
    assert_eq!(
        document["summary"],
        json!({"drift": 0, "pending": 0, "unmanaged": 3})
    );
    workspace.run(&["drift"]).exits(0).says("No drift.");
}

#[test]
fn an_edit_by_hand_is_told_with_who_and_when() {
    let (workspace, tenant) = applied();
    edit_by_hand(&tenant);
    let drifted = one(&workspace);
    assert_eq!(drifted["policy"], KEY);
    assert_eq!(drifted["kind"], "changed");
    assert_eq!(drifted["known_by"], "journal");
    assert_eq!(drifted["id"], json!(tenant.shipped_id()));
    assert_eq!(
        drifted["fields"],
        json!([
            {"path": "grant.operator", "before": null, "after": "all", "origin": "file"},
            {"path": "grant.controls", "before": ["mfa"], "after": ["compliant-device", "mfa"], "origin": "file"},
        ])
    );
    assert_eq!(
        drifted["events"],
        json!([{
            "at": "2026-11-02T08:00:02Z",
            "activity": "Update conditional access policy",
            "by": "portcullis",
            "by_kind": "application",
        }])
    );
    // Put right by the YAML, it is no drift any more.
    workspace.apply();
    none(&workspace);
}

#[test]
fn people_are_named_only_when_asked_for() {
    let (workspace, tenant) = applied();
    let id = tenant.shipped_id();
    tenant
        .person()
        .patch_policy(&id, &json!({"state": "disabled"}));
    let drifted = one(&workspace);
    assert_eq!(drifted["events"][0]["by"], Value::Null);
    assert_eq!(drifted["events"][0]["by_kind"], "person");
    let named = workspace
        .run(&["drift", "--json", "--show-people"])
        .exits(2)
        .json();
    assert_eq!(
        named["drift"][0]["events"][0]["by"],
        format!("ca.admin@{}", portcullis::sandbox::DOMAIN)
    );
}

#[test]
fn the_report_is_what_people_read() {
    let (workspace, tenant) = applied();
    workspace.add_policy("second", "Second");
    let id = tenant.shipped_id();
    let person = tenant.person();
    person.patch_policy(&id, &json!({"state": "disabled"}));
    let mut body = tenant.shipped_body(REPORT_ONLY);
    body["displayName"] = json!("Clicked together");
    person.create_policy(&body);
    let group = tenant.group("CA-Exclude-Backup-Automation");
    person.join(&group, &tenant.user("svc-reports"));
    assert_eq!(text(&workspace.run(&["drift"]).exits(2)), REPORT.trim());
}

const REPORT: &str = "
Tenant sandbox (sandbox.onmicrosoft.example, 5a4db0c5-7c0e-4d5f-9b1e-3f2a6c8d7e10) as of 2026-11-02 08:00 UTC

~ azure-management-mfa \"CA010 - Require MFA for Azure management\" was changed
    policies/azure-management-mfa.yaml:7
      state: report-only -> off
    by a person (--show-people says who) at 2026-11-02 08:00 UTC: Update conditional access policy
      members of backup-automation: + 1 (user d8492a91-54b2-5a8b-aca5-eaab54bd3ed5)
        by a person (--show-people says who) at 2026-11-02 08:00 UTC: Add member to group

Not applied yet, which is no drift:
    second (policies/second.yaml)
      it is to be created

Unmanaged, and no drift (4):
    Block legacy authentication (on), created 2026-03-02 14:05 UTC
    Clicked together (report-only), created 2026-11-02 08:00 UTC by a person (--show-people says who)
    Require MFA for administrators (on), created 2026-03-09 09:30 UTC
    Test - compliant device for guests (report-only), created 2026-06-18 11:57 UTC

Drift: 1 policy is not as it was left; 1 not applied yet, 4 unmanaged.
`portcullis plan` shows what applying the YAML would put right.
";

#[test]
fn a_deletion_is_told_with_who_did_it() {
    let (workspace, tenant) = applied();
    let id = tenant.shipped_id();
    tenant.delete_policy(&id);
    let drifted = one(&workspace);
    assert_eq!(
        (&drifted["kind"], &drifted["id"]),
        (&json!("deleted"), &json!(id))
    );
    assert_eq!(
        drifted["fields"],
        json!([{"path": "state", "before": "report-only", "after": null, "origin": "file"}])
    );
    assert_eq!(
        drifted["events"][0]["activity"],
        "Delete conditional access policy"
    );
    assert_eq!(drifted["events"][0]["by"], "portcullis");
}

#[test]
fn a_pin_that_is_gone_is_a_deletion() {
    let (workspace, tenant) = applied();
    let id = tenant.shipped_id();
    workspace.add_to_policy(&format!("id: {id}"));
    none(&workspace);
    tenant.delete_policy(&id);
    assert_eq!(one(&workspace)["kind"], "deleted");
}

#[test]
fn our_own_writes_are_no_drift() {
    let (workspace, tenant) = enforced();
    none(&workspace);
    workspace.run(&["demote", KEY]).exits(0);
    none(&workspace);
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.apply();
    none(&workspace);
    roll_back(&workspace);
    let document = none(&workspace);
    // What the rollback left behind is for the YAML to say.
    assert_eq!(
        document["pending"][0]["fields"][1]["path"], "grant.controls",
        "{document:#}"
    );
    workspace.edit_policy("controls: [mfa, compliant-device]", "controls: [mfa]");
    workspace.set_state(Some("absent"));
    workspace.apply();
    none(&workspace);
    drop(tenant);
}

#[test]
fn a_rollout_is_no_drift() {
    let (workspace, tenant) = applied();
    workspace.set_state(Some("on"));
    assert_eq!(none(&workspace)["pending"][0]["fields"][0]["path"], "state");
    workspace.set_state(Some("report-only"));
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    // Recorded, and not applied yet.
    none(&workspace);
    workspace.apply();
    none(&workspace);
}

#[test]
fn an_edit_of_the_yaml_is_pending() {
    let (workspace, _tenant) = applied();
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    workspace.add_policy("second", "Second");
    let document = none(&workspace);
    assert_eq!(document["pending"][0]["policy"], KEY);
    assert_eq!(
        document["pending"][0]["fields"][1]["after"],
        json!(["compliant-device", "mfa"])
    );
    assert_eq!(document["pending"][1]["policy"], "second");
    assert_eq!(document["pending"][1]["fields"], json!([]));
    workspace
        .run(&["drift"])
        .exits(0)
        .says("Not applied yet, which is no drift");
}

#[test]
fn both_sides_are_told_apart() {
    let (workspace, tenant) = applied();
    workspace.edit_policy(
        "name: CA010",
        &format!("renamed_from: [\"{NAME}\"]\nname: CA011"),
    );
    edit_by_hand(&tenant);
    let document = workspace.run(&["drift", "--json"]).exits(2).json();
    let paths = |rows: &Value| -> Vec<String> {
        let rows = rows["fields"].as_array().unwrap();
        rows.iter()
            .map(|row| row["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        paths(&document["drift"][0]),
        ["grant.operator", "grant.controls"]
    );
    assert_eq!(paths(&document["pending"][0]), ["name"]);
}

#[test]
fn what_somebody_made_as_the_yaml_says_by_now_is_a_note() {
    let (workspace, tenant) = applied();
    edit_by_hand(&tenant);
    workspace.edit_policy(
        "controls: [mfa]",
        "operator: all\n  controls: [mfa, compliant-device]",
    );
    let document = none(&workspace);
    assert_eq!(document["notes"][0]["code"], "as-wanted");
}

#[test]
fn turned_on_by_hand_is_drift_although_the_yaml_wants_it_on() {
    let (workspace, tenant) = applied();
    workspace.set_state(Some("on"));
    tenant.patch_policy(&tenant.shipped_id(), &json!({"state": "enabled"}));
    let drifted = one(&workspace);
    assert_eq!(
        drifted["fields"],
        json!([{"path": "state", "before": "report-only", "after": "on", "origin": "file"}])
    );
}

#[test]
fn somebody_new_in_an_excluded_group_is_drift() {
    let (workspace, tenant) = applied();
    let group = tenant.group("CA-Exclude-Backup-Automation");
    tenant.join(&group, &tenant.user("svc-reports"));
    let drifted = one(&workspace);
    assert_eq!(drifted["kind"], "members");
    assert_eq!(drifted["fields"], json!([]));
    let group = &drifted["groups"][0];
    assert_eq!(group["group"], "backup-automation");
    assert_eq!((&group["joined"], &group["left"]), (&json!(1), &json!(0)));
    // A GUID and no address.
    assert_eq!(
        group["joined_names"],
        json!([format!("user {}", tenant.user("svc-reports"))])
    );
    assert_eq!(group["events"][0]["activity"], "Add member to group");
    let named = workspace
        .run(&["drift", "--json", "--show-people"])
        .exits(2)
        .json();
    let names = &named["drift"][0]["groups"][0]["joined_names"];
    assert_eq!(
        names,
        &json!([format!("svc-reports@{}", portcullis::sandbox::DOMAIN)])
    );
}

#[test]
fn a_break_glass_address_is_never_shown() {
    let (workspace, tenant) = applied();
    let group = tenant.group("CA-Exclude-Backup-Automation");
    tenant.join(&group, &tenant.user("emergency1"));
    let shown = workspace.run(&["drift", "--show-people"]).exits(2);
    assert!(shown.stdout.contains("+ 1 (emergency-access-1)"), "{shown}");
    assert!(!shown.stdout.contains("emergency1@"), "{shown}");
}

#[test]
fn without_a_journal_the_audit_tells() {
    let (workspace, tenant) = applied();
    fresh(&workspace);
    none(&workspace);
    edit_by_hand(&tenant);
    let drifted = one(&workspace);
    assert_eq!(drifted["known_by"], "audit");
    assert_eq!(drifted["fields"][1]["before"], json!(["mfa"]));
    assert_eq!(drifted["events"][0]["at"], "2026-11-02T08:00:02Z");
}

#[test]
fn without_a_journal_an_edit_of_the_yaml_is_still_pending() {
    let (workspace, _tenant) = applied();
    fresh(&workspace);
    workspace.edit_policy("controls: [mfa]", "controls: [mfa, compliant-device]");
    assert_eq!(none(&workspace)["pending"][0]["policy"], KEY);
}

#[test]
fn without_a_journal_a_deletion_is_found_by_its_name() {
    let (workspace, tenant) = applied();
    fresh(&workspace);
    tenant.delete_policy(&tenant.shipped_id());
    let drifted = one(&workspace);
    assert_eq!(
        (&drifted["kind"], &drifted["known_by"]),
        (&json!("deleted"), &json!("audit"))
    );
}

#[test]
fn without_a_journal_what_was_lowered_after_its_promotion_is_drift() {
    let (workspace, tenant) = enforced();
    fresh(&workspace);
    none(&workspace);
    tenant.patch_policy(&tenant.shipped_id(), &json!({"state": REPORT_ONLY}));
    let drifted = one(&workspace);
    assert_eq!(
        drifted["fields"],
        json!([{"path": "state", "before": "on", "after": "report-only", "origin": "file"}])
    );
}

#[test]
fn unmanaged_policies_are_listed_with_who_created_them() {
    let (workspace, tenant) = applied();
    let mut body = tenant.shipped_body(REPORT_ONLY);
    body["displayName"] = json!("Clicked together");
    tenant.create_policy(&body);
    workspace.add_policy("second", "Second");
    workspace.apply();
    std::fs::remove_file(workspace.path("policies/second.yaml")).unwrap();
    let document = none(&workspace);
    let unmanaged = document["unmanaged"].as_array().unwrap();
    assert_eq!(unmanaged.len(), 5);
    let named = |name: &str| {
        unmanaged
            .iter()
            .find(|policy| policy["name"] == name)
            .unwrap()
    };
    let clicked = named("Clicked together");
    assert_eq!(clicked["created_by"], "portcullis");
    assert_eq!(clicked["created_at"], "2026-11-02T08:00:02Z");
    assert_eq!(clicked["ours"], false);
    assert_eq!(named("Second")["ours"], true);
}

#[test]
fn it_reads_politely_and_writes_nothing() {
    let (workspace, tenant) = applied();
    let before = tenant.everything();
    tenant.forget_requests();
    none(&workspace);
    let audits = tenant.requests();
    let audits = audits
        .iter()
        .filter(|(_, path)| path.contains("auditLogs"))
        .count();
    // One collection for all policies, and no group that is as we know it.
    assert_eq!(audits, 1);
    assert_eq!(tenant.everything(), before);
}

#[test]
fn a_workspace_that_cannot_be_used_is_an_error_and_no_finding() {
    let (workspace, _tenant) = applied();
    workspace.edit_policy("state: report-only", "state: true");
    workspace.run(&["drift"]).exits(1);
    assert!(workspace.read(FILE).contains("state: true"));
}
