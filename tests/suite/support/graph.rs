//! A Graph client of the tests' own, as small as it can be.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, NAME, TENANT_ID};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

/// Somebody else who signed in to the tenant.
pub(crate) struct Graph {
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Graph {
    /// Signs in with the secret of the sandbox.
    pub(crate) fn sign_in(url: &str) -> Self {
        Self::sign_in_as(url, CLIENT_ID, CLIENT_SECRET)
    }

    /// Signs in as an app.
    pub(crate) fn sign_in_as(url: &str, client: &str, secret: &str) -> Self {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=.default"
        );
        let (status, answer) = send(
            url,
            "POST",
            &format!("/{TENANT_ID}/oauth2/v2.0/token"),
            &[("content-type", "application/x-www-form-urlencoded")],
            form.as_bytes(),
        );
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        Self {
            url: url.to_owned(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// Signs in as the person who is at the sandbox's keyboard, with a code on another device.
    pub(crate) fn person(&self) -> Self {
        let post = |endpoint: &str, form: &str| -> Value {
            let (status, answer) = send(
                &self.url,
                "POST",
                &format!("/{TENANT_ID}/oauth2/v2.0/{endpoint}"),
                &[("content-type", "application/x-www-form-urlencoded")],
                form.as_bytes(),
            );
            assert_eq!(status, 200, "{answer}");
            serde_json::from_str(&answer).unwrap()
        };
        let scope = "https%3A%2F%2Fgraph.microsoft.com%2F.default";
        let code = post(
            "devicecode",
            &format!("client_id={CLIENT_ID}&scope={scope}"),
        );
        let answer = post(
            "token",
            &format!(
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={CLIENT_ID}&device_code={}",
                code["device_code"].as_str().unwrap()
            ),
        );
        Self {
            url: self.url.clone(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        self.request_with(method, path, body, &[])
    }

    fn request_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &[(&str, &str)],
    ) -> (u16, String) {
        let authorization = format!("Bearer {}", self.token);
        let mut headers = vec![
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(more);
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        send(
            &self.url,
            method,
            &path.replace(' ', "%20"),
            &headers,
            &body,
        )
    }

    /// Sends a POST over a connection that may break.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> std::io::Result<(u16, String)> {
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        let body = body.to_string();
        let (status, _, body) = try_exchange(&self.url, "POST", path, &headers, body.as_bytes())?;
        Ok((status, body))
    }

    /// Scripts a fault.
    #[track_caller]
    pub(crate) fn script(&self, fault: &Value) {
        self.expect("POST", "/sandbox/faults", Some(fault), 200);
    }

    #[track_caller]
    pub(crate) fn expect(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> Value {
        let (status, answer) = self.request(method, path, body);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Reads a path that may be answered or not, from the index that counts; returns status and body.
    pub(crate) fn ask(&self, path: &str) -> (u16, Value) {
        let eventual = [("consistencylevel", "eventual")];
        let (status, answer) = self.request_with("GET", path, None, &eventual);
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Reads with the members that v1.0 hides behind `unknownFutureValue`.
    #[track_caller]
    pub(crate) fn get_with_new_members(&self, path: &str) -> Value {
        let prefer = [("prefer", "include-unknown-enum-members")];
        let (status, answer) = self.request_with("GET", path, None, &prefer);
        assert_eq!(status, 200, "GET {path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.expect("GET", path, None, 200)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.expect("POST", path, Some(body), 201)
    }

    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) {
        self.expect("PATCH", path, Some(body), 204);
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.expect("DELETE", path, None, 204);
    }

    /// Reads what is refused.
    #[track_caller]
    pub(crate) fn refuses(&self, path: &str, status: u16) {
        self.expect("GET", path, None, status);
    }

    /// Asks Log Analytics.
    #[track_caller]
    pub(crate) fn query(&self, query: &str, expected: u16) -> Value {
        let path = "/v1/workspaces/7a1f0c55-6f0e-4f6b-9f0e-5f0c3f0b8a11/query";
        self.expect("POST", path, Some(&json!({"query": query})), expected)
    }

    /// Starts the tenant over from a recipe.
    #[track_caller]
    pub(crate) fn reset(&self, recipe: &Value) {
        self.expect("POST", "/sandbox/reset", Some(recipe), 200);
    }

    /// Moves the tenant's clock.
    #[track_caller]
    pub(crate) fn advance(&self, by: &str) {
        self.expect("POST", "/sandbox/advance", Some(&json!({"by": by})), 200);
    }

    /// Switches a setting of the sandbox.
    #[track_caller]
    pub(crate) fn set(&self, setting: &str, value: &Value) {
        self.expect(
            "POST",
            "/sandbox/settings",
            Some(&json!({setting: value})),
            200,
        );
    }

    /// How many writes and moves of the clock there were.
    pub(crate) fn events(&self) -> u64 {
        self.get("/sandbox")["events"].as_u64().unwrap()
    }

    /// What was asked since the last [`Self::forget_requests`].
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        let requests = self.get("/sandbox/requests");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        requests
            .as_array()
            .unwrap()
            .iter()
            .map(|request| (text(&request["method"]), text(&request["path"])))
            .collect()
    }

    /// The requests to policies that are no reads.
    pub(crate) fn writes(&self) -> Vec<(String, String)> {
        self.requests()
            .into_iter()
            .filter(|(method, path)| method != "GET" && path.starts_with(POLICIES))
            .collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.delete("/sandbox/requests");
    }

    /// All live policies.
    pub(crate) fn policies(&self) -> Vec<Value> {
        self.get(POLICIES)["value"].as_array().unwrap().clone()
    }

    /// The live policies of a name.
    pub(crate) fn named(&self, name: &str) -> Vec<Value> {
        let mut policies = self.policies();
        policies.retain(|policy| policy["displayName"] == name);
        policies
    }

    /// The one live policy of the shipped name.
    #[track_caller]
    pub(crate) fn shipped(&self) -> Value {
        let mut named = self.named(NAME);
        assert_eq!(named.len(), 1, "{named:#?}");
        named.remove(0)
    }

    /// The id of the one live policy of the shipped name.
    #[track_caller]
    pub(crate) fn shipped_id(&self) -> String {
        self.shipped()["id"].as_str().unwrap().to_owned()
    }

    /// Everything that a write could change: the number of events and every policy to the byte.
    pub(crate) fn everything(&self) -> (u64, String) {
        let (status, policies) = self.request("GET", POLICIES, None);
        assert_eq!(status, 200);
        (self.events(), policies)
    }

    /// Creates a policy by hand.
    #[track_caller]
    pub(crate) fn create_policy(&self, body: &Value) -> String {
        self.post(POLICIES, body)["id"].as_str().unwrap().to_owned()
    }

    /// Changes a policy by hand.
    #[track_caller]
    pub(crate) fn patch_policy(&self, id: &str, body: &Value) {
        self.patch(&format!("{POLICIES}/{id}"), body);
    }

    /// Deletes a policy by hand.
    #[track_caller]
    pub(crate) fn delete_policy(&self, id: &str) {
        self.delete(&format!("{POLICIES}/{id}"));
    }

    /// What the shipped YAML stands for, as somebody else would write it.
    pub(crate) fn shipped_body(&self, state: &str) -> Value {
        json!({
            "displayName": NAME,
            "state": state,
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]},
                "users": {
                    "includeUsers": ["All"],
                    "excludeUsers": [self.user("emergency1"), self.user("emergency2")],
                    "excludeGroups": [self.group("CA-Exclude-Backup-Automation")],
                },
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        })
    }

    /// The id of a user by the first part of the address.
    pub(crate) fn user(&self, nickname: &str) -> String {
        let user = self.get(&format!(
            "/v1.0/users/{nickname}@{}",
            portcullis::sandbox::DOMAIN
        ));
        user["id"].as_str().unwrap().to_owned()
    }

    /// The id of the only group of a name.
    pub(crate) fn group(&self, name: &str) -> String {
        let groups = self.get(&format!("/v1.0/groups?$filter=displayName eq '{name}'"));
        assert_eq!(groups["value"].as_array().unwrap().len(), 1, "{groups}");
        groups["value"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Creates a security group with members.
    #[track_caller]
    pub(crate) fn create_group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<_> = members
            .iter()
            .map(|id| format!("{}/v1.0/directoryObjects/{id}", self.url))
            .collect();
        let body = json!({
            "displayName": name, "mailNickname": name, "mailEnabled": false,
            "securityEnabled": true, "members@odata.bind": members,
        });
        let group = self.post("/v1.0/groups", &body);
        group["id"].as_str().unwrap().to_owned()
    }

    /// Puts somebody into a group.
    #[track_caller]
    pub(crate) fn join(&self, group: &str, member: &str) {
        let body = json!({"@odata.id": format!("{}/v1.0/directoryObjects/{member}", self.url)});
        self.expect(
            "POST",
            &format!("/v1.0/groups/{group}/members/$ref"),
            Some(&body),
            204,
        );
    }
}

/// Sends one request on a connection of its own; returns status and body.
fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String) {
    let (status, _, body) = exchange(url, method, path, headers, body);
    (status, body)
}

/// Sends one request on a connection of its own; returns status, head and body.
pub(super) fn exchange(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, String) {
    try_exchange(url, method, path, headers, body).unwrap()
}

fn try_exchange(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<(u16, String, String)> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if is_chunked {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Ok((status, head.to_owned(), body))
}

/// A body that came in pieces.
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
    body
}
