//! The sign-in logs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{SIGN_INS, all, result, sign_ins_of, upn};
use crate::support::Workspace;

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

#[test]
fn a_log_is_the_same_whatever_the_pages_and_whoever_asks_for_one_of_it() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 80, "seed": 3}));
    let large = all(&graph, &format!("/v1.0/{SIGN_INS}"));
    let window = "$filter=createdDateTime ge 2026-10-29T00:00:00Z";
    let small = all(&graph, &format!("/v1.0/{SIGN_INS}?$top=37&{window}"));
    assert_eq!(small[..], large[..small.len()]);
    assert!(small.len() > 100, "{}", small.len());
    let ids: BTreeSet<&str> = large.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids.len(), large.len());
    let times: Vec<&str> = large
        .iter()
        .map(|row| text(row, "createdDateTime"))
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    // Thirty days, and nothing of the last minutes.
    assert!(times[0] <= "2026-11-02T07:58:00Z" && *times.last().unwrap() >= "2026-10-03T08:00:00Z");
    // One person alone is what that person is among the others.
    let user = text(&large[5], "userId");
    let alone = all(
        &graph,
        &format!("/v1.0/{SIGN_INS}?$filter=userId eq '{user}'"),
    );
    let among: Vec<Value> = large
        .iter()
        .filter(|row| row["userId"] == user)
        .cloned()
        .collect();
    assert_eq!(alone, among);
    // And so is one sign-in.
    let mut one =
        graph.get_with_new_members(&format!("/v1.0/{SIGN_INS}/{}", text(&large[5], "id")));
    one.as_object_mut().unwrap().remove("@odata.context");
    assert_eq!(one, large[5]);
    // The same seed again, the same bytes.
    graph.reset(&json!({"people": 80, "seed": 3}));
    assert_eq!(all(&graph, &format!("/v1.0/{SIGN_INS}")), large);
    graph.reset(&json!({"people": 80, "seed": 4}));
    assert_ne!(all(&graph, &format!("/v1.0/{SIGN_INS}")), large);
}

#[test]
fn no_sign_in_is_missed_or_shown_twice_when_the_clock_moves_between_pages() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let before = all(
        &graph,
        &format!("/v1.0/{SIGN_INS}?$filter=createdDateTime ge 2026-11-01T00:00:00Z"),
    );
    let filter = "$top=20&$filter=createdDateTime ge 2026-11-01T00:00:00Z";
    let mut page = graph.get_with_new_members(&format!("/v1.0/{SIGN_INS}?{filter}"));
    let mut found = page["value"].as_array().unwrap().clone();
    while let Some(link) = page["@odata.nextLink"].as_str() {
        graph.advance("1h");
        page = graph.get_with_new_members(link.strip_prefix(&graph.url).unwrap());
        found.extend(page["value"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(found, before);
}

/// The sign-ins to Azure of a policy's life: before it, report-only, on.
#[test]
fn a_sign_in_meets_the_policies_of_its_own_time() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let policy = graph.create_policy(&graph.shipped_body("enabledForReportingButNotEnforced"));
    graph.advance("7d");
    graph.patch_policy(&policy, &json!({"state": "enabled"}));
    graph.advance("7d");
    let azure = "resourceId eq '797f4846-ba00-4fd7-ba43-dac1f8f63013'";
    let rows = |kind: &str| {
        all(
            &graph,
            &format!("/beta/{SIGN_INS}?$filter={azure} and signInEventTypes/any(t: t eq '{kind}')"),
        )
    };
    let mut seen: BTreeMap<(&str, String, bool), usize> = BTreeMap::new();
    for kind in ["interactiveUser", "nonInteractiveUser"] {
        for row in rows(kind) {
            let errors = [0, 50_140];
            let is_fine = errors
                .iter()
                .any(|code| row["status"]["errorCode"] == *code);
            let time = match text(&row, "createdDateTime") {
                early if early < "2026-11-02T08:00:01Z" => "before",
                soaked if soaked < "2026-11-09T08:00:02Z" => "report-only",
                _ => "on",
            };
            let mfa = row["authenticationRequirement"] == "multiFactorAuthentication";
            let is_excluded = row["userPrincipalName"] == upn("svc-backup").as_str();
            match (time, result(&row, &policy)) {
                ("before", result) => assert_eq!(result, None),
                (_, None) => assert_eq!(row["status"]["errorCode"], 50_126),
                ("report-only", Some(result)) if is_excluded => {
                    assert_eq!(result, "reportOnlyNotApplied");
                    let applied = row["appliedConditionalAccessPolicies"].as_array().unwrap();
                    let ours = applied
                        .iter()
                        .find(|ours| ours["id"] == policy.as_str())
                        .unwrap();
                    assert_eq!(
                        ours["excludeRulesSatisfied"],
                        json!([{"conditionalAccessCondition": "users", "ruleSatisfied": "groupId"}])
                    );
                }
                ("report-only", Some(result)) => {
                    let expected = if mfa {
                        "reportOnlySuccess"
                    } else {
                        "reportOnlyInterrupted"
                    };
                    assert_eq!(result, expected, "{row}");
                }
                (_, Some(result)) if is_excluded => assert_eq!(result, "notApplied"),
                (_, Some(result)) => {
                    let expected = if mfa { "success" } else { "failure" };
                    assert_eq!(result, expected, "{row}");
                    assert_eq!(row["conditionalAccessStatus"], expected);
                    assert_eq!(is_fine, mfa, "{row}");
                }
            }
            *seen.entry((time, kind.to_owned(), mfa)).or_default() += 1;
        }
    }
    // All of it was there to be seen: people with and without, before, during and after.
    for time in ["before", "report-only", "on"] {
        for mfa in [true, false] {
            let count = seen.get(&(time, "nonInteractiveUser".to_owned(), mfa));
            assert!(
                count.is_some_and(|count| *count > 5),
                "{time} {mfa}: {seen:?}"
            );
        }
    }
    let interactive = |time, mfa| {
        seen.get(&(time, "interactiveUser".to_owned(), mfa))
            .copied()
    };
    assert!(interactive("report-only", false).unwrap() > 20);
    // Once it is on, whoever can is asked and shows it.
    assert!(interactive("on", true).unwrap() > 100);
}

#[test]
fn who_is_gone_or_disabled_does_not_sign_in_after_that() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let (gone, disabled) = (graph.user("linh.tran"), graph.user("noor.rahimi"));
    graph.delete(&format!("/v1.0/users/{gone}"));
    graph.patch(
        &format!("/v1.0/users/{disabled}"),
        &json!({"accountEnabled": false}),
    );
    graph.advance("5d");
    let of = |id: &str| {
        all(
            &graph,
            &format!("/v1.0/{SIGN_INS}?$filter=userId eq '{id}'"),
        )
    };
    let sides = |rows: &[Value]| {
        let later = |row: &&Value| text(row, "createdDateTime") > "2026-11-02T08:00:02Z";
        (
            rows.iter().filter(later).count(),
            rows.iter().any(|row| !later(&row)),
        )
    };
    assert_eq!(sides(&of(&gone)), (0, true));
    let rows = of(&disabled);
    let (after, before) = sides(&rows);
    assert!(after > 0 && before);
    for row in &rows {
        let is_later = text(row, "createdDateTime") > "2026-11-02T08:00:02Z";
        assert_eq!(row["status"]["errorCode"] == 50_057, is_later, "{row}");
    }
}

#[test]
fn v1_shows_what_people_do_and_beta_the_rest_when_it_is_asked() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let v1 = graph.get(&format!("/v1.0/{SIGN_INS}?$top=50"));
    for row in v1["value"].as_array().unwrap() {
        assert_eq!(row["isInteractive"], true);
        assert!(row.get("authenticationRequirement").is_none());
        // Whoever does not ask for the new members sees none of them.
        for applied in row["appliedConditionalAccessPolicies"].as_array().unwrap() {
            assert!(
                !text(applied, "result").starts_with("reportOnly"),
                "{applied}"
            );
        }
    }
    let masked = v1["value"][0]["appliedConditionalAccessPolicies"].to_string();
    assert!(masked.contains("unknownFutureValue"), "{masked}");
    for (kind, at_least) in [
        ("nonInteractiveUser", 50),
        ("servicePrincipal", 50),
        ("managedIdentity", 50),
    ] {
        let page = graph.get(&format!(
            "/beta/{SIGN_INS}?$top=50&$filter=signInEventTypes/any(t: t eq '{kind}')"
        ));
        let rows = page["value"].as_array().unwrap();
        assert_eq!(rows.len(), at_least, "{kind}");
        assert!(
            rows.iter()
                .all(|row| row["signInEventTypes"] == json!([kind]))
        );
    }
}

#[test]
fn what_the_service_does_not_filter_by_is_refused() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    for refused in [
        "/v1.0/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'nonInteractiveUser')",
        "/v1.0/auditLogs/signIns?$filter=appId eq 'x' or userId eq 'y'",
        "/v1.0/auditLogs/signIns?$filter=appliedConditionalAccessPolicies/any(p: p/id eq 'x')",
        "/v1.0/auditLogs/signIns?$top=1001",
        "/v1.0/auditLogs/signIns?$skip=10",
        "/v1.0/auditLogs/signIns?$skiptoken=bm90aGluZw",
    ] {
        graph.refuses(refused, 400);
    }
    for (filter, key, value) in [
        (
            "conditionalAccessStatus eq 'failure'",
            "conditionalAccessStatus",
            json!("failure"),
        ),
        (
            "appId eq 'c44b4083-3bb0-49c1-b47d-974e53cbdf3c'",
            "appDisplayName",
            json!("Azure Portal"),
        ),
        (
            "startswith(userPrincipalName,'owen.')",
            "userDisplayName",
            json!("Owen Llewellyn"),
        ),
    ] {
        let page = graph.get(&format!("/v1.0/{SIGN_INS}?$filter={filter}"));
        let rows = page["value"].as_array().unwrap();
        assert!(!rows.is_empty(), "{filter}");
        assert!(rows.iter().all(|row| row[key] == value), "{filter}");
    }
    let page = graph.get(&format!(
        "/v1.0/{SIGN_INS}?$filter=status/errorCode eq 50126"
    ));
    for row in page["value"].as_array().unwrap() {
        assert_eq!(row["status"]["errorCode"], 50_126);
    }
}

#[test]
fn log_analytics_counts_the_same_sign_ins() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    let policy = graph.create_policy(&graph.shipped_body("enabledForReportingButNotEnforced"));
    graph.advance("3d");
    let head = format!(
        "let P = \"{policy}\"; // policy id\nlet T0 = datetime(2026-11-02T09:00:00Z); let T1 = datetime(2026-11-05);\n"
    );
    let evidence = format!(
        "{head} union I, N | summarize Events = count() by UserId, UserType, AppId, Result, Src"
    );
    let events = |query: &str| {
        let answer = graph.query(query, 200);
        let rows = answer["tables"][0]["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row[5].as_u64().unwrap()).sum::<u64>()
    };
    let mut expected = 0;
    for kind in ["interactiveUser", "nonInteractiveUser"] {
        let rows = all(
            &graph,
            &format!(
                "/beta/{SIGN_INS}?$filter=createdDateTime ge 2026-11-02T09:00:00Z and createdDateTime lt 2026-11-05T00:00:00Z and signInEventTypes/any(t: t eq '{kind}')"
            ),
        );
        expected += rows
            .iter()
            .filter(|row| {
                matches!(
                    result(row, &policy),
                    Some("reportOnlySuccess" | "reportOnlyInterrupted")
                )
            })
            .count();
    }
    assert!(expected > 100, "{expected}");
    assert_eq!(events(&evidence), expected as u64);
    let shards: u64 = (0..4)
        .map(|shard| events(&format!("{evidence} | where hash(UserId, 4) == {shard}")))
        .sum();
    assert_eq!(shards, expected as u64);
    let totals = graph.query(
        &format!("{head} | summarize Events=count() by Result, Src, Day=startofday(TimeGenerated)"),
        200,
    );
    assert_eq!(totals["tables"][0]["columns"][0]["name"], "Result");
    let refused = graph.query("SigninLogs | take 10", 400);
    assert_eq!(refused["error"]["code"], "BadArgumentError");
    graph.set("partial_queries", &json!(true));
    let partial = graph.query(&evidence, 200);
    assert_eq!(partial["error"]["code"], "PartialError");
    assert!(partial["tables"].is_array());
    assert!(!sign_ins_of(&graph, &upn("svc-backup"), "nonInteractiveUser").is_empty());
}
