//! The rules that never break, as far as the main job meets them.

use serde_json::{Value, json};

use crate::support::{KEY, SIGN_IN, Served, Wire, Workspace, change_of};

const WEAKEN: &str =
    "weaken: {reason: flooded, owner: identity@contoso.example, until: 2026-12-31}";

/// A workspace and a tenant with a wire between them; the live policy is pinned.
fn wired(state: &str) -> (Workspace, Served, Wire, String) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.create_policy(&tenant.shipped_body(state));
    workspace.add_to_policy(&format!("id: {id}"));
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    (workspace, tenant, wire, id)
}

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_edit_sends_only_the_block_that_changes_and_the_whole_of_it() {
    let (workspace, tenant, wire, id) = wired("enabledForReportingButNotEnforced");
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    let writes = wire.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].method, "PATCH");
    assert!(writes[0].path.ends_with(&id));
    let sent = body(&writes[0].body);
    assert_eq!(
        sent.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["conditions"],
        "{sent:#}"
    );
    let users = &sent["conditions"]["users"];
    assert_eq!(users["includeUsers"], json!(["All"]));
    assert_eq!(users["excludeUsers"].as_array().unwrap().len(), 2);
    assert_eq!(users["excludeGroups"], json!([]));
    // What was not sent is what it was.
    let live = tenant.shipped();
    assert_eq!(live["state"], "enabledForReportingButNotEnforced");
    assert_eq!(live["grantControls"]["builtInControls"], json!(["mfa"]));
}

#[test]
fn a_lowering_goes_first_and_alone() {
    let (workspace, tenant, wire, _) = wired("enabled");
    workspace.add_to_policy(WEAKEN);
    workspace.edit_policy("exclude: [backup-automation]", "exclude: []");
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    let writes = wire.writes();
    assert_eq!(writes.len(), 2, "{writes:#?}");
    assert_eq!(
        writes[0].body,
        r#"{"state":"enabledForReportingButNotEnforced"}"#
    );
    let second = body(&writes[1].body);
    assert!(second.get("state").is_none(), "{second:#}");
    let live = tenant.shipped();
    assert_eq!(live["state"], "enabledForReportingButNotEnforced");
    assert_eq!(live["conditions"]["users"]["excludeGroups"], json!([]));
}

#[test]
fn a_creation_is_never_sent_enabled() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace.set_state(Some("on"));
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    let writes = wire.writes();
    assert_eq!(writes.len(), 1);
    let sent = body(&writes[0].body);
    assert_eq!(sent["state"], "enabledForReportingButNotEnforced");
}

#[test]
fn break_glass_that_is_excluded_through_a_group_is_not_injected_again() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let inner = tenant.create_group(
        "Emergency-Inner",
        &[&tenant.user("emergency1"), &tenant.user("emergency2")],
    );
    tenant.create_group("Emergency-Accounts", &[&inner]);
    workspace.edit_policy(
        "exclude: [backup-automation]",
        "exclude: [{group: Emergency-Accounts, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}]",
    );
    let change = workspace.change();
    assert!(
        !change.to_string().contains("\"implied\""),
        "nothing is implied: {change:#}"
    );
    workspace.apply();
    let users = tenant.shipped()["conditions"]["users"].clone();
    assert_eq!(users["excludeUsers"], json!([]));
    assert_eq!(
        users["excludeGroups"],
        json!([tenant.group("Emergency-Accounts")])
    );
    // One of them leaves the group: it is excluded by itself, at once.
    let emergency = tenant.user("emergency1");
    tenant.delete(&format!("/v1.0/groups/{inner}/members/{emergency}/$ref"));
    workspace.apply();
    assert_eq!(
        tenant.shipped()["conditions"]["users"]["excludeUsers"],
        json!([emergency])
    );
}

#[test]
fn break_glass_is_implied_only_where_a_policy_could_reach_it() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let with = |key: &str, include: &str| {
        let file = workspace.add_policy(key, key);
        workspace.edit(&file, "include: [all]", &format!("include: [{include}]"));
    };
    with("group", "{group: Azure-Pilot}");
    with("role", "{role: Security Reader}");
    with("user", "{user: linh.tran@sandbox.onmicrosoft.example}");
    with("administrators", "{role: Global Administrator}");
    let plan = workspace.plan();
    let implied = |key: &str| change_of(&plan, key).to_string().contains("\"implied\"");
    assert!(implied(KEY));
    assert!(
        implied("role"),
        "an included role always counts as reaching"
    );
    assert!(implied("administrators"));
    assert!(!implied("group"), "none of them is a member");
    assert!(!implied("user"));
    workspace.apply();
    // In a group whose members hold one of them it could.
    tenant.join(&tenant.group("Azure-Pilot"), &tenant.user("emergency1"));
    let change = change_of(&workspace.plan(), "group");
    assert_eq!(change["action"], "update", "{change:#}");
    assert_eq!(change["fields"][0]["origin"], "implied");
    assert_eq!(change["fields"][0]["after"], json!(["emergency-access-1"]));
}

#[test]
fn a_policy_about_the_emergency_accounts_says_so() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.add_to_policy(
        "break_glass: {mode: require, reason: they use FIDO2 keys, owner: identity@contoso.example}",
    );
    workspace.apply();
    assert_eq!(
        tenant.shipped()["conditions"]["users"]["excludeUsers"],
        json!([])
    );
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    assert_eq!(workspace.change()["action"], "promote");
}

#[test]
fn an_id_that_the_live_policy_holds_and_that_is_gone_is_shown_and_kept() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let leaver = tenant.user("bao.nguyen");
    workspace.edit_policy(
        "exclude: [backup-automation]",
        &format!("exclude: [backup-automation, {{user: {leaver}, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}}]"),
    );
    workspace.apply();
    tenant.delete(&format!("/v1.0/users/{leaver}"));
    let plan = workspace.plan();
    assert_eq!(plan["changes"][0]["action"], "none", "{plan:#}");
    assert_eq!(plan["notes"][0]["code"], "dangling");
    assert!(
        plan["notes"][0]["message"]
            .as_str()
            .unwrap()
            .contains(&leaver)
    );
    workspace.apply();
    let excluded = tenant.shipped()["conditions"]["users"]["excludeUsers"].clone();
    assert!(excluded.as_array().unwrap().contains(&json!(leaver)));
}

#[test]
fn a_policy_of_microsoft_takes_state_and_exclusions_only() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.add_to_policy("owner: microsoft");
    let plan = workspace.refused_plan();
    assert_eq!(plan["refusals"][0]["guard"], "microsoft-managed");
    let mut body = tenant.shipped_body("enabledForReportingButNotEnforced");
    body["grantControls"]["builtInControls"] = json!(["compliantDevice"]);
    body["conditions"]["users"]["excludeGroups"] = json!([]);
    tenant.create_policy(&body);
    let change = workspace.change();
    assert_eq!(change["action"], "update");
    let paths: Vec<_> = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["path"])
        .collect();
    assert_eq!(paths, ["users.exclude"]);
    workspace.apply();
    let live = tenant.shipped();
    assert_eq!(
        live["grantControls"]["builtInControls"],
        json!(["compliantDevice"])
    );
    assert_eq!(
        live["conditions"]["users"]["excludeGroups"],
        json!([tenant.group("CA-Exclude-Backup-Automation")])
    );
}

#[test]
fn pages_make_no_difference() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for key in ["alpha", "bravo", "charlie"] {
        workspace.add_policy(key, key);
    }
    workspace.apply();
    let whole = workspace.plan();
    tenant.set("page_size", &json!(1));
    tenant.forget_requests();
    let paged = workspace.plan();
    let lists = tenant
        .requests()
        .iter()
        .filter(|(_, path)| path == "/v1.0/identity/conditionalAccess/policies")
        .count();
    assert_eq!(lists, 7, "it was in pages");
    assert_eq!(paged, whole);
}

#[test]
fn a_snapshot_is_kept_before_the_first_write_of_every_run() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let snapshots = || {
        let stored = workspace.stored();
        let of = |name: &&String| name.starts_with(".portcullis/snapshots/");
        let names: Vec<_> = stored.keys().filter(of).cloned().collect();
        names
            .iter()
            .map(|name| serde_json::from_str::<Value>(&stored[name]).unwrap())
            .collect::<Vec<_>>()
    };
    workspace.apply();
    let first = snapshots();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["policies"].as_array().unwrap().len(), 3);
    // A run that writes nothing keeps nothing.
    workspace.apply();
    assert_eq!(snapshots().len(), 1);
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    workspace.apply();
    let second = snapshots();
    assert_eq!(second.len(), 2);
    assert_eq!(second[1]["policies"].as_array().unwrap().len(), 4);
    assert_eq!(second[1]["taken_at"], "2026-11-10T08:00:01Z");
}

#[test]
fn the_store_can_be_elsewhere() {
    let workspace = Workspace::new();
    workspace
        .run(&["apply", "--auto-approve", "--store", "elsewhere"])
        .exits(0);
    assert!(!workspace.exists(".portcullis"));
    for kept in ["lock", "sandbox/events.jsonl", "journal", "snapshots"] {
        assert!(workspace.exists(&format!("elsewhere/{kept}")), "{kept}");
    }
    let plan = workspace
        .run(&["plan", "--json", "--store", "elsewhere"])
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["unchanged"], 1);
}
