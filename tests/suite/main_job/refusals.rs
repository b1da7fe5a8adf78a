//! What stops a run before its first write: exit 3, a guard, the place in the files, and nothing written.

use serde_json::{Value, json};

use crate::support::{FILE, KEY, NAME, Served, Workspace};

/// Asserts that plan and apply are refused by exactly this guard, blaming a line that holds `blamed`, that
/// a refused plan is not saved, and that nothing happened in the tenant.
#[track_caller]
fn refused(workspace: &Workspace, tenant: &Served, guard: &str, file: &str, blamed: &str) -> Value {
    let before = tenant.everything();
    let plan = workspace.refused_plan();
    assert_eq!(
        plan.as_object().unwrap().keys().count(),
        9,
        "the whole document is printed: {plan:#}"
    );
    let refusals = plan["refusals"].as_array().unwrap();
    let guards: Vec<_> = refusals.iter().map(|refusal| &refusal["guard"]).collect();
    assert_eq!(guards, [guard], "{plan:#}");
    let source = &refusals[0]["source"];
    assert_eq!(source["file"], file, "{plan:#}");
    let number = source["line"].as_u64().unwrap() as usize;
    let text = workspace.read(file);
    let line = text.lines().nth(number - 1).unwrap();
    assert!(line.contains(blamed), "{line:?} is blamed, not {blamed:?}");

    let shown = workspace.run(&["plan", "--out", "saved.plan"]).exits(3);
    assert!(shown.stdout.contains(&format!("error[{guard}]")), "{shown}");
    assert!(
        shown.stdout.contains(&format!("{file}:{number}:")),
        "{shown}"
    );
    assert!(!workspace.exists("saved.plan"));
    workspace.run(&["apply", "--auto-approve"]).exits(3);
    assert_eq!(tenant.everything(), before, "nothing was written");
    refusals[0].clone()
}

fn message(refusal: &Value) -> &str {
    refusal["message"].as_str().unwrap()
}

/// An exclusion in the policy itself.
fn exclude(workspace: &Workspace, entry: &str) {
    workspace.edit_policy(
        "exclude: [backup-automation]",
        &format!(
            "exclude: [backup-automation, {{{entry}, reason: an audit, owner: it@contoso.example, review_by: 2026-12-01, expires: 2027-01-31}}]"
        ),
    );
}

#[test]
fn two_live_policies_with_the_name() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let body = tenant.shipped_body("disabled");
    let ids = [tenant.create_policy(&body), tenant.create_policy(&body)];
    let refusal = refused(&workspace, &tenant, "ambiguous-policy", FILE, NAME);
    for id in &ids {
        assert!(message(&refusal).contains(id), "{refusal}");
    }
    let help = refusal["help"].as_str().unwrap();
    assert!(help.contains(&format!("`id: {}`", ids[0])), "{help}");
    // Neither is somebody else's.
    let plan = workspace.refused_plan();
    assert_eq!(plan["summary"]["unmanaged"], 3);
    // The way out that it names works.
    workspace.add_to_policy(&format!("id: {}", ids[1]));
    let change = workspace.change();
    assert_eq!(change["id"], json!(ids[1]));
    assert_eq!(change["action"], "update");
}

#[test]
fn an_exclusion_that_resolves_to_nothing() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    exclude(&workspace, "group: No-Such-Group");
    let refusal = refused(&workspace, &tenant, "unresolved", FILE, "No-Such-Group");
    assert!(message(&refusal).contains("does not exist"), "{refusal}");
    assert_eq!(refusal["policy"], KEY);
    assert_eq!(refusal["absolute"], true);
}

#[test]
fn a_declared_principal_that_resolves_to_nothing() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.edit(
        "portcullis.yaml",
        "group: CA-Exclude-Backup-Automation",
        "group: CA-Exclude-Nobody",
    );
    let refusal = refused(&workspace, &tenant, "unresolved", FILE, "backup-automation");
    assert!(message(&refusal).contains("CA-Exclude-Nobody"), "{refusal}");
}

#[test]
fn an_exclusion_that_resolves_to_two_objects() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    exclude(&workspace, "group: Contractors");
    let refusal = refused(&workspace, &tenant, "ambiguous", FILE, "Contractors");
    let groups = tenant.get("/v1.0/groups?$filter=displayName eq 'Contractors'");
    let groups = groups["value"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    for group in groups {
        assert!(
            message(&refusal).contains(group["id"].as_str().unwrap()),
            "{refusal}"
        );
    }
    // The way out that it names works.
    workspace.edit_policy("Contractors", groups[0]["id"].as_str().unwrap());
    assert_eq!(workspace.change()["action"], "create");
}

#[test]
fn a_disabled_break_glass_account() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.user("emergency2");
    tenant.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"accountEnabled": false}),
    );
    let refusal = refused(
        &workspace,
        &tenant,
        "disabled-break-glass",
        "portcullis.yaml",
        "emergency-access-2: {kind: break-glass",
    );
    assert_eq!(refusal["absolute"], true);
}

#[test]
fn a_break_glass_account_that_is_not_there() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.edit("portcullis.yaml", "user: emergency1@", "user: emergency9@");
    refused(
        &workspace,
        &tenant,
        "unresolved-break-glass",
        "portcullis.yaml",
        "emergency-access-1: {kind: break-glass",
    );
}

#[test]
fn a_break_glass_group_of_which_there_are_two() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.edit(
        "portcullis.yaml",
        "{user: emergency1@sandbox.onmicrosoft.example, last_drill",
        "{group: Contractors, last_drill",
    );
    refused(
        &workspace,
        &tenant,
        "ambiguous-break-glass",
        "portcullis.yaml",
        "emergency-access-1: {kind: break-glass",
    );
}

#[test]
fn a_group_past_max_members() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let group = tenant.group("CA-Exclude-Backup-Automation");
    // Two are agreed.
    tenant.join(&group, &tenant.user("svc-reports"));
    assert_eq!(workspace.change()["action"], "create");
    // Nested ones count, and the group itself does not.
    let nested = tenant.create_group("Nested", &[&tenant.user("linh.tran")]);
    tenant.join(&group, &nested);
    let refusal = refused(
        &workspace,
        &tenant,
        "max-members",
        FILE,
        "backup-automation",
    );
    assert!(
        message(&refusal).contains("has 3 members, and 2 are agreed"),
        "{refusal}"
    );
    assert!(!message(&refusal).contains('@'), "people are not named");
}

#[test]
fn an_expired_exclusion() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.edit(
        "portcullis.yaml",
        "expires: 2027-03-31",
        "expires: 2026-11-02",
    );
    // Its last day counts.
    assert_eq!(workspace.change()["action"], "create");
    tenant.advance("1d");
    let refusal = refused(
        &workspace,
        &tenant,
        "expired-exclusion",
        FILE,
        "backup-automation",
    );
    assert!(message(&refusal).contains("2026-11-02"), "{refusal}");
}

#[test]
fn an_expired_inline_exclusion() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    exclude(&workspace, "user: linh.tran@sandbox.onmicrosoft.example");
    workspace.edit_policy("expires: 2027-01-31", "expires: 2026-11-01");
    refused(&workspace, &tenant, "expired-exclusion", FILE, "linh.tran@");
}

#[test]
fn no_break_glass_declared() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let text = workspace.read("portcullis.yaml");
    let without: String = text
        .lines()
        .filter(|line| !line.contains("emergency-access-"))
        .map(|line| format!("{line}\n"))
        .collect();
    workspace.write("portcullis.yaml", &without);
    refused(&workspace, &tenant, "no-break-glass", FILE, "policy:");
    // Nor promoted; but what only lowers goes on.
    tenant.create_policy(&tenant.shipped_body("enabledForReportingButNotEnforced"));
    workspace.set_state(Some("off"));
    assert_eq!(workspace.change()["action"], "disable");
}

#[test]
fn a_plan_that_only_lowers_is_never_refused() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace.add_to_policy(
        "weaken: {reason: flooded, owner: identity@contoso.example, until: 2026-12-31}",
    );
    // Everything that can be wrong at once: a disabled account, a missing one, an expired exclusion.
    let emergency = tenant.user("emergency2");
    tenant.patch(
        &format!("/v1.0/users/{emergency}"),
        &json!({"accountEnabled": false}),
    );
    workspace.edit("portcullis.yaml", "user: emergency1@", "user: emergency9@");
    workspace.edit(
        "portcullis.yaml",
        "expires: 2027-03-31",
        "expires: 2026-10-01",
    );
    exclude(&workspace, "group: No-Such-Group");
    workspace.edit_policy("exclude: [backup-automation,", "exclude: [");
    let plan = workspace.plan();
    assert_eq!(plan["changes"][0]["action"], "demote");
    let codes: Vec<_> = plan["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["code"].as_str().unwrap())
        .collect();
    for code in [
        "disabled-break-glass",
        "unresolved-break-glass",
        "unresolved",
    ] {
        assert!(codes.contains(&code), "{code} is a note: {plan:#}");
    }
    workspace.apply();
    let live = tenant.shipped();
    assert_eq!(live["id"], json!(id));
    assert_eq!(live["state"], "enabledForReportingButNotEnforced");
    // Nobody lost an exclusion on the way.
    assert_eq!(
        live["conditions"]["users"],
        tenant_users(&tenant, &live),
        "only the state is written"
    );
}

/// The users of the shipped body in the form in which the service answers them.
fn tenant_users(tenant: &Served, live: &Value) -> Value {
    let mut users = live["conditions"]["users"].clone();
    let body = tenant.shipped_body("enabled");
    for (key, value) in body["conditions"]["users"].as_object().unwrap() {
        users[key] = value.clone();
    }
    users
}

#[test]
fn a_defect_that_is_live_and_untouched_is_a_note() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    workspace.edit(
        "portcullis.yaml",
        "expires: 2027-03-31",
        "expires: 2026-11-10",
    );
    tenant.advance("30d");
    let plan = workspace.plan();
    assert_eq!(plan["changes"][0]["action"], "none");
    assert_eq!(plan["notes"][0]["code"], "expired-exclusion");
    assert_eq!(plan["notes"][0]["policy"], KEY);
    workspace.apply();
}

#[test]
fn one_refused_policy_stops_the_whole_run() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let file = workspace.add_policy("second", "Second");
    workspace.edit(&file, "exclude: [backup-automation]", "exclude: [{user: nobody@sandbox.onmicrosoft.example, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}]");
    let refusal = refused(&workspace, &tenant, "unresolved", &file, "nobody@");
    assert_eq!(refusal["policy"], "second");
    // Both changes are shown all the same.
    let plan = workspace.refused_plan();
    assert_eq!(plan["summary"]["create"], 2);
}

#[test]
fn a_break_glass_exclusion_that_is_taken_out_by_hand_is_put_back_though_the_policy_is_enforced() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let id = tenant.create_policy(&tenant.shipped_body("enabled"));
    workspace.set_state(Some("on"));
    workspace.add_to_policy(&format!("id: {id}"));
    let mut users = tenant.shipped_body("enabled")["conditions"]["users"].clone();
    users["excludeUsers"] = json!([]);
    // Together with an edit that is stricter and so held.
    users["excludeGroups"] = json!([
        tenant.group("CA-Exclude-Backup-Automation"),
        tenant.group("Azure-Pilot")
    ]);
    tenant.patch_policy(&id, &json!({"conditions": {"users": users}}));
    let change = workspace.change();
    assert_eq!(change["action"], "update", "{change:#}");
    assert_eq!(change["held"][0]["gate"], "twin");
    workspace.apply();
    let live = tenant.shipped();
    assert_eq!(
        live["conditions"]["users"]["excludeUsers"],
        tenant.shipped_body("enabled")["conditions"]["users"]["excludeUsers"]
    );
    assert_eq!(
        live["conditions"]["users"]["excludeGroups"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "the stricter edit stays held"
    );
    let change = workspace.change();
    assert_eq!(change["action"], "none");
    assert_eq!(change["held"][0]["gate"], "twin");
}
