//! Who recurs in the exclusions is proposed as a declared principal: in comments, for a person to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::key::key_of;
use super::spelling::Spelling;
use crate::model::{Desired, Id, Kind, Side};
use crate::tenant::Snapshot;
use crate::workspace::inline;

const INTRODUCTION: &str = "\
# Proposed by `portcullis import`: excluded from two or more policies. To declare one, say what it is
# (break-glass | service-account | temporary | vendor), who answers for it and why, take the `# ` away,
# and write its name in `users.exclude` in place of the entries there.";

/// `portcullis.yaml` with comments that propose who recurs; `None` when there is nobody new to propose.
///
/// With `several` tenants declared, who they are and what stands for them are said in two places.
pub fn propose(
    text: &str,
    desired: &Desired,
    snapshot: &Snapshot,
    several: bool,
) -> Option<String> {
    let spelling = Spelling::new(desired, snapshot);
    let mut count: BTreeMap<(Kind, &Id), usize> = BTreeMap::new();
    for live in &snapshot.policies {
        for (place, id) in live.policy.references() {
            let somebody = matches!(place.kind, Kind::User | Kind::Group);
            if somebody && place.side == Side::Exclude {
                *count.entry((place.kind, id)).or_default() += 1;
            }
        }
    }
    let mut names: BTreeSet<String> = desired.principals.keys().cloned().collect();
    let mut lines: Vec<(usize, String)> = Vec::new();
    for ((kind, id), count) in count {
        let written = spelling.write(kind, id);
        if count < 2 || written.principal || written.text == id.as_str() {
            continue;
        }
        let target = format!("{}: {}", kind.word(), inline(&written.text));
        if text.contains(&target) {
            continue;
        }
        let local = written.text.split('@').next().unwrap_or_default();
        let name = key_of(local, &mut names);
        let line = if several {
            let tenant = &desired.tenant.name;
            format!(
                "#   {name}: {{kind: ?, owner: ?, reason: ?}}   # in {count} policies; tenants.{tenant}.principals: {{{name}: {{{target}}}}}"
            )
        } else {
            format!(
                "#   {name}: {{{target}, kind: ?, owner: ?, reason: ?}}   # in {count} policies"
            )
        };
        lines.push((count, line));
    }
    if lines.is_empty() {
        return None;
    }
    lines.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut out = text.to_owned();
    if !out.ends_with('\n') {
        out.push('\n');
    }
    if !text.replace("\r\n", "\n").contains(INTRODUCTION) {
        let _ = writeln!(out, "\n{INTRODUCTION}");
    }
    for (_, line) in lines {
        let _ = writeln!(out, "{line}");
    }
    Some(if text.contains("\r\n") {
        out.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        out
    })
}
