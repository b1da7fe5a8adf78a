//! `/sandbox`: what a tenant cannot do to itself. It moves the clock, starts over, and tells what was
//! asked; there is no such thing in Graph.

use serde_json::{Map, Value, json};

use super::CLIENT_ID;
use super::apps;
use super::clock::{advanced, graph_time};
use super::faults::Fault;
use super::owner::{Owner, State};
use super::profile::Profile;
use super::recipe::Recipe;
use super::request::{Reply, Request};
use super::script;
use super::tenant::{Happening, text};
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
        "recipe": state.tenant.recipe(),
        "profile": Profile::of(&state.tenant),
        "settings": owner.settings().to_json(),
        "tenants": owner.identities().map(|tenant| &tenant.id).collect::<Vec<_>>(),
    })
}

/// Starts over, as a tenant of another kind or with other people when the body says so.
fn reset(owner: &Owner, state: &mut State, request: &Request) -> Reply {
    // Judged before anything is forgotten.
    let judged = said(request).and_then(|said| {
        let mut recipe = Recipe::default();
        let mut kind = Map::new();
        for (key, value) in said {
            match recipe.take(&key, &value) {
                Some(taken) => taken.map_err(|sentence| refused(400, &sentence))?,
                None => {
                    kind.insert(key, value);
                }
            }
        }
        Ok((recipe, wanted_profile(&Profile::default(), kind)?))
    });
    let (recipe, wanted) = match judged {
        Ok(judged) => judged,
        Err(reply) => return reply,
    };
    match state.reset(recipe, &wanted) {
        Ok(()) => Reply::ok(describe(owner, state)),
        Err(failure) => refused(500, &failure.message),
    }
}

/// What the body says; nothing when there is none.
fn said(request: &Request) -> Result<Map<String, Value>, Reply> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match request.object() {
        Ok(Value::Object(said)) => Ok(said),
        _ => Err(refused(
            400,
            "the body is a JSON object like {\"people\": 1000, \"cloud\": \"us-gov\"}",
        )),
    }
}

/// The profile that is asked for, starting from the one that is there.
fn wanted_profile(now: &Profile, said: Map<String, Value>) -> Result<Profile, Reply> {
    now.with(&Value::Object(said))
        .map_err(|sentence| refused(400, &sentence))
}

/// Makes the tenant one of another kind.
fn profile(state: &mut State, request: &Request) -> Result<(), Reply> {
    let wanted = wanted_profile(&Profile::of(&state.tenant), said(request)?)?;
    arrange(state, &wanted)
}

fn arrange(state: &mut State, wanted: &Profile) -> Result<(), Reply> {
    if *wanted != Profile::of(&state.tenant) {
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
