//! Exceptions end when they were said to end, and stay as small as was agreed.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Findings;
use crate::diagnostic::{At, Source};
use crate::model::{Desired, DesiredPolicy, Id, Kind, LivePolicy, Name, Principal};
use crate::plan::{Action, Change, Plan, Refusal};
use crate::tenant::Snapshot;

pub(super) fn examine(
    plan: &Plan,
    desired: &Desired,
    snapshot: &Snapshot,
    findings: &mut Findings,
) {
    let today = snapshot.taken_at.to_zoned(TimeZone::UTC).date();
    for change in &plan.changes {
        let Some(policy) = desired.policies.get(&change.policy) else {
            continue;
        };
        let live = change.id.as_ref().and_then(|id| snapshot.policy(id));
        for exception in exceptions(desired, policy, snapshot) {
            let to_blame = is_to_blame(change, live, &exception, snapshot);
            if let Some(expires) = exception.expires
                && expires.value < today
            {
                findings.push(
                    to_blame,
                    Refusal::liftable(
                        "expired-exclusion",
                        format!(
                            "the exclusion of {} from {} expired on {}",
                            exception.name.shown(),
                            change.policy,
                            expires.value
                        ),
                    )
                    .policy(&change.policy)
                    .at(exception.name.source.clone())
                    .help(format!(
                        "take the entry out, or have it reviewed and move `expires` ({})",
                        place(&expires.source)
                    )),
                );
            }
            too_many_members(change, &exception, snapshot, to_blame, findings);
        }
    }
}

fn too_many_members(
    change: &Change,
    exception: &Exception<'_>,
    snapshot: &Snapshot,
    to_blame: bool,
    findings: &mut Findings,
) {
    let Some(max) = exception.max_members else {
        return;
    };
    let Some([group]) = snapshot.found(exception.kind, &exception.name.text) else {
        return;
    };
    let name = exception.name.shown();
    let message = match snapshot.members.get(&group.id) {
        Some(members) if members.complete => {
            let count = members.people().count();
            if count <= max.value as usize {
                return;
            }
            format!("{name} has {count} members, and {} are agreed", max.value)
        }
        _ => format!("how many members {name} has could not be read"),
    };
    findings.push(
        to_blame,
        Refusal::liftable("max-members", message)
            .policy(&change.policy)
            .at(exception.name.source.clone())
            .help(format!(
                "take people out of the group, or have the larger number reviewed ({})",
                place(&max.source)
            )),
    );
}

/// One exception of a policy that is no break-glass account.
struct Exception<'a> {
    kind: Kind,
    name: &'a Name,
    expires: Option<&'a At<Date>>,
    max_members: Option<&'a At<u32>>,
}

fn exceptions<'a>(
    desired: &'a Desired,
    policy: &'a DesiredPolicy,
    snapshot: &Snapshot,
) -> Vec<Exception<'a>> {
    let exclude = &policy.policy.conditions.users.exclude;
    let declared = [
        (Kind::User, &exclude.users),
        (Kind::Group, &exclude.groups),
        (Kind::Role, &exclude.roles),
    ]
    .into_iter()
    .flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)))
    .filter_map(|(kind, name)| {
        let principal: &Principal = desired.principals.get(name.principal.as_ref()?)?;
        Some(Exception {
            kind,
            name,
            expires: principal.expires.as_ref(),
            max_members: principal.max_members.as_ref(),
        })
    });
    let object = |kind, text: &str| match snapshot.found(kind, text) {
        Some([object]) => Some(&object.id),
        _ => None,
    };
    let inline = policy.exclusions.iter().flat_map(move |exclusion| {
        let own = Exception {
            kind: exclusion.kind,
            name: &exclusion.name,
            expires: exclusion.expires.as_ref(),
            max_members: None,
        };
        // Who is declared stays within what was declared, also when a policy names the object itself.
        let id = object(exclusion.kind, &exclusion.name.text);
        let declared = desired.principals.values().filter(move |principal| {
            id.is_some()
                && principal.target.as_ref().is_some_and(|target| {
                    target.kind == exclusion.kind && object(target.kind, &target.name.text) == id
                })
        });
        std::iter::once(own).chain(declared.map(|principal| Exception {
            kind: exclusion.kind,
            name: &exclusion.name,
            expires: principal.expires.as_ref(),
            max_members: principal.max_members.as_ref(),
        }))
    });
    declared.chain(inline).collect()
}

/// Whether the change itself brings the exception about: it turns the policy on, or it adds the entry.
fn is_to_blame(
    change: &Change,
    live: Option<&LivePolicy>,
    exception: &Exception<'_>,
    snapshot: &Snapshot,
) -> bool {
    if change.writes.is_empty() || change.only_improves() {
        return false;
    }
    if matches!(
        change.action,
        Action::Create | Action::Promote | Action::Restore
    ) {
        return true;
    }
    let Some(live) = live else {
        return true;
    };
    let exclude = &live.policy.conditions.users.exclude;
    let held = |id: &Id| match exception.kind {
        Kind::Group => exclude.groups.contains(id),
        Kind::Role => exclude.roles.contains(id),
        _ => exclude.users.contains(id),
    };
    match snapshot.found(exception.kind, &exception.name.text) {
        Some([object]) => !held(&object.id),
        _ => true,
    }
}

fn place(source: &Source) -> String {
    format!("{}:{}", source.file, source.line)
}
