//! Traps in what a policy asks for and under which conditions.

use serde_json::{Value, json};

use super::{POLICIES, refusal};
use crate::support::{FILE, Scene, Workspace, shipped_but};

#[test]
fn trap_01_a_patch_merges_nested_objects() {
    let scene = Scene::applied();
    let id = scene.tenant.shipped_id();
    let strength = json!({"grantControls": {"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"}}});
    let message = refusal(
        &scene.tenant,
        "PATCH",
        &format!("{POLICIES}/{id}"),
        &strength,
        400,
    );
    assert_eq!(
        message,
        "1108: Authentication strengths cannot be used alongside the MFA built-in control."
    );
    scene.grant("grant: {authentication_strength: phishing-resistant-mfa}");
    scene.apply();
    let grant = scene.tenant.shipped()["grantControls"].clone();
    assert_eq!(grant["builtInControls"], json!([]));
    assert_eq!(
        grant["authenticationStrength"]["id"],
        "00000000-0000-0000-0000-000000000004"
    );
    scene.settled();
}

#[test]
fn trap_02_a_list_that_became_empty_is_sent_as_empty() {
    let scene = Scene::applied();
    let excluded =
        |scene: &Scene| scene.tenant.shipped()["conditions"]["users"]["excludeGroups"].clone();
    assert_eq!(excluded(&scene).as_array().unwrap().len(), 1);
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    assert_eq!(
        scene.last_write()["conditions"]["users"]["excludeGroups"],
        json!([])
    );
    assert_eq!(excluded(&scene), json!([]));
    scene.settled();
}

#[test]
fn trap_04_a_session_block_that_does_nothing_is_no_drift_and_is_cleared_whole() {
    let scene = Scene::new();
    let off = json!({"applicationEnforcedRestrictions": {"isEnabled": false}});
    let body = shipped_but(&scene.tenant, "/sessionControls", off);
    scene.tenant.create_policy(&body);
    scene.settled();

    scene
        .workspace
        .add_to_policy("session: {persistent_browser: never}");
    scene
        .workspace
        .edit_policy("include: [azure-management]", "include: [all]");
    scene.apply();
    scene.settled();
    scene
        .workspace
        .edit_policy("session: {persistent_browser: never}\n", "");
    scene.apply();
    assert_eq!(scene.last_write(), json!({"sessionControls": null}));
    assert_eq!(scene.tenant.shipped()["sessionControls"], Value::Null);
    scene.settled();
}

#[test]
fn trap_05_a_sign_in_frequency_is_sent_without_its_siblings() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("session: {sign_in_frequency: 4 hours}");
    scene.apply();
    let sent = scene.last_write()["sessionControls"].clone();
    let keys: Vec<_> = sent.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["signInFrequency"], "{sent:#}");
    scene.settled();
}

#[test]
fn trap_06_every_time_stands_without_value_type_and_siblings() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("session: {sign_in_frequency: every-time}");
    scene.apply();
    let sent = scene.last_write()["sessionControls"].clone();
    let keys: Vec<_> = sent.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["signInFrequency"], "{sent:#}");
    let frequency = &sent["signInFrequency"];
    assert_eq!(frequency["frequencyInterval"], "everyTime");
    assert!(frequency.get("value").is_none_or(Value::is_null));
    assert!(frequency.get("type").is_none_or(Value::is_null));
    scene.settled();
}

/// Asserts that `validate` finds this, at this line of the shipped policy.
#[track_caller]
fn found_offline(edit: (&str, &str), code: &str, line: &str) {
    let workspace = Workspace::new();
    workspace.edit_policy(edit.0, edit.1);
    let number = 1 + workspace
        .read(FILE)
        .lines()
        .position(|text| text.contains(line))
        .unwrap();
    workspace
        .run(&["validate"])
        .exits(2)
        .says(code)
        .says(&format!("{FILE}:{number}"));
}

#[test]
fn trap_07_a_frequency_in_hours_cannot_repeat_the_second_factor_alone() {
    found_offline(
        (
            "grant:\n",
            "session: {sign_in_frequency: {every: 4 hours, authentication: secondary}}\ngrant:\n",
        ),
        "Graph error 1104",
        "sign_in_frequency",
    );
    let scene = Scene::new();
    let body = shipped_but(
        &scene.tenant,
        "/sessionControls",
        json!({"signInFrequency": {
            "isEnabled": true, "value": 4, "type": "hours",
            "frequencyInterval": "timeBased", "authenticationType": "secondaryAuthentication",
        }}),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert!(message.starts_with("1104: 'timeBased' value"), "{message}");
}

#[test]
fn trap_08_client_apps_are_never_an_empty_list() {
    let scene = Scene::new();
    let body = shipped_but(&scene.tenant, "/conditions/clientAppTypes", json!([]));
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert!(
        message.starts_with("1064: 'clientAppTypes' condition does not support []."),
        "{message}"
    );
    let plan = scene
        .workspace
        .run_with(&["plan", "--json"], &crate::support::SIGN_IN, "")
        .exits(0)
        .json();
    let fields = plan["changes"][0]["fields"].as_array().unwrap().clone();
    let clients = fields
        .iter()
        .find(|field| field["path"] == "conditions.client_apps")
        .unwrap_or_else(|| panic!("the plan shows the default: {fields:#?}"));
    assert_eq!(clients["after"], json!(["all"]));
    assert_eq!(clients["origin"], "default");
    scene.apply();
    assert_eq!(
        scene.last_write()["conditions"]["clientAppTypes"],
        json!(["all"])
    );
}

#[test]
fn trap_09_a_password_change_goes_with_nothing_else() {
    found_offline(
        (
            "grant:\n  controls: [mfa]",
            "grant: {operator: all, controls: [mfa, password-change]}",
        ),
        "Graph error 1032",
        "password-change",
    );
    let scene = Scene::new();
    let body = shipped_but(
        &scene.tenant,
        "/grantControls",
        json!({"operator": "AND", "builtInControls": ["mfa", "passwordChange"]}),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert_eq!(
        message,
        "1032: ConditionalActionPolicy validation failed due to InvalidPasswordResetControl."
    );
}

#[test]
fn trap_10_applications_and_user_actions_exclude_each_other() {
    found_offline(
        (
            "include: [azure-management]",
            "include: [azure-management]\n  user_actions: [register-security-information]",
        ),
        "Graph error 1012",
        "user_actions",
    );
    let scene = Scene::new();
    let body = shipped_but(
        &scene.tenant,
        "/conditions/applications/includeUserActions",
        json!(["urn:user:registersecurityinfo"]),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert!(message.starts_with("1012: 'applications' condition cannot include both"));
}

#[test]
fn trap_20_members_that_came_later_are_read_and_the_stand_in_is_never_written() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("conditions: {platforms: [linux]}");
    scene.apply();
    scene.settled();
    // Without the header the member is masked, and what is masked cannot be written back.
    let masked = scene.tenant.shipped()["conditions"]["platforms"]["includePlatforms"].clone();
    assert_eq!(masked, json!(["unknownFutureValue"]));
    let id = scene.tenant.shipped_id();
    let message = refusal(
        &scene.tenant,
        "PATCH",
        &format!("{POLICIES}/{id}"),
        &json!({"conditions": {"platforms": {"includePlatforms": masked, "excludePlatforms": []}}}),
        400,
    );
    assert!(message.starts_with("1007:"), "{message}");
    // An edit beside it sends the member itself.
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    assert_eq!(
        scene.last_write()["conditions"]["platforms"]["includePlatforms"],
        json!(["linux"])
    );
    scene.settled();
}

#[test]
fn trap_24_an_empty_flow_condition_is_left_out_or_null() {
    let scene = Scene::new();
    let body = shipped_but(
        &scene.tenant,
        "/conditions/authenticationFlows",
        json!({"transferMethods": ""}),
    );
    scene.tenant.expect("POST", POLICIES, Some(&body), 400);
    scene
        .workspace
        .add_to_policy("conditions: {authentication_flows: [device-code-flow]}");
    scene.apply();
    scene
        .workspace
        .edit_policy("conditions: {authentication_flows: [device-code-flow]}", "");
    scene.apply();
    assert_eq!(
        scene.last_write()["conditions"]["authenticationFlows"],
        Value::Null
    );
    scene.settled();
}

#[test]
fn trap_31_raw_a_strength_counts_as_mfa_by_what_it_satisfies() {
    let scene = Scene::new();
    let strengths = scene
        .tenant
        .get("/v1.0/policies/authenticationStrengthPolicies");
    let built_in = strengths["value"].as_array().unwrap();
    assert_eq!(built_in.len(), 3);
    for strength in built_in {
        assert_eq!(strength["requirementsSatisfied"], "mfa", "{strength:#}");
    }
    let body = shipped_but(
        &scene.tenant,
        "/grantControls",
        json!({"operator": "OR", "authenticationStrength": {"id": built_in[0]["id"]}}),
    );
    let id = scene.tenant.create_policy(&body);
    let live = scene.tenant.get(&format!("{POLICIES}/{id}"));
    let grant = &live["grantControls"];
    assert_eq!(grant["builtInControls"], json!([]));
    assert_eq!(
        grant["authenticationStrength"]["requirementsSatisfied"],
        "mfa"
    );
}

#[test]
fn trap_38_token_protection_is_managed_and_what_is_beta_only_is_not() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("session: {token_protection: true}");
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["sessionControls"]["secureSignInSession"],
        json!({"isEnabled": true})
    );
    scene.settled();
    let body = shipped_but(
        &scene.tenant,
        "/sessionControls",
        json!({"continuousAccessEvaluation": {"mode": "disabled"}}),
    );
    let message = refusal(&scene.tenant, "POST", POLICIES, &body, 400);
    assert!(message.starts_with("10"), "a numbered refusal: {message}");
}
