//! What comes of a sign-in: the policies together (audit rules E1 and E2).

use super::explain::{Explanation, Missing, explain};
use super::grant::{self, Given, Requirement, could_hold, holds};
use super::{Facts, Prepared, SignIn, Truth, applies};
use crate::model::State;

/// What Graph logs of a policy at a sign-in (`appliedConditionalAccessPolicyResult`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppliedResult {
    /// It applied, and what it asks for was given.
    Success,
    /// It applied, and what it asks for was not given.
    Failure,
    /// It did not apply.
    NotApplied,
    /// It is off.
    NotEnabled,
    /// In report-only: it would have been satisfied.
    ReportOnlySuccess,
    /// In report-only: it asks for something nobody can do at the prompt, and that was not there.
    ReportOnlyFailure,
    /// In report-only: it would not have applied.
    ReportOnlyNotApplied,
    /// In report-only: the user would have been asked to do something.
    ReportOnlyInterrupted,
}

impl AppliedResult {
    /// Graph's spelling.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::NotApplied => "notApplied",
            Self::NotEnabled => "notEnabled",
            Self::ReportOnlySuccess => "reportOnlySuccess",
            Self::ReportOnlyFailure => "reportOnlyFailure",
            Self::ReportOnlyNotApplied => "reportOnlyNotApplied",
            Self::ReportOnlyInterrupted => "reportOnlyInterrupted",
        }
    }
}

/// What would be logged of a policy; `None` when a missing fact decides. Allocates nothing.
///
/// A policy on user actions is never evaluated in report-only (E1), which is logged as not applied.
pub fn result<F: Facts + ?Sized>(
    policy: &Prepared,
    sign_in: &SignIn,
    facts: &F,
) -> Option<AppliedResult> {
    let report_only = match policy.state {
        State::Off => return Some(AppliedResult::NotEnabled),
        State::ReportOnly => true,
        State::On => false,
    };
    if report_only && !policy.policy.conditions.targets.user_actions.is_empty() {
        return Some(AppliedResult::ReportOnlyNotApplied);
    }
    match (applies(policy, sign_in, facts), report_only) {
        (Truth::Unknown, _) => None,
        (Truth::No, true) => Some(AppliedResult::ReportOnlyNotApplied),
        (Truth::No, false) => Some(AppliedResult::NotApplied),
        (Truth::Yes, false) => match holds(policy, sign_in, facts) {
            Truth::Yes => Some(AppliedResult::Success),
            Truth::No => Some(AppliedResult::Failure),
            Truth::Unknown => None,
        },
        (Truth::Yes, true) => {
            let done = holds(policy, sign_in, facts);
            match (done, could_hold(policy, sign_in, facts)) {
                (Truth::Yes, _) => Some(AppliedResult::ReportOnlySuccess),
                (Truth::No, Truth::Yes) => Some(AppliedResult::ReportOnlyInterrupted),
                (Truth::No, Truth::No) => Some(AppliedResult::ReportOnlyFailure),
                _ => None,
            }
        }
    }
}

/// What comes of a sign-in under the enforced policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Access is granted: nothing that applies asks for more than was given.
    Granted,
    /// Access is granted once all of these policies are satisfied together, by their places in the list.
    Requires(Vec<usize>),
    /// Access is blocked: by a block, or by a requirement that cannot be met here.
    Blocked(Vec<usize>),
    /// It depends on whether these policies apply.
    Undetermined {
        /// The policies of which it is not known whether they apply, and that would matter.
        open: Vec<usize>,
        /// The policies that apply for certain and are not satisfied yet.
        requires: Vec<usize>,
    },
}

/// What comes of a sign-in, without the reasons.
///
/// Only policies that are on count (E1). Their order means nothing; one that cannot be satisfied blocks
/// whatever the others grant (E2).
pub fn outcome<F: Facts + ?Sized>(policies: &[Prepared], sign_in: &SignIn, facts: &F) -> Outcome {
    let (mut blocked, mut requires, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for (at, policy) in policies.iter().enumerate() {
        if policy.state != State::On || holds(policy, sign_in, facts).is_yes() {
            continue;
        }
        match applies(policy, sign_in, facts) {
            Truth::No => {}
            Truth::Unknown => open.push(at),
            Truth::Yes if could_hold(policy, sign_in, facts).is_no() => blocked.push(at),
            Truth::Yes => requires.push(at),
        }
    }
    if !blocked.is_empty() {
        Outcome::Blocked(blocked)
    } else if !open.is_empty() {
        Outcome::Undetermined { open, requires }
    } else if requires.is_empty() {
        Outcome::Granted
    } else {
        Outcome::Requires(requires)
    }
}

/// What comes of a sign-in, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What comes of it under the enforced policies.
    pub outcome: Outcome,
    /// What each policy does, in the order they were given; those that are off too.
    pub verdicts: Vec<Verdict>,
}

impl Decision {
    /// The facts that would decide an undetermined outcome.
    pub fn missing(&self) -> Vec<&Missing> {
        let Outcome::Undetermined { open, .. } = &self.outcome else {
            return Vec::new();
        };
        let verdicts = open.iter().filter_map(|at| self.verdicts.get(*at));
        let mut missing: Vec<_> = verdicts
            .flat_map(|verdict| &verdict.applies.missing)
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }
}

/// What one policy does at a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it applies, and why.
    pub applies: Explanation,
    /// What it asks for, and how far each thing was given: (the thing, given, given if the user is asked).
    pub requirements: Vec<(Requirement, Truth, Truth)>,
    /// Whether what it asks for was given.
    pub holds: Truth,
    /// Whether it was given, or would be if the user were asked.
    pub could_hold: Truth,
    /// What would be logged; `None` when a missing fact decides.
    pub result: Option<AppliedResult>,
}

/// Weighs all policies against one sign-in, with reasons.
pub fn evaluate<F: Facts + ?Sized>(policies: &[Prepared], sign_in: &SignIn, facts: &F) -> Decision {
    let verdict = |policy: &Prepared| Verdict {
        applies: explain(policy, sign_in, facts),
        requirements: grant::requirements(policy)
            .into_iter()
            .map(|requirement| {
                let Given { done, could } = grant::given(&requirement, sign_in, facts);
                (requirement, done, could)
            })
            .collect(),
        holds: holds(policy, sign_in, facts),
        could_hold: could_hold(policy, sign_in, facts),
        result: result(policy, sign_in, facts),
    };
    Decision {
        outcome: outcome(policies, sign_in, facts),
        verdicts: policies.iter().map(verdict).collect(),
    }
}
