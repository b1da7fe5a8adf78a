//! `/sandbox`: what a tenant cannot do to itself. It moves the clock, starts over, and tells what was
//! asked; there is no such thing in Graph.

use serde_json::{Value, json};

use super::clock::{advanced, graph_time};
use super::faults::Fault;
use super::owner::State;
use super::request::{Reply, Request};
use super::tenant::{Happening, text};
use super::{CLIENT_ID, DOMAIN, TENANT_ID, TENANT_NAME};

/// Answers a control request.
pub(super) fn answer(state: &mut State, request: &Request) -> Reply {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["sandbox"]) => Reply::ok(describe(state)),
        ("POST", ["sandbox", "advance"]) => advance(state, request),
        ("POST", ["sandbox", "reset"]) => match state.reset() {
            Ok(()) => Reply::ok(describe(state)),
            Err(failure) => refused(500, &failure.message),
        },
        ("GET", ["sandbox", "requests"]) => Reply::ok(json!(state.requests)),
        ("DELETE", ["sandbox", "requests"]) => {
            state.requests.clear();
            Reply::no_content()
        }
        ("POST", ["sandbox", "settings"]) => settings(state, request),
        ("GET", ["sandbox", "faults"]) => Reply::ok(state.faults.to_json()),
        ("POST", ["sandbox", "faults"]) => fault(state, request),
        ("DELETE", ["sandbox", "faults"]) => Reply::ok(json!({"cleared": state.faults.clear()})),
        _ => refused(404, "the sandbox has no such control"),
    }
}

fn describe(state: &State) -> Value {
    json!({
        "tenant_id": TENANT_ID,
        "name": TENANT_NAME,
        "domain": DOMAIN,
        "client_id": CLIENT_ID,
        "now": graph_time(state.tenant.now()),
        "events": state.tenant.events(),
        "settings": state.settings.to_json(),
    })
}

fn advance(state: &mut State, request: &Request) -> Reply {
    let Ok(body) = request.object() else {
        return refused(400, "the body is a JSON object like {\"by\": \"8d\"}");
    };
    let by = text(&body, "by");
    let to = match advanced(state.tenant.now(), by) {
        Ok(to) => to,
        Err(sentence) => return refused(400, &sentence),
    };
    match state.record(Happening::Advance { to }) {
        Ok(event) => Reply::ok(json!({"now": graph_time(event.at)})),
        Err(failure) => refused(500, &failure.message),
    }
}

fn settings(state: &mut State, request: &Request) -> Reply {
    let Ok(body) = request.object() else {
        return refused(400, "the body is a JSON object like {\"page_size\": 5}");
    };
    let changes = body.as_object().cloned().unwrap_or_default();
    match state.settings.with(&changes) {
        Ok(settings) => {
            state.settings = settings;
            Reply::ok(state.settings.to_json())
        }
        Err(sentence) => refused(400, &sentence),
    }
}

fn fault(state: &mut State, request: &Request) -> Reply {
    let Ok(body) = request.object() else {
        return refused(
            400,
            "the body is a JSON object like {\"method\": \"GET\", \"status\": 503}",
        );
    };
    match Fault::read(&body) {
        Ok(fault) => {
            let shown = fault.to_json();
            state.faults.add(fault);
            Reply::ok(shown)
        }
        Err(sentence) => refused(400, &sentence),
    }
}

fn refused(status: u16, sentence: &str) -> Reply {
    Reply::json(status, json!({"error": {"message": sentence}}))
}
