//! What the main job costs in requests, counted at the tenant and printed for people.
#![allow(clippy::print_stdout)]

use serde_json::{Value, json};

use crate::support::{SIGN_IN, Served, Wire, Workspace};

const GROUPS: usize = 20;
const APPS: usize = 3;
const LOCATIONS: usize = 5;
const POLICIES: usize = 30;
const PEOPLE: [&str; 3] = ["emergency1", "emergency2", "svc-reports"];

/// 30 policies that name 20 groups, 3 users, 3 apps and 5 locations.
fn thirty_policies() -> (Workspace, Served) {
    let workspace = Workspace::new();
    let served = workspace.serve();
    let member = served.user("svc-backup");
    for number in 0..GROUPS {
        served.create_group(&format!("Requests group {number}"), &[&member]);
    }
    for number in 0..APPS {
        let body = json!({
            "appId": format!("00000000-aaaa-4bbb-8ccc-{number:012}"),
            "displayName": format!("Requests app {number}"),
        });
        served.post("/v1.0/servicePrincipals", &body);
    }
    for number in 0..LOCATIONS {
        let body = json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": format!("Requests location {number}"),
            "isTrusted": false,
            "ipRanges": [{
                "@odata.type": "#microsoft.graph.iPv4CidrRange",
                "cidrAddress": format!("203.0.113.{number}/32"),
            }],
        });
        served.post("/v1.0/identity/conditionalAccess/namedLocations", &body);
    }
    std::fs::remove_file(workspace.path(crate::support::FILE)).unwrap();
    for number in 0..POLICIES {
        let text = format!(
            "policy: requests-{number}\n\
             name: Requests policy {number}\n\
             state: report-only\n\
             users:\n  include: [all]\n  exclude:\n    \
             - {{group: Requests group {}, reason: counted, owner: tests@contoso.example, expires: 2027-12-31}}\n    \
             - {{user: \"{}@{}\", reason: counted, owner: tests@contoso.example, expires: 2027-12-31}}\n\
             target_resources:\n  include: [Requests app {}]\n\
             conditions:\n  locations:\n    include: [all]\n    exclude: [Requests location {}]\n\
             grant:\n  controls: [mfa]\n",
            number % GROUPS,
            PEOPLE[number % PEOPLE.len()],
            portcullis::sandbox::DOMAIN,
            number % APPS,
            number % LOCATIONS,
        );
        workspace.write(&format!("policies/requests-{number}.yaml"), &text);
    }
    served.forget_requests();
    (workspace, served)
}

/// What was asked, a line a request, with the number of parts beside a batch; printed for people.
fn asked(served: &Served, what: &str) -> Vec<String> {
    let requests = served.get("/sandbox/requests");
    let lines: Vec<String> = requests
        .as_array()
        .unwrap()
        .iter()
        .map(|request| {
            let text = |key: &str| request[key].as_str().unwrap().to_owned();
            let parts = match &request["parts"] {
                Value::Array(parts) => format!(" ({} parts)", parts.len()),
                _ => String::new(),
            };
            format!("{} {}{parts}", text("method"), text("path"))
        })
        .collect();
    println!("{what}: {} requests", lines.len());
    for line in &lines {
        println!("  {line}");
    }
    lines
}

fn is_list(line: &str) -> bool {
    line == "GET /v1.0/identity/conditionalAccess/policies"
}

fn is_create(line: &str) -> bool {
    line == "POST /v1.0/identity/conditionalAccess/policies"
}

#[test]
fn a_plan_of_thirty_policies_takes_at_most_ten() {
    let (workspace, served) = thirty_policies();
    let plan = workspace.plan();
    assert_eq!(plan["summary"]["create"], POLICIES, "{:#}", plan["summary"]);
    let asked = asked(&served, "plan");
    assert!(asked.len() <= 10, "{asked:#?}");
    assert_eq!(asked.iter().filter(|line| is_list(line)).count(), 1);
}

#[test]
fn a_plan_takes_at_most_two_dependent_round_trips_after_the_token() {
    let (workspace, served) = thirty_policies();
    let wire = Wire::to(&served.url);
    wire.declare(&workspace);
    wire.in_rounds();
    let plan = workspace
        .run_with(&["plan", "--json"], &SIGN_IN, "")
        .exits(0)
        .json();
    assert_eq!(plan["summary"]["create"], POLICIES);
    println!(
        "plan: {} dependent round trips, the token's among them",
        wire.rounds()
    );
    assert!(wire.rounds() <= 3, "{}", wire.rounds());
}

#[test]
fn creating_thirty_policies_takes_at_most_six_more_and_the_read_back() {
    let (workspace, served) = thirty_policies();
    workspace.apply();
    let asked = asked(&served, "apply");
    let creates = asked.iter().filter(|line| is_create(line)).count();
    assert_eq!(creates, POLICIES);
    // What is listed after the last create is the read-back.
    let last_create = asked.iter().rposition(|line| is_create(line)).unwrap();
    let read_back = asked[last_create + 1..].len();
    assert!(
        asked[last_create + 1..].iter().all(|line| is_list(line)),
        "{asked:#?}"
    );
    assert_eq!(read_back, 2, "the service agrees twice");
    assert!(asked.len() - read_back <= POLICIES + 6, "{asked:#?}");
}

#[test]
fn an_apply_with_nothing_to_do_costs_what_a_plan_costs() {
    let (workspace, served) = thirty_policies();
    workspace.apply();
    served.forget_requests();
    workspace.plan();
    let plan = asked(&served, "plan afterwards").len();
    served.forget_requests();
    workspace.apply().says("There is nothing to change");
    let apply = asked(&served, "apply afterwards").len();
    assert!(plan <= 10, "{plan}");
    assert_eq!(apply, plan);
}
