//! The writes themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use super::error::ApplyError;
use super::journal::{Intent, JournalError, ReadBack};
use super::kept::keep;
use super::open_write::{Seen, wait_for};
use super::prepare::Prepared;
use super::read_back::{Expected, read_back};
use super::{pause, pause_asked};
use crate::diff;
use crate::model::fingerprint;
use crate::model::{Id, LivePolicy};
use crate::plan::{Change, Verb, Write};
use crate::tenant::{TenantError, TenantErrorKind, WriteError};

/// How often a write that the service has no room for is sent again.
const MOST_THROTTLED: u32 = 5;

/// What a run did.
#[derive(Debug, Default)]
pub struct Applied {
    /// The changes that were carried out, with the id each policy has.
    pub done: Vec<(Change, Option<Id>)>,
}

impl Prepared<'_> {
    /// Carries the plan out; `digest` is that of the plan that was reviewed.
    ///
    /// # Errors
    /// See [`ApplyError`]: it says whether something was written.
    pub async fn carry_out(mut self, digest: &str) -> Result<Applied, ApplyError> {
        if !self.plan.refusals.is_empty() {
            return Err(ApplyError::Refused(Box::new(self.plan)));
        }
        let changes: Vec<Change> = self.plan.writing().cloned().collect();
        if changes.is_empty() {
            return Ok(Applied::default());
        }
        keep(self.run.store, &self.snapshot, digest)?;
        let mut applied = Applied::default();
        let mut expected = Expected::new();
        let mut names_listed = false;
        for change in changes {
            let is_create = change.writes.iter().any(|write| write.verb == Verb::Create);
            if is_create && !names_listed {
                self.list_before_first_create(&applied).await?;
                names_listed = true;
            }
            if let Some(id) = &change.id {
                self.read_again(&change, id, &applied).await?;
            }
            let id = self.write(&change, digest, &mut expected, &applied).await?;
            applied.done.push((change, id));
        }
        let policies = read_back(&self.run, &expected)
            .await
            .map_err(|error| error.partly(keys(&applied)))?;
        twins_of_creations(&applied, &policies)?;
        // Without this line the plan is run again in vain, and says so.
        let _ = self
            .journal
            .finish(digest, self.left_behind(&policies, &expected));
        Ok(applied)
    }

    fn left_behind(&self, policies: &[LivePolicy], expected: &Expected) -> ReadBack {
        let written = policies
            .iter()
            .filter(|live| expected.contains_key(&live.id));
        let policies: Vec<LivePolicy> = written.cloned().collect();
        let groups = policies
            .iter()
            .flat_map(|live| &live.policy.conditions.users.exclude.groups);
        let members = groups
            .filter_map(|group| Some((group, self.snapshot.members.get(group)?)))
            .filter(|(_, members)| members.complete)
            .map(|(group, members)| {
                let people = members.people().map(|person| person.id.clone());
                (group.clone(), people.collect())
            })
            .collect();
        ReadBack {
            policies,
            members,
            at: self.snapshot.taken_at,
        }
    }

    /// A name that appeared since the plan was made is a duplicate in the making. Without a journal an
    /// earlier run on another machine may have created it a moment ago, so the second list waits.
    async fn list_before_first_create(&self, applied: &Applied) -> Result<(), ApplyError> {
        let run = &self.run;
        if !self.journal.knows_earlier_runs() {
            let left = run.settle.saturating_sub(self.listed_at.elapsed());
            if !left.is_zero() {
                (run.progress)(&format!(
                    "no journal here yet: waiting {} s before the first create, so that nothing is created twice",
                    left.as_secs().max(1)
                ));
                tokio::time::sleep(left).await;
            }
        }
        let list = match run.tenant.policies().await {
            Ok(list) => list,
            Err(error) => return Err(stop_for(error, applied)),
        };
        let names: BTreeSet<&str> = list
            .policies
            .iter()
            .map(|live| live.policy.name.as_str())
            .chain(
                list.unreadable
                    .iter()
                    .filter_map(|unreadable| unreadable.name.as_deref()),
            )
            .collect();
        for change in self.plan.writing().filter(|change| change.id.is_none()) {
            if names.contains(change.name.as_str()) {
                return Err(stopped(
                    format!(
                        "{}: a policy called \"{}\" appeared since the plan was made",
                        change.policy, change.name
                    ),
                    applied,
                ));
            }
        }
        Ok(())
    }

    async fn read_again(
        &self,
        change: &Change,
        id: &Id,
        applied: &Applied,
    ) -> Result<(), ApplyError> {
        let live = match self.run.tenant.policy(id).await {
            Ok(live) => live,
            Err(error) => return Err(stop_for(error, applied)),
        };
        if live.as_ref().map(diff::live_fingerprint) == change.before {
            return Ok(());
        }
        Err(stopped(
            format!(
                "{}: the live policy changed since the plan was made",
                change.policy
            ),
            applied,
        ))
    }

    async fn write(
        &mut self,
        change: &Change,
        digest: &str,
        expected: &mut Expected,
        applied: &Applied,
    ) -> Result<Option<Id>, ApplyError> {
        let mut id = change.id.clone();
        let mut before = change.before.clone();
        let mut done = keys(applied);
        for (number, write) in change.writes.iter().enumerate() {
            if number > 0 {
                // What builds on an earlier write waits until that is certain.
                let one: Expected = expected
                    .iter()
                    .filter(|(known, _)| Some(*known) == id.as_ref())
                    .map(|(id, expected)| (id.clone(), expected.clone()))
                    .collect();
                let policies = read_back(&self.run, &one)
                    .await
                    .map_err(|error| error.partly(done.clone()))?;
                before = policies
                    .iter()
                    .find(|live| Some(&live.id) == id.as_ref())
                    .map(diff::live_fingerprint);
            }
            let intent = Intent {
                intent: Uuid::new_v4(),
                digest: digest.to_owned(),
                policy: change.policy.clone(),
                name: change.name.clone(),
                verb: write.verb,
                id: id.clone(),
                body: fingerprint(&write.body),
                before: before.clone(),
                outcome: write.outcome.clone(),
                state: write.state,
                exclusions: change.exclusions.clone(),
                at: self.snapshot.taken_at,
            };
            (self.run.progress)(&sentence(change, write));
            id = self.send(&intent, write, &done).await?.or(id);
            if !done.contains(&change.policy) {
                done.push(change.policy.clone());
            }
            if let Some(id) = &id {
                expected.insert(id.clone(), (change.policy.clone(), write.outcome.clone()));
            }
        }
        Ok(id)
    }

    /// Journals, sends, and finds out what became of it; sends a second time only what certainly is
    /// not there. Being told to come later is not a try: others may be using up the tenant's limit.
    pub(super) async fn send(
        &mut self,
        intent: &Intent,
        write: &Write,
        done: &[String],
    ) -> Result<Option<Id>, ApplyError> {
        let partly = |reason: String, hints: Vec<String>| ApplyError::Partly {
            reason,
            done: done.to_vec(),
            hints,
        };
        let written = |error: JournalError| {
            partly(
                format!(
                    "{}: it was written, and the journal does not know it: {error}",
                    intent.policy
                ),
                Vec::new(),
            )
        };
        if let Err(error) = self.journal.announce(intent) {
            return Err(if done.is_empty() {
                error.into()
            } else {
                partly(format!("{}: {error}", intent.policy), Vec::new())
            });
        }
        let (mut sent_again, mut throttled) = (false, 0);
        loop {
            let error = match self.request(intent, write).await {
                Ok(id) => {
                    self.journal.done(intent, id.as_ref()).map_err(written)?;
                    return Ok(id);
                }
                Err(WriteError::Refused(error)) if sent_again || throttled > 0 => {
                    // The first may still arrive, so the intent stays open.
                    return Err(partly(
                        format!(
                            "{}: the write did not arrive, and sent again it was refused: {}",
                            intent.policy, error.message
                        ),
                        error.hints,
                    ));
                }
                Err(WriteError::Refused(error)) => {
                    // Why it was refused is what the user has to know; an open intent settles itself.
                    let _ = self.journal.not_done(intent, error.message.clone());
                    return Err(if done.is_empty() {
                        ApplyError::Rejected {
                            policy: intent.policy.clone(),
                            source: error,
                        }
                    } else {
                        partly(format!("{}: {}", intent.policy, error.message), error.hints)
                    });
                }
                Err(WriteError::Uncertain(error)) => error,
            };
            let seen = match wait_for(&self.run, intent).await {
                Ok(seen) => seen,
                Err(lost) => {
                    return Err(partly(
                        format!(
                            "{}: whether the write arrived is not known ({}), and the tenant cannot be read: {lost}",
                            intent.policy, error.message
                        ),
                        error.hints,
                    ));
                }
            };
            match seen {
                Seen::Done(id) => {
                    self.journal.done(intent, id.as_ref()).map_err(written)?;
                    return Ok(id);
                }
                Seen::AsBefore
                    if error.kind == TenantErrorKind::Throttled && throttled < MOST_THROTTLED =>
                {
                    throttled += 1;
                    // The look a moment ago counted against the limit too.
                    let planned = pause(self.run.settle) * throttled;
                    self.wait_as_asked(intent, &error, planned).await;
                }
                Seen::AsBefore if !sent_again => {
                    sent_again = true;
                    self.wait_as_asked(intent, &error, Duration::ZERO).await;
                }
                Seen::AsBefore => {
                    // The first time, and once more when it was not for want of room.
                    let sent = throttled + 2;
                    return Err(partly(
                        format!(
                            "{}: the write was sent {sent} times and did not arrive: {}",
                            intent.policy, error.message
                        ),
                        error.hints,
                    ));
                }
                Seen::Otherwise => {
                    return Err(partly(
                        format!(
                            "{}: somebody else changed the policy at the same time",
                            intent.policy
                        ),
                        vec!["look at the next plan before applying it".to_owned()],
                    ));
                }
            }
        }
    }

    async fn wait_as_asked(&self, intent: &Intent, error: &TenantError, planned: Duration) {
        let wait = pause_asked(error, planned);
        if error.retry_after.is_some() && wait >= Duration::from_secs(1) {
            (self.run.progress)(&format!(
                "{}: waiting {} s before it is sent again: the service asked for it",
                intent.policy,
                wait.as_secs()
            ));
        }
        tokio::time::sleep(wait).await;
    }

    async fn request(&self, intent: &Intent, write: &Write) -> Result<Option<Id>, WriteError> {
        let tenant = self.run.tenant;
        match (write.verb, &intent.id) {
            (Verb::Create, _) => tenant.create_policy(&write.body).await.map(Some),
            (Verb::Update, Some(id)) => {
                tenant.update_policy(id, &write.body).await?;
                Ok(Some(id.clone()))
            }
            (Verb::Delete, Some(id)) => {
                tenant.delete_policy(id).await?;
                Ok(Some(id.clone()))
            }
            (Verb::Restore, Some(id)) => {
                tenant.restore_policy(id).await?;
                Ok(Some(id.clone()))
            }
            (Verb::Update | Verb::Delete | Verb::Restore, None) => {
                Err(WriteError::Refused(TenantError::new(
                    TenantErrorKind::Rejected,
                    "a policy without an id cannot be changed",
                )))
            }
        }
    }
}

fn sentence(change: &Change, write: &Write) -> String {
    let what = match (write.verb, write.state) {
        (Verb::Create, Some(state)) => format!("creating it ({state})"),
        (Verb::Create, None) => "creating it".to_owned(),
        (Verb::Delete, _) => "deleting it".to_owned(),
        (Verb::Restore, _) => "restoring it from the recycle bin".to_owned(),
        (Verb::Update, Some(state)) if write.body.get("state").is_some() => {
            format!("setting it to {state}")
        }
        (Verb::Update, _) => "updating it".to_owned(),
    };
    format!("{}: {what}", change.policy)
}

fn keys(applied: &Applied) -> Vec<String> {
    applied
        .done
        .iter()
        .map(|(change, _)| change.policy.clone())
        .collect()
}

/// Stops before a write: stale when nothing was written yet, partly applied otherwise.
fn stopped(reason: String, applied: &Applied) -> ApplyError {
    if applied.done.is_empty() {
        ApplyError::Stale(reason)
    } else {
        ApplyError::Partly {
            reason,
            done: keys(applied),
            hints: Vec::new(),
        }
    }
}

fn stop_for(error: TenantError, applied: &Applied) -> ApplyError {
    if applied.done.is_empty() {
        ApplyError::Tenant(error)
    } else {
        ApplyError::Partly {
            reason: error.message,
            done: keys(applied),
            hints: error.hints,
        }
    }
}

/// Names that appear twice after creations are reported with both ids (rule 6).
fn twins_of_creations(applied: &Applied, policies: &[LivePolicy]) -> Result<(), ApplyError> {
    let mut by_name: BTreeMap<&str, Vec<&Id>> = BTreeMap::new();
    for live in policies {
        by_name.entry(&live.policy.name).or_default().push(&live.id);
    }
    for (change, own) in &applied.done {
        if change.id.is_some() {
            continue;
        }
        let Some(ids) = by_name
            .get(change.name.as_str())
            .filter(|ids| ids.len() > 1)
        else {
            continue;
        };
        let list: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
        let own = own.as_ref().map_or("unknown", Id::as_str);
        return Err(ApplyError::Partly {
            reason: format!(
                "{}: two policies are called \"{}\" now: {}; this run created {own}",
                change.policy,
                change.name,
                list.join(", ")
            ),
            done: keys(applied),
            hints: vec![format!(
                "delete the one that is not wanted, or pin the other with `id:` in the file of {}",
                change.policy
            )],
        });
    }
    Ok(())
}
