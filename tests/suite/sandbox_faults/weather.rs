//! The main job in a storm.

use serde_json::{Value, json};

use super::{APPLY, run, scene};
use crate::support::KEY;

const KEYS: [&str; 3] = ["alpha", "bravo", "charlie"];

/// Creates four policies, promotes one, turns it on and lowers it again; returns the policies.
fn main_job(options: &[&str]) -> Value {
    let (workspace, tenant) = scene("1s", options);
    for key in KEYS {
        workspace.add_policy(key, &format!("Policy {key}"));
    }
    run(&workspace, &APPLY, 0);
    let again = run(&workspace, &["plan", "--json", "--detailed-exitcode"], 0).json();
    assert_eq!(again["summary"]["unchanged"], 4);
    let written = tenant.events();
    run(&workspace, &APPLY, 0);
    assert_eq!(
        tenant.events(),
        written,
        "the second apply has nothing to do"
    );
    tenant.advance("8d");
    run(&workspace, &["promote", KEY], 0);
    run(&workspace, &APPLY, 0).says("turned on");
    run(&workspace, &["demote", KEY], 0);
    for setting in ["page_size", "latency", "read_lag", "throttle"] {
        tenant.set(setting, &Value::Null);
    }
    json!([tenant.events(), tenant.policies()])
}

#[test]
fn the_main_job_ends_in_the_same_state_in_bad_weather() {
    let fair = main_job(&[]);
    assert_eq!(
        fair[0], 7,
        "four creations, a day, a promotion and a demotion"
    );
    assert_eq!(fair[1].as_array().unwrap().len(), 7);
    for lag in ["6", "400ms"] {
        let storm = main_job(&[
            "--page-size",
            "3",
            "--latency",
            "2ms",
            "--read-lag",
            lag,
            "--throttle",
            "graph",
            "--throttle-rate",
            "50",
        ]);
        assert_eq!(storm, fair, "with a lag of {lag}");
    }
}

#[test]
fn at_the_real_rate_one_policy_is_created_once() {
    let (workspace, tenant) = scene("1s", &["--throttle", "graph-with-retry-after"]);
    // The tool asks in pace, as it does of a real tenant.
    workspace.edit(
        "portcullis.yaml",
        "    settle: 1s",
        "    pace: 1s\n    settle: 1s",
    );
    run(&workspace, &APPLY, 0);
    let is_late = |request: &Value| request["status"] == 429;
    let requests = tenant.get("/sandbox/requests");
    let late = requests
        .as_array()
        .unwrap()
        .iter()
        .filter(|request| is_late(request));
    assert!(
        late.count() <= 2,
        "whoever keeps the pace is let through: {requests:#}"
    );
    tenant.set("throttle", &Value::Null);
    tenant.shipped();
    assert_eq!(tenant.events(), 1);
}
