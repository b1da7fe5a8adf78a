//! A sandbox that is killed, wherever it is: what it acknowledged is there when it comes back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::POLICIES;
use crate::support::{Served, Workspace};

/// How often it is killed.
const KILLS: u64 = 14;

fn policy(name: &str) -> Value {
    json!({
        "displayName": name,
        "state": "disabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    })
}

/// Asserts that a policy is there in whole.
#[track_caller]
fn is_whole(live: &Value) {
    let name = live["displayName"].as_str().unwrap();
    let sent = policy(name);
    assert_eq!(live["state"], "disabled", "{live}");
    for pointer in [
        "/conditions/clientAppTypes",
        "/conditions/users/includeUsers",
        "/grantControls/builtInControls",
    ] {
        assert_eq!(live.pointer(pointer), sent.pointer(pointer), "{live}");
    }
    assert!(live["createdDateTime"].is_string(), "{live}");
}

#[test]
fn killed_at_any_moment_it_has_every_write_that_it_acknowledged() {
    let workspace = Workspace::new();
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    let mut sent = 0;
    for kill in 0..KILLS {
        let mut tenant = workspace.serve();
        let (tell, told) = std::sync::mpsc::channel();
        let writer = std::thread::spawn({
            let (url, token) = (tenant.url.clone(), tenant.token.clone());
            move || {
                let graph = crate::support::Graph { url, token };
                let mut made = Vec::new();
                loop {
                    let name = format!("Policy {kill}.{}", made.len());
                    match graph.try_post(POLICIES, &policy(&name)) {
                        Ok((201, answer)) => {
                            let answer: Value = serde_json::from_str(&answer).unwrap();
                            let _ = tell.send(());
                            made.push((name, answer["id"].as_str().unwrap().to_owned()));
                        }
                        Ok((status, answer)) => panic!("{status} {answer}"),
                        Err(_) => return made,
                    }
                }
            }
        });
        // After so many answers, and wherever it is a moment later: in the middle of a write or between.
        for _ in 0..kill % 5 {
            told.recv().unwrap();
        }
        std::thread::sleep(Duration::from_micros(700 * kill));
        tenant.kill();
        let made = writer.join().unwrap();
        sent += made.len() + 1;
        acknowledged.extend(made);

        let tenant = workspace.serve();
        let live = tenant.policies();
        for (name, id) in &acknowledged {
            let found: Vec<_> = live.iter().filter(|live| live["id"] == *id).collect();
            assert_eq!(found.len(), 1, "{name} was acknowledged");
            assert_eq!(found[0]["displayName"], *name);
        }
        let ours = live
            .iter()
            .filter(|live| live["displayName"].as_str().unwrap().starts_with("Policy "));
        let ours: Vec<_> = ours.collect();
        ours.iter().for_each(|live| is_whole(live));
        // One write a kill may be there without having been acknowledged.
        let lost = ours.len() - acknowledged.len();
        assert!(ours.len() <= sent, "{} of {sent}", ours.len());
        assert!(lost <= usize::try_from(kill).unwrap() + 1);
    }
    assert!(
        acknowledged.len() > 20,
        "it had something to lose: {}",
        acknowledged.len()
    );
}

#[test]
fn a_last_line_that_is_torn_anywhere_is_as_if_it_had_never_been() {
    let workspace = Workspace::new();
    let log = ".portcullis/sandbox/events.jsonl";
    {
        let tenant = workspace.serve();
        tenant.create_policy(&policy("First"));
        tenant.create_policy(&policy("Second"));
    }
    let whole = workspace.read(log);
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    let length = whole.len() - last;
    for cut in [1, 2, length / 3, length / 2, length - 2, length - 1] {
        workspace.write(log, &whole[..last + cut]);
        let tenant = workspace.serve();
        assert_eq!(tenant.named("First").len(), 1, "cut after {cut}");
        assert_eq!(tenant.named("Second").len(), 0, "cut after {cut}");
        // And the log goes on behind the cut.
        tenant.create_policy(&policy("Third"));
        drop(tenant);
        assert_eq!(workspace.serve().named("Third").len(), 1, "cut after {cut}");
    }
}

/// Waits until a door answers again.
fn is_answered(graph: &Served) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if graph
            .try_post("/sandbox/settings", &json!({}))
            .is_ok_and(|(status, _)| status == 200)
        {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_second_process_talks_to_the_first_and_goes_on_without_it() {
    let workspace = Workspace::new();
    let mut first = workspace.serve();
    let second = workspace.serve();
    assert_ne!(first.url, second.url);
    let by_first = first.create_policy(&policy("By the first"));
    let by_second = second.create_policy(&policy("By the second"));
    assert_eq!(first.policies(), second.policies());
    assert_eq!(first.events(), 2);
    first.kill();
    assert!(is_answered(&second));
    let third = second.create_policy(&policy("By the heir"));
    let ids: Vec<_> = second
        .policies()
        .into_iter()
        .map(|live| live["id"].clone())
        .collect();
    for id in [by_first, by_second, third] {
        assert!(ids.contains(&json!(id)), "{id} in {ids:?}");
    }
    assert_eq!(second.events(), 3);
    // The next one finds the heir.
    assert_eq!(workspace.serve().policies(), second.policies());
}
