//! `portcullis sandbox`

mod fault;
mod weather;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use weather::Weather;

use super::error::CommandError;
use super::session::recorded;
use super::ui::Ui;
use super::{Global, Success};
use crate::sandbox::{self, Identity, Options, Recipe, Running, SandboxError, Settings, Tls};
use crate::workspace::load_config;

/// The built-in tenant: a Graph server on loopback, with a clock of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Serve the tenant until it is interrupted; prints one line when it is ready.
    Serve {
        /// The loopback address to listen on; port 0 takes any free one.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Where the tenant is kept [default: the store's sandbox].
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// Talk TLS, with an authority and a certificate of its own kept in this folder.
        #[arg(long, value_name = "DIR")]
        tls: Option<PathBuf>,
        /// One more host name for the certificate, besides localhost; may be repeated.
        #[arg(long = "host", value_name = "NAME", requires = "tls")]
        hosts: Vec<String>,
        /// How many tenants to serve; with more than one the line lists them all.
        #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
        tenants: u16,
        /// How many people a tenant has that nobody has written to yet.
        #[arg(long, value_name = "N", default_value_t = Recipe::default().people, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        people: u32,
        /// What these people are drawn with; the same number always gives the same people.
        #[arg(long, value_name = "S", default_value_t = Recipe::default().seed)]
        seed: u64,
        /// Append every exchange that this process answers to this file as JSON Lines, without tokens:
        /// none while another process owns the tenant and this one passes requests on to it. The variable
        /// PORTCULLIS_SANDBOX_RECORD does the same for every command that opens the tenant.
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
        #[command(flatten)]
        weather: Weather,
    },
    /// Start over: everything that was ever written to the tenant is forgotten.
    Reset {
        #[command(flatten)]
        kind: Kind,
        #[command(flatten)]
        target: Target,
    },
    /// Register an application: it gets exactly the permissions it is given, and only with its secret.
    ///
    /// A client id that is not registered gets every permission with any secret.
    App {
        /// The client id, a GUID.
        #[arg(long, value_name = "GUID")]
        client_id: String,
        /// The secret it signs in with [default: any].
        #[arg(long, value_name = "TEXT")]
        secret: Option<String>,
        /// What it is called [default: the client id].
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// A permission it holds itself, such as Policy.Read.All; repeat for more.
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        /// A permission it holds on behalf of a user who signs in; repeat for more.
        #[arg(long, value_name = "NAME")]
        delegated: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Move the tenant's clock forward, e.g. by 8d.
    Advance {
        /// How far: 8d, 12h, 1d 6h.
        by: String,
        #[command(flatten)]
        target: Target,
    },
    /// Script what goes wrong with the next requests.
    Fault(Box<fault::Args>),
}

/// What kind of tenant to start over as.
#[derive(Debug, clap::Args)]
struct Kind {
    /// The cloud it is in.
    #[arg(long, value_parser = ["global", "us-gov", "us-gov-dod", "china", "bleu", "delos", "usnat", "ussec"])]
    cloud: Option<String>,
    /// Its Entra ID licence.
    #[arg(long, value_parser = ["none", "p1", "p2"])]
    licence: Option<String>,
    /// What it goes without: the plans for workload identities.
    #[arg(long, value_parser = ["workload-identities"])]
    without: Option<String>,
    /// How many people it has, up to 1000000 [default: 200].
    #[arg(long, value_name = "N")]
    people: Option<u32>,
    /// What the people are drawn with; the same number always gives the same people [default: 1].
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// What is wrong with it: A01 to A18, or all of it; GET /sandbox/truth says what to find.
    #[arg(long, value_name = "A01,A05|all", value_delimiter = ',')]
    anomalies: Vec<String>,
}

impl Kind {
    fn body(&self) -> Value {
        let mut body = json!({});
        for (key, value) in [("cloud", &self.cloud), ("licence", &self.licence)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        if self.without.is_some() {
            body["workload_identities"] = json!(false);
        }
        if let Some(people) = self.people {
            body["people"] = json!(people);
        }
        if let Some(seed) = self.seed {
            body["seed"] = json!(seed);
        }
        if !self.anomalies.is_empty() {
            body["anomalies"] = json!(self.anomalies);
        }
        body
    }
}

#[derive(Debug, clap::Args)]
struct Where {
    /// Where the tenant is kept [default: the store's sandbox].
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    state: Option<PathBuf>,
    /// A sandbox that is being served.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// One tenant of a sandbox.
#[derive(Debug, clap::Args)]
struct Target {
    #[command(flatten)]
    place: Where,
    /// Which tenant, when several are served [default: the first].
    #[arg(long, value_name = "GUID|DOMAIN")]
    tenant_id: Option<String>,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    if global.tenant.is_some() {
        return Err(CommandError::new(
            "--tenant names a tenant that portcullis.yaml declares; `portcullis sandbox` does not look there",
        )
        .hint("leave it out; where several tenants are served, say which with --tenant-id"));
    }
    match &args.action {
        Action::Serve {
            listen,
            state,
            tls,
            hosts,
            tenants,
            people,
            seed,
            record,
            weather,
        } => {
            let recipe = Recipe {
                people: *people,
                seed: *seed,
                ..Recipe::default()
            };
            let options = Options {
                state: state_directory(state.as_ref(), global),
                listen: *listen,
                tls: tls.as_ref().map(|directory| Tls {
                    directory: directory.clone(),
                    hosts: hosts.clone(),
                }),
                tenants: usize::from(*tenants),
                recipe,
                record: record.clone().or_else(recorded),
                settings: weather.settings(),
            };
            serve(options, ui).await
        }
        Action::Reset { kind, target } => {
            let now = control(target, "reset", &kind.body(), global).await?;
            say(&now, "The sandbox starts over", global, ui)
        }
        Action::App {
            client_id,
            secret,
            name,
            permissions,
            delegated,
            target,
        } => {
            let body = json!({
                "client_id": client_id, "secret": secret, "name": name,
                "permissions": permissions, "delegated": delegated,
            });
            let now = control(target, "apps", &body, global).await?;
            say(&now, "The application is registered", global, ui)
        }
        Action::Advance { by, target } => {
            let now = control(target, "advance", &json!({"by": by}), global).await?;
            say(&now, "The sandbox's clock moved", global, ui)
        }
        Action::Fault(args) => fault::run(args, global, ui).await,
    }
}

async fn serve(options: Options, ui: &Ui) -> Result<Success, CommandError> {
    let tenants = options.tenants;
    let authority = options.tls.as_ref().map(Tls::authority);
    let is_recorded = options.record.is_some();
    let has_weather = options.settings != Settings::default();
    let running = sandbox::start(options).await?;
    if has_weather && !running.owns() {
        ui.aside("warning: another process owns this tenant, and how it behaves is that one's to say; what was asked for here holds once that one ends (POST /sandbox/settings switches it now)");
    }
    if is_recorded && !running.owns() {
        ui.aside("warning: another process owns this tenant and answers for it, so nothing is recorded here until that one ends");
    }
    let mut line = json!({"url": running.url(), "tenant_id": sandbox::TENANT_ID});
    if let Some(authority) = authority {
        line["ca"] = json!(authority);
    }
    if tenants > 1 {
        line["tenants"] = (1..=tenants)
            .map(Identity::of)
            .map(|tenant| json!({"tenant_id": tenant.id, "name": tenant.name, "domain": tenant.domain}))
            .collect();
    }
    ui.result(&line.to_string());
    interrupted().await?;
    running.stop().await;
    Ok(Success::Done)
}

/// Waits for Ctrl-C, or for being asked to end.
async fn interrupted() -> Result<(), CommandError> {
    let cannot = |error| CommandError::new(format!("cannot wait for an interrupt: {error}"));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut end = signal(SignalKind::terminate()).map_err(cannot)?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt.map_err(cannot),
            _ = end.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(cannot)
}

/// `--state`, else `--store`, else the workspace's store; without a workspace the one of this folder.
fn state_directory(state: Option<&PathBuf>, global: &Global) -> PathBuf {
    if let Some(state) = state {
        return state.clone();
    }
    if let Some(store) = &global.store {
        return store.join("sandbox");
    }
    match load_config(&global.config).workspace {
        Some(workspace) => super::session::store(&workspace, global)
            .root()
            .join("sandbox"),
        None => PathBuf::from(".portcullis/sandbox"),
    }
}

/// Asks a served sandbox, or opens the one of the state directory for as long as it takes.
async fn control(
    target: &Target,
    what: &str,
    body: &Value,
    global: &Global,
) -> Result<Value, CommandError> {
    let place = &target.place;
    let mut opened: Option<Running> = None;
    let url = match &place.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let options = Options {
                record: recorded(),
                ..Options::of(state_directory(place.state.as_ref(), global))
            };
            let running = match sandbox::start(options.clone()).await {
                // Everything in it is to be forgotten anyway.
                Err(SandboxError::Log { path, .. }) if what == "reset" => {
                    let removed = std::fs::remove_file(&path);
                    removed.map_err(|source| SandboxError::State { path, source })?;
                    sandbox::start(options).await?
                }
                started => started?,
            };
            let url = running.url().to_owned();
            opened = Some(running);
            url
        }
    };
    let answer = sandbox::control(&url, target.tenant_id.as_deref(), what, body).await;
    if let Some(running) = opened {
        running.stop().await;
    }
    Ok(answer?)
}

fn say(now: &Value, what: &str, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let now = now.get("now").and_then(Value::as_str).unwrap_or_default();
    if global.json {
        ui.json(&json!({"format_version": "1.0", "now": now}))?;
        return Ok(Success::Done);
    }
    let shown = now.parse::<jiff::Timestamp>().map_or_else(
        |_| now.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    ui.result(&format!("{what}: it is {shown} there."));
    Ok(Success::Done)
}
