//! More than one tenant in a workspace.

use serde_json::json;

use crate::support::{FILE, KEY, NAME, SIGN_IN, Served, TENANT_ID, Wire, Workspace};

const OTHER: &str = "0b8f5f0e-93d1-4f38-8d0c-6f2f5a6f7d21";

/// Two tenants: the sandbox, and `contoso` behind a wire, each with a store of its own.
struct Two {
    workspace: Workspace,
    sandbox: Served,
    contoso: Served,
    wire: Wire,
    _home: Workspace,
}

fn two() -> Two {
    let workspace = Workspace::new();
    let sandbox = workspace.serve();
    let home = Workspace::new();
    let contoso = home.serve();
    let wire = Wire::to_another(&contoso.url, OTHER);
    let text = workspace.read("portcullis.yaml");
    let bindings: String = text
        .lines()
        .skip_while(|line| !line.starts_with("    principals:"))
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    workspace.edit(
        "portcullis.yaml",
        "\nprincipals:",
        &format!(
            "  contoso:\n    settle: 0\n{}\n{bindings}\nprincipals:",
            wire.declaration()
        ),
    );
    Two {
        workspace,
        sandbox,
        contoso,
        wire,
        _home: home,
    }
}

impl Two {
    fn run(&self, arguments: &[&str]) -> crate::support::Outcome {
        self.workspace.run_with(arguments, &SIGN_IN, "")
    }

    fn in_contoso(&self, arguments: &[&str]) -> crate::support::Outcome {
        self.run(&[arguments, &["--tenant", "contoso"]].concat())
    }
}

#[test]
fn what_writes_needs_to_be_told_the_tenant() {
    let two = two();
    for arguments in [
        &["apply", "--auto-approve"][..],
        &["promote", KEY],
        &["demote", KEY],
    ] {
        two.run(arguments)
            .exits(1)
            .says("more than one tenant is declared, and this command writes")
            .says("--tenant: contoso, sandbox");
    }
    two.run(&["apply", "--auto-approve", "--tenant", "fabrikam"])
        .exits(1)
        .says("tenant fabrikam is not declared");
    assert_eq!(two.sandbox.events() + two.contoso.events(), 0);
    // What only reads takes the default one.
    let plan = two.run(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["tenant"]["name"], "sandbox");
    assert_eq!(plan["tenant"]["id"], TENANT_ID);
}

#[test]
fn each_tenant_is_written_alone_and_named_in_full() {
    let two = two();
    let applied = two.in_contoso(&["apply", "--auto-approve"]).exits(0);
    assert!(
        applied.stdout.contains(&format!(
            "Tenant contoso (sandbox.onmicrosoft.example, {OTHER})"
        )),
        "name, domain and id: {applied}"
    );
    assert_eq!(two.contoso.named(NAME).len(), 1);
    assert_eq!(two.sandbox.named(NAME).len(), 0);
    assert_eq!(two.sandbox.events(), 0);
    assert!(
        two.workspace
            .exists(&format!(".portcullis/journal/{OTHER}.jsonl"))
    );
}

#[test]
fn promote_edits_the_state_of_the_one_tenant() {
    let two = two();
    two.in_contoso(&["apply", "--auto-approve"]).exits(0);
    two.contoso.advance("8d");
    let before = two.workspace.files();
    let promoted = two.in_contoso(&["promote", KEY]).exits(0);
    assert!(
        format!("{}{}", promoted.stdout, promoted.stderr).contains(OTHER),
        "a command that writes names the tenant: {promoted}"
    );
    let after = two.workspace.files();
    let new: Vec<_> = after
        .keys()
        .filter(|file| !before.contains_key(*file))
        .collect();
    assert_eq!(new, [&format!("promotions/contoso/{KEY}.yaml")]);
    // The block is missing and inserted; the top-level state stays.
    let text = &after[FILE];
    assert!(text.contains("\nstate: report-only "), "{text}");
    let added: Vec<_> = text
        .lines()
        .filter(|line| !before[FILE].contains(line))
        .collect();
    assert_eq!(added, ["tenants:", "  contoso: {state: on}"], "{text}");

    let plan = two.in_contoso(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["changes"][0]["action"], "promote", "{plan:#}");
    let plan = two
        .run(&["plan", "--json", "--tenant", "sandbox"])
        .exits(0)
        .json();
    assert_eq!(plan["changes"][0]["action"], "create");
    assert_eq!(plan["changes"][0]["to_state"], "report-only");

    let writes = two.wire.writes().len();
    two.in_contoso(&["apply", "--auto-approve"]).exits(0);
    let sent = two.wire.writes().split_off(writes);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body, r#"{"state":"enabled"}"#);
    assert_eq!(two.contoso.shipped()["state"], "enabled");

    // The block is there now: one scalar.
    two.in_contoso(&["demote", KEY]).exits(0);
    assert_eq!(
        two.workspace.read(FILE),
        text.replace("{state: on}", "{state: report-only}")
    );
}

#[test]
fn a_pin_belongs_to_one_tenant() {
    let two = two();
    let mut body = two
        .contoso
        .shipped_body("enabledForReportingButNotEnforced");
    body["displayName"] = json!("Clicked in contoso");
    let id = two.contoso.create_policy(&body);
    two.workspace
        .add_to_policy(&format!("tenants:\n  contoso: {{id: {id}}}"));
    let plan = two.in_contoso(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["changes"][0]["action"], "update");
    assert_eq!(plan["changes"][0]["id"], json!(id));
    let plan = two.run(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["changes"][0]["action"], "create");
}

#[test]
fn a_saved_plan_of_one_tenant_is_stale_for_another() {
    let two = two();
    two.run(&["plan", "--out", "p.plan", "--tenant", "sandbox"])
        .exits(0);
    two.in_contoso(&["apply", "p.plan"])
        .exits(4)
        .says("the plan was made for tenant");
    assert_eq!(two.contoso.events(), 0);
    assert_eq!(two.wire.writes(), []);
}

#[test]
fn a_pinned_tenant_id_in_the_environment_that_differs_is_an_error() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    tenant.forget_requests();
    workspace
        .run_with(&["plan"], &[("PORTCULLIS_TENANT_ID", OTHER)], "")
        .exits(1)
        .says("PORTCULLIS_TENANT_ID pins this environment to");
    assert_eq!(tenant.requests(), [], "no token is asked for");
    workspace
        .run_with(&["plan"], &[("PORTCULLIS_TENANT_ID", TENANT_ID)], "")
        .exits(0);
    // Configuration wins over what other tools use.
    let plan = workspace
        .run_with(&["plan", "--json"], &[("AZURE_TENANT_ID", OTHER)], "")
        .exits(0)
        .json();
    assert_eq!(plan["tenant"]["id"], TENANT_ID);
}

#[test]
fn a_token_of_another_tenant_than_the_declared_one_writes_nothing() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace.edit("portcullis.yaml", TENANT_ID, OTHER);
    let outcome = workspace.run_with(
        &["apply", "--auto-approve"],
        &[("PORTCULLIS_ACCESS_TOKEN", &tenant.token)],
        "",
    );
    assert_ne!(outcome.code, Some(0), "{outcome}");
    assert_eq!(wire.writes(), []);
    assert_eq!(tenant.events(), 0);
}
