//! `target_resources` and `conditions`: what a policy is about, and under which circumstances.

use std::collections::BTreeSet;

use super::policy_users::{alone, named, names};
use super::read::{self, Findings, Table, listed};
use super::tree::{Key, Node};
use crate::diagnostic::{At, Diagnostic};
use crate::model::{
    ClientApp, Conditions, Filter, FilterMode, InsiderRisk, LocationSet, Locations, Name, Platform,
    Platforms, RiskLevel, Suite, TargetSet, Targets, TransferMethod, UserAction,
};

/// The pseudo-location of the old MFA trusted addresses (contract section 1.2).
pub(super) const MFA_TRUSTED_IPS: &str = "00000000-0000-0000-0000-000000000000";

/// Reads `target_resources`.
pub(super) fn targets(node: &Node, out: &mut Findings) -> Targets<Name> {
    let mut targets = Targets::default();
    let what = "`target_resources`";
    if node.entries().is_none() {
        targets.include = target_set(node, "`target_resources`", out);
        return targets;
    }
    let keys = [
        "include",
        "exclude",
        "user_actions",
        "authentication_contexts",
        "filter",
    ];
    let Some(table) = Table::open(node, what, &keys, &[], out) else {
        return targets;
    };
    if let Some(node) = table.get("include") {
        targets.include = target_set(node, "`target_resources.include`", out);
    }
    if let Some(node) = table.get("exclude") {
        targets.exclude = excluded_targets(node, out);
    }
    if let Some(node) = table.get("user_actions") {
        targets.user_actions = read::words(
            node,
            "`user_actions`",
            UserAction::WORDS,
            UserAction::from_word,
            out,
        );
    }
    if let Some(node) = table.get("authentication_contexts") {
        for entry in names(
            read::some_items(node, "`authentication_contexts`", out),
            out,
        ) {
            let number = entry
                .value
                .strip_prefix('c')
                .and_then(|n| n.parse::<u8>().ok());
            if number.is_some_and(|n| (1..=99).contains(&n) && entry.value == format!("c{n}")) {
                targets.authentication_contexts.insert(entry.value);
            } else {
                let message = format!("`{}` is not an authentication context", entry.value);
                out.push(
                    Diagnostic::error("bad-value", message, entry.source)
                        .help("they are `c1` to `c99`"),
                );
            }
        }
    }
    targets.filter = table.get("filter").and_then(|node| filter(node, out));
    let groups: Vec<&Key> = [
        table
            .pair("include")
            .or_else(|| table.pair("filter"))
            .or_else(|| table.pair("exclude")),
        table.pair("user_actions"),
        table.pair("authentication_contexts"),
    ]
    .into_iter()
    .flatten()
    .map(|(key, _)| key)
    .collect();
    match groups.as_slice() {
        [first, second, ..] => out.push(
            Diagnostic::error(
                "bad-combination",
                format!(
                    "`{}` and `{}` cannot stand in one policy (Graph error 1012)",
                    first.text, second.text
                ),
                second.source.clone(),
            )
            .label(first.source.clone(), "the other one")
            .help("make two policies of it"),
        ),
        [] => out.push(read::missing("include", what, table.source().clone())),
        [only] if only.text == "exclude" => {
            out.push(read::missing("include", what, table.source().clone()));
        }
        _ => {}
    }
    targets
}

fn target_set(node: &Node, what: &str, out: &mut Findings) -> TargetSet<Name> {
    let seen = names(read::some_items(node, what, out), out);
    alone(&seen, &["all", "none"], what, out);
    split_targets(seen, out)
}

fn excluded_targets(node: &Node, out: &mut Findings) -> TargetSet<Name> {
    let seen = names(read::items(node, "`target_resources.exclude`", out), out);
    for entry in &seen {
        if matches!(entry.value.as_str(), "all" | "none" | "all-agent-resources") {
            let message = format!("`{}` cannot be excluded", entry.value);
            out.push(
                Diagnostic::error("bad-value", message, entry.source.clone())
                    .help("exclude single applications, `office-365` or `admin-portals`"),
            );
        }
    }
    split_targets(seen, out)
}

fn split_targets(seen: Vec<At<String>>, out: &mut Findings) -> TargetSet<Name> {
    let mut set = TargetSet::default();
    let mut apps = Vec::new();
    for entry in seen {
        let word = entry.value.as_str();
        let wire = Suite::from_wire(word);
        let meant = match word.to_ascii_lowercase().as_str() {
            "all" => Some("all"),
            "none" => Some("none"),
            _ if !matches!(wire, Suite::Unknown(_)) => Some(wire.word()),
            _ => None,
        };
        match (word, Suite::from_word(word), meant) {
            ("all", ..) => set.all = true,
            ("none", ..) => set.none = true,
            (_, Some(suite), _) => {
                set.suites.insert(suite);
            }
            (_, None, Some(meant)) => {
                let message = format!("`{word}` is not how this file spells it");
                out.push(
                    Diagnostic::error("bad-value", message, entry.source.clone())
                        .help(format!("write `{meant}`")),
                );
            }
            _ => apps.push(entry),
        }
    }
    set.apps = named(apps, "");
    set
}

/// Reads a rule with its mode.
pub(super) fn filter(node: &Node, out: &mut Findings) -> Option<Filter> {
    let table = Table::open(node, "a filter", &["mode", "rule"], &[], out)?;
    let mode = table.require("mode", out);
    let mode =
        mode.and_then(|n| read::word(n, "`mode`", FilterMode::WORDS, FilterMode::from_word, out));
    let rule = table
        .require("rule", out)
        .and_then(|node| read::text(node, "`rule`", out));
    Some(Filter {
        mode: mode?.value,
        rule: rule?.value,
    })
}

const CONDITIONS: &[&str] = &[
    "client_apps",
    "platforms",
    "locations",
    "sign_in_risk",
    "user_risk",
    "insider_risk",
    "service_principal_risk",
    "device_filter",
    "authentication_flows",
];

/// Reads `conditions` into what the policy already has.
pub(super) fn conditions(node: &Node, conditions: &mut Conditions<Name>, out: &mut Findings) {
    let Some(table) = Table::open(node, "`conditions`", CONDITIONS, &[], out) else {
        return;
    };
    if let Some(node) = table.get("client_apps") {
        let apps = read::words(
            node,
            "`client_apps`",
            ClientApp::WORDS,
            ClientApp::from_word,
            out,
        );
        not_beside_all(node, &apps, &ClientApp::All, "`client_apps`", out);
        if !apps.is_empty() {
            conditions.client_apps = apps;
        }
    }
    let risk = |key: &str, out: &mut Findings| match table.get(key) {
        Some(node) => read::words(
            node,
            &format!("`{key}`"),
            RiskLevel::WORDS,
            RiskLevel::from_word,
            out,
        ),
        None => BTreeSet::new(),
    };
    conditions.sign_in_risk = risk("sign_in_risk", out);
    conditions.user_risk = risk("user_risk", out);
    if let Some(node) = table.get("service_principal_risk") {
        let levels: Vec<_> = RiskLevel::WORDS
            .iter()
            .copied()
            .filter(|word| *word != "hidden")
            .collect();
        let level =
            |word: &str| RiskLevel::from_word(word).filter(|level| *level != RiskLevel::Hidden);
        conditions.service_principal_risk =
            read::words(node, "`service_principal_risk`", &levels, level, out);
    }
    if let Some(node) = table.get("insider_risk") {
        conditions.insider_risk = read::words(
            node,
            "`insider_risk`",
            InsiderRisk::WORDS,
            InsiderRisk::from_word,
            out,
        );
    }
    if let Some(node) = table.get("authentication_flows") {
        let (words, from) = (TransferMethod::WORDS, TransferMethod::from_word);
        conditions.flows = read::words(node, "`authentication_flows`", words, from, out);
        not_beside_all(
            node,
            &conditions.flows,
            &TransferMethod::None,
            "`authentication_flows`",
            out,
        );
    }
    conditions.device_filter = table
        .get("device_filter")
        .and_then(|node| filter(node, out));
    conditions.platforms = table.get("platforms").and_then(|node| platforms(node, out));
    conditions.locations = table.get("locations").and_then(|node| locations(node, out));
}

fn not_beside_all<T: Ord>(node: &Node, set: &BTreeSet<T>, all: &T, what: &str, out: &mut Findings) {
    if set.len() > 1 && set.contains(all) {
        out.push(
            Diagnostic::error(
                "bad-combination",
                format!("an entry of {what} stands beside others that it excludes or contains"),
                node.source.clone(),
            )
            .help("keep it alone, or only the others"),
        );
    }
}

/// The two sides of a condition; a list alone is what is included.
fn sides<'a>(
    node: &'a Node,
    what: &str,
    out: &mut Findings,
) -> Option<(&'a Node, Option<&'a Node>)> {
    if node.entries().is_none() {
        return Some((node, None));
    }
    let table = Table::open(node, what, &["include", "exclude"], &[], out)?;
    let include = table.get("include");
    if include.is_none() {
        out.push(
            read::missing("include", what, table.source().clone())
                .help("add `include: [all]` before the exclusions"),
        );
    }
    Some((include?, table.get("exclude")))
}

fn platforms(node: &Node, out: &mut Findings) -> Option<Platforms> {
    let (include, exclude) = sides(node, "`platforms`", out)?;
    let included = read::words(
        include,
        "`platforms`",
        Platform::WORDS,
        Platform::from_word,
        out,
    );
    not_beside_all(include, &included, &Platform::All, "`platforms`", out);
    let mut platforms = Platforms {
        include: included,
        exclude: BTreeSet::new(),
    };
    if let Some(node) = exclude {
        let words: Vec<_> = Platform::WORDS
            .iter()
            .copied()
            .filter(|word| *word != "all")
            .collect();
        let read =
            |word: &str| Platform::from_word(word).filter(|platform| *platform != Platform::All);
        for item in read::items(node, "`platforms.exclude`", out) {
            platforms.exclude.extend(
                read::word(item, "`platforms.exclude`", &words, read, out).map(|at| at.value),
            );
        }
        both(
            platforms
                .include
                .intersection(&platforms.exclude)
                .map(Platform::word),
            node,
            out,
        );
    }
    Some(platforms)
}

fn both<'a>(words: impl Iterator<Item = &'a str>, node: &Node, out: &mut Findings) {
    let words: Vec<_> = words.collect();
    if !words.is_empty() {
        let message = format!("{} is both included and excluded", listed(&words));
        out.push(
            Diagnostic::warning("included-and-excluded", message, node.source.clone())
                .help("remove one of them"),
        );
    }
}

fn locations(node: &Node, out: &mut Findings) -> Option<Locations<Name>> {
    let (include, exclude) = sides(node, "`locations`", out)?;
    let seen = names(read::some_items(include, "`locations`", out), out);
    alone(&seen, &["all"], "`locations.include`", out);
    let mut locations = Locations {
        include: location_set(&seen, out),
        exclude: LocationSet::default(),
    };
    if let Some(node) = exclude {
        let excluded = names(read::items(node, "`locations.exclude`", out), out);
        for entry in excluded.iter().filter(|entry| entry.value == "all") {
            out.push(
                Diagnostic::error(
                    "bad-value",
                    "`all` cannot be excluded",
                    entry.source.clone(),
                )
                .help("exclude `all-trusted` or named locations"),
            );
        }
        both(
            excluded
                .iter()
                .filter(|entry| seen.contains(entry))
                .map(|entry| entry.value.as_str()),
            node,
            out,
        );
        locations.exclude = location_set(&excluded, out);
    }
    Some(locations)
}

fn location_set(entries: &[At<String>], out: &mut Findings) -> LocationSet<Name> {
    let mut set = LocationSet::default();
    for entry in entries {
        match entry.value.as_str() {
            "all" => set.all = true,
            "all-trusted" => set.all_trusted = true,
            "mfa-trusted-ips" | MFA_TRUSTED_IPS => set.mfa_trusted_ips = true,
            "All" | "AllTrusted" => {
                let message = format!("`{}` is not how this file spells it", entry.value);
                let meant = if entry.value == "All" {
                    "all"
                } else {
                    "all-trusted"
                };
                out.push(
                    Diagnostic::error("bad-value", message, entry.source.clone())
                        .help(format!("write `{meant}`")),
                );
            }
            _ => {
                set.named
                    .insert(Name::new(entry.value.clone(), entry.source.clone()));
            }
        }
    }
    set
}
