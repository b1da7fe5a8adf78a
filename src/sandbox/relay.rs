//! One owner, many doors: how a process that does not hold the lock answers all the same.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::SandboxError;
use super::owner::Owner;
use super::recipe::Recipe;
use super::recording::Recording;
use super::settings::Settings;
use crate::store::{Lock, LockError};

/// Marks a relayed request, so that two doors never send one in circles; its value is the scheme that
/// the caller used.
pub(super) const RELAYED: &str = "x-sandbox-relayed";
/// Marks the answer of a door that got a relayed request and is not the owner: nothing was done.
pub(super) const NOT_OWNER: &str = "x-sandbox-not-owner";

/// How long a door looks for an owner, or tries to become it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an owner that took a request may be silent: before its answer, and between two parts of it.
const THINKING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A request as it is passed on, bytes untouched.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) method: axum::http::Method,
    pub(super) target: String,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: axum::body::Bytes,
    /// The scheme the caller used: `http` or `https`.
    pub(super) scheme: &'static str,
}

/// What came of looking for the owner.
pub(super) enum Outcome {
    /// This process owns the state.
    Own(Arc<Owner>),
    /// The owner answered.
    Relayed(axum::response::Response),
    /// The owner broke off after the request was sent: nobody knows what came of it.
    Broken,
    /// There is no owner, and this process could not become it.
    Nobody(String),
}

/// A door: the listener of one process on a state directory.
#[derive(Debug)]
pub(super) struct Door {
    directory: PathBuf,
    tenants: usize,
    recipe: Recipe,
    url: String,
    settings: Settings,
    owner: RwLock<Option<Arc<Owner>>>,
    taking: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    recording: Option<Arc<Recording>>,
    client: reqwest::Client,
}

/// The client for another sandbox on this machine.
pub(super) fn client() -> Result<reqwest::Client, SandboxError> {
    // It speaks plain HTTP on loopback, but building one asks for a TLS provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        // A connection kept from an owner that has gone would look like a broken request.
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(THINKING)
        .build()
        .map_err(SandboxError::Relay)
}

impl Door {
    /// A door that has not yet looked who owns the state.
    pub(super) fn new(
        directory: PathBuf,
        tenants: usize,
        recipe: Recipe,
        url: String,
        record: Option<&Path>,
        settings: Settings,
    ) -> Result<Self, SandboxError> {
        let recording = record
            .map(|path| {
                Recording::open(path).map_err(|source| SandboxError::Record {
                    path: path.to_owned(),
                    source,
                })
            })
            .transpose()?;
        let client = client()?;
        Ok(Self {
            directory,
            tenants,
            recipe,
            url,
            settings,
            owner: RwLock::new(None),
            taking: tokio::sync::Mutex::new(()),
            closed: AtomicBool::new(false),
            recording: recording.map(Arc::new),
            client,
        })
    }

    /// The state, when this process owns it.
    pub(super) fn owned(&self) -> Option<Arc<Owner>> {
        self.owner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Where exchanges are recorded, when they are.
    pub(super) fn recording(&self) -> Option<Arc<Recording>> {
        self.recording.clone()
    }

    /// Gives the state up for good; the lock goes when the last request in flight is done with it.
    pub(super) async fn close(&self) {
        let _one_at_a_time = self.taking.lock().await;
        self.closed.store(true, Ordering::SeqCst);
        self.owner
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// Takes the state when nobody holds it.
    pub(super) async fn try_own(&self) -> Result<Option<Arc<Owner>>, SandboxError> {
        let _one_at_a_time = self.taking.lock().await;
        if let Some(owner) = self.owned() {
            return Ok(Some(owner));
        }
        if self.closed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let (directory, tenants, url) = (self.directory.clone(), self.tenants, self.url.clone());
        let (recipe, settings) = (self.recipe.clone(), self.settings.clone());
        let taken =
            tokio::task::spawn_blocking(move || match Lock::try_take(&directory.join("lock")) {
                Ok(lock) => {
                    Owner::open(&directory, tenants, &recipe, &url, settings, lock).map(Some)
                }
                Err(LockError::Held { .. }) => Ok(None),
                Err(LockError::Io { path, source }) => Err(SandboxError::State { path, source }),
            })
            .await
            .unwrap_or(Ok(None))?;
        let Some(owner) = taken.map(Arc::new) else {
            return Ok(None);
        };
        *self.owner.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&owner));
        Ok(Some(owner))
    }

    /// Finds whoever answers `parcel`: this process, or the owner it is passed on to.
    pub(super) async fn find(&self, parcel: &Parcel) -> Outcome {
        let start = Instant::now();
        let mut last = String::from("nobody owns the sandbox");
        loop {
            match self.try_own().await {
                Ok(Some(owner)) => return Outcome::Own(owner),
                Ok(None) => {}
                Err(error) => last = error.to_string(),
            }
            let owner = std::fs::read_to_string(self.directory.join("url")).unwrap_or_default();
            if is_loopback_origin(&owner) && owner != self.url {
                match self.pass_on(&owner, parcel).await {
                    Ok(Some(response)) => return Outcome::Relayed(response),
                    Ok(None) => last = format!("{owner} does not own the sandbox any more"),
                    Err(error) if error.is_connect() => last = format!("{owner} does not answer"),
                    // Reading twice does no harm; writing twice might.
                    Err(_) if parcel.method == axum::http::Method::GET => {
                        last = format!("{owner} broke off");
                    }
                    Err(_) => return Outcome::Broken,
                }
            }
            if start.elapsed() > PATIENCE {
                return Outcome::Nobody(last);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn pass_on(
        &self,
        owner: &str,
        parcel: &Parcel,
    ) -> Result<Option<axum::response::Response>, reqwest::Error> {
        let mut headers = parcel.headers.clone();
        for hop in [
            "connection",
            "keep-alive",
            "transfer-encoding",
            "te",
            "upgrade",
            "expect",
        ] {
            headers.remove(hop);
        }
        headers.insert(RELAYED, axum::http::HeaderValue::from_static(parcel.scheme));
        let answer = self
            .client
            .request(parcel.method.clone(), format!("{owner}{}", parcel.target))
            .headers(headers)
            .body(parcel.body.clone())
            .send()
            .await?;
        if answer.headers().contains_key(NOT_OWNER) {
            return Ok(None);
        }
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        // What is written while it is sent is passed on as it comes. The rest is read first, so that an
        // owner that breaks off is noticed before the caller has heard anything.
        let body = match answer.content_length() {
            Some(_) => axum::body::Body::from(answer.bytes().await?),
            None => axum::body::Body::new(reqwest::Body::from(answer)),
        };
        for hop in ["connection", "transfer-encoding", "content-length"] {
            headers.remove(hop);
        }
        let mut response = axum::response::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(Some(response))
    }
}

/// Whether a URL file names what an owner writes into it; tokens are sent nowhere else.
pub(super) fn is_loopback_origin(url: &str) -> bool {
    url.strip_prefix("http://")
        .and_then(|address| address.parse::<std::net::SocketAddr>().ok())
        .is_some_and(|address| address.ip().is_loopback())
}
