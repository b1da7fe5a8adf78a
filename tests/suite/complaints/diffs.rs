//! Changes that are shown for ever, and changes that are not shown at all.

use serde_json::{Value, json};

use crate::support::{SIGN_IN, Scene, shipped_but};

#[test]
fn azuread_1150_an_empty_list_of_controls_beside_a_strength_is_no_change() {
    let scene = Scene::new();
    scene.grant("grant: {authentication_strength: phishing-resistant-mfa}");
    scene.live_but(
        "/grantControls",
        json!({
            "operator": "OR", "builtInControls": [], "termsOfUse": [], "customAuthenticationFactors": [],
            "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"},
        }),
    );
    scene.settled();
}

#[test]
fn azuread_1235_what_the_service_adds_to_a_sign_in_frequency_is_no_change() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("session: {sign_in_frequency: 4 hours}");
    scene.live_but(
        "/sessionControls",
        json!({"signInFrequency": {"isEnabled": true, "value": 4, "type": "hours"}}),
    );
    let live = scene.tenant.shipped()["sessionControls"]["signInFrequency"].clone();
    assert_eq!(live["frequencyInterval"], "timeBased");
    scene.settled();
}

#[test]
fn azuread_1347_a_cloud_app_security_control_is_written_once() {
    let scene = Scene::new();
    scene
        .workspace
        .add_to_policy("session: {cloud_app_security: configured}");
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["sessionControls"]["cloudAppSecurity"],
        json!({"isEnabled": true, "cloudAppSecurityType": "mcasConfigured"})
    );
    scene.settled();
}

#[test]
fn microsoft365wp_13_a_policy_of_session_controls_alone_has_no_grant_to_plan() {
    let scene = Scene::new();
    scene.grant("session: {sign_in_frequency: 4 hours}");
    scene.apply();
    assert_eq!(scene.tenant.shipped()["grantControls"], Value::Null);
    scene.settled();
}

#[test]
fn azuread_801_a_policy_of_session_controls_alone_is_taken() {
    let scene = Scene::new();
    scene.grant("session: {persistent_browser: never}");
    scene
        .workspace
        .edit_policy("include: [azure-management]", "include: [all]");
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["sessionControls"]["persistentBrowser"],
        json!({"isEnabled": true, "mode": "never"})
    );
    scene.settled();
}

#[test]
fn cipp_517_report_only_is_not_what_was_wanted_when_on_was_wanted() {
    let scene = Scene::applied();
    scene.workspace.set_state(Some("on"));
    let change = scene.change();
    assert_eq!(change["held"][0]["gate"], "soak", "{change:#}");
    scene
        .workspace
        .run_with(&["status", "--json"], &SIGN_IN, "")
        .exits(0)
        .says("report-only");
}

#[test]
fn cipp_6170_nothing_of_the_tools_own_is_written_into_a_policy() {
    let scene = Scene::applied();
    let mut keys: Vec<String> = scene
        .last_write()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "conditions",
            "displayName",
            "grantControls",
            "sessionControls",
            "state"
        ]
    );
    assert_eq!(scene.tenant.shipped()["description"], Value::Null);
    scene.settled();
}

#[test]
fn cipp_5061_the_order_of_a_list_and_the_case_of_an_id_are_no_drift() {
    let scene = Scene::new();
    let mut body = scene
        .tenant
        .shipped_body("enabledForReportingButNotEnforced");
    let users = &mut body["conditions"]["users"];
    let mut excluded: Vec<String> = serde_json::from_value(users["excludeUsers"].take()).unwrap();
    excluded.reverse();
    excluded[0] = excluded[0].to_uppercase();
    users["excludeUsers"] = json!(excluded);
    scene.tenant.create_policy(&body);
    scene.settled();
}

#[test]
fn m365dsc_6871_resilience_defaults_read_as_they_are() {
    let scene = Scene::new();
    // Off at the switch is the default, and no change.
    scene.live_but(
        "/sessionControls",
        json!({"disableResilienceDefaults": false}),
    );
    scene.settled();
    scene
        .workspace
        .add_to_policy("session: {resilience_defaults: disabled}");
    assert_eq!(scene.change()["action"], "update");
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["sessionControls"]["disableResilienceDefaults"],
        true
    );
    scene.settled();
}

#[test]
fn m365dsc_4089_a_strength_that_is_asked_for_is_set() {
    let scene = Scene::new();
    scene.grant("grant: {operator: any, controls: [compliant-device], authentication_strength: passwordless-mfa}");
    scene.apply();
    let grant = scene.tenant.shipped()["grantControls"].clone();
    assert_eq!(
        grant["authenticationStrength"]["id"],
        "00000000-0000-0000-0000-000000000003"
    );
    assert_eq!(grant["builtInControls"], json!(["compliantDevice"]));
    scene.settled();
}

#[test]
fn azuread_1185_from_a_control_to_a_strength_and_back() {
    let scene = Scene::applied();
    scene.grant("grant:\n  authentication_strength: phishing-resistant-mfa");
    scene.apply();
    scene.settled();
    scene.workspace.edit_policy(
        "grant:\n  authentication_strength: phishing-resistant-mfa",
        "grant:\n  controls: [mfa]",
    );
    scene.apply();
    let grant = scene.tenant.shipped()["grantControls"].clone();
    assert_eq!(grant["authenticationStrength"], Value::Null);
    assert_eq!(grant["builtInControls"], json!(["mfa"]));
    scene.settled();
}

#[test]
fn azuread_882_an_authentication_context_can_be_the_target() {
    let scene = Scene::new();
    scene.workspace.edit_policy(
        "include: [azure-management]",
        "authentication_contexts: [c1]",
    );
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["conditions"]["applications"]["includeAuthenticationContextClassReferences"],
        json!(["c1"])
    );
    scene.settled();
}

#[test]
fn azuread_1196_the_old_form_of_guests_does_not_clash_with_the_new_one() {
    let scene = Scene::new();
    let mut body = shipped_but(
        &scene.tenant,
        "/conditions/users/includeUsers",
        json!(["GuestsOrExternalUsers"]),
    );
    body["conditions"]["users"]["excludeUsers"] = json!([]);
    scene.tenant.create_policy(&body);
    scene.workspace.edit_policy(
        "include: [all]",
        "include: [{guests: [b2b-collaboration-guest, service-provider]}]",
    );
    scene.apply();
    let users = scene.tenant.shipped()["conditions"]["users"].clone();
    assert_eq!(users["includeUsers"], json!([]));
    assert_eq!(
        users["includeGuestsOrExternalUsers"]["guestOrExternalUserTypes"],
        "b2bCollaborationGuest,serviceProvider"
    );
    scene.settled();
}
