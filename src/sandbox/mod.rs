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

mod apps;
mod audit;
mod azure;
mod batch;
mod bin;
mod cast;
mod clock;
mod clouds;
mod combinations;
mod contexts;
mod controls;
mod crowd;
mod delivery;
mod directory;
mod discovery;
mod errors;
mod faults;
mod filter;
mod fold;
mod identity;
mod lag;
mod licences;
mod locations;
mod made;
mod members;
mod organisation;
mod owner;
mod people;
mod permissions;
mod policies;
mod policy_shape;
mod population;
mod profile;
mod query;
mod readiness;
mod recipe;
mod recording;
mod relay;
mod remote;
mod request;
mod rng;
mod roles;
mod routes;
mod rules;
mod schema;
mod script;
mod server;
mod settings;
mod settle;
mod settlement;
mod signins;
mod singletons;
mod strengths;
mod templates;
mod tenant;
mod throttle;
mod tls;
mod token;
mod truth;
mod what_if;

#[cfg(test)]
mod tests;

pub use faults::FAULT_KINDS;
pub use identity::Identity;
pub use recipe::Recipe;
pub use remote::{clear_faults, control, faults, served_at};
pub use settings::{Latency, ReadLag, Settings, Throttle};
pub use tls::Tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use delivery::Lines;

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
    /// Talk TLS on that address; in plain HTTP when not set.
    pub tls: Option<Tls>,
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
            tls: None,
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
    /// The certificates could not be made or used.
    #[error("the sandbox cannot use its certificates in {}: {problem}", directory.display())]
    Tls {
        /// Where they are kept.
        directory: PathBuf,
        /// What went wrong.
        problem: String,
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
    owns: bool,
    shutdown: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// The origin to talk to, such as `http://127.0.0.1:41234` or `https://localhost:41234`, without a
    /// trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it owned the state when it started; otherwise it began as a relay to the owner.
    pub fn owns(&self) -> bool {
        self.owns
    }

    /// Finishes the requests in flight, gives the state up and returns.
    pub async fn stop(self) {
        let _ = self.shutdown.send(true);
        let _ = self.task.await;
    }
}

/// Binds the listener and serves the sandbox of the given state directory until it is stopped.
///
/// Whoever starts first owns the state; a later start on the same directory relays to it.
///
/// # Errors
/// When the address is not loopback or taken, or the state or the certificates cannot be used.
pub async fn start(options: Options) -> Result<Running, SandboxError> {
    if !options.listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(options.listen));
    }
    let (listener, address) = bind(options.listen).await?;
    let (secure, plain, plain_address) = match options.tls {
        None => (None, listener, address),
        Some(tls) => {
            let secure = tls.listener(Lines(listener), address.ip()).await?;
            // Other processes relay through a plain door of its own, which asks for no trust.
            let (plain, plain_address) = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
            (Some(secure), plain, plain_address)
        }
    };
    let plain_url = format!("http://{plain_address}");
    let url = match &secure {
        Some(_) => secure_url(address),
        None => plain_url.clone(),
    };
    let door = Arc::new(relay::Door::new(
        options.state,
        options.tenants,
        options.recipe,
        plain_url,
        options.record.as_deref(),
        options.settings.clone(),
    )?);
    let owns = door.try_own().await?.is_some();
    let (shutdown, stopped) = tokio::sync::watch::channel(false);
    let task = tokio::spawn(async move {
        let over_tls = async {
            if let Some(secure) = secure {
                server::serve(secure, "https", &door, stopped.clone()).await;
            }
        };
        tokio::join!(
            server::serve(Lines(plain), "http", &door, stopped.clone()),
            over_tls
        );
        door.close().await;
    });
    Ok(Running {
        url,
        owns,
        shutdown,
        task,
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let failed = |source| SandboxError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The origin of a TLS door: by name where `localhost` leads to it.
fn secure_url(address: SocketAddr) -> String {
    let usual = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ];
    if usual.contains(&address.ip()) {
        return format!("https://localhost:{}", address.port());
    }
    format!("https://{address}")
}
