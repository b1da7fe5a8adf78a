//! What an edit changes in a file, line by line.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::style::Paint;

/// Renders an edit as a unified diff with one line around each change; empty when nothing changes.
pub fn render(file: &str, before: &str, after: &str, color: bool) -> String {
    let paint = Paint::new(color);
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(1).iter_hunks() {
        if out.is_empty() {
            let _ = writeln!(out, "--- {file}\n+++ {file}");
        }
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let line = change.to_string();
            let line = line.trim_end_matches(['\r', '\n']);
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(out, "{}", paint.red(format!("-{line}"))),
                ChangeTag::Insert => writeln!(out, "{}", paint.green(format!("+{line}"))),
                ChangeTag::Equal => writeln!(out, " {line}"),
            };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_two_lines_and_nothing_is_nothing() {
        let before = "policy: a\r\nname: A\r\nstate: report-only # why\r\nusers: {}\r\n";
        let after = before.replace("report-only", "on");
        assert_eq!(
            render("policies/a.yaml", before, &after, false),
            "--- policies/a.yaml\n+++ policies/a.yaml\n@@ -2,3 +2,3 @@\n name: A\n\
             -state: report-only # why\n+state: on # why\n users: {}\n"
        );
        assert_eq!(render("policies/a.yaml", before, before, false), "");
    }
}
