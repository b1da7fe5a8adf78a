//! Everything that the tables list and that can be read, read from the sandbox: what it answers is checked
//! when the workspace is dropped.

use std::collections::BTreeSet;

use super::checker::operations::{Answer, Operation};
use super::checker::tables::Tables;
use crate::support::{Served, Workspace};

/// What this tenant does not answer, with the reason.
const UNANSWERED: &[(&str, &str)] = &[
    ("/directoryRoles/{id}", LIST_ONLY),
    ("/domains/{id}", LIST_ONLY),
    ("/subscribedSkus/{id}", LIST_ONLY),
    (
        "/reports/authenticationMethods/userRegistrationDetails/$count",
        LIST_ONLY,
    ),
    (
        "/identity/conditionalAccess/authenticationStrength/authenticationMethodModes",
        "the sandbox has no such path",
    ),
    (
        "/identity/conditionalAccess/authenticationContextClassReferences/{id}",
        "the tenant has no authentication context",
    ),
    (
        "/identity/conditionalAccess/deletedItems/namedLocations/{id}",
        "no location was deleted",
    ),
    (
        "/policies/authenticationStrengthPolicies/{id}/combinationConfigurations/{configuration}",
        "the built-in strength that is listed first has no configuration",
    ),
    ("/me", "who asks is an application and nobody's session"),
];
const LIST_ONLY: &str = "the sandbox serves the list only";

/// Fills the holes of a path with what the collection before each of them lists first.
fn filled(served: &Served, version: &str, operation: &Operation) -> Option<String> {
    let mut path = format!("/{version}");
    for segment in operation.path.split('/').skip(1) {
        let segment = match segment {
            "servicePrincipals(appId='{appId}')" => {
                "servicePrincipals(appId='797f4846-ba00-4fd7-ba43-dac1f8f63013')".to_owned()
            }
            "microsoft.graph.{type}" => "microsoft.graph.user".to_owned(),
            hole if hole.starts_with('{') => {
                let listed = match path.rsplit('/').next() {
                    Some("directoryObjects") => served.ask(&format!("/{version}/users")),
                    _ => served.ask(&path),
                };
                listed.1["value"][0]["id"].as_str()?.to_owned()
            }
            literal => literal.to_owned(),
        };
        path = format!("{path}/{segment}");
    }
    Some(path)
}

/// The same read in the ways that its options allow.
fn ways(operation: &Operation) -> Vec<&'static str> {
    let mut ways = vec![""];
    let is_list = matches!(operation.answers.as_slice(), [(200, Answer::Many(_))]);
    for (option, query) in [
        ("select", "?$select=id"),
        ("top", "?$top=1"),
        ("count", "?$count=true"),
    ] {
        if operation.options.iter().any(|listed| listed == option)
            && (is_list || option == "select")
        {
            ways.push(query);
        }
    }
    ways
}

#[test]
fn whatever_can_be_read_holds_to_the_tables() {
    let workspace = Workspace::new();
    workspace.apply();
    let served = workspace.serve();
    let deleted = served.create_policy(&served.shipped_body("disabled"));
    served.delete_policy(&deleted);
    let mut answered = BTreeSet::new();
    for operation in &Tables::ours().operations {
        if operation.method != "GET" || operation.bare {
            continue;
        }
        for version in ["v1.0", "beta"] {
            let Some(path) = filled(&served, version, operation) else {
                continue;
            };
            for way in ways(operation) {
                if served.ask(&format!("{path}{way}")).0 == 200 {
                    answered.insert(operation.path.as_str());
                }
            }
        }
    }
    let unanswered: BTreeSet<&str> = Tables::ours()
        .operations
        .iter()
        .filter(|operation| operation.method == "GET" && !operation.bare)
        .map(|operation| operation.path.as_str())
        .filter(|path| !answered.contains(path))
        .collect();
    let expected: BTreeSet<&str> = UNANSWERED.iter().map(|(path, _)| *path).collect();
    assert_eq!(unanswered, expected, "not answered, and as listed");
    for path in [
        "/identity/conditionalAccess/policies/{id}",
        "/identity/conditionalAccess/deletedItems/policies/{id}",
        "/identity/conditionalAccess/namedLocations/{id}",
        "/policies/authenticationStrengthPolicies/{id}",
        "/auditLogs/directoryAudits/{id}",
        "/users/{id}/memberOf",
        "/groups/{id}/transitiveMembers",
        "/roleManagement/directory/roleAssignments/{id}",
        "/subscribedSkus",
    ] {
        assert!(answered.contains(path), "{path} is not answered");
    }
}
