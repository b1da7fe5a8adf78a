//! What the journal knows of earlier runs, for whoever has to decide by it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::diff;
use crate::model::{Id, LivePolicy, State};

/// What the journal remembers of earlier runs.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// Our last write of each policy.
    pub writes: BTreeMap<Id, RememberedWrite>,
    /// When we last turned each policy on.
    pub turned_on: BTreeMap<Id, Timestamp>,
    /// Every write that certainly arrived, oldest first.
    pub done: Vec<DoneWrite>,
    /// The policies as we last read them back, unless a later write of ours was never read back.
    pub read_back: BTreeMap<Id, LivePolicy>,
    /// Who was in the groups that a policy of ours excludes when we last wrote it, by group.
    pub members: BTreeMap<Id, KnownMembers>,
}

impl Remembered {
    /// Our last write of a policy.
    pub fn last_write(&self, id: &Id) -> Option<&DoneWrite> {
        self.done.iter().rev().find(|write| write.id == *id)
    }

    /// Whether a live policy is as our last write left it; `None` when that is not known.
    pub fn is_as_we_left_it(&self, live: &LivePolicy) -> Option<bool> {
        if let Some(known) = self.read_back.get(&live.id) {
            return Some(diff::live_fingerprint(known) == diff::live_fingerprint(live));
        }
        let outcome = self.last_write(&live.id)?.outcome.as_ref()?;
        Some(*outcome == diff::outcome_fingerprint(&live.policy, live.state))
    }
}

/// A write of ours that arrived.
#[derive(Debug, Clone)]
pub struct DoneWrite {
    /// The digest of the plan it belongs to; empty for a demotion.
    pub digest: String,
    /// The policy's key.
    pub policy: String,
    /// The policy's display name afterwards.
    pub name: String,
    /// The live policy.
    pub id: Id,
    /// Whether there was no such live policy before: it was created, or came back from the bin.
    pub created: bool,
    /// The fingerprint of what was live afterwards; `None` for a deletion, and when it is not known.
    pub outcome: Option<String>,
    /// The state it had afterwards; `None` for a deletion.
    pub state: Option<State>,
    /// When the plan was made, by the tenant's clock.
    pub at: Timestamp,
}

/// Who was in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMembers {
    /// Its people, transitively.
    pub people: BTreeSet<Id>,
    /// When they were read, by the tenant's clock.
    pub at: Timestamp,
}

/// Our last write of a policy.
#[derive(Debug, Clone)]
pub struct RememberedWrite {
    /// The fingerprint of the exclusions and their members then; `None` when it was not known.
    pub exclusions: Option<String>,
    /// When it was, by the tenant's clock.
    pub at: Timestamp,
}
