//! What is taken out of the file and stays in the tenant, and what goes although nobody took it out.

use serde_json::{Value, json};

use crate::support::{SIGN_IN, Scene, shipped_but};

#[test]
fn m365dsc_2058_a_group_that_is_taken_out_of_the_exclusions_is_taken_out_of_the_policy() {
    let scene = Scene::applied();
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    let users = scene.tenant.shipped()["conditions"]["users"].clone();
    assert_eq!(users["excludeGroups"], json!([]));
    assert_eq!(users["excludeUsers"].as_array().unwrap().len(), 2);
}

#[test]
fn m365dsc_3885_an_application_that_was_excluded_in_the_portal_is_included_again() {
    let scene = Scene::new();
    scene
        .workspace
        .edit_policy("include: [azure-management]", "include: [all]");
    let mut body = shipped_but(
        &scene.tenant,
        "/conditions/applications",
        json!({"includeApplications": ["All"], "excludeApplications": ["00000003-0000-0ff1-ce00-000000000000"]}),
    );
    body["state"] = json!("enabledForReportingButNotEnforced");
    scene.tenant.create_policy(&body);
    let change = scene.change();
    assert_eq!(change["fields"][0]["path"], "target_resources.exclude");
    assert_eq!(
        change["fields"][0]["before"],
        json!(["Office 365 SharePoint Online"])
    );
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["conditions"]["applications"]["excludeApplications"],
        json!([])
    );
    scene.settled();
}

#[test]
fn cipp_4772_a_condition_that_the_file_does_not_have_is_shown_and_cleared() {
    let scene = Scene::new();
    scene.live_but(
        "/conditions/locations",
        json!({"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}),
    );
    let change = scene.change();
    assert_eq!(change["action"], "update", "{change:#}");
    let paths: Vec<&Value> = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["path"])
        .collect();
    assert_eq!(
        paths,
        [
            "conditions.locations.include",
            "conditions.locations.exclude"
        ]
    );
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["conditions"]["locations"],
        Value::Null
    );
    scene.settled();
}

#[test]
fn cipp_5107_an_edit_elsewhere_keeps_every_exclusion() {
    let scene = Scene::applied();
    let excluded = |scene: &Scene| {
        let users = scene.tenant.shipped()["conditions"]["users"].clone();
        (
            users["excludeUsers"].clone(),
            users["excludeGroups"].clone(),
        )
    };
    let before = excluded(&scene);
    scene
        .workspace
        .add_to_policy("conditions: {client_apps: [browser]}");
    scene.apply();
    assert_eq!(excluded(&scene), before);
    assert_eq!(before.1.as_array().unwrap().len(), 1);
}

#[test]
fn cipp_6111_deploying_a_policy_writes_no_named_location() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("conditions: {locations: {include: [all], exclude: [Head office]}}");
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    let before = scene.tenant.get(locations);
    scene.apply();
    assert_eq!(scene.tenant.get(locations), before);
    assert!(
        scene
            .wire
            .sent()
            .iter()
            .all(|sent| sent.method == "GET" || !sent.path.contains("namedLocations"))
    );
}

#[test]
fn azuread_powershell_617_every_block_can_be_taken_away() {
    let scene = Scene::new();
    scene.workspace.add_to_policy(
        "conditions:\n  locations: {include: [all], exclude: [all-trusted]}\n  platforms: [windows]\n  device_filter: {mode: exclude, rule: device.isCompliant -eq True}\n  sign_in_risk: [high]\nsession: {sign_in_frequency: 4 hours}",
    );
    scene.apply();
    let text = scene.workspace.read(crate::support::FILE);
    let kept = text.split("\nconditions:").next().unwrap().to_owned();
    scene
        .workspace
        .write(crate::support::FILE, &format!("{kept}\n"));
    scene.apply();
    let live = scene.tenant.shipped();
    for block in [
        "/conditions/locations",
        "/conditions/platforms",
        "/conditions/devices",
        "/sessionControls",
    ] {
        assert_eq!(live.pointer(block), Some(&Value::Null), "{block}");
    }
    assert_eq!(live["conditions"]["signInRiskLevels"], json!([]));
    scene.settled();
    // From a grant to a session control alone.
    scene.grant("session: {sign_in_frequency: 4 hours}");
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    assert_eq!(scene.tenant.shipped()["grantControls"], Value::Null);
    scene.settled();
}
