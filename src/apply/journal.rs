//! The journal: what was about to be written, and what became of it.
//!
//! One line an event, synced before the request it announces is sent. An intent without an outcome is
//! *open*: it may or may not have arrived, and the next run finds out before it does anything else.

use std::collections::BTreeSet;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::evidence::{Remembered, RememberedWrite};
use crate::model::fingerprint;
use crate::model::{Id, State};
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
    /// A run of the plan with this digest came to its end, read-back included.
    Finished { digest: String },
}

/// The journal of one tenant.
#[derive(Debug)]
pub struct Journal {
    log: Log,
    intents: Vec<(Intent, Fate)>,
    knows_earlier_runs: bool,
    finished: BTreeSet<String>,
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
            intents: Vec::new(),
            knows_earlier_runs: false,
            finished: BTreeSet::new(),
        };
        for entry in entries(&lines, &path)? {
            if let Entry::Finished { digest } = &entry {
                journal.finished.insert(digest.clone());
            }
            take_in(&mut journal.intents, entry);
        }
        // A demotion creates nothing, and runs on machines that never applied.
        journal.knows_earlier_runs = journal
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
        let mut intents = Vec::new();
        for entry in entries(&lines, &path)? {
            take_in(&mut intents, entry);
        }
        Ok(remembered(&intents))
    }

    /// Whether an earlier run applied anything here; if none did, a create from elsewhere may be unknown.
    pub fn knows_earlier_runs(&self) -> bool {
        self.knows_earlier_runs
    }

    /// The intents whose fate is not known.
    pub fn open_intents(&self) -> Vec<Intent> {
        self.intents
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
        self.intents.iter().any(|(intent, fate)| {
            intent.digest == digest
                && intent.policy == change.policy
                && intent.verb == last.verb
                && intent.body == body
                && matches!(fate, Fate::Done(_))
        })
    }

    /// What the gates may know of earlier runs.
    pub fn remembered(&self) -> Remembered {
        remembered(&self.intents)
    }

    /// Whether a run of the plan with that digest came to its end.
    pub fn has_finished(&self, digest: &str) -> bool {
        self.finished.contains(digest)
    }

    /// Says that everything of a plan was done and read back.
    ///
    /// # Errors
    /// When it could not be written; running the plan again then finds nothing left to do.
    pub fn finish(&mut self, digest: &str) -> Result<(), JournalError> {
        self.finished.insert(digest.to_owned());
        self.append(Entry::Finished {
            digest: digest.to_owned(),
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
        take_in(&mut self.intents, entry);
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

fn take_in(intents: &mut Vec<(Intent, Fate)>, entry: Entry) {
    let (intent, fate) = match entry {
        Entry::Intent(intent) => return intents.push((intent, Fate::Open)),
        Entry::Done { intent, id } => (intent, Fate::Done(id)),
        Entry::NotDone { intent, .. } => (intent, Fate::NotDone),
        Entry::Finished { .. } => return,
    };
    if let Some((_, was)) = intents.iter_mut().find(|(known, _)| known.intent == intent) {
        *was = fate;
    }
}

fn remembered(intents: &[(Intent, Fate)]) -> Remembered {
    let mut remembered = Remembered::default();
    for (intent, fate) in intents {
        let Fate::Done(id) = fate else { continue };
        let Some(id) = id.as_ref().or(intent.id.as_ref()) else {
            continue;
        };
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

/// A tenant id as a file name, whatever somebody wrote there.
pub(super) fn file_name(tenant: &Id) -> String {
    tenant
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}
