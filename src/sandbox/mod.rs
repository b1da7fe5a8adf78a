//! The sandbox: Microsoft Graph v1.0 for Conditional Access over HTTP on loopback, with a small
//! deterministic tenant behind it.
//!
//! The tenant is an append-only log of accepted writes over a literal population ([`start`] replays
//! it), so that a process killed at any moment loses nothing that it acknowledged. Many processes may
//! start the same sandbox: each opens a door of its own, one of them owns the state, the others relay,
//! and one of those takes over when the owner is gone.
//!
//! The room works on raw JSON and judges it by tables of its own; it never uses the client's code. An
//! answer for which no source is known is marked `synthetic:` where it is written.

mod audit;
mod batch;
mod cast;
mod clock;
mod controls;
mod crowd;
mod delivery;
mod directory;
mod errors;
mod faults;
mod filter;
mod identity;
mod lag;
mod locations;
mod members;
mod organisation;
mod owner;
mod people;
mod policies;
mod population;
mod query;
mod readiness;
mod recipe;
mod recording;
mod relay;
mod remote;
mod request;
mod rng;
mod routes;
mod rules;
mod schema;
mod script;
mod server;
mod settings;
mod settlement;
mod signins;
mod strengths;
mod tenant;
mod throttle;
mod token;
mod truth;

#[cfg(test)]
mod tests;

pub use faults::FAULT_KINDS;
pub use identity::Identity;
pub use recipe::Recipe;
pub use remote::{clear_faults, control, faults, served_at};
pub use settings::{Latency, ReadLag, Settings, Throttle};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The id of the sandbox tenant.
pub const TENANT_ID: &str = "5a4db0c5-7c0e-4d5f-9b1e-3f2a6c8d7e10";
/// The name of the sandbox organisation.
pub const TENANT_NAME: &str = "Portcullis Sandbox";
/// The verified domain of the sandbox tenant.
pub const DOMAIN: &str = "sandbox.onmicrosoft.example";
/// The application that the tool itself signs in as.
pub const CLIENT_ID: &str = "c1de7f3a-6b52-4e0d-8a94-2f7b1d5e9c03";
/// The secret of [`CLIENT_ID`]: it opens nothing but this sandbox, which listens on loopback only.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";

/// Where a sandbox keeps its state and where it listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the log, the lock and the owner's URL; created when missing.
    pub state: PathBuf,
    /// The address to listen on; loopback only, port 0 for any free one.
    pub listen: SocketAddr,
    /// How it behaves while this process owns the state.
    pub settings: Settings,
    /// How many tenants to serve, numbered from 1; see [`Identity::of`].
    pub tenants: usize,
    /// What a tenant is made of that nobody has written to yet.
    pub recipe: Recipe,
    /// A file to append every exchange to that this process answers, as JSON Lines without secrets.
    pub record: Option<PathBuf>,
}

impl Options {
    /// One tenant, kept in this directory, on any free port, in fair weather.
    pub fn of(state: PathBuf) -> Self {
        Self {
            state,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Settings::default(),
            tenants: 1,
            recipe: Recipe::default(),
            record: None,
        }
    }
}

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is not a loopback address.
    #[error("the sandbox listens on loopback only, and {0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address could not be bound.
    #[error("the sandbox cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The state directory could not be used.
    #[error("the sandbox cannot use its state in {}: {source}", path.display())]
    State {
        /// The file or directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file for the recording could not be opened.
    #[error("the sandbox cannot record to {}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A line of the log is not an event.
    #[error("{} line {line} is not an event of the sandbox: {message}; delete the file to start over", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The client that relays to the owner could not be built.
    #[error("the sandbox cannot build its relay: {0}")]
    Relay(reqwest::Error),
    /// A control request failed.
    #[error("the sandbox at {url} cannot do this: {problem}")]
    Control {
        /// Where it was asked.
        url: String,
        /// What went wrong.
        problem: String,
    },
}

/// A sandbox that is being served; dropping it stops it as well, without waiting.
#[derive(Debug)]
pub struct Running {
    url: String,
    shutdown: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// The origin to talk to, such as `http://127.0.0.1:41234`, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Finishes the requests in flight, gives the state up and returns.
    pub async fn stop(self) {
        let _ = self.shutdown.send(());
        let _ = self.task.await;
    }
}

/// Binds the listener and serves the sandbox of the given state directory until it is stopped.
///
/// Whoever starts first owns the state; a later start on the same directory relays to it.
///
/// # Errors
/// When the address is not loopback or taken, or the state cannot be read.
pub async fn start(options: Options) -> Result<Running, SandboxError> {
    if !options.listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(options.listen));
    }
    let bind = |source| SandboxError::Bind {
        address: options.listen,
        source,
    };
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .map_err(bind)?;
    let url = format!("http://{}", listener.local_addr().map_err(bind)?);
    let door = Arc::new(relay::Door::new(
        options.state,
        options.tenants,
        options.recipe,
        url.clone(),
        options.record.as_deref(),
        options.settings.clone(),
    )?);
    let owns = door.try_own().await?.is_some();
    let (shutdown, stopped) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(server::serve(listener, door, stopped));
    let running = Running {
        url,
        shutdown,
        task,
    };
    if !owns && options.settings != Settings::default() {
        // Whoever asks for bad weather wants it now, not when this process happens to own the state.
        control(running.url(), None, "settings", &options.settings.to_json()).await?;
    }
    Ok(running)
}
