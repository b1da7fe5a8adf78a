//! The sandbox over real HTTP.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::{Value, json};

use contract::exchange::Exchange;
use contract::tables::Tables;
use contract::violations;

use super::{CLIENT_ID, CLIENT_SECRET, Options, Running, TENANT_ID, start};

/// The tables of `tests/contract`, and what breaks them.
#[path = "../../../tests/suite/contract/checker/mod.rs"]
mod contract;

mod access;
mod beside;
mod directory;
mod doors;
mod login;
mod policies;
mod previews;
mod profiles;
mod recording;
mod refusals;
mod spoiled;
mod weather;
mod what_if;

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

/// A client of one door.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// Whether what it is answered is held against the tables, which are those of the global cloud.
    is_checked: bool,
}

struct Answer {
    status: u16,
    date: String,
    content_type: String,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }
}

async fn serve(state: &Path) -> Running {
    start_with(state, 1).await
}

async fn start_with(state: &Path, tenants: usize) -> Running {
    start(Options {
        tenants,
        ..Options::of(state.to_owned())
    })
    .await
    .unwrap()
}

impl Client {
    async fn of(url: &str) -> Self {
        Self::of_tenant(url, TENANT_ID).await
    }

    async fn of_tenant(url: &str, tenant: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let form = [
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("grant_type", "client_credentials"),
            ("scope", "x//.default"),
        ];
        let body: Value = http
            .post(format!(
                "{url}/{tenant}/oauth2/v2.0/token?client-request-id=1"
            ))
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: body["access_token"].as_str().unwrap().to_owned(),
            is_checked: true,
        }
    }

    /// The same client, for answers that the tables do not describe.
    fn unchecked(self) -> Self {
        Self {
            is_checked: false,
            ..self
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let mut request = self
            .http
            .request(method.parse().unwrap(), &url)
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        let (status, date, content_type) = (
            response.status().as_u16(),
            header("date"),
            header("content-type"),
        );
        let text = response.text().await.unwrap();
        let answer = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        let (host, target) = url.trim_start_matches("http://").split_once('/').unwrap();
        let exchange = Exchange {
            method: method.to_owned(),
            target: format!("/{target}"),
            headers: headers
                .iter()
                .copied()
                .chain([("host", host)])
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            sent: body.unwrap_or_default(),
            status,
            content_type: (!content_type.is_empty()).then(|| content_type.clone()),
            answer: answer.clone(),
        };
        if self.is_checked {
            assert_holds(&exchange);
        }
        let body = if text.is_empty() {
            Value::String(text)
        } else {
            answer
        };
        Answer {
            status,
            date,
            content_type,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body), &[]).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }
}

/// Fails when an answer breaks the contract; the controls are no part of it.
fn assert_holds(exchange: &Exchange) {
    if exchange.target.starts_with("/sandbox") {
        return;
    }
    let found: Vec<String> = violations(Tables::ours(), exchange)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A sandbox in a directory that goes with it.
async fn sandbox() -> (tempfile::TempDir, Running, Client) {
    let directory = tempfile::tempdir().unwrap();
    let running = serve(directory.path()).await;
    let client = Client::of(running.url()).await;
    (directory, running, client)
}

fn azure_mfa() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "displayName": "CA010 - Require MFA for Azure management",
        "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": [AZURE]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    })
}

fn with(path: &str, value: Value) -> Value {
    let mut policy = azure_mfa();
    let (parent, key) = path.rsplit_once('/').unwrap();
    policy.pointer_mut(parent).unwrap()[key] = value;
    policy
}
