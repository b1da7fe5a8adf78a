//! Bad weather: settings for all requests, and faults for some.

#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{Latency, Options, ReadLag, Settings, start};
use super::{Client, POLICIES, azure_mfa, sandbox, serve, with};

impl Client {
    async fn set(&self, settings: Value) {
        let answer = self.post("/sandbox/settings", settings).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    async fn script(&self, fault: Value) {
        let answer = self.post("/sandbox/faults", fault).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    async fn response(&self, method: &str, path: &str, body: Option<&Value>) -> reqwest::Response {
        self.attempt(method, path, body).await.unwrap()
    }

    async fn attempt(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}{path}", self.url);
        let request = self.http.request(method.parse().unwrap(), url);
        let request = request.bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }

    async fn names(&self) -> usize {
        self.get(POLICIES).await.body["value"]
            .as_array()
            .unwrap()
            .len()
    }

    /// The faults of the requests since they were last forgotten.
    async fn struck(&self) -> Vec<Value> {
        let requests = self.get("/sandbox/requests").await.body;
        self.delete("/sandbox/requests").await;
        let faults = requests.as_array().unwrap().iter();
        faults.map(|request| request["fault"].clone()).collect()
    }

    /// Sends a GET by hand and reads what comes until the connection ends; says how it ended.
    async fn by_hand(&self, path: &str) -> (String, Option<ErrorKind>) {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let token = &self.token;
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let end = tokio::time::timeout(Duration::from_secs(5), read).await;
        let end = end.expect("the connection ends").err();
        (
            String::from_utf8(bytes).unwrap(),
            end.map(|error| error.kind()),
        )
    }
}

#[tokio::test]
async fn a_page_is_never_longer_than_the_server_allows() {
    let (_directory, running, client) = sandbox().await;
    client.set(json!({"page_size": 2})).await;
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    for path in [
        POLICIES,
        locations,
        "/v1.0/users",
        "/v1.0/users?$top=50",
        "/v1.0/groups?$top=1",
    ] {
        let mut next = path.to_owned();
        let (mut sizes, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
        while !next.is_empty() {
            let page = client.get(&next).await.body;
            let rows = page["value"].as_array().unwrap();
            sizes.push(rows.len());
            ids.extend(rows.iter().map(|row| row["id"].to_string()));
            next = page["@odata.nextLink"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
        }
        let asked = if path.ends_with("$top=1") { 1 } else { 2 };
        let (last, before) = sizes.split_last().unwrap();
        assert!(before.iter().all(|size| *size == asked), "{path} {sizes:?}");
        assert!((1..=asked).contains(last), "{path} {sizes:?}");
        assert_eq!(ids.len(), sizes.iter().sum::<usize>(), "{path}");
    }
    assert_eq!(
        client.get("/sandbox").await.body["settings"]["page_size"],
        2
    );
    let wrong = client
        .post("/sandbox/settings", json!({"page_size": 0}))
        .await;
    assert_eq!(
        (wrong.status, wrong.message()),
        (400, "page_size is a number from 1, or null")
    );
    running.stop().await;
}

#[tokio::test]
async fn late_answers_do_not_wait_for_each_other() {
    let (_directory, running, client) = sandbox().await;
    client.set(json!({"latency": "400ms"})).await;
    let begun = Instant::now();
    let get = || client.get("/v1.0/organization");
    let answers = tokio::join!(get(), get(), get(), get(), get());
    let took = begun.elapsed();
    assert_eq!(answers.4.status, 200);
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert!(
        took < Duration::from_millis(1_600),
        "one after the other: {took:?}"
    );
    // The switch itself is not late.
    let begun = Instant::now();
    client.set(json!({"latency": null})).await;
    assert!(begun.elapsed() < Duration::from_millis(400));
    running.stop().await;
}

#[tokio::test]
async fn a_write_is_true_at_once_and_seen_late() {
    let (_directory, running, client) = sandbox().await;
    let before = client.names().await;
    client.set(json!({"read_lag": 3})).await;
    let made = client.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201);
    let path = format!("{POLICIES}/{}", made.id());
    assert_eq!(client.get(&path).await.status, 404, "GET after POST");
    // Writes are judged by the truth, and each has three reads of its own.
    assert_eq!(
        client
            .patch(&path, json!({"state": "disabled"}))
            .await
            .status,
        204
    );
    let state = async || client.get(&path).await.body["state"].clone();
    assert_eq!(client.names().await, before, "the list lies behind as well");
    assert_eq!(state().await, Value::Null);
    assert_eq!(
        state().await,
        "enabledForReportingButNotEnforced",
        "GET after PATCH"
    );
    assert_eq!(state().await, "disabled");
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(state().await, "disabled", "GET after DELETE");
    assert_eq!(client.delete(&path).await.status, 404);
    // Time passes for everybody when the clock is moved.
    client.post("/sandbox/advance", json!({"by": "1d"})).await;
    assert_eq!(client.get(&path).await.status, 404);

    // Directory reads lie behind alike; a batch sees one tenant.
    let group = json!({"displayName": "New", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true});
    let group = client.post("/v1.0/groups", group).await.id();
    let url = format!("/groups/{group}");
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": url}, {"id": "2", "method": "GET", "url": url},
        {"id": "3", "method": "GET", "url": url}, {"id": "4", "method": "GET", "url": url},
    ]});
    let statuses = async || {
        let answer = client.post("/v1.0/$batch", batch.clone()).await.body;
        let parts = answer["responses"].as_array().unwrap().clone();
        parts
            .iter()
            .map(|part| part["status"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    for expected in [404, 404, 404, 200] {
        assert_eq!(statuses().await, [expected; 4]);
    }
    running.stop().await;
}

#[tokio::test]
async fn what_a_read_does_not_show_yet_can_be_named_unless_references_lag() {
    let (_directory, running, client) = sandbox().await;
    client.set(json!({"read_lag": "300ms"})).await;
    let location = json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "New",
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"}]});
    let locations = "/v1.0/identity/conditionalAccess/namedLocations";
    let naming = |id: &str| with("/conditions/locations", json!({"includeLocations": [id]}));
    let id = client.post(locations, location.clone()).await.id();
    assert_eq!(client.post(POLICIES, naming(&id)).await.status, 201);
    client.set(json!({"lagging_references": true})).await;
    let id = client.post(locations, location).await.id();
    let refused = client.post(POLICIES, naming(&id)).await;
    assert_eq!(
        (refused.status, refused.message()),
        (
            400,
            format!("1040: NamedLocation with id {id} does not exist in the directory.").as_str()
        )
    );
    tokio::time::sleep(Duration::from_millis(320)).await;
    assert_eq!(client.post(POLICIES, naming(&id)).await.status, 201);
    running.stop().await;
}

#[tokio::test]
async fn one_too_many_is_refused_alone_or_inside_a_batch() {
    let (_directory, running, client) = sandbox().await;
    client.set(json!({"throttle": "graph"})).await;
    assert_eq!(client.get(POLICIES).await.status, 200);
    let refused = client.response("GET", POLICIES, None).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers().get("retry-after"), None);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        (&body["error"]["code"], &body["error"]["message"]),
        (&json!("TooManyRequests"), &json!("Too many requests."))
    );
    client
        .set(json!({"throttle": "graph-with-retry-after"}))
        .await;
    let refused = client.response("GET", POLICIES, None).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let user = client.response("GET", "/v1.0/users?$select=id", None).await;
    assert_eq!(user.headers()["x-ms-resource-unit"], "1");
    // Each part is counted on its own: 200 outside, 429 inside.
    let policies = "/identity/conditionalAccess/policies";
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": policies}, {"id": "2", "method": "GET", "url": policies},
        {"id": "3", "method": "GET", "url": "/organization"},
    ]});
    let answer = client.post("/v1.0/$batch", batch).await;
    assert_eq!(answer.status, 200);
    let parts = answer.body["responses"].as_array().unwrap();
    assert_eq!(parts[1]["status"], 429);
    assert_eq!(parts[1]["headers"]["retry-after"], "1");
    assert_eq!(parts[2]["status"], 200);
    client
        .set(json!({"throttle": "graph", "throttle_rate": 1_000_000}))
        .await;
    for _ in 0..5 {
        assert_eq!(client.get(POLICIES).await.status, 200);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_scripted_status_is_answered_and_nothing_is_carried_out() {
    let (_directory, running, client) = sandbox().await;
    client
        .script(
            json!({"method": "POST", "path": "identity/conditionalAccess/policies", "times": 2,
        "skip": 1, "status": 429, "retry_after": 7}),
        )
        .await;
    client
        .script(json!({"status": 504, "code": "Odd", "message": "Because.", "path": "users"}))
        .await;
    let listed = client.get("/sandbox/faults").await.body;
    assert_eq!(
        (&listed[0]["skip"], &listed[0]["times"]),
        (&json!(1), &json!(2))
    );
    let before = client.names().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = client.response("POST", POLICIES, Some(&azure_mfa())).await;
        let wait = answer
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        statuses.push((answer.status().as_u16(), wait));
    }
    let throttled = (429, Some("7".to_owned()));
    assert_eq!(
        statuses,
        [(201, None), throttled.clone(), throttled, (201, None)]
    );
    assert_eq!(client.names().await, before + 2);
    let odd = client.get("/v1.0/users").await;
    assert_eq!(
        (odd.status, &odd.body["error"]["code"], odd.message()),
        (504, &json!("Odd"), "Because.")
    );
    assert_eq!(client.get("/sandbox/faults").await.body, json!([]));
    let faults = client.struck().await;
    assert_eq!(faults.iter().filter(|fault| **fault == "status").count(), 3);
    // The login half can fail too, in Graph's envelope as everything that is scripted, and what is left
    // is forgotten on request.
    let client = client.unchecked();
    client
        .script(json!({"status": 503, "path": "*/token", "times": 9}))
        .await;
    let token = format!("/{}/oauth2/v2.0/token", super::TENANT_ID);
    assert_eq!(client.send("POST", &token, None, &[]).await.status, 503);
    assert_eq!(
        client.delete("/sandbox/faults").await.body,
        json!({"cleared": 1})
    );
    assert_ne!(client.send("POST", &token, None, &[]).await.status, 503);
    let wrong = client
        .post("/sandbox/faults", json!({"kind": "rain"}))
        .await;
    assert_eq!(wrong.status, 400);
    running.stop().await;
}

/// Every kind but `status`, asked through a door.
async fn every_kind(client: &Client) {
    let list = "identity/conditionalAccess/policies";
    let post = async |kind: &str| {
        client
            .script(json!({"kind": kind, "method": "POST", "path": list}))
            .await;
        let before = client.names().await;
        let answer = client.attempt("POST", POLICIES, Some(&azure_mfa())).await;
        (answer, client.names().await - before)
    };
    let (answer, created) = post("reset-before").await;
    assert!(answer.is_err());
    assert_eq!(created, 0);
    let (answer, created) = post("reset-after").await;
    assert!(answer.is_err());
    assert_eq!(created, 1);
    let (answer, created) = post("half-body").await;
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), created), (201, 1));
    assert!(answer.bytes().await.is_err());
    let (answer, created) = post("garbage").await;
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), created), (201, 1));
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(answer.json::<Value>().await.is_err());
    let (answer, created) = post("wrong-content-type").await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.headers()["content-type"].to_str().unwrap(), created),
        ("text/html", 1)
    );
    assert!(answer.json::<Value>().await.unwrap()["id"].is_string());
    let (answer, created) = post("expired-token").await;
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), created), (401, 0));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");

    // By hand, to see the end of the connection itself.
    client
        .script(json!({"kind": "reset-before", "method": "GET"}))
        .await;
    assert_eq!(
        client.by_hand(POLICIES).await,
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    client
        .script(json!({"kind": "half-body", "method": "GET"}))
        .await;
    let (answer, end) = client.by_hand(POLICIES).await;
    assert_eq!(end, None, "it ends, and is not reset");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let said: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(body.len(), said.div_ceil(2));
    assert!(!head.contains("x-sandbox"), "{head}");

    for kind in ["slow-body", "stall"] {
        client
            .script(json!({"kind": kind, "for": "400ms", "method": "GET"}))
            .await;
        let begun = Instant::now();
        assert!(client.get(POLICIES).await.body["value"].is_array());
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(350), "{kind}: {took:?}");
    }

    client.script(json!({"kind": "expired-page-token"})).await;
    let page = client.get(&format!("{POLICIES}?$top=1")).await;
    assert_eq!(page.status, 200);
    let next = page.body["@odata.nextLink"].as_str().unwrap().to_owned();
    let expired = client.get(&next).await;
    assert_eq!(
        (expired.status, &expired.body["error"]["code"]),
        (400, &json!("Directory_ExpiredPageToken"))
    );
    assert_eq!(client.get(&next).await.status, 200);

    let id = client.post(POLICIES, azure_mfa()).await.id();
    let one = format!("{POLICIES}/{id}");
    client.patch(&one, json!({"state": "disabled"})).await;
    client
        .script(json!({"kind": "stale", "path": format!("{list}/{id}")}))
        .await;
    let state = async || client.get(&one).await.body["state"].clone();
    assert_eq!(state().await, "enabledForReportingButNotEnforced");
    assert_eq!(state().await, "disabled");

    let faults = client.struck().await;
    let mut struck: Vec<&str> = faults.iter().filter_map(Value::as_str).collect();
    struck.sort_unstable();
    assert_eq!(
        struck,
        [
            "expired-page-token",
            "expired-token",
            "garbage",
            "half-body",
            "half-body",
            "reset-after",
            "reset-before",
            "reset-before",
            "slow-body",
            "stale",
            "stall",
            "wrong-content-type",
        ]
    );
}

#[tokio::test]
async fn every_kind_of_fault_strikes_as_it_says() {
    let (_directory, running, client) = sandbox().await;
    every_kind(&client).await;
    running.stop().await;
}

#[tokio::test]
async fn a_relay_breaks_its_own_callers_connection_in_the_same_way() {
    let (directory, running, _) = sandbox().await;
    let relay = serve(directory.path()).await;
    let client = Client::of(relay.url()).await;
    every_kind(&client).await;
    relay.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn a_part_of_a_batch_is_struck_on_its_own_and_its_connection_with_it() {
    let (_directory, running, client) = sandbox().await;
    let policy = |id: &str| {
        json!({"id": id, "method": "POST", "url": "/identity/conditionalAccess/policies",
        "headers": {"Content-Type": "application/json"}, "body": azure_mfa()})
    };
    let batch = json!({"requests": [policy("1"), policy("2")]});
    let before = client.names().await;
    client.script(json!({"path": "identity/conditionalAccess/*", "method": "POST", "skip": 1, "status": 503})).await;
    let answer = client.post("/v1.0/$batch", batch.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["responses"][0]["status"], 201);
    assert_eq!(answer.body["responses"][1]["status"], 503);
    assert_eq!(client.names().await, before + 1);
    for (kind, created) in [("reset-before", 0), ("reset-after", 2)] {
        let before = client.names().await;
        client.script(json!({"path": "identity/conditionalAccess/*", "method": "POST", "skip": 1, "kind": kind})).await;
        assert!(
            client
                .attempt("POST", "/v1.0/$batch", Some(&batch))
                .await
                .is_err()
        );
        assert_eq!(client.names().await, before + created, "{kind}");
    }
    let requests = client.get("/sandbox/requests").await.body;
    let batches: Vec<&Value> = requests
        .as_array()
        .unwrap()
        .iter()
        .filter(|request| request["path"] == "/v1.0/$batch")
        .collect();
    for (batch, fault) in batches
        .iter()
        .zip(["status", "reset-before", "reset-after"])
    {
        assert_eq!(batch["parts"][0]["fault"], Value::Null);
        assert_eq!(batch["parts"][1]["fault"], fault);
    }
    running.stop().await;
}

#[tokio::test]
async fn settings_come_with_the_process_and_go_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let options = |settings| Options {
        settings,
        ..Options::of(directory.path().to_owned())
    };
    let bad = Settings {
        latency: Latency(Duration::from_millis(1)),
        read_lag: ReadLag::Reads(2),
        ..Settings::default()
    };
    let settings =
        async |url: &str| Client::of(url).await.get("/sandbox").await.body["settings"].clone();
    let first = serve(directory.path()).await;
    let fair = settings(first.url()).await;
    // A door that relays leaves the owner's alone, and its own hold when it becomes the owner.
    let second = start(options(bad)).await.unwrap();
    assert!(first.owns() && !second.owns());
    assert_eq!(settings(first.url()).await, fair);
    assert_eq!(settings(second.url()).await, fair);
    first.stop().await;
    let now = settings(second.url()).await;
    assert_eq!(
        (&now["read_lag"], &now["latency"]),
        (&json!(2), &json!("1ms"))
    );
    second.stop().await;
    let third = serve(directory.path()).await;
    assert_eq!(settings(third.url()).await, fair);
    third.stop().await;
}
