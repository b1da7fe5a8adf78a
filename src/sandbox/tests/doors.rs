//! Many doors on one tenant, and what a kill leaves.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Identity, Options, control, start};
use super::{Client, POLICIES, azure_mfa, sandbox, serve, start_with};

#[tokio::test]
async fn two_doors_are_one_tenant_and_the_second_carries_on() {
    let (directory, first, one) = sandbox().await;
    let second = serve(directory.path()).await;
    let two = Client::of(second.url()).await;
    let made = two.post(POLICIES, azure_mfa()).await;
    assert_eq!(made.status, 201);
    let path = format!("{POLICIES}/{}", made.id());
    assert_eq!(one.get(&path).await.status, 200);
    assert_eq!(
        one.patch(&path, json!({"state": "disabled"})).await.status,
        204
    );
    let read = two.get(&path).await;
    assert_eq!(
        (&read.body["state"], read.date.as_str()),
        (&json!("disabled"), "Mon, 02 Nov 2026 08:00:02 GMT")
    );
    // Links lead back through the door that was asked.
    let page = two.get(&format!("{POLICIES}?$top=1")).await;
    assert!(
        page.body["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with(second.url())
    );
    let url = std::fs::read_to_string(directory.path().join("url")).unwrap();
    assert_eq!(url, first.url());

    first.stop().await;
    assert_eq!(two.get(&path).await.body["state"], "disabled");
    assert_eq!(two.delete(&path).await.status, 204);
    assert_eq!(
        std::fs::read_to_string(directory.path().join("url")).unwrap(),
        second.url()
    );
    second.stop().await;
    assert!(!directory.path().join("url").exists());

    // And a third one finds everything where it was left.
    let third = serve(directory.path()).await;
    let three = Client::of(third.url()).await;
    assert_eq!(three.get(&path).await.status, 404);
    assert_eq!(three.get("/sandbox").await.body["events"], 3);
    three.send("POST", "/sandbox/reset", None, &[]).await;
    assert_eq!(
        three.get("/sandbox").await.body["now"],
        "2026-11-02T08:00:00.0000000Z"
    );
    third.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_torn_log() {
    let (directory, running, client) = sandbox().await;
    let made = client.post(POLICIES, azure_mfa()).await;
    let before = client.get(POLICIES).await.body;
    running.stop().await;
    let log = directory.path().join("events.jsonl");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend_from_slice(b"{\"n\":2,\"at\":\"2026-");
    std::fs::write(&log, bytes).unwrap();
    let again = serve(directory.path()).await;
    let client = Client::of(again.url()).await;
    let after = client.get(POLICIES).await.body;
    assert_eq!(after["value"], before["value"]);
    // The ids follow from the log, so that the same writes make the same tenant.
    client.send("POST", "/sandbox/reset", None, &[]).await;
    assert_eq!(client.post(POLICIES, azure_mfa()).await.id(), made.id());
    again.stop().await;
    std::fs::write(&log, "nonsense\n").unwrap();
    let options = Options::of(directory.path().to_owned());
    assert!(
        start(options)
            .await
            .unwrap_err()
            .to_string()
            .contains("line 1 is not an event")
    );
    let abroad = Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Options::of(directory.path().to_owned())
    };
    assert!(start(abroad).await.is_err());
}

/// The variable that tells a child process of these tests which state to own.
const TO_BE_KILLED: &str = "SANDBOX_OWNER_TO_BE_KILLED";

/// Not a test of its own: the process that the next one starts and kills.
#[tokio::test]
async fn an_owner_to_be_killed() {
    let Some(state) = std::env::var_os(TO_BE_KILLED) else {
        return;
    };
    let _running = serve(Path::new(&state)).await;
    // Longer than the test that kills it, and not for ever should that test fail.
    tokio::time::sleep(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_killed_owner_loses_nothing_that_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut owner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::tests::doors::an_owner_to_be_killed"])
        .env(TO_BE_KILLED, directory.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let url = directory.path().join("url");
    for _ in 0..500 {
        if url.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let killed_url = std::fs::read_to_string(&url).unwrap();
    let heir = serve(directory.path()).await;
    assert_ne!(killed_url, heir.url());
    let client = Client::of(heir.url()).await;

    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let writer = async {
        let mut uncertain = 0;
        for _ in 0..60 {
            match client.post(POLICIES, azure_mfa()).await {
                made if made.status == 201 => tell.send(made.id()).unwrap(),
                broken => {
                    assert_eq!(broken.status, 502, "{}", broken.body);
                    uncertain += 1;
                }
            }
        }
        uncertain
    };
    let mut acknowledged = Vec::new();
    let killer = async {
        while acknowledged.len() < 20 {
            acknowledged.push(told.recv().await.unwrap());
        }
        owner.kill().unwrap();
        owner.wait().unwrap();
    };
    let (uncertain, ()) = tokio::join!(writer, killer);
    while let Ok(id) = told.try_recv() {
        acknowledged.push(id);
    }
    assert_eq!(acknowledged.len() + uncertain, 60);
    assert_eq!(std::fs::read_to_string(&url).unwrap(), heir.url());
    let kept = client.get(POLICIES).await.body;
    let kept: Vec<&str> = kept["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    for id in &acknowledged {
        assert!(kept.contains(&id.as_str()), "{id} was acknowledged");
    }
    assert!(kept.len() - 3 <= acknowledged.len() + uncertain);
    heir.stop().await;
}

#[tokio::test]
async fn an_address_nobody_answers_at_and_a_lock_nobody_gives_up() {
    let directory = tempfile::tempdir().unwrap();
    let lock = crate::store::Lock::try_take(&directory.path().join("lock")).unwrap();
    std::fs::write(directory.path().join("url"), "http://127.0.0.1:1").unwrap();
    let door = serve(directory.path()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let waiting = http.get(format!("{}/sandbox", door.url())).send();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["content-type"], "application/json");
    drop(lock);
    let answer = http.get(format!("{}/sandbox", door.url())).send().await;
    assert_eq!(answer.unwrap().status().as_u16(), 200);
    door.stop().await;
}

#[tokio::test]
async fn many_tenants_share_a_server_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    // More than are kept in memory at a time.
    let tenants = 70;
    let served = || start_with(directory.path(), tenants);
    let running = served().await;
    let list = |client: Client| async move { client.get(POLICIES).await.body["value"].clone() };
    let names = |list: Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|policy| policy["displayName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut ids = std::collections::BTreeSet::new();
    for number in 1..=tenants {
        let identity = Identity::of(number);
        let client = Client::of_tenant(running.url(), &identity.id).await;
        let mut policy = azure_mfa();
        policy["displayName"] = json!(format!("Policy of {number}"));
        let made = client.post(POLICIES, policy).await;
        assert_eq!(made.status, 201);
        assert!(ids.insert(made.id()), "tenant {number} made an id again");
    }
    running.stop().await;

    let running = served().await;
    for number in [1, 2, 35, 70] {
        let identity = Identity::of(number);
        let client = Client::of_tenant(running.url(), &identity.domain).await;
        let organization = client.get("/v1.0/organization").await.body;
        assert_eq!(organization["value"][0]["id"], json!(identity.id));
        let names = names(list(client).await);
        assert!(names.contains(&format!("Policy of {number}")), "{names:?}");
        assert_eq!(names.len(), 4, "{names:?}");
    }
    // The clock of one is not the clock of another.
    let second = Identity::of(2);
    control(
        running.url(),
        Some(&second.domain),
        "advance",
        &json!({"by": "8d"}),
    )
    .await
    .unwrap();
    let date = |client: Client| async move { client.get(POLICIES).await.date };
    let moved = date(Client::of_tenant(running.url(), &second.id).await).await;
    assert_eq!(moved, "Tue, 10 Nov 2026 08:00:01 GMT");
    let third = date(Client::of_tenant(running.url(), &Identity::of(3).id).await).await;
    assert_eq!(third, "Mon, 02 Nov 2026 08:00:01 GMT");
    let nobody = control(
        running.url(),
        Some("nobody"),
        "advance",
        &json!({"by": "1d"}),
    )
    .await;
    assert!(
        nobody
            .unwrap_err()
            .to_string()
            .contains("no such tenant is served here")
    );
    running.stop().await;
}

#[tokio::test]
async fn a_token_of_one_tenant_is_no_good_in_a_server_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let running = start_with(directory.path(), 2).await;
    let second = Client::of_tenant(running.url(), &Identity::of(2).id).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let alone = start_with(elsewhere.path(), 1).await;
    let refused = second.get(&format!("{}{POLICIES}", alone.url())).await;
    assert_eq!(refused.status, 401);
    running.stop().await;
    alone.stop().await;
}

#[tokio::test]
async fn what_an_owner_writes_while_it_sends_is_passed_on_as_it_comes() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let directory = tempfile::tempdir().unwrap();
    let _lock = crate::store::Lock::try_take(&directory.path().join("lock")).unwrap();
    let owner = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", owner.local_addr().unwrap());
    std::fs::write(directory.path().join("url"), url).unwrap();
    let door = serve(directory.path()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let soon = Duration::from_secs(10);
    let owns = async {
        let (mut line, _) = owner.accept().await.unwrap();
        let mut request = [0; 4_096];
        assert!(line.read(&mut request).await.unwrap() > 0);
        line.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .await
            .unwrap();
        line
    };
    let asks = client.get(format!("{}/v1.0/users", door.url())).send();
    let (mut line, answer) = tokio::join!(owns, tokio::time::timeout(soon, asks));
    let mut answer = answer.unwrap().unwrap();
    let first = tokio::time::timeout(soon, answer.chunk()).await.unwrap();
    assert_eq!(first.unwrap().unwrap(), "first");
    line.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "second");
    door.stop().await;
}

#[tokio::test]
async fn a_control_is_sent_to_this_machine_only() {
    for elsewhere in [
        "http://192.0.2.2:33909",
        "https://sandbox.example",
        "http://127.0.0.1.sandbox.example",
        "nonsense",
    ] {
        let refused = control(elsewhere, None, "apps", &json!({"secret": "s"})).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("on loopback only"), "{elsewhere}: {error}");
    }
}
