//! Which path is answered by what, behind the check of the token.

use std::time::Instant;

use serde_json::Value;
use uuid::Uuid;

use super::clock::error_time;
use super::errors::Failure;
use super::faults::{Fault, Kind};
use super::lag::is_read;
use super::owner::{Answer, Part, Session, State};
use super::profile::Profile;
use super::request::{Reply, Request};
use super::tenant::{Happening, Table};
use super::throttle::Asker;
use super::token::{self, Caller};
use super::{
    apps, audit, azure, batch, bin, contexts, directory, discovery, licences, locations, members,
    organisation, permissions, policies, readiness, signins, singletons, strengths, templates,
    what_if,
};

/// What a handler returns.
pub(super) type Handled = Result<Answer, Failure>;

/// Answers a request to the login or the Graph half, as far as nothing struck it; also returns the parts
/// of a batch.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    struck: Option<&Fault>,
) -> (Reply, Vec<Part>) {
    if struck.is_some_and(Fault::resets_before) {
        return (Reply::reset(), Vec::new());
    }
    let spoiled = |reply| match struck {
        Some(fault) => fault.spoil(reply),
        None => reply,
    };
    let instead = struck.and_then(Fault::instead);
    if instead.is_none()
        && !request.versioned
        && let Some(reply) =
            discovery::answer(request).or_else(|| token::answer(&state.tenant, request))
    {
        return (spoiled(reply), Vec::new());
    }
    if let Some(failure) = &instead
        && !request.versioned
    {
        return (token::failed(failure), Vec::new());
    }
    let request_id = Uuid::new_v4().to_string();
    let answered = instead.map_or_else(|| authenticated(state, request, struck), Err);
    let (reply, parts) = answered.unwrap_or_else(|failure| {
        let reply = refused(state, request, &failure, &request_id);
        (reply, Vec::new())
    });
    let reply = reply.with_header("request-id", request_id);
    (spoiled(reply), parts)
}

/// Whether a request is one of Log Analytics, which is another host in reality.
pub(super) fn is_workspace(request: &Request) -> bool {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    matches!(segments.as_slice(), ["v1", "workspaces", _, "query"])
}

fn authenticated(
    state: &mut State,
    request: &Request,
    struck: Option<&Fault>,
) -> Result<(Reply, Vec<Part>), Failure> {
    if is_workspace(request) && request.method == "POST" {
        let caller = Caller::of(&state.tenant, request)?;
        let session = Session {
            tenant: &state.tenant,
            past: &state.past,
            references: &state.tenant,
            caller: &caller,
        };
        let is_partial = state.settings.partial_queries;
        let reply = signins::kusto::answer(&session, request, is_partial);
        return Ok((reply, Vec::new()));
    }
    if !request.versioned {
        let Some(reply) = azure::answer(&state.tenant, request) else {
            let first = request.segments.first().map_or("", String::as_str);
            return Err(Failure::no_such_segment(first));
        };
        Caller::of(&state.tenant, request)?;
        return reply.map(|reply| (reply, Vec::new()));
    }
    let caller = Caller::of(&state.tenant, request)?;
    if request.is_batch() {
        return batch::answer(state, &caller, request);
    }
    handle(state, &caller, request, struck).map(|reply| (reply, Vec::new()))
}

/// Answers one request, or one part of a batch, and records what it writes.
pub(super) fn handle(
    state: &mut State,
    caller: &Caller,
    request: &Request,
    struck: Option<&Fault>,
) -> Result<Reply, Failure> {
    let asker = Asker {
        app: caller.app(),
        users: &|| state.tenant.rows(Table::Users).count(),
    };
    let toll = state
        .meter
        .admit(&state.settings, request, asker, Instant::now())?;
    let seen = if struck.is_some_and(|fault| fault.kind == Kind::Stale) {
        state.lag.stale(&state.tenant)
    } else {
        state.lag.seen(&state.tenant)
    };
    let session = Session {
        tenant: if is_read(request) {
            seen
        } else {
            &state.tenant
        },
        past: &state.past,
        references: if state.settings.lagging_references {
            seen
        } else {
            &state.tenant
        },
        caller,
    };
    let lower: Vec<String> = request
        .segments
        .iter()
        .map(|segment| segment.to_ascii_lowercase())
        .collect();
    let segments: Vec<&str> = lower.iter().map(String::as_str).collect();
    gates(state, session.caller, request, &segments)?;
    match dispatch(&session, request, &segments)? {
        Answer::Read(mut reply) => {
            reply.headers.extend(toll);
            Ok(reply)
        }
        Answer::Write(write) => {
            let initiated_by = caller.initiated_by(&state.tenant);
            let stamp = super::clock::tick(state.tenant.now());
            let audit = write.activity.entry(&state.tenant, stamp, &initiated_by);
            let changes = match struck {
                Some(fault) => fault.keep(write.changes),
                None => write.changes,
            };
            if !changes.is_empty() {
                state.record(Happening::Write { changes, audit })?;
            }
            let mut reply = write.reply;
            reply.headers.extend(toll);
            Ok(reply)
        }
    }
}

/// The envelope of a refusal, with the headers that go with it.
pub(super) fn refused(
    state: &State,
    request: &Request,
    failure: &Failure,
    request_id: &str,
) -> Reply {
    let date = error_time(state.tenant.now());
    let mut reply = Reply::json(failure.status, failure.envelope(request, &date, request_id));
    reply.headers.extend(failure.headers.iter().cloned());
    if failure.status == 401 {
        return reply.with_header("www-authenticate", failure.www_authenticate());
    }
    reply
}

/// What every request passes before anybody looks at it: the cloud has the path, the token has the
/// permission, the tenant has the licence, and who changes a policy has met what protects that.
fn gates(
    state: &State,
    caller: &Caller,
    request: &Request,
    segments: &[&str],
) -> Result<(), Failure> {
    let profile = Profile::of(&state.tenant);
    profile.cloud.serves(request)?;
    permissions::gate(caller, request, segments)?;
    licences::gate(&profile, request, segments)?;
    let is_policy_write = request.method != "GET"
        && matches!(
            segments,
            ["identity", "conditionalaccess", "policies", ..]
                | [
                    "identity",
                    "conditionalaccess",
                    "deleteditems",
                    "policies",
                    ..
                ]
                | ["policies", "conditionalaccesspolicies", ..]
        );
    match &state.settings.protected_actions {
        Some(context) if is_policy_write && !caller.has_met(context) => {
            Err(Failure::claims_challenge(context))
        }
        _ => Ok(()),
    }
}

fn dispatch(session: &Session<'_>, request: &Request, segments: &[&str]) -> Handled {
    match segments {
        ["identity", "conditionalaccess", "policies", rest @ ..]
        | ["policies", "conditionalaccesspolicies", rest @ ..] => {
            policies::answer(session, request, rest)
        }
        [
            "identity",
            "conditionalaccess",
            "deleteditems",
            kind @ ("policies" | "namedlocations"),
            rest @ ..,
        ] => {
            let bin = match *kind {
                "policies" => &policies::BIN,
                _ => &locations::BIN,
            };
            bin::answer(session, request, bin, rest)
        }
        ["identity", "conditionalaccess", "namedlocations", rest @ ..]
        | ["conditionalaccess", "namedlocations", rest @ ..] => {
            locations::answer(session, request, rest)
        }
        ["policies", "authenticationstrengthpolicies", rest @ ..]
        | [
            "identity",
            "conditionalaccess",
            "authenticationstrength",
            "policies",
            rest @ ..,
        ] => strengths::answer(session, request, rest),
        [
            "identity",
            "conditionalaccess",
            "authenticationcontextclassreferences",
            rest @ ..,
        ] => contexts::answer(session, request, rest),
        ["identity", "conditionalaccess", "evaluate"] => what_if::answer(session, request),
        ["identity", "conditionalaccess", "templates", rest @ ..]
        | ["conditionalaccess", "templates", rest @ ..] => {
            templates::answer(session, request, rest)
        }
        ["auditlogs", "directoryaudits"] => read(request, || audit::list(session, request)),
        ["auditlogs", "directoryaudits", id] => read(request, || audit::get(session, request, id)),
        ["auditlogs", "signins"] => read(request, || signins::list(session, request)),
        ["auditlogs", "signins", id] => read(request, || signins::get(session, request, id)),
        ["serviceprincipals", id, "approleassignments"] => {
            read(request, || apps::assignments(session, request, id))
        }
        ["groups", id, rest @ ..] if !rest.is_empty() => {
            members::answer(session, request, id, rest)
        }
        ["me"] => me(session, request),
        [] => Err(Failure::no_such_segment("")),
        _ => readiness::answer(session, request, segments)
            .or_else(|| directory::answer(session, request, segments))
            .or_else(|| organisation::answer(session, request, segments))
            .or_else(|| singletons::answer(session, request, segments))
            .unwrap_or_else(|| Err(Failure::no_such_segment(unknown(request)))),
    }
}

/// The person who signed in.
fn me(session: &Session<'_>, request: &Request) -> Handled {
    let Some(id) = session.caller.user() else {
        // synthetic: the contract has no text for an application that asks who it is.
        return Err(Failure::bad_request(
            "/me request is only valid with delegated authentication flow.",
        ));
    };
    directory::answer(session, request, &["users", id])
        .unwrap_or_else(|| Err(Failure::no_such_segment("me")))
}

/// Answers a path that can only be read.
pub(super) fn read(request: &Request, reply: impl FnOnce() -> Result<Reply, Failure>) -> Handled {
    if request.method != "GET" {
        return Err(Failure::method_not_allowed());
    }
    reply().map(Answer::Read)
}

/// The segment to blame: the first one when nothing starts like that, else the last.
fn unknown(request: &Request) -> &str {
    const ROOTS: [&str; 17] = [
        "identity",
        "devicemanagement",
        "directory",
        "identitygovernance",
        "security",
        "policies",
        "auditlogs",
        "users",
        "groups",
        "serviceprincipals",
        "directoryobjects",
        "directoryroles",
        "rolemanagement",
        "organization",
        "domains",
        "subscribedskus",
        "reports",
    ];
    let first = request.segments.first().map_or("", String::as_str);
    if ROOTS.contains(&first.to_ascii_lowercase().as_str()) {
        return request.segments.last().map_or("", String::as_str);
    }
    first
}

/// The body of a 201, with the context of its collection.
pub(super) fn created(request: &Request, context: &str, row: Value) -> Reply {
    let mut reply = super::query::single(request, context, row, &[]);
    reply.status = 201;
    reply
}
