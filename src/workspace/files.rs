//! Finding and reading the files of a workspace; the only file of the room that touches the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::Findings;
use super::text::{self, MAX_BYTES};
use super::tree::Node;
use super::yaml;
use crate::diagnostic::{Diagnostic, Source};

/// The most files a folder may hold; far above the number of policies a tenant can have.
const MAX_FILES: usize = 5_000;
/// How deep folders may nest.
const MAX_FOLDERS: usize = 8;

/// The files of one workspace while they are read.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Every text that was read, by the name that is shown.
    texts: BTreeMap<String, String>,
    /// Texts that stand for files, as if they had been written already.
    drafts: BTreeMap<PathBuf, String>,
    /// What was wrong with files and their YAML.
    pub(super) findings: Findings,
}

impl Files {
    /// Begins at the folder of the configuration.
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            texts: BTreeMap::new(),
            drafts: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// The same with texts that stand for files of these paths, relative to the root.
    pub(super) fn with_drafts(self, drafts: BTreeMap<PathBuf, String>) -> Self {
        Self { drafts, ..self }
    }

    /// The folder of the workspace.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Takes over what another reading of the same workspace found.
    pub(super) fn absorb(&mut self, other: Self) {
        self.texts.extend(other.texts);
        self.findings.extend(other.findings);
    }

    /// What was read, and what was wrong with it.
    pub(super) fn into_parts(self) -> (BTreeMap<String, String>, Findings) {
        (self.texts, self.findings)
    }

    /// The YAML files below a folder, relative to the root, sorted; a missing folder holds none.
    pub(super) fn below(&mut self, folder: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if let Err(finding) = self.walk(Path::new(folder), 0, &mut found) {
            self.findings.push(*finding);
        }
        let drafts = self.drafts.keys().filter(|path| path.starts_with(folder));
        found.extend(drafts.cloned());
        found.sort();
        found.dedup();
        found
    }

    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), Box<Diagnostic>> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if depth == 0 && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(());
            }
            Err(error) => return Err(unreadable(&shown(folder), &error)),
        };
        if depth == 0 && !self.is_inside(folder) {
            self.findings.push(leaves(&shown(folder)));
            return Ok(());
        }
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&shown(folder), &error))?;
            let path = folder.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let kind = entry
                .file_type()
                .map_err(|error| unreadable(&shown(&path), &error))?;
            let yaml = path.extension().is_some_and(|ext| {
                ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml")
            });
            if kind.is_dir() {
                if depth >= MAX_FOLDERS {
                    let message =
                        format!("{} nests deeper than {MAX_FOLDERS} folders", shown(&path));
                    self.findings.push(
                        Diagnostic::error("too-deep", message, Source::file(shown(&path)))
                            .help("flatten the folders"),
                    );
                } else {
                    self.walk(&path, depth + 1, found)?;
                }
            } else if kind.is_symlink() && !yaml && self.root.join(&path).is_dir() {
                let message = format!(
                    "{} is a symbolic link to a folder, which is not followed",
                    shown(&path)
                );
                self.findings.push(
                    Diagnostic::error("symbolic-link", message, Source::file(shown(&path)))
                        .help("move the files into the workspace"),
                );
            } else if yaml {
                if found.len() >= MAX_FILES {
                    let message = format!("{} holds more than {MAX_FILES} files", shown(folder));
                    return Err(Box::new(
                        Diagnostic::error("too-many-files", message, Source::file(shown(folder)))
                            .help("is this the right folder?"),
                    ));
                }
                found.push(path);
            }
        }
        Ok(())
    }

    /// Whether a path is below the root once every symbolic link in it is resolved.
    fn is_inside(&self, path: &Path) -> bool {
        match (
            self.root.canonicalize(),
            self.root.join(path).canonicalize(),
        ) {
            (Ok(root), Ok(path)) => path.starts_with(root),
            // What cannot be resolved is reported when it is read.
            _ => true,
        }
    }

    /// Reads and parses one file; everything wrong with it becomes a finding.
    pub(super) fn parse(&mut self, path: &Path) -> Option<(Arc<str>, Node)> {
        let name = shown(path);
        let text = match self.text(path, &name) {
            Ok(text) => text,
            Err(finding) => {
                self.findings.push(*finding);
                return None;
            }
        };
        let file: Arc<str> = Arc::from(name.as_str());
        let parsed = yaml::parse(&file, &text);
        self.findings.extend(parsed.findings);
        self.texts.insert(name, text);
        Some((file, parsed.root?))
    }

    fn text(&self, path: &Path, name: &str) -> Result<String, Box<Diagnostic>> {
        if let Some(draft) = self.drafts.get(path) {
            return Ok(draft.clone());
        }
        let on_disk = self.root.join(path);
        if path.components().count() > 1 && !self.is_inside(path) {
            return Err(Box::new(leaves(name)));
        }
        // Asked before opening, so that a huge file is never loaded and a pipe never waited for.
        let about = fs::metadata(&on_disk).map_err(|error| unreadable(name, &error))?;
        if !about.is_file() {
            let message = format!("{name} is not a regular file");
            return Err(Box::new(
                Diagnostic::error("unreadable", message, Source::file(name)).help("remove it"),
            ));
        }
        if about.len() > MAX_BYTES {
            return Err(Box::new(text::too_large(name, about.len())));
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&on_disk).map_err(|error| unreadable(name, &error))?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(name, &error))?;
        text::decode(name, bytes)
    }
}

/// A relative path as it is shown: with forward slashes on every system.
pub(super) fn shown(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn unreadable(name: &str, error: &std::io::Error) -> Box<Diagnostic> {
    let message = format!("{name} cannot be read: {error}");
    Box::new(
        Diagnostic::error("unreadable", message, Source::file(name))
            .help("check the path and its permissions"),
    )
}

fn leaves(name: &str) -> Diagnostic {
    let message = format!("{name} is a symbolic link that leaves the workspace");
    Diagnostic::error("outside-workspace", message, Source::file(name))
        .help("copy the file into the workspace")
}
