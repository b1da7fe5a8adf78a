//! What somebody else changed: what is live beside what we last read back, and who it was by the audit.
//!
//! An edit of the YAML that is not applied yet is pending and no drift, and neither is a policy that waits
//! for its promotion. Without a journal only the directory audit can tell which side changed; without both
//! nobody knows, and that is said.

mod events;
mod policy;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::change::{FieldChange, Note};
use super::fields::state_row;
use super::find::find;
use super::stage;
use crate::diagnostic::Source;
use crate::evidence::Remembered;
use crate::model::{Desired, DesiredPolicy, Id, LivePolicy, State, WantedState};
use crate::tenant::{Names, Snapshot, accounts};

/// What to look at, and what may be said of it.
#[derive(Debug, Clone, Default)]
pub struct DriftOptions {
    /// The policies to look at; `None` for all.
    pub only: Option<glob::Pattern>,
    /// Whether people are named (rule 8).
    pub people: bool,
    /// Whether the directory audit could be read.
    pub audited: bool,
}

/// What differs between a tenant and what was last brought about there.
#[derive(Debug, Clone)]
pub struct Drift {
    /// The tenant's name in the workspace.
    pub tenant: String,
    /// The tenant's id.
    pub tenant_id: Id,
    /// The tenant's domain, when it is known.
    pub domain: Option<String>,
    /// The tenant's clock when it was read.
    pub taken_at: Timestamp,
    /// Whether the directory audit could be read.
    pub audited: bool,
    /// What somebody else changed.
    pub drifted: Vec<Drifted>,
    /// What the YAML says and nobody applied yet.
    pub pending: Vec<Pending>,
    /// The policies that nobody here manages.
    pub unmanaged: Vec<Foreign>,
    /// What is worth knowing and is no drift.
    pub notes: Vec<Note>,
}

/// A managed policy that somebody else changed.
#[derive(Debug, Clone)]
pub struct Drifted {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// The live policy, or the one that is gone.
    pub id: Option<Id>,
    /// What happened to it.
    pub kind: DriftKind,
    /// How it is known which side changed.
    pub known_by: KnownBy,
    /// What it held, and what it holds now.
    pub fields: Vec<FieldChange>,
    /// The groups that it excludes and whose members changed.
    pub groups: Vec<ChangedGroup>,
    /// Who did it, newest first; empty when the audit does not say.
    pub events: Vec<Event>,
    /// Where the policy stands in the workspace.
    pub source: Source,
}

/// What happened to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftKind {
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
    /// It is as it was, and whom it excludes is not.
    Members,
}

impl DriftKind {
    /// The kind as it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Members => "members",
        }
    }
}

/// How it is known which side changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// By the journal: it is not what we last wrote.
    Journal,
    /// By the directory audit alone, which may show a write of our own from another machine.
    Audit,
    /// By nothing: the YAML may as well have changed.
    Nothing,
}

impl KnownBy {
    /// The word as it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Audit => "audit",
            Self::Nothing => "nothing",
        }
    }
}

/// A group whose members are not who they were when we last wrote.
#[derive(Debug, Clone)]
pub struct ChangedGroup {
    /// Its name.
    pub name: String,
    /// Who came in; `None` when it is not known who was in it.
    pub joined: Option<Vec<String>>,
    /// Who went out; `None` when it is not known who was in it.
    pub left: Option<Vec<String>>,
    /// What the audit says, newest first.
    pub events: Vec<Event>,
}

/// An entry of the audit, with as much of its author as may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What, in the service's words.
    pub activity: String,
    /// Who.
    pub by: Author,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A person, by principal name or declared name.
    Person(String),
    /// A person who is not to be named here.
    SomePerson,
    /// An application, by its name.
    Application(String),
    /// The audit does not say.
    Unknown,
}

/// A policy of which the YAML says something that nobody applied yet.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// What it is, and what the YAML says; empty when it is to be created or deleted.
    pub fields: Vec<FieldChange>,
    /// Where the policy stands in the workspace.
    pub source: Source,
}

/// A policy that nobody here manages.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// Its id.
    pub id: Option<Id>,
    /// Its name.
    pub name: String,
    /// Its state; `None` when it cannot be read.
    pub state: Option<State>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Who created it, when the audit still says so.
    pub by: Option<Author>,
    /// Whether an apply of this store wrote it, so that only its file is missing.
    pub ours: bool,
}

/// The excluded groups whose audit is needed: those that are not as we know them.
pub fn groups_to_audit(
    desired: &Desired,
    snapshot: &Snapshot,
    remembered: &Remembered,
    only: Option<&glob::Pattern>,
) -> BTreeSet<Id> {
    let managed =
        selected(desired, only).filter_map(|policy| find(desired, policy, snapshot).ok()?);
    managed
        .flat_map(|(live, _)| &live.policy.conditions.users.exclude.groups)
        .filter(|group| policy::members_changed(group, snapshot, remembered) != Some(false))
        .filter(|group| Id::looks_like_guid(group.as_str()))
        .cloned()
        .collect()
}

/// Tells what somebody else changed. The snapshot holds the audit as far as it was read.
pub fn drift(
    desired: &Desired,
    snapshot: &Snapshot,
    remembered: &Remembered,
    options: &DriftOptions,
) -> Drift {
    let teller = Teller {
        desired,
        snapshot,
        remembered,
        options,
        names: Names::new(desired, snapshot).shielded(options.people, desired, snapshot),
    };
    let mut drift = Drift {
        tenant: desired.tenant.name.clone(),
        tenant_id: snapshot.tenant.id.clone(),
        domain: snapshot.tenant.domain.clone(),
        taken_at: snapshot.taken_at,
        audited: options.audited,
        drifted: Vec::new(),
        pending: Vec::new(),
        unmanaged: Vec::new(),
        notes: Vec::new(),
    };
    for policy in selected(desired, options.only.as_ref()) {
        teller.tell(policy, &mut drift);
    }
    teller.unmanaged(&mut drift);
    drift
}

fn selected<'a>(
    desired: &'a Desired,
    only: Option<&'a glob::Pattern>,
) -> impl Iterator<Item = &'a DesiredPolicy> {
    let policies = desired.policies.values();
    policies.filter(move |policy| only.is_none_or(|glob| glob.matches(&policy.key.value)))
}

/// Everything that is known when drift is told.
struct Teller<'a> {
    desired: &'a Desired,
    snapshot: &'a Snapshot,
    remembered: &'a Remembered,
    options: &'a DriftOptions,
    names: Names,
}

impl Teller<'_> {
    fn tell(&self, policy: &DesiredPolicy, drift: &mut Drift) {
        match find(self.desired, policy, self.snapshot) {
            Ok(Some((live, _))) => self.tell_live(policy, live, drift),
            Ok(None) => self.tell_missing(policy, self.lost(policy), drift),
            Err(refusal) if refusal.guard == "pin-gone" => {
                let record = self.desired.records.get(&policy.key.value);
                let pinned = policy.id.as_ref().map(|id| id.value.clone());
                let pinned = pinned.or_else(|| record.map(|record| record.value.policy_id.clone()));
                self.tell_missing(policy, pinned, drift);
            }
            Err(refusal) => drift.notes.push(Note {
                code: refusal.guard,
                message: refusal.message,
                policy: refusal.policy,
            }),
        }
    }

    /// The policy that was there for a key and is not any more, although we did not delete it.
    fn lost(&self, policy: &DesiredPolicy) -> Option<Id> {
        let key = &policy.key.value;
        let mut ours = self.remembered.done.iter().rev();
        if let Some(last) = ours.find(|write| write.policy == *key) {
            return last.state.is_some().then(|| last.id.clone());
        }
        // Without a journal: somebody deleted one of that name.
        let mut audited = self.snapshot.history.iter();
        audited
            .find(|(id, events)| {
                self.snapshot.policy(id).is_none()
                    && events.first().is_some_and(|event| {
                        let before = event.before.as_ref();
                        event.activity.starts_with("Delete")
                            && before.is_some_and(|live| live.policy.name == policy.policy.name)
                    })
            })
            .map(|(id, _)| id.clone())
    }

    fn tell_missing(&self, policy: &DesiredPolicy, lost: Option<Id>, drift: &mut Drift) {
        let wanted = policy.state.as_ref().map(|state| state.value);
        if wanted == Some(WantedState::Absent) {
            return;
        }
        let Some(id) = lost else {
            drift.pending.push(Pending {
                policy: policy.key.value.clone(),
                name: policy.policy.name.clone(),
                fields: Vec::new(),
                source: policy.source().clone(),
            });
            return;
        };
        let deleted: Vec<_> = self
            .history(&id)
            .iter()
            .filter(|event| event.activity.starts_with("Delete"))
            .collect();
        let known = self.remembered.read_back.get(&id);
        let known = known.or_else(|| deleted.first()?.before.as_ref());
        let known_by = match (self.remembered.last_write(&id), deleted.is_empty()) {
            (Some(_), _) => KnownBy::Journal,
            (None, false) => KnownBy::Audit,
            (None, true) => KnownBy::Nothing,
        };
        drift.drifted.push(Drifted {
            policy: policy.key.value.clone(),
            name: policy.policy.name.clone(),
            kind: DriftKind::Deleted,
            known_by,
            fields: known
                .map(|live| state_row(Some(live.state), WantedState::Absent, false))
                .into_iter()
                .collect(),
            groups: Vec::new(),
            events: deleted.iter().map(|event| self.event(event)).collect(),
            source: policy.source().clone(),
            id: Some(id),
        });
    }

    fn unmanaged(&self, drift: &mut Drift) {
        let managed: BTreeSet<&Id> = self
            .desired
            .policies
            .values()
            .filter_map(|policy| find(self.desired, policy, self.snapshot).ok().flatten())
            .map(|(live, _)| &live.id)
            .collect();
        let readable = self.snapshot.policies.iter();
        let foreign = readable
            .filter(|live| !managed.contains(&live.id))
            .map(|live| {
                let mut events = self.history(&live.id).iter().rev();
                Foreign {
                    id: Some(live.id.clone()),
                    name: live.policy.name.clone(),
                    state: Some(live.state),
                    created: live.created,
                    by: events
                        .find(|event| event.activity.starts_with("Add"))
                        .map(|event| self.author(event)),
                    ours: self.remembered.last_write(&live.id).is_some(),
                }
            });
        drift.unmanaged.extend(foreign);
        let unreadable = self.snapshot.unreadable.iter();
        drift.unmanaged.extend(unreadable.map(|unreadable| Foreign {
            id: unreadable.id.clone(),
            name: unreadable.name.clone().unwrap_or_default(),
            state: None,
            created: None,
            by: None,
            ours: false,
        }));
        drift
            .unmanaged
            .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    }

    /// Who stands behind a break-glass declaration is named by it, whatever else may be named.
    fn declared(&self, id: Option<&Id>, address: &str) -> Option<String> {
        let accounts = accounts(self.desired, self.snapshot);
        let account = accounts.iter().find(|account| {
            let target = account.principal.target.as_ref();
            id.is_some_and(|id| account.people().contains(&id))
                || target.is_some_and(|target| target.name.text.eq_ignore_ascii_case(address))
        })?;
        Some(account.principal.name.clone())
    }
}

/// The row of a state that changed, when it did.
fn state_change(before: State, after: State) -> Option<FieldChange> {
    (before != after).then(|| state_row(Some(before), stage(Some(after)), false))
}

/// What the service holds of a policy beyond the model, where it differs.
fn unmodelled_rows(before: &LivePolicy, after: &LivePolicy) -> Vec<FieldChange> {
    let paths: BTreeSet<&String> = before
        .unmodelled
        .keys()
        .chain(after.unmodelled.keys())
        .collect();
    paths
        .into_iter()
        .map(|path| FieldChange {
            path: path.clone(),
            before: before.unmodelled.get(path).cloned().unwrap_or_default(),
            after: after.unmodelled.get(path).cloned().unwrap_or_default(),
            origin: crate::model::Origin::File,
        })
        .filter(|row| row.before != row.after)
        .collect()
}
