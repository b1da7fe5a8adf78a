//! `portcullis promote`

use std::path::{Path, PathBuf};

use super::apply::{Consent, apply};
use super::error::{CommandError, ErrorKind};
use super::plan::{known_key, remembered};
use super::session::Session;
use super::status::weighed;
use super::ui::Ui;
use super::{Global, Success};
use crate::evidence::Bundle;
use crate::model::{Emergency, PromotionRecord, State, WantedState};
use crate::plan::SavedOptions;
use crate::report::Paint;
use crate::report::status::{GateRow, earliest, gate_rows, render_gates};
use crate::report::text_diff;
use crate::rollout::{Gate, Verdict, holding};
use crate::store::write_atomic;
use crate::tenant::Lookups;
use crate::workspace::{record_path, record_yaml, set_state};

/// Weigh the gates of a policy; when they pass, set it to on in the YAML and write the record.
///
/// The tenant is not changed: the edit and the record are reviewed like code, and `apply` turns the
/// policy on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy's key.
    key: String,
    /// Also turn the policy on, after its key was typed.
    #[arg(long)]
    apply: bool,
    /// Skip evidence and soak; guards are never skipped. The policy has to be weighed within 72 hours.
    #[arg(long, requires = "reason")]
    emergency: bool,
    /// Why evidence and soak are skipped; goes into the record.
    #[arg(long, value_name = "TEXT", requires = "emergency", value_parser = one_line)]
    reason: Option<String>,
}

#[derive(serde::Serialize)]
struct Document<'a> {
    format_version: &'static str,
    policy: &'a str,
    promoted: bool,
    gates: &'a [GateRow],
    record: Option<String>,
    bundle: &'a str,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, true)?;
    known_key(&session, &args.key)?;
    let policy = &session.desired.policies[&args.key];
    let lookups = Lookups::of(&session.desired, &[&args.key]);
    let snapshot = session.read(&lookups, ui).await?;
    session.say_tenant(snapshot.tenant.domain.as_deref(), ui);
    let remembered = remembered(&session, &snapshot)?;
    let (bundle, gates) = match weighed(&session, policy, &snapshot, &remembered) {
        Ok(weighed) => weighed,
        Err(refusal) => {
            ui.aside(&session.refusals(std::slice::from_ref(&refusal), ui.color_err()));
            return Err(CommandError::of(
                ErrorKind::Refused,
                format!("{} cannot be weighed", args.key),
            ));
        }
    };
    if bundle
        .live
        .as_ref()
        .is_some_and(|live| live.state == State::On)
        && bundle.differences.is_empty()
        && policy.state.as_ref().map(|state| state.value) == Some(WantedState::On)
        && !is_emergency(&session, &args.key)
    {
        if global.json {
            ui.json(&Document {
                format_version: "1.0",
                policy: &args.key,
                promoted: false,
                gates: &gate_rows(&gates),
                record: None,
                bundle: &bundle.fingerprint(),
            })?;
        } else {
            ui.result(&format!(
                "{} is on already; there is nothing to promote.",
                args.key
            ));
        }
        return Ok(Success::Done);
    }
    let gates: Vec<Gate> = gates
        .into_iter()
        .map(|gate| skipped(gate, args.emergency))
        .collect();
    let rows = gate_rows(&gates);
    let held: Vec<&Gate> = holding(&gates).collect();
    let fingerprint = bundle.fingerprint();
    keep(&session, &bundle, &fingerprint)?;
    if !held.is_empty() {
        if global.json {
            ui.json(&Document {
                format_version: "1.0",
                policy: &args.key,
                promoted: false,
                gates: &rows,
                record: None,
                bundle: &fingerprint,
            })?;
        } else {
            ui.result(&render_gates(&rows, ui.color()));
        }
        return Err(refusal(&args.key, &held, &gates));
    }
    let record = record(args, &bundle, &gates, fingerprint.clone())?;
    let (path, edit) = write(&session, &args.key, &record)?;
    if !global.json {
        let paint = Paint::new(ui.color());
        let mut text = render_gates(&rows, ui.color());
        let live = bundle.live.as_ref().map(|live| live.state);
        let what = if live == Some(State::On) {
            "is on, and was weighed anew"
        } else {
            "may be turned on"
        };
        text.push_str(&format!(
            "\n{} {} {what}. Written for review: {path}\n",
            paint.green("Passed."),
            args.key
        ));
        if let Some(edit) = &edit {
            text.push_str(&edit.diff(session.workspace.root(), ui.color()));
        }
        if !args.apply && live != Some(State::On) {
            let tenant = session.tenant_option();
            text.push_str(&format!("Turn it on with: portcullis apply{tenant}\n"));
        }
        ui.result(&text);
    }
    if args.apply && is_typed(&args.key, ui) {
        // In JSON there is one document, and it is that of the apply.
        return turn_on(args, global, ui).await;
    }
    if global.json {
        ui.json(&Document {
            format_version: "1.0",
            policy: &args.key,
            promoted: true,
            gates: &rows,
            record: Some(path),
            bundle: &fingerprint,
        })?;
    }
    if args.apply {
        return Err(CommandError::new(format!(
            "{} was not turned on: its key was not typed",
            args.key
        ))
        .hint("the YAML and the record are written; `portcullis apply` turns it on"));
    }
    Ok(Success::Done)
}

/// A reason that says something, as the one line that it is everywhere.
fn one_line(text: &str) -> Result<String, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err("it is empty: say why".into());
    }
    Ok(words.join(" "))
}

fn is_typed(key: &str, ui: &Ui) -> bool {
    let question = format!("Type {key} to turn it on now:");
    ui.ask(&question).as_deref() == Some(key)
}

fn is_emergency(session: &Session, key: &str) -> bool {
    session
        .desired
        .records
        .get(key)
        .is_some_and(|record| record.value.emergency.is_some())
}

/// In an emergency the gates that need time say so instead of holding.
fn skipped(gate: Gate, emergency: bool) -> Gate {
    if emergency && matches!(gate.gate, "soak" | "unchanged") && gate.verdict.holds() {
        return Gate {
            verdict: Verdict::Warn,
            reason: format!("skipped in an emergency: {}", gate.reason),
            until: None,
            ..gate
        };
    }
    gate
}

fn refusal(key: &str, held: &[&Gate], gates: &[Gate]) -> CommandError {
    let names: Vec<&str> = held.iter().map(|gate| gate.gate).collect();
    let word = if names.len() == 1 { "gate" } else { "gates" };
    let mut error = CommandError::of(
        ErrorKind::Refused,
        format!("{key} is held by the {word} {}", names.join(", ")),
    );
    for gate in held {
        error = error.hint(format!("{}: {}", gate.gate, gate.reason));
    }
    if let Some(until) = earliest(gates) {
        error = error.hint(format!("the earliest date is {until}"));
    }
    error.hint("nothing was written")
}

/// The bundle goes into the store under its fingerprint: it names people, so it is no file for review.
fn keep(session: &Session, bundle: &Bundle, fingerprint: &str) -> Result<(), CommandError> {
    let json = serde_json::to_vec_pretty(bundle)
        .map_err(|error| CommandError::new(format!("the evidence is no JSON: {error}")))?;
    let name = fingerprint.trim_start_matches("sha256:");
    session
        .store
        .write(format!("evidence/{name}.json"), &json)
        .map_err(|error| CommandError::new(format!("cannot keep the evidence: {error}")))?;
    Ok(())
}

fn record(
    args: &Args,
    bundle: &Bundle,
    gates: &[Gate],
    fingerprint: String,
) -> Result<PromotionRecord, CommandError> {
    let missing = |what: &str| {
        CommandError::of(
            ErrorKind::Refused,
            format!("{} cannot be recorded: {what}", args.key),
        )
    };
    let live = bundle
        .live
        .as_ref()
        .ok_or_else(|| missing("it is not live"))?;
    Ok(PromotionRecord {
        policy: args.key.clone(),
        tenant_id: bundle.tenant_id.clone(),
        policy_id: live.id.clone(),
        content: live.content.clone(),
        exclusions: bundle
            .exclusions
            .fingerprint
            .clone()
            .ok_or_else(|| missing("who is excluded is not known completely"))?,
        live_modified: live
            .unchanged_since
            .ok_or_else(|| missing("the service gave no time of its last change"))?,
        weighed_at: bundle.taken_at,
        bundle: fingerprint,
        gates: gates
            .iter()
            .map(|gate| (gate.gate.to_owned(), gate.verdict.word().to_owned()))
            .collect(),
        emergency: args
            .emergency
            .then(|| args.reason.clone())
            .flatten()
            .map(|reason| Emergency { reason }),
    })
}

/// Writes the record first and the state last: a record without `state: on` does nothing.
fn write(
    session: &Session,
    key: &str,
    record: &PromotionRecord,
) -> Result<(String, Option<Edit>), CommandError> {
    let tenant = &session.desired.tenant.name;
    let path = session.workspace.root().join(record_path(tenant, key));
    let cannot = |path: &Path, error: &dyn std::fmt::Display| {
        CommandError::new(format!("cannot write {}: {error}", path.display()))
    };
    let edit = edit_state(session, key, State::On)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| cannot(parent, &error))?;
    }
    write_atomic(&path, record_yaml(record).as_bytes()).map_err(|error| cannot(&path, &error))?;
    if let Some(edit) = &edit {
        write_atomic(&edit.file, edit.after.as_bytes())
            .map_err(|error| cannot(&edit.file, &error))?;
    }
    Ok((shown(session.workspace.root(), &path), edit))
}

/// A file that is about to be written.
pub(super) struct Edit {
    pub(super) file: PathBuf,
    before: String,
    pub(super) after: String,
}

impl Edit {
    /// What it changes, as a reviewer reads it.
    fn diff(&self, root: &Path, color: bool) -> String {
        text_diff::render(&shown(root, &self.file), &self.before, &self.after, color)
    }
}

/// The policy file with another state, or `None` when it says so already.
///
/// With one tenant declared the policy's own `state` is meant, unless the tenant's hides it; with several
/// that of the tenant.
pub(super) fn edit_state(
    session: &Session,
    key: &str,
    state: State,
) -> Result<Option<Edit>, CommandError> {
    let workspace = &session.workspace;
    let Some(file) = workspace.policy_file(key) else {
        return Err(CommandError::new(format!("the file of {key} is not known")));
    };
    let before = std::fs::read_to_string(file)
        .map_err(|error| CommandError::new(format!("cannot read {}: {error}", file.display())))?;
    let tenant = workspace.state_below(key, &session.desired.tenant.name);
    let after = set_state(&before, &shown(workspace.root(), file), tenant, state)
        .map_err(|error| CommandError::new(format!("the YAML was not changed: {error}")))?;
    Ok((after != before).then(|| Edit {
        file: file.to_owned(),
        before,
        after,
    }))
}

/// A file as the user would name it, relative to the workspace.
pub(super) fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root)
        .unwrap_or(file)
        .to_string_lossy()
        .replace('\\', "/")
}

/// `--apply`: the workspace is read again, for it just changed, and only this policy is applied.
async fn turn_on(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, true)?;
    let options = SavedOptions {
        only: Some(glob::Pattern::escape(&args.key)),
        ..SavedOptions::default()
    };
    apply(&session, None, Consent::Given, options, global, ui).await
}
