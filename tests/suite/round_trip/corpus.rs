//! What people published, from Graph JSON to YAML to the model to Graph JSON.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis::diff;
use portcullis::import::{Export, graph_exports};
use portcullis::model::{Id, Kind, LivePolicy, Owner, create_json};
use portcullis::workspace::{Draft, Written, load_with, policy_yaml, unknown_words};
use serde_json::json;

use super::published;

/// Policies that hold words which are none of Graph's, or of its beta only.
const NOT_GRAPH: &[&str] = &[
    "AlexFilipin-ConditionalAccess/209-RING-Base-protection-All-apps-Require-compliant-network.json",
];

fn yaml(live: &LivePolicy) -> String {
    let draft = Draft {
        key: "published",
        policy: &live.policy,
        state: live.state,
        id: None,
        tenant: None,
        owner: Owner::Workspace,
        unprotected: Vec::new(),
        remarks: Vec::new(),
    };
    let as_id = |_: Kind, id: &Id| Written {
        text: id.to_string(),
        principal: false,
        comment: None,
    };
    policy_yaml(&draft, &as_id)
}

/// The policy in a file, as the service would hold it after it was created.
fn read_back(text: &str) -> Result<LivePolicy, String> {
    let folder = tempfile::tempdir().unwrap();
    let drafts = BTreeMap::from([
        (
            PathBuf::from("portcullis.yaml"),
            "version: 1\ntenants: {sandbox: {sandbox: true}}\n".to_owned(),
        ),
        (PathBuf::from("policies/published.yaml"), text.to_owned()),
    ]);
    let loaded = load_with(folder.path(), drafts);
    let Some(workspace) = loaded.workspace else {
        let findings: Vec<_> = loaded.findings.iter().map(|f| f.message.clone()).collect();
        return Err(findings.join("; "));
    };
    let desired = workspace.desired("sandbox").unwrap();
    let policy = &desired.policies["published"];
    let content = policy
        .policy
        .map(|_, name| Some(Id::new(name.text.clone())));
    let state = match policy.state.as_ref().unwrap().value.word() {
        "on" => portcullis::model::State::On,
        "off" => portcullis::model::State::Off,
        _ => portcullis::model::State::ReportOnly,
    };
    let mut body = create_json(&content, state);
    body["id"] = json!("-");
    Ok(LivePolicy::try_from(body).unwrap())
}

#[test]
fn every_published_policy_goes_to_yaml_and_back() {
    let files = published();
    if files.is_empty() {
        return;
    }
    assert_eq!(files.len(), 153);
    let exports = graph_exports(&files);
    let (mut same, mut others, mut wrong) = (0, Vec::new(), Vec::new());
    for Export { file, live } in &exports.policies {
        let unknown = unknown_words(&live.policy);
        if !unknown.is_empty() {
            others.push(format!("{file}: {}", unknown.join(", ")));
            continue;
        }
        let text = yaml(live);
        match read_back(&text) {
            Ok(again) => {
                let differences = diff::compare(&live.policy, &again.policy);
                if !differences.is_empty() || again.state != live.state || yaml(&again) != text {
                    wrong.push(format!("{file}: {differences:#?}"));
                }
                same += 1;
            }
            Err(problem) => wrong.push(format!("{file}: {problem}")),
        }
    }
    println!("{same} of {} come back the same", files.len());
    for other in others
        .iter()
        .chain(exports.left.iter().map(|left| &left.reason))
    {
        println!("  {other}");
    }
    println!("{wrong:#?}");
    assert!(wrong.is_empty(), "{} wrong", wrong.len());
    let _ = NOT_GRAPH;
}
