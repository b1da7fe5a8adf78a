//! Back to report-only, now.

use crate::support::{
    CLIENT_ID, CLIENT_SECRET, FILE, Fault, KEY, RECORD, SIGN_IN, Served, TENANT_ID, Wire, Workspace,
};

const REPORT_ONLY: &str = "enabledForReportingButNotEnforced";

fn enforced() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    workspace.apply();
    assert_eq!(tenant.shipped()["state"], "enabled");
    (workspace, tenant)
}

#[test]
fn by_key_it_sends_the_patch_first_and_then_edits_the_yaml() {
    let (workspace, tenant) = enforced();
    assert!(workspace.exists(RECORD));
    tenant.forget_requests();
    workspace
        .run(&["demote", KEY])
        .exits(0)
        .says("is report-only");
    let requests = tenant.requests();
    let graph: Vec<_> = requests
        .iter()
        .filter(|(_, path)| path.starts_with("/v1.0/"))
        .collect();
    assert_eq!(graph[0].0, "PATCH", "{requests:#?}");
    assert!(
        graph[1..]
            .iter()
            .all(|(method, path)| method == "GET" && path.contains("/conditionalAccess/policies/")),
        "nothing is looked up: {requests:#?}"
    );
    assert_eq!(graph.len(), 3, "read back until equal twice");
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    assert!(workspace.read(FILE).contains("state: report-only"));
    assert!(!workspace.exists(RECORD));
    assert_eq!(workspace.change()["action"], "none");
}

#[test]
fn by_key_it_reads_only_the_configuration_and_that_one_policy() {
    let (workspace, tenant) = enforced();
    workspace.write("policies/broken.yaml", "policy: [\n");
    workspace.run(&["plan"]).exits(1);
    workspace.run(&["demote", KEY]).exits(0);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn no_guard_stands_in_its_way() {
    let (workspace, tenant) = enforced();
    let id = tenant.user("emergency1");
    tenant.delete(&format!("/v1.0/users/{id}"));
    workspace.edit(
        "portcullis.yaml",
        "expires: 2027-03-31",
        "expires: 2026-10-01",
    );
    workspace.run(&["demote", KEY]).exits(0);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn it_waits_for_no_lock() {
    let (workspace, tenant) = enforced();
    let lock = std::fs::File::options()
        .write(true)
        .open(workspace.path(".portcullis/lock"))
        .unwrap();
    lock.lock().unwrap();
    let start = std::time::Instant::now();
    workspace.run(&["demote", KEY]).exits(0);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
}

#[test]
fn an_unknown_key_says_how_to_go_on_without_a_workspace() {
    let workspace = Workspace::new();
    workspace
        .run(&["demote", "no-such-key"])
        .exits(1)
        .says("`portcullis demote --id GUID`");
}

#[test]
fn two_live_policies_of_the_name_are_not_guessed_at() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let body = tenant.shipped_body("enabled");
    let ids = [tenant.create_policy(&body), tenant.create_policy(&body)];
    let before = tenant.everything();
    let outcome = workspace.run(&["demote", KEY]).exits(1);
    for id in &ids {
        assert!(outcome.stderr.contains(id), "{outcome}");
    }
    assert_eq!(tenant.everything(), before);
    workspace.run(&["demote", "--id", &ids[1]]).exits(0);
    assert_eq!(tenant.named(crate::support::NAME)[0]["state"], "enabled");
    assert_eq!(tenant.named(crate::support::NAME)[1]["state"], REPORT_ONLY);
}

#[test]
fn by_id_with_a_secret_from_an_empty_directory() {
    let (_workspace, tenant) = enforced();
    let empty = Workspace::empty();
    let id = tenant.shipped_id();
    let arguments = ["demote", "--id", &id, "--cloud", &tenant.url];
    let outcome = empty
        .run_with(
            &arguments,
            &[
                ("AZURE_TENANT_ID", TENANT_ID),
                ("AZURE_CLIENT_ID", CLIENT_ID),
                ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
            ],
            "",
        )
        .exits(0);
    assert!(!outcome.stderr.contains(CLIENT_SECRET), "{outcome}");
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    assert_eq!(empty.files().len(), 0, "it leaves nothing behind");
    assert_eq!(empty.stored().len(), 0);
}

#[test]
fn by_id_with_an_access_token_from_an_empty_directory() {
    let (_workspace, tenant) = enforced();
    let empty = Workspace::empty();
    let id = tenant.shipped_id();
    tenant.forget_requests();
    empty
        .run_with(
            &["demote", "--id", &id, "--cloud", &tenant.url],
            &[
                ("AZURE_TENANT_ID", TENANT_ID),
                ("PORTCULLIS_ACCESS_TOKEN", &tenant.token),
            ],
            "",
        )
        .exits(0);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    assert!(
        !tenant
            .requests()
            .iter()
            .any(|(_, path)| path.contains("oauth2")),
        "the token is there already"
    );
}

#[test]
fn by_id_needs_to_know_where_and_what() {
    let empty = Workspace::empty();
    let id = "0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21";
    empty
        .run(&["demote", "--id", id])
        .exits(1)
        .says("AZURE_TENANT_ID is not set");
    empty.run(&["demote"]).exits(1);
    empty
        .run(&["demote", "--id", "CA010"])
        .exits(1)
        .says("CA010 is not the id of a policy");
    // A credential goes to loopback or to a Microsoft cloud, nowhere else.
    empty
        .run_with(
            &["demote", "--id", id, "--cloud", "http://192.0.2.1:9"],
            &[
                ("AZURE_TENANT_ID", TENANT_ID),
                ("PORTCULLIS_ACCESS_TOKEN", "abc"),
            ],
            "",
        )
        .exits(1)
        .says("neither a Microsoft cloud nor on loopback");
}

#[test]
fn by_id_a_policy_that_is_not_there_is_an_error() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let outcome = workspace
        .run(&["demote", "--id", "0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21"])
        .exits(1);
    assert!(
        outcome
            .stderr
            .contains("0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21"),
        "{outcome}"
    );
    assert_eq!(tenant.events(), 0);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let (workspace, tenant) = enforced();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace.edit("portcullis.yaml", "settle: 0", "settle: 2s");
    wire.breaks(0, Fault::LoseAnswer);
    workspace.run_with(&["demote", KEY], &SIGN_IN, "").exits(0);
    assert_eq!(tenant.shipped()["state"], REPORT_ONLY);
    assert!(
        wire.writes()
            .iter()
            .all(|sent| sent.body == r#"{"state":"enabledForReportingButNotEnforced"}"#)
    );
}
