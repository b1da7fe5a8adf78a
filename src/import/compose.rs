//! From live policies to the texts of policy files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::key::key_of;
use super::spelling::Spelling;
use crate::diff;
use crate::model::{Desired, DesiredPolicy, Id, Kind, LivePolicy, Owner, Policy, WantedState};
use crate::plan::{FoundBy, find};
use crate::tenant::{Problem, Snapshot, Unresolved, Wanted, accounts, implied_exclusions};
use crate::workspace::{
    Draft, Merge, Workspace, Written, merge, policy_yaml, set_state, unknown_words,
};

/// What Microsoft's own policies are called; their template ids are those of many others too.
const MICROSOFT: &str = "microsoft-managed";

/// What to import, and into what.
#[derive(Debug)]
pub struct Task<'a> {
    /// The workspace as it is.
    pub workspace: &'a Workspace,
    /// The texts of its files.
    pub texts: &'a BTreeMap<String, String>,
    /// What it wants of the tenant.
    pub desired: &'a Desired,
    /// The tenant, with everything found that the candidates named.
    pub snapshot: &'a Snapshot,
    /// The policies that are meant, by display name or key; `None` for all.
    pub only: Option<&'a glob::Pattern>,
}

/// A policy file as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// Its key.
    pub key: String,
    /// The display name.
    pub name: String,
    /// The live policy's id, when there is one.
    pub id: Option<Id>,
    /// The file, relative to the workspace.
    pub path: PathBuf,
    /// What it held; `None` for a new one.
    pub before: Option<String>,
    /// What it is to hold.
    pub text: String,
    /// What its reader should know or do.
    pub notes: Vec<String>,
}

/// A live policy that is not brought into the workspace.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftAlone {
    /// The display name.
    pub name: String,
    /// Its id.
    pub id: Option<Id>,
    /// Why.
    pub reason: String,
}

/// Composes a file for every live policy that is meant, or says why there is none.
pub fn compose(task: &Task<'_>) -> (Vec<Composed>, Vec<LeftAlone>) {
    let spelling = Spelling::new(task.desired, task.snapshot);
    let mut taken = taken_keys(task);
    let (managed, unclear) = managed(task);
    let (mut composed, mut left) = (Vec::new(), Vec::new());
    let mut live: Vec<&LivePolicy> = task.snapshot.policies.iter().collect();
    live.sort_by(|a, b| (&a.policy.name, &a.id).cmp(&(&b.policy.name, &b.id)));
    for live in live {
        let file = managed.get(&live.id);
        let name = &live.policy.name;
        if !is_meant(
            task.only,
            name,
            file.map(|(policy, _)| policy.key.value.as_str()),
        ) {
            continue;
        }
        let outcome = match (file, unclear.get(name.as_str())) {
            (Some((policy, by)), _) => update(task, &spelling, live, policy, *by),
            (None, Some(reason)) => Err(reason.clone()),
            (None, None) => create(task, &spelling, live, &mut taken),
        };
        match outcome {
            Ok(file) => composed.push(file),
            Err(reason) => left.push(LeftAlone {
                name: name.clone(),
                id: Some(live.id.clone()),
                reason,
            }),
        }
    }
    for unreadable in &task.snapshot.unreadable {
        let name = unreadable
            .name
            .clone()
            .unwrap_or_else(|| "(no readable name)".into());
        if is_meant(task.only, &name, None) {
            left.push(LeftAlone {
                name,
                id: unreadable.id.clone(),
                reason: format!("it cannot be managed: {}", unreadable.problem),
            });
        }
    }
    (composed, left)
}

/// Whether a policy is meant, by its name or its key.
pub(super) fn is_meant(only: Option<&glob::Pattern>, name: &str, key: Option<&str>) -> bool {
    only.is_none_or(|glob| glob.matches(name) || key.is_some_and(|key| glob.matches(key)))
}

/// Keys that are used, and names of files that are there.
fn taken_keys(task: &Task<'_>) -> BTreeSet<String> {
    let stem = |path: &String| {
        let path = Path::new(path);
        let policies = path.starts_with("policies");
        Some(
            path.file_stem()
                .filter(|_| policies)?
                .to_string_lossy()
                .into_owned(),
        )
    };
    let keys = task.workspace.policy_keys().map(str::to_owned);
    keys.chain(task.texts.keys().filter_map(stem)).collect()
}

type Managed<'a> = BTreeMap<Id, (&'a DesiredPolicy, FoundBy)>;

/// Which file manages which live policy, and the names for which that cannot be said.
fn managed<'a>(task: &Task<'a>) -> (Managed<'a>, BTreeMap<&'a str, String>) {
    let (mut managed, mut unclear) = (BTreeMap::new(), BTreeMap::new());
    for policy in task.desired.policies.values() {
        match find(task.desired, policy, task.snapshot) {
            Ok(Some((live, by))) => {
                managed.entry(live.id.clone()).or_insert((policy, by));
            }
            Ok(None) => {}
            Err(refusal) => {
                let reason = format!("{}: {}", policy.key.value, refusal.message);
                unclear.insert(policy.policy.name.as_str(), reason);
            }
        }
    }
    (managed, unclear)
}

fn create(
    task: &Task<'_>,
    spelling: &Spelling<'_>,
    live: &LivePolicy,
    taken: &mut BTreeSet<String>,
) -> Result<Composed, String> {
    speakable(live)?;
    let key = key_of(&live.policy.name, taken);
    let (draft, notes) = draft(task, live, &key);
    let text = policy_yaml(&draft.as_draft(), &|kind, id| spelling.write(kind, id));
    Ok(Composed {
        path: PathBuf::from("policies").join(format!("{key}.yaml")),
        name: live.policy.name.clone(),
        id: Some(live.id.clone()),
        before: None,
        text,
        notes,
        key,
    })
}

fn speakable(live: &LivePolicy) -> Result<(), String> {
    let unknown = unknown_words(&live.policy);
    if unknown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "this version has no word for {}",
        unknown.join(", ")
    ))
}

/// A draft with what it needs to live.
struct Parts<'a> {
    key: &'a str,
    policy: Policy<Id>,
    live: &'a LivePolicy,
    pinned: bool,
    tenant: Option<&'a str>,
    owner: Owner,
    unprotected: Vec<String>,
    remarks: Vec<String>,
}

impl Parts<'_> {
    fn as_draft(&self) -> Draft<'_> {
        Draft {
            key: self.key,
            policy: &self.policy,
            state: self.live.state,
            id: self.pinned.then_some(&self.live.id),
            tenant: self.tenant,
            owner: self.owner,
            unprotected: self.unprotected.clone(),
            remarks: self.remarks.clone(),
        }
    }
}

fn draft<'a>(task: &Task<'a>, live: &'a LivePolicy, key: &'a str) -> (Parts<'a>, Vec<String>) {
    let (policy, unprotected) = without_implied(&live.policy, task.desired, task.snapshot);
    let several = task.workspace.tenant_names().count() > 1;
    let microsoft = live.policy.name.to_lowercase().starts_with(MICROSOFT);
    let mut notes = Vec::new();
    let mut remarks = Vec::new();
    if !live.unmodelled.is_empty() {
        let paths: Vec<&str> = live.unmodelled.keys().map(String::as_str).collect();
        remarks.push("The live policy also holds what a file cannot say; it keeps it:".into());
        remarks.push(paths.join(", "));
        notes.push(format!(
            "keeps what a file cannot say: {}",
            paths.join(", ")
        ));
    }
    if !unprotected.is_empty() {
        notes.push(format!(
            "does not exclude {}: take its `break_glass` line out, and the next plan adds the exclusion",
            unprotected.join(", ")
        ));
    }
    let parts = Parts {
        key,
        policy,
        live,
        pinned: same_name(task.snapshot, &live.policy.name) > 1,
        tenant: several.then_some(task.desired.tenant.name.as_str()),
        owner: if microsoft {
            Owner::Microsoft
        } else {
            Owner::Workspace
        },
        unprotected,
        remarks,
    };
    (parts, notes)
}

/// How many live policies have a name.
fn same_name(snapshot: &Snapshot, name: &str) -> usize {
    let unreadable = snapshot.unreadable.iter();
    snapshot.named(name).count()
        + unreadable
            .filter(|policy| policy.name.as_deref() == Some(name))
            .count()
}

/// The policy without the break-glass exclusions that its declarations imply exactly, and the accounts
/// that it could reach and does not exclude.
fn without_implied(
    live: &Policy<Id>,
    desired: &Desired,
    snapshot: &Snapshot,
) -> (Policy<Id>, Vec<String>) {
    let mut stripped = live.clone();
    let mut taken_out: BTreeSet<(Kind, &Id)> = BTreeSet::new();
    let accounts = accounts(desired, snapshot);
    for object in accounts.iter().filter_map(|account| account.object()) {
        let exclude = &mut stripped.conditions.users.exclude;
        if exclude.of_kind_mut(object.kind).remove(&object.id) {
            taken_out.insert((object.kind, &object.id));
        }
    }
    let implied: BTreeSet<(Kind, &Id)> = implied_exclusions(&stripped, desired, snapshot)
        .into_iter()
        .map(|(_, object)| (object.kind, &object.id))
        .collect();
    if implied == taken_out {
        return (stripped, Vec::new());
    }
    let missing = implied_exclusions(live, desired, snapshot);
    let missing = missing.into_iter().map(|(name, _)| name.to_owned());
    (live.clone(), missing.collect())
}

fn update(
    task: &Task<'_>,
    spelling: &Spelling<'_>,
    live: &LivePolicy,
    policy: &DesiredPolicy,
    by: FoundBy,
) -> Result<Composed, String> {
    let key = policy.key.value.as_str();
    let file = task.workspace.policy_file(key).unwrap_or(Path::new(key));
    let path = file
        .strip_prefix(task.workspace.root())
        .unwrap_or(file)
        .to_owned();
    let shown = policy.key.source.file.to_string();
    let before = task
        .texts
        .get(&shown)
        .ok_or_else(|| format!("{shown} was not read"))?;
    let wanted = policy.state.as_ref().map(|state| state.value);
    if wanted == Some(WantedState::Absent) {
        return Err(format!("{shown} wants it absent"));
    }
    if by == FoundBy::RenamedFrom {
        return Err(format!("{shown} renames it, and that is not applied yet"));
    }
    let meant = Wanted::new(task.desired, policy, task.snapshot, Some(&live.policy));
    let differences = diff::compare(&meant.policy, &live.policy);
    let mut paths: Vec<&str> = differences
        .iter()
        .map(|difference| difference.path)
        .collect();
    for unresolved in &meant.unresolved {
        paths.extend(paths_of(unresolved.kind));
    }
    if !paths.is_empty() {
        speakable(live)?;
    }
    let (mut parts, _) = draft(task, live, key);
    parts.owner = policy.owner;
    // Whatever the file says of the emergency accounts is its own.
    parts.unprotected = Vec::new();
    let draft = parts.as_draft();
    let write = |kind, id: &Id| -> Written { spelling.write(kind, id) };
    let resolve = |kind, text: &str| match task.snapshot.found(kind, text) {
        Some([object]) => Some(object.id.clone()),
        _ => None,
    };
    let with = Merge {
        draft: &draft,
        live: &live.policy,
        write: &write,
        resolve: &resolve,
        principal: &|name| spelling.principal(name),
    };
    let by_hand = |error: crate::workspace::EditError| error.to_string();
    let mut text = merge(before, &shown, &paths, &with).map_err(by_hand)?;
    let state = live.state;
    if wanted.is_some_and(|wanted| wanted.word() != state.word()) {
        let below = task.workspace.state_below(key, &task.desired.tenant.name);
        text = set_state(&text, &shown, below, state).map_err(by_hand)?;
    }
    let mut notes: Vec<String> = meant.unresolved.iter().filter_map(gone).collect();
    let missing = implied_exclusions(&live.policy, task.desired, task.snapshot);
    if policy.break_glass.is_none() && !missing.is_empty() {
        let names: Vec<&str> = missing.into_iter().map(|(name, _)| name).collect();
        notes.push(format!(
            "the live policy does not exclude {}: the next plan adds that",
            names.join(", ")
        ));
    }
    Ok(Composed {
        key: key.to_owned(),
        name: live.policy.name.clone(),
        id: Some(live.id.clone()),
        path,
        before: Some(before.clone()),
        text,
        notes,
    })
}

/// What to say of an entry that goes because its name is nobody's any more.
fn gone(unresolved: &Unresolved) -> Option<String> {
    let entry = matches!(unresolved.kind, Kind::User | Kind::Group | Kind::Role);
    let nothing = matches!(unresolved.problem, Problem::Nothing);
    (entry && nothing).then(|| {
        format!(
            "the tenant has no {} {} any more, so its entry is gone; if it is one of the new entries \
             under another name, move its reason and owner over",
            unresolved.kind.word(),
            unresolved.name.text
        )
    })
}

/// Where a name of a kind may stand.
fn paths_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User | Kind::Group | Kind::Role => &["users.include", "users.exclude"],
        Kind::App => &["target_resources.include", "target_resources.exclude"],
        Kind::ServicePrincipal => &["workload_identities.include", "workload_identities.exclude"],
        Kind::Location => &[
            "conditions.locations.include",
            "conditions.locations.exclude",
        ],
        Kind::Strength => &["grant.authentication_strength"],
        Kind::TermsOfUse => &["grant.terms_of_use"],
    }
}
