//! The house keeps its rooms apart: who may use whom, what a pure room may know, how long a file may be.
//!
//! The sources are read as text. Comments, string literals and test modules are taken out first, so that
//! neither an example in a comment nor a test that looks across a border counts.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may use. `diagnostic` may be used by every room but `store`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "report",
            "apply",
            "signins",
            "graph",
            "sandbox",
            "workspace",
            "store",
            "guard",
            "plan",
            "rollout",
            "evidence",
            "check",
            "prove",
            "diff",
            "evaluate",
            "tenant",
            "model",
        ],
    ),
    (
        "report",
        &[
            "guard", "plan", "rollout", "evidence", "check", "prove", "diff", "evaluate", "tenant",
            "model",
        ],
    ),
    (
        "apply",
        &[
            "model", "tenant", "diff", "plan", "guard", "rollout", "store",
            // Not in the table of the design: `evidence::Remembered`, what the journal answers.
            "evidence",
        ],
    ),
    ("signins", &["model", "tenant", "evidence", "store"]),
    ("graph", &["model", "tenant"]),
    ("sandbox", &["model", "tenant", "evaluate", "store"]),
    ("workspace", &["model"]),
    ("store", &[]),
    ("guard", &["model", "tenant", "evaluate", "diff", "plan"]),
    (
        "plan",
        &[
            "model", "tenant", "evaluate", "prove", "diff", "rollout",
            // Not in the table of the design: a plan weighs the gates, whose input is a bundle.
            "evidence",
        ],
    ),
    (
        "rollout",
        &["model", "tenant", "evaluate", "diff", "evidence"],
    ),
    ("evidence", &["model", "tenant", "evaluate", "diff"]),
    ("check", &["model", "tenant", "evaluate", "prove"]),
    ("prove", &["model", "tenant", "evaluate"]),
    ("diff", &["model", "tenant"]),
    ("evaluate", &["model", "tenant"]),
    ("tenant", &["model"]),
    ("model", &[]),
    ("diagnostic", &[]),
];

/// The rooms that are functions of their arguments, and nothing else.
const PURE: &[&str] = &[
    "report",
    "guard",
    "plan",
    "rollout",
    "evidence",
    "check",
    "prove",
    "diff",
    "evaluate",
    "tenant",
    "model",
    "diagnostic",
];

/// What a pure room does not name: the run time, the network, the file system, the process, the clock.
/// Addresses are values, and `core::net` has nothing else.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "axum",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
];

/// What only `cli` does.
const TERMINAL: &[&str] = &[
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "io::stdout",
    "io::stderr",
    "process::exit",
    "anstream::",
];

const LONGEST: usize = 700;
const LONG: usize = 500;

struct File {
    room: String,
    path: String,
    text: String,
    /// The text without comments, literals and test modules.
    code: String,
}

#[test]
fn every_room_uses_only_the_rooms_it_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = MAY_USE
        .iter()
        .map(|(room, uses)| (*room, uses.iter().copied().collect()))
        .collect();
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| file.room != "lib") {
        let Some(may) = allowed.get(file.room.as_str()) else {
            wrong.push(format!(
                "{}: {} is a room without a line in the table",
                file.path, file.room
            ));
            continue;
        };
        for used in rooms_used(&file.code) {
            let diagnostic = used == "diagnostic" && file.room != "store" && file.room != "main";
            if used != file.room && !may.contains(used.as_str()) && !diagnostic {
                wrong.push(format!("{}: {} may not use {used}", file.path, file.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pure_room_knows_no_run_time_no_file_and_no_clock() {
    let mut wrong = Vec::new();
    for file in sources()
        .iter()
        .filter(|file| PURE.contains(&file.room.as_str()))
    {
        for word in IMPURE.iter().filter(|word| names(&file.code, word)) {
            wrong.push(format!("{} names {word}", file.path));
        }
        for (at, open) in file.code.match_indices("std::{") {
            for head in heads(&file.code[at + open.len()..]) {
                if IMPURE.contains(&format!("std::{head}").as_str()) {
                    wrong.push(format!("{} names std::{head}", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_file_names_the_yaml_crate() {
    let files: Vec<_> = sources()
        .into_iter()
        .filter(|file| names(&file.code, "serde_yaml"))
        .map(|file| file.path)
        .collect();
    assert_eq!(files, ["workspace/yaml.rs"]);
}

#[test]
fn only_the_cli_prints_or_exits() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| file.room != "cli") {
        for word in TERMINAL.iter().filter(|word| names(&file.code, word)) {
            wrong.push(format!("{} names {word}", file.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            wrong.push(format!(
                "{} has {lines} lines, {LONGEST} is the most",
                file.path
            ));
        } else if lines > LONG {
            println!("{} has {lines} lines", file.path);
        }
        if !file.text.starts_with("//! ") {
            wrong.push(format!("{} does not begin with what it is", file.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_say_what_a_thing_is() {
    let mut wrong = Vec::new();
    for file in sources() {
        let vague = |word: &str| {
            ["Manager", "Helper", "Util", "Utils"]
                .iter()
                .any(|vague| word.ends_with(vague))
        };
        for word in words(&file.code).filter(|word| vague(word)) {
            wrong.push(format!("{} has the name {word}", file.path));
        }
        let parts = file.path.trim_end_matches(".rs").split('/');
        for part in
            parts.filter(|part| ["manager", "helper", "helpers", "util", "utils"].contains(part))
        {
            wrong.push(format!("{} is called {part}", file.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_this_test_sees_what_it_should() {
    let code = bare(
        "use crate::{plan::{Plan, Note}, model::Id}; // crate::graph\n\
         /* crate::apply */ let text = \"crate::store\"; let c = '\"'; let raw = r#\"crate::cli\"#;\n\
         fn f<'a>(x: &'a crate::diff::Item) {}\n\
         #[cfg(test)]\nmod tests { use crate::report; fn g() { if true {} } }\n\
         #[cfg(test)]\nmod elsewhere;\n\
         use crate::tenant;",
    );
    assert_eq!(
        rooms_used(&code).into_iter().collect::<Vec<_>>(),
        ["diff", "model", "plan", "tenant"]
    );
    assert!(names("std::time::Instant::now()", "Instant"));
    assert!(!names("an_Instantly", "Instant"));
    assert!(!names("sprintln!()", "println!"));
}

/// The rooms that a file names, by `crate::room`, `crate::{room…}` and `portcullis::room`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for root in ["crate::", "portcullis::"] {
        for (at, _) in code.match_indices(root) {
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(heads(group)),
                None => rooms.extend(words(rest).next().map(str::to_owned)),
            }
        }
    }
    // Macros and constants at the root of the crate are no rooms.
    rooms.retain(|room| MAY_USE.iter().any(|(known, _)| known == room));
    rooms
}

/// The first word of each entry of a `{a::b, c::{d, e}}` whose opening brace is gone.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut entry = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(words(&std::mem::take(&mut entry)).next().map(str::to_owned))
            }
            _ if depth == 0 => entry.push(c),
            _ => {}
        }
    }
    heads.extend(words(&entry).next().map(str::to_owned));
    heads
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Whether a text holds a word or path, not as a part of a longer word.
fn names(code: &str, what: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(what).any(|(at, _)| {
        let open_end = what.ends_with(|c: char| c.is_alphanumeric());
        let begins = !inside(code[..at].chars().next_back());
        let ends = !open_end || !inside(code[at + what.len()..].chars().next());
        begins && ends
    })
}

/// Every source file that is no test.
fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let files: Vec<File> = paths
        .iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let text = fs::read_to_string(path).unwrap();
            let first = relative.components().next().unwrap().as_os_str();
            File {
                room: first.to_string_lossy().trim_end_matches(".rs").to_owned(),
                path: relative.to_string_lossy().replace('\\', "/"),
                code: bare(&text),
                text,
            }
        })
        .filter(|file| !is_test(&file.path))
        .collect();
    assert!(
        files.len() > 50,
        "the sources are not where this test looks"
    );
    files
}

fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "tests.rs" | "fixture.rs"))
}

fn collect(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file: no comments, no literals, no `#[cfg(test)]` items.
fn bare(text: &str) -> String {
    without_tests(&without_comments_and_literals(text))
}

fn without_comments_and_literals(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let previous_is_word = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if c == 'r' && !previous_is_word && raw_string(rest).is_some() {
            raw_string(rest).unwrap()
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && is_char_literal(rest) {
            quoted(rest, '\'')
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skipped..];
    }
    out
}

/// How many bytes a raw string at the beginning of `rest` has.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + body.find(&end)? + end.len())
}

/// How many bytes a literal with escapes has, quotes included.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are literals, `'a` is a lifetime.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = match (item.find('{'), item.find(';')) {
            (Some(brace), semicolon) if semicolon.is_none_or(|semicolon| brace < semicolon) => {
                closing(item, brace)
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => item.len(),
        };
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// The byte after the brace that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}
