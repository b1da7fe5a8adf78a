//! `portcullis import`

mod exports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use exports::from_exports;

use super::error::CommandError;
use super::plan::remembered;
use super::session::{Session, load_workspace};
use super::ui::Ui;
use super::{Global, Success};
use crate::diagnostic::Severity;
use crate::import::{Composed, LeftAlone, Task, candidates, compose, propose};
use crate::plan::{PlanOptions, plan};
use crate::report::{text_diff, visible};
use crate::store::write_atomic;
use crate::tenant::{Found, Handle, Lookups, Reference, Snapshot};
use crate::workspace::{Workspace, load_with};

/// Write the tenant's live policies as YAML; the plan after it is empty.
///
/// A policy that a file manages already keeps its file: comments, order and everything that did not change
/// in the tenant stay as they are, to the byte. Nothing is ever deleted, and the tenant is not written to.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the policies whose display name or key matches.
    #[arg(value_name = "GLOB")]
    only: Option<glob::Pattern>,
    /// Read exports instead of a tenant: a folder of Graph JSON, or a Terraform state or plan in JSON.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Document {
    format_version: &'static str,
    tenant: Option<String>,
    dry_run: bool,
    files: Vec<FileRow>,
    left_alone: Vec<LeftAlone>,
    summary: Summary,
}

#[derive(serde::Serialize)]
struct FileRow {
    policy: Option<String>,
    name: Option<String>,
    file: String,
    action: &'static str,
    notes: Vec<String>,
}

#[derive(serde::Serialize)]
struct Summary {
    created: usize,
    updated: usize,
    unchanged: usize,
    left_alone: usize,
}

/// What is to be written, and what is not.
struct Outcome {
    files: Vec<Composed>,
    left: Vec<LeftAlone>,
    /// The configuration with proposals, when there are new ones.
    config: Option<Composed>,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let (tenant, root, outcome) = match &args.from {
        Some(from) => {
            let (workspace, _) = load_workspace(global, ui)?;
            let outcome = from_exports(args, from, &workspace, global)?;
            (None, workspace.root().to_owned(), outcome)
        }
        None => {
            let session = Session::begin(global, ui, true)?;
            let outcome = from_tenant(args, &session, global, ui).await?;
            let tenant = session.desired.tenant.name.clone();
            (Some(tenant), session.workspace.root().to_owned(), outcome)
        }
    };
    if !args.dry_run {
        for file in outcome.files.iter().chain(&outcome.config) {
            write(&root, file)?;
        }
    }
    show(tenant, outcome, args, global, ui)
}

/// Writes a file, unless it is not what it was when the import began: what somebody wrote meanwhile stays.
fn write(root: &Path, file: &Composed) -> Result<(), CommandError> {
    if file.before.as_ref() == Some(&file.text) {
        return Ok(());
    }
    let path = root.join(&file.path);
    let failed = |error: std::io::Error| {
        CommandError::new(format!("cannot write {}: {error}", path.display()))
            .hint("what was written before it stays; run the import again")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let there = match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if there.as_deref() != file.before.as_deref().map(str::as_bytes) {
        let happened = match (&file.before, &there) {
            (None, _) => "appeared",
            (Some(_), None) => "was removed",
            (Some(_), Some(_)) => "was edited",
        };
        return Err(CommandError::new(format!(
            "{} {happened} while the import ran; nothing was written over it",
            path.display()
        ))
        .hint("what was written before it stays; run the import again"));
    }
    write_atomic(&path, file.text.as_bytes()).map_err(failed)
}

async fn from_tenant(
    args: &Args,
    session: &Session,
    global: &Global,
    ui: &Ui,
) -> Result<Outcome, CommandError> {
    let desired = &session.desired;
    let only = args.only.as_ref().or(global.policy.as_ref());
    let connection = session.connect(ui).await?;
    let own = Lookups::of(desired, &[]);
    // The names are read first and looked up then: a name is written only if it means that one object.
    let read = async {
        use crate::tenant::ReadTenant as _;
        let principals = desired.principals.values();
        let principals = principals.filter_map(|principal| principal.target.as_ref());
        let mut lookups = Lookups {
            describe_all: true,
            ..own.clone()
        };
        lookups
            .references
            .extend(principals.map(|target| Reference {
                kind: target.kind,
                text: target.name.text.clone(),
            }));
        let first = connection.tenant.snapshot(&lookups).await?;
        let cloud = &desired.tenant.cloud;
        lookups
            .references
            .extend(candidates(&first.policies, cloud, &first));
        lookups.managed.extend(
            first
                .policies
                .iter()
                .map(|live| Handle::Id(live.id.clone())),
        );
        connection.tenant.snapshot(&lookups).await
    };
    let snapshot = ui.patiently("reading the tenant", read).await;
    connection.close().await;
    let mut snapshot = snapshot?;
    find_ids(&mut snapshot);
    let task = Task {
        workspace: &session.workspace,
        texts: &session.texts,
        desired,
        snapshot: &snapshot,
        only,
    };
    let (mut files, mut left) = compose(&task);
    keep_what_plans_empty(&mut files, &mut left, session, &snapshot, global)?;
    let config = proposals(session, &snapshot, global);
    Ok(Outcome {
        files,
        left,
        config,
    })
}

/// An id that a file holds is found like a name: as the object that was read with it, or as nothing.
fn find_ids(snapshot: &mut Snapshot) {
    let mut ids = BTreeSet::new();
    for live in &snapshot.policies {
        for (place, id) in live.policy.references() {
            ids.insert((place.kind, id.clone()));
        }
    }
    for (kind, id) in ids {
        if snapshot.found(kind, id.as_str()).is_some() {
            continue;
        }
        let by_name = snapshot.found.iter().flat_map(|found| &found.objects);
        let object = by_name
            .chain(snapshot.objects.get(&id))
            .find(|object| object.kind == kind && object.id == id)
            .cloned();
        snapshot.found.push(Found {
            reference: Reference {
                kind,
                text: id.to_string(),
            },
            objects: object.into_iter().collect(),
        });
    }
}

/// Plans with the files as they would be, and drops those whose plan would not be empty.
fn keep_what_plans_empty(
    files: &mut Vec<Composed>,
    left: &mut Vec<LeftAlone>,
    session: &Session,
    snapshot: &Snapshot,
    global: &Global,
) -> Result<(), CommandError> {
    let workspace = keep_what_is_valid(files, left, global)?;
    let tenant = &session.desired.tenant.name;
    let desired = workspace
        .desired(tenant)
        .map_err(|findings| broken(findings.first().map(|finding| finding.message.as_str())))?;
    let remembered = remembered(session, snapshot)?;
    let plan = plan(&desired, snapshot, &remembered, &PlanOptions::default());
    files.retain(|file| {
        // What the next plan adds to a file that is there already is rule 2, and said in its notes.
        let refusal = plan
            .refusals
            .iter()
            .find(|refusal| refusal.policy.as_deref() == Some(&file.key));
        let change = plan.changes.iter().find(|change| change.policy == file.key);
        let reason = match (refusal, change) {
            (Some(refusal), _) => refusal.message.clone(),
            (None, Some(change)) if change.writes.is_empty() || change.adds_break_glass_only => {
                return true;
            }
            (None, change) => {
                let fields = change.into_iter().flat_map(|change| &change.fields);
                would_not_be_empty(fields.map(|field| field.path.as_str()).collect())
            }
        };
        left.push(LeftAlone {
            name: file.name.clone(),
            id: file.id.clone(),
            reason,
        });
        false
    });
    Ok(())
}

fn would_not_be_empty(fields: Vec<&str>) -> String {
    match fields.as_slice() {
        [] => "the plan after it would not be empty".to_owned(),
        fields => format!("the plan after it would change {}", fields.join(", ")),
    }
}

/// Loads the workspace with the files as they would be, and drops those that are not valid.
fn keep_what_is_valid(
    files: &mut Vec<Composed>,
    left: &mut Vec<LeftAlone>,
    global: &Global,
) -> Result<Workspace, CommandError> {
    loop {
        let drafts: BTreeMap<PathBuf, String> = files
            .iter()
            .map(|file| (file.path.clone(), file.text.clone()))
            .collect();
        let loaded = load_with(&global.config, drafts);
        let errors = loaded
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let mut wrong: BTreeMap<String, String> = BTreeMap::new();
        for finding in errors {
            wrong
                .entry(finding.source.file.to_string())
                .or_insert_with(|| finding.message.clone());
        }
        let before = files.len();
        files.retain(|file| {
            let Some(reason) = wrong.get(&shown(&file.path)) else {
                return true;
            };
            left.push(LeftAlone {
                name: file.name.clone(),
                id: file.id.clone(),
                reason: format!("a file cannot say it: {reason}"),
            });
            false
        });
        match loaded.workspace {
            Some(workspace) => return Ok(workspace),
            None if files.len() < before => {}
            None => return Err(broken(wrong.values().next().map(String::as_str))),
        }
    }
}

fn broken(why: Option<&str>) -> CommandError {
    CommandError::new(format!(
        "the workspace would not be valid after the import: {}",
        why.unwrap_or("it cannot be read")
    ))
    .hint("nothing was written; `portcullis validate` checks the workspace as it is")
}

/// A path as findings name it.
fn shown(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn proposals(session: &Session, snapshot: &Snapshot, global: &Global) -> Option<Composed> {
    let name = match global.config.file_name() {
        Some(name) if !global.config.is_dir() => PathBuf::from(name),
        _ => PathBuf::from("portcullis.yaml"),
    };
    let before = session.texts.get(&shown(&name))?;
    let several = session.workspace.tenant_names().count() > 1;
    let text = propose(before, &session.desired, snapshot, several)?;
    Some(Composed {
        key: String::new(),
        name: String::new(),
        id: None,
        path: name,
        before: Some(before.clone()),
        text,
        notes: vec!["proposes principals in comments, for you to declare".into()],
    })
}

fn action(file: &Composed) -> &'static str {
    match &file.before {
        None => "create",
        Some(before) if *before != file.text => "update",
        Some(_) => "none",
    }
}

fn show(
    tenant: Option<String>,
    outcome: Outcome,
    args: &Args,
    global: &Global,
    ui: &Ui,
) -> Result<Success, CommandError> {
    let Outcome {
        files,
        left,
        config,
    } = outcome;
    if let Some(glob) = args
        .only
        .as_ref()
        .or(global.policy.as_ref())
        .filter(|_| files.is_empty() && left.is_empty())
    {
        ui.aside(&format!(
            "warning: no policy has a name or a key that matches {glob}"
        ));
    }
    let count = |word: &str| files.iter().filter(|file| action(file) == word).count();
    let summary = Summary {
        created: count("create"),
        updated: count("update"),
        unchanged: count("none"),
        left_alone: left.len(),
    };
    if global.json {
        let row = |file: &Composed| FileRow {
            policy: Some(file.key.clone()).filter(|key| !key.is_empty()),
            name: Some(file.name.clone()).filter(|name| !name.is_empty()),
            file: shown(&file.path),
            action: action(file),
            notes: file.notes.clone(),
        };
        ui.json(&Document {
            format_version: "1.0",
            tenant,
            dry_run: args.dry_run,
            files: files.iter().chain(&config).map(row).collect(),
            left_alone: left,
            summary,
        })?;
        return Ok(Success::Done);
    }
    let mut out = String::new();
    for file in files.iter().chain(&config) {
        let path = shown(&file.path);
        if args.dry_run {
            let before = file.before.as_deref().unwrap_or_default();
            out.push_str(&text_diff::render(&path, before, &file.text, ui.color()));
        } else if action(file) != "none" {
            let sign = if file.before.is_none() { '+' } else { '~' };
            out.push_str(&format!("{sign} {path}  {}\n", visible(&file.name)));
        }
        for note in &file.notes {
            out.push_str(&format!("    note: {}\n", visible(note)));
        }
    }
    if !left.is_empty() {
        out.push_str(&format!("\nLeft as they are ({}):\n", left.len()));
        for LeftAlone { name, reason, .. } in &left {
            out.push_str(&format!("    {}: {}\n", visible(name), visible(reason)));
        }
    }
    out.push_str(&format!(
        "\n{}: {} new, {} changed, {} unchanged, {} left alone.\n",
        if args.dry_run {
            "Would import"
        } else {
            "Imported"
        },
        summary.created,
        summary.updated,
        summary.unchanged,
        summary.left_alone
    ));
    ui.result(out.trim_start_matches('\n'));
    Ok(Success::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(before: Option<&str>) -> Composed {
        Composed {
            key: "a".into(),
            name: "A".into(),
            id: None,
            path: "policies/a.yaml".into(),
            before: before.map(str::to_owned),
            text: "composed\n".into(),
            notes: Vec::new(),
        }
    }

    /// What writing over `there` says and what the file holds then.
    fn written(before: Option<&str>, there: Option<&str>) -> (Option<String>, Option<String>) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("policies/a.yaml");
        std::fs::create_dir_all(root.path().join("policies")).unwrap();
        if let Some(there) = there {
            std::fs::write(&path, there).unwrap();
        }
        let said = write(root.path(), &composed(before)).err();
        let said = said.map(|error| error.message);
        (said, std::fs::read_to_string(&path).ok())
    }

    #[test]
    fn a_file_that_changed_meanwhile_stays() {
        let composed = Some("composed\n".to_owned());
        assert_eq!(
            written(Some("old\n"), Some("old\n")),
            (None, composed.clone())
        );
        assert_eq!(written(None, None), (None, composed));
        for (before, there, happened) in [
            (
                Some("old\n"),
                Some("edited\n"),
                "policies/a.yaml was edited while",
            ),
            (Some("old\n"), None, "policies/a.yaml was removed while"),
            (None, Some("new\n"), "policies/a.yaml appeared while"),
        ] {
            let (said, holds) = written(before, there);
            assert!(said.clone().unwrap().contains(happened), "{said:?}");
            assert_eq!(holds.as_deref(), there);
        }
    }

    #[test]
    fn a_plan_without_fields_is_said_without_an_end_left_open() {
        assert_eq!(
            would_not_be_empty(Vec::new()),
            "the plan after it would not be empty"
        );
        assert_eq!(
            would_not_be_empty(vec!["state", "grant.controls"]),
            "the plan after it would change state, grant.controls"
        );
    }
}
