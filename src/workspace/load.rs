//! Loading a workspace: every finding of every file in one run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{self, Config};
use super::files::{Files, shown};
use super::policy::{self, PolicyFile};
use super::tree::Node;
use super::{Loaded, Workspace, read, record};
use crate::diagnostic::{At, Diagnostic, Severity, Source};
use crate::model::PromotionRecord;

/// The name of the configuration.
const CONFIG: &str = "portcullis.yaml";
/// More findings about one file than this help nobody.
const MAX_FINDINGS: usize = 100;

/// Reads the whole workspace that `config` belongs to: the file itself, or the folder that holds it.
///
/// The workspace is there only when no finding is an error.
pub fn load(config: &Path) -> Loaded {
    load_with(config, BTreeMap::new())
}

/// Like [`load`], with texts that stand for files of these paths (relative to the root) as if they had
/// been written already.
pub fn load_with(config: &Path, drafts: BTreeMap<PathBuf, String>) -> Loaded {
    let (root, name) = split(config);
    let mut files = Files::new(root.clone()).with_drafts(drafts);
    let config = read_config(&mut files, &name);
    let mut policies: BTreeMap<String, (PathBuf, PolicyFile)> = BTreeMap::new();
    let mut names: BTreeMap<String, Source> = BTreeMap::new();
    for path in files.below("policies") {
        let Some((_, root)) = files.parse(&path) else {
            continue;
        };
        let Some(file) = policy::lower(&root, config.as_ref(), &mut files.findings) else {
            continue;
        };
        let (name, name_source) = file.name();
        match names.get(name) {
            Some(first) if !told_apart(config.as_ref(), &file, name, &policies) => {
                files.findings.push(
                    Diagnostic::error(
                        "duplicate-name",
                        format!("two policies are named `{name}`"),
                        name_source.clone(),
                    )
                    .label(first.clone(), "the other one")
                    .help(
                        "give them different names, or pin both with `id:`: the live policy is found by its name",
                    ),
                );
            }
            Some(_) => {}
            None => {
                names.insert(name.to_owned(), name_source.clone());
            }
        }
        let key = file.key().clone();
        if let Some((_, first)) = policies.get(&key.value) {
            files.findings.push(
                Diagnostic::error(
                    "duplicate-policy",
                    format!("two files have the key `{}`", key.value),
                    key.source,
                )
                .label(first.key().source.clone(), "the other one")
                .help("a key belongs to one file: rename one of them"),
            );
        } else {
            policies.insert(key.value, (path, file));
        }
    }
    one_live_policy_each(config.as_ref(), &policies, &names, &mut files.findings);
    let mut records = BTreeMap::new();
    for path in files.below("promotions") {
        let Some((_, root)) = files.parse(&path) else {
            continue;
        };
        if let Some((tenant, key)) = place_of(&path, &root, config.as_ref(), &mut files.findings) {
            if config.is_some()
                && !policies.contains_key(&key)
                && files.findings.iter().all(|f| f.severity != Severity::Error)
            {
                files.findings.push(
                    Diagnostic::warning(
                        "orphaned-record",
                        format!("no policy has the key `{key}`"),
                        root.source.clone(),
                    )
                    .help("delete the record with its policy"),
                );
            }
            if let Some(record) = record::lower(&root, &key, &mut files.findings) {
                records
                    .entry(tenant)
                    .or_insert_with(BTreeMap::new)
                    .insert(key, record);
            }
        }
    }
    for path in files.below("tests") {
        files.parse(&path);
    }
    let valid = files
        .findings
        .iter()
        .all(|finding| finding.severity != Severity::Error);
    let workspace = config
        .filter(|_| valid)
        .map(|config| Workspace::new(root, config, policies, records, false));
    finish(workspace, files)
}

/// Whether some tenant tells a policy by its pinned id from every other one of the same name.
fn told_apart(
    config: Option<&Config>,
    file: &PolicyFile,
    name: &str,
    others: &BTreeMap<String, (PathBuf, PolicyFile)>,
) -> bool {
    let mut others = others.values().filter(|(_, other)| other.name().0 == name);
    others.all(|(_, other)| {
        config
            .iter()
            .flat_map(|config| config.tenants.keys())
            .any(|tenant| file.id_in(tenant).is_some() && other.id_in(tenant).is_some())
    })
}

/// Two files must not mean one live policy: by a pinned id, or by an old name that is another's name.
fn one_live_policy_each(
    config: Option<&Config>,
    policies: &BTreeMap<String, (PathBuf, PolicyFile)>,
    names: &BTreeMap<String, Source>,
    out: &mut Vec<Diagnostic>,
) {
    for (_, file) in policies.values() {
        for old in file.renamed_from() {
            if let Some(other) = names.get(&old.value) {
                let message = format!("`{}` is the name of a policy in this workspace", old.value);
                out.push(
                    Diagnostic::error("duplicate-name", message, old.source.clone())
                        .label(other.clone(), "this one")
                        .help("remove it from `renamed_from`"),
                );
            }
        }
    }
    let mut reported: Vec<Source> = Vec::new();
    for tenant in config.iter().flat_map(|config| config.tenants.keys()) {
        let mut pinned: BTreeMap<_, &Source> = BTreeMap::new();
        for id in policies.values().filter_map(|(_, file)| file.id_in(tenant)) {
            match pinned.get(&id.value) {
                Some(first) if !reported.contains(&id.source) => {
                    let message = format!(
                        "two policies are pinned to {} in tenant `{tenant}`",
                        id.value
                    );
                    out.push(
                        Diagnostic::error("duplicate-id", message, id.source.clone())
                            .label((*first).clone(), "the other one")
                            .help("pin it in one of them"),
                    );
                    reported.push(id.source.clone());
                }
                Some(_) => {}
                None => {
                    pinned.insert(id.value.clone(), &id.source);
                }
            }
        }
    }
}

/// Reads only the configuration, for what needs to know a tenant or the store and no policy.
///
/// The workspace is there whenever its tenants could be read.
pub fn load_config(config: &Path) -> Loaded {
    let (root, name) = split(config);
    let mut files = Files::new(root.clone());
    let workspace = read_config(&mut files, &name)
        .map(|config| Workspace::new(root, config, BTreeMap::new(), BTreeMap::new(), true));
    finish(workspace, files)
}

/// Reads only the configuration and one policy with its records, for `demote`, which must work when
/// everything else is broken.
///
/// The workspace is there whenever its tenants and the policy's key and name could be read, whatever
/// else is wrong; the findings are told all the same.
pub fn load_one(config: &Path, key: &str) -> Loaded {
    let (root, name) = split(config);
    let mut files = Files::new(root.clone());
    let config = read_config(&mut files, &name);
    let mut policies = BTreeMap::new();
    let mut records = BTreeMap::new();
    match find(&mut files, key) {
        Some((path, node)) => {
            if let Some(file) = policy::lower(&node, config.as_ref(), &mut files.findings) {
                policies.insert(key.to_owned(), (path, file));
            }
        }
        None => {
            let message = format!("no file in policies/ has the key `{key}`");
            files.findings.push(
                Diagnostic::error("unknown-policy", message, Source::file("policies"))
                    .help("check the key, or use `demote --id GUID`, which needs no file"),
            );
        }
    }
    for tenant in config.iter().flat_map(|config| config.tenants.keys()) {
        if let Some(record) = one_record(&mut files, tenant, key) {
            records.insert(tenant.clone(), BTreeMap::from([(key.to_owned(), record)]));
        }
    }
    let found = !policies.is_empty();
    let workspace = config
        .filter(|_| found)
        .map(|config| Workspace::new(root, config, policies, records, true));
    finish(workspace, files)
}

/// The file of a key: `policies/KEY.yaml`, or else the first that says so; other files are not judged.
fn find(files: &mut Files, key: &str) -> Option<(PathBuf, Node)> {
    let is_it = |node: &Node| {
        node.entry("policy")
            .is_some_and(|(_, node)| read::scalar(node) == key)
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    let safe = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if safe {
        paths.extend(["yaml", "yml"].map(|ext| PathBuf::from(format!("policies/{key}.{ext}"))));
    }
    paths.retain(|path| files.root().join(path).exists());
    let by_name = paths.len();
    paths.extend(Files::new(files.root().to_owned()).below("policies"));
    let mut unreadable = Vec::new();
    for (at, path) in paths.into_iter().enumerate() {
        let mut own = Files::new(files.root().to_owned());
        match own.parse(&path) {
            Some((_, node)) if is_it(&node) => {
                files.absorb(own);
                return Some((path, node));
            }
            // Named like the key and unreadable: that is why it is not found.
            None if at < by_name => unreadable.push(own),
            _ => {}
        }
    }
    for own in unreadable {
        files.absorb(own);
    }
    None
}

/// A record that cannot be read is as good as none here, and a warning.
fn one_record(files: &mut Files, tenant: &str, key: &str) -> Option<At<PromotionRecord>> {
    let path = record::record_path(tenant, key);
    if !files.root().join(&path).exists() {
        return None;
    }
    let mut own = Files::new(files.root().to_owned());
    let parsed = own.parse(&path);
    let record = parsed.and_then(|(_, node)| record::lower(&node, key, &mut own.findings));
    for finding in &mut own.findings {
        finding.severity = Severity::Warning;
    }
    files.absorb(own);
    record
}

fn read_config(files: &mut Files, name: &Path) -> Option<Config> {
    let here = files.root().join(name);
    if !here.exists() {
        let message = match shown(name).as_str() {
            CONFIG => format!("there is no {CONFIG} here"),
            _ => format!("there is no {}", here.display()),
        };
        files.findings.push(
            Diagnostic::error("no-workspace", message, Source::file(shown(name)))
                .help("go to the folder that holds portcullis.yaml, or name it with `--config`"),
        );
        return None;
    }
    let (_, node) = files.parse(name)?;
    config::lower(&node, &mut files.findings)
}

/// The folder of a workspace and the name of its configuration in it.
fn split(config: &Path) -> (PathBuf, PathBuf) {
    if config.is_dir() {
        return (config.to_owned(), PathBuf::from(CONFIG));
    }
    let root = match config.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    (
        root,
        config
            .file_name()
            .map_or_else(|| PathBuf::from(CONFIG), PathBuf::from),
    )
}

/// The tenant and the key that a record's path names.
fn place_of(
    path: &Path,
    root: &Node,
    config: Option<&Config>,
    out: &mut Vec<Diagnostic>,
) -> Option<(String, String)> {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml");
    let ([_, tenant, file], true) = (parts.as_slice(), yaml) else {
        let message = format!("{} is no record of a tenant", shown(path));
        out.push(
            Diagnostic::error("wrong-record", message, root.source.clone())
                .help("records stand in promotions/TENANT/KEY.yaml"),
        );
        return None;
    };
    if let Some(config) = config.filter(|config| !config.tenants.contains_key(tenant.as_ref())) {
        let names: Vec<_> = config.tenants.keys().collect();
        let message = format!("{} is about a tenant that is not declared", shown(path));
        out.push(
            Diagnostic::error("undeclared-tenant", message, root.source.clone())
                .help(format!("declared: {}", read::listed(&names))),
        );
    }
    let key = Path::new(file.as_ref())
        .file_stem()?
        .to_string_lossy()
        .into_owned();
    Some((tenant.clone().into_owned(), key))
}

fn finish(workspace: Option<Workspace>, files: Files) -> Loaded {
    let (texts, mut findings) = files.into_parts();
    findings.sort_by(|a, b| a.source.cmp(&b.source));
    Loaded {
        workspace,
        findings: at_most(MAX_FINDINGS, findings),
        texts,
    }
}

/// Keeps the first findings of each file, and says how many more there are.
fn at_most(most: usize, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for of_file in findings.chunk_by(|a, b| a.source.file == b.source.file) {
        kept.extend(of_file.iter().take(most).cloned());
        if let Some(more) = of_file.get(most) {
            let message = format!(
                "{} has {} more findings",
                more.source.file,
                of_file.len() - most
            );
            let source = Source::file(more.source.file.clone());
            kept.push(
                Diagnostic::error("more-findings", message, source).help("correct the first ones"),
            );
        }
    }
    kept
}
