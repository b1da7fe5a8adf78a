//! The checker itself: an exchange that holds, and every way to break it.

use serde_json::{Value, json};

use super::checker::exchange::Exchange;
use super::checker::tables::Tables;
use super::checker::violations;

mod requests;

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const POLICY: &str =
    "/v1.0/identity/conditionalAccess/policies/6f1c0f0e-0000-4000-8000-000000000001";
const JSON: &str = "application/json;odata.metadata=minimal;charset=utf-8";

/// A policy as v1.0 answers it.
fn policy() -> Value {
    json!({
        "id": "6f1c0f0e-0000-4000-8000-000000000001", "templateId": null,
        "displayName": "CA010", "description": null,
        "createdDateTime": "2022-04-01T18:55:43.1454565Z", "modifiedDateTime": null,
        "deletedDateTime": null, "state": "enabledForReportingButNotEnforced",
        "partialEnablementStrategy": null,
        "conditions": {
            "clientAppTypes": ["all"], "userRiskLevels": [], "signInRiskLevels": [],
            "servicePrincipalRiskLevels": [], "insiderRiskLevels": "minor,moderate",
            "applications": {
                "includeApplications": ["All"], "excludeApplications": [], "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [], "applicationFilter": null,
            },
            "users": {
                "includeUsers": ["All"], "excludeUsers": [], "includeGroups": [], "excludeGroups": [],
                "includeRoles": [], "excludeRoles": [], "excludeGuestsOrExternalUsers": null,
                "includeGuestsOrExternalUsers": {
                    "guestOrExternalUserTypes": "internalGuest, serviceProvider",
                    "externalTenants": {
                        "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                        "membershipKind": "enumerated", "members": ["t"],
                    },
                },
            },
            "clientApplications": null, "platforms": null, "locations": null, "devices": null,
            "authenticationFlows": null,
        },
        "grantControls": {
            "operator": "OR", "builtInControls": ["mfa"], "customAuthenticationFactors": [],
            "termsOfUse": [], "authenticationStrength": null,
        },
        "sessionControls": null,
    })
}

fn exchange(method: &str, target: &str, sent: Value, status: u16, answer: Value) -> Exchange {
    let headers = [
        ("host", "127.0.0.1:8080"),
        ("user-agent", "portcullis/0.1.0"),
        ("authorization", "Bearer [redacted]"),
        ("content-type", "application/json"),
        ("prefer", "include-unknown-enum-members"),
    ];
    Exchange {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        sent,
        status,
        content_type: (!answer.is_null()).then(|| JSON.to_owned()),
        answer,
    }
}

/// What is asked when the list is read.
fn list() -> Exchange {
    let answer = json!({
        "@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#identity/conditionalAccess/policies",
        "@odata.nextLink": format!("http://127.0.0.1:8080{POLICIES}?$skiptoken=x"),
        "value": [policy()],
    });
    exchange("GET", POLICIES, Value::Null, 200, answer)
}

fn single() -> Exchange {
    let mut answer = policy();
    answer["@odata.context"] =
        json!("http://127.0.0.1:8080/v1.0/$metadata#identity/conditionalAccess/policies/$entity");
    exchange("GET", POLICY, Value::Null, 200, answer)
}

fn patch(body: Value) -> Exchange {
    exchange("PATCH", POLICY, body, 204, Value::Null)
}

fn refusal(status: u16) -> Exchange {
    let answer = json!({"error": {"code": "NotFound", "message": "gone", "innerError": {
        "date": "2026-11-02T08:00:00", "request-id": "6f1c0f0e-0000-4000-8000-000000000001",
        "client-request-id": "mine",
    }}});
    exchange("GET", POLICY, Value::Null, status, answer)
}

fn said(exchange: &Exchange) -> String {
    let found = violations(Tables::ours(), exchange);
    found.iter().map(|found| format!("{found}\n")).collect()
}

#[track_caller]
fn holds(exchange: &Exchange) {
    assert_eq!(said(exchange), "");
}

/// Asserts that one thing is found, and where, and by which rule.
#[track_caller]
fn breaks(exchange: &Exchange, place: &str, rule: &str) {
    let said = said(exchange);
    assert!(
        said.matches("\n  ").count() == 1
            && said.contains(&format!("\n  {place}: "))
            && said.contains(&format!("({rule})\n")),
        "expected {place} ({rule}), found:\n{said}"
    );
}

/// The list with one change in its only policy.
#[track_caller]
fn list_with(path: &str, value: Value) -> Exchange {
    let mut list = list();
    *list.answer.pointer_mut(&format!("/value/0{path}")).unwrap() = value;
    list
}

#[test]
fn what_graph_documents_holds() {
    holds(&list());
    holds(&single());
    holds(&patch(json!({"state": "enabled"})));
    holds(&refusal(404));
    holds(&refusal(429));
    // Lower-case segments and doubled slashes are somebody's.
    let mut odd = list();
    odd.target = "/v1.0//identity/conditionalaccess/policies".to_owned();
    holds(&odd);
    let mut alias = list();
    alias.target = "/v1.0/policies/conditionalAccessPolicies".to_owned();
    holds(&alias);
}

#[test]
fn answers_have_every_key_in_its_kind() {
    let mut missing = list();
    let users = missing
        .answer
        .pointer_mut("/value/0/conditions/users")
        .unwrap();
    users.as_object_mut().unwrap().remove("excludeGroups");
    breaks(&missing, "response $.value[0].conditions.users", "missing");
    let users = "/conditions/users/includeUsers";
    breaks(
        &list_with(users, Value::Null),
        "response $.value[0].conditions.users.includeUsers",
        "null",
    );
    breaks(
        &list_with(users, json!("All")),
        "response $.value[0].conditions.users.includeUsers",
        "type",
    );
    breaks(
        &list_with(users, json!([1])),
        "response $.value[0].conditions.users.includeUsers[0]",
        "type",
    );
    breaks(
        &list_with("/id", json!("one")),
        "response $.value[0].id",
        "type",
    );
    breaks(
        &list_with("/createdDateTime", json!("2022-04-01 18:55:43")),
        "response $.value[0].createdDateTime",
        "type",
    );
    breaks(
        &list_with("/grantControls/operator", json!(true)),
        "response $.value[0].grantControls.operator",
        "type",
    );
    let mut unknown = list();
    unknown.answer["value"][0]["grantControls"]["surprise"] = Value::Null;
    breaks(
        &unknown,
        "response $.value[0].grantControls.surprise",
        "unknown key",
    );
    let mut beta_only = list();
    beta_only.answer["value"][0]["conditions"]["agentIdRiskLevels"] = json!("low");
    breaks(
        &beta_only,
        "response $.value[0].conditions.agentIdRiskLevels",
        "beta only",
    );
}

#[test]
fn members_are_those_that_are_declared() {
    breaks(
        &list_with("/state", json!("on")),
        "response $.value[0].state",
        "member",
    );
    breaks(
        &list_with("/conditions/insiderRiskLevels", json!("minor, severe")),
        "response $.value[0].conditions.insiderRiskLevels",
        "member",
    );
    let mut later = list_with("/grantControls/builtInControls", json!(["riskRemediation"]));
    holds(&later);
    later
        .headers
        .retain(|(name, _)| name != "prefer" && name != "user-agent");
    breaks(
        &later,
        "response $.value[0].grantControls.builtInControls[0]",
        "later member",
    );
    let mut masked = list_with(
        "/grantControls/builtInControls",
        json!(["unknownFutureValue"]),
    );
    masked
        .headers
        .retain(|(name, _)| name != "prefer" && name != "user-agent");
    holds(&masked);
}

#[test]
fn an_object_says_of_which_type_it_is_where_that_matters() {
    let tenants = "/conditions/users/includeGuestsOrExternalUsers/externalTenants";
    let place = "response $.value[0].conditions.users.includeGuestsOrExternalUsers.externalTenants";
    let untyped = list_with(tenants, json!({"membershipKind": "all"}));
    breaks(&untyped, place, "@odata.type");
    let members_with_all = list_with(
        tenants,
        json!({
            "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
            "membershipKind": "all", "members": [],
        }),
    );
    breaks(
        &members_with_all,
        &format!("{place}.members"),
        "unknown key",
    );
    let another = list_with(
        tenants,
        json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "membershipKind": "all"}),
    );
    breaks(&another, place, "@odata.type");
}

#[test]
fn envelopes_are_whole() {
    let mut elsewhere = list();
    elsewhere.answer["@odata.nextLink"] = json!("https://elsewhere.example/v1.0/policies");
    breaks(&elsewhere, "response $['@odata.nextLink']", "nextLink");
    let mut other_version = list();
    other_version.answer["@odata.nextLink"] = json!("http://127.0.0.1:8080/beta/policies");
    breaks(&other_version, "response $['@odata.nextLink']", "nextLink");
    let mut no_context = single();
    no_context
        .answer
        .as_object_mut()
        .unwrap()
        .remove("@odata.context");
    breaks(&no_context, "response $", "@odata.context");
    let mut foreign = single();
    foreign.answer["@odata.context"] = json!("https://graph.microsoft.com/v1.0/$metadata#x");
    breaks(&foreign, "response $['@odata.context']", "@odata.context");
    let mut html = single();
    html.content_type = Some("text/html".to_owned());
    breaks(&html, "response", "content type");
    let mut uncounted = list();
    uncounted.target = format!("{POLICIES}?$count=true");
    breaks(&uncounted, "response $['@odata.count']", "$count");
    let mut too_many = list();
    too_many.target = format!("{POLICIES}?%24top=0");
    breaks(&too_many, "response $.value", "$top");
    let mut bare = refusal(403);
    bare.answer["error"]
        .as_object_mut()
        .unwrap()
        .remove("innerError");
    breaks(&bare, "response $.error", "missing");
}

#[test]
fn statuses_and_empty_bodies_are_the_documented_ones() {
    let mut talkative = patch(json!({"state": "enabled"}));
    talkative.answer = policy();
    talkative.content_type = Some(JSON.to_owned());
    breaks(&talkative, "response", "body");
    let mut typed = patch(json!({"state": "enabled"}));
    typed.content_type = Some(JSON.to_owned());
    breaks(&typed, "response", "content type");
    let mut ok = patch(json!({"state": "enabled"}));
    ok.status = 200;
    breaks(&ok, "response", "status");
    let mut nowhere = single();
    nowhere.target = "/v1.0/identity/conditionalAccess/wishes".to_owned();
    nowhere.headers.retain(|(name, _)| name != "user-agent");
    breaks(&nowhere, "response", "unknown operation");
    nowhere.status = 404;
    nowhere.answer = refusal(404).answer;
    holds(&nowhere);
    nowhere
        .headers
        .push(("user-agent".into(), "portcullis/0.1.0".into()));
    breaks(&nowhere, "request", "unknown operation");
}

#[test]
fn select_leaves_what_was_selected() {
    let user = |select: &str, row: Value| {
        let answer = json!({
            "@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#users", "value": [row],
        });
        exchange(
            "GET",
            &format!("/v1.0/users?$select={select}"),
            Value::Null,
            200,
            answer,
        )
    };
    holds(&user(
        "id,accountEnabled",
        json!({"id": "u", "accountEnabled": true}),
    ));
    breaks(
        &user("id,accountEnabled", json!({"id": "u"})),
        "response $.value[0]",
        "missing",
    );
    breaks(
        &user("id", json!({"id": "u", "mail": null})),
        "response $.value[0].mail",
        "$select",
    );
}

#[test]
fn a_batch_is_checked_part_by_part() {
    let part = |id: &str, url: &str| {
        json!({
            "id": id, "method": "GET", "url": url, "headers": {"Prefer": "include-unknown-enum-members"},
        })
    };
    let answered = |id: &str, body: Value| {
        json!({
            "id": id, "status": 200, "headers": {"Content-Type": "application/json"}, "body": body,
        })
    };
    let batch = |requests: Value, responses: Value| {
        let (sent, answer) = (
            json!({"requests": requests}),
            json!({"responses": responses}),
        );
        exchange("POST", "/v1.0/$batch", sent, 200, answer)
    };
    let asked = json!([part("1", "/identity/conditionalAccess/policies")]);
    holds(&batch(asked.clone(), json!([answered("1", list().answer)])));
    breaks(
        &batch(
            asked.clone(),
            json!([answered("1", list_with("/state", json!("on")).answer)]),
        ),
        "response $.value[0].state",
        "member",
    );
    breaks(
        &batch(asked.clone(), json!([answered("2", list().answer)])),
        "response $.responses",
        "batch",
    );
    let mut plain = asked;
    plain[0].as_object_mut().unwrap().remove("headers");
    breaks(
        &batch(plain, json!([answered("1", list().answer)])),
        "request",
        "prefer",
    );
    let many: Vec<Value> = (0..21)
        .map(|at| part(&at.to_string(), "/domains"))
        .collect();
    let domains =
        json!({"@odata.context": "http://127.0.0.1:8080/v1.0/$metadata#domains", "value": []});
    let all: Vec<Value> = (0..21)
        .map(|at| answered(&at.to_string(), domains.clone()))
        .collect();
    breaks(
        &batch(json!(many), json!(all)),
        "request $.requests",
        "batch",
    );
}
