//! `portcullis apply`

use std::path::PathBuf;

use super::error::{CommandError, ErrorKind};
use super::plan::{Choices, document, plan_options, read_snapshot, refused, show};
use super::session::Session;
use super::ui::Ui;
use super::{Global, Success, show as show_file};
use crate::apply::{Applied, ApplyError, Prepared, Run, prepare};
use crate::model::{WantedState, fingerprint};
use crate::plan::{Action, Effect, Plan, SavedBack, SavedOptions, SavedPlan};
use crate::report::Paint;
use crate::tenant::Snapshot;

/// Carry a plan out: plan and ask, or do exactly what a saved plan says.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A plan that `plan --out` saved; without it the tenant is planned anew.
    #[arg(conflicts_with_all = ["restore", "max_deletes", "policy"])]
    file: Option<PathBuf>,
    /// Do not ask; for pipelines.
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    choices: Choices,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let saved = args.file.as_deref().map(read_saved).transpose()?;
    let session = Session::begin(global, ui, true)?;
    args.choices.check(&session)?;
    let consent = match (&saved, args.auto_approve) {
        (Some(_), _) | (None, true) => Consent::Given,
        (None, false) => Consent::Ask,
    };
    // What was asked for when the plan was reviewed is asked for again.
    let options = match &saved {
        Some(saved) => saved.options.clone(),
        None => args.choices.options(global),
    };
    apply(&session, saved.as_ref(), consent, options, global, ui).await
}

/// Whether the user has to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// The plan was reviewed, or the pipeline said so.
    Given,
    /// Ask after showing the plan.
    Ask,
}

/// Plans, shows, asks, and carries out.
pub(super) async fn apply(
    session: &Session,
    saved: Option<&SavedPlan>,
    consent: Consent,
    options: SavedOptions,
    global: &Global,
    ui: &Ui,
) -> Result<Success, CommandError> {
    let (plan_options, limits) = plan_options(&options)?;
    let back = options.back.as_ref().map(snapshot_of).transpose()?;
    let connection = session.connect(ui).await?;
    let progress = |text: &str| ui.progress(text);
    let run = Run {
        tenant: &connection.tenant,
        desired: &session.desired,
        store: &session.store,
        back: back.as_ref(),
        settle: connection.settle,
        options: plan_options,
        limits,
        progress: &progress,
    };
    let outcome = carry_out(session, run, saved, consent, options, global, ui).await;
    connection.close().await;
    outcome
}

async fn carry_out(
    session: &Session,
    run: Run<'_>,
    saved: Option<&SavedPlan>,
    consent: Consent,
    options: SavedOptions,
    global: &Global,
    ui: &Ui,
) -> Result<Success, CommandError> {
    let mut prepared = ui.patiently("reading the tenant", prepare(run)).await?;
    let (shown, now) = document(&prepared.plan, session, options.clone());
    if let Some(saved) = saved
        && is_done(&mut prepared, saved, &now, session, ui)?
    {
        report(&Applied::default(), session, global, ui)?;
        return Ok(Success::Done);
    }
    let plan = &prepared.plan;
    if global.json {
        session.say_tenant(plan.domain.as_deref(), ui);
    }
    // In JSON there is one document: the outcome, or the plan when nothing comes of it.
    if !global.json || !plan.refusals.is_empty() {
        show(&shown, plan, session, global, ui)?;
    }
    if !plan.refusals.is_empty() {
        return Err(refused(false));
    }
    if plan.is_empty() {
        if global.json {
            report(&Applied::default(), session, global, ui)?;
        }
        return Ok(Success::Done);
    }
    if consent == Consent::Ask {
        ask(plan, ui)?;
        // Rule 5: what was agreed to is what was shown, however long the answer took.
        prepared = ui
            .patiently("reading the tenant again", prepared.again())
            .await?;
        let (_, again) = document(&prepared.plan, session, options);
        if is_done(&mut prepared, &now, &again, session, ui)? {
            report(&Applied::default(), session, global, ui)?;
            return Ok(Success::Done);
        }
        if !prepared.plan.refusals.is_empty() {
            ui.aside(&session.refusals(&prepared.plan.refusals, ui.color_err()));
            return Err(refused(false));
        }
    }
    let digest = saved.map_or(now.digest.as_str(), |saved| saved.digest.as_str());
    let applied = prepared.carry_out(digest).await?;
    report(&applied, session, global, ui)?;
    Ok(Success::Done)
}

/// Whether an earlier run did all that was reviewed; an error when it is not what would be done now.
fn is_done(
    prepared: &mut Prepared<'_>,
    reviewed: &SavedPlan,
    now: &SavedPlan,
    session: &Session,
    ui: &Ui,
) -> Result<bool, CommandError> {
    prepared.agrees_with(reviewed, now).map_err(|stale| {
        // Why it would be refused now often explains why it is stale.
        ui.aside(&session.refusals(&prepared.plan.refusals, ui.color_err()));
        stale.into()
    })
}

fn ask(plan: &Plan, ui: &Ui) -> Result<(), CommandError> {
    let enforced = plan.writing().filter(|change| {
        plan.back_to.is_some()
            && change.to_state == WantedState::On
            && !matches!(change.effect, Effect::Weakens | Effect::Neutral)
    });
    for change in enforced {
        let key = &change.policy;
        let question = format!("{key} will be enforced as it was. Type its key to agree:");
        if ui.ask(&question).as_deref() != Some(key) {
            return Err(CommandError::of(
                ErrorKind::Error,
                format!("not applied: the answer was not \"{key}\""),
            )
            .hint(format!(
                "without --restore-enforced {key} it comes back report-only"
            )));
        }
    }
    let question = format!(
        "Apply this to tenant {} ({})? Only \"yes\" is accepted:",
        plan.tenant,
        plan.domain.as_deref().unwrap_or(plan.tenant_id.as_str())
    );
    if ui.ask(&question).as_deref() == Some("yes") {
        return Ok(());
    }
    Err(CommandError::of(ErrorKind::Error, "not applied: the answer was not \"yes\"")
        .hint("in a pipeline use --auto-approve, or review a saved plan: plan --out FILE, then apply FILE"))
}

/// The snapshot of a rollback, if it is still the one that was reviewed.
fn snapshot_of(back: &SavedBack) -> Result<Snapshot, CommandError> {
    let path = std::path::Path::new(&back.file);
    let stale = |why: String| CommandError::from(ApplyError::Stale(why));
    let snapshot = read_snapshot(path).map_err(|error| stale(error.message))?;
    if fingerprint(&snapshot) != back.snapshot {
        return Err(stale(format!(
            "{} is another snapshot than when the plan was made",
            back.file
        )));
    }
    Ok(snapshot)
}

fn read_saved(path: &std::path::Path) -> Result<SavedPlan, CommandError> {
    let text = show_file::read(path)?;
    SavedPlan::read(&text).map_err(|error| {
        ApplyError::Stale(format!("{} cannot be applied: {error}", path.display())).into()
    })
}

#[derive(serde::Serialize)]
struct Document<'a> {
    format_version: &'static str,
    tenant: &'a str,
    applied: Vec<Row<'a>>,
}

#[derive(serde::Serialize)]
struct Row<'a> {
    policy: &'a str,
    name: &'a str,
    id: Option<&'a str>,
    action: &'static str,
    state: &'static str,
}

fn report(
    applied: &Applied,
    session: &Session,
    global: &Global,
    ui: &Ui,
) -> Result<(), CommandError> {
    if global.json {
        return ui.json(&Document {
            format_version: "1.0",
            tenant: &session.desired.tenant.name,
            applied: applied
                .done
                .iter()
                .map(|(change, id)| Row {
                    policy: &change.policy,
                    name: &change.name,
                    id: id.as_ref().map(crate::model::Id::as_str),
                    action: change.action.word(),
                    state: change.to_state.word(),
                })
                .collect(),
        });
    }
    let paint = Paint::new(ui.color());
    if applied.done.is_empty() {
        ui.result("Applied already: an earlier run of this plan did everything.");
        return Ok(());
    }
    let mut text = String::new();
    for (change, _) in &applied.done {
        let what = match (change.action, change.to_state) {
            (Action::Create, WantedState::ReportOnly) if change.id.is_some() => {
                "restored from the recycle bin, report-only"
            }
            (Action::Create, _) if change.id.is_some() => {
                "restored from the recycle bin, switched off"
            }
            (Action::Create, WantedState::ReportOnly) => {
                "created in report-only: it asks nobody for anything yet"
            }
            (Action::Create, _) => "created, switched off",
            (Action::Update, _) => "updated",
            (Action::Promote, _) => "turned on: it is enforced now",
            (Action::Restore, _) => "turned on again: it is enforced now",
            (Action::Demote, _) => "back in report-only: nothing is enforced any more",
            (Action::Disable, _) => "switched off",
            (Action::Delete, _) => "deleted",
            (Action::None, _) => "unchanged",
        };
        text.push_str(&format!("{} {}: {what}\n", paint.green("✓"), change.policy));
    }
    text.push_str(&format!(
        "{} {} applied and read back.\n",
        paint.bold("Done."),
        match applied.done.len() {
            1 => "1 change".to_owned(),
            many => format!("{many} changes"),
        }
    ));
    ui.result(&text);
    Ok(())
}
