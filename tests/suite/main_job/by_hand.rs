//! What somebody clicks in the portal, and what becomes of it.

use serde_json::{Value, json};

use crate::support::{Served, Workspace};

/// Adds the members of Azure-Pilot to the exclusions by hand, the way the portal does.
fn exclude_by_hand(tenant: &Served) {
    let live = tenant.shipped();
    let users = &live["conditions"]["users"];
    let mut groups = users["excludeGroups"].as_array().unwrap().clone();
    groups.push(json!(tenant.group("Azure-Pilot")));
    let edited = json!({"conditions": {"users": {
        "includeUsers": users["includeUsers"],
        "excludeUsers": users["excludeUsers"],
        "excludeGroups": groups,
    }}});
    tenant.patch_policy(live["id"].as_str().unwrap(), &edited);
}

fn excluded_groups(tenant: &Served) -> Value {
    tenant.shipped()["conditions"]["users"]["excludeGroups"].clone()
}

/// The policies that nobody manages here, to the byte.
fn others(tenant: &Served) -> Vec<String> {
    let mut policies = tenant.policies();
    policies.retain(|policy| policy["displayName"] != crate::support::NAME);
    assert_eq!(policies.len(), 3);
    policies.iter().map(ToString::to_string).collect()
}

#[test]
fn an_exclusion_on_a_report_only_policy_is_taken_out() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    let clean = excluded_groups(&tenant);
    exclude_by_hand(&tenant);
    let change = workspace.change();
    assert_eq!(change["action"], "update");
    assert_eq!(change["effect"], "strengthens");
    assert_eq!(change["held"], json!([]));
    workspace.apply();
    assert_eq!(excluded_groups(&tenant), clean);
    assert_eq!(workspace.change()["action"], "none");
}

/// An enforced policy with an exclusion that somebody added.
fn enforced() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace.set_state(Some("on"));
    workspace.add_to_policy(&format!("id: {id}"));
    exclude_by_hand(&tenant);
    (workspace, tenant)
}

#[test]
fn an_exclusion_on_an_enforced_policy_is_named_and_taking_it_out_is_held() {
    let (workspace, tenant) = enforced();
    let before = tenant.everything();
    let change = workspace.change();
    assert_eq!(change["action"], "none", "{change:#}");
    assert_eq!(change["held"][0]["gate"], "twin");
    assert_eq!(change["effect"], "strengthens");
    let field = &change["fields"][0];
    assert_eq!(field["path"], "users.exclude");
    assert!(
        field["before"].to_string().contains("Azure-Pilot"),
        "{field}"
    );
    assert!(
        !field["after"].to_string().contains("Azure-Pilot"),
        "{field}"
    );

    let shown = workspace.run(&["plan"]).exits(0);
    for sentence in [
        "- Azure-Pilot",
        "taking Azure-Pilot out of the exclusions makes the policy stricter for the members of that group",
        "held by gate twin",
        "rollout: {in_place:",
    ] {
        assert!(shown.stdout.contains(sentence), "{sentence:?}: {shown}");
    }
    workspace.apply();
    assert_eq!(tenant.everything(), before);
}

#[test]
fn the_rest_of_the_plan_goes_on_while_that_edit_is_held() {
    let (workspace, tenant) = enforced();
    workspace.add_policy("second", "Second");
    let plan = workspace.plan();
    assert_eq!(plan["summary"]["held"], 1);
    assert_eq!(plan["summary"]["create"], 1);
    workspace.apply();
    assert_eq!(tenant.named("Second").len(), 1);
    assert_eq!(excluded_groups(&tenant).as_array().unwrap().len(), 2);
}

#[test]
fn in_place_lets_the_edit_through() {
    let (workspace, tenant) = enforced();
    workspace.add_to_policy(
        "rollout: {in_place: {reason: nobody approved it, owner: identity-team@contoso.example}}",
    );
    let change = workspace.change();
    assert_eq!(change["action"], "update");
    assert_eq!(change["held"], json!([]));
    assert!(
        change["notes"].to_string().contains("nobody approved it"),
        "{change:#}"
    );
    workspace.apply();
    assert_eq!(
        excluded_groups(&tenant),
        json!([tenant.group("CA-Exclude-Backup-Automation")])
    );
    assert_eq!(tenant.shipped()["state"], "enabled");
}

#[test]
fn an_edit_of_unknown_effect_counts_as_stricter() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace.set_state(Some("on"));
    workspace.add_to_policy(&format!("id: {id}\nconditions: {{client_apps: [browser]}}"));
    let before = tenant.everything();
    let change = workspace.change();
    assert_eq!(change["held"][0]["gate"], "twin", "{change:#}");
    assert_eq!(change["effect"], "unknown");
    workspace.apply();
    assert_eq!(tenant.everything(), before);
}

#[test]
fn unmanaged_policies_are_listed_and_stay_as_they_were_to_the_byte() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let before = others(&tenant);
    let plan = workspace.plan();
    let unmanaged = plan["unmanaged"].as_array().unwrap();
    let listed: Vec<_> = unmanaged
        .iter()
        .map(|policy| (&policy["name"], &policy["state"]))
        .collect();
    assert_eq!(
        listed,
        [
            (&json!("Block legacy authentication"), &json!("on")),
            (&json!("Require MFA for administrators"), &json!("on")),
            (
                &json!("Test - compliant device for guests"),
                &json!("report-only")
            ),
        ]
    );
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", crate::support::KEY]).exits(0);
    workspace.apply();
    workspace.run(&["demote", crate::support::KEY]).exits(0);
    assert_eq!(others(&tenant), before);
}

#[test]
fn a_removed_file_deletes_nothing() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.add_policy("second", "Second");
    workspace.apply();
    std::fs::remove_file(workspace.path("policies/second.yaml")).unwrap();
    let before = tenant.everything();
    let plan = workspace.plan();
    assert_eq!(plan["summary"]["delete"], 0);
    assert_eq!(plan["summary"]["unmanaged"], 4);
    workspace.apply();
    assert_eq!(tenant.everything(), before);
}

#[test]
fn a_look_alike_is_shown_as_a_candidate_before_a_create() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut body = tenant.shipped_body("enabledForReportingButNotEnforced");
    body["displayName"] = json!("MFA for Azure, clicked together");
    let id = tenant.create_policy(&body);
    let plan = workspace.plan();
    let candidate = plan["unmanaged"]
        .as_array()
        .unwrap()
        .iter()
        .find(|policy| policy["id"] == json!(id))
        .unwrap();
    assert_eq!(candidate["candidate_for"], crate::support::KEY);
    assert!(
        candidate["notes"]
            .to_string()
            .contains(&format!("`id: {id}`")),
        "{candidate}"
    );
    // Adopted by its id it is renamed, not created again.
    workspace.add_to_policy(&format!("id: {id}"));
    let change = workspace.change();
    assert_eq!(change["action"], "update");
    assert_eq!(change["fields"][0]["path"], "name");
    workspace.apply();
    assert_eq!(tenant.shipped_id(), id);
    assert_eq!(tenant.policies().len(), 4);
}
