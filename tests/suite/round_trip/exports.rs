//! Files that other tools wrote become policy files.

use serde_json::json;

use crate::support::Workspace;

const GROUP: &str = "11111111-2222-4333-8444-555555555555";
const OFFICE: &str = "22222222-2222-4333-8444-555555555555";

fn empty() -> Workspace {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path(crate::support::FILE)).unwrap();
    workspace
}

#[test]
fn a_folder_of_graph_json_in_every_shape() {
    let workspace = empty();
    let policy = |name: &str| {
        json!({
            "displayName": name, "state": "enabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]},
                "users": {"includeUsers": ["All"], "excludeGroups": [GROUP]},
                "locations": {"includeLocations": ["All"], "excludeLocations": [OFFICE]},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        })
    };
    let office = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "id": OFFICE, "displayName": "Head office"});
    workspace.write("export/one.json", &policy("One").to_string());
    workspace.write("export/two.json", &json!([policy("Two")]).to_string());
    workspace.write(
        "export/deep/three.json",
        &json!({"value": [policy("Three"), office]}).to_string(),
    );
    workspace
        .run(&["import", "--from", "export"])
        .exits(0)
        .says("Imported: 3 new");
    assert_eq!(
        workspace.read("policies/three.yaml"),
        "\
# From deep/three.json.

policy: three
name: Three
state: on

users:
  include: [all]
  # Say of each who answers for it and why; `review_by: 2027-01-31` and `expires: …` keep it honest.
  exclude:
    - {group: 11111111-2222-4333-8444-555555555555, reason: imported; nobody said why yet, owner: nobody yet}

target_resources:
  include: [azure-management]

conditions:
  locations:
    include: [all]
    exclude:
      - 22222222-2222-4333-8444-555555555555  # Head office

grant:
  controls: [mfa]
"
    );
    workspace.run(&["validate"]).exits(0);
    let files = workspace.files();
    workspace
        .run(&["import", "--from", "export"])
        .exits(0)
        .says("has a policy of that name already");
    assert_eq!(workspace.files(), files);
}

#[test]
fn a_terraform_state() {
    let workspace = empty();
    let conditions = json!([{
        "client_app_types": ["browser", "mobileAppsAndDesktopClients"],
        "applications": [{"included_applications": ["All"], "excluded_applications": [], "included_user_actions": [], "filter": []}],
        "client_applications": [],
        "devices": [{"filter": [{"mode": "exclude", "rule": "device.isCompliant -eq True"}]}],
        "insider_risk_levels": "",
        "locations": [{"included_locations": ["All"], "excluded_locations": [format!("/identity/conditionalAccess/namedLocations/{OFFICE}")]}],
        "platforms": [],
        "service_principal_risk_levels": [], "sign_in_risk_levels": ["high"], "user_risk_levels": [],
        "users": [{
            "included_users": [], "excluded_users": [], "included_groups": [], "excluded_groups": [GROUP],
            "included_roles": ["62e90394-69f5-4237-9190-012177145e10"], "excluded_roles": [],
            "included_guests_or_external_users": [], "excluded_guests_or_external_users": [{
                "guest_or_external_user_types": ["serviceProvider"],
                "external_tenants": [{"membership_kind": "all", "members": []}],
            }],
        }],
    }]);
    let grant = json!([{
        "operator": "OR", "built_in_controls": [], "custom_authentication_factors": [], "terms_of_use": [],
        "authentication_strength_policy_id": "/policies/authenticationStrengthPolicies/00000000-0000-0000-0000-000000000004",
    }]);
    let session = json!([{
        "application_enforced_restrictions_enabled": false, "cloud_app_security_policy": "",
        "disable_resilience_defaults": false, "persistent_browser_mode": "never",
        "sign_in_frequency": 4, "sign_in_frequency_period": "hours",
        "sign_in_frequency_authentication_type": "primaryAndSecondaryAuthentication",
        "sign_in_frequency_interval": "timeBased",
    }]);
    let state = json!({
        "version": 4, "terraform_version": "1.9.0",
        "resources": [
            {"mode": "managed", "type": "azuread_named_location", "name": "office", "instances": [{"attributes": {
                "id": format!("/identity/conditionalAccess/namedLocations/{OFFICE}"),
                "object_id": OFFICE, "display_name": "Head office",
            }}]},
            {"mode": "managed", "type": "azuread_conditional_access_policy", "name": "admins", "instances": [{"attributes": {
                "id": "/identity/conditionalAccess/policies/33333333-2222-4333-8444-555555555555",
                "object_id": "33333333-2222-4333-8444-555555555555",
                "display_name": "Admins: strong and fresh", "state": "enabledForReportingButNotEnforced",
                "conditions": conditions, "grant_controls": grant, "session_controls": session,
            }}]},
        ],
    });
    workspace.write("terraform.json", &state.to_string());
    workspace
        .run(&["import", "--from", "terraform.json"])
        .exits(0)
        .says("Imported: 1 new");
    assert_eq!(
        workspace.read("policies/admins-strong-and-fresh.yaml"),
        "\
# From terraform.json (admins).

policy: admins-strong-and-fresh
name: \"Admins: strong and fresh\"
state: report-only

users:
  include:
    - {role: 62e90394-69f5-4237-9190-012177145e10}
  # Say of each who answers for it and why; `review_by: 2027-01-31` and `expires: …` keep it honest.
  exclude:
    - {group: 11111111-2222-4333-8444-555555555555, reason: imported; nobody said why yet, owner: nobody yet}
    - {guests: [service-provider], reason: imported; nobody said why yet, owner: nobody yet}

target_resources:
  include: [all]

conditions:
  client_apps: [browser, mobile-apps-and-desktop-clients]
  locations:
    include: [all]
    exclude:
      - 22222222-2222-4333-8444-555555555555  # Head office
  sign_in_risk: [high]
  device_filter:
    mode: exclude
    rule: device.isCompliant -eq True

grant:
  authentication_strength: phishing-resistant-mfa

session:
  sign_in_frequency: 4 hours
  persistent_browser: never
"
    );
    workspace.run(&["validate"]).exits(0);
}

#[test]
fn a_terraform_plan_whose_conditions_are_not_known_yet_says_so() {
    let workspace = empty();
    let plan = json!({
        "format_version": "1.2",
        "planned_values": {"root_module": {"child_modules": [{"resources": [{
            "address": "module.ca.azuread_conditional_access_policy.later", "mode": "managed",
            "type": "azuread_conditional_access_policy", "values": {"display_name": "Later"},
        }]}]}},
    });
    workspace.write("plan.json", &plan.to_string());
    workspace
        .run(&["import", "--from", "plan.json"])
        .exits(0)
        .says("its conditions are not known yet")
        .says("Imported: 0 new, 0 changed, 0 unchanged, 1 left alone.");
}

#[test]
fn what_a_file_cannot_say_is_said_beside_it() {
    let workspace = empty();
    let policy = json!({
        "displayName": "With more", "state": "disabled",
        "conditions": {
            "clientAppTypes": ["all"], "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": {"continuousAccessEvaluation": {"mode": "disabled"}},
    });
    workspace.write("export.json", &policy.to_string());
    let mut unknown = policy;
    unknown["displayName"] = json!("With a new control");
    unknown["grantControls"]["builtInControls"] = json!(["palmReader"]);
    workspace.write("more/export.json", &unknown.to_string());
    workspace.run(&["import", "--from", "export.json"]).exits(0);
    let text = workspace.read("policies/with-more.yaml");
    assert!(
        text.contains(
            "# It also holds what a file cannot say: sessionControls.continuousAccessEvaluation\n"
        ),
        "{text}"
    );
    workspace
        .run(&["import", "--from", "more"])
        .exits(0)
        .says("this version has no word for grant.controls: palmReader")
        .says("1 left alone");
}

#[test]
fn two_exports_of_one_name_are_each_compared_with_their_own() {
    let workspace = empty();
    let policy = |id: &str, controls: &str| {
        json!({
            "id": id, "displayName": "Twice", "state": "disabled",
            "conditions": {
                "clientAppTypes": ["all"], "applications": {"includeApplications": ["All"]},
                "users": {"includeUsers": ["All"]},
            },
            "grantControls": {"operator": "OR", "builtInControls": [controls]},
        })
    };
    let both = json!([
        policy("44444444-2222-4333-8444-555555555555", "mfa"),
        policy("55555555-2222-4333-8444-555555555555", "compliantDevice"),
    ]);
    workspace.write("export.json", &both.to_string());
    workspace
        .run(&["import", "--from", "export.json"])
        .exits(0)
        .says("Imported: 2 new, 0 changed, 0 unchanged, 0 left alone.");
    for (file, id, controls) in [
        ("policies/twice.yaml", "44444444", "controls: [mfa]"),
        (
            "policies/twice-2.yaml",
            "55555555",
            "controls: [compliant-device]",
        ),
    ] {
        let text = workspace.read(file);
        assert!(text.contains(&format!("id: {id}-")), "{text}");
        assert!(text.contains(controls), "{text}");
    }
}

#[test]
fn a_name_that_nothing_has_is_warned_of_however_it_is_given() {
    let workspace = empty();
    workspace.write("export.json", "[]");
    for ask in [
        vec!["import", "Nope*", "--from", "export.json"],
        vec!["import", "--policy", "Nope*", "--from", "export.json"],
    ] {
        let outcome = workspace.run(&ask).exits(0);
        assert!(
            outcome
                .stderr
                .contains("no policy has a name or a key that matches Nope*"),
            "{}",
            outcome.stderr
        );
    }
}
