//! `$batch`: up to twenty requests in one, each answered as if it had come alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::delivery::Delivery;
use super::errors::Failure;
use super::faults::Fault;
use super::owner::{Part, State};
use super::request::{Body, Reply, Request};
use super::routes;
use super::tenant::text;
use super::token::Caller;

const LARGEST: usize = 20;

/// Answers a batch; also returns what its parts came to.
pub(super) fn answer(
    state: &mut State,
    caller: &Caller,
    request: &Request,
) -> Result<(Reply, Vec<Part>), Failure> {
    if request.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    let body = request.object()?;
    // synthetic: the sentences of this function; the contract gives the limit and the 400 only.
    let requests = body["requests"]
        .as_array()
        .filter(|requests| !requests.is_empty())
        .ok_or_else(|| Failure::bad_request("Invalid batch payload format."))?;
    if requests.len() > LARGEST {
        return Err(Failure::bad_request(format!(
            "Number of batch request steps exceeds the maximum value of {LARGEST}."
        )));
    }
    let mut known = Vec::new();
    for step in requests {
        let id = text(step, "id");
        let needs_before = step["dependsOn"].as_array().is_some_and(|needs| {
            needs
                .iter()
                .any(|need| !known.contains(&need.as_str().unwrap_or_default()))
        });
        if id.is_empty()
            || known.contains(&id)
            || text(step, "url").is_empty()
            || text(step, "method").is_empty()
            || needs_before
        {
            return Err(Failure::bad_request("Invalid batch payload format."));
        }
        known.push(id);
    }

    // A connection that is reset before is reset before any part.
    let steps: Vec<(&Value, Request, Option<Fault>)> = requests
        .iter()
        .map(|step| {
            let part = part(step, request);
            let struck = state.strike(&part);
            (step, part, struck)
        })
        .collect();
    let is_reset = |fault: &Option<Fault>| fault.as_ref().is_some_and(Fault::resets_before);
    if steps.iter().any(|(_, _, struck)| is_reset(struck)) {
        let parts = steps.iter().map(|(_, part, struck)| Part {
            method: part.method.clone(),
            path: part.path.clone(),
            status: 0,
            fault: struck.as_ref().map(|fault| fault.kind.name()),
        });
        return Ok((Reply::reset(), parts.collect()));
    }
    let mut statuses: BTreeMap<&str, u16> = BTreeMap::new();
    let mut responses = Vec::new();
    let mut parts = Vec::new();
    let mut delivery = Delivery::default();
    for (step, part, struck) in steps {
        let failed_before = step["dependsOn"].as_array().is_some_and(|needs| {
            needs
                .iter()
                .filter_map(Value::as_str)
                .any(|need| statuses.get(need).is_none_or(|status| *status >= 400))
        });
        let handled = if let Some(failure) = struck.as_ref().and_then(Fault::instead) {
            Err(failure)
        } else if failed_before {
            Err(Failure::new(
                424,
                "FailedDependency",
                "A request that this one depends on failed.",
            ))
        } else if part
            .segments
            .first()
            .is_some_and(|first| first.eq_ignore_ascii_case("$batch"))
        {
            Err(Failure::bad_request("Nested batches are not supported."))
        } else {
            routes::handle(state, caller, &part, struck.as_ref())
        };
        let reply = handled.unwrap_or_else(|failure| {
            routes::refused(state, &part, &failure, &Uuid::new_v4().to_string())
        });
        let reply = match &struck {
            Some(fault) => fault.spoil(reply),
            None => reply,
        };
        // What happens to the connection happens to all of the batch.
        delivery = delivery.and(reply.delivery);
        statuses.insert(text(step, "id"), reply.status);
        parts.push(Part {
            method: part.method.clone(),
            path: part.path.clone(),
            status: reply.status,
            fault: struck.map(|fault| fault.kind.name()),
        });
        responses.push(response(step, reply));
    }
    let reply = Reply::ok(json!({"responses": responses})).deliver(delivery);
    Ok((reply, parts))
}

fn part(step: &Value, outer: &Request) -> Request {
    let mut headers: Vec<(String, String)> = step["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .collect();
    for (name, value) in outer.headers() {
        // The token is the batch's own; what is preferred or describes a body is said by each part.
        if name == "authorization" || name == "client-request-id" {
            headers.push((name.clone(), value.clone()));
        }
    }
    let body = match &step["body"] {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    let version = if outer.beta { "beta" } else { "v1.0" };
    let url = text(step, "url");
    let target = format!("/{version}/{}", url.trim_start_matches('/'));
    let mut part = Request::new(text(step, "method"), &target, headers, body, &outer.origin);
    part.page_limit = outer.page_limit;
    part
}

fn response(step: &Value, reply: Reply) -> Value {
    let mut response = json!({"id": step["id"], "status": reply.status, "headers": {}});
    for (name, value) in reply.headers {
        response["headers"][name] = json!(value);
    }
    match reply.body {
        Body::Empty => {}
        Body::Json(body) => {
            response["headers"]["Content-Type"] = json!("application/json");
            response["body"] = body;
        }
        Body::Stream(body) => {
            response["headers"]["Content-Type"] = json!("application/json");
            response["body"] = body.collected();
        }
        Body::Text(body) => {
            // synthetic: how a part carries plain text is not in the contract.
            response["headers"]["Content-Type"] = json!("text/plain");
            response["body"] = json!(body);
        }
    }
    response
}
