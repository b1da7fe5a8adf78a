//! Published policies, each posted to the sandbox: accepted and read back the same, or refused with the
//! documented code and a sentence that says what is wrong with that file.
//!
//! Nothing of a published file is in these sources: a file is named by its hash.
#![allow(clippy::print_stdout)]

mod files;
mod provided;
mod refusals;
mod same;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Workspace;
use files::{Published, is_beta, writable};
use provided::Provided;
use refusals::{REFUSALS, Refusal};
pub(crate) use same::differences;

/// How many policies were published.
const PUBLISHED: usize = 153;

/// Posts what a tool would write: the part of the file that can be written, with the names and the marks
/// that stand for somebody replaced by ids of the tenant.
#[test]
fn each_published_policy_is_accepted_and_reads_back_the_same_or_is_refused_for_what_is_wrong_with_it()
 {
    let Some(published) = files::published() else {
        return;
    };
    assert_eq!(published.len(), PUBLISHED);
    let expected: BTreeMap<&str, &Refusal> = REFUSALS
        .iter()
        .flat_map(|refusal| refusal.files.iter().map(move |file| (*file, refusal)))
        .collect();
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut provided = Provided::new(&tenant);
    let mut problems = Vec::new();
    let mut accepted = 0;
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for Published { hash, policy } in &published {
        let mut body = writable(policy);
        provided.provide(&mut body);
        let path = path(is_beta(&body));
        let (status, answer) = tenant.request("POST", path, Some(&body));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        match (status, expected.get(hash.as_str())) {
            (201, None) => {
                accepted += 1;
                let id = answer["id"].as_str().unwrap();
                let read = tenant.get_with_new_members(&format!("{path}/{id}"));
                for difference in same::differences(&body, &read) {
                    problems.push(format!("{hash} reads back differently: {difference}"));
                }
            }
            (400, Some(refusal)) => {
                *refused.entry(refusal.because).or_default() += 1;
                let (message, detail) = said(&answer);
                if !message.starts_with(refusal.code) || !detail.contains(refusal.says) {
                    problems.push(format!(
                        "{hash} is refused for something else: {message} / {detail}"
                    ));
                }
            }
            (_, expected) => {
                let (message, detail) = said(&answer);
                let expected = expected.map(|refusal| refusal.because);
                problems.push(format!(
                    "{hash}: {status} {message} / {detail}, expected {expected:?}"
                ));
            }
        }
    }
    println!("{accepted} of {PUBLISHED} published policies are accepted and read back the same");
    for (because, files) in &refused {
        println!("{files} refused: {because}");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(accepted + expected.len(), PUBLISHED);
}

/// Posts the files as they are: what a service answers beside what can be written is refused by name.
#[test]
fn a_published_policy_sent_as_it_is_is_refused_for_a_key_that_nobody_can_write() {
    let Some(published) = files::published() else {
        return;
    };
    let workspace = Workspace::new();
    let tenant = workspace.serve();
    let mut refused = 0;
    for Published { hash, policy } in &published {
        let unwritable = files::unwritable(policy);
        if unwritable.is_empty() {
            continue;
        }
        refused += 1;
        let (status, answer) = tenant.request("POST", path(false), Some(policy));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let (message, detail) = said(&answer);
        assert_eq!(status, 400, "{hash}: {answer}");
        assert!(
            message.starts_with("1007: ") || message.starts_with("1038: "),
            "{hash}: {message}"
        );
        // What is not a key of v1.0 is named, unless something else of the shape is wrong before it.
        let named = unwritable
            .iter()
            .any(|key| detail.contains(&format!("`{key}`")));
        let other = detail.contains("has no member") || detail.contains("null");
        assert!(
            named || other,
            "{hash}: {detail} does not name one of {unwritable:?}"
        );
    }
    assert!(refused > PUBLISHED / 2, "{refused}");
    println!("{refused} of {PUBLISHED} published policies hold a key that cannot be written");
}

fn path(beta: bool) -> &'static str {
    match beta {
        true => "/beta/identity/conditionalAccess/policies",
        false => "/v1.0/identity/conditionalAccess/policies",
    }
}

/// The numbered text of a refusal, and what exactly it is about: beta puts the former inside, and where
/// the text is one for many causes the latter stands beside it.
fn said(answer: &Value) -> (String, String) {
    let error = &answer["error"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let message = text(&error["innerError"]["message"])
        .or_else(|| text(&error["message"]))
        .unwrap_or_default();
    let detail = text(&error["innerError"]["detail"]).unwrap_or_else(|| message.clone());
    (message, detail)
}

#[test]
fn a_difference_between_what_was_sent_and_what_is_read_is_found() {
    let sent = json!({"displayName": "A", "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": ["x", "y"]}}});
    let read = |users: Value| json!({"id": "1", "displayName": "A", "conditions": {"users": users, "platforms": null}});
    let same = json!({"includeUsers": ["All"], "excludeUsers": ["Y", "X"], "includeGroups": []});
    assert_eq!(same::differences(&sent, &read(same)), Vec::<String>::new());
    for different in [
        json!({"includeUsers": ["All"], "excludeUsers": ["x"]}),
        json!({"includeUsers": ["All"], "excludeUsers": ["x", "y"], "includeGroups": ["g"]}),
        json!({"excludeUsers": ["x", "y"]}),
    ] {
        assert_eq!(
            same::differences(&sent, &read(different.clone())).len(),
            1,
            "{different}"
        );
    }
}
