//! `portcullis sandbox serve` as a child process.

use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::{Graph, Workspace};

/// A sandbox that is served until it is dropped.
pub(crate) struct Served {
    child: Child,
    graph: Graph,
}

impl Served {
    /// Serves the sandbox of a workspace and waits for the line that says where.
    pub(super) fn start(workspace: &Workspace, options: &[&str]) -> Self {
        let state = workspace.path(".portcullis/sandbox");
        let mut child = workspace
            .command(&["sandbox", "serve", "--state", state.to_str().unwrap()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["tenant_id"], super::TENANT_ID);
        let graph = Graph::sign_in(ready["url"].as_str().unwrap());
        Self { child, graph }
    }

    /// Kills it without a warning, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Deref for Served {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
