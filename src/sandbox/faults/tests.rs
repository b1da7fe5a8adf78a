//! What a fault matches, and how often it strikes.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::request::Request;
use super::{FAULT_KINDS, Fault, Faults, Kind};

fn request(method: &str, target: &str, body: &str) -> Request {
    Request::new(
        method,
        target,
        Vec::new(),
        body.as_bytes().to_vec(),
        "http://h",
    )
}

fn matches(script: Value, method: &str, target: &str) -> bool {
    let fault = Fault::read(&script).unwrap();
    fault.matches(&request(method, target, "{\"displayName\": \"X\"}"), "t-1")
}

#[test]
fn a_fault_matches_what_it_names() {
    let list = "/v1.0/identity/conditionalAccess/policies?$top=3";
    let one = "/beta//identity/conditionalaccess/policies/1";
    for (path, on_list, on_one) in [
        ("identity/conditionalAccess/policies", true, true),
        ("/Identity/ConditionalAccess/Policies/", true, true),
        ("identity/conditionalAccess/policies*", true, true),
        ("identity/conditionalAccess/policies/*", false, true),
        ("*/policies", true, false),
        ("identity/conditionalAccess/pol", false, false),
        ("/v1.0/identity/conditionalAccess/policies", true, false),
        ("beta/identity", false, true),
        ("", true, true),
    ] {
        let script = json!({"status": 500, "path": path});
        assert_eq!(
            matches(script.clone(), "GET", list),
            on_list,
            "{path} {list}"
        );
        assert_eq!(matches(script, "GET", one), on_one, "{path} {one}");
    }
    for (script, is) in [
        (json!({"status": 500}), true),
        (json!({"status": 500, "method": "post"}), true),
        (json!({"status": 500, "method": "PATCH"}), false),
        (json!({"status": 500, "version": "beta"}), false),
        (json!({"status": 500, "tenant_id": "T-1"}), true),
        (json!({"status": 500, "tenant_id": "t-2"}), false),
        (json!({"status": 500, "body_contains": "\"X\""}), true),
        (json!({"status": 500, "body_contains": "Y"}), false),
        (json!({"kind": "stale"}), false),
        (json!({"kind": "expired-page-token"}), false),
    ] {
        assert_eq!(
            matches(script.clone(), "POST", "/v1.0/groups"),
            is,
            "{script}"
        );
    }
    assert!(matches(json!({"kind": "stale"}), "GET", "/v1.0/groups"));
    let page = "/v1.0/groups?$skiptoken=x";
    assert!(matches(json!({"kind": "expired-page-token"}), "GET", page));
}

#[test]
fn a_fault_without_a_path_passes_what_it_would_do_nothing_to() {
    let token = ("POST", "/t/oauth2/v2.0/token");
    let discovery = (
        "GET",
        "/t/v2.0/.well-known/openid-configuration?$skiptoken=x",
    );
    let logs = ("POST", "/v1/workspaces/w/query");
    let batch = ("POST", "/v1.0/$batch");
    let lossy = json!({"kind": "lossy", "loses": "conditions"});
    for (script, passes, strikes) in [
        (
            json!({"kind": "ignored"}),
            vec![token, logs, batch],
            ("PATCH", "/v1.0/groups/1"),
        ),
        (lossy, vec![token, logs, batch], ("POST", "/v1.0/groups")),
        (
            json!({"kind": "stale"}),
            vec![discovery, batch],
            ("GET", "/v1.0/groups"),
        ),
        (
            json!({"kind": "expired-page-token"}),
            vec![discovery],
            ("GET", "/beta/groups?$skiptoken=x"),
        ),
        // A token expires for a batch as a whole.
        (
            json!({"kind": "expired-token"}),
            vec![token, discovery, logs],
            batch,
        ),
        (
            json!({"kind": "expired-token", "path": "v1/workspaces"}),
            vec![token],
            logs,
        ),
    ] {
        for (method, target) in passes {
            assert!(
                !matches(script.clone(), method, target),
                "{script} {target}"
            );
        }
        assert!(matches(script.clone(), strikes.0, strikes.1), "{script}");
    }
}

#[test]
fn a_fault_spares_some_strikes_some_and_is_gone() {
    let mut faults = Faults::default();
    let script = json!({"status": 503, "skip": 1, "times": 2, "method": "GET"});
    faults.add(Fault::read(&script).unwrap());
    faults.add(Fault::read(&json!({"kind": "garbage"})).unwrap());
    let get = request("GET", "/v1.0/users", "");
    let mut strike = || faults.strike(&get, "t").map(|fault| fault.kind);
    let struck: Vec<_> = (0..4).map(|_| strike()).collect();
    // The one that is spared by the first is struck by the second.
    let expected = [Kind::Garbage, Kind::Status, Kind::Status].map(Some);
    assert_eq!(struck[..3], expected);
    assert_eq!(struck[3], None);
    assert_eq!(faults.to_json(), json!([]));
}

#[test]
fn what_is_no_script_is_refused_in_a_sentence() {
    for (script, words) in [
        (json!({}), "says its `status`"),
        (json!({"status": 200}), "says its `status`"),
        (
            json!({"kind": "stall", "status": 500}),
            "`status` does not go with stall",
        ),
        (
            json!({"kind": "garbage", "for": "1s"}),
            "`for` does not go with garbage",
        ),
        (json!({"kind": "stall", "for": "11m"}), "too long"),
        (json!({"kind": "rain"}), "unknown variant `rain`"),
        (json!({"status": 500, "often": 2}), "unknown field `often`"),
        (
            json!({"status": 500, "times": 0}),
            "times is a number from 1",
        ),
        (json!({"status": 500, "path": "a[*"}), "is not a pattern"),
        (json!({"status": 500, "version": "v2"}), "version is"),
        (
            json!({"status": 500, "version": "beta", "path": "/v1.0/users"}),
            "another version",
        ),
    ] {
        let sentence = Fault::read(&script).unwrap_err();
        assert!(sentence.contains(words), "{script}: {sentence}");
    }
}

#[test]
fn a_script_is_said_in_a_sentence() {
    for (script, sentence) in [
        (
            json!({"status": 429, "retry_after": 1, "times": 2, "method": "get",
                "path": "identity/conditionalAccess/policies*"}),
            "The next 2 GET requests to identity/conditionalAccess/policies* each get 429 with Retry-After: 1.",
        ),
        (
            json!({"kind": "reset-after", "method": "POST", "skip": 1, "body_contains": "CA010"}),
            "The next POST request with \"CA010\" in the body, after 1 that pass, gets reset-after.",
        ),
        (
            json!({"kind": "stall"}),
            "The next request gets stall of 5s.",
        ),
    ] {
        assert_eq!(Fault::read(&script).unwrap().sentence(), sentence);
    }
}

#[test]
fn every_kind_has_its_name() {
    for name in FAULT_KINDS {
        let kind: Kind = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(kind.name(), name);
    }
}
