//! The parts of a plan.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Source;
use crate::model::{Id, Origin, Policy, State, WantedState};

/// What becomes of a policy: the most consequential of all that is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is created, never enforced.
    Create,
    /// Its content changes, or it goes from off to report-only.
    Update,
    /// It is turned on.
    Promote,
    /// It is turned on again after somebody lowered it.
    Restore,
    /// It goes from on to report-only.
    Demote,
    /// It is switched off.
    Disable,
    /// It is deleted.
    Delete,
    /// Nothing is written.
    None,
}

impl Action {
    /// The action as it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Promote => "promote",
            Self::Restore => "restore",
            Self::Demote => "demote",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::None => "none",
        }
    }

    /// Lowering comes first and deleting last: at no moment is anything stricter than at the end.
    pub(super) fn order(self) -> u8 {
        match self {
            Self::Demote | Self::Disable => 0,
            Self::Create => 1,
            Self::Update => 2,
            Self::Promote | Self::Restore => 3,
            Self::Delete => 4,
            Self::None => 5,
        }
    }
}

/// Which way a change moves what is asked of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// More is asked of somebody, and less of nobody.
    Strengthens,
    /// Less is asked of somebody, and more of nobody.
    Weakens,
    /// Nothing is asked of anybody that was not before.
    Neutral,
    /// It cannot be told from the shape of the change; it counts as stricter (rule 1).
    Unknown,
}

impl Effect {
    /// The effect as it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Strengthens => "strengthens",
            Self::Weakens => "weakens",
            Self::Neutral => "neutral",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that is wanted and not done yet, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The gate that holds it.
    pub gate: String,
    /// Why.
    pub reason: String,
    /// The earliest moment at which that gate can pass.
    pub until: Option<Timestamp>,
}

/// A field that changes, in names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Where it stands in the YAML.
    pub path: String,
    /// What it holds; `null` for nothing.
    pub before: Value,
    /// What it is to hold; `null` for nothing.
    pub after: Value,
    /// Who says so.
    pub origin: Origin,
}

/// One request that changes the tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// What it does.
    pub verb: Verb,
    /// The exact body; `null` for a deletion.
    pub body: Value,
    /// The fingerprint of what is live afterwards; `None` when nothing is.
    pub outcome: Option<String>,
    /// The state that is live afterwards; `None` when nothing is.
    pub state: Option<State>,
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// POST
    Create,
    /// PATCH
    Update,
    /// DELETE
    Delete,
    /// POST of the way back from the recycle bin
    Restore,
}

/// What becomes of one managed policy.
#[derive(Debug, Clone)]
pub struct Change {
    /// The policy's key.
    pub policy: String,
    /// Its display name, as wanted.
    pub name: String,
    /// The live policy's id, when there is one.
    pub id: Option<Id>,
    /// What becomes of it.
    pub action: Action,
    /// The state it has.
    pub from_state: WantedState,
    /// The state it is going to have.
    pub to_state: WantedState,
    /// What is wanted and not done yet.
    pub held: Vec<Held>,
    /// The fields that change, or would change were they not held; name and state included.
    pub fields: Vec<FieldChange>,
    /// Which way it moves what is asked of people.
    pub effect: Effect,
    /// Where the policy stands in the workspace.
    pub source: Source,
    /// What a reviewer should know.
    pub notes: Vec<String>,
    /// The fingerprint of what is live now; `None` when nothing is.
    pub before: Option<String>,
    /// The requests, in order.
    pub writes: Vec<Write>,
    /// The fingerprint of every name that was used, with its id and members.
    pub resolved: String,
    /// The fingerprint of the exclusions and their members afterwards; `None` when it is not known.
    pub exclusions: Option<String>,
    /// The policy as it is going to be; `None` after a deletion.
    pub result: Option<Policy<Id>>,
    /// Whether all that is written are missing break-glass exclusions.
    pub adds_break_glass_only: bool,
}

impl Change {
    /// Whether it writes something, and all it writes lowers, deletes or adds break-glass exclusions.
    pub fn only_improves(&self) -> bool {
        match self.action {
            Action::Demote | Action::Disable | Action::Delete => self
                .writes
                .iter()
                .all(|write| write.verb == Verb::Delete || lowers_only(&write.body)),
            Action::Update => self.adds_break_glass_only,
            Action::Create | Action::Promote | Action::Restore | Action::None => false,
        }
    }
}

fn lowers_only(body: &Value) -> bool {
    body.as_object()
        .is_some_and(|body| body.keys().all(|key| key == "state"))
}

/// A live policy that nobody here manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmanaged {
    /// Its id.
    pub id: Option<Id>,
    /// Its display name.
    pub name: String,
    /// Its state; `None` when it could not be read.
    pub state: Option<State>,
    /// The key of the policy that would be created beside it although it looks the same.
    pub candidate_for: Option<String>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
}

/// Why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The guard's id.
    pub guard: &'static str,
    /// The policy's key, when it is about one.
    pub policy: Option<String>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where the workspace says so.
    pub source: Option<Source>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whether nothing in the YAML can waive it.
    pub absolute: bool,
}

impl Refusal {
    /// A refusal that nothing can waive.
    pub fn absolute(guard: &'static str, message: impl Into<String>) -> Self {
        Self {
            guard,
            policy: None,
            message: message.into(),
            source: None,
            help: None,
            absolute: true,
        }
    }

    /// A refusal that the YAML can lift.
    pub fn liftable(guard: &'static str, message: impl Into<String>) -> Self {
        Self {
            absolute: false,
            ..Self::absolute(guard, message)
        }
    }

    /// Says which policy it is about.
    #[must_use]
    pub fn policy(mut self, key: &str) -> Self {
        self.policy = Some(key.to_owned());
        self
    }

    /// Says where the workspace says so.
    #[must_use]
    pub fn at(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Something worth knowing that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// A stable word for it.
    pub code: &'static str,
    /// What it is, as a sentence without a full stop.
    pub message: String,
    /// The policy's key, when it is about one.
    pub policy: Option<String>,
}
