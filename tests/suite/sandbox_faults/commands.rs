//! `portcullis sandbox serve` with its options, and `portcullis sandbox fault`.

use std::time::{Duration, Instant};

use serde_json::json;

use super::POLICIES;
use crate::support::Workspace;

#[test]
fn serve_takes_the_weather_and_shows_it() {
    let workspace = Workspace::new();
    let tenant = workspace.serve_with(&[
        "--page-size",
        "2",
        "--latency",
        "1ms",
        "--read-lag",
        "2s",
        "--lagging-references",
        "--throttle",
        "graph",
        "--throttle-rate",
        "9",
    ]);
    assert_eq!(
        tenant.get("/sandbox")["settings"],
        json!({"page_size": 2, "latency": "1ms", "read_lag": "2s", "lagging_references": true,
            "throttle": "graph", "throttle_rate": 9, "protected_actions": null,
            "partial_queries": false})
    );
    for (option, value, words) in [
        ("--page-size", "0", "number would be zero"),
        ("--latency", "soon", "write one like `200ms`"),
        ("--read-lag", "much", "a number of reads, or a time"),
        (
            "--throttle",
            "hard",
            "throttle is one of off, graph, graph-with-retry-after",
        ),
    ] {
        workspace
            .run(&["sandbox", "serve", option, value])
            .exits(1)
            .says(words);
    }
}

#[test]
fn fault_says_what_was_scripted_lists_it_and_forgets_it() {
    let workspace = Workspace::new();
    workspace
        .run(&["sandbox", "fault", "--status", "500"])
        .exits(1)
        .says("no sandbox is being served");
    let tenant = workspace.serve();
    let url = tenant.url.clone();
    let fault = |arguments: &[&str]| {
        let mut all = vec!["sandbox", "fault", "--url", &url];
        all.extend(arguments);
        workspace.run(&all)
    };
    let said = fault(&[
        "--method",
        "GET",
        "--path",
        "identity/conditionalAccess/policies*",
        "--times",
        "2",
        "--status",
        "429",
        "--retry-after",
        "3",
    ])
    .exits(0);
    assert_eq!(
        said.stdout,
        "The next 2 GET requests to identity/conditionalAccess/policies* each get 429 with Retry-After: 3.\n"
    );
    let stalled = fault(&["--kind", "stall", "--for", "300ms", "--json"])
        .exits(0)
        .json();
    assert_eq!(stalled["fault"]["kind"], "stall");
    let listed = fault(&["--list", "--json"]).exits(0).json();
    assert_eq!(listed["faults"].as_array().unwrap().len(), 2);
    assert_eq!(listed["faults"][0]["retry_after"], 3);
    fault(&["--list"])
        .exits(0)
        .says("The next request gets stall of 300ms.");
    let begun = Instant::now();
    let (status, _) = tenant.try_post(POLICIES, &json!({})).unwrap();
    assert_eq!(status, 400, "the stall waited, and the POST was judged");
    assert!(begun.elapsed() >= Duration::from_millis(250));
    fault(&["--clear"]).exits(0).says("Forgotten: 1.");
    fault(&["--list"]).exits(0).says("Nothing is scripted.");
    fault(&["--kind", "rain"]).exits(1).says("rain");
    fault(&["--kind", "garbage", "--status", "500"])
        .exits(1)
        .says("`status` does not go with garbage");
    fault(&["--list", "--status", "500"]).exits(1);
    // From the workspace the served one is found without its URL.
    workspace
        .run(&["sandbox", "fault", "--kind", "stale"])
        .exits(0)
        .says("The next request gets stale.");
}
