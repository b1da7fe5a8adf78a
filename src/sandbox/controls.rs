//! `/sandbox`: what a tenant cannot do to itself. It moves the clock, starts over, and tells what was
//! asked; there is no such thing in Graph.

use serde_json::{Value, json};

use super::CLIENT_ID;
use super::clock::{advanced, graph_time};
use super::faults::Fault;
use super::owner::{Owner, State};
use super::recipe::Recipe;
use super::request::{Reply, Request};
use super::script;
use super::tenant::text;
use super::truth;

/// Answers a control request.
pub(super) fn answer(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["sandbox"]) => Reply::ok(describe(owner, state)),
        ("POST", ["sandbox", "advance"]) => advance(state, request),
        ("POST", ["sandbox", "reset"]) => reset(owner, state, request),
        ("GET", ["sandbox", "truth"]) => {
            let tenant = &state.tenant;
            Reply::ok(truth::document(tenant.recipe(), &tenant.identity().domain))
        }
        ("GET", ["sandbox", "requests"]) => Reply::ok(json!(*owner.requests())),
        ("DELETE", ["sandbox", "requests"]) => {
            owner.requests().clear();
            Reply::no_content()
        }
        ("POST", ["sandbox", "settings"]) => settings(owner, request),
        ("GET", ["sandbox", "faults"]) => Reply::ok(owner.faults().to_json()),
        ("POST", ["sandbox", "faults"]) => fault(owner, request),
        ("DELETE", ["sandbox", "faults"]) => Reply::ok(json!({"cleared": owner.faults().clear()})),
        _ => refused(404, "the sandbox has no such control"),
    }
}

fn reset(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    let mut recipe = Recipe::default();
    if !request.body.is_empty() {
        let Ok(body) = request.object() else {
            return refused(
                400,
                "the body is a JSON object like {\"people\": 1000, \"seed\": 7}",
            );
        };
        for (key, value) in body.as_object().into_iter().flatten() {
            match recipe.take(key, value) {
                Some(Ok(())) => {}
                Some(Err(sentence)) => return refused(400, &sentence),
                None => return refused(400, &format!("a reset takes no `{key}`")),
            }
        }
    }
    match state.reset(recipe) {
        Ok(()) => Reply::ok(describe(owner, state)),
        Err(failure) => refused(500, &failure.message),
    }
}

fn describe(owner: &Owner, state: &State) -> Value {
    let identity = state.tenant.identity();
    json!({
        "tenant_id": identity.id,
        "name": identity.name,
        "domain": identity.domain,
        "client_id": CLIENT_ID,
        "now": graph_time(state.tenant.now()),
        "events": state.tenant.events(),
        "recipe": state.tenant.recipe(),
        "settings": owner.settings().to_json(),
        "tenants": owner.identities().map(|tenant| &tenant.id).collect::<Vec<_>>(),
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
    match script::advance(state, to) {
        Ok(now) => Reply::ok(json!({"now": graph_time(now)})),
        Err(failure) => refused(500, &failure.message),
    }
}

fn settings(owner: &Owner, request: &Request) -> Reply {
    let Ok(body) = request.object() else {
        return refused(400, "the body is a JSON object like {\"page_size\": 5}");
    };
    let changes = body.as_object().cloned().unwrap_or_default();
    let mut settings = owner.settings();
    match settings.with(&changes) {
        Ok(changed) => {
            *settings = changed;
            Reply::ok(settings.to_json())
        }
        Err(sentence) => refused(400, &sentence),
    }
}

fn fault(owner: &Owner, request: &Request) -> Reply {
    let Ok(body) = request.object() else {
        return refused(
            400,
            "the body is a JSON object like {\"method\": \"GET\", \"status\": 503}",
        );
    };
    match Fault::read(&body) {
        Ok(fault) => {
            let shown = fault.to_json();
            owner.faults().add(fault);
            Reply::ok(shown)
        }
        Err(sentence) => refused(400, &sentence),
    }
}

/// A control's own refusal.
pub(super) fn refused(status: u16, sentence: &str) -> Reply {
    Reply::json(status, json!({"error": {"message": sentence}}))
}
