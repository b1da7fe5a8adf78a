//! What somebody else changed, as a document and as text.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::plan_document::{FieldRow, NoteRow, SourceRow, TenantRow, field_row, source_row};
use super::plan_text::{moment, render_field};
use super::style::Paint;
use super::visible::visible_value;
use crate::plan::drift::{Author, ChangedGroup, Drift, Drifted, Event, Foreign, Pending};

/// What `drift --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftDocument {
    /// The version of the document; always the first key.
    pub format_version: String,
    /// The tenant.
    pub tenant: TenantRow,
    /// The tenant's clock when it was read.
    pub taken_at: String,
    /// Whether the directory audit could be read; without it nobody knows who it was.
    pub audit: bool,
    /// What somebody else changed.
    pub drift: Vec<DriftRow>,
    /// What the YAML says and nobody applied yet.
    pub pending: Vec<PendingRow>,
    /// The policies that nobody here manages.
    pub unmanaged: Vec<ForeignRow>,
    /// What is worth knowing and is no drift.
    pub notes: Vec<NoteRow>,
    /// Counts.
    pub summary: DriftSummary,
}

/// A managed policy that somebody else changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftRow {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// The live policy's id, or that of the one that is gone.
    pub id: Option<String>,
    /// `changed`, `deleted` or `members`.
    pub kind: String,
    /// How it is known which side changed: `journal`, `audit` or `nothing`.
    pub known_by: String,
    /// What it held, and what it holds now.
    pub fields: Vec<FieldRow>,
    /// The groups that it excludes and whose members changed.
    pub groups: Vec<GroupRow>,
    /// Who did it, newest first.
    pub events: Vec<EventRow>,
    /// Where the policy stands in the workspace.
    pub source: SourceRow,
}

/// An excluded group whose members changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Its name.
    pub group: String,
    /// How many came in; `null` when it is not known who was in it.
    pub joined: Option<usize>,
    /// How many went out; `null` when it is not known who was in it.
    pub left: Option<usize>,
    /// Who came in, by name where people may be named and by id elsewhere.
    pub joined_names: Vec<String>,
    /// Who went out, in the same way.
    pub left_names: Vec<String>,
    /// What the audit says, newest first.
    pub events: Vec<EventRow>,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// When.
    pub at: String,
    /// What, in the service's words.
    pub activity: String,
    /// Who; `null` when the audit does not say, or people are not to be named.
    pub by: Option<String>,
    /// `person`, `application` or `unknown`.
    pub by_kind: String,
}

/// A policy of which the YAML says something that nobody applied yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRow {
    /// The policy's key.
    pub policy: String,
    /// Its display name.
    pub name: String,
    /// What it is, and what the YAML says; empty when it is to be created.
    pub fields: Vec<FieldRow>,
    /// Where the policy stands in the workspace.
    pub source: SourceRow,
}

/// A policy that nobody here manages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignRow {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its state; `null` when it cannot be read.
    pub state: Option<String>,
    /// When it was created.
    pub created_at: Option<String>,
    /// Who created it; `null` when the audit does not say, or people are not to be named.
    pub created_by: Option<String>,
    /// `person`, `application` or `unknown`.
    pub by_kind: String,
    /// Whether an apply of this store wrote it, so that only its file is missing.
    pub ours: bool,
}

/// How much of each there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftSummary {
    /// Policies that somebody else changed.
    pub drift: usize,
    /// Policies of which the YAML is not applied.
    pub pending: usize,
    /// Policies that nobody here manages.
    pub unmanaged: usize,
}

impl DriftDocument {
    /// Makes the document.
    pub fn new(drift: &Drift) -> Self {
        Self {
            format_version: super::plan_document::FORMAT_VERSION.to_owned(),
            tenant: TenantRow {
                name: drift.tenant.clone(),
                id: drift.tenant_id.to_string(),
                domain: drift.domain.clone(),
            },
            taken_at: drift.taken_at.to_string(),
            audit: drift.audited,
            drift: drift.drifted.iter().map(drift_row).collect(),
            pending: drift.pending.iter().map(pending_row).collect(),
            unmanaged: drift.unmanaged.iter().map(foreign_row).collect(),
            notes: drift
                .notes
                .iter()
                .map(|note| NoteRow {
                    code: note.code.to_owned(),
                    message: note.message.clone(),
                    policy: note.policy.clone(),
                })
                .collect(),
            summary: DriftSummary {
                drift: drift.drifted.len(),
                pending: drift.pending.len(),
                unmanaged: drift.unmanaged.len(),
            },
        }
    }
}

fn drift_row(drifted: &Drifted) -> DriftRow {
    DriftRow {
        policy: drifted.policy.clone(),
        name: drifted.name.clone(),
        id: drifted.id.as_ref().map(ToString::to_string),
        kind: drifted.kind.word().to_owned(),
        known_by: drifted.known_by.word().to_owned(),
        fields: drifted.fields.iter().map(field_row).collect(),
        groups: drifted.groups.iter().map(group_row).collect(),
        events: drifted.events.iter().map(event_row).collect(),
        source: source_row(&drifted.source),
    }
}

fn group_row(group: &ChangedGroup) -> GroupRow {
    GroupRow {
        group: group.name.clone(),
        joined: group.joined.as_ref().map(Vec::len),
        left: group.left.as_ref().map(Vec::len),
        joined_names: group.joined.clone().unwrap_or_default(),
        left_names: group.left.clone().unwrap_or_default(),
        events: group.events.iter().map(event_row).collect(),
    }
}

fn event_row(event: &Event) -> EventRow {
    let (by, by_kind) = author(&event.by);
    EventRow {
        at: event.at.to_string(),
        activity: event.activity.clone(),
        by,
        by_kind,
    }
}

fn author(author: &Author) -> (Option<String>, String) {
    let (by, kind) = match author {
        Author::Person(name) => (Some(name.clone()), "person"),
        Author::SomePerson => (None, "person"),
        Author::Application(name) => (Some(name.clone()), "application"),
        Author::Unknown => (None, "unknown"),
    };
    (by, kind.to_owned())
}

fn pending_row(pending: &Pending) -> PendingRow {
    PendingRow {
        policy: pending.policy.clone(),
        name: pending.name.clone(),
        fields: pending.fields.iter().map(field_row).collect(),
        source: source_row(&pending.source),
    }
}

fn foreign_row(foreign: &Foreign) -> ForeignRow {
    let (created_by, by_kind) = author(foreign.by.as_ref().unwrap_or(&Author::Unknown));
    ForeignRow {
        id: foreign.id.as_ref().map(ToString::to_string),
        name: foreign.name.clone(),
        state: foreign.state.map(|state| state.word().to_owned()),
        created_at: foreign.created.map(|created| created.to_string()),
        created_by,
        by_kind,
        ours: foreign.ours,
    }
}

/// Renders what somebody else changed.
pub fn render(document: &DriftDocument, color: bool) -> String {
    // Names come from the tenant, where others than administrators choose them.
    let shown = serde_json::to_value(document).map(visible_value);
    let shown = shown.and_then(serde_json::from_value);
    let document: &DriftDocument = shown.as_ref().unwrap_or(document);
    let paint = Paint::new(color);
    let mut out = String::new();
    let domain = document.tenant.domain.as_ref();
    let domain = domain.map_or_else(String::new, |domain| format!("{domain}, "));
    let _ = writeln!(
        out,
        "Tenant {} ({domain}{}) as of {}",
        paint.bold(&document.tenant.name),
        document.tenant.id,
        moment(&document.taken_at)
    );
    for drifted in &document.drift {
        render_drifted(drifted, document.audit, paint, &mut out);
    }
    if !document.pending.is_empty() {
        out.push_str("\nNot applied yet, which is no drift:\n");
        for pending in &document.pending {
            let _ = writeln!(out, "    {} ({})", pending.policy, pending.source.file);
            if pending.fields.is_empty() {
                let _ = writeln!(out, "      it is to be created");
            }
            for field in &pending.fields {
                render_field(field, paint, &mut out);
            }
        }
    }
    if !document.unmanaged.is_empty() {
        let _ = writeln!(
            out,
            "\nUnmanaged, and no drift ({}):",
            document.unmanaged.len()
        );
        for foreign in &document.unmanaged {
            render_foreign(foreign, &mut out);
        }
    }
    for note in &document.notes {
        let about = note.policy.as_ref();
        let about = about.map_or_else(String::new, |policy| format!("{policy}: "));
        let _ = writeln!(out, "\n{} {about}{}", paint.yellow("note:"), note.message);
    }
    let _ = writeln!(out, "\n{}", summary(document, paint));
    out
}

fn render_drifted(drifted: &DriftRow, audit: bool, paint: Paint, out: &mut String) {
    let (sign, headline) = match (drifted.kind.as_str(), drifted.known_by.as_str()) {
        ("deleted", "nothing") => (paint.red("-"), "is gone"),
        ("deleted", _) => (paint.red("-"), "was deleted"),
        ("members", _) => (paint.yellow("~"), "excludes other people than it did"),
        (_, "nothing") => (
            paint.yellow("~"),
            "is not what the YAML says; which side changed is not known",
        ),
        _ => (paint.yellow("~"), "was changed"),
    };
    let _ = writeln!(
        out,
        "\n{sign} {} \"{}\" {headline}",
        paint.bold(&drifted.policy),
        drifted.name
    );
    let source = format!("{}:{}", drifted.source.file, drifted.source.line);
    let _ = writeln!(out, "    {}", paint.dim(source));
    for field in &drifted.fields {
        render_field(field, paint, out);
    }
    for event in &drifted.events {
        let _ = writeln!(out, "    {}", sentence(event));
    }
    if drifted.events.is_empty() && drifted.kind != "members" {
        out.push_str(if audit {
            "    who it was the directory audit does not say\n"
        } else {
            "    who it was is not known: the directory audit could not be read\n"
        });
    }
    for group in &drifted.groups {
        render_group(group, paint, out);
    }
    if drifted.known_by == "audit" {
        out.push_str(
            "    told by the audit alone: the journal of this store does not know the policy, and a write of ours from elsewhere looks the same\n",
        );
    }
}

fn render_group(group: &GroupRow, paint: Paint, out: &mut String) {
    let mut parts = Vec::new();
    let mut part = |sign: String, names: &[String]| {
        if !names.is_empty() {
            parts.push(format!("{sign} {} ({})", names.len(), names.join(", ")));
        }
    };
    part(paint.green("+"), &group.joined_names);
    part(paint.red("-"), &group.left_names);
    if group.joined.is_none() {
        parts.push("changed".to_owned());
    }
    let _ = writeln!(
        out,
        "      members of {}: {}",
        group.group,
        parts.join("  ")
    );
    for event in &group.events {
        let _ = writeln!(out, "        {}", sentence(event));
    }
}

fn sentence(event: &EventRow) -> String {
    format!(
        "by {} at {}: {}",
        name(event.by.as_deref(), &event.by_kind),
        moment(&event.at),
        event.activity
    )
}

fn name<'a>(by: Option<&'a str>, kind: &str) -> &'a str {
    match (by, kind) {
        (Some(by), _) => by,
        (None, "person") => "a person (--show-people says who)",
        (None, _) => "somebody",
    }
}

fn render_foreign(foreign: &ForeignRow, out: &mut String) {
    let state = foreign.state.as_deref().unwrap_or("unreadable");
    let _ = write!(out, "    {} ({state})", foreign.name);
    if foreign.ours {
        out.push_str(", written by an apply of this store: its file is missing");
    } else {
        if let Some(at) = &foreign.created_at {
            let _ = write!(out, ", created {}", moment(at));
        }
        if foreign.by_kind != "unknown" {
            let who = name(foreign.created_by.as_deref(), &foreign.by_kind);
            let _ = write!(out, " by {who}");
        }
    }
    out.push('\n');
}

fn summary(document: &DriftDocument, paint: Paint) -> String {
    let DriftSummary {
        drift,
        pending,
        unmanaged,
    } = &document.summary;
    let tail = format!("{pending} not applied yet, {unmanaged} unmanaged.");
    match drift {
        0 => format!("{} {tail}", paint.bold("No drift.")),
        1 => format!(
            "{} 1 policy is not as it was left; {tail}\n`portcullis plan` shows what applying the YAML would put right.",
            paint.red("Drift:")
        ),
        many => format!(
            "{} {many} policies are not as they were left; {tail}\n`portcullis plan` shows what applying the YAML would put right.",
            paint.red("Drift:")
        ),
    }
}
