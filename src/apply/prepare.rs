//! Before the first write: the lock, what earlier runs left open, and a plan of what is live now.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::error::ApplyError;
use super::journal::{Journal, ReadBack};
use super::open_write::settle_open_intents;
use crate::guard::{self, Limits};
use crate::model::Desired;
use crate::plan::{Goal, Plan, PlanOptions, SavedChange, SavedPlan};
use crate::store::{Lock, LockError, Store};
use crate::tenant::{Snapshot, WriteTenant};

/// How long to wait for another run that has the store.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a run works with.
pub struct Run<'a> {
    /// The tenant.
    pub tenant: &'a dyn WriteTenant,
    /// What is wanted of it.
    pub desired: &'a Desired,
    /// Where the journal and the snapshots are.
    pub store: &'a Store,
    /// How long a write may stay unseen.
    pub settle: Duration,
    /// The snapshot that the run goes back to, when it is no plan of the YAML.
    pub back: Option<&'a Snapshot>,
    /// What was asked for beyond the YAML.
    pub options: PlanOptions,
    /// What was allowed for this run.
    pub limits: Limits,
    /// Says what is going on when it takes a while.
    pub progress: &'a (dyn Fn(&str) + Send + Sync),
}

/// A run that holds the lock and knows what it would write.
pub struct Prepared<'a> {
    pub(super) run: Run<'a>,
    pub(super) journal: Journal,
    pub(super) snapshot: Snapshot,
    /// When the policies were listed, on the process's own clock.
    pub(super) listed_at: Instant,
    /// The digests of the plans of which an open intent was just found done.
    pub(super) settled: BTreeSet<String>,
    /// What would be written, guards asked.
    pub plan: Plan,
    _lock: Lock,
}

/// Takes the lock, settles open intents, reads the tenant, plans and asks the guards.
///
/// Nothing is written here. A plan with refusals is returned all the same, for it has to be shown.
///
/// # Errors
/// When the store is taken, the journal unusable, or the tenant unreadable.
pub async fn prepare(run: Run<'_>) -> Result<Prepared<'_>, ApplyError> {
    let lock = lock(&run).await?;
    prepare_under(run, lock).await
}

async fn prepare_under(run: Run<'_>, lock: Lock) -> Result<Prepared<'_>, ApplyError> {
    let tenant_id = run.tenant.tenant_id().await?;
    let mut journal = Journal::open(run.store, &tenant_id)?;
    let settled = settle_open_intents(&run, &mut journal).await?;
    let remembered = journal.remembered();
    let goal = Goal::new(run.desired, run.back, &remembered);
    let listed_at = Instant::now();
    let snapshot = run.tenant.snapshot(&goal.lookups()).await?;
    let mut plan = goal.plan(&snapshot, &remembered, &run.options);
    guard::examine(&mut plan, goal.desired(), &snapshot, run.limits);
    Ok(Prepared {
        run,
        journal,
        snapshot,
        listed_at,
        settled,
        plan,
        _lock: lock,
    })
}

async fn lock(run: &Run<'_>) -> Result<Lock, ApplyError> {
    let path = run.store.root().join("lock");
    match Lock::try_take(&path) {
        Err(held @ LockError::Held { .. }) => {
            (run.progress)(&format!("{held}; waiting up to {} s", PATIENCE.as_secs()))
        }
        other => return Ok(other?),
    }
    // Waiting for a file lock blocks its thread, and the sandbox may be served by this process.
    let its = path.clone();
    let taken = tokio::task::spawn_blocking(move || Lock::take_within(&its, PATIENCE))
        .await
        .unwrap_or_else(|panic| {
            let source = std::io::Error::other(panic);
            Err(LockError::Io { path, source })
        });
    Ok(taken?)
}

impl<'a> Prepared<'a> {
    /// Reads the tenant, plans and asks the guards once more, after somebody took their time to answer.
    ///
    /// # Errors
    /// Those of [`prepare`].
    pub async fn again(self) -> Result<Prepared<'a>, ApplyError> {
        let mut again = prepare_under(self.run, self._lock).await?;
        // What was absent in the first list and is absent now was looked for twice.
        again.listed_at = self.listed_at;
        again.settled.extend(self.settled);
        Ok(again)
    }

    /// Compares what was reviewed with what would be done now (rule 5). `Ok(true)` means that there is
    /// nothing left to do, because an earlier run of this very plan already did it.
    ///
    /// # Errors
    /// [`ApplyError::Stale`], with what differs.
    pub fn agrees_with(&mut self, saved: &SavedPlan, now: &SavedPlan) -> Result<bool, ApplyError> {
        let stale = |why: String| Err(ApplyError::Stale(why));
        if saved.tenant_id != now.tenant_id {
            return stale(format!(
                "the plan was made for tenant {}, and this is {}",
                saved.tenant_id, now.tenant_id
            ));
        }
        if saved.yaml != now.yaml {
            return stale("the YAML changed since the plan was made".into());
        }
        // An earlier run that was killed after its last write, or after its last answer.
        let cut_short = self.settled.contains(&saved.digest)
            || !saved.changes.is_empty() && !self.journal.has_finished(&saved.digest);
        let left: Vec<_> = saved
            .changes
            .iter()
            .filter(|change| !self.journal.has_done(&saved.digest, change))
            .collect();
        if now.changes.is_empty() {
            return match (cut_short && left.is_empty(), saved.changes.is_empty()) {
                (true, _) => {
                    // Now it came to its end; the next time it is an old plan like any other.
                    self.journal.finish(&saved.digest, ReadBack::default())?;
                    Ok(true)
                }
                (false, true) => stale("the plan has nothing to apply".into()),
                (false, false) if !self.plan.refusals.is_empty() => stale(
                    "the tenant changed since the plan was made, and what would be done now is refused"
                        .into(),
                ),
                (false, false) => stale("nothing of the plan is left to do".into()),
            };
        }
        if left.iter().copied().ne(now.changes.iter()) {
            return stale(format!(
                "the tenant changed since the plan was made: {}",
                differences(&left, &now.changes).join("; ")
            ));
        }
        Ok(false)
    }
}

/// What became different since a plan was reviewed, a sentence a policy.
fn differences(reviewed: &[&SavedChange], now: &[SavedChange]) -> Vec<String> {
    let keys: BTreeSet<&str> = reviewed
        .iter()
        .copied()
        .chain(now)
        .map(|change| change.policy.as_str())
        .collect();
    keys.into_iter()
        .filter_map(|key| {
            let was = reviewed.iter().find(|change| change.policy == key);
            let is = now.iter().find(|change| change.policy == key);
            let what = match (was, is) {
                (Some(was), Some(is)) if *was == is => return None,
                (None, _) => "there is something to do that was not in the plan",
                (_, None) => "there is nothing to do any more, or it is held",
                (Some(was), Some(is)) if was.before != is.before || was.id != is.id => {
                    "somebody changed the live policy"
                }
                (Some(was), Some(is)) if was.resolved != is.resolved => {
                    "a name stands for something else, or the members of a group changed"
                }
                (Some(was), Some(is)) if was.action != is.action => "it would be done otherwise",
                (Some(_), Some(_)) => "what would be written is something else",
            };
            Some(format!("{key}: {what}"))
        })
        .collect()
}
