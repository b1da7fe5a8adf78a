//! `/sandbox`: what a tenant cannot do to itself. It moves the clock, starts over, and tells what was
//! asked; there is no such thing in Graph.

use serde_json::{Value, json};

use super::CLIENT_ID;
use super::apps;
use super::clock::{advanced, graph_time};
use super::faults::Fault;
use super::owner::{Owner, State};
use super::profile::Profile;
use super::request::{Reply, Request};
use super::tenant::{Happening, text};

/// Answers a control request.
pub(super) fn answer(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["sandbox"]) => Reply::ok(describe(owner, state)),
        ("POST", ["sandbox", "advance"]) => advance(state, request),
        ("POST", ["sandbox", "reset"]) => reset(owner, state, request),
        ("POST", ["sandbox", "profile"]) => match profile(state, request) {
            Ok(()) => Reply::ok(describe(owner, state)),
            Err(reply) => reply,
        },
        ("POST", ["sandbox", "apps"]) => register(owner, state, request),
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

fn describe(owner: &Owner, state: &State) -> Value {
    let identity = state.tenant.identity();
    json!({
        "tenant_id": identity.id,
        "name": identity.name,
        "domain": identity.domain,
        "client_id": CLIENT_ID,
        "now": graph_time(state.tenant.now()),
        "events": state.tenant.events(),
        "profile": Profile::of(&state.tenant),
        "settings": owner.settings().to_json(),
        "tenants": owner.identities().map(|tenant| &tenant.id).collect::<Vec<_>>(),
    })
}

/// Starts over, as a tenant of another kind when the body says so.
fn reset(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    // Judged before anything is forgotten.
    if let Err(reply) = wanted_profile(&Profile::default(), request) {
        return reply;
    }
    if let Err(failure) = state.reset() {
        return refused(500, &failure.message);
    }
    match profile(state, request) {
        Ok(()) => Reply::ok(describe(owner, state)),
        Err(reply) => reply,
    }
}

/// The profile that the body asks for, starting from the one that is there.
fn wanted_profile(now: &Profile, request: &Request) -> Result<Profile, Reply> {
    if request.body.is_empty() {
        return Ok(now.clone());
    }
    let said = request.object().map_err(|_| {
        refused(
            400,
            "the body is a JSON object like {\"cloud\": \"us-gov\"}",
        )
    })?;
    now.with(&said).map_err(|sentence| refused(400, &sentence))
}

/// Makes the tenant one of another kind.
fn profile(state: &mut State, request: &Request) -> Result<(), Reply> {
    let now = Profile::of(&state.tenant);
    let wanted = wanted_profile(&now, request)?;
    if wanted != now {
        let changes = wanted.changes(&state.tenant);
        state
            .record(Happening::Arrange { changes })
            .map_err(|failure| refused(500, &failure.message))?;
    }
    Ok(())
}

/// Registers an application.
fn register(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    let Ok(said) = request.object() else {
        return refused(400, "the body is a JSON object like {\"client_id\": \"…\"}");
    };
    let changes = match apps::registration(&state.tenant, &said) {
        Ok(changes) => changes,
        Err(sentence) => return refused(400, &sentence),
    };
    match state.record(Happening::Arrange { changes }) {
        Ok(_) => Reply::ok(describe(owner, state)),
        Err(failure) => refused(500, &failure.message),
    }
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
