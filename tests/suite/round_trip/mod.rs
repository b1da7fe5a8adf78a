//! Policies become files and the files the same policies again.

mod corpus;
mod edited;
mod exports;
mod sandbox;
mod tenant;

use serde_json::Value;

use crate::support::shared;

/// The published policies: each file with its path below the corpus. Empty when they are not there.
fn published() -> Vec<(String, Value)> {
    let files = shared::published().unwrap_or_default();
    files
        .into_iter()
        .map(|(name, bytes)| {
            let text = String::from_utf8(bytes).unwrap();
            let json = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            (name, json)
        })
        .collect()
}
