//! `sandbox reset` and `sandbox app` through the binary: a tenant of another kind, and who may do what.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

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

#[test]
fn a_control_is_for_the_tenant_that_it_names() {
    let workspace = Workspace::new();
    let tenant = workspace.serve_with(&["--tenants", "2"]);
    let state = workspace.path(".portcullis/sandbox");
    let before = tenant.get("/sandbox")["now"].clone();
    for (place, says) in [
        (["--url", &tenant.url], "2026-11-10 08:00"),
        (["--state", state.to_str().unwrap()], "2026-11-18 08:00"),
    ] {
        let second = ["--tenant-id", "sandbox2.onmicrosoft.example"];
        let advance = ["sandbox", "advance", "8d"];
        workspace
            .run(&[&advance[..], &second, &place].concat())
            .exits(0)
            .says(says);
        assert_eq!(tenant.get("/sandbox")["now"], before, "{place:?}");
        for action in [&advance[..], &["sandbox", "reset"]] {
            let nobody = ["--tenant-id", "nobody.example"];
            workspace
                .run(&[action, &nobody, &place].concat())
                .exits(1)
                .says("no such tenant is served here");
            let declared = ["--tenant", "sandbox"];
            workspace
                .run(&[action, &declared, &place].concat())
                .exits(1)
                .says("--tenant names a tenant that portcullis.yaml declares");
        }
    }
    assert_eq!(tenant.get("/sandbox")["now"], before);
}

#[test]
fn who_records_and_does_not_answer_is_warned() {
    let workspace = Workspace::new();
    let record = workspace.path("exchanges.jsonl");
    let warning_of_one_more = || {
        let mut child = workspace
            .command(&["sandbox", "serve", "--state"])
            .arg(workspace.path(".portcullis/sandbox"))
            .arg("--record")
            .arg(&record)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(ready.contains("url"), "{ready} {said}");
        said
    };
    assert_eq!(warning_of_one_more(), "");
    let _owner = workspace.serve();
    let said = warning_of_one_more();
    assert!(said.contains("another process owns this tenant"), "{said}");
}

#[test]
fn a_tenant_whose_log_is_damaged_starts_over_all_the_same() {
    let workspace = Workspace::new();
    workspace.run(&["sandbox", "advance", "1d"]).exits(0);
    let log = ".portcullis/sandbox/events.jsonl";
    workspace.write(log, &format!("{}garbage\n", workspace.read(log)));
    workspace
        .run(&["sandbox", "advance", "1d"])
        .exits(1)
        .says("line 2 is not an event of the sandbox");
    workspace
        .run(&["sandbox", "reset"])
        .exits(0)
        .says("2026-11-02");
    workspace.run(&["sandbox", "advance", "1d"]).exits(0);
}
