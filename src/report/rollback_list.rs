//! The snapshots that a rollback can go back to.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::plan_text::moment;
use super::style::Paint;
use super::visible::visible;

/// What `rollback --list --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListDocument {
    /// The version of the document; always the first key.
    pub format_version: String,
    /// The tenant's name in the workspace.
    pub tenant: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The snapshots, newest first.
    pub snapshots: Vec<KeptRow>,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRow {
    /// Its file.
    pub file: String,
    /// The tenant's clock when it was taken.
    pub taken_at: String,
    /// The keys of the policies that the apply after it wrote; none when it came to nothing.
    pub applied: Vec<String>,
}

/// Renders the list.
pub fn render(list: &ListDocument, color: bool) -> String {
    let paint = Paint::new(color);
    let mut out = format!("Tenant {} ({})\n", paint.bold(&list.tenant), list.tenant_id);
    if list.snapshots.is_empty() {
        out.push_str("\nThere is no snapshot yet: each apply keeps one before it writes.\n");
    }
    for kept in &list.snapshots {
        let then = if kept.applied.is_empty() {
            "nothing was written after it".to_owned()
        } else {
            format!("then applied: {}", kept.applied.join(", "))
        };
        let _ = writeln!(
            out,
            "\n{}  {}\n    {}",
            paint.bold(moment(&kept.taken_at)),
            visible(&then),
            kept.file
        );
    }
    out
}
