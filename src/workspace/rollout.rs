//! The keys of a policy that steer its rollout: `rollout`, `weaken`, `break_glass`.

use super::read::{self, Findings, Table};
use super::tree::Node;
use crate::diagnostic::At;
use crate::model::{BreakGlassException, BreakGlassMode, InPlace, Rollout, Weaken};

/// What `defaults.rollout` may say.
pub(super) const DEFAULTS: &[&str] = &["soak", "promotion_valid_for"];
/// What the design names and this version does not know yet.
pub(super) const LATER: &[&str] = &["thresholds", "rings", "waivers", "twin"];

/// Reads the two times of a rollout.
pub(super) fn times(table: &Table<'_>, rollout: &mut Rollout, out: &mut Findings) {
    if let Some(soak) = table
        .get("soak")
        .and_then(|n| read::duration(n, "`soak`", out))
    {
        rollout.soak = soak.value;
    }
    let valid = table.get("promotion_valid_for");
    if let Some(valid) = valid.and_then(|n| read::duration(n, "`promotion_valid_for`", out)) {
        rollout.promotion_valid_for = valid.value;
    }
}

/// Reads `rollout`.
pub(super) fn rollout(node: &Node, defaults: &Rollout, out: &mut Findings) -> Rollout {
    let mut rollout = defaults.clone();
    let known = ["soak", "promotion_valid_for", "in_place"];
    if let Some(table) = Table::open(node, "`rollout`", &known, LATER, out) {
        times(&table, &mut rollout, out);
        rollout.in_place = table.get("in_place").and_then(|node| {
            let table = Table::open(node, "`in_place`", &["reason", "owner"], &[], out)?;
            let reason = read::required_text(&table, "reason", "`in_place`", out);
            let owner = read::required_text(&table, "owner", "`in_place`", out);
            Some(InPlace {
                reason: reason?,
                owner: owner?,
            })
        });
    }
    rollout
}

/// Reads `weaken`.
pub(super) fn weaken(node: &Node, out: &mut Findings) -> Option<At<Weaken>> {
    let what = "`weaken`";
    let table = Table::open(
        node,
        what,
        &["reason", "owner", "ticket", "until"],
        &[],
        out,
    )?;
    let reason = read::required_text(&table, "reason", what, out);
    let owner = read::required_text(&table, "owner", what, out);
    let ticket = read::optional_text(&table, "ticket", what, out);
    let until = table
        .require("until", out)
        .and_then(|node| read::date(node, "`until`", out));
    let weaken = Weaken {
        reason: reason?,
        owner: owner?,
        ticket,
        until: until?.value,
    };
    Some(At::new(weaken, node.source.clone()))
}

/// Reads `break_glass`.
pub(super) fn break_glass(node: &Node, out: &mut Findings) -> Option<BreakGlassException> {
    let what = "`break_glass`";
    let table = Table::open(node, what, &["mode", "reason", "owner"], &[], out)?;
    let mode = table.require("mode", out).and_then(|node| {
        let (words, from) = (BreakGlassMode::WORDS, BreakGlassMode::from_word);
        read::word(node, "`mode`", words, from, out)
    });
    let reason = read::required_text(&table, "reason", what, out);
    let owner = read::required_text(&table, "owner", what, out);
    Some(BreakGlassException {
        mode: mode?.value,
        reason: reason?,
        owner: owner?,
    })
}
