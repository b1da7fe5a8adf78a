//! `portcullis drift`

use std::collections::{BTreeMap, BTreeSet};

use super::error::CommandError;
use super::plan::remembered;
use super::session::{Connection, Session};
use super::ui::Ui;
use super::{Global, Success};
use crate::model::Id;
use crate::plan::drift::{DriftOptions, drift, groups_to_audit};
use crate::report::drift::{DriftDocument, render};
use crate::tenant::{AuditEvent, Lookups, ReadTenant as _, Snapshot, TenantErrorKind};

/// Show what somebody else changed in the tenant, who it was and when.
///
/// Compares what is live with what was last read back after a write, and asks the directory audit for the
/// rest. An edit of the YAML that is not applied yet is no drift, and neither is a policy that waits for its
/// promotion. Exits with 2 when there is drift.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name the people who changed something; break-glass accounts are named by their declaration alone.
    #[arg(long)]
    show_people: bool,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, false)?;
    let connection = session.connect(ui).await?;
    let read = ui.patiently(
        "reading the tenant",
        read(&session, &connection, global, ui),
    );
    let outcome = read.await;
    connection.close().await;
    let (snapshot, audited) = outcome?;
    let options = DriftOptions {
        only: global.policy.clone(),
        people: args.show_people,
        audited,
    };
    let remembered = remembered(&session, &snapshot)?;
    let document = DriftDocument::new(&drift(&session.desired, &snapshot, &remembered, &options));
    if global.json {
        ui.json(&document)?;
    } else {
        ui.result(&render(&document, ui.color()));
    }
    Ok(if document.drift.is_empty() {
        Success::Done
    } else {
        Success::Findings
    })
}

/// The tenant with the audit of its policies, and whether that could be read.
async fn read(
    session: &Session,
    connection: &Connection,
    global: &Global,
    ui: &Ui,
) -> Result<(Snapshot, bool), CommandError> {
    let lookups = Lookups {
        // All of the audit comes in one collection below.
        history: BTreeSet::new(),
        ..Lookups::of(&session.desired, &[])
    };
    let mut snapshot = connection.tenant.snapshot(&lookups).await?;
    let remembered = remembered(session, &snapshot)?;
    let groups = groups_to_audit(
        &session.desired,
        &snapshot,
        &remembered,
        global.policy.as_ref(),
    );
    let audit: Option<BTreeMap<Id, Vec<AuditEvent>>> = match connection.tenant.audit(&groups).await
    {
        Ok(audit) => Some(audit),
        // Not to be allowed to see it is an answer, and so is a cloud that does not serve it.
        Err(error)
            if matches!(
                error.kind,
                TenantErrorKind::Forbidden | TenantErrorKind::NotFound
            ) =>
        {
            ui.progress(&format!(
                "the directory audit could not be read, so nobody knows who it was: {error}"
            ));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let audited = audit.is_some();
    snapshot.history.extend(audit.unwrap_or_default());
    Ok((snapshot, audited))
}
