//! Failures that are scripted: what becomes of the next requests that match.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::delivery::{Delivery, Shape};
use super::errors::Failure;
use super::lag::is_read;
use super::request::{Body, Reply, Request};
use super::settings::{duration, spoken};
use super::tenant::Change;

/// How long an answer is held back, or drips, when the script does not say.
const USUAL_TIME: Duration = Duration::from_secs(5);
/// How long it may at most: a script must not hold a server for ever.
const LONGEST_TIME: Duration = Duration::from_mins(10);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Another status; the request is not carried out.
    #[default]
    Status,
    /// The connection is reset before the request is carried out.
    ResetBefore,
    /// The request is carried out, and the connection is reset without an answer.
    ResetAfter,
    /// The request is carried out, and half of the answer's body arrives.
    HalfBody,
    /// The body of the answer drips.
    SlowBody,
    /// The answer calls itself HTML.
    WrongContentType,
    /// The request is carried out, and the answer's body is no JSON.
    Garbage,
    /// The request is carried out, and the answer is held back.
    Stall,
    /// The token of a `nextLink` has expired.
    ExpiredPageToken,
    /// A read shows the tenant as it was before the last write.
    Stale,
    /// The access token has expired.
    ExpiredToken,
    /// A write is answered as if it were carried out, and nothing changes (trap 36).
    Ignored,
    /// A write is carried out and answered in full, and a part of it is not kept (trap 13).
    Lossy,
}

/// The names of all kinds of faults, as `kind` takes them.
pub const FAULT_KINDS: [&str; 13] = [
    "status",
    "reset-before",
    "reset-after",
    "half-body",
    "slow-body",
    "wrong-content-type",
    "garbage",
    "stall",
    "expired-page-token",
    "stale",
    "expired-token",
    "ignored",
    "lossy",
];

impl Kind {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        FAULT_KINDS[self as usize]
    }
}

/// A failure that is scripted; what is left out matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// What goes wrong.
    #[serde(default)]
    pub(super) kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A path without version: with a `*` it is a glob, otherwise it matches what lies below it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// `v1.0` or `beta`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_contains: Option<String>,
    /// So many that match are spared first.
    #[serde(default)]
    skip: u32,
    /// So many are struck then.
    #[serde(default = "once")]
    times: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// What `lossy` does not keep, as a path such as `conditions.locations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loses: Option<String>,
    /// How long `stall` and `slow-body` take, such as `2s`.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Reads a script, or says in a sentence what is wrong with it.
    pub(super) fn read(script: &Value) -> Result<Self, String> {
        let mut fault: Self = serde_json::from_value(script.clone())
            .map_err(|error| format!("this is no fault: {error}"))?;
        if let Some(path) = &mut fault.path {
            // Somebody pastes the path of a request.
            let bare = path.trim_start_matches('/');
            let (version, rest) = ["v1.0", "beta"]
                .iter()
                .find_map(|version| {
                    let rest = bare.strip_prefix(version)?.strip_prefix('/')?;
                    Some((Some((*version).to_owned()), rest))
                })
                .unwrap_or((None, bare));
            if fault.version.is_some() && version.is_some() && fault.version != version {
                return Err("the path names another version than `version`".to_owned());
            }
            fault.version = fault.version.or(version);
            *path = rest.to_owned();
            glob::Pattern::new(path)
                .map_err(|error| format!("`{path}` is not a pattern: {error}"))?;
        }
        if let Some(version) = &fault.version
            && !["v1.0", "beta"].contains(&version.as_str())
        {
            return Err("version is `v1.0` or `beta`".to_owned());
        }
        if fault.times == 0 {
            return Err("times is a number from 1".to_owned());
        }
        fault.check_kind()?;
        Ok(fault)
    }

    fn check_kind(&self) -> Result<(), String> {
        let own = |is_set: bool, name: &str, kinds: &[Kind]| {
            if is_set && !kinds.contains(&self.kind) {
                return Err(format!("`{name}` does not go with {}", self.kind.name()));
            }
            Ok(())
        };
        own(self.status.is_some(), "status", &[Kind::Status])?;
        own(self.code.is_some(), "code", &[Kind::Status])?;
        own(self.message.is_some(), "message", &[Kind::Status])?;
        own(self.retry_after.is_some(), "retry_after", &[Kind::Status])?;
        own(self.time.is_some(), "for", &[Kind::Stall, Kind::SlowBody])?;
        own(self.loses.is_some(), "loses", &[Kind::Lossy])?;
        if self.kind == Kind::Lossy && self.loses.is_none() {
            return Err(
                "a lossy fault says what it `loses`, such as conditions.locations".to_owned(),
            );
        }
        if self.kind == Kind::Status
            && !self
                .status
                .is_some_and(|status| (400..600).contains(&status))
        {
            return Err("a fault says its `status`, from 400 to 599, or its `kind`".to_owned());
        }
        if let Some(time) = &self.time {
            duration(time, LONGEST_TIME)?;
        }
        Ok(())
    }

    fn matches(&self, request: &Request, tenant_id: &str) -> bool {
        let version = if request.beta { "beta" } else { "v1.0" };
        // A fault is not used up by a request that it would do nothing to.
        let eligible = match self.kind {
            Kind::ExpiredPageToken => request.versioned && request.option("skiptoken").is_some(),
            Kind::Stale => request.versioned && is_read(request) && !request.is_batch(),
            Kind::Ignored | Kind::Lossy => request.versioned && !is_read(request),
            // Who asks for a token has none yet; Log Analytics is meant only where its path is named.
            Kind::ExpiredToken => request.versioned || self.path.is_some(),
            _ => true,
        };
        let body = || String::from_utf8_lossy(&request.body);
        eligible
            && is_or_any(self.method.as_deref(), &request.method)
            && is_or_any(self.version.as_deref(), version)
            && is_or_any(self.tenant_id.as_deref(), tenant_id)
            && self
                .path
                .as_deref()
                .is_none_or(|path| path_matches(path, &request.segments.join("/")))
            && self
                .body_contains
                .as_deref()
                .is_none_or(|words| body().contains(words))
    }

    fn time(&self) -> Duration {
        self.time
            .as_deref()
            .and_then(|time| duration(time, LONGEST_TIME).ok())
            .unwrap_or(USUAL_TIME)
    }

    /// Whether the connection is reset before anything is done.
    pub(super) fn resets_before(&self) -> bool {
        self.kind == Kind::ResetBefore
    }

    /// What is answered in place of carrying the request out, if that is not done.
    pub(super) fn instead(&self) -> Option<Failure> {
        match self.kind {
            Kind::Status => Some(self.refusal()),
            // synthetic: the sentences; the contract has the codes.
            Kind::ExpiredPageToken => Some(Failure::expired_page_token()),
            Kind::ExpiredToken => Some(Failure::unauthenticated(
                "Lifetime validation failed, the token is expired.",
            )),
            _ => None,
        }
    }

    fn refusal(&self) -> Failure {
        let status = self.status.unwrap_or(500);
        // synthetic: the code and the sentence of every status but 429, unless the script says them.
        let (code, message) = match status {
            401 => (
                "InvalidAuthenticationToken",
                "Access token validation failure.",
            ),
            404 => (
                "Request_ResourceNotFound",
                "The resource could not be found.",
            ),
            429 => ("TooManyRequests", "Too many requests."),
            400..500 => ("BadRequest", "The request was refused by a scripted fault."),
            502 => ("BadGateway", "The gateway got no usable answer."),
            503 => (
                "ServiceUnavailable",
                "The service is temporarily unavailable.",
            ),
            504 => ("GatewayTimeout", "The gateway got no answer in time."),
            _ => ("InternalServerError", "An internal server error occurred."),
        };
        let code = self.code.clone().unwrap_or_else(|| code.to_owned());
        let message = self.message.clone().unwrap_or_else(|| message.to_owned());
        let failure = Failure::new(status, code, message);
        match self.retry_after {
            Some(seconds) => failure.with_header("retry-after", seconds.to_string()),
            None => failure,
        }
    }

    /// What is kept of a write: all of it, nothing, or all but a part.
    pub(super) fn keep(&self, mut changes: Vec<Change>) -> Vec<Change> {
        match (self.kind, &self.loses) {
            (Kind::Ignored, _) => Vec::new(),
            (Kind::Lossy, Some(path)) => {
                let pointer = format!("/{}", path.replace('.', "/"));
                for change in &mut changes {
                    if let Change::Put { row, .. } = change
                        && let Some(part) = row.pointer_mut(&pointer)
                    {
                        *part = Value::Null;
                    }
                }
                changes
            }
            _ => changes,
        }
    }

    /// What becomes of an answer once the request is carried out.
    pub(super) fn spoil(&self, mut reply: Reply) -> Reply {
        // What has no body cannot come in half or in drops; that it breaks off or is late is left.
        let is_empty = matches!(reply.body, Body::Empty);
        match self.kind {
            Kind::HalfBody if !is_empty => reply.deliver(Delivery::shaped(Shape::Half)),
            Kind::ResetAfter | Kind::HalfBody => reply.deliver(Delivery::shaped(Shape::Reset)),
            Kind::SlowBody if !is_empty => {
                reply.deliver(Delivery::shaped(Shape::Slow(self.time())))
            }
            Kind::Stall | Kind::SlowBody => reply.deliver(Delivery {
                late: self.time(),
                ..Delivery::default()
            }),
            Kind::WrongContentType => reply.with_header("content-type", "text/html".to_owned()),
            Kind::Garbage => {
                if reply.status == 204 {
                    // A 204 has no body to be garbage.
                    reply.status = 200;
                }
                reply.body = Body::Text("{\"value\": [\u{1}\u{2} this is not JSON".to_owned());
                reply.with_header("content-type", "application/json".to_owned())
            }
            _ => reply,
        }
    }

    /// What was scripted, for a person.
    fn sentence(&self) -> String {
        let method = self.method.as_deref().map(str::to_ascii_uppercase);
        let (requests, verb) = if self.times == 1 {
            ("request", "")
        } else {
            ("requests", "each ")
        };
        let mut text = match self.times {
            1 => "The next".to_owned(),
            times => format!("The next {times}"),
        };
        if let Some(method) = method {
            let _ = write!(text, " {method}");
        }
        let _ = write!(text, " {requests}");
        if let Some(path) = &self.path {
            let _ = write!(text, " to {path}");
        }
        if let Some(version) = &self.version {
            let _ = write!(text, " on {version}");
        }
        if let Some(words) = &self.body_contains {
            let _ = write!(text, " with \"{words}\" in the body");
        }
        if let Some(tenant) = &self.tenant_id {
            let _ = write!(text, " for tenant {tenant}");
        }
        if self.skip > 0 {
            let _ = write!(text, ", after {} that pass,", self.skip);
        }
        let gets = if self.times == 1 { "gets" } else { "get" };
        let _ = match self.kind {
            Kind::Status => match (self.status, self.retry_after) {
                (Some(status), Some(wait)) => {
                    write!(text, " {verb}{gets} {status} with Retry-After: {wait}")
                }
                (status, _) => write!(text, " {verb}{gets} {}", status.unwrap_or(500)),
            },
            Kind::Stall | Kind::SlowBody => {
                write!(
                    text,
                    " {verb}{gets} {} of {}",
                    self.kind.name(),
                    spoken(self.time())
                )
            }
            kind => write!(text, " {verb}{gets} {}", kind.name()),
        };
        text.push('.');
        text
    }

    /// The script, and its sentence.
    pub(super) fn to_json(&self) -> Value {
        let mut shown = json!(self);
        shown["sentence"] = json!(self.sentence());
        shown
    }
}

fn is_or_any(wanted: Option<&str>, is: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_ascii_lowercase(), path.to_ascii_lowercase());
    if pattern.contains(['*', '?', '[']) {
        return glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches(&path));
    }
    let pattern = pattern.trim_end_matches('/');
    path.strip_prefix(pattern)
        .is_some_and(|rest| pattern.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// The script: faults that have not struck often enough yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What is left of the script.
    pub(super) fn to_json(&self) -> Value {
        self.0.iter().map(Fault::to_json).collect()
    }

    /// Forgets the script, and says how many faults that were.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.0).len()
    }

    /// What strikes a request: the first that matches and has spared enough of them.
    pub(super) fn strike(&mut self, request: &Request, tenant_id: &str) -> Option<Fault> {
        let mut at = None;
        for (index, fault) in self.0.iter_mut().enumerate() {
            if !fault.matches(request, tenant_id) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            at = Some(index);
            break;
        }
        let at = at?;
        let fault = self.0.get_mut(at)?;
        fault.times -= 1;
        let struck = fault.clone();
        if struck.times == 0 {
            self.0.remove(at);
        }
        Some(struck)
    }
}
