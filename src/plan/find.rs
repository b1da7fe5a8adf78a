//! Which live policy a policy file means.

use super::change::Refusal;
use crate::model::{Desired, DesiredPolicy, LivePolicy, WantedState};
use crate::tenant::{Snapshot, Unreadable};

/// How the live policy was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// By the pinned id, or the id in the promotion record.
    Pin,
    /// By its name alone.
    Name,
    /// By an earlier name.
    RenamedFrom,
}

/// Finds the live policy: by its pin, else by exact name, else by an earlier name.
///
/// # Errors
/// `pin-gone` when a pinned id is not there any more, `ambiguous-policy` when a name fits two policies,
/// `unreadable-policy` when it is there and does not have the documented shape.
pub fn find<'a>(
    desired: &Desired,
    policy: &DesiredPolicy,
    snapshot: &'a Snapshot,
) -> Result<Option<(&'a LivePolicy, FoundBy)>, Refusal> {
    let key = &policy.key.value;
    let record = desired
        .records
        .get(key)
        .filter(|record| record.value.tenant_id == snapshot.tenant.id);
    let pin = policy
        .id
        .as_ref()
        .map(|id| (&id.value, &id.source))
        .or_else(|| record.map(|record| (&record.value.policy_id, &record.source)));
    if let Some((id, source)) = pin {
        if let Some(live) = snapshot.policy(id) {
            return Ok(Some((live, FoundBy::Pin)));
        }
        if let Some(unreadable) = snapshot
            .unreadable
            .iter()
            .find(|unreadable| unreadable.id.as_ref() == Some(id))
        {
            return Err(
                cannot_read(policy, &format!("with the pinned id {id}"), unreadable)
                    .at(source.clone()),
            );
        }
        let absent = policy
            .state
            .as_ref()
            .is_some_and(|state| state.value == WantedState::Absent);
        if absent {
            return Ok(None);
        }
        let audit = snapshot.history.get(id);
        let deleted = audit
            .into_iter()
            .flatten()
            .find(|event| event.activity.starts_with("Delete"));
        let who = match (deleted, audit) {
            (Some(event), _) => {
                let by = event.by.as_deref().unwrap_or("somebody");
                format!("; {by} deleted it at {}", event.at)
            }
            (None, Some(_)) => "; the directory audit does not say who deleted it".to_owned(),
            (None, None) => {
                "; the directory audit, which may say who deleted it, was not read".to_owned()
            }
        };
        let unpin = if policy.id.is_some() {
            format!("take `id: {id}` out of the YAML")
        } else {
            format!("delete {}", source.file)
        };
        return Err(Refusal::liftable(
            "pin-gone",
            format!("the live policy {id} that {key} is pinned to is gone{who}"),
        )
        .policy(key)
        .at(source.clone())
        .help(format!(
            "restore it from the bin, or unpin it so that it is created anew: {unpin}"
        )));
    }
    if let Some(live) = only(policy, &policy.policy.name, snapshot)? {
        return Ok(Some((live, FoundBy::Name)));
    }
    for earlier in &policy.renamed_from {
        if let Some(live) = only(policy, &earlier.value, snapshot)? {
            return Ok(Some((live, FoundBy::RenamedFrom)));
        }
    }
    Ok(None)
}

pub(super) fn cannot_read(policy: &DesiredPolicy, which: &str, unreadable: &Unreadable) -> Refusal {
    Refusal::absolute(
        "unreadable-policy",
        format!(
            "the live policy {which} cannot be read: {}",
            unreadable.problem
        ),
    )
    .policy(&policy.key.value)
    .help("change it in the portal, or choose another name")
}

fn only<'a>(
    policy: &DesiredPolicy,
    name: &str,
    snapshot: &'a Snapshot,
) -> Result<Option<&'a LivePolicy>, Refusal> {
    let named: Vec<&LivePolicy> = snapshot
        .policies
        .iter()
        .filter(|live| live.policy.name == name)
        .collect();
    if let Some(unreadable) = snapshot
        .unreadable
        .iter()
        .find(|unreadable| unreadable.name.as_deref() == Some(name))
    {
        return Err(
            cannot_read(policy, &format!("called \"{name}\""), unreadable)
                .at(policy.name_source.clone()),
        );
    }
    match named.as_slice() {
        [] => Ok(None),
        [live] => Ok(Some(live)),
        several => {
            let key = &policy.key.value;
            let list: Vec<_> = several
                .iter()
                .map(|live| format!("{} ({})", live.id, live.state))
                .collect();
            Err(Refusal::liftable(
                "ambiguous-policy",
                format!(
                    "{} live policies are called \"{name}\": {}",
                    several.len(),
                    list.join(", ")
                ),
            )
            .policy(key)
            .at(policy.name_source.clone())
            .help(format!(
                "pin the one that is meant with `id: {}` in the policy file, and rename or delete the other",
                several[0].id
            )))
        }
    }
}
