//! Faults that spoil an answer do so whatever the answer is: a refusal, one without a body, a part's.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Client, POLICIES, azure_mfa, sandbox};

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> reqwest::Result<Value> {
    let url = format!("{}{path}", client.url);
    let request = client.http.request(method.parse().unwrap(), url);
    let answer = request.bearer_auth(&client.token).json(body).send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    let is_json = text.is_empty() || serde_json::from_str::<Value>(&text).is_ok();
    Ok(json!([status, is_json]))
}

async fn script(client: &Client, fault: Value) {
    assert_eq!(client.post("/sandbox/faults", fault).await.status, 200);
}

#[tokio::test]
async fn a_refusal_is_spoiled_as_any_answer() {
    let (_directory, running, client) = sandbox().await;
    for kind in ["reset-after", "half-body"] {
        script(&client, json!({"kind": kind})).await;
        let answer = send(&client, "POST", POLICIES, &json!({})).await;
        assert!(answer.is_err(), "{kind}");
    }
    script(&client, json!({"kind": "garbage"})).await;
    let answer = send(&client, "POST", POLICIES, &json!({})).await.unwrap();
    assert_eq!(answer, json!([400, false]));
    for kind in ["stall", "slow-body"] {
        script(&client, json!({"kind": kind, "for": "300ms"})).await;
        let begun = Instant::now();
        let answer = send(&client, "POST", POLICIES, &json!({})).await.unwrap();
        assert_eq!(answer, json!([400, true]), "{kind}");
        assert!(begun.elapsed() >= Duration::from_millis(250), "{kind}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_refused_part_of_a_batch_is_spoiled_too() {
    let (_directory, running, client) = sandbox().await;
    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": "/nothing/of/that"}]});
    script(&client, json!({"kind": "reset-after", "path": "nothing"})).await;
    assert!(send(&client, "POST", "/v1.0/$batch", &batch).await.is_err());
    script(&client, json!({"kind": "garbage", "path": "nothing"})).await;
    let answer = client.unchecked().post("/v1.0/$batch", batch).await;
    let part = &answer.body["responses"][0];
    assert_eq!(part["status"], 404);
    assert!(part["body"].is_string(), "{part}");
    running.stop().await;
}

#[tokio::test]
async fn an_answer_without_a_body_breaks_off_or_is_late() {
    let (_directory, running, client) = sandbox().await;
    let id = client.post(POLICIES, azure_mfa()).await.id();
    let one = format!("{POLICIES}/{id}");
    let change = json!({"state": "disabled"});
    script(&client, json!({"kind": "slow-body", "for": "300ms"})).await;
    let begun = Instant::now();
    let answer = send(&client, "PATCH", &one, &change).await.unwrap();
    assert_eq!(answer, json!([204, true]));
    assert!(begun.elapsed() >= Duration::from_millis(250));
    script(&client, json!({"kind": "half-body"})).await;
    let answer = send(&client, "DELETE", &one, &Value::Null).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(client.get(&one).await.status, 404, "it was carried out");
    running.stop().await;
}
