//! The rules that may refuse a plan, one a file (rule 3).
//!
//! A guard refuses what the plan would create or make worse. What was wrong before and is not touched
//! becomes a note, and a plan that only improves is never refused.

mod break_glass;
mod deletes;
mod exclusions;
#[cfg(test)]
mod tests;

use crate::model::Desired;
use crate::plan::{Note, Plan, Refusal};
use crate::tenant::Snapshot;

/// What the user allowed for this run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many policies one run may delete.
    pub max_deletes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_deletes: 1 }
    }
}

/// What a guard has to say about a plan.
#[derive(Debug, Default)]
struct Findings {
    refusals: Vec<Refusal>,
    notes: Vec<Note>,
}

impl Findings {
    /// A refusal, or a note where the plan is not to blame.
    fn push(&mut self, to_blame: bool, refusal: Refusal) {
        if to_blame {
            self.refusals.push(refusal);
        } else {
            self.notes.push(Note {
                code: refusal.guard,
                message: refusal.message,
                policy: refusal.policy,
            });
        }
    }
}

/// Asks every guard and adds what they say to the plan.
pub fn examine(plan: &mut Plan, desired: &Desired, snapshot: &Snapshot, limits: Limits) {
    let mut findings = Findings::default();
    break_glass::examine(plan, desired, snapshot, &mut findings);
    exclusions::examine(plan, desired, snapshot, &mut findings);
    deletes::examine(plan, limits, &mut findings);
    plan.refusals.extend(findings.refusals);
    plan.notes.extend(findings.notes);
}
