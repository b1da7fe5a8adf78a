//! Traps in the life of a policy: creating, listing, turning on.

use serde_json::json;

use super::{POLICIES, refusal};
use crate::support::{KEY, NAME, SIGN_IN, Scene, shipped_but};

#[test]
fn trap_17_a_list_has_more_than_one_page() {
    let scene = Scene::applied();
    for number in 0..105 {
        let mut body = scene.tenant.shipped_body("disabled");
        body["displayName"] = json!(format!("Somebody's {number:03}"));
        scene.tenant.create_policy(&body);
    }
    for size in [20, 100] {
        scene.tenant.set("page_size", &json!(size));
        let plan = scene
            .workspace
            .run_with(&["plan", "--json"], &SIGN_IN, "")
            .exits(0)
            .json();
        assert_eq!(plan["summary"]["create"], 0);
        assert_eq!(plan["summary"]["unchanged"], 1);
        // Those of the hand and those that the sandbox begins with.
        assert_eq!(plan["summary"]["unmanaged"], 108, "pages of {size}");
    }
    assert_eq!(
        scene.tenant.get(POLICIES)["value"]
            .as_array()
            .unwrap()
            .len(),
        100
    );
    scene.settled();
}

#[test]
fn trap_25_security_defaults_let_a_policy_be_staged_and_not_turned_on() {
    const DEFAULTS: &str = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy";
    let scene = Scene::new();
    scene.tenant.patch(DEFAULTS, &json!({"isEnabled": true}));
    scene.apply();
    let id = scene.tenant.shipped_id();
    let message = refusal(
        &scene.tenant,
        "PATCH",
        &format!("{POLICIES}/{id}"),
        &json!({"state": "enabled"}),
        400,
    );
    assert_eq!(
        message,
        "Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy."
    );
    scene.tenant.advance("8d");
    scene
        .workspace
        .run_with(&["promote", KEY], &SIGN_IN, "")
        .exits(3)
        .says("security-defaults");
    assert_eq!(
        scene.tenant.get(DEFAULTS)["isEnabled"],
        true,
        "nobody switches them off silently"
    );
    scene.tenant.patch(DEFAULTS, &json!({"isEnabled": false}));
    scene
        .workspace
        .run_with(&["promote", KEY], &SIGN_IN, "")
        .exits(0);
}

#[test]
fn trap_32_raw_the_service_takes_a_policy_that_blocks_everybody_everywhere() {
    let scene = Scene::new();
    let mut body = shipped_but(
        &scene.tenant,
        "/grantControls",
        json!({"operator": "OR", "builtInControls": ["block"]}),
    );
    body["conditions"]["applications"] = json!({"includeApplications": ["All"]});
    body["conditions"]["users"] = json!({"includeUsers": ["All"]});
    body["displayName"] = json!("Lock-out");
    scene.tenant.create_policy(&body);
    assert_eq!(scene.tenant.named("Lock-out").len(), 1);
    // Written by the tool, the same policy leaves the emergency accounts out.
    scene.grant("grant: {controls: [block]}");
    scene
        .workspace
        .edit_policy("include: [azure-management]", "include: [all]");
    scene.apply();
    let excluded = scene.tenant.shipped()["conditions"]["users"]["excludeUsers"].clone();
    for emergency in ["emergency1", "emergency2"] {
        let id = scene.tenant.user(emergency);
        assert!(excluded.as_array().unwrap().contains(&json!(id)), "{NAME}");
    }
}
