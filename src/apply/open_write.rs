//! Writes whose outcome is not certain: looked up, never repeated blindly (rule 9).

use std::collections::BTreeSet;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::error::ApplyError;
use super::journal::{Intent, Journal};
use super::pause;
use super::prepare::Run;
use crate::diff;
use crate::model::{Id, LivePolicy};
use crate::plan::Verb;
use crate::tenant::PolicyList;

/// What a look at the tenant says about a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It arrived, and the policy has this id.
    Done(Option<Id>),
    /// Everything is as it was before.
    AsBefore,
    /// Neither: somebody else was there.
    Otherwise,
}

/// How far the clock that dates answers may be ahead of the one that dates policies. Before every create
/// its name was listed as absent, so an older policy is never taken for ours by this.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Looks for a write among the policies of a tenant.
pub(super) fn look_for(intent: &Intent, list: &PolicyList) -> Seen {
    let policies = &list.policies;
    let as_wanted = |live: &LivePolicy| match &intent.outcome {
        Some(outcome) => *outcome == diff::outcome_fingerprint(&live.policy, live.state),
        // A demotion knows the state only: it reads nothing before it writes.
        None => intent.state == Some(live.state),
    };
    match intent.verb {
        Verb::Create => policies
            .iter()
            .find(|live| {
                live.policy.name == intent.name
                    && live
                        .created
                        .is_none_or(|created| created.duration_since(intent.at) >= -CLOCK_SKEW)
                    && as_wanted(live)
            })
            .map_or(Seen::AsBefore, |live| Seen::Done(Some(live.id.clone()))),
        Verb::Update | Verb::Delete | Verb::Restore => {
            let live = intent
                .id
                .as_ref()
                .and_then(|id| policies.iter().find(|live| live.id == *id));
            match (intent.verb, live) {
                // It is there, but not as we know policies: somebody else was at it.
                (_, None) if intent.id.as_ref().is_some_and(|id| list.is_unreadable(id)) => {
                    Seen::Otherwise
                }
                (Verb::Delete, None) => Seen::Done(intent.id.clone()),
                (Verb::Delete, Some(_)) => Seen::AsBefore,
                (Verb::Restore, None) => Seen::AsBefore,
                (_, Some(live)) if as_wanted(live) => Seen::Done(Some(live.id.clone())),
                (_, Some(live))
                    if intent.before.as_deref() == Some(diff::live_fingerprint(live).as_str()) =>
                {
                    Seen::AsBefore
                }
                _ => Seen::Otherwise,
            }
        }
    }
}

/// Finds out what became of the writes that earlier runs left open. Nothing is sent again here.
///
/// Returns the digests of the plans of which something was found done.
pub(super) async fn settle_open_intents(
    run: &Run<'_>,
    journal: &mut Journal,
) -> Result<BTreeSet<String>, ApplyError> {
    let mut settled = BTreeSet::new();
    let start = Instant::now();
    let mut open = journal.open_intents();
    if !open.is_empty() {
        (run.progress)(&format!(
            "an earlier run left {} without an answer; looking whether it arrived",
            count(open.len(), "write")
        ));
    }
    while !open.is_empty() {
        let list = run.tenant.policies().await?;
        let waited = start.elapsed() >= run.settle;
        for intent in std::mem::take(&mut open) {
            match look_for(&intent, &list) {
                Seen::Done(id) => {
                    journal.done(&intent, id.as_ref())?;
                    settled.insert(intent.digest.clone());
                }
                Seen::AsBefore if waited => {
                    journal.not_done(&intent, "it was looked for and is not there")?;
                }
                Seen::Otherwise if waited => {
                    journal.not_done(&intent, "the policy is neither as before nor as wanted")?;
                }
                Seen::AsBefore | Seen::Otherwise => open.push(intent),
            }
        }
        if !open.is_empty() {
            tokio::time::sleep(pause(run.settle)).await;
        }
    }
    Ok(settled)
}

/// Waits until a write is seen, or certainly is not there: absent for `settle`, in two agreeing looks.
pub(super) async fn wait_for(run: &Run<'_>, intent: &Intent) -> Result<Seen, ApplyError> {
    (run.progress)(&format!(
        "{}: the service gave no clear answer; looking whether the write arrived",
        intent.policy
    ));
    let start = Instant::now();
    let mut before = None;
    loop {
        let list = run.tenant.policies().await?;
        let seen = look_for(intent, &list);
        if matches!(seen, Seen::Done(_)) {
            return Ok(seen);
        }
        if start.elapsed() >= run.settle && before.as_ref() == Some(&seen) {
            return Ok(seen);
        }
        before = Some(seen);
        tokio::time::sleep(pause(run.settle)).await;
    }
}

pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}
