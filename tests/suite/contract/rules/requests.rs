//! What the tool may send, and every way to send something else.

use serde_json::{Value, json};

use super::{POLICIES, breaks, exchange, holds, list, patch, single};

#[test]
fn the_tool_sends_what_may_be_written() {
    breaks(
        &patch(json!({"modifiedDateTime": "2022-04-01T18:55:43Z"})),
        "request $.modifiedDateTime",
        "read-only",
    );
    breaks(
        &patch(json!({"description": "ours"})),
        "request $.description",
        "never sent",
    );
    breaks(
        &patch(json!({"partialEnablementStrategy": null})),
        "request $.partialEnablementStrategy",
        "never sent",
    );
    breaks(
        &patch(json!({"owner": "us"})),
        "request $.owner",
        "unknown key",
    );
    breaks(&patch(json!({"state": null})), "request $.state", "null");
    breaks(
        &patch(json!({"state": "unknownFutureValue"})),
        "request $.state",
        "member",
    );
    let grant = |strength: Value| {
        json!({"grantControls": {
            "operator": "OR", "builtInControls": [], "customAuthenticationFactors": [],
            "termsOfUse": [], "authenticationStrength": strength,
        }})
    };
    holds(&patch(grant(
        json!({"id": "00000000-0000-0000-0000-000000000002"}),
    )));
    let echoed = json!({"id": "00000000-0000-0000-0000-000000000002", "displayName": "MFA"});
    breaks(
        &patch(grant(echoed)),
        "request $.grantControls.authenticationStrength.displayName",
        "unknown key",
    );
    let mut bound = grant(Value::Null);
    bound["grantControls"]["authenticationStrength@odata.bind"] = json!("https://x.example");
    breaks(
        &patch(bound),
        "request $.grantControls.authenticationStrength@odata.bind",
        "never sent",
    );
    // An array that a block leaves out keeps what it had: the last exclusion could never be removed.
    let mut partial = grant(Value::Null);
    partial["grantControls"]
        .as_object_mut()
        .unwrap()
        .remove("builtInControls");
    breaks(&patch(partial), "request $.grantControls", "missing");
    let mut new = exchange(
        "POST",
        POLICIES,
        json!({"displayName": "x", "state": "disabled"}),
        201,
        single().answer,
    );
    breaks(&new, "request $", "missing");
    new.sent = Value::Null;
    breaks(&new, "request", "body");
}

#[test]
fn the_tool_asks_as_it_is_documented() {
    let mut silent = list();
    silent.headers.retain(|(name, _)| name != "prefer");
    breaks(&silent, "request", "prefer");
    let mut anonymous = list();
    anonymous
        .headers
        .retain(|(name, _)| name != "authorization");
    breaks(&anonymous, "request", "authorization");
    let mut expanded = list();
    expanded.target = format!("{POLICIES}?$expand=conditions");
    breaks(&expanded, "request", "query option");
    let mut untyped = patch(json!({"state": "enabled"}));
    untyped.headers.retain(|(name, _)| name != "content-type");
    breaks(&untyped, "request", "content type");
    let groups = |query: &str| {
        let answer =
            json!({"@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#groups", "value": []});
        exchange(
            "GET",
            &format!("/v1.0/groups?{query}"),
            Value::Null,
            200,
            answer,
        )
    };
    holds(&groups("$filter=displayName%20eq%20'x'"));
    breaks(
        &groups("$filter=displayName%20ne%20'x'"),
        "request",
        "advanced query",
    );
    breaks(
        &groups("$search=%22displayName:x%22"),
        "request",
        "advanced query",
    );
    let mut eventual = groups("$filter=displayName%20ne%20'x'&$count=true");
    eventual
        .headers
        .push(("consistencylevel".into(), "eventual".into()));
    eventual.answer["@odata.count"] = json!(0);
    holds(&eventual);
}
