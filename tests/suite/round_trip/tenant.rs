//! What an import makes of the awkward parts of a tenant.

use serde_json::{Value, json};

use crate::support::{Served, Workspace};

fn empty() -> (Workspace, Served) {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path(crate::support::FILE)).unwrap();
    let served = workspace.serve();
    (workspace, served)
}

fn body(name: &str, excluded: &Value) -> Value {
    json!({
        "displayName": name, "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"], "excludeUsers": excluded},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    })
}

fn import(workspace: &Workspace) -> Value {
    workspace.run(&["import", "--json"]).exits(0).json()
}

/// Nothing to write and nothing refused; returns the plan.
#[track_caller]
fn plans_empty(workspace: &Workspace) -> Value {
    let plan = workspace.plan();
    for count in [
        "create", "update", "promote", "restore", "demote", "disable", "delete", "held",
    ] {
        assert_eq!(plan["summary"][count], 0, "{count}: {:#}", plan["changes"]);
    }
    plan
}

#[test]
fn names_that_repeat_are_told_apart_by_their_ids() {
    let (workspace, served) = empty();
    let emergency = json!([served.user("emergency1"), served.user("emergency2")]);
    let first = served.create_policy(&body("Twice", &emergency));
    let second = served.create_policy(&body("Twice", &emergency));
    import(&workspace);
    let files = [
        workspace.read("policies/twice.yaml"),
        workspace.read("policies/twice-2.yaml"),
    ];
    for id in [&first, &second] {
        let pinned = format!("state: report-only\nid: {id}\n");
        assert_eq!(
            files.iter().filter(|file| file.contains(&pinned)).count(),
            1
        );
    }
    let plan = plans_empty(&workspace);
    assert_eq!(plan["summary"]["unmanaged"], 0);
    assert!(
        !workspace
            .read("policies/block-legacy-authentication.yaml")
            .contains("id:")
    );
}

#[test]
fn emergency_accounts_that_are_not_excluded_stay_so_until_somebody_decides() {
    let (workspace, served) = empty();
    served.create_policy(&body(
        "Reaches everybody",
        &json!([served.user("emergency1")]),
    ));
    let imported = import(&workspace);
    let file = "policies/reaches-everybody.yaml";
    let text = workspace.read(file);
    assert!(text.contains("exclude: [emergency-access-1]"), "{text}");
    assert!(
        text.contains(
            "\n# The live policy does not exclude emergency-access-2.\n# Take the next line out, and the next plan adds the exclusion.\nbreak_glass: {mode: not-excluded, reason: imported; nobody said why yet, owner: nobody yet}\n"
        ),
        "{text}"
    );
    assert!(
        imported
            .to_string()
            .contains("does not exclude emergency-access-2")
    );
    let plan = plans_empty(&workspace);
    let notes = plan["notes"].as_array().unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note["code"] == "break-glass-not-excluded"),
        "{notes:#?}"
    );

    // Nothing else may be written to it before that.
    workspace.edit(file, "controls: [mfa]", "controls: [compliant-device]");
    let refused = workspace.refused_plan();
    assert_eq!(refused["refusals"][0]["guard"], "break-glass-not-excluded");
    workspace.edit(file, "controls: [compliant-device]", "controls: [mfa]");
    let line = "break_glass: {mode: not-excluded, reason: imported; nobody said why yet, owner: nobody yet}\n";
    workspace.edit(file, line, "");
    let plan = workspace.plan();
    assert_eq!(plan["summary"]["update"], 1, "{:#}", plan["changes"]);
}

#[test]
fn a_name_that_several_objects_have_is_written_as_the_id() {
    let (workspace, served) = empty();
    let group = served.create_group("Shared name", &[]);
    served.create_group("Shared name", &[]);
    let gone = served.create_group("Soon gone", &[]);
    let mut policy = body(
        "Ambiguous",
        &json!([served.user("emergency1"), served.user("emergency2")]),
    );
    policy["conditions"]["users"]["excludeGroups"] = json!([group, gone]);
    served.create_policy(&policy);
    served.delete(&format!("/v1.0/groups/{gone}"));
    import(&workspace);
    let text = workspace.read("policies/ambiguous.yaml");
    let inline = |id: &str| {
        format!("- {{group: {id}, reason: imported; nobody said why yet, owner: nobody yet}}")
    };
    assert!(
        text.contains(&format!(
            "{}  # Shared name; 2 have that name\n",
            inline(&group)
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "{}  # nothing in the tenant has this id any more\n",
            inline(&gone)
        )),
        "{text}"
    );
    let plan = plans_empty(&workspace);
    let notes = plan["notes"].as_array().unwrap();
    assert!(
        notes.iter().any(|note| note["code"] == "dangling"),
        "{notes:#?}"
    );
    let files = workspace.files();
    import(&workspace);
    assert_eq!(workspace.files(), files);
}

#[test]
fn who_recurs_in_exclusions_is_proposed_once_and_never_declared() {
    let (workspace, served) = empty();
    let excluded = json!([
        served.user("emergency1"),
        served.user("emergency2"),
        served.user("svc-reports"),
    ]);
    served.create_policy(&body("One", &excluded));
    served.create_policy(&body("Two", &excluded));
    let before = workspace.read("portcullis.yaml");
    import(&workspace);
    let after = workspace.read("portcullis.yaml");
    let added = after.strip_prefix(&before).unwrap();
    assert!(
        added
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#')),
        "{added}"
    );
    assert!(
        added.contains("#   svc-reports: {user: svc-reports@sandbox.onmicrosoft.example, kind: ?, owner: ?, reason: ?}   # in 2 policies\n"),
        "{added}"
    );
    assert!(!added.contains("emergency1"), "{added}");
    import(&workspace);
    assert_eq!(workspace.read("portcullis.yaml"), after);
    workspace.run(&["validate"]).exits(0);
}

#[test]
fn what_microsoft_maintains_says_state_and_exclusions_only() {
    let (workspace, served) = empty();
    let excluded = json!([
        served.user("emergency1"),
        served.user("emergency2"),
        served.user("svc-reports"),
    ]);
    served.create_policy(&body(
        "Microsoft-managed: Multifactor authentication for all users",
        &excluded,
    ));
    import(&workspace);
    assert_eq!(
        workspace.read("policies/microsoft-managed-multifactor-authentication-for-all-users.yaml"),
        "\
policy: microsoft-managed-multifactor-authentication-for-all-users
name: \"Microsoft-managed: Multifactor authentication for all users\"
state: report-only
owner: microsoft  # state and exclusions are all that can be changed

users:
  exclude:
    - {user: svc-reports@sandbox.onmicrosoft.example, reason: imported; nobody said why yet, owner: nobody yet}
"
    );
    plans_empty(&workspace);
}

#[test]
fn with_several_tenants_state_and_id_stand_below_the_one() {
    let (workspace, served) = empty();
    let emergency = json!([served.user("emergency1"), served.user("emergency2")]);
    let id = served.create_policy(&body("Twice", &emergency));
    served.create_policy(&body("Twice", &emergency));
    workspace.edit(
        "portcullis.yaml",
        "tenants:\n",
        "tenants:\n  contoso: {tenant_id: 7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11, auth: browser, principals: {emergency-access-1: {user: a@contoso.example}, emergency-access-2: {user: b@contoso.example}, backup-automation: {group: Backup}}}\n",
    );
    workspace
        .run(&["import"])
        .exits(1)
        .says("more than one tenant is declared, and this command writes");
    workspace.run(&["--tenant", "sandbox", "import"]).exits(0);
    let text = workspace.read("policies/block-legacy-authentication.yaml");
    assert!(
        text.ends_with("\ntenants:\n  sandbox:\n    state: on\n"),
        "{text}"
    );
    assert!(!text.contains("\nstate:"), "{text}");
    let twice = workspace.read("policies/twice.yaml") + &workspace.read("policies/twice-2.yaml");
    assert!(
        twice.contains(&format!(
            "tenants:\n  sandbox:\n    state: report-only\n    id: {id}\n"
        )),
        "{twice}"
    );
    let plan = workspace
        .run(&["--tenant", "sandbox", "plan", "--json"])
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["unchanged"], 5, "{plan:#}");
}

#[test]
fn without_a_workspace_it_says_what_to_do() {
    let workspace = Workspace::empty();
    workspace
        .run(&["import"])
        .exits(1)
        .says("there is no portcullis.yaml here")
        .says("go to the folder that holds portcullis.yaml");
}
