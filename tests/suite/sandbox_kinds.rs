//! `sandbox reset` and `sandbox app` through the binary: a tenant of another kind, and who may do what.

use serde_json::json;

use crate::support::Workspace;

const APP: &str = "7f1d0b52-3c6e-4a8f-9e21-5b0c4d3a2f61";

#[test]
fn a_tenant_starts_over_in_another_cloud_with_another_licence() {
    let workspace = Workspace::new();
    workspace
        .run(&[
            "sandbox",
            "reset",
            "--cloud",
            "us-gov",
            "--licence",
            "p1",
            "--without",
            "workload-identities",
        ])
        .exits(0)
        .says("The sandbox starts over");
    let tenant = workspace.serve();
    assert_eq!(
        tenant.get("/sandbox")["profile"],
        json!({"cloud": "us-gov", "licence": "p1", "workload_identities": false})
    );
    drop(tenant);
    workspace
        .run(&["sandbox", "reset", "--cloud", "mars"])
        .exits(1)
        .says("us-gov-dod");
    workspace.run(&["sandbox", "reset"]).exits(0);
    assert_eq!(
        workspace.serve().get("/sandbox")["profile"]["cloud"],
        "global"
    );
}

#[test]
fn an_app_gets_the_permissions_it_is_registered_with() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let register = |permission: &str| {
        workspace.run(&[
            "sandbox",
            "app",
            "--client-id",
            APP,
            "--secret",
            "s3",
            "--name",
            "Reader",
            "--permission",
            permission,
            "--url",
            &tenant.url,
        ])
    };
    register("Policy.Read.All")
        .exits(0)
        .says("The application is registered");
    let found = tenant.get(&format!("/v1.0/servicePrincipals?$filter=appId eq '{APP}'"));
    let id = found["value"][0]["id"].as_str().unwrap();
    let assigned = tenant.get(&format!("/v1.0/servicePrincipals/{id}/appRoleAssignments"));
    assert_eq!(assigned["value"][0]["principalDisplayName"], "Reader");
    register("Policy.Rule.All")
        .exits(1)
        .says("no operation of the sandbox needs `Policy.Rule.All`");
}
