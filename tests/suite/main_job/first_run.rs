//! From a fresh clone to an enforced policy, and back.

use serde_json::json;

use crate::support::{FILE, KEY, NAME, RECORD, SIGN_IN, Wire, Workspace, change_of};

#[test]
fn a_fresh_clone_creates_the_policy_report_only_and_says_so() {
    let workspace = Workspace::as_shipped();
    let files = workspace.files();
    let first = workspace.apply();
    assert!(
        first
            .stdout
            .contains("created in report-only: it asks nobody for anything yet"),
        "{first}"
    );
    assert!(
        first
            .stdout
            .contains("Plan: 1 to create (report-only), 0 to change, 0 to promote, 0 to delete; 0 held, 3 unmanaged."),
        "{first}"
    );

    let second = workspace.apply();
    assert!(
        second.stdout.contains("There is nothing to change"),
        "{second}"
    );
    assert_eq!(workspace.files(), files, "apply edits no reviewed file");

    let tenant = workspace.serve();
    let live = tenant.shipped();
    assert_eq!(live["state"], "enabledForReportingButNotEnforced");
    assert_eq!(live["conditions"]["users"]["includeUsers"], json!(["All"]));
    assert_eq!(
        live["conditions"]["applications"]["includeApplications"],
        json!(["797f4846-ba00-4fd7-ba43-dac1f8f63013"])
    );
    assert_eq!(live["grantControls"]["builtInControls"], json!(["mfa"]));
    let mut excluded = vec![tenant.user("emergency1"), tenant.user("emergency2")];
    excluded.sort();
    let mut live_excluded: Vec<String> =
        serde_json::from_value(live["conditions"]["users"]["excludeUsers"].clone()).unwrap();
    live_excluded.sort();
    assert_eq!(live_excluded, excluded);
    assert_eq!(
        live["conditions"]["users"]["excludeGroups"],
        json!([tenant.group("CA-Exclude-Backup-Automation")])
    );
    assert_eq!(tenant.events(), 1, "one write, whatever was run twice");
}

#[test]
fn the_default_settle_on_loopback_is_waited_for_before_the_first_create() {
    let workspace = Workspace::as_shipped();
    workspace
        .apply()
        .says("no journal here yet: waiting")
        .says("created in report-only");
    // With the journal there is nothing to wait for.
    workspace.add_policy("second", "Second");
    let second = workspace.apply();
    assert!(!second.stderr.contains("no journal"), "{second}");
}

#[test]
fn promotion_waits_for_the_soak_and_then_turns_the_policy_on_with_one_scalar() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    let run = |arguments: &[&str]| workspace.run_with(arguments, &SIGN_IN, "");
    run(&["apply", "--auto-approve"]).exits(0);
    let soaking = workspace.files();

    let early = run(&["promote", KEY]).exits(3);
    assert!(
        early
            .stderr
            .contains(&format!("{KEY} is held by the gate soak")),
        "{early}"
    );
    assert!(early.stderr.contains("soak: 0 of 7 days"), "{early}");
    assert!(
        early.stderr.contains("the earliest date is 2026-11-09"),
        "{early}"
    );
    assert_eq!(
        workspace.files(),
        soaking,
        "a refused promotion edits nothing"
    );

    tenant.advance("8d");
    run(&["promote", KEY]).exits(0).says("Passed.");
    let promoted = workspace.files();
    let before = &soaking[FILE];
    assert_eq!(
        promoted[FILE],
        before.replacen("state: report-only", "state: on", 1),
        "one scalar changes"
    );
    let new: Vec<_> = promoted
        .keys()
        .filter(|file| !soaking.contains_key(*file))
        .collect();
    assert_eq!(new, [RECORD]);
    assert_eq!(
        promoted["portcullis.yaml"], soaking["portcullis.yaml"],
        "nothing else is edited"
    );

    let plan = run(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["summary"]["promote"], 1);
    let change = change_of(&plan, KEY);
    assert_eq!(change["action"], "promote");
    assert_eq!(change["from_state"], "report-only");
    assert_eq!(change["to_state"], "on");
    assert_eq!(change["effect"], "strengthens");
    assert_eq!(
        change["fields"],
        json!([{"path": "state", "before": "report-only", "after": "on", "origin": "file"}])
    );

    let writes = wire.writes().len();
    run(&["apply", "--auto-approve"])
        .exits(0)
        .says("turned on: it is enforced now");
    let sent = wire.writes().split_off(writes);
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(sent[0].method, "PATCH");
    assert_eq!(sent[0].body, r#"{"state":"enabled"}"#);
    assert_eq!(tenant.shipped()["state"], "enabled");

    let status = run(&["status", "--json"]).exits(0).json();
    assert_eq!(status["policies"][0]["state"], "on");
    let text = run(&["status"]).exits(0);
    assert!(
        text.stdout.contains(&format!("{KEY} \"{NAME}\": on")),
        "{text}"
    );

    run(&["demote", KEY]).exits(0);
    assert_eq!(
        tenant.shipped()["state"],
        "enabledForReportingButNotEnforced"
    );
    assert_eq!(workspace.files(), soaking, "the YAML is what it was");
}

#[test]
fn the_record_of_a_promotion_holds_no_personal_data_and_what_the_design_names() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    let record = workspace.read(RECORD);
    let keys: Vec<&str> = record
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    assert_eq!(
        keys,
        [
            "policy",
            "tenant_id",
            "policy_id",
            "content",
            "exclusions",
            "live_modified",
            "weighed_at",
            "bundle",
            "gates"
        ]
    );
    assert!(record.contains(&format!("policy_id: {}\n", tenant.shipped_id())));
    for gate in [
        "soak",
        "intent",
        "unchanged",
        "break-glass",
        "exclusions",
        "security-defaults",
        "licence",
    ] {
        assert!(record.contains(&format!("  {gate}: pass\n")), "{record}");
    }
    assert!(!record.contains('@'), "{record}");
    let bundle = record
        .lines()
        .find_map(|line| line.strip_prefix("bundle: sha256:"))
        .unwrap();
    assert!(workspace.exists(&format!(".portcullis/evidence/{bundle}.json")));
}

#[test]
fn promote_with_apply_turns_it_on_once_its_key_is_typed() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    let arguments = ["promote", KEY, "--apply"];
    workspace
        .run_with(&arguments, &[], "yes\n")
        .exits(1)
        .says("was not turned on: its key was not typed");
    assert_eq!(
        tenant.shipped()["state"],
        "enabledForReportingButNotEnforced"
    );
    workspace
        .run_with(&arguments, &[], &format!("{KEY}\n"))
        .exits(0)
        .says("turned on: it is enforced now");
    assert_eq!(tenant.shipped()["state"], "enabled");
}

#[test]
fn apply_asks_and_takes_no_other_answer_than_yes() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for answer in ["", "no\n", "y\n"] {
        workspace
            .run_with(&["apply"], &[], answer)
            .exits(1)
            .says("not applied: the answer was not \"yes\"");
    }
    assert_eq!(tenant.events(), 0);
    workspace.run_with(&["apply"], &[], "yes\n").exits(0);
    assert_eq!(tenant.events(), 1);
}

#[test]
fn promote_edits_one_scalar_whatever_the_layout() {
    for (ending, before, after) in [
        (
            "\n",
            "state: 'report-only'   # soaking\n",
            "state: 'on'   # soaking\n",
        ),
        ("\n", "state: \"report-only\"\n", "state: \"on\"\n"),
        ("\r\n", "state: report-only\n", "state: on\n"),
        // Left out: it is inserted after the name.
        ("\n", "", "state: on\n"),
        ("\r\n", "", "state: on\n"),
    ] {
        let workspace = Workspace::new();
        let tenant = workspace.serve();
        let shipped = workspace.read(FILE);
        let line = shipped
            .lines()
            .find(|line| line.starts_with("state:"))
            .unwrap();
        let text = |state: &str| {
            shipped
                .replace(&format!("{line}\n"), state)
                .replace('\n', ending)
        };
        workspace.write(FILE, &text(before));
        workspace.apply();
        tenant.advance("8d");
        workspace.run(&["promote", KEY]).exits(0);
        assert_eq!(workspace.read(FILE), text(after), "{before:?}");
        assert_eq!(workspace.change()["action"], "promote");
    }
}
