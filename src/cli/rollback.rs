//! `portcullis rollback`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::apply::{Consent, apply};
use super::error::CommandError;
use super::plan::{known_key, plan_options, read_snapshot, review};
use super::session::Session;
use super::ui::Ui;
use super::{Global, Success};
use crate::apply::{Journal, Kept, kept_snapshots};
use crate::evidence::Remembered;
use crate::guard;
use crate::model::{Id, fingerprint};
use crate::plan::{Goal, SavedBack, SavedOptions};
use crate::report::rollback_list::{KeptRow, ListDocument, render};
use crate::tenant::ReadTenant as _;

/// Plan the way back to the state before an apply, and carry it out.
///
/// Only the policies that applies of this store changed since the snapshot are touched: what they created
/// is deleted, what they changed is changed back, what is gone comes back. What was on then comes back
/// report-only unless --restore-enforced names it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The snapshot to go back to [default: the one before the last apply that wrote something].
    snapshot: Option<PathBuf>,
    /// List the snapshots there are, newest first, and what was applied after each.
    #[arg(long, conflicts_with_all = ["snapshot", "out", "auto_approve", "restore_enforced"])]
    list: bool,
    /// Enforce again what was on then, unless somebody else changed it since; asks for the key once more.
    #[arg(long, value_name = "KEY")]
    restore_enforced: Vec<String>,
    /// Save the plan and write nothing; `apply FILE` carries it out.
    #[arg(long, value_name = "FILE", conflicts_with = "auto_approve")]
    out: Option<PathBuf>,
    /// Do not ask; for pipelines.
    #[arg(long)]
    auto_approve: bool,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, !args.list)?;
    let tenant = tenant_id(&session, ui).await?;
    let remembered = Journal::read(&session.store, &tenant)?;
    let kept = kept_snapshots(&session.store, &tenant)?;
    if args.list {
        return list(&session, &tenant, &kept, &remembered, global, ui);
    }
    for key in &args.restore_enforced {
        if !remembered.done.iter().any(|write| write.policy == *key) {
            known_key(&session, key)?;
        }
    }
    let file = match &args.snapshot {
        Some(file) => file.clone(),
        None => before_last_apply(&kept, &remembered)?,
    };
    let then = read_snapshot(&file)?;
    let options = SavedOptions {
        only: global.policy.as_ref().map(|glob| glob.as_str().to_owned()),
        restore: BTreeSet::new(),
        // Whatever a rollback deletes an apply created since, so this never refuses.
        max_deletes: remembered.done.len(),
        back: Some(SavedBack {
            file: shown(&file),
            snapshot: fingerprint(&then),
            restore_enforced: args.restore_enforced.iter().cloned().collect(),
        }),
    };
    let Some(out) = &args.out else {
        let consent = if args.auto_approve {
            Consent::Given
        } else {
            Consent::Ask
        };
        return apply(&session, None, consent, options, global, ui).await;
    };
    let goal = Goal::new(&session.desired, Some(&then), &remembered);
    let snapshot = session.read(&goal.lookups(), ui).await?;
    let (plan_options, limits) = plan_options(&options)?;
    let mut plan = goal.plan(&snapshot, &remembered, &plan_options);
    guard::examine(&mut plan, goal.desired(), &snapshot, limits);
    review(&plan, options, Some(out), &session, global, ui)?;
    Ok(Success::Done)
}

/// A path as somebody would type it.
fn shown(file: &Path) -> String {
    file.strip_prefix(".").unwrap_or(file).display().to_string()
}

/// The tenant's id; it is asked for only when the workspace does not say it.
async fn tenant_id(session: &Session, ui: &Ui) -> Result<Id, CommandError> {
    let declared = &session.desired.tenant;
    if declared.sandbox {
        return Ok(Id::new(crate::sandbox::TENANT_ID));
    }
    if let Some(id) = &declared.tenant_id {
        return Ok(id.value.clone());
    }
    let connection = session.connect(ui).await?;
    let id = connection.tenant.tenant_id().await;
    connection.close().await;
    Ok(id?)
}

/// The snapshot that the last apply that wrote something kept before it.
fn before_last_apply(kept: &[Kept], remembered: &Remembered) -> Result<PathBuf, CommandError> {
    let nothing = |message: &str| {
        CommandError::new(message)
            .hint("`portcullis rollback --list` shows the snapshots of this store; name another one as a file")
    };
    let mut applied = remembered.done.iter().rev();
    let Some(last) = applied.find(|write| !write.digest.is_empty()) else {
        return Err(nothing(
            "the journal of this store knows of no apply that could be undone",
        ));
    };
    // A plan that was applied in two runs began with the older of its snapshots.
    kept.iter()
        .rfind(|kept| kept.is_before(&last.digest))
        .map(|kept| kept.file.clone())
        .ok_or_else(|| nothing("the snapshot before the last apply is not in this store any more"))
}

fn list(
    session: &Session,
    tenant: &Id,
    kept: &[Kept],
    remembered: &Remembered,
    global: &Global,
    ui: &Ui,
) -> Result<Success, CommandError> {
    let snapshots = kept
        .iter()
        .map(|kept| KeptRow {
            file: shown(&kept.file),
            taken_at: kept.taken_at.to_string(),
            applied: applied_after(kept, remembered),
        })
        .collect();
    let document = ListDocument {
        format_version: "1.0".to_owned(),
        tenant: session.desired.tenant.name.clone(),
        tenant_id: tenant.to_string(),
        snapshots,
    };
    if global.json {
        ui.json(&document)?;
    } else {
        ui.result(&render(&document, ui.color()));
    }
    Ok(Success::Done)
}

/// The keys of the policies that were written after a snapshot by the apply that kept it.
fn applied_after(kept: &Kept, remembered: &Remembered) -> Vec<String> {
    let keys: BTreeSet<&str> = remembered
        .done
        .iter()
        .filter(|write| kept.is_before(&write.digest) && write.at == kept.taken_at)
        .map(|write| write.policy.as_str())
        .collect();
    keys.into_iter().map(str::to_owned).collect()
}
