//! What people published, from Graph JSON to YAML to the model to Graph JSON.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis::diff;
use portcullis::import::{Export, graph_exports};
use portcullis::model::{Id, Kind, LivePolicy, Owner, create_json};
use portcullis::workspace::{Draft, Written, load_with, policy_yaml, unknown_words};
use serde_json::{Value, json};

use super::published;
use crate::corpus::differences;

/// What is published and no v1.0 policy: targets and controls of beta, a word and a role that are none.
const NO_V1_POLICY: &[&str] = &[
    "AlexFilipin-ConditionalAccess/801-RING-Global-Secure-Access-M365-Traffic-Require-Strong-Auth.json",
    "AlexFilipin-ConditionalAccess/802-RING-Global-Secure-Access-Specific-Websites-Block.json",
    "Clutch2View-nis2-conditional-access-policies/CA020-require-compliant-network-gsa.json",
    "DataGuys-ConditionalAccessAnalyzer/008-Require-password-change-for-high-risk-users.json",
    "Fortigi-ConditionalAccess/CA-01-All-Apps-All-Admins-Require-MFA.json",
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
    let config = "version: 1\ntenants: {sandbox: {sandbox: true}}\n";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let file = PathBuf::from("policies/published.yaml");
    let drafts = BTreeMap::from([(file, text.to_owned())]);
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

/// A policy with what may be left out written out: the old word for guests as Microsoft documents it, guests
/// of no tenant in particular as those of all. A single control needs no operator, and has one.
fn in_full(mut policy: Value) -> Value {
    let all = json!({
        "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
        "membershipKind": "all",
    });
    let users = &mut policy["conditions"]["users"];
    for (list, guests) in [
        ("includeUsers", "includeGuestsOrExternalUsers"),
        ("excludeUsers", "excludeGuestsOrExternalUsers"),
    ] {
        if let Some(members) = users[list].as_array_mut() {
            let before = members.len();
            members.retain(|member| member != "GuestsOrExternalUsers");
            if members.len() < before {
                users[guests] = json!({"guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider"});
            }
        }
        if users[guests].is_object() && users[guests]["externalTenants"].is_null() {
            users[guests]["externalTenants"] = all.clone();
        }
    }
    let grant = &mut policy["grantControls"];
    let lists = [
        "builtInControls",
        "customAuthenticationFactors",
        "termsOfUse",
    ];
    let listed = lists.map(|list| grant[list].as_array().map_or(0, Vec::len));
    let strength = usize::from(grant["authenticationStrength"].is_object());
    if listed.iter().sum::<usize>() + strength == 1 {
        grant["operator"] = json!("OR");
    }
    policy
}

#[test]
fn every_published_policy_goes_to_yaml_and_back() {
    let files = published();
    if files.is_empty() {
        return;
    }
    assert_eq!(files.len(), 153);
    let exports = graph_exports(&files);
    assert_eq!(exports.left, []);
    let (mut same, mut cannot, mut different) = (0, Vec::new(), Vec::new());
    for Export { file, live } in &exports.policies {
        let unknown = unknown_words(&live.policy);
        let text = yaml(live);
        let again = match read_back(&text) {
            Ok(again) if unknown.is_empty() => again,
            Ok(_) => {
                println!("{file}: no word for {}", unknown.join(", "));
                cannot.push(file.as_str());
                continue;
            }
            Err(problem) => {
                println!("{file}: {problem}");
                cannot.push(file.as_str());
                continue;
            }
        };
        assert_eq!(diff::compare(&live.policy, &again.policy), [], "{file}");
        let json = |live: &LivePolicy| create_json(&live.policy, live.state);
        let differences = differences(&in_full(json(live)), &in_full(json(&again)));
        different.extend(
            differences
                .iter()
                .map(|difference| format!("{file}: {difference}")),
        );
        assert_eq!(again.state, live.state, "{file}");
        assert_eq!(yaml(&again), text, "{file}");
        same += 1;
    }
    println!("{same} of {} come back the same", files.len());
    assert_eq!(different, Vec::<String>::new());
    assert_eq!(cannot, NO_V1_POLICY);
}
