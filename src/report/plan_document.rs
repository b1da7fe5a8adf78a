//! The plan as a document: what `--json` prints, what a saved plan carries, what the text is made from.
//!
//! Within a major version fields are only added.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Origin;
use crate::plan::{Action, Change, FieldChange, Plan, Refusal, Unmanaged};

/// The version of the document.
pub const FORMAT_VERSION: &str = "1.0";

/// A plan as a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// The version of the document; always the first key.
    pub format_version: String,
    /// The tenant.
    pub tenant: TenantRow,
    /// The tenant's clock when it was read.
    pub created_at: String,
    /// The snapshot that a rollback goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<BackRow>,
    /// The fingerprint that names this plan in the journal.
    #[serde(default)]
    pub digest: String,
    /// One entry a managed policy.
    pub changes: Vec<ChangeRow>,
    /// Live policies that nobody here manages.
    pub unmanaged: Vec<UnmanagedRow>,
    /// Why nothing may be applied.
    pub refusals: Vec<RefusalRow>,
    /// What is worth knowing.
    pub notes: Vec<NoteRow>,
    /// Counts.
    pub summary: Summary,
}

/// The snapshot that a rollback goes back to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackRow {
    /// Its file.
    pub snapshot: String,
    /// The tenant's clock when it was taken.
    pub taken_at: String,
}

/// The tenant of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantRow {
    /// Its name in the workspace.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its domain, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// What becomes of one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// The live policy's id.
    pub id: Option<String>,
    /// What becomes of it.
    pub action: String,
    /// The state it has.
    pub from_state: String,
    /// The state it is going to have.
    pub to_state: String,
    /// What is wanted and not done yet.
    pub held: Vec<HeldRow>,
    /// The fields that change.
    pub fields: Vec<FieldRow>,
    /// Which way it moves what is asked of people.
    pub effect: String,
    /// Where it stands in the workspace.
    pub source: SourceRow,
    /// What a reviewer should know.
    pub notes: Vec<String>,
}

/// Something that is held back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldRow {
    /// The gate.
    pub gate: String,
    /// Why.
    pub reason: String,
    /// The earliest moment at which the gate can pass.
    pub until: Option<String>,
}

/// A field that changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldRow {
    /// Where it stands in the YAML.
    pub path: String,
    /// What it holds.
    pub before: Value,
    /// What it is to hold.
    pub after: Value,
    /// `file`, `implied` or `default`.
    pub origin: String,
}

/// A place in the workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A policy that nobody here manages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnmanagedRow {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its state; `null` when it could not be read.
    pub state: Option<String>,
    /// The key of the policy that would be created beside it although it looks the same.
    pub candidate_for: Option<String>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
}

/// Why nothing may be applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusalRow {
    /// The guard.
    pub guard: String,
    /// The policy's key.
    pub policy: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where the workspace says so.
    pub source: Option<SourceRow>,
    /// What to do about it.
    #[serde(default)]
    pub help: Option<String>,
    /// Whether nothing in the YAML can waive it.
    #[serde(default)]
    pub absolute: bool,
}

/// What is worth knowing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoteRow {
    /// A stable word.
    pub code: String,
    /// What it is.
    pub message: String,
    /// The policy's key.
    pub policy: Option<String>,
}

/// How many policies become what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// To be created.
    pub create: usize,
    /// To be changed.
    pub update: usize,
    /// To be turned on.
    pub promote: usize,
    /// To be turned on again.
    pub restore: usize,
    /// To go from on to report-only.
    pub demote: usize,
    /// To be switched off.
    pub disable: usize,
    /// To be deleted.
    pub delete: usize,
    /// As they should be.
    pub unchanged: usize,
    /// With something held back.
    pub held: usize,
    /// Managed by nobody here.
    pub unmanaged: usize,
}

impl PlanDocument {
    /// Makes the document of a plan; the digest is filled in when it is known.
    pub fn new(plan: &Plan) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            tenant: TenantRow {
                name: plan.tenant.clone(),
                id: plan.tenant_id.to_string(),
                domain: plan.domain.clone(),
            },
            created_at: plan.created_at.to_string(),
            back_to: plan.back_to.map(|taken_at| BackRow {
                snapshot: String::new(),
                taken_at: taken_at.to_string(),
            }),
            digest: String::new(),
            changes: plan.changes.iter().map(change_row).collect(),
            unmanaged: plan.unmanaged.iter().map(unmanaged_row).collect(),
            refusals: plan.refusals.iter().map(refusal_row).collect(),
            notes: plan
                .notes
                .iter()
                .map(|note| NoteRow {
                    code: note.code.to_owned(),
                    message: note.message.clone(),
                    policy: note.policy.clone(),
                })
                .collect(),
            summary: summary(plan),
        }
    }

    /// The document as JSON.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn summary(plan: &Plan) -> Summary {
    let mut summary = Summary {
        unmanaged: plan.unmanaged.len(),
        ..Summary::default()
    };
    for change in &plan.changes {
        match change.action {
            Action::Create => summary.create += 1,
            Action::Update => summary.update += 1,
            Action::Promote => summary.promote += 1,
            Action::Restore => summary.restore += 1,
            Action::Demote => summary.demote += 1,
            Action::Disable => summary.disable += 1,
            Action::Delete => summary.delete += 1,
            Action::None if change.held.is_empty() => summary.unchanged += 1,
            Action::None => {}
        }
        summary.held += usize::from(!change.held.is_empty());
    }
    summary
}

pub(super) fn source_row(source: &crate::diagnostic::Source) -> SourceRow {
    SourceRow {
        file: source.file.to_string(),
        line: source.line,
    }
}

pub(super) fn field_row(field: &FieldChange) -> FieldRow {
    FieldRow {
        path: field.path.clone(),
        before: field.before.clone(),
        after: field.after.clone(),
        origin: match field.origin {
            Origin::File => "file",
            Origin::Implied => "implied",
            Origin::Default => "default",
        }
        .to_owned(),
    }
}

fn change_row(change: &Change) -> ChangeRow {
    ChangeRow {
        policy: change.policy.clone(),
        name: change.name.clone(),
        id: change.id.as_ref().map(ToString::to_string),
        action: change.action.word().to_owned(),
        from_state: change.from_state.word().to_owned(),
        to_state: change.to_state.word().to_owned(),
        held: change
            .held
            .iter()
            .map(|held| HeldRow {
                gate: held.gate.clone(),
                reason: held.reason.clone(),
                until: held.until.map(|until| until.to_string()),
            })
            .collect(),
        fields: change.fields.iter().map(field_row).collect(),
        effect: change.effect.word().to_owned(),
        source: source_row(&change.source),
        notes: change.notes.clone(),
    }
}

fn unmanaged_row(unmanaged: &Unmanaged) -> UnmanagedRow {
    UnmanagedRow {
        id: unmanaged.id.as_ref().map(ToString::to_string),
        name: unmanaged.name.clone(),
        state: unmanaged.state.map(|state| state.word().to_owned()),
        candidate_for: unmanaged.candidate_for.clone(),
        notes: unmanaged.notes.clone(),
    }
}

fn refusal_row(refusal: &Refusal) -> RefusalRow {
    RefusalRow {
        guard: refusal.guard.to_owned(),
        policy: refusal.policy.clone(),
        message: refusal.message.clone(),
        source: refusal.source.as_ref().map(source_row),
        help: refusal.help.clone(),
        absolute: refusal.absolute,
    }
}
