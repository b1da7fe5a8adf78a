//! A workspace in a directory of its own, and the binary that is run in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

use super::{FILE, Served};

/// Files in a directory of their own.
pub(crate) struct Workspace {
    root: TempDir,
    /// What the sandbox was asked and what it answered, by and to whomever.
    recording: NamedTempFile,
}

impl Drop for Workspace {
    /// Whatever was asked and answered holds to the contract.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            crate::contract::assert_holds(self.recording.path());
        }
    }
}

impl Workspace {
    /// The files that ship with the repository, to the byte.
    pub(crate) fn as_shipped() -> Self {
        let workspace = Self::empty();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["portcullis.yaml", FILE] {
            let text = std::fs::read_to_string(repository.join(file)).unwrap();
            workspace.write(file, &text);
        }
        workspace
    }

    /// The shipped files, but for the time in which a write may stay unseen: the sandbox shows it at once.
    pub(crate) fn new() -> Self {
        let workspace = Self::as_shipped();
        workspace.edit(
            "portcullis.yaml",
            "    sandbox: true ",
            "    settle: 0\n    sandbox: true ",
        );
        workspace
    }

    /// Nothing at all.
    pub(crate) fn empty() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            recording: NamedTempFile::new().unwrap(),
        }
    }

    /// The file in which the sandbox writes down what it is asked and what it answers.
    pub(crate) fn recording(&self) -> &Path {
        self.recording.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    pub(crate) fn exists(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces the one place where `from` stands.
    #[track_caller]
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
        self.write(relative, &text.replace(from, to));
    }

    /// Edits the shipped policy.
    #[track_caller]
    pub(crate) fn edit_policy(&self, from: &str, to: &str) {
        self.edit(FILE, from, to);
    }

    /// Sets the state of the shipped policy; `None` leaves it out.
    #[track_caller]
    pub(crate) fn set_state(&self, state: Option<&str>) {
        let line = self
            .read(FILE)
            .lines()
            .find(|line| line.starts_with("state:"))
            .unwrap()
            .to_owned();
        let to = state.map_or_else(String::new, |state| format!("state: {state}"));
        self.edit_policy(&line, &to);
    }

    /// Adds lines to the shipped policy.
    pub(crate) fn add_to_policy(&self, lines: &str) {
        let text = self.read(FILE);
        self.write(FILE, &format!("{text}\n{lines}\n"));
    }

    /// Adds a policy file that differs from the shipped one in key and name.
    pub(crate) fn add_policy(&self, key: &str, name: &str) -> String {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE))
            .unwrap()
            .replace("policy: azure-management-mfa ", &format!("policy: {key} "))
            .replace(super::NAME, name);
        let file = format!("policies/{key}.yaml");
        self.write(&file, &text);
        file
    }

    /// Every file that is under review: all but the store.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), self.root.path(), &mut files);
        files.retain(|name, _| !name.starts_with(".portcullis/"));
        files
    }

    /// Every file of the store.
    pub(crate) fn stored(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), self.root.path(), &mut files);
        files.retain(|name, _| name.starts_with(".portcullis/"));
        files
    }

    /// The binary, in this directory, with nothing of the caller's environment that could steer it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(self.root.path()).args(arguments);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            let steers = ["AZURE", "PORTCULLIS_", "GITHUB_", "ACTIONS_", "SYSTEM_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
                || text.ends_with("_PROXY")
                || ["NO_COLOR", "CI", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"]
                    .contains(&text.as_str());
            if steers {
                command.env_remove(&name);
            }
        }
        command.env("PORTCULLIS_SANDBOX_RECORD", self.recording.path());
        command
    }

    /// Runs the binary to its end, with nobody to answer a question.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[], "")
    }

    /// Runs the binary with variables and an input.
    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Outcome {
        let mut child = self
            .command(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever does not ask may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Outcome {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Plans, and returns the document.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        self.run(&["plan", "--json"]).exits(0).json()
    }

    /// Plans, and returns the refused document.
    #[track_caller]
    pub(crate) fn refused_plan(&self) -> Value {
        self.run(&["plan", "--json"]).exits(3).json()
    }

    /// Plans, and returns the change of the shipped policy.
    #[track_caller]
    pub(crate) fn change(&self) -> Value {
        change_of(&self.plan(), super::KEY)
    }

    /// Applies what there is to apply.
    #[track_caller]
    pub(crate) fn apply(&self) -> Outcome {
        self.run(&["apply", "--auto-approve"]).exits(0)
    }

    /// Serves the sandbox of this workspace, so that a test can look into it and change it.
    pub(crate) fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    /// The same with options of `sandbox serve`.
    pub(crate) fn serve_with(&self, options: &[&str]) -> Served {
        Served::start(self, options)
    }

    /// Declares the tenant of the sandbox anew.
    pub(crate) fn declare(&self, declaration: &str) {
        let text = self.read("portcullis.yaml");
        let line = text
            .lines()
            .find(|line| line.starts_with("    sandbox: true"))
            .unwrap();
        self.edit("portcullis.yaml", line, declaration);
    }
}

/// The change of a policy in a plan.
#[track_caller]
pub(crate) fn change_of(plan: &Value, key: &str) -> Value {
    let changes = plan["changes"].as_array().unwrap();
    changes
        .iter()
        .find(|change| change["policy"] == key)
        .unwrap_or_else(|| panic!("no change of {key} in {plan:#}"))
        .clone()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into();
            let bytes = std::fs::read(&path).unwrap();
            files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts that stdout or stderr says something.
    #[track_caller]
    pub(crate) fn says(self, what: &str) -> Self {
        assert!(
            self.stdout.contains(what) || self.stderr.contains(what),
            "{what:?} is not said by {self}"
        );
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "portcullis {} -> {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}
