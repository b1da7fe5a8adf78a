//! `import --from`: the exports of other tools, without a tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::Global;
use super::super::error::CommandError;
use super::super::session::pick_tenant;
use super::{Args, Outcome, broken, keep_what_is_valid, shown};
use crate::diff;
use crate::import::{Exports, LeftAlone, export_drafts, graph_exports, terraform_exports};
use crate::model::{Id, LivePolicy};
use crate::workspace::Workspace;

pub(super) fn from_exports(
    args: &Args,
    from: &Path,
    workspace: &Workspace,
    global: &Global,
) -> Result<Outcome, CommandError> {
    let exports = read_exports(from)?;
    let only = args.only.as_ref().or(global.policy.as_ref());
    let tenant = if workspace.tenant_names().count() > 1 {
        Some(pick_tenant(workspace, global, true)?)
    } else {
        None
    };
    let taken = names_in(workspace)?;
    let (drafts, mut left) = export_drafts(&exports, workspace, tenant.as_deref(), &taken, only);
    let mut originals = BTreeMap::new();
    let mut files = Vec::new();
    for (file, export) in drafts {
        originals.insert(file.key.clone(), &export.live);
        files.push(file);
    }
    let loaded = keep_what_is_valid(&mut files, &mut left, global)?;
    let name = pick_tenant(&loaded, global, false)?;
    let desired = loaded
        .desired(&name)
        .map_err(|findings| broken(findings.first().map(|finding| finding.message.as_str())))?;
    // Read back from its text, a policy must mean what the export meant.
    files.retain(|file| {
        let same = originals
            .get(&file.key)
            .zip(desired.policies.get(&file.key))
            .is_some_and(|(live, again)| means_the_same(live, again));
        if !same {
            left.push(LeftAlone {
                name: file.name.clone(),
                id: file.id.clone(),
                reason: "a file cannot say all of it".into(),
            });
        }
        same
    });
    Ok(Outcome {
        files,
        left,
        config: None,
    })
}

fn means_the_same(live: &LivePolicy, again: &crate::model::DesiredPolicy) -> bool {
    use crate::model::Cloud;
    use crate::tenant::{Query, query};
    let again = again.policy.map(|place, name| {
        Some(match query(place.kind, &name.text, &Cloud::Global) {
            Query::Id(id) | Query::IdOrName(id, _) => id,
            Query::Name(name) => Id::new(name),
        })
    });
    diff::compare(&live.policy, &again).is_empty()
}

fn names_in(workspace: &Workspace) -> Result<BTreeSet<String>, CommandError> {
    let mut names = BTreeSet::new();
    for tenant in workspace.tenant_names() {
        let desired = workspace
            .desired(tenant)
            .map_err(|findings| broken(findings.first().map(|finding| finding.message.as_str())))?;
        names.extend(
            desired
                .policies
                .into_values()
                .map(|policy| policy.policy.name),
        );
    }
    Ok(names)
}

fn read_exports(from: &Path) -> Result<Exports, CommandError> {
    let mut paths = Vec::new();
    collect(from, 0, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        return Err(CommandError::new(format!(
            "there is no JSON file in {}",
            from.display()
        )));
    }
    let base = if from.is_dir() {
        from
    } else {
        from.parent().unwrap_or(from)
    };
    let mut files = Vec::new();
    for path in paths {
        let failed = |problem: String| CommandError::new(format!("{}: {problem}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| failed(format!("this is no JSON: {error}")))?;
        let name = shown(path.strip_prefix(base).unwrap_or(&path));
        if let Some(exports) = terraform_exports(&name, &json).filter(|_| from.is_file()) {
            return Ok(exports);
        }
        files.push((name, json));
    }
    Ok(graph_exports(&files))
}

/// The JSON files below a folder, or the one file.
fn collect(path: &Path, depth: usize, into: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    /// Exports are a few folders deep; a link back to one of them is not followed for ever.
    const DEEPEST: usize = 8;
    if path.is_file() {
        into.push(path.to_owned());
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        CommandError::new(format!("cannot read {}: {error}", path.display()))
            .hint("--from takes a folder of JSON files, or one file")
    };
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() && depth < DEEPEST {
            collect(&path, depth + 1, into)?;
        } else if path
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("json"))
        {
            into.push(path);
        }
    }
    Ok(())
}
