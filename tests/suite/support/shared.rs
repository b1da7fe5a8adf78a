//! What several repositories share, beside this one: `../shared`.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

/// A file or folder of it; `None`, said aloud, when it is not there and need not be.
pub(crate) fn find(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(path);
    if found.exists() {
        return Some(found);
    }
    let required = std::env::var_os("PORTCULLIS_SHARED").is_some_and(|set| set == "required");
    assert!(!required, "{} is missing", found.display());
    println!("skipped: there is no ../shared/{path}");
    None
}

/// The published policies: each file's path below their folder and what it holds, in the order of the paths.
pub(crate) fn published() -> Option<Vec<(String, Vec<u8>)>> {
    let corpus = find("corpus/policies")?;
    let mut paths = Vec::new();
    collect(&corpus, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&corpus).unwrap();
        (
            name.to_string_lossy().into_owned(),
            std::fs::read(path).unwrap(),
        )
    };
    Some(paths.iter().map(read).collect())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "json") {
            into.push(path);
        }
    }
}
