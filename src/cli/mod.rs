//! The command line: one file a command, and the only room that knows a terminal.

mod apply;
mod demote;
mod error;
mod plan;
mod promote;
mod sandbox;
mod session;
mod show;
mod snapshot;
mod status;
mod ui;
mod validate;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use error::{CommandError, ErrorKind};
use ui::Ui;
pub use ui::When;

/// Plan, apply and promote Microsoft Entra Conditional Access policies from reviewed YAML.
///
/// Policies are created report-only, turned on only by a promotion whose gates passed, and never
/// written without the declared break-glass accounts excluded.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, nothing to change, or only held; 1 error; 2 changes or findings; \
3 refused by a guard or a gate; 4 the plan is stale, nothing was written; 5 partly applied, run again.";

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The workspace: portcullis.yaml, or the folder that holds it.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "portcullis.yaml"
    )]
    config: PathBuf,
    /// The tenant, when more than one is declared.
    #[arg(long, global = true, value_name = "NAME")]
    tenant: Option<String>,
    /// Only the policies whose key matches.
    #[arg(long, global = true, value_name = "GLOB")]
    policy: Option<glob::Pattern>,
    /// Where journal, snapshots, evidence and sandbox are kept [default: .portcullis beside portcullis.yaml].
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    json: bool,
    /// Whether to colour the output; NO_COLOR counts too.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Name every request on stderr; -vv says more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Args),
    Plan(plan::Args),
    Show(show::Args),
    Apply(apply::Args),
    Promote(promote::Args),
    Demote(demote::Args),
    Status(status::Args),
    Snapshot(snapshot::Args),
    Sandbox(Box<sandbox::Args>),
}

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// Done, nothing to change, or only held.
    Done,
    /// There are changes or findings.
    Findings,
}

/// Parses the arguments, runs the command, and prints what goes wrong.
///
/// Returns how it ended; the caller turns that into an exit code. Usage errors are printed by clap and
/// come back as [`ErrorKind::Error`]; `--help` and `--version` are [`Success::Done`].
pub fn run() -> Result<Success, ErrorKind> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Err(ErrorKind::Error)
            } else {
                Ok(Success::Done)
            };
        }
    };
    let ui = Ui::new(cli.global.color, cli.global.quiet);
    start_log(cli.global.verbose, ui.color_err());
    let outcome = match cli.command {
        // Reading files needs no threads.
        Command::Validate(args) => validate::run(&args, &cli.global, &ui),
        Command::Show(args) => show::run(&args, &cli.global, &ui),
        command => in_runtime(run_async(command, &cli.global, &ui)),
    };
    outcome.map_err(|error| {
        ui.error(&error);
        error.kind
    })
}

async fn run_async(command: Command, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    match command {
        Command::Plan(args) => plan::run(&args, global, ui).await,
        Command::Apply(args) => apply::run(&args, global, ui).await,
        Command::Promote(args) => promote::run(&args, global, ui).await,
        Command::Demote(args) => demote::run(&args, global, ui).await,
        Command::Status(args) => status::run(&args, global, ui).await,
        Command::Snapshot(args) => snapshot::run(&args, global, ui).await,
        Command::Sandbox(args) => sandbox::run(&args, global, ui).await,
        Command::Validate(args) => validate::run(&args, global, ui),
        Command::Show(args) => show::run(&args, global, ui),
    }
}

fn in_runtime(
    command: impl Future<Output = Result<Success, CommandError>>,
) -> Result<Success, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format!("the program cannot start: {error}")))?;
    runtime.block_on(command)
}

fn start_log(verbose: u8, color: bool) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match verbose {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Only our own events: what other crates trace may hold headers.
    let only_ours = tracing_subscriber::filter::Targets::new().with_target("portcullis", level);
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let _ = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(color)
                .with_writer(std::io::stderr),
        )
        .with(only_ours)
        .try_init();
}
