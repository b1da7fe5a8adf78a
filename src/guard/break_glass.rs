//! Break-glass accounts are declared, found, able to sign in, and excluded (rule 2).

use super::Findings;
use crate::model::{BreakGlassMode, Desired};
use crate::plan::{Action, Plan, Refusal};
use crate::tenant::{
    Account, Reach, Snapshot, accounts, could_reach, implied_exclusions, is_excluded,
};

pub(super) fn examine(
    plan: &Plan,
    desired: &Desired,
    snapshot: &Snapshot,
    findings: &mut Findings,
) {
    let writes = !plan.is_empty() && !plan.only_improves();
    let accounts = accounts(desired, snapshot);
    left_unprotected(plan, desired, snapshot, findings);
    if accounts.is_empty() {
        nobody_declared(plan, findings);
    }
    for account in &accounts {
        if let Some(refusal) = unusable(account, &desired.tenant.name) {
            findings.push(writes, refusal.at(account.principal.source.clone()));
        }
    }
    for change in plan.writing().filter(|change| !change.only_improves()) {
        let (Some(result), Some(policy)) = (&change.result, desired.policies.get(&change.policy))
        else {
            continue;
        };
        if policy.break_glass.is_some() {
            continue;
        }
        for account in &accounts {
            if account.object().is_some()
                && could_reach(result, account, snapshot) == Reach::Could
                && !is_excluded(result, account, snapshot)
            {
                findings.push(
                    true,
                    Refusal::absolute(
                        "break-glass-lost",
                        format!(
                            "after this change {} would reach {} and not exclude it",
                            change.policy, account.principal.name
                        ),
                    )
                    .policy(&change.policy)
                    .at(policy.exclude_source.clone()),
                );
            }
        }
    }
}

/// A policy that was imported without its break-glass exclusions stays as it is, and only as it is.
fn left_unprotected(plan: &Plan, desired: &Desired, snapshot: &Snapshot, findings: &mut Findings) {
    for change in &plan.changes {
        let (Some(result), Some(policy)) = (&change.result, desired.policies.get(&change.policy))
        else {
            continue;
        };
        let Some(exception) = &policy.break_glass else {
            continue;
        };
        let missing: Vec<&str> = implied_exclusions(result, desired, snapshot)
            .into_iter()
            .map(|(principal, _)| principal)
            .collect();
        if exception.mode == BreakGlassMode::Require || missing.is_empty() {
            continue;
        }
        findings.push(
            !change.writes.is_empty() && !change.only_improves(),
            Refusal::absolute(
                "break-glass-not-excluded",
                format!(
                    "{} could reach {} and does not exclude it",
                    change.policy,
                    missing.join(", ")
                ),
            )
            .policy(&change.policy)
            .at(policy.exclude_source.clone())
            .help(
                "take `break_glass: {mode: not-excluded}` out, and the exclusion is added; it holds only while nothing else is written to the policy",
            ),
        );
    }
}

fn nobody_declared(plan: &Plan, findings: &mut Findings) {
    for change in plan.writing().filter(|change| {
        matches!(
            change.action,
            Action::Create | Action::Promote | Action::Restore
        )
    }) {
        findings.push(
            true,
            Refusal::absolute(
                "no-break-glass",
                format!(
                    "no break-glass principal is declared, so {} may not be {}",
                    change.policy,
                    if change.action == Action::Create {
                        "created"
                    } else {
                        "turned on"
                    }
                ),
            )
            .policy(&change.policy)
            .at(change.source.clone())
            .help(
                "declare at least one emergency account under `principals:` in portcullis.yaml with `kind: break-glass`",
            ),
        );
    }
}

fn unusable(account: &Account<'_>, tenant: &str) -> Option<Refusal> {
    let name = &account.principal.name;
    let Some(target) = &account.principal.target else {
        return Some(
            Refusal::absolute(
                "unresolved-break-glass",
                format!("break-glass {name} stands for nobody in tenant {tenant}"),
            )
            .help(format!(
                "say who it is: `tenants: {{{tenant}: {{principals: {{{name}: {{user: …}}}}}}}}`"
            )),
        );
    };
    let kind = target.kind.word();
    if account.found.is_empty() {
        return Some(
            Refusal::absolute(
                "unresolved-break-glass",
                format!("break-glass {name}: its {kind} does not exist in the tenant"),
            )
            .help("correct the name in portcullis.yaml, or create the account"),
        );
    }
    if account.object().is_none() {
        let ids: Vec<_> = account
            .found
            .iter()
            .map(|object| object.id.as_str())
            .collect();
        return Some(
            Refusal::absolute(
                "ambiguous-break-glass",
                format!(
                    "break-glass {name}: its {kind} fits {} objects: {}",
                    ids.len(),
                    ids.join(", ")
                ),
            )
            .help("write the id of the one that is meant instead of its name"),
        );
    }
    if account
        .members
        .is_some_and(|members| members.complete && members.people().next().is_none())
    {
        return Some(
            Refusal::absolute(
                "unresolved-break-glass",
                format!("break-glass {name}: its {kind} has no members"),
            )
            .help("put the emergency accounts into the group, or declare them one by one"),
        );
    }
    if !account.disabled().is_empty() {
        return Some(
            Refusal::absolute(
                "disabled-break-glass",
                format!("break-glass {name} is disabled: nobody could sign in with it"),
            )
            .help("enable the account and try it before anything is written"),
        );
    }
    None
}
