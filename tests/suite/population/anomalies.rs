//! Each anomaly is there when it is asked for, and not in its clean twin of the same seed.

use serde_json::{Value, json};

use super::{SIGN_INS, all, result, sign_ins_of, upn};
use crate::support::{Graph, Served, Workspace};

/// A tenant with an anomaly, and then without: `seen` counts what is planted.
fn is_planted(anomaly: &str, seen: impl Fn(&Graph) -> usize) -> usize {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 120, "seed": 5, "anomalies": [anomaly]}));
    let truth = graph.get("/sandbox/truth");
    assert_eq!(truth["anomalies"].as_array().unwrap().len(), 1);
    assert_eq!(truth["anomalies"][0]["id"], anomaly);
    // Whoever the truth names is there under that name.
    for name in truth["anomalies"][0]["who"].as_array().unwrap() {
        let name = name.as_str().unwrap().replace('#', "%23");
        graph.get(&format!("/v1.0/users/{name}"));
    }
    let planted = seen(&graph);
    graph.reset(&json!({"people": 120, "seed": 5}));
    assert_eq!(graph.get("/sandbox/truth")["anomalies"], json!([]));
    assert_eq!(seen(&graph), 0, "{anomaly}");
    planted
}

fn registration(graph: &Graph, nickname: &str) -> Option<Value> {
    let path = "/v1.0/reports/authenticationMethods/userRegistrationDetails";
    let found = graph.get(&format!(
        "{path}?$filter=userPrincipalName eq '{}'",
        upn(nickname)
    ));
    found["value"].get(0).cloned()
}

fn has_policy_on_azure(graph: &Served, days: &str) -> String {
    let policy = graph.create_policy(&graph.shipped_body("enabledForReportingButNotEnforced"));
    graph.advance(days);
    policy
}

#[test]
fn a01_passwords_in_scripts_are_in_both_logs_of_users() {
    let count = is_planted("A01", |graph| {
        ["interactiveUser", "nonInteractiveUser"]
            .iter()
            .flat_map(|kind| sign_ins_of(graph, &upn("svc-deploy"), kind))
            .filter(|row| {
                row["authenticationProtocol"] == "ropc"
                    && row["userAgent"] == "python-requests/2.31.0"
            })
            .count()
    });
    // Every five minutes of thirty days.
    assert_eq!(count, 8_640);
}

#[test]
fn a02_tokens_are_refreshed_every_night() {
    let count = is_planted("A02", |graph| {
        let phone = registration(graph, "sa-nightly-2");
        assert!(phone.is_none_or(|row| row["methodsRegistered"] == json!(["mobilePhone"])));
        sign_ins_of(graph, &upn("sa-nightly-2"), "nonInteractiveUser").len()
    });
    assert_eq!(count, 30 * 40);
}

#[test]
fn a03_a_cron_job_runs_on_a_laptop_that_is_worked_with() {
    let count = is_planted("A03", |graph| {
        let jobs = sign_ins_of(graph, &upn("cron.user4"), "nonInteractiveUser").len();
        let work = sign_ins_of(graph, &upn("cron.user4"), "interactiveUser").len();
        jobs.min(work)
    });
    assert!(count > 10, "{count}");
}

#[test]
fn a04_two_administrators_have_nothing_and_one_has_what_is_not_allowed() {
    let count = is_planted("A04", |graph| {
        ["new.admin1", "new.admin2", "sms.admin"]
            .iter()
            .filter_map(|name| registration(graph, name))
            .filter(|row| {
                let is_third = row["userPrincipalName"] == upn("sms.admin").as_str();
                row["isAdmin"] == true
                    && row["isMfaCapable"] == false
                    && row["isMfaRegistered"] == is_third
            })
            .count()
    });
    assert_eq!(count, 3);
}

#[test]
fn a05_one_break_glass_account_is_not_excluded_and_the_other_has_a_telephone() {
    let count = is_planted("A05", |graph| {
        let second = graph.user("emergency2");
        let missing = graph
            .policies()
            .iter()
            .filter(|row| row["state"] == "enabled")
            .filter(|row| {
                !row["conditions"]["users"]["excludeUsers"]
                    .to_string()
                    .contains(&second)
            })
            .count();
        let first = graph.user("emergency1");
        let phones = graph.get(&format!("/v1.0/users/{first}/authentication/phoneMethods"));
        missing + phones["value"].as_array().unwrap().len()
    });
    assert_eq!(count, 2 + 1);
}

#[test]
fn a06_a_break_glass_account_is_used_outside_the_drill() {
    let count = is_planted("A06", |graph| {
        let rows = sign_ins_of(graph, &upn("emergency1"), "interactiveUser");
        rows.iter()
            .filter(|row| row["createdDateTime"] == "2026-10-29T21:30:00Z")
            .count()
    });
    assert_eq!(count, 1);
}

#[test]
fn a07_an_exception_that_ended_is_still_used_with_a_password() {
    let count = is_planted("A07", |graph| {
        let groups = graph.get("/v1.0/groups?$filter=displayName eq 'CA-Exclude-Temporary'");
        let rows = sign_ins_of(graph, &upn("temp.engineer"), "interactiveUser");
        let azure = rows.iter().filter(|row| {
            row["resourceId"] == "797f4846-ba00-4fd7-ba43-dac1f8f63013"
                && row["authenticationRequirement"] == "singleFactorAuthentication"
        });
        azure.count().min(groups["value"].as_array().unwrap().len())
    });
    assert_eq!(count, 1);
}

#[test]
fn a08_the_excluded_group_grows_on_the_third_day() {
    let count = is_planted("A08", |graph| {
        let group = graph.group("CA-Exclude-Backup-Automation");
        let members = || {
            graph.get(&format!("/v1.0/groups/{group}/members"))["value"]
                .as_array()
                .unwrap()
                .len()
        };
        graph.advance("2d");
        assert_eq!(members(), 1);
        graph.advance("2d");
        members() - 1
    });
    assert_eq!(count, 3);
}

#[test]
fn a09_guests_of_a_tenant_that_is_not_trusted_have_nothing_here() {
    let count = is_planted("A09", |graph| {
        (1..=20)
            .filter(|number| {
                let guest = upn(&format!("agency.guest{number}_agency.example#EXT#"));
                !sign_ins_of(graph, &guest, "interactiveUser").is_empty()
            })
            .count()
    });
    assert_eq!(count, 5);
}

#[test]
fn a10_eleven_holders_of_a_role_are_never_seen() {
    let count = is_planted("A10", |graph| {
        (1..=11)
            .filter_map(|number| registration(graph, &format!("unseen.holder{number}")))
            .filter(|row| row["isAdmin"] == true)
            .filter(|row| {
                let name = row["userPrincipalName"].as_str().unwrap();
                sign_ins_of(graph, name, "interactiveUser").is_empty()
            })
            .count()
    });
    assert_eq!(count, 11);
}

#[test]
fn a11_the_policy_is_edited_on_the_fourth_day() {
    for (anomalies, expected) in [(json!(["A11"]), true), (json!([]), false)] {
        let workspace = Workspace::empty();
        let graph = workspace.serve();
        graph.reset(&json!({"people": 120, "anomalies": anomalies}));
        let policy = has_policy_on_azure(&graph, "6d");
        let row = graph.get(&format!(
            "/v1.0/identity/conditionalAccess/policies/{policy}"
        ));
        let name = row["displayName"].as_str().unwrap();
        assert_eq!(name.ends_with("(edited)"), expected);
        assert_eq!(
            row["modifiedDateTime"] == "2026-11-06T08:00:01.0000000Z",
            expected
        );
    }
}

#[test]
fn a12_an_hour_is_missing_and_a_day_is_interactive_only() {
    let missing = |anomalies: Value| {
        let workspace = Workspace::empty();
        let graph = workspace.serve();
        graph.reset(&json!({"people": 120, "anomalies": anomalies}));
        graph.advance("6d");
        let between = |from: &str, to: &str, kind: &str| {
            all(&graph, &format!("/beta/{SIGN_INS}?$filter=createdDateTime ge {from} and createdDateTime lt {to} and signInEventTypes/any(t: t eq '{kind}')")).len()
        };
        (
            between(
                "2026-11-05T10:00:00Z",
                "2026-11-05T11:00:00Z",
                "nonInteractiveUser",
            ) == 0,
            between(
                "2026-11-06T00:00:00Z",
                "2026-11-07T00:00:00Z",
                "nonInteractiveUser",
            ) == 0,
            between(
                "2026-11-06T00:00:00Z",
                "2026-11-07T00:00:00Z",
                "interactiveUser",
            ) == 0,
        )
    };
    assert_eq!(missing(json!(["A12"])), (true, true, false));
    assert_eq!(missing(json!([])), (false, false, false));
}

#[test]
fn a13_a_few_results_cannot_be_read() {
    let count = is_planted("A13", |graph| {
        let kind = "signInEventTypes/any(t: t eq 'nonInteractiveUser')";
        all(
            graph,
            &format!("/beta/{SIGN_INS}?$filter={kind} and createdDateTime ge 2026-10-25T00:00:00Z"),
        )
        .iter()
        .filter(|row| {
            row["appliedConditionalAccessPolicies"]
                .to_string()
                .contains("unknownFutureValue")
        })
        .count()
    });
    assert!((1..60).contains(&count), "{count}");
}

#[test]
fn a14_registration_is_limited_to_the_office() {
    let count = is_planted("A14", |graph| {
        graph
            .named("Register security information at the office only")
            .len()
    });
    assert_eq!(count, 1);
}

#[test]
fn a15_three_people_cannot_register_once_the_policy_is_on() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 120, "anomalies": ["A15"]}));
    let policy = has_policy_on_azure(&graph, "2d");
    let refused = |graph: &Graph| {
        let rows = sign_ins_of(graph, &upn("loop.user2"), "interactiveUser");
        rows.iter()
            .filter(|row| row["status"]["errorCode"] == 53_010)
            .count()
    };
    assert_eq!(refused(&graph), 0);
    graph.patch_policy(&policy, &json!({"state": "enabled"}));
    graph.advance("1d");
    // It was turned on just after eight: every half hour from half past eight to half past four.
    assert_eq!(refused(&graph), 17);
}

#[test]
fn a16_the_clean_twin_has_the_same_people() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 120, "anomalies": ["A16"]}));
    let clean = all(&graph, "/v1.0/users?$top=999");
    graph.reset(&json!({"people": 120, "anomalies": "all"}));
    let planted = all(&graph, "/v1.0/users?$top=999");
    assert_eq!(clean.len(), 120);
    assert!(clean.iter().all(|user| planted.contains(user)));
    // 3 + 4 + 7 + 3 + 1 + 20 + 11 + 3 + 1 + 1.
    assert_eq!(planted.len(), 120 + 54);
}

#[test]
fn a17_an_old_token_is_interrupted_every_time() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 120, "anomalies": ["A17"]}));
    let policy = has_policy_on_azure(&graph, "3d");
    let rows = sign_ins_of(&graph, &upn("old.token"), "nonInteractiveUser");
    let met: Vec<_> = rows.iter().filter_map(|row| result(row, &policy)).collect();
    assert!(met.len() > 20 && met.iter().all(|result| *result == "reportOnlyInterrupted"));
    assert_eq!(
        registration(&graph, "old.token").unwrap()["isMfaCapable"],
        true
    );
    assert!(sign_ins_of(&graph, &upn("old.token"), "interactiveUser").is_empty());
}

#[test]
fn a18_azure_devops_alone_is_out_of_scope() {
    let workspace = Workspace::empty();
    let graph = workspace.serve();
    graph.reset(&json!({"people": 120, "anomalies": ["A18"]}));
    let policy = has_policy_on_azure(&graph, "3d");
    let rows = sign_ins_of(&graph, &upn("devops.only"), "nonInteractiveUser");
    assert!(
        rows.iter()
            .all(|row| row["resourceDisplayName"] == "Azure DevOps")
    );
    let met: Vec<_> = rows.iter().filter_map(|row| result(row, &policy)).collect();
    assert!(met.len() > 5 && met.iter().all(|result| *result == "reportOnlyNotApplied"));
}
