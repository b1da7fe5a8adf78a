//! Runs that are killed, answers that are lost, two runs at once, and what is kept of it all.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{CLIENT_SECRET, Fault, KEY, NAME, SIGN_IN, Served, Wire, Workspace};

const KEYS: [&str; 4] = ["alpha", "bravo", "charlie", "delta"];

/// A workspace of five policies behind a wire.
fn five() -> (Workspace, Served, Wire) {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    for key in KEYS {
        workspace.add_policy(key, &format!("Policy {key}"));
    }
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace.edit("portcullis.yaml", "settle: 0", "settle: 1s");
    (workspace, tenant, wire)
}

fn start(workspace: &Workspace) -> Child {
    workspace
        .command(&["apply", "--auto-approve"])
        .envs(SIGN_IN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until something is so, and fails when it never is.
#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never was so");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills a run without a warning, and asserts that it had not ended by itself.
#[track_caller]
fn kill(mut child: Child) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it had ended already");
}

/// The lines of the journal.
fn journal(workspace: &Workspace) -> usize {
    workspace
        .stored()
        .iter()
        .filter(|(name, _)| name.starts_with(".portcullis/journal/"))
        .map(|(_, text)| text.lines().count())
        .sum()
}

/// Runs again, and asserts that everything is there once.
#[track_caller]
fn converges(workspace: &Workspace, tenant: &Served) {
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    for name in KEYS
        .map(|key| format!("Policy {key}"))
        .iter()
        .map(String::as_str)
        .chain([NAME])
    {
        assert_eq!(tenant.named(name).len(), 1, "{name}");
    }
    assert_eq!(tenant.policies().len(), 8);
    let again = workspace
        .run_with(&["plan", "--json", "--detailed-exitcode"], &SIGN_IN, "")
        .exits(0)
        .json();
    assert_eq!(again["summary"]["unchanged"], 5);
}

#[test]
fn a_run_that_is_killed_at_any_point_converges_when_it_is_run_again() {
    // After the announcement of the n-th write or its outcome, wherever the process is by then.
    for lines in [1, 6, 9] {
        let (workspace, tenant, _wire) = five();
        let child = start(&workspace);
        wait_until(|| journal(&workspace) >= lines);
        kill(child);
        converges(&workspace, &tenant);
    }
}

#[test]
fn a_run_that_is_killed_between_a_write_and_its_answer_converges() {
    for (fault, arrived) in [(Fault::HoldAnswer, 3), (Fault::HoldRequest, 2)] {
        let (workspace, tenant, wire) = five();
        wire.breaks(2, fault);
        let child = start(&workspace);
        wait_until(|| wire.writes().len() == 3);
        wait_until(|| tenant.events() == arrived);
        kill(child);
        assert_eq!(journal(&workspace), 5, "two are done, one is open");
        converges(&workspace, &tenant);
        let names: std::collections::BTreeSet<_> =
            wire.writes().into_iter().map(|sent| sent.body).collect();
        assert_eq!(names.len(), 5);
        let expected = if fault == Fault::HoldAnswer { 5 } else { 6 };
        assert_eq!(
            wire.writes().len(),
            expected,
            "only what did not arrive is sent again"
        );
    }
}

/// How often the policies were listed over a wire.
fn lists(wire: &Wire) -> usize {
    let is_list = |sent: &&crate::support::Sent| {
        sent.method == "GET" && sent.path.contains("/conditionalAccess/policies")
    };
    wire.sent().iter().filter(is_list).count()
}

#[test]
fn a_write_that_arrives_only_after_the_run_was_killed_is_waited_for() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    wire.breaks(0, Fault::Delay);
    let child = start(&workspace);
    wait_until(|| wire.writes().len() == 1);
    kill(child);
    workspace.edit("portcullis.yaml", "settle: 0", "settle: 3s");
    let seen = lists(&wire);
    let child = start(&workspace);
    wait_until(|| lists(&wire) >= seen + 2);
    assert_eq!(tenant.events(), 0);
    wire.release();
    let status = child.wait_with_output().unwrap().status;
    assert_eq!(status.code(), Some(0));
    assert_eq!(tenant.named(NAME).len(), 1);
    assert_eq!(wire.writes().len(), 1, "it is not sent again");
}

#[test]
fn a_service_that_shows_a_write_late_is_read_until_it_agrees_twice() {
    let (workspace, tenant, wire) = five();
    wire.lags(4);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    assert_eq!(wire.writes().len(), 5);
    let sent = wire.sent();
    let last = sent
        .iter()
        .rposition(|sent| sent.method == "POST" && sent.path.contains("/policies"))
        .unwrap();
    assert!(
        sent[last + 1..].len() >= 6,
        "four old lists and two new ones"
    );
    assert_eq!(tenant.policies().len(), 8);
}

#[test]
fn a_lost_answer_of_a_service_that_shows_writes_late_is_not_sent_again() {
    let (workspace, tenant, wire) = five();
    wire.lags(5);
    wire.breaks(4, Fault::LoseAnswer);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    assert_eq!(wire.writes().len(), 5);
    assert_eq!(tenant.policies().len(), 8);
}

#[test]
fn a_service_that_never_shows_a_write_is_partly_applied() {
    let (workspace, _tenant, wire) = five();
    wire.lags(usize::MAX);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(5)
        .says("and still shows something else");
}

#[test]
fn a_saved_plan_that_was_killed_is_taken_up_again() {
    let (workspace, tenant, wire) = five();
    workspace
        .run_with(&["plan", "--out", "p.plan"], &SIGN_IN, "")
        .exits(0);
    wire.breaks(2, Fault::HoldAnswer);
    let child = workspace
        .command(&["apply", "p.plan"])
        .envs(SIGN_IN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| tenant.events() == 3);
    kill(child);
    workspace
        .run_with(&["apply", "p.plan"], &SIGN_IN, "")
        .exits(0);
    assert_eq!(tenant.policies().len(), 8);
    workspace
        .run_with(&["apply", "p.plan"], &SIGN_IN, "")
        .exits(4);
}

#[test]
fn a_saved_plan_whose_last_write_was_killed_is_found_done() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace
        .run_with(&["plan", "--out", "p.plan"], &SIGN_IN, "")
        .exits(0);
    wire.breaks(0, Fault::HoldAnswer);
    let child = workspace
        .command(&["apply", "p.plan"])
        .envs(SIGN_IN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| tenant.events() == 1);
    kill(child);
    workspace
        .run_with(&["apply", "p.plan"], &SIGN_IN, "")
        .exits(0)
        .says("Applied already");
    assert_eq!(tenant.named(NAME).len(), 1);
    assert_eq!(wire.writes().len(), 1);
}

#[test]
fn an_answer_that_is_lost_is_looked_up_and_not_sent_again() {
    let (workspace, tenant, wire) = five();
    wire.breaks(1, Fault::LoseAnswer);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0)
        .says("the service gave no clear answer");
    assert_eq!(wire.writes().len(), 5);
    assert_eq!(tenant.policies().len(), 8);
}

#[test]
fn a_request_that_is_lost_is_sent_once_more() {
    let (workspace, tenant, wire) = five();
    wire.breaks(1, Fault::LoseRequest);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    let writes = wire.writes();
    assert_eq!(writes.len(), 6);
    assert_eq!(writes[1], writes[2]);
    assert_eq!(tenant.policies().len(), 8);
}

#[test]
fn a_request_that_is_lost_twice_is_partly_applied_and_converges() {
    let (workspace, tenant, wire) = five();
    wire.breaks(2, Fault::LoseRequest);
    wire.breaks(3, Fault::LoseRequest);
    let outcome = workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(5);
    assert!(
        outcome
            .stderr
            .contains("the write was sent 2 times and did not arrive"),
        "{outcome}"
    );
    assert!(
        outcome
            .stderr
            .contains("written before that: alpha, azure-management-mfa"),
        "{outcome}"
    );
    assert_eq!(tenant.policies().len(), 5);
    converges(&workspace, &tenant);
}

#[test]
fn a_promotion_whose_answer_is_lost_is_looked_up() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    workspace.apply();
    tenant.advance("8d");
    workspace.run(&["promote", KEY]).exits(0);
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    // The store and the record name the tenant by its id, which is the same.
    wire.breaks(0, Fault::LoseAnswer);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0)
        .says("turned on: it is enforced now");
    assert_eq!(tenant.shipped()["state"], "enabled");
    assert_eq!(wire.writes().len(), 1);
}

#[test]
fn without_a_journal_what_appeared_since_the_plan_is_not_created_again() {
    // Another runner, whose journal is not here, created it a moment ago: between our two lists.
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    workspace.edit("portcullis.yaml", "settle: 0", "settle: 2s");
    let child = start(&workspace);
    wait_until(|| lists(&wire) >= 1);
    tenant.create_policy(&tenant.shipped_body("enabledForReportingButNotEnforced"));
    let output = child.wait_with_output().unwrap();
    // Stale if it was listed before, nothing to do if it was listed after.
    let code = output.status.code().unwrap();
    assert!(code == 4 || code == 0, "{code}");
    assert_eq!(wire.writes(), []);
    assert_eq!(tenant.named(NAME).len(), 1);
}

#[test]
fn two_of_a_name_that_appear_all_the_same_are_reported_with_both_ids() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    wire.breaks(0, Fault::Doubled);
    let outcome = workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(5);
    let named = tenant.named(NAME);
    assert_eq!(named.len(), 2, "another's copy is never withdrawn");
    for policy in &named {
        assert!(
            outcome.stderr.contains(policy["id"].as_str().unwrap()),
            "{outcome}"
        );
    }
    assert!(outcome.stderr.contains("this run created"), "{outcome}");
}

#[test]
fn a_store_that_is_taken_is_an_error_that_names_the_holder() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    wire.breaks(0, Fault::HoldAnswer);
    let holder = start(&workspace);
    wait_until(|| wire.writes().len() == 1);
    let begun = Instant::now();
    let outcome = workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(1);
    assert!(
        outcome.stderr.contains(&format!("process {}", holder.id())),
        "{outcome}"
    );
    let waited = begun.elapsed();
    assert!(
        (9..20).contains(&waited.as_secs()),
        "it waits 10 s: {waited:?}"
    );
    // Whoever only reads needs no lock.
    workspace.run_with(&["plan"], &SIGN_IN, "").exits(0);
    kill(holder);
    workspace
        .run_with(&["apply", "--auto-approve"], &SIGN_IN, "")
        .exits(0);
    assert_eq!(tenant.named(NAME).len(), 1);
}

#[test]
fn two_runs_at_once_create_everything_once() {
    let (workspace, tenant, _wire) = five();
    let mut both = [start(&workspace), start(&workspace)];
    for child in &mut both {
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
    }
    assert_eq!(tenant.policies().len(), 8);
    assert_eq!(tenant.events(), 5);
}

#[test]
fn a_secret_and_a_token_are_in_no_output_and_in_no_file() {
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let wire = Wire::to(&tenant.url);
    wire.declare(&workspace);
    let token = tenant.token.as_str();
    let by_token = [("PORTCULLIS_ACCESS_TOKEN", token)];
    let mut said = String::new();
    let mut run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let outcome = workspace.run_with(&[arguments, &["-vvv"]].concat(), variables, "");
        said.push_str(&outcome.stdout);
        said.push_str(&outcome.stderr);
        outcome
    };
    run(&["plan", "--out", "p.plan"], &SIGN_IN).exits(0);
    run(&["apply", "p.plan"], &by_token).exits(0);
    run(&["snapshot", "tenant.json"], &SIGN_IN).exits(0);
    run(&["status"], &by_token).exits(0);
    tenant.advance("8d");
    run(&["promote", KEY], &SIGN_IN).exits(0);
    run(&["apply", "--auto-approve"], &SIGN_IN).exits(0);
    run(&["demote", KEY], &by_token).exits(0);
    // A wrong secret is not repeated either.
    run(
        &["plan"],
        &[SIGN_IN[0], ("AZURE_CLIENT_SECRET", "not-the-right-secret")],
    )
    .exits(1);
    assert!(
        said.contains("/conditionalAccess/policies"),
        "-vv names requests"
    );
    let mut places = vec![("the output".to_owned(), said)];
    places.extend(workspace.files());
    places.extend(workspace.stored());
    assert!(places.len() > 6);
    let claims = token.split('.').nth(1).unwrap();
    for (place, text) in places {
        for secret in [
            CLIENT_SECRET,
            token,
            claims,
            "not-the-right-secret",
            "Bearer ey",
        ] {
            assert!(!text.contains(secret), "{secret} is in {place}");
        }
    }
}
