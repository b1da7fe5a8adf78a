//! `portcullis plan`

use std::path::PathBuf;

use super::error::{CommandError, ErrorKind};
use super::session::Session;
use super::ui::Ui;
use super::{Global, Success};
use crate::apply::Journal;
use crate::evidence::Remembered;
use crate::guard::{self, Limits};
use crate::plan::{Plan, PlanOptions, SavedOptions, SavedPlan, plan};
use crate::report::plan_document::PlanDocument;
use crate::report::plan_text;
use crate::store::write_private;
use crate::tenant::{Lookups, Snapshot};

/// Show what would change in the tenant, in names and in effect.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Save the plan, so that `apply FILE` does exactly what was reviewed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 when something would change.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Plan against a snapshot instead of the tenant; needs no credential.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    snapshot: Option<PathBuf>,
    #[command(flatten)]
    choices: Choices,
}

/// What both `plan` and `apply` take.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Choices {
    /// Turn a policy on again that somebody lowered after its promotion.
    #[arg(long, value_name = "KEY")]
    pub(super) restore: Vec<String>,
    /// How many policies one run may delete.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_deletes)]
    pub(super) max_deletes: usize,
}

impl Choices {
    /// Everything that was asked for beyond the YAML.
    pub(super) fn options(&self, global: &Global) -> SavedOptions {
        SavedOptions {
            only: global.policy.as_ref().map(|glob| glob.as_str().to_owned()),
            restore: self.restore.iter().cloned().collect(),
            max_deletes: self.max_deletes,
            back: None,
        }
    }

    /// Keys that were named and are no policy would silently do nothing.
    pub(super) fn check(&self, session: &Session) -> Result<(), CommandError> {
        for key in &self.restore {
            known_key(session, key)?;
        }
        Ok(())
    }
}

/// What a plan and the guards take of it.
pub(super) fn plan_options(options: &SavedOptions) -> Result<(PlanOptions, Limits), CommandError> {
    let only = options
        .only
        .as_deref()
        .map(glob::Pattern::new)
        .transpose()
        .map_err(|error| CommandError::new(format!("the policy pattern is wrong: {error}")))?;
    Ok((
        PlanOptions {
            only,
            restore: options.restore.clone(),
            restore_enforced: options
                .back
                .as_ref()
                .map(|back| back.restore_enforced.clone())
                .unwrap_or_default(),
        },
        Limits {
            max_deletes: options.max_deletes,
        },
    ))
}

/// An error unless the workspace has a policy of that key.
pub(super) fn known_key(session: &Session, key: &str) -> Result<(), CommandError> {
    if session.desired.policies.contains_key(key) {
        return Ok(());
    }
    let keys: Vec<_> = session
        .desired
        .policies
        .keys()
        .map(String::as_str)
        .collect();
    Err(
        CommandError::new(format!("the workspace has no policy {key}"))
            .hint(format!("it has: {}", keys.join(", "))),
    )
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, false)?;
    args.choices.check(&session)?;
    let snapshot = match &args.snapshot {
        Some(path) => read_snapshot(path)?,
        None => {
            session
                .read(&Lookups::of(&session.desired, &[]), ui)
                .await?
        }
    };
    let remembered = remembered(&session, &snapshot)?;
    let options = args.choices.options(global);
    let (plan_options, limits) = plan_options(&options)?;
    let mut plan = plan(&session.desired, &snapshot, &remembered, &plan_options);
    guard::examine(&mut plan, &session.desired, &snapshot, limits);
    review(&plan, options, args.out.as_deref(), &session, global, ui)?;
    Ok(if args.detailed_exitcode && !plan.is_empty() {
        Success::Findings
    } else {
        Success::Done
    })
}

/// Shows a plan, and saves it when it is not refused.
pub(super) fn review(
    plan: &Plan,
    options: SavedOptions,
    out: Option<&std::path::Path>,
    session: &Session,
    global: &Global,
    ui: &Ui,
) -> Result<(), CommandError> {
    let (document, saved) = document(plan, session, options);
    show(&document, plan, session, global, ui)?;
    if !plan.refusals.is_empty() {
        return Err(refused(out.is_some()));
    }
    if let Some(path) = out {
        save(&saved, path)?;
        ui.progress(&format!(
            "Saved. Apply exactly this with: portcullis apply{} {}",
            session.tenant_option(),
            path.display()
        ));
    }
    Ok(())
}

/// What the journal remembers of the tenant; nothing is created by asking.
pub(super) fn remembered(
    session: &Session,
    snapshot: &Snapshot,
) -> Result<Remembered, CommandError> {
    Ok(Journal::read(&session.store, &snapshot.tenant.id)?)
}

/// The document of a plan and its receipt; both carry the same digest.
pub(super) fn document(
    plan: &Plan,
    session: &Session,
    options: SavedOptions,
) -> (PlanDocument, SavedPlan) {
    let mut document = PlanDocument::new(plan);
    if let (Some(row), Some(back)) = (&mut document.back_to, &options.back) {
        row.snapshot.clone_from(&back.file);
    }
    let mut saved = SavedPlan::new(plan, &session.desired, options, document.to_value());
    document.digest.clone_from(&saved.digest);
    saved.plan = document.to_value();
    (document, saved)
}

/// Prints a plan, refusals included.
pub(super) fn show(
    document: &PlanDocument,
    plan: &Plan,
    session: &Session,
    global: &Global,
    ui: &Ui,
) -> Result<(), CommandError> {
    if global.json {
        return ui.json(document);
    }
    let refusals = session.refusals(&plan.refusals, ui.color());
    ui.result(&plan_text::render(document, &refusals, ui.color()));
    Ok(())
}

/// The plan is refused; the reasons are in the document already.
pub(super) fn refused(unsaved: bool) -> CommandError {
    let error = CommandError::of(
        ErrorKind::Refused,
        "nothing was written; the reasons are above",
    );
    if unsaved {
        error.hint("a refused plan is not saved")
    } else {
        error
    }
}

fn save(saved: &SavedPlan, path: &std::path::Path) -> Result<(), CommandError> {
    let json = serde_json::to_vec_pretty(saved)
        .map_err(|error| CommandError::new(format!("the plan is no JSON: {error}")))?;
    write_private(path, &json)
        .map_err(|error| CommandError::new(format!("cannot write {}: {error}", path.display())))
}

pub(super) fn read_snapshot(path: &std::path::Path) -> Result<Snapshot, CommandError> {
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::new(format!("cannot read {}: {error}", path.display())))?;
    let snapshot: Snapshot = serde_json::from_slice(&bytes).map_err(|error| {
        CommandError::new(format!("{} is no snapshot: {error}", path.display()))
            .hint("take one with `portcullis snapshot FILE`")
    })?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&snapshot.format_version) != major(Snapshot::FORMAT_VERSION) {
        return Err(CommandError::new(format!(
            "{} has format {}, and this version reads {}",
            path.display(),
            snapshot.format_version,
            Snapshot::FORMAT_VERSION
        )));
    }
    Ok(snapshot)
}
