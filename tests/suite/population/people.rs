//! The directory of a tenant with a crowd.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{all, upn};
use crate::support::Workspace;

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

#[test]
fn two_hundred_people_by_default_and_as_many_as_were_asked_for() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let users = all(&graph, "/v1.0/users?$top=7");
    assert_eq!(users.len(), 200);
    assert_eq!(ids(&users).len(), 200);
    graph.reset(&json!({"people": 1000, "seed": 7}));
    let large = all(&graph, "/v1.0/users?$top=999");
    assert_eq!(large.len(), 1000);
    // Whoever has a name of their own is there in every tenant, whatever the seed.
    assert_eq!(ids(&users).intersection(&ids(&large)).count(), 50);
    graph.reset(&json!({"people": 1000, "seed": 7}));
    assert_eq!(all(&graph, "/v1.0/users?$top=100"), large);
}

#[test]
fn somebody_of_the_crowd_can_be_changed_and_deleted_like_anybody_else() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let users = all(
        &graph,
        "/v1.0/users?$select=id,userPrincipalName,department&$top=999",
    );
    let seller = users
        .iter()
        .rev()
        .find(|user| user["department"] == "Sales")
        .unwrap();
    let id = seller["id"].as_str().unwrap();
    let name = seller["userPrincipalName"].as_str().unwrap();
    assert_eq!(graph.get(&format!("/v1.0/users/{name}"))["id"], id);
    let sales = graph.group("Sales-Dynamic");
    let holds = |id: &str| {
        all(&graph, &format!("/v1.0/groups/{sales}/members?$top=5"))
            .iter()
            .any(|member| member["id"] == id)
    };
    assert!(holds(id));
    // Who leaves the department leaves the group that follows it.
    graph.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"department": "Legal"}),
    );
    assert!(!holds(id));
    assert_eq!(
        graph.get(&format!("/v1.0/users/{id}?$select=department"))["department"],
        "Legal"
    );
    graph.patch(
        &format!("/v1.0/users/{id}"),
        &json!({"userPrincipalName": upn("someone.else")}),
    );
    assert_eq!(
        graph.get(&format!("/v1.0/users/{}", upn("someone.else")))["id"],
        id
    );
    graph.delete(&format!("/v1.0/users/{id}"));
    let left = all(&graph, "/v1.0/users?$top=999");
    assert_eq!(left.len(), 199);
    assert!(left.iter().all(|user| user["id"] != id));
}

#[test]
fn groups_and_people_agree_on_who_is_in_what() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 600}));
    let everybody = graph.group("Azure-Everybody");
    let members = all(
        &graph,
        &format!("/v1.0/groups/{everybody}/transitiveMembers?$top=999"),
    );
    let direct = all(&graph, &format!("/v1.0/groups/{everybody}/members"));
    assert_eq!(direct.len(), 6);
    assert!(
        direct
            .iter()
            .all(|row| row["@odata.type"] == "#microsoft.graph.group")
    );
    let people: BTreeSet<&str> = members
        .iter()
        .filter(|row| row["@odata.type"] == "#microsoft.graph.user")
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    // 550 of a crowd: 17 developers, 7 operators, 3 analysts, 2 readers, 1 + 1 + 1 administrators and
    // owners, 2 + 1 guests.
    assert_eq!(people.len(), 35);
    for user in all(&graph, "/v1.0/users?$select=id&$top=999")
        .iter()
        .step_by(9)
    {
        let id = user["id"].as_str().unwrap();
        let groups = all(&graph, &format!("/v1.0/users/{id}/transitiveMemberOf"));
        let is_in = groups.iter().any(|group| group["id"] == everybody.as_str());
        assert_eq!(is_in, people.contains(id), "{id}");
    }
}

#[test]
fn whoever_uses_azure_is_ready_and_break_glass_accounts_have_a_passkey_for_good() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let report = "/v1.0/reports/authenticationMethods/userRegistrationDetails";
    let registrations = all(&graph, report);
    // One of the crowd is disabled, and not in the report.
    assert_eq!(registrations.len(), 199);
    let incapable = all(&graph, &format!("{report}?$filter=isMfaCapable eq false"));
    assert!(incapable.len() > 20, "{}", incapable.len());
    let azure = graph.group("Azure-Everybody");
    let azure = ids(&all(
        &graph,
        &format!("/v1.0/groups/{azure}/transitiveMembers?$top=999"),
    ));
    assert_eq!(ids(&incapable).intersection(&azure).count(), 0);
    assert!(incapable.iter().all(|row| row["isAdmin"] == false));
    for account in ["emergency1", "emergency2"] {
        let id = graph.user(account);
        let methods = graph.get(&format!("/v1.0/users/{id}/authentication/methods"));
        let types: Vec<&str> = methods["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|method| method["@odata.type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            [
                "#microsoft.graph.passwordAuthenticationMethod",
                "#microsoft.graph.fido2AuthenticationMethod"
            ]
        );
        let keys = graph.get(&format!("/v1.0/users/{id}/authentication/fido2Methods"));
        assert_eq!(keys["value"].as_array().unwrap().len(), 1);
        let held = graph.get(&format!(
            "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances?$filter=principalId eq '{id}'"
        ));
        let held = &held["value"][0];
        assert_eq!(
            held["roleDefinitionId"],
            "62e90394-69f5-4237-9190-012177145e10"
        );
        assert_eq!(held["assignmentType"], "Assigned");
        assert_eq!(held["endDateTime"], Value::Null);
        let used = graph.get(&format!("/v1.0/users/{id}?$select=signInActivity"));
        assert_eq!(
            used["signInActivity"]["lastSuccessfulSignInDateTime"],
            "2026-10-12T10:05:00Z"
        );
    }
}

#[test]
fn who_may_take_a_role_does_not_hold_it_and_trusted_homes_can_be_told() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let eligible = "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances";
    let eligible = graph.get(eligible)["value"].as_array().unwrap().clone();
    assert_eq!(eligible.len(), 2);
    for row in eligible {
        let principal = row["principalId"].as_str().unwrap();
        let held = graph.get(&format!(
            "/v1.0/roleManagement/directory/roleAssignments?$filter=principalId eq '{principal}'"
        ));
        assert_eq!(held["value"], json!([]));
    }
    let partners = graph.get("/v1.0/policies/crossTenantAccessPolicy/partners");
    let trusted: Vec<bool> = partners["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|partner| partner["inboundTrust"]["isMfaAccepted"].as_bool().unwrap())
        .collect();
    assert_eq!(trusted, [true, true, false]);
    let default = graph.get("/v1.0/policies/crossTenantAccessPolicy/default");
    assert_eq!(default["inboundTrust"]["isMfaAccepted"], false);
}
