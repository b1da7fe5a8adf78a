//! Which live policy a file means, and what is deleted.

use serde_json::{Value, json};

use crate::support::{FILE, KEY, NAME, Workspace, change_of};

fn refusal(plan: &Value) -> &Value {
    assert_eq!(plan["refusals"].as_array().unwrap().len(), 1, "{plan:#}");
    &plan["refusals"][0]
}

#[test]
fn a_pin_that_is_gone_is_refused_with_who_deleted_it_and_both_ways_on() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let id = tenant.shipped_id();
    workspace.add_to_policy(&format!("id: {id}"));
    tenant.delete_policy(&id);
    let before = tenant.everything();
    let plan = workspace.refused_plan();
    let gone = refusal(&plan);
    assert_eq!(gone["guard"], "pin-gone");
    let message = gone["message"].as_str().unwrap();
    assert!(message.contains(&id), "{message}");
    assert!(
        message.contains("portcullis deleted it at 2026-11-02T08:00:02Z"),
        "{message}"
    );
    let help = gone["help"].as_str().unwrap();
    assert!(help.contains("restore it from the bin"), "{help}");
    assert!(help.contains(&format!("take `id: {id}` out")), "{help}");
    let line = gone["source"]["line"].as_u64().unwrap() as usize;
    assert_eq!(
        workspace.read(FILE).lines().nth(line - 1),
        Some(format!("id: {id}").as_str())
    );
    workspace.run(&["apply", "--auto-approve"]).exits(3);
    assert_eq!(tenant.everything(), before);
    // Both ways on.
    workspace.edit_policy(&format!("id: {id}"), "");
    assert_eq!(workspace.change()["action"], "create");
}

#[test]
fn the_pin_of_a_record_that_is_gone_is_refused_too() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    tenant.delete_policy(&tenant.shipped_id());
    let plan = workspace.refused_plan();
    assert_eq!(refusal(&plan)["guard"], "pin-gone");
    assert_eq!(refusal(&plan)["source"]["file"], crate::support::RECORD);
}

#[test]
fn a_pin_finds_the_policy_whatever_its_name() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut body = tenant.shipped_body("enabledForReportingButNotEnforced");
    body["displayName"] = json!("Renamed in the portal");
    let id = tenant.create_policy(&body);
    workspace.add_to_policy(&format!("id: {id}"));
    let change = workspace.change();
    assert_eq!(change["id"], json!(id));
    assert_eq!(
        change["fields"],
        json!([{"path": "name", "before": "Renamed in the portal", "after": NAME, "origin": "file"}])
    );
    workspace.apply();
    assert_eq!(tenant.shipped_id(), id);
}

#[test]
fn renamed_from_finds_the_policy_by_its_earlier_name() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let id = tenant.shipped_id();
    workspace.edit_policy(&format!("name: {NAME}"), "name: CA011 - Another name");
    assert_eq!(workspace.plan()["summary"]["create"], 1);
    workspace.add_to_policy(&format!("renamed_from: [{NAME}]"));
    let change = workspace.change();
    assert_eq!(change["action"], "update");
    assert_eq!(change["id"], json!(id));
    workspace.apply();
    assert_eq!(tenant.named("CA011 - Another name")[0]["id"], json!(id));
    assert_eq!(tenant.policies().len(), 4);
    assert_eq!(workspace.change()["action"], "none");
}

#[test]
fn an_enforced_policy_that_differs_is_adopted_only_by_its_id() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut body = tenant.shipped_body("enabled");
    body["conditions"]["users"]["excludeGroups"] = json!([]);
    let id = tenant.create_policy(&body);
    workspace.set_state(Some("on"));
    let before = tenant.everything();
    let plan = workspace.refused_plan();
    let adopt = refusal(&plan);
    assert_eq!(adopt["guard"], "adopt");
    let line = adopt["source"]["line"].as_u64().unwrap() as usize;
    assert_eq!(
        workspace.read(FILE).lines().nth(line - 1),
        Some(format!("name: {NAME}").as_str())
    );
    let help = adopt["help"].as_str().unwrap();
    assert!(help.contains(&format!("`id: {id}`")), "{help}");
    workspace.run(&["apply", "--auto-approve"]).exits(3);
    assert_eq!(tenant.everything(), before);
    // With the line that it names the policy is adopted.
    workspace.add_to_policy(&format!("id: {id}"));
    assert_eq!(workspace.change()["action"], "update");
    workspace.apply();
    assert_eq!(
        tenant.shipped()["conditions"]["users"]["excludeGroups"],
        json!([tenant.group("CA-Exclude-Backup-Automation")])
    );
    assert_eq!(tenant.shipped()["state"], "enabled");
}

#[test]
fn an_enforced_policy_that_is_equal_needs_no_pin() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace.set_state(Some("on"));
    assert_eq!(workspace.change()["action"], "none");
}

#[test]
fn two_files_that_mean_one_live_policy_are_refused() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let id = tenant.shipped_id();
    let file = workspace.add_policy("second", "Second");
    let text = workspace.read(&file);
    workspace.write(&file, &format!("{text}\nid: {id}\n"));
    let plan = workspace.refused_plan();
    assert_eq!(refusal(&plan)["guard"], "ambiguous-policy");
}

#[test]
fn a_delete_lowers_first_verifies_and_then_deletes() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let id = tenant.shipped_id();
    workspace.set_state(Some("absent"));
    tenant.forget_requests();
    workspace.apply().says("deleted");
    let path = format!("/v1.0/identity/conditionalAccess/policies/{id}");
    assert_eq!(
        tenant.writes(),
        [
            ("PATCH".to_owned(), path.clone()),
            ("DELETE".to_owned(), path.clone())
        ]
    );
    let requests = tenant.requests();
    let at = |method: &str| requests.iter().position(|(m, _)| m == method).unwrap();
    let reads = requests[at("PATCH")..at("DELETE")]
        .iter()
        .filter(|(method, path)| method == "GET" && path.contains("/policies"))
        .count();
    assert!(reads >= 2, "verified in between: {requests:#?}");
    // What is in the bin does nothing when it is restored.
    let bin = tenant.get("/v1.0/identity/conditionalAccess/deletedItems/policies");
    assert_eq!(bin["value"][0]["id"], json!(id));
    assert_eq!(bin["value"][0]["state"], "disabled");
    assert_eq!(workspace.change()["action"], "none");
}

#[test]
fn one_run_deletes_one_policy_unless_it_is_told_otherwise() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for key in ["second", "third"] {
        workspace.add_policy(key, key);
    }
    workspace.apply();
    for file in ["policies/second.yaml", "policies/third.yaml"] {
        workspace.edit(file, "state: report-only ", "state: absent ");
    }
    let before = tenant.everything();
    let plan = workspace.refused_plan();
    assert_eq!(refusal(&plan)["guard"], "max-deletes");
    assert_eq!(plan["summary"]["delete"], 2);
    workspace.run(&["apply", "--auto-approve"]).exits(3);
    assert_eq!(tenant.everything(), before);
    // One at a time, or as many as were allowed.
    let one = ["apply", "--auto-approve", "--policy", "second"];
    workspace.run(&one).exits(0);
    assert_eq!(tenant.policies().len(), 5);
    workspace.edit("policies/second.yaml", "state: absent ", "state: off ");
    workspace.apply();
    workspace.edit("policies/second.yaml", "state: off ", "state: absent ");
    workspace
        .run(&["apply", "--auto-approve", "--max-deletes", "2"])
        .exits(0);
    assert_eq!(tenant.policies().len(), 4);
}

#[test]
fn policy_limits_the_run_to_the_keys_that_match() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for key in ["azure-portal", "guests"] {
        workspace.add_policy(key, key);
    }
    let plan = workspace
        .run(&["plan", "--json", "--policy", "azure-*"])
        .exits(0)
        .json();
    let keys: Vec<_> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["policy"].as_str().unwrap())
        .collect();
    assert_eq!(keys, [KEY, "azure-portal"]);
    workspace
        .run(&["apply", "--auto-approve", "--policy", "azure-*"])
        .exits(0);
    assert_eq!(tenant.policies().len(), 5);
    assert!(tenant.named("guests").is_empty());
    // What is managed and was not selected is nobody else's.
    workspace.apply();
    let plan = workspace
        .run(&["plan", "--json", "--policy", "guests"])
        .exits(0)
        .json();
    assert_eq!(change_of(&plan, "guests")["action"], "none");
    assert_eq!(plan["summary"]["unmanaged"], 3);
    // A defect of what was not selected does not stop it.
    workspace.edit("policies/guests.yaml", "exclude: [backup-automation]", "exclude: [{group: No-Such, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}]");
    workspace.refused_plan();
    workspace.run(&["plan", "--policy", "azure-*"]).exits(0);
}
