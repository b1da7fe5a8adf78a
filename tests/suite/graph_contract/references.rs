//! Traps in what a policy refers to.

use serde_json::{Value, json};

use super::{AZURE, LOCATIONS, POLICIES, location, refusal};
use crate::support::{FILE, KEY, SIGN_IN, Scene, shipped_but};

#[test]
fn trap_03_a_name_that_does_not_resolve_stops_everything() {
    let scene = Scene::new();
    scene.workspace.add_policy("other", "Another policy");
    scene.workspace.edit_policy(
        "include: [all]",
        "include: [{group: Azure-Administrators}, {group: Nobody-Made-This}]",
    );
    let before = scene.tenant.everything();
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(3)
        .says("Nobody-Made-This")
        .says(FILE);
    assert_eq!(scene.tenant.everything(), before);
    assert!(scene.wire.writes().is_empty());
}

#[test]
fn trap_11_a_target_without_a_service_principal_is_found_before_the_write() {
    let scene = Scene::new();
    let found = scene.tenant.get(&format!(
        "/v1.0/servicePrincipals?$filter=appId eq '{AZURE}'"
    ));
    let id = found["value"][0]["id"].as_str().unwrap().to_owned();
    scene
        .tenant
        .delete(&format!("/v1.0/servicePrincipals/{id}"));
    let message = refusal(
        &scene.tenant,
        "POST",
        POLICIES,
        &scene.tenant.shipped_body("disabled"),
        400,
    );
    assert_eq!(
        message,
        format!(
            "1034: Policy contains invalid applications: {{\"{AZURE}\":\"ServicePrincipalNotFound\"}}"
        )
    );
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(3)
        .says("app \"azure-management\" has no service principal in the tenant")
        .says(&format!("az ad sp create --id {AZURE}"));
    assert!(scene.wire.writes().is_empty());
}

#[test]
fn trap_16_a_name_is_no_key() {
    let scene = Scene::new();
    let body = scene.tenant.shipped_body("disabled");
    let (first, second) = (
        scene.tenant.create_policy(&body),
        scene.tenant.create_policy(&body),
    );
    assert_ne!(first, second, "the service takes a name twice");
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(3)
        .says(&first)
        .says(&second);
    // Pinned, it is that one, and a new name is no new policy.
    scene.workspace.add_to_policy(&format!("id: {second}"));
    scene.workspace.edit_policy(
        "name: CA010 - Require MFA for Azure management",
        "name: CA010 - MFA",
    );
    scene.apply();
    assert_eq!(scene.tenant.named("CA010 - MFA").len(), 1);
    assert_eq!(scene.tenant.shipped_id(), first);
    scene.settled();
}

#[test]
fn trap_19_what_was_read_is_not_what_may_be_written() {
    let scene = Scene::applied();
    let whole = scene.tenant.shipped();
    let id = whole["id"].as_str().unwrap();
    let path = format!("{POLICIES}/{id}");
    let message = refusal(&scene.tenant, "PATCH", &path, &whole, 400);
    assert!(message.starts_with("1007:"), "{message}");
    for (block, undeclared) in [
        ("conditions", "clients"),
        ("sessionControls", "continuousAccessEvaluation"),
    ] {
        let body = json!({block: {undeclared: null}});
        let message = refusal(&scene.tenant, "PATCH", &path, &body, 400);
        assert!(message.starts_with("1007:"), "{body}: {message}");
    }
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    let sent = scene.last_write();
    let conditions = sent["conditions"].as_object().unwrap();
    for undeclared in ["clients", "times", "deviceStates"] {
        assert!(!conditions.contains_key(undeclared), "{sent:#}");
    }
    assert!(
        !sent["conditions"]["applications"]
            .as_object()
            .unwrap()
            .contains_key("networkAccess")
    );
    scene.settled();
}

#[test]
fn trap_21_the_old_and_the_new_form_of_guests_mean_the_same() {
    let scene = Scene::new();
    let mut body = scene
        .tenant
        .shipped_body("enabledForReportingButNotEnforced");
    let users = &mut body["conditions"]["users"];
    users["includeUsers"] = json!(["GuestsOrExternalUsers"]);
    users["excludeUsers"] = json!([]);
    scene.tenant.create_policy(&body);
    scene
        .workspace
        .edit_policy("include: [all]", "include: [{guests: all}]");
    scene.settled();
    // An edit beside it writes one form, and takes the other away in the same PATCH.
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    let sent = scene.last_write()["conditions"]["users"].clone();
    assert_eq!(sent["includeUsers"], json!([]), "{sent:#}");
    let kinds = sent["includeGuestsOrExternalUsers"]["guestOrExternalUserTypes"]
        .as_str()
        .unwrap();
    assert_eq!(kinds.split(',').count(), 6, "{kinds}");
    scene.settled();
}

#[test]
fn trap_22_the_home_tenants_of_guests_keep_their_type() {
    const HOME: &str = "7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11";
    let scene = Scene::new();
    let all_with_members = json!({
        "guestOrExternalUserTypes": "b2bCollaborationGuest",
        "externalTenants": {
            "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
            "membershipKind": "all",
            "members": [HOME],
        },
    });
    let mut body = shipped_but(
        &scene.tenant,
        "/conditions/users/includeGuestsOrExternalUsers",
        all_with_members,
    );
    body["conditions"]["users"]["includeUsers"] = json!([]);
    scene.tenant.expect("POST", POLICIES, Some(&body), 400);
    scene.workspace.edit_policy(
        "include: [all]",
        &format!("include: [{{guests: {{kinds: b2b-collaboration-guest, tenants: [{HOME}]}}}}]"),
    );
    scene.apply();
    let live = scene.tenant.shipped();
    assert_eq!(
        live["conditions"]["users"]["includeGuestsOrExternalUsers"]["externalTenants"],
        json!({
            "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
            "membershipKind": "enumerated",
            "members": [HOME],
        })
    );
    scene.settled();
    scene.workspace.edit_policy(
        &format!("{{guests: {{kinds: b2b-collaboration-guest, tenants: [{HOME}]}}}}"),
        "{guests: b2b-collaboration-guest}",
    );
    scene.apply();
    let sent = scene.last_write();
    let tenants = &sent["conditions"]["users"]["includeGuestsOrExternalUsers"]["externalTenants"];
    assert_eq!(tenants["membershipKind"], "all");
    assert!(tenants.get("members").is_none(), "{tenants:#}");
    scene.settled();
}

#[test]
fn trap_23_a_role_is_meant_by_its_template() {
    const TEMPLATE: &str = "62e90394-69f5-4237-9190-012177145e10";
    let scene = Scene::new();
    let roles = scene.tenant.get("/v1.0/directoryRoles");
    let activated = roles["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["roleTemplateId"] == TEMPLATE)
        .unwrap()
        .clone();
    assert_ne!(activated["id"], TEMPLATE);
    for wrong in [activated["id"].clone(), json!("All")] {
        let body = shipped_but(
            &scene.tenant,
            "/conditions/users/includeRoles",
            json!([wrong]),
        );
        scene.tenant.expect("POST", POLICIES, Some(&body), 400);
    }
    scene
        .workspace
        .edit_policy("include: [all]", "include: [{role: Global Administrator}]");
    scene.apply();
    assert_eq!(
        scene.tenant.shipped()["conditions"]["users"]["includeRoles"],
        json!([TEMPLATE])
    );
    scene.settled();
}

#[test]
fn trap_33_an_id_that_nobody_has_any_more_is_shown_and_kept() {
    let scene = Scene::new();
    let leaver = scene.tenant.user("bao.nguyen");
    let mut body = scene
        .tenant
        .shipped_body("enabledForReportingButNotEnforced");
    body["conditions"]["users"]["excludeUsers"]
        .as_array_mut()
        .unwrap()
        .push(json!(leaver));
    scene.tenant.create_policy(&body);
    scene.tenant.delete(&format!("/v1.0/users/{leaver}"));
    let kept = |scene: &Scene| {
        scene.tenant.shipped()["conditions"]["users"]["excludeUsers"]
            .as_array()
            .unwrap()
            .contains(&json!(leaver))
    };
    scene.workspace.edit_policy(
        "exclude: [backup-automation]",
        &format!("exclude: [{{user: {leaver}, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}}]"),
    );
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0)
        .says(&format!(
            "user {leaver} is not in the tenant any more; the live policy holds it, so it is kept"
        ));
    assert!(kept(&scene), "the YAML names it: it stays");
    scene.workspace.edit_policy(
        &format!("exclude: [{{user: {leaver}, reason: r, owner: o, review_by: 2026-12-01, expires: 2027-01-31}}]"),
        "exclude: []",
    );
    scene.apply();
    assert!(!kept(&scene), "the YAML does not name it any more");
}

#[test]
fn trap_34_raw_a_trusted_location_is_deleted_in_two_steps() {
    let scene = Scene::new();
    let made = scene.tenant.post(LOCATIONS, &location("Trusted", true));
    let path = format!("{LOCATIONS}/{}", made["id"].as_str().unwrap());
    scene.tenant.expect("DELETE", &path, None, 400);
    scene.tenant.patch(
        &path,
        &json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": false}),
    );
    assert_eq!(scene.tenant.get(&path)["isTrusted"], false);
    scene.tenant.delete(&path);
}

#[test]
fn trap_35_the_location_of_zeros_is_a_word_and_no_object() {
    const ZEROS: &str = "00000000-0000-0000-0000-000000000000";
    let scene = Scene::new();
    let locations = json!({"includeLocations": ["All"], "excludeLocations": [ZEROS, "AllTrusted"]});
    let body = shipped_but(&scene.tenant, "/conditions/locations", locations.clone());
    scene.tenant.create_policy(&body);
    scene.workspace.add_to_policy(
        "conditions: {locations: {include: [all], exclude: [all-trusted, mfa-trusted-ips]}}",
    );
    scene.settled();
    scene
        .workspace
        .edit_policy("exclude: [backup-automation]", "exclude: []");
    scene.apply();
    let mut sent = scene.last_write()["conditions"]["locations"].clone();
    let mut excluded: Vec<String> =
        serde_json::from_value(sent["excludeLocations"].take()).unwrap();
    excluded.sort();
    assert_eq!(excluded, [ZEROS, "AllTrusted"]);
    for request in scene.wire.sent() {
        assert!(
            !format!("{}{}", request.path, request.body)
                .contains(&format!("namedLocations/{ZEROS}")),
            "nobody looks it up: {request:?}"
        );
    }
}

#[test]
fn trap_37_an_application_that_cannot_be_a_target_is_explained() {
    let scene = Scene::new();
    scene.workspace.edit_policy(
        "include: [azure-management]",
        "include: [Microsoft Azure CLI]",
    );
    scene
        .workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(1)
        .says(KEY)
        .says("public client");
    assert!(scene.tenant.named(crate::support::NAME).is_empty());
    let answer: Value = scene.tenant.expect(
        "POST",
        POLICIES,
        Some(&shipped_but(
            &scene.tenant,
            "/conditions/applications/includeApplications",
            json!(["04b07795-8ddb-461a-bbee-02f9e1bf7b46"]),
        )),
        400,
    );
    assert!(answer.to_string().contains("PublicClientsAreUnsupported"));
}
