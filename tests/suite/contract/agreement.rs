//! Our tables and the official OpenAPI subset say the same, but for what is listed with a reason.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;

use super::checker::operations::{Answer, Operation};
use super::checker::tables::{Kind, Property, Tables, Words};
use super::openapi;

/// The subset, or `None` and a word about it.
fn official() -> Option<&'static Tables> {
    let official = openapi::tables();
    if official.is_none() {
        println!("skipped: the OpenAPI subset is not at hand");
    }
    official
}

/// The differences that are known, each with its reason.
fn known() -> BTreeSet<&'static str> {
    include_str!("../../contract/differences.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (difference, reason) = line.split_once("--").unwrap_or((line, ""));
            assert!(!reason.trim().is_empty(), "no reason: {line}");
            difference.trim()
        })
        .collect()
}

#[track_caller]
fn assert_known(found: BTreeSet<String>, of: &str) {
    let known: BTreeSet<String> = known()
        .into_iter()
        .filter(|line| line.starts_with(of))
        .map(str::to_owned)
        .collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "differences.txt does not list: {new:#?}\ndifferences.txt lists, and there is none: {gone:#?}"
    );
}

/// A kind in the words of the tables; what we say more precisely counts as the same.
fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Guid | Kind::Text => "text".to_owned(),
        Kind::List(element) => format!("[{}]", self::kind(element)),
        Kind::Named(name) => name.clone(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn shown(property: &Property) -> String {
    let null = if property.nullable { "?" } else { "" };
    format!("{}{null}", kind(&property.kind))
}

fn members(words: &Words) -> String {
    let sorted = |list: &[String]| {
        let sorted: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        sorted.into_iter().collect::<Vec<_>>().join(" ")
    };
    let kind = if words.flags { "flags" } else { "enum" };
    format!(
        "{kind} {} later {}",
        sorted(&words.members),
        sorted(&words.later)
    )
}

#[test]
fn types_have_the_same_properties() {
    let Some(official) = official() else { return };
    let ours = Tables::ours();
    let mut found = BTreeSet::new();
    for name in official.types.keys() {
        // A collection has one envelope, whatever is in it.
        if name == "collection" || name.ends_with("CollectionResponse") {
            continue;
        }
        if !ours.types.contains_key(name) {
            found.insert(format!("type {name} not ours"));
            continue;
        }
        let (their, own) = (official.properties(name), ours.properties(name));
        for property in their {
            match own.iter().find(|own| own.name == property.name) {
                None => {
                    found.insert(format!("type {name}.{} not ours", property.name));
                }
                Some(own) if shown(own) != shown(property) => {
                    found.insert(format!(
                        "type {name}.{} {} official {}",
                        property.name,
                        shown(own),
                        shown(property)
                    ));
                }
                Some(_) => {}
            }
        }
        for own in own {
            let known = their.iter().any(|property| property.name == own.name);
            if !known && !own.marks.beta {
                found.insert(format!("type {name}.{} not official", own.name));
            }
        }
    }
    assert_known(found, "type ");
}

#[test]
fn enumerations_have_the_same_members() {
    let Some(official) = official() else { return };
    let ours = Tables::ours();
    let mut found = BTreeSet::new();
    for (name, words) in &official.words {
        match ours.words.get(name) {
            None => {
                found.insert(format!("members {name} not ours"));
            }
            Some(own) if members(own) != members(words) => {
                found.insert(format!(
                    "members {name} {} official {}",
                    members(own),
                    members(words)
                ));
            }
            Some(_) => {}
        }
    }
    assert_known(found, "members ");
}

/// An operation without the names of its holes.
fn line(operation: &Operation) -> String {
    let mut path = String::new();
    let mut inside = false;
    for letter in operation.path.chars() {
        inside = (inside || letter == '{') && letter != '}';
        if !inside {
            path.push(if letter == '}' { '*' } else { letter });
        }
    }
    format!("{} {path}", operation.method)
}

fn answers(operation: &Operation) -> BTreeSet<String> {
    let answers = operation.answers.iter();
    answers
        .map(|(status, answer)| match answer {
            Answer::Nothing => status.to_string(),
            Answer::Count => format!("{status} count"),
            Answer::One(name) => format!("{status} {name}"),
            Answer::Many(name) => format!("{status} [{name}]"),
        })
        .collect()
}

#[test]
fn operations_take_and_answer_the_same() {
    let Some(official) = official() else { return };
    let mut found = BTreeSet::new();
    for own in &Tables::ours().operations {
        let Some(their) = official
            .operations
            .iter()
            .find(|their| line(their) == line(own))
        else {
            continue;
        };
        if !answers(own).is_subset(&answers(their)) {
            found.insert(format!(
                "operation {} answers {:?} official {:?}",
                line(own),
                answers(own),
                answers(their)
            ));
        }
        if own.body != their.body {
            found.insert(format!(
                "operation {} takes {:?} official {:?}",
                line(own),
                own.body,
                their.body
            ));
        }
        for option in &own.options {
            if !their.options.contains(option) {
                found.insert(format!("operation {} ?{option} not official", line(own)));
            }
        }
    }
    assert_known(found, "operation ");
}

#[test]
fn operations_of_the_subset_are_ours_or_left_out_on_purpose() {
    let Some(official) = official() else { return };
    let ours: BTreeSet<String> = Tables::ours().operations.iter().map(line).collect();
    let found = official
        .operations
        .iter()
        .map(line)
        .filter(|line| {
            let (verb, path) = line.split_once(' ').unwrap();
            let aliased = Tables::ours().aliases.iter().find_map(|(other, ours)| {
                Some(format!(
                    "{verb} {ours}{}",
                    path.strip_prefix(other.as_str())?
                ))
            });
            !ours.contains(line) && !aliased.is_some_and(|line| ours.contains(&line))
        })
        .map(|line| format!("left-out {line}"))
        .collect();
    assert_known(found, "left-out ");
}
