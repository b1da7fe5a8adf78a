//! `promotions/TENANT/KEY.yaml`: read, and written in one fixed form.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::read::{self, Findings, Table};
use super::tree::Node;
use crate::diagnostic::{At, Diagnostic};
use crate::model::{Emergency, Id, PromotionRecord};

const KEYS: &[&str] = &[
    "policy",
    "tenant_id",
    "policy_id",
    "content",
    "exclusions",
    "live_modified",
    "weighed_at",
    "bundle",
    "gates",
    "emergency",
];

/// Where the record of a policy in a tenant stands, relative to the workspace.
pub fn record_path(tenant: &str, key: &str) -> PathBuf {
    PathBuf::from("promotions")
        .join(tenant)
        .join(format!("{key}.yaml"))
}

/// The record as YAML, in the order of the design; the same record always gives the same text.
pub fn record_yaml(record: &PromotionRecord) -> String {
    let PromotionRecord {
        policy,
        tenant_id,
        policy_id,
        content,
        exclusions,
        live_modified,
        weighed_at,
        bundle,
        gates,
        emergency,
    } = record;
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {}", quoted(value));
    };
    line("policy", policy);
    line("tenant_id", tenant_id.as_str());
    line("policy_id", policy_id.as_str());
    line("content", content);
    line("exclusions", exclusions);
    line("live_modified", &live_modified.to_string());
    line("weighed_at", &weighed_at.to_string());
    line("bundle", bundle);
    if gates.is_empty() {
        text.push_str("gates: {}\n");
    } else {
        text.push_str("gates:\n");
        for (gate, verdict) in gates {
            let _ = writeln!(text, "  {}: {}", quoted(gate), quoted(verdict));
        }
    }
    if let Some(Emergency { reason }) = emergency {
        let _ = writeln!(text, "emergency:\n  reason: {}", quoted(reason));
    }
    text
}

/// A scalar that every YAML reader takes as text: plain where that is certain, else in double quotes.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let certain = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(plain)
        && !text.ends_with(':')
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.parse::<f64>().is_err()
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if certain {
        return text.to_owned();
    }
    super::write::quoted(text)
}

/// Reads a record that stands under `key`.
pub(super) fn lower(root: &Node, key: &str, out: &mut Findings) -> Option<At<PromotionRecord>> {
    let what = "the promotion record";
    let table = Table::open(root, what, KEYS, &[], out)?;
    let text = |key: &str, out: &mut Findings| read::required_text(&table, key, what, out);
    let policy = text("policy", out);
    if let Some(policy) = policy.as_ref().filter(|policy| *policy != key) {
        let message = format!("the record is of policy `{policy}` and stands under `{key}`");
        let source = table
            .get("policy")
            .map_or(table.source(), |node| &node.source)
            .clone();
        out.push(
            Diagnostic::error("wrong-record", message, source).help(format!(
                "a record is never moved by hand: delete it and run `portcullis promote {key}`"
            )),
        );
    }
    let tenant_id = table
        .require("tenant_id", out)
        .and_then(|node| read::guid(node, "`tenant_id`", out));
    let policy_id = text("policy_id", out).map(Id::new);
    let content = text("content", out);
    let exclusions = text("exclusions", out);
    let live_modified = time(&table, "live_modified", out);
    let weighed_at = time(&table, "weighed_at", out);
    let bundle = text("bundle", out);
    let mut gates = std::collections::BTreeMap::new();
    let entries = table
        .require("gates", out)
        .map_or(&[][..], |node| super::config::mapping(node, "`gates`", out));
    for (gate, verdict) in entries {
        if let Some(verdict) = read::text(verdict, &format!("gate `{}`", gate.text), out) {
            gates.insert(gate.text.clone(), verdict.value);
        }
    }
    let emergency = table.get("emergency").and_then(|node| {
        let table = Table::open(node, "`emergency`", &["reason"], &[], out)?;
        // As it was given on the command line, whatever characters that were.
        let reason = read::scalar(table.require("reason", out)?).to_owned();
        Some(Emergency { reason })
    });
    if table.get("emergency").is_some() && emergency.is_none() {
        return None;
    }
    let record = PromotionRecord {
        policy: policy?,
        tenant_id: tenant_id?.value,
        policy_id: policy_id?,
        content: content?,
        exclusions: exclusions?,
        live_modified: live_modified?,
        weighed_at: weighed_at?,
        bundle: bundle?,
        gates,
        emergency,
    };
    (record.policy == key).then(|| At::new(record, root.source.clone()))
}

fn time(table: &Table<'_>, key: &str, out: &mut Findings) -> Option<Timestamp> {
    let text = read::text(table.require(key, out)?, &format!("`{key}`"), out)?;
    text.value
        .parse()
        .map_err(|_| {
            let message = format!("`{}` is not a time", text.value);
            out.push(
                Diagnostic::error("bad-value", message, text.source.clone())
                    .help(format!("write `{key}` as 2026-11-09T08:00:00Z")),
            );
        })
        .ok()
}
