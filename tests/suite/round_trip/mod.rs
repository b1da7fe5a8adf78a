//! Policies become files and the files the same policies again.

mod corpus;
mod edited;
mod exports;
mod sandbox;
mod tenant;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The published policies beside the checkout, or beside the folder of a worktree: each file with its
/// path below the corpus. Empty, and said so, when they are not there.
#[allow(clippy::print_stdout)]
fn published() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = ["../shared", "../../shared"]
        .map(|shared| root.join(shared).join("corpus/policies"))
        .into_iter()
        .find(|corpus| corpus.is_dir());
    let Some(corpus) = corpus else {
        let required = std::env::var("PORTCULLIS_SHARED").is_ok_and(|value| value == "required");
        assert!(!required, "no shared corpus beside the checkout");
        println!("skipped: no shared corpus beside the checkout");
        return Vec::new();
    };
    let mut paths = Vec::new();
    collect(&corpus, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let json = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            let name = path.strip_prefix(&corpus).unwrap();
            (name.to_string_lossy().into_owned(), json)
        })
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "json") {
            into.push(path);
        }
    }
}
