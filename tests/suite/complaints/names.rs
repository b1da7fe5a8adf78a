//! Names that are not turned into ids, and ids that mean nothing here.

use serde_json::{Value, json};

use crate::support::{SIGN_IN, Scene};

#[test]
fn azuread_1547_an_id_is_the_bare_id_wherever_one_may_stand() {
    let scene = Scene::new();
    let location = scene
        .tenant
        .get("/v1.0/identity/conditionalAccess/namedLocations")["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let group = scene.tenant.group("Azure-Pilot");
    scene
        .workspace
        .edit_policy("include: [all]", &format!("include: [{{group: {group}}}]"));
    scene.grant(&format!(
        "conditions: {{locations: {{include: [all], exclude: [{location}]}}}}\ngrant: {{authentication_strength: 00000000-0000-0000-0000-000000000004}}"
    ));
    scene.apply();
    let live = scene.tenant.shipped();
    assert_eq!(live["conditions"]["users"]["includeGroups"], json!([group]));
    assert_eq!(
        live["conditions"]["locations"]["excludeLocations"],
        json!([location])
    );
    scene.settled();
    // And a name is as good as the id.
    scene.workspace.edit_policy(&group, "Azure-Pilot");
    scene.workspace.edit_policy(&location, "Head office");
    scene.workspace.edit_policy(
        "00000000-0000-0000-0000-000000000004",
        "phishing-resistant-mfa",
    );
    scene.settled();
}

#[test]
fn cipp_3614_a_group_is_sent_by_its_id_never_by_its_name() {
    let scene = Scene::new();
    scene
        .workspace
        .edit_policy("include: [all]", "include: [{group: Azure-Pilot}]");
    scene.apply();
    let sent = scene.last_write()["conditions"]["users"]["includeGroups"].clone();
    assert_eq!(sent, json!([scene.tenant.group("Azure-Pilot")]));
}

#[test]
fn cipp_2053_the_id_of_another_tenants_group_is_not_pushed() {
    const ELSEWHERE: &str = "0b6c5e0a-3d2f-4f6e-9a1b-7c8d9e0f1a2b";
    let scene = Scene::new();
    scene.workspace.edit_policy(
        "exclude: [backup-automation]",
        &format!("exclude: [{{group: {ELSEWHERE}, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}}]"),
    );
    let before = scene.tenant.everything();
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(3)
        .says(ELSEWHERE)
        .says("does not exist in the tenant");
    assert_eq!(scene.tenant.everything(), before);
}

#[test]
fn intune_management_391_break_glass_is_the_account_of_this_tenant() {
    let scene = Scene::new();
    // The same declaration, and another account that stands behind it here.
    scene.workspace.edit(
        "portcullis.yaml",
        "emergency1@sandbox.onmicrosoft.example",
        "ga.admin@sandbox.onmicrosoft.example",
    );
    scene.apply();
    let excluded = scene.tenant.shipped()["conditions"]["users"]["excludeUsers"].clone();
    let holds = |name: &str| {
        let id: Value = json!(scene.tenant.user(name));
        excluded.as_array().unwrap().contains(&id)
    };
    assert!(holds("ga.admin") && holds("emergency2") && !holds("emergency1"));
}

#[test]
fn maester_620_an_excluded_account_that_is_gone_is_noticed() {
    let scene = Scene::new();
    let leaver = scene.tenant.user("bao.nguyen");
    scene.workspace.edit_policy(
        "exclude: [backup-automation]",
        &format!("exclude: [backup-automation, {{user: {leaver}, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}}]"),
    );
    scene.apply();
    scene.tenant.delete(&format!("/v1.0/users/{leaver}"));
    scene
        .workspace
        .run_with(&["plan"], &SIGN_IN, "")
        .exits(0)
        .says(&format!("user {leaver} is not in the tenant any more"));
}
