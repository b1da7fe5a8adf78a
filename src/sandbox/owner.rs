//! The owner of the state: the one process that holds the lock, appends to the log and answers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::audit::Activity;
use super::delivery::Delivery;
use super::errors::Failure;
use super::faults::Faults;
use super::lag::Lag;
use super::population;
use super::request::{Reply, Request};
use super::settings::Settings;
use super::tenant::{Change, Event, Happening, Tenant};
use super::throttle::Meter;
use super::token::Caller;
use super::{SandboxError, TENANT_ID, controls, routes};
use crate::store::{Lock, Log, write_atomic};

/// How many requests are remembered for `GET /sandbox/requests`.
const REMEMBERED: usize = 20_000;

/// A request that was served, as a test wants to see it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Served {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    /// The parts of a `$batch`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part>,
    /// The fault that struck it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
}

/// A part of a `$batch` that was served.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Part {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    /// The fault that struck it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
}

/// Everything that a request may see or change.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tenant: Tenant,
    log: Log,
    log_path: PathBuf,
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) lag: Lag,
    pub(super) meter: Meter,
    pub(super) requests: VecDeque<Served>,
}

impl State {
    fn open(log_path: PathBuf, settings: Settings) -> Result<Self, SandboxError> {
        let (log, tenant) = replay(&log_path)?;
        Ok(Self {
            tenant,
            log,
            log_path,
            settings,
            faults: Faults::default(),
            lag: Lag::new(Instant::now()),
            meter: Meter::default(),
            requests: VecDeque::new(),
        })
    }

    /// Makes something happen: on disk first, then in memory.
    pub(super) fn record(&mut self, what: Happening) -> Result<Event, Failure> {
        let event = self.tenant.next_event(what);
        let line = serde_json::to_string(&event).map_err(|error| broken(&error))?;
        if let Err(error) = self.log.append(&line) {
            // The line may be there in whole, in part or not at all. Reading the log again decides, so
            // that the next line is not glued to a torn one.
            let (log, tenant) = replay(&self.log_path).map_err(|error| broken(&error))?;
            (self.log, self.tenant) = (log, tenant);
            self.lag.forget();
            return Err(broken(&error));
        }
        match &event.what {
            // Whatever was written is old by then.
            Happening::Advance { .. } => self.lag.forget(),
            Happening::Write { .. } => self.lag.keep(self.tenant.clone()),
        }
        self.tenant.apply(&event);
        Ok(event)
    }

    /// Starts over from the population.
    pub(super) fn reset(&mut self) -> Result<(), Failure> {
        write_atomic(&self.log_path, b"").map_err(|error| broken(&error))?;
        let (log, tenant) = replay(&self.log_path).map_err(|error| broken(&error))?;
        (self.log, self.tenant) = (log, tenant);
        self.lag.forget();
        Ok(())
    }

    fn remember(&mut self, served: Served) {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(served);
    }
}

/// The 500 for a disk that fails.
fn broken(error: &dyn std::fmt::Display) -> Failure {
    // synthetic: no source shows Graph's text for a failing store.
    Failure::new(
        500,
        "InternalServerError",
        format!("the sandbox cannot keep its log: {error}"),
    )
}

fn replay(path: &Path) -> Result<(Log, Tenant), SandboxError> {
    let (log, lines) = Log::open(path).map_err(|source| SandboxError::State {
        path: path.to_owned(),
        source,
    })?;
    let mut tenant = population::tenant();
    for (index, line) in lines.iter().enumerate() {
        let wrong = |message: String| SandboxError::Log {
            path: path.to_owned(),
            line: index + 1,
            message,
        };
        let event: Event = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if event.n != tenant.events() + 1 {
            return Err(wrong(format!(
                "event {} follows event {}",
                event.n,
                tenant.events()
            )));
        }
        tenant.apply(&event);
    }
    Ok((log, tenant))
}

/// A request in progress: who asks, and the state it may see or change.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) tenant: &'a Tenant,
    /// The tenant in which a policy finds what it names.
    pub(super) references: &'a Tenant,
    pub(super) caller: &'a Caller,
}

/// A write that a handler has decided on; it becomes true when it is in the log.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) changes: Vec<Change>,
    pub(super) activity: Activity,
    pub(super) reply: Reply,
}

/// What a handler comes to.
#[derive(Debug)]
pub(super) enum Answer {
    /// A reply, nothing changed.
    Read(Reply),
    /// A write to be recorded before its reply goes out.
    Write(Box<Write>),
}

impl Answer {
    /// A write: what changes, what the audit says, what the caller hears.
    pub(super) fn write(changes: Vec<Change>, activity: Activity, reply: Reply) -> Self {
        Self::Write(Box::new(Write {
            changes,
            activity,
            reply,
        }))
    }
}

/// The owner: the lock and the state.
#[derive(Debug)]
pub(super) struct Owner {
    state: Mutex<State>,
    url_path: PathBuf,
    url: String,
    // The last field, so that the lock is given up after everything else.
    _lock: Lock,
}

impl Owner {
    /// Replays the log under a lock that is already held and says where to be found.
    pub(super) fn open(
        directory: &Path,
        url: &str,
        settings: Settings,
        lock: Lock,
    ) -> Result<Self, SandboxError> {
        let url_path = directory.join("url");
        let failed = |source| SandboxError::State {
            path: url_path.clone(),
            source,
        };
        // Whoever wrote it is gone; better no address than a wrong one while the log is replayed.
        match std::fs::remove_file(&url_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let state = State::open(directory.join("events.jsonl"), settings)?;
        write_atomic(&url_path, url.as_bytes()).map_err(failed)?;
        Ok(Self {
            state: Mutex::new(state),
            url_path,
            url: url.to_owned(),
            _lock: lock,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request; also returns the tenant's time for the `Date` header.
    pub(super) fn answer(&self, request: &mut Request) -> (Reply, jiff::Timestamp) {
        let mut state = self.state();
        let is_control = !request.versioned
            && request
                .segments
                .first()
                .is_some_and(|first| first == "sandbox");
        if is_control {
            let reply = controls::answer(&mut state, request);
            return (reply, state.tenant.now());
        }
        let reach = state.settings.read_lag;
        state.lag.begin(request, reach, Instant::now());
        request.page_limit = state.settings.page_size;
        let struck = state.faults.strike(request, TENANT_ID);
        let (reply, parts) = routes::answer(&mut state, request, struck.as_ref());
        state.remember(Served {
            method: request.method.clone(),
            path: request.path.clone(),
            status: reply.status,
            parts,
            fault: struck.map(|fault| fault.kind.name()),
        });
        let late = Delivery {
            late: state.settings.latency.0,
            ..Delivery::default()
        };
        (reply.deliver(late), state.tenant.now())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.url_path).is_ok_and(|url| url == self.url) {
            let _ = std::fs::remove_file(&self.url_path);
        }
    }
}
