//! The journal: what was about to be written, and what became of it.
//!
//! One line an event, synced before the request it announces is sent. An intent without an outcome is
//! *open*: it may or may not have arrived, and the next run finds out before it does anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::evidence::{DoneWrite, KnownMembers, Remembered, RememberedWrite};
use crate::model::fingerprint;
use crate::model::{Id, LivePolicy, State};
use crate::plan::{SavedChange, Verb};
use crate::store::{Log, Store};

/// A write that is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Names the intent in later entries.
    pub intent: Uuid,
    /// The digest of the plan it belongs to; empty for `demote`.
    pub digest: String,
    /// The policy's key; its id for `demote --id`.
    pub policy: String,
    /// The policy's display name afterwards.
    pub name: String,
    /// What it does.
    pub verb: Verb,
    /// The live policy's id; `None` before it is created.
    pub id: Option<Id>,
    /// The fingerprint of the body.
    pub body: String,
    /// The fingerprint of what was live before; `None` for a creation.
    pub before: Option<String>,
    /// The fingerprint of what is to be live afterwards; `None` for a deletion.
    pub outcome: Option<String>,
    /// The state that is to be live afterwards.
    pub state: Option<State>,
    /// The fingerprint of the exclusions and their members; `None` when it is not known.
    pub exclusions: Option<String>,
    /// The tenant's clock when the plan was made.
    pub at: Timestamp,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
enum Entry {
    /// About to be sent.
    Intent(Intent),
    /// It arrived, and the policy has this id.
    Done { intent: Uuid, id: Option<Id> },
    /// It did not arrive: the service refused it, or it was looked for and is not there.
    NotDone { intent: Uuid, why: String },
    /// A run of the plan with this digest came to its end; the digest is empty for a demotion.
    Finished {
        digest: String,
        #[serde(default)]
        read_back: ReadBack,
    },
}

/// What a run left behind, as the service said twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReadBack {
    /// The policies that were written and are still there.
    pub policies: Vec<LivePolicy>,
    /// Who was in the groups that they exclude, as far as that is completely known.
    pub members: BTreeMap<Id, BTreeSet<Id>>,
    /// When the members were read, by the tenant's clock.
    pub at: Timestamp,
}

/// The journal of one tenant.
#[derive(Debug)]
pub struct Journal {
    log: Log,
    memory: Memory,
    knows_earlier_runs: bool,
}

/// What the entries come to.
#[derive(Debug, Default)]
struct Memory {
    intents: Vec<(Intent, Fate)>,
    finished: BTreeSet<String>,
    read_back: BTreeMap<Id, LivePolicy>,
    members: BTreeMap<Id, KnownMembers>,
}

#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Open,
    Done(Option<Id>),
    NotDone,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the file system said.
        source: io::Error,
    },
    /// A line is not what this program writes.
    #[error("{path}, line {line}, is not an entry of a journal: {source}")]
    Entry {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl JournalError {
    pub(super) fn io(path: &std::path::Path, source: io::Error) -> Self {
        Self::Io {
            path: path.display().to_string(),
            source,
        }
    }
}

impl Journal {
    /// Opens the journal of a tenant in a store.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is no journal.
    pub fn open(store: &Store, tenant: &Id) -> Result<Self, JournalError> {
        let path = store
            .path(relative(tenant))
            .map_err(|source| JournalError::io(store.root(), source))?;
        let (log, lines) = Log::open(&path).map_err(|source| JournalError::io(&path, source))?;
        let mut journal = Self {
            log,
            memory: Memory::of(entries(&lines, &path)?),
            knows_earlier_runs: false,
        };
        // A demotion creates nothing, and runs on machines that never applied.
        journal.knows_earlier_runs = journal
            .memory
            .intents
            .iter()
            .any(|(intent, _)| !intent.digest.is_empty());
        Ok(journal)
    }

    /// What the journal of a tenant remembers, without creating or changing it.
    ///
    /// # Errors
    /// When the file cannot be read, or is no journal.
    pub fn read(store: &Store, tenant: &Id) -> Result<Remembered, JournalError> {
        let path = store.root().join(relative(tenant));
        let lines = Log::read(&path).map_err(|source| JournalError::io(&path, source))?;
        Ok(Memory::of(entries(&lines, &path)?).remembered())
    }

    /// Whether an earlier run applied anything here; if none did, a create from elsewhere may be unknown.
    pub fn knows_earlier_runs(&self) -> bool {
        self.knows_earlier_runs
    }

    /// The intents whose fate is not known.
    pub fn open_intents(&self) -> Vec<Intent> {
        self.memory
            .intents
            .iter()
            .filter(|(_, fate)| *fate == Fate::Open)
            .map(|(intent, _)| intent.clone())
            .collect()
    }

    /// Whether a change of the plan with that digest was carried out to its last write, in whichever run.
    pub fn has_done(&self, digest: &str, change: &SavedChange) -> bool {
        let Some(last) = change.write.last() else {
            return false;
        };
        let body = fingerprint(&last.body);
        self.memory.intents.iter().any(|(intent, fate)| {
            intent.digest == digest
                && intent.policy == change.policy
                && intent.verb == last.verb
                && intent.body == body
                && matches!(fate, Fate::Done(_))
        })
    }

    /// What the gates may know of earlier runs.
    pub fn remembered(&self) -> Remembered {
        self.memory.remembered()
    }

    /// Whether a run of the plan with that digest came to its end.
    pub fn has_finished(&self, digest: &str) -> bool {
        self.memory.finished.contains(digest)
    }

    /// Says that everything of a plan was done, and what was read back.
    ///
    /// # Errors
    /// When it could not be written; running the plan again then finds nothing left to do.
    pub fn finish(&mut self, digest: &str, read_back: ReadBack) -> Result<(), JournalError> {
        self.append(Entry::Finished {
            digest: digest.to_owned(),
            read_back,
        })
    }

    /// Announces a write; returns only when it is on disk.
    ///
    /// # Errors
    /// When it could not be written: then nothing may be sent.
    pub fn announce(&mut self, intent: &Intent) -> Result<(), JournalError> {
        self.append(Entry::Intent(intent.clone()))
    }

    /// Says that a write arrived.
    ///
    /// # Errors
    /// When it could not be written; the intent then stays open and the next run finds out.
    pub fn done(&mut self, intent: &Intent, id: Option<&Id>) -> Result<(), JournalError> {
        self.append(Entry::Done {
            intent: intent.intent,
            id: id.cloned(),
        })
    }

    /// Says that a write did not arrive.
    ///
    /// # Errors
    /// When it could not be written; the intent then stays open and the next run finds out.
    pub fn not_done(
        &mut self,
        intent: &Intent,
        why: impl Into<String>,
    ) -> Result<(), JournalError> {
        self.append(Entry::NotDone {
            intent: intent.intent,
            why: why.into(),
        })
    }

    fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        let path = std::path::Path::new("the journal");
        let line = serde_json::to_string(&entry)
            .map_err(|source| JournalError::io(path, io::Error::other(source)))?;
        self.log
            .append(&line)
            .map_err(|source| JournalError::io(path, source))?;
        self.memory.take_in(entry);
        Ok(())
    }
}

/// Where the journal of a tenant is, below the store.
fn relative(tenant: &Id) -> String {
    format!("journal/{}.jsonl", file_name(tenant))
}

fn entries(lines: &[String], path: &std::path::Path) -> Result<Vec<Entry>, JournalError> {
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|source| JournalError::Entry {
                path: path.display().to_string(),
                line: number + 1,
                source,
            })
        })
        .collect()
}

impl Memory {
    fn of(entries: Vec<Entry>) -> Self {
        let mut memory = Self::default();
        for entry in entries {
            memory.take_in(entry);
        }
        memory
    }

    fn take_in(&mut self, entry: Entry) {
        let (intent, fate) = match entry {
            Entry::Intent(intent) => return self.intents.push((intent, Fate::Open)),
            Entry::Done { intent, id } => (intent, Fate::Done(id)),
            Entry::NotDone { intent, .. } => (intent, Fate::NotDone),
            Entry::Finished { digest, read_back } => return self.finish(digest, read_back),
        };
        let known = self.intents.iter_mut();
        let Some((known, was)) = known.rev().find(|(known, _)| known.intent == intent) else {
            return;
        };
        *was = fate;
        // Until it is read back again, nobody knows what the policy is now.
        if let (Fate::Done(id), before) = (&*was, &known.id)
            && let Some(id) = id.as_ref().or(before.as_ref())
        {
            self.read_back.remove(id);
        }
    }

    fn finish(&mut self, digest: String, read_back: ReadBack) {
        let ReadBack {
            policies,
            members,
            at,
        } = read_back;
        self.finished.insert(digest);
        for live in policies {
            self.read_back.insert(live.id.clone(), live);
        }
        for (group, people) in members {
            self.members.insert(group, KnownMembers { people, at });
        }
    }

    fn remembered(&self) -> Remembered {
        let mut remembered = Remembered {
            read_back: self.read_back.clone(),
            members: self.members.clone(),
            ..Remembered::default()
        };
        for (intent, fate) in &self.intents {
            let Fate::Done(id) = fate else { continue };
            let Some(id) = id.as_ref().or(intent.id.as_ref()) else {
                continue;
            };
            remembered.done.push(DoneWrite {
                digest: intent.digest.clone(),
                policy: intent.policy.clone(),
                name: intent.name.clone(),
                id: id.clone(),
                created: matches!(intent.verb, Verb::Create | Verb::Restore),
                outcome: intent.outcome.clone(),
                state: intent.state,
                at: intent.at,
            });
            if intent.verb == Verb::Delete {
                remembered.writes.remove(id);
                continue;
            }
            remembered.writes.insert(
                id.clone(),
                RememberedWrite {
                    exclusions: intent.exclusions.clone(),
                    at: intent.at,
                },
            );
            if intent.state == Some(State::On) {
                remembered.turned_on.insert(id.clone(), intent.at);
            }
        }
        remembered
    }
}

/// A tenant id as a file name, whatever somebody wrote there.
pub(super) fn file_name(tenant: &Id) -> String {
    tenant
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}
