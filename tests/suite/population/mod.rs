//! The sandbox's people: who they are, what they can show, and when they sign in.

mod anomalies;
mod people;
mod signins;

use serde_json::Value;

use super::support::Graph;

const SIGN_INS: &str = "auditLogs/signIns";

/// Everything a list has, page by page.
fn all(graph: &Graph, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = graph.get_with_new_members(&path);
        found.extend(page["value"].as_array().unwrap().iter().cloned());
        next = page["@odata.nextLink"]
            .as_str()
            .map(|link| link.strip_prefix(&graph.url).unwrap().to_owned());
    }
    found
}

/// The sign-ins of somebody in one of the logs of beta.
fn sign_ins_of(graph: &Graph, upn: &str, kind: &str) -> Vec<Value> {
    let upn = upn.replace('#', "%23");
    all(
        graph,
        &format!(
            "/beta/{SIGN_INS}?$filter=userPrincipalName eq '{upn}' and signInEventTypes/any(t: t eq '{kind}')"
        ),
    )
}

/// The principal name of somebody with a name of their own.
fn upn(nickname: &str) -> String {
    format!("{nickname}@{}", portcullis::sandbox::DOMAIN)
}

/// What a policy did at a sign-in; `None` when it is not in the list.
fn result<'a>(sign_in: &'a Value, policy: &str) -> Option<&'a str> {
    sign_in["appliedConditionalAccessPolicies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|applied| applied["id"] == policy)?["result"]
        .as_str()
}
