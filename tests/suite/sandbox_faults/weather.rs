//! The main job in a storm.

use serde_json::{Value, json};

use super::{APPLY, run, scene};
use crate::support::{KEY, Served};

const KEYS: [&str; 2] = ["alpha", "bravo"];

/// How many requests were answered 429.
fn throttled(tenant: &Served) -> usize {
    let requests = tenant.get("/sandbox/requests");
    let statuses = requests
        .as_array()
        .unwrap()
        .iter()
        .map(|request| &request["status"]);
    statuses.filter(|status| **status == 429).count()
}

/// Creates three policies, promotes one, turns it on and lowers it again; returns the number of events, the
/// policies, and how many requests were throttled.
fn main_job(options: &[&str]) -> Value {
    let (workspace, tenant) = scene("1s", options);
    for key in KEYS {
        workspace.add_policy(key, &format!("Policy {key}"));
    }
    run(&workspace, &APPLY, 0);
    let again = run(&workspace, &["plan", "--json", "--detailed-exitcode"], 0).json();
    assert_eq!(again["summary"]["unchanged"], 3);
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
    json!([tenant.events(), tenant.policies(), throttled(&tenant)])
}

/// The main job with everything switched on at once.
fn in_bad_weather(lag: &str) {
    let fair = main_job(&[]);
    assert_eq!(
        fair[0], 6,
        "three creations, a day, a promotion and a demotion"
    );
    assert_eq!(fair[1].as_array().unwrap().len(), 6);
    assert_eq!(fair[2], 0);
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
    assert_eq!(storm[0], fair[0]);
    assert_eq!(storm[1], fair[1], "to the byte: ids, times and all");
    assert!(storm[2].as_u64() > Some(0), "nothing was throttled");
}

#[test]
fn the_main_job_ends_in_the_same_state_when_reads_lie_some_reads_behind() {
    in_bad_weather("6");
}

#[test]
fn the_main_job_ends_in_the_same_state_when_reads_lie_some_time_behind() {
    in_bad_weather("400ms");
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
    tenant.set("throttle", &Value::Null);
    tenant.shipped();
    assert_eq!(tenant.events(), 1);
}
