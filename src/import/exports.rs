//! Policies that somebody exported: Graph JSON in the shapes that other tools write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::compose::{Composed, LeftAlone, is_meant};
use super::key::key_of;
use super::spelling::alias;
use crate::model::{Cloud, Id, Kind, LivePolicy, Owner};
use crate::workspace::{Draft, Workspace, Written, policy_yaml, unknown_words};

/// What stands for the id of a policy whose export has none.
const NO_ID: &str = "-";

/// One exported policy.
#[derive(Debug, Clone)]
pub struct Export {
    /// The file it was in.
    pub file: String,
    /// The policy.
    pub live: LivePolicy,
}

/// Everything that was found in some exports.
#[derive(Debug, Clone, Default)]
pub struct Exports {
    /// The policies.
    pub policies: Vec<Export>,
    /// What ids are called, where the exports say so.
    pub names: BTreeMap<Id, String>,
    /// What was found and is no policy that can be read.
    pub left: Vec<LeftAlone>,
}

impl Exports {
    /// Takes a policy in Graph's form, or remembers why it cannot be read.
    pub(super) fn take(&mut self, file: &str, name: &str, mut policy: Map<String, Value>) {
        let default = |policy: &mut Map<String, Value>, key: &str, value: Value| {
            if policy.get(key).is_none_or(Value::is_null) {
                policy.insert(key.to_owned(), value);
            }
        };
        default(&mut policy, "id", json!(NO_ID));
        default(&mut policy, "displayName", json!(name));
        // An export that does not say is taken for the state in which nothing happens to anybody.
        default(
            &mut policy,
            "state",
            json!("enabledForReportingButNotEnforced"),
        );
        settle(&mut policy);
        let name = policy["displayName"].as_str().unwrap_or(name).to_owned();
        match LivePolicy::try_from(Value::Object(policy)) {
            Ok(live) => self.policies.push(Export {
                file: file.to_owned(),
                live,
            }),
            Err(problem) => self.left.push(LeftAlone {
                name,
                id: None,
                reason: format!("{file}: {problem}"),
            }),
        }
    }
}

/// Reads exports: single policies, arrays, `{"value": […]}`, and templates with their `details`.
pub fn graph_exports(files: &[(String, Value)]) -> Exports {
    let mut exports = Exports::default();
    for (file, json) in files {
        take(file, json, &mut exports);
    }
    exports
}

fn take(file: &str, json: &Value, exports: &mut Exports) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| take(file, item, exports)),
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str);
            let stem = file.rsplit('/').next().unwrap_or(file);
            let stem = stem.strip_suffix(".json").unwrap_or(stem);
            if let Some(items @ Value::Array(_)) = object.get("value") {
                take(file, items, exports);
            } else if object.contains_key("conditions") {
                exports.take(file, stem, object.clone());
            } else if let Some(Value::Object(details)) = object.get("details") {
                exports.take(file, text("name").unwrap_or(stem), details.clone());
            } else if let (Some(id), Some(name)) = (text("id"), text("displayName")) {
                exports.names.insert(Id::new(id), name.to_owned());
            } else {
                exports.left.push(LeftAlone {
                    name: file.to_owned(),
                    id: None,
                    reason: "it holds no policy".into(),
                });
            }
        }
        _ => {}
    }
}

/// Brings what other tools write differently into Graph's form.
fn settle(policy: &mut Map<String, Value>) {
    let Some(Value::Object(conditions)) = policy.get_mut("conditions") else {
        return;
    };
    if conditions
        .get("clientAppTypes")
        .is_none_or(|types| types.as_array().is_none_or(Vec::is_empty))
    {
        conditions.insert("clientAppTypes".into(), json!(["all"]));
    }
    for key in [
        "locations",
        "platforms",
        "devices",
        "clientApplications",
        "authenticationFlows",
    ] {
        let empty = |value: &Value| value == &json!([]) || value == &json!("");
        if conditions.get(key).is_some_and(empty) {
            conditions.remove(key);
        }
    }
    // Flags are one string in Graph and a list in some exports.
    let joined = |value: Option<&mut Value>| {
        if let Some(value) = value
            && let Value::Array(items) = value
        {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            *value = json!(words.join(","));
        }
    };
    joined(conditions.get_mut("insiderRiskLevels"));
    if let Some(flows) = conditions.get_mut("authenticationFlows") {
        joined(flows.get_mut("transferMethods"));
    }
}

/// A policy file for every export, with that export: ids as they are, with the names that the exports know
/// beside them.
pub fn export_drafts<'a>(
    exports: &'a Exports,
    workspace: &Workspace,
    tenant: Option<&str>,
    names_taken: &BTreeSet<String>,
    only: Option<&glob::Pattern>,
) -> (Vec<(Composed, &'a Export)>, Vec<LeftAlone>) {
    let mut taken: BTreeSet<String> = workspace.policy_keys().map(str::to_owned).collect();
    let mut left = exports.left.clone();
    let mut composed = Vec::new();
    let count = |name: &str| {
        let policies = exports.policies.iter();
        policies.filter(|own| own.live.policy.name == name).count()
    };
    for export in &exports.policies {
        let Export { file, live } = export;
        let name = &live.policy.name;
        if !is_meant(only, name, None) {
            continue;
        }
        let repeats = count(name) > 1;
        let pinned = repeats && Id::looks_like_guid(live.id.as_str());
        let unknown = unknown_words(&live.policy);
        let reason = if names_taken.contains(name) {
            Some("the workspace has a policy of that name already".to_owned())
        } else if repeats && !pinned {
            Some("another export has the same name, and the ids do not tell them apart".to_owned())
        } else if !unknown.is_empty() {
            Some(format!(
                "this version has no word for {}",
                unknown.join(", ")
            ))
        } else {
            None
        };
        if let Some(reason) = reason {
            left.push(LeftAlone {
                name: name.clone(),
                id: None,
                reason: format!("{file}: {reason}"),
            });
            continue;
        }
        let key = key_of(name, &mut taken);
        let mut remarks = vec![format!("From {file}.")];
        if !live.unmodelled.is_empty() {
            let paths: Vec<&str> = live.unmodelled.keys().map(String::as_str).collect();
            remarks.push(format!(
                "It also holds what a file cannot say: {}",
                paths.join(", ")
            ));
        }
        let draft = Draft {
            key: &key,
            policy: &live.policy,
            state: live.state,
            id: pinned.then_some(&live.id),
            tenant,
            owner: Owner::Workspace,
            unprotected: Vec::new(),
            remarks,
        };
        let text = policy_yaml(&draft, &|kind, id| written(kind, id, &exports.names));
        let file = Composed {
            path: PathBuf::from("policies").join(format!("{key}.yaml")),
            name: name.clone(),
            id: None,
            before: None,
            text,
            notes: Vec::new(),
            key,
        };
        composed.push((file, export));
    }
    (composed, left)
}

/// Names are those of another tenant, or nobody knows: the id stands, the name beside it.
fn written(kind: Kind, id: &Id, names: &BTreeMap<Id, String>) -> Written {
    Written {
        text: alias(kind, id, &Cloud::Global).map_or_else(|| id.to_string(), str::to_owned),
        principal: false,
        comment: names.get(id).cloned(),
    }
}
