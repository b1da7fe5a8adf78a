//! How much the sandbox can hold and how fast it tells it: `cargo bench --bench sandbox`.
//!
//! The server is the release binary in a process of its own, so that the memory is the server's alone. Each
//! figure of speed stands beside a baseline, the same number of bytes from a server that only copies them, so
//! that a loaded machine can be told from a slow one. `ROWS` says how many sign-ins are paged.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use portcullis::sandbox::{CLIENT_ID, CLIENT_SECRET, Identity};
use serde_json::{Value, json};

/// A served sandbox.
struct Server {
    child: Child,
    url: String,
    _state: tempfile::TempDir,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["sandbox", "serve", "--state"])
            .arg(state.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
            _state: state,
        }
    }

    /// The most memory that it ever had, in MB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes.map_or(0, |number| number.parse::<u64>().unwrap() / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of one tenant.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    async fn of(http: &reqwest::Client, url: &str, tenant: &Identity) -> Self {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", ".default"),
        ];
        let answer = http
            .post(format!("{url}/{}/oauth2/v2.0/token", tenant.id))
            .form(&form)
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        Self {
            http: http.clone(),
            url: url.to_owned(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// Reads a list to its end, or to so many rows; returns pages and bytes.
    async fn pages(&self, path: &str, size: usize, rows: usize) -> (usize, usize) {
        let mut next = Some(format!("{}{path}", self.url));
        let (mut pages, mut bytes) = (0, 0);
        while let Some(url) = next.take() {
            let mut answer = self
                .http
                .get(&url)
                .bearer_auth(&self.token)
                .header("prefer", "include-unknown-enum-members")
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{url}");
            // The link stands at either end; the rows between are only counted.
            let (mut head, mut tail) = (Vec::new(), Vec::new());
            while let Some(piece) = answer.chunk().await.unwrap() {
                bytes += piece.len();
                if head.len() < 4_096 {
                    head.extend_from_slice(&piece[..piece.len().min(4_096)]);
                }
                tail.extend_from_slice(&piece[piece.len().saturating_sub(4_096)..]);
                tail.drain(..tail.len().saturating_sub(4_096));
            }
            pages += 1;
            if pages * size < rows {
                next = link(&tail).or_else(|| link(&head));
            }
        }
        (pages, bytes)
    }
}

fn link(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once("\"@odata.nextLink\":\"")?;
    rest.split_once('"').map(|(link, _)| link.to_owned())
}

/// Megabytes a second from a server that only copies.
async fn baseline(http: &reqwest::Client, bytes: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4_096]).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").unwrap();
        let (source, mut piece) = (vec![b'x'; 64 << 10], vec![0; 64 << 10]);
        let mut left = bytes;
        while left > 0 {
            piece.copy_from_slice(&source);
            let size = left.min(piece.len());
            stream.write_all(&piece[..size]).unwrap();
            left -= size;
        }
    });
    let started = Instant::now();
    let mut answer = http.get(url).send().await.unwrap();
    while answer.chunk().await.unwrap().is_some() {}
    let speed = bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    thread.join().unwrap();
    speed
}

async fn tenants(http: &reqwest::Client) {
    const COUNT: usize = 1_000;
    let server = Server::start(&["--tenants", "1000"]);
    let started = Instant::now();
    let path = "/v1.0/identity/conditionalAccess/policies";
    for number in 1..=COUNT {
        let client = Client::of(http, &server.url, &Identity::of(number)).await;
        let body = json!({
            "displayName": format!("Policy of tenant {number}"), "state": "disabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includeApplications": ["All"]},
                "users": {"includeUsers": ["All"]},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        });
        let url = format!("{}{path}", server.url);
        let created = http.post(&url).bearer_auth(&client.token).json(&body);
        let created: Value = created.send().await.unwrap().json().await.unwrap();
        let id = created["id"].as_str().unwrap();
        let read = http.get(format!("{url}/{id}")).bearer_auth(&client.token);
        let read: Value = read.send().await.unwrap().json().await.unwrap();
        assert_eq!(read["displayName"], body["displayName"]);
    }
    println!(
        "{COUNT} tenants, a policy created and read back in each: {:.1} s, peak {} MB",
        started.elapsed().as_secs_f64(),
        server.peak(),
    );
}

async fn people(http: &reqwest::Client, rows: usize) {
    let server = Server::start(&["--people", "100000", "--seed", "7"]);
    let client = Client::of(http, &server.url, &Identity::of(1)).await;
    let paths = [
        ("100,000 users", "/v1.0/users?$top=999", 999, usize::MAX),
        ("sign-ins, v1.0", "/v1.0/auditLogs/signIns", 1_000, rows),
        (
            "sign-ins, beta, non-interactive",
            "/beta/auditLogs/signIns?$filter=signInEventTypes/any(t:%20t%20eq%20'nonInteractiveUser')",
            1_000,
            rows,
        ),
    ];
    for (what, path, size, rows) in paths {
        let started = Instant::now();
        let (pages, bytes) = client.pages(path, size, rows).await;
        let seconds = started.elapsed().as_secs_f64();
        let copied = baseline(http, bytes).await;
        println!(
            "{what}: {pages} pages, {:.0} MB in {seconds:.1} s = {:.0} MB/s, {:.0} rows/s; \
             baseline {copied:.0} MB/s; peak {} MB",
            bytes as f64 / 1e6,
            bytes as f64 / 1e6 / seconds,
            (pages * size) as f64 / seconds,
            server.peak(),
        );
    }
}

fn main() {
    let rows = std::env::var("ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        tenants(&http).await;
        people(&http, rows.unwrap_or(200_000)).await;
    });
}
