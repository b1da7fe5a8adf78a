//! What would change in a tenant, in which order, and what is held back.
//!
//! [`plan`] is a pure function of the workspace, a snapshot and the journal. The list of [`Change`]s it
//! returns is the one that is printed and the one that is applied.

mod change;
mod decide;
mod effect;
mod enforced;
mod fields;
mod find;
mod saved;
#[cfg(test)]
mod tests;
mod turn_on;
mod writes;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use change::{
    Action, Change, Effect, FieldChange, Held, Note, Refusal, Unmanaged, Verb, Write,
};
pub use find::{FoundBy, find};
pub use saved::{SavedChange, SavedOptions, SavedPlan, SavedPlanError, SavedWrite};

use crate::diff;
use crate::evidence::Remembered;
use crate::model::{Cloud, Desired, Id, Kind, LivePolicy, WantedState};
use crate::tenant::{Names, Query, Snapshot, Wanted, query};

/// What was asked for beyond the YAML.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// The policies to look at; `None` for all.
    pub only: Option<glob::Pattern>,
    /// The keys of policies that may be restored to on (`--restore`).
    pub restore: BTreeSet<String>,
}

/// A plan: every managed policy with what would become of it, and what else is worth saying.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tenant's name in the workspace.
    pub tenant: String,
    /// The tenant's id.
    pub tenant_id: Id,
    /// The tenant's domain, when it is known.
    pub domain: Option<String>,
    /// The tenant's clock when it was read.
    pub created_at: Timestamp,
    /// One entry a managed policy, in the order in which they are carried out.
    pub changes: Vec<Change>,
    /// Live policies that nobody here manages; they are never touched.
    pub unmanaged: Vec<Unmanaged>,
    /// Why nothing of this may be applied.
    pub refusals: Vec<Refusal>,
    /// What is worth knowing and stops nothing.
    pub notes: Vec<Note>,
}

impl Plan {
    /// The changes that write something.
    pub fn writing(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| !change.writes.is_empty())
    }

    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.writing().next().is_none()
    }

    /// Whether everything it writes only lowers, deletes, or adds break-glass exclusions (rule 3).
    pub fn only_improves(&self) -> bool {
        self.writing().all(Change::only_improves)
    }
}

/// Compares the workspace with a tenant.
///
/// Guards are not asked here: what the plan itself cannot do (a name that fits two policies, a pin that
/// is gone, a state that needs `weaken:`) is among the refusals already, the rest is `guard`'s.
pub fn plan(
    desired: &Desired,
    snapshot: &Snapshot,
    remembered: &Remembered,
    options: &PlanOptions,
) -> Plan {
    let names = Names::new(desired, snapshot);
    let mut managed = BTreeSet::new();
    let mut changes = Vec::new();
    let mut refusals = Vec::new();
    let mut notes = Vec::new();

    for (key, policy) in &desired.policies {
        let found = find(desired, policy, snapshot);
        if let Ok(Some((live, _))) = &found
            && !managed.insert(live.id.clone())
        {
            refusals.push(
                Refusal::absolute(
                    "ambiguous-policy",
                    format!(
                        "\"{}\" ({}) is claimed by two policy files",
                        live.policy.name, live.id
                    ),
                )
                .policy(key)
                .at(policy.name_source.clone()),
            );
            continue;
        }
        if let Err(refusal) = &found {
            // A name that fits two policies is managed all the same: neither is somebody else's.
            managed.extend(
                snapshot
                    .named(&policy.policy.name)
                    .map(|live| live.id.clone()),
            );
            if is_selected(options, key) {
                refusals.push(refusal.clone());
            }
            continue;
        }
        if !is_selected(options, key) {
            continue;
        }
        let live = found.ok().flatten();
        let wanted = Wanted::new(
            desired,
            policy,
            snapshot,
            live.map(|(live, _)| &live.policy),
        );
        let decision = decide::Decision {
            desired,
            policy,
            wanted: &wanted,
            live,
            snapshot,
            remembered,
            names: &names,
            restore: options.restore.contains(key),
        };
        match decision.change() {
            Ok(change) => {
                let cloud = &desired.tenant.cloud;
                unresolved(policy, cloud, &wanted, &change, &mut refusals, &mut notes);
                changes.push(change);
            }
            Err(refusal) => refusals.push(refusal),
        }
    }

    changes.sort_by(|a, b| (a.action.order(), &a.policy).cmp(&(b.action.order(), &b.policy)));
    let unmanaged = unmanaged(desired, snapshot, &managed, &changes);
    Plan {
        tenant: desired.tenant.name.clone(),
        tenant_id: snapshot.tenant.id.clone(),
        domain: snapshot.tenant.domain.clone(),
        created_at: snapshot.taken_at,
        changes,
        unmanaged,
        refusals,
        notes,
    }
}

fn is_selected(options: &PlanOptions, key: &str) -> bool {
    options.only.as_ref().is_none_or(|glob| glob.matches(key))
}

/// Names that do not resolve stop the run when the policy is to be written, and are a note otherwise.
fn unresolved(
    policy: &crate::model::DesiredPolicy,
    cloud: &Cloud,
    wanted: &Wanted,
    change: &Change,
    refusals: &mut Vec<Refusal>,
    notes: &mut Vec<Note>,
) {
    use crate::tenant::Problem;
    for (kind, id) in &wanted.dangling {
        notes.push(Note {
            code: "dangling",
            message: format!(
                "{} {id} is not in the tenant any more; the live policy holds it, so it is kept",
                kind.word()
            ),
            policy: Some(policy.key.value.clone()),
        });
    }
    for unresolved in &wanted.unresolved {
        let what = match &unresolved.name.principal {
            Some(principal) => format!(
                "{principal} ({} \"{}\")",
                unresolved.kind.word(),
                unresolved.name.text
            ),
            None => format!("{} \"{}\"", unresolved.kind.word(), unresolved.name.text),
        };
        let (guard, message, help) = match &unresolved.problem {
            Problem::Nothing => match query(unresolved.kind, &unresolved.name.text, cloud) {
                // Contract section 6, trap 11: an application of Microsoft's is there for everybody, but
                // a tenant that never used it holds no service principal of it.
                Query::Id(id) | Query::IdOrName(id, _) if unresolved.kind == Kind::App => (
                    "unresolved",
                    format!("{what} has no service principal in the tenant (appId {id})"),
                    format!(
                        "if the appId is right, create it: az ad sp create --id {id}, or New-MgServicePrincipal -AppId {id}"
                    ),
                ),
                _ => (
                    "unresolved",
                    format!("{what} does not exist in the tenant"),
                    "correct the name, create the object first, or take the entry out".to_owned(),
                ),
            },
            Problem::Several(objects) => {
                let ids: Vec<_> = objects.iter().map(|object| object.id.as_str()).collect();
                (
                    "ambiguous",
                    format!("{what} fits {} objects: {}", ids.len(), ids.join(", ")),
                    "write the id of the one that is meant instead of its name".to_owned(),
                )
            }
            Problem::NotLookedUp => (
                "unresolved",
                format!("{what} is not in this snapshot"),
                "take the snapshot again with this workspace".to_owned(),
            ),
        };
        if change.only_improves() || change.to_state == WantedState::Absent {
            notes.push(Note {
                code: "unresolved",
                message,
                policy: Some(policy.key.value.clone()),
            });
        } else {
            refusals.push(
                Refusal::absolute(guard, message)
                    .policy(&policy.key.value)
                    .at(unresolved.name.source.clone())
                    .help(help),
            );
        }
    }
}

fn unmanaged(
    desired: &Desired,
    snapshot: &Snapshot,
    managed: &BTreeSet<Id>,
    changes: &[Change],
) -> Vec<Unmanaged> {
    let candidate_for = |live: &LivePolicy| {
        changes
            .iter()
            .filter(|change| change.action == Action::Create)
            .find(|change| {
                change.result.as_ref().is_some_and(|result| {
                    diff::compare(&live.policy, result)
                        .iter()
                        .all(|difference| !is_identity(difference.path))
                })
            })
            .map(|change| change.policy.clone())
    };
    let mut unmanaged: Vec<_> = snapshot
        .policies
        .iter()
        .filter(|live| !managed.contains(&live.id))
        .map(|live| {
            let candidate_for = candidate_for(live);
            let mut notes = Vec::new();
            if let Some(key) = &candidate_for {
                notes.push(format!(
                    "has the users, target and grant of {key}: to adopt it instead of creating another, pin it with `id: {}`",
                    live.id
                ));
            }
            Unmanaged {
                id: Some(live.id.clone()),
                name: live.policy.name.clone(),
                state: Some(live.state),
                candidate_for,
                notes,
            }
        })
        .collect();
    unmanaged.extend(snapshot.unreadable.iter().map(|unreadable| {
        Unmanaged {
            id: unreadable.id.clone(),
            name: unreadable
                .name
                .clone()
                .unwrap_or_else(|| "(no readable name)".to_owned()),
            state: None,
            candidate_for: None,
            notes: vec![format!("cannot be read: {}", unreadable.problem)],
        }
    }));
    // The same name in `desired` and on an unreadable policy would make a duplicate.
    for entry in unmanaged.iter_mut().filter(|entry| entry.state.is_none()) {
        if let Some(policy) = desired
            .policies
            .values()
            .find(|policy| policy.policy.name == entry.name)
        {
            entry.candidate_for = Some(policy.key.value.clone());
        }
    }
    unmanaged.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    unmanaged
}

/// Whether a field says what a policy is for: the same users, target and grant make a candidate.
fn is_identity(path: &str) -> bool {
    path == "users.include"
        || ["workload_identities.", "target_resources.", "grant."]
            .iter()
            .any(|block| path.starts_with(block))
}

/// Whether a policy excludes somebody from Azure management where Microsoft's own MFA ignores that.
fn exempts_from_azure_management(desired: &Desired, wanted: &Wanted) -> bool {
    let azure = crate::tenant::query(
        Kind::App,
        crate::tenant::AZURE_MANAGEMENT,
        &desired.tenant.cloud,
    );
    let crate::tenant::Query::Id(azure) = azure else {
        return false;
    };
    desired.tenant.cloud.is_public()
        && wanted
            .policy
            .conditions
            .targets
            .include
            .apps
            .contains(&azure)
        && !wanted.policy.conditions.users.exclude.is_empty()
}

/// The state that a change begins or ends with.
fn stage(state: Option<crate::model::State>) -> WantedState {
    use crate::model::State;
    match state {
        None => WantedState::Absent,
        Some(State::Off) => WantedState::Off,
        Some(State::ReportOnly) => WantedState::ReportOnly,
        Some(State::On) => WantedState::On,
    }
}
