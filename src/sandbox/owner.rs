//! The owner of the state: the one process that holds the lock, appends to the log and answers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::audit::Activity;
use super::delivery::Delivery;
use super::errors::Failure;
use super::faults::{Fault, Faults};
use super::fold::{Replayed, replay, step};
use super::identity::Identity;
use super::lag::Lag;
use super::profile::Profile;
use super::recipe::Recipe;
use super::request::{Reply, Request};
use super::settings::Settings;
use super::signins::Past;
use super::tenant::{Change, Event, Happening, Tenant};
use super::throttle::Meter;
use super::token::Caller;
use super::{SandboxError, clock, controls, population, routes, token};
use crate::store::{Lock, Log, write_atomic};

/// How many requests are remembered for `GET /sandbox/requests`.
const REMEMBERED: usize = 20_000;
/// How many tenants are in memory at a time, each with its open log.
const OPEN: usize = 64;

/// A request that was served, as a test wants to see it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Served {
    /// Which tenant was asked, when there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant_id: Option<String>,
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

/// One tenant, with the log that it is the fold of.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tenant: Tenant,
    /// What the tenant was in the last month.
    pub(super) past: Arc<Past>,
    log: Log,
    log_path: PathBuf,
    /// What a log without an event begins with.
    fresh: Recipe,
    /// The switches of the server, as they stood when the request came.
    pub(super) settings: Settings,
    /// The script of the server.
    faults: Arc<Mutex<Faults>>,
    pub(super) lag: Lag,
    pub(super) meter: Meter,
}

impl State {
    /// Reads a tenant; a log without an event begins with the recipe.
    fn open(
        identity: &Identity,
        log_path: PathBuf,
        recipe: &Recipe,
        faults: Arc<Mutex<Faults>>,
    ) -> Result<Self, SandboxError> {
        let (log, tenant, past) = replay(identity, &log_path)?;
        let is_fresh = tenant.events() == 0;
        let mut state = Self {
            tenant,
            past,
            log,
            log_path,
            fresh: recipe.clone(),
            settings: Settings::default(),
            faults,
            lag: Lag::new(Instant::now()),
            meter: Meter::default(),
        };
        if is_fresh && *recipe != Recipe::default() {
            let populated = state.record(Happening::Populate(recipe.clone()));
            populated.map_err(|failure| SandboxError::State {
                path: state.log_path.clone(),
                source: std::io::Error::other(failure.message),
            })?;
        }
        Ok(state)
    }

    /// Makes something happen: on disk first, then in memory.
    pub(super) fn record(&mut self, what: Happening) -> Result<Event, Failure> {
        let event = self.tenant.next_event(what);
        let line = serde_json::to_string(&event).map_err(|error| broken(&error))?;
        if let Err(error) = self.log.append(&line) {
            // The line may be there in whole, in part or not at all. Reading the log again decides, so
            // that the next line is not glued to a torn one.
            (self.log, self.tenant, self.past) = self.replayed()?;
            self.lag.forget();
            return Err(broken(&error));
        }
        match &event.what {
            // Whatever was written is old by then, and what kind of tenant it is is known at once.
            Happening::Populate(_) | Happening::Advance { .. } | Happening::Arrange { .. } => {
                self.lag.forget();
            }
            Happening::Write { .. } => self.lag.keep(self.tenant.clone()),
        }
        step(&mut self.tenant, &mut self.past, &event);
        Ok(event)
    }

    /// Starts over from a recipe, as a tenant of a kind: after a crash there is the old tenant or the new one.
    pub(super) fn reset(&mut self, recipe: Recipe, profile: &Profile) -> Result<(), Failure> {
        let mut tenant = population::tenant(self.tenant.identity().clone(), Recipe::default());
        let mut lines = String::new();
        let mut happens = |tenant: &mut Tenant, what: Happening| {
            let event = tenant.next_event(what);
            tenant.apply(&event);
            let line = serde_json::to_string(&event).map_err(|error| broken(&error))?;
            lines.push_str(&line);
            lines.push('\n');
            Ok::<_, Failure>(())
        };
        // An empty log is a tenant of the default recipe only where nothing else was asked for.
        if recipe != Recipe::default() || self.fresh != Recipe::default() {
            happens(&mut tenant, Happening::Populate(recipe))?;
        }
        if *profile != Profile::of(&tenant) {
            let changes = profile.changes(&tenant);
            happens(&mut tenant, Happening::Arrange { changes })?;
        }
        write_atomic(&self.log_path, lines.as_bytes()).map_err(|error| broken(&error))?;
        (self.log, self.tenant, self.past) = self.replayed()?;
        self.lag.forget();
        Ok(())
    }

    /// What the script has for a request.
    pub(super) fn strike(&self, request: &Request) -> Option<Fault> {
        locked(&self.faults).strike(request, &self.tenant.identity().id)
    }

    fn replayed(&self) -> Result<Replayed, Failure> {
        replay(self.tenant.identity(), &self.log_path).map_err(|error| broken(&error))
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

/// A request in progress: who asks, and the state it may see or change.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) tenant: &'a Tenant,
    /// What the tenant was in the last month.
    pub(super) past: &'a Arc<Past>,
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

/// An answer on its way out.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) reply: Reply,
    /// The tenant's time, for the `Date` header.
    pub(super) now: jiff::Timestamp,
    /// The scripted fault that struck the request or a part of it.
    pub(super) fault: Option<&'static str>,
}

impl Answered {
    fn new(reply: Reply, now: jiff::Timestamp) -> Self {
        Self {
            reply,
            now,
            fault: None,
        }
    }
}

/// A tenant's place at the server; its state is read when it is asked for.
#[derive(Debug)]
struct Seat {
    identity: Identity,
    log_path: PathBuf,
    state: Mutex<Option<State>>,
    /// When it was last asked for, in requests.
    asked: AtomicU64,
}

/// The owner: the lock, and the tenants behind it.
#[derive(Debug)]
pub(super) struct Owner {
    /// In the order of their numbers; never empty.
    seats: Vec<Seat>,
    /// What a tenant is made of that nobody has written to yet.
    recipe: Recipe,
    settings: Mutex<Settings>,
    faults: Arc<Mutex<Faults>>,
    requests: Mutex<VecDeque<Served>>,
    /// How many requests there were.
    asked: AtomicU64,
    url_path: PathBuf,
    url: String,
    // The last field, so that the lock is given up after everything else.
    _lock: Lock,
}

impl Owner {
    /// Takes its place under a lock that is already held, reads the first tenant and says where to be
    /// found.
    pub(super) fn open(
        directory: &Path,
        tenants: usize,
        recipe: &Recipe,
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
        let seats: Vec<Seat> = (1..=tenants.max(1))
            .map(|number| {
                let identity = Identity::of(number);
                let log_path = match number {
                    1 => directory.join("events.jsonl"),
                    _ => directory
                        .join("tenants")
                        .join(&identity.id)
                        .join("events.jsonl"),
                };
                Seat {
                    identity,
                    log_path,
                    state: Mutex::new(None),
                    asked: AtomicU64::new(0),
                }
            })
            .collect();
        let faults = Arc::<Mutex<Faults>>::default();
        let first = &seats[0];
        *locked(&first.state) = Some(State::open(
            &first.identity,
            first.log_path.clone(),
            recipe,
            Arc::clone(&faults),
        )?);
        write_atomic(&url_path, url.as_bytes()).map_err(failed)?;
        Ok(Self {
            seats,
            recipe: recipe.clone(),
            settings: Mutex::new(settings),
            faults,
            requests: Mutex::default(),
            asked: AtomicU64::new(0),
            url_path,
            url: url.to_owned(),
            _lock: lock,
        })
    }

    /// Answers one request.
    pub(super) fn answer(&self, request: &mut Request) -> Answered {
        let is_control = request.is_control();
        let Some(seat) = self.seat_of(request, is_control) else {
            let start = clock::at(clock::START);
            return Answered::new(
                controls::refused(404, "no such tenant is served here"),
                start,
            );
        };
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        seat.asked.store(asked, Ordering::Relaxed);
        let mut held = locked(&seat.state);
        let state = match held.as_mut() {
            Some(state) => state,
            None => {
                self.make_room();
                let faults = Arc::clone(&self.faults);
                match State::open(&seat.identity, seat.log_path.clone(), &self.recipe, faults) {
                    Ok(state) => held.insert(state),
                    Err(error) => {
                        let failure = broken(&error);
                        let start = clock::at(clock::START);
                        let date = clock::error_time(start);
                        return Answered::new(
                            Reply::json(failure.status, failure.envelope(request, &date, "")),
                            start,
                        );
                    }
                }
            }
        };
        if is_control {
            let reply = controls::answer(self, state, request);
            return Answered::new(reply, state.tenant.now());
        }
        state.settings = self.settings().clone();
        let reach = state.settings.read_lag;
        state.lag.begin(request, reach, Instant::now());
        request.page_limit = state.settings.page_size;
        let struck = state.strike(request);
        let (reply, parts) = routes::answer(state, request, struck.as_ref());
        let late = Delivery {
            late: state.settings.latency.0,
            ..Delivery::default()
        };
        let now = state.tenant.now();
        drop(held);
        let fault = struck
            .map(|fault| fault.kind.name())
            .or_else(|| parts.iter().find_map(|part| part.fault));
        let mut requests = self.requests();
        if requests.len() == REMEMBERED {
            requests.pop_front();
        }
        requests.push_back(Served {
            tenant_id: (self.seats.len() > 1).then(|| seat.identity.id.clone()),
            method: request.method.clone(),
            path: request.path.clone(),
            status: reply.status,
            parts,
            fault,
        });
        Answered {
            reply: reply.deliver(late),
            now,
            fault,
        }
    }

    /// The tenant that a request is for: what its token, its path or, for a control, its query says.
    /// Whether the token is good for anything is not judged here; who names nobody asks the first tenant.
    fn seat_of(&self, request: &Request, is_control: bool) -> Option<&Seat> {
        let seat = |name: &str| {
            self.seats
                .iter()
                .find(|seat| seat.identity.answers_to(name))
        };
        if is_control && let Some(name) = request.option("tenant") {
            return seat(name);
        }
        let by_path = || request.segments.first().and_then(|name| seat(name));
        let by_token = || token::tenant_id(request).and_then(|name| seat(&name));
        let named = if request.versioned { None } else { by_path() };
        named.or_else(by_token).or(self.seats.first())
    }

    /// Forgets the tenant that nobody has asked for the longest when too many are in memory: it is a
    /// fold of its log, and can be read again.
    fn make_room(&self) {
        let mut open: Vec<(u64, MutexGuard<'_, Option<State>>)> = self
            .seats
            .iter()
            .filter_map(|seat| {
                let held = seat.state.try_lock().ok()?;
                held.is_some()
                    .then(|| (seat.asked.load(Ordering::Relaxed), held))
            })
            .collect();
        if open.len() >= OPEN
            && let Some((_, oldest)) = open.iter_mut().min_by_key(|(asked, _)| *asked)
        {
            **oldest = None;
        }
    }

    /// Who is served here.
    pub(super) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.seats.iter().map(|seat| &seat.identity)
    }

    /// The switches of the server.
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        locked(&self.settings)
    }

    /// The script: what goes wrong with the next requests.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    /// What was asked, the newest last.
    pub(super) fn requests(&self) -> MutexGuard<'_, VecDeque<Served>> {
        locked(&self.requests)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Owner {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.url_path).is_ok_and(|url| url == self.url) {
            let _ = std::fs::remove_file(&self.url_path);
        }
    }
}
