//! `portcullis status`

use super::error::CommandError;
use super::plan::remembered;
use super::session::Session;
use super::ui::Ui;
use super::{Global, Success};
use crate::evidence::{Bundle, Remembered, Weighed};
use crate::model::DesiredPolicy;
use crate::plan::find;
use crate::report::plan_document::{FORMAT_VERSION, TenantRow};
use crate::report::status::{PolicyStatus, StatusDocument, render};
use crate::rollout::{self, Gate, Verdict, holding};
use crate::tenant::{Lookups, Snapshot, Wanted};

/// Show each policy, its stage, its soak, and each gate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with 2 when a gate fails or is unknown.
    #[arg(long)]
    exit_code: bool,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, false)?;
    let keys: Vec<&str> = session
        .desired
        .policies
        .keys()
        .map(String::as_str)
        .filter(|key| global.policy.as_ref().is_none_or(|glob| glob.matches(key)))
        .collect();
    let lookups = Lookups::of(&session.desired, &keys);
    let snapshot = session.read(&lookups, ui).await?;
    let remembered = remembered(&session, &snapshot)?;
    let mut policies = Vec::new();
    let mut held = false;
    for policy in keys
        .iter()
        .filter_map(|key| session.desired.policies.get(*key))
    {
        let (status, gates) = status_of(&session, policy, &snapshot, &remembered);
        held |= holding(&gates).next().is_some();
        policies.push(status);
    }
    let document = StatusDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tenant: TenantRow {
            name: session.desired.tenant.name.clone(),
            id: snapshot.tenant.id.to_string(),
            domain: snapshot.tenant.domain.clone(),
        },
        policies,
    };
    if global.json {
        ui.json(&document)?;
    } else {
        ui.result(&render(&document, ui.color()));
    }
    Ok(if args.exit_code && held {
        Success::Findings
    } else {
        Success::Done
    })
}

fn status_of(
    session: &Session,
    policy: &DesiredPolicy,
    snapshot: &Snapshot,
    remembered: &Remembered,
) -> (PolicyStatus, Vec<Gate>) {
    let name = &policy.policy.name;
    match weighed(session, policy, snapshot, remembered) {
        Ok((bundle, mut gates)) => {
            gates.extend(emergency(session, &bundle));
            (PolicyStatus::new(name, &bundle, &gates), gates)
        }
        Err(refusal) => {
            // Which live policy is meant is not even clear, so nothing about it can be weighed.
            let mut bundle = Weighed {
                desired: &session.desired,
                policy,
                wanted: &Wanted::new(&session.desired, policy, snapshot, None),
                live: None,
                snapshot,
                remembered,
            }
            .bundle();
            bundle.differences.clear();
            let mut gates = rollout::weigh(&bundle);
            for gate in gates.iter_mut().filter(|gate| gate.gate == "intent") {
                gate.verdict = Verdict::Unknown;
                gate.reason.clone_from(&refusal.message);
            }
            (PolicyStatus::new(name, &bundle, &gates), gates)
        }
    }
}

/// The bundle of a policy and what every gate says of it.
pub(super) fn weighed(
    session: &Session,
    policy: &DesiredPolicy,
    snapshot: &Snapshot,
    remembered: &Remembered,
) -> Result<(Bundle, Vec<Gate>), crate::plan::Refusal> {
    let live = find(&session.desired, policy, snapshot)?.map(|(live, _)| live);
    let wanted = Wanted::new(
        &session.desired,
        policy,
        snapshot,
        live.map(|live| &live.policy),
    );
    let bundle = Weighed {
        desired: &session.desired,
        policy,
        wanted: &wanted,
        live,
        snapshot,
        remembered,
    }
    .bundle();
    let gates = rollout::weigh(&bundle);
    Ok((bundle, gates))
}

/// A policy that was turned on without evidence has to be weighed, or lowered, within 72 hours.
fn emergency(session: &Session, bundle: &Bundle) -> Option<Gate> {
    let record = &session.desired.records.get(&bundle.policy)?.value;
    rollout::emergency(record, bundle)
}
