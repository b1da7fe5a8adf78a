//! The recording: every exchange once, and no secret in it.

use serde_json::Value;

use super::{Client, POLICIES, azure_mfa};
use crate::sandbox::{CLIENT_SECRET, Options, Running, start};

async fn serve(state: &std::path::Path, record: &std::path::Path) -> Running {
    start(Options {
        record: Some(record.to_owned()),
        ..Options::of(state.to_owned())
    })
    .await
    .unwrap()
}

fn lines(record: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(record).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_was_asked_and_answered_is_written_down() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("kept/record.jsonl");
    let running = serve(directory.path(), &record).await;
    let client = Client::of(running.url()).await;
    client.get("/sandbox").await;
    client.post(POLICIES, azure_mfa()).await;
    client.get(&format!("{POLICIES}?$top=1")).await;
    client.delete(&format!("{POLICIES}/nobody")).await;

    let lines = lines(&record);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let (token, created, listed, refused) = (&lines[0], &lines[1], &lines[2], &lines[3]);
    assert_eq!(token["request"]["body"], "[redacted]");
    assert_eq!(token["response"]["body"], "[redacted]");
    assert_eq!(created["request"]["method"], "POST");
    assert_eq!(created["request"]["target"], POLICIES);
    assert_eq!(
        created["request"]["headers"]["authorization"],
        "Bearer [redacted]"
    );
    assert_eq!(created["request"]["body"], azure_mfa());
    assert_eq!(created["response"]["status"], 201);
    assert_eq!(
        created["response"]["body"]["displayName"],
        azure_mfa()["displayName"]
    );
    assert_eq!(listed["request"]["target"], format!("{POLICIES}?$top=1"));
    assert_eq!(listed["request"]["body"], Value::Null);
    assert_eq!(refused["response"]["status"], 404);
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(!text.contains(CLIENT_SECRET), "{text}");
    assert!(!text.contains(&client.token), "{text}");
}

#[tokio::test]
async fn a_request_that_is_relayed_is_written_down_once_by_whoever_answers() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("record.jsonl");
    let owner = serve(directory.path(), &record).await;
    let relay = serve(directory.path(), &record).await;
    let client = Client::of(relay.url()).await;
    client.get(POLICIES).await;
    let lines = lines(&record);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    owner.stop().await;
    client.get(POLICIES).await;
    assert_eq!(self::lines(&record).len(), 3);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let error = start(Options {
        record: Some(directory.path().to_owned()),
        ..Options::of(directory.path().to_owned())
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("cannot record to"), "{error}");
}
