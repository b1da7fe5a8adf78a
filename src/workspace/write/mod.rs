//! YAML out: from a live policy to a small tree, from the tree to text.

mod policy;
mod scalar;
mod tree;

pub use policy::{Draft, UNEXPLAINED, UNOWNED, Write, Written, unknown_words};
pub(super) use policy::{entries, guests_value};
pub(super) use scalar::quoted;
pub(super) use tree::{Entry, Item, Meaning, Value, render_entry, render_item};

use std::fmt::Write as _;

/// A text as it stands in a YAML file, quoted when it has to be.
pub fn inline(text: &str) -> String {
    scalar::scalar(text)
}

/// A policy as a new file.
pub fn policy_yaml(draft: &Draft<'_>, write: Write<'_>) -> String {
    let mut out = String::new();
    for line in &draft.remarks {
        let _ = writeln!(out, "# {}", scalar::comment(line));
    }
    if !draft.remarks.is_empty() {
        out.push('\n');
    }
    for entry in entries(draft, write) {
        if is_section(&entry.value) || !entry.above.is_empty() {
            out.push('\n');
        }
        render_entry(&entry, 0, &mut out);
    }
    out
}

/// Whether a top-level value is set off from the one above by a blank line.
pub(super) fn is_section(value: &Value) -> bool {
    matches!(value, Value::Map(_) | Value::List(_))
}
