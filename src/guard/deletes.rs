//! One run deletes no more than was allowed (rule 4).

use super::{Findings, Limits};
use crate::plan::{Action, Plan, Refusal};

pub(super) fn examine(plan: &Plan, limits: Limits, findings: &mut Findings) {
    let deleted: Vec<_> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Delete)
        .collect();
    let Some(first_too_many) = deleted.get(limits.max_deletes) else {
        return;
    };
    let keys: Vec<_> = deleted
        .iter()
        .map(|change| change.policy.as_str())
        .collect();
    findings.push(
        true,
        Refusal::liftable(
            "max-deletes",
            format!(
                "{} policies would be deleted, and {} is the most for one run: {}",
                deleted.len(),
                limits.max_deletes,
                keys.join(", ")
            ),
        )
        .policy(&first_too_many.policy)
        .at(first_too_many.source.clone())
        .help(format!(
            "allow it with --max-deletes {}, or delete them in several runs",
            deleted.len()
        )),
    );
}
