//! The wire between the tool and the tenant: it sees every request, and it can break.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::graph::exchange;
use super::{CLIENT_ID, CLIENT_SECRET, TENANT_ID, Workspace};

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives, and the connection breaks before the answer.
    LoseAnswer,
    /// The connection breaks before it arrives.
    LoseRequest,
    /// It arrives, and the answer never comes.
    HoldAnswer,
    /// It does not arrive, and no answer comes either.
    HoldRequest,
    /// Somebody else sends the very same a moment before.
    Doubled,
    /// It arrives only when the wire is released; nobody hears the answer.
    Delay,
}

/// A request to the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Shared {
    upstream: String,
    /// The id by which the tenant is known on this side of the wire.
    tenant_id: String,
    sent: Mutex<Vec<Sent>>,
    faults: Mutex<Vec<(usize, Fault)>>,
    held: Mutex<Vec<TcpStream>>,
    closed: AtomicBool,
    released: AtomicBool,
    /// How many reads after a write still show what was there before it.
    lag: Mutex<usize>,
    lagging: Mutex<usize>,
    shown: Mutex<BTreeMap<String, (u16, String, String)>>,
    /// Set when answers are given in rounds.
    rounds: Mutex<Option<Rounds>>,
    next_round: Condvar,
}

/// Answers wait for each other: all that is asked before anything is answered is one round trip.
struct Rounds {
    done: usize,
    last_arrival: Instant,
}

/// How long nobody may ask anything before a round is answered.
const QUIET: Duration = Duration::from_millis(200);

/// A relay on loopback, until it is dropped.
pub(crate) struct Wire {
    pub(crate) url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// A wire to a tenant.
    pub(crate) fn to(upstream: &str) -> Self {
        Self::to_another(upstream, TENANT_ID)
    }

    /// A wire behind which the tenant seems to have another id.
    pub(crate) fn to_another(upstream: &str, tenant_id: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            tenant_id: tenant_id.to_owned(),
            ..Shared::default()
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&own);
                std::thread::spawn(move || {
                    let _ = shared.relay(stream?);
                    std::io::Result::Ok(())
                });
            }
        });
        Self {
            url,
            shared,
            thread: Some(thread),
        }
    }

    /// From now on holds every answer back until nobody asks any more, and then gives them all at once.
    pub(crate) fn in_rounds(&self) {
        *self.shared.rounds.lock().unwrap() = Some(Rounds {
            done: 0,
            last_arrival: Instant::now(),
        });
    }

    /// How many dependent round trips there were since [`Self::in_rounds`].
    pub(crate) fn rounds(&self) -> usize {
        self.shared.rounds.lock().unwrap().as_ref().unwrap().done
    }

    /// What is to become of the n-th write, from 0.
    pub(crate) fn breaks(&self, write: usize, fault: Fault) {
        self.shared.faults.lock().unwrap().push((write, fault));
    }

    /// Lets what was delayed arrive.
    pub(crate) fn release(&self) {
        self.shared.released.store(true, Ordering::SeqCst);
    }

    /// After each write, so many reads of the policies still show what was there before it.
    pub(crate) fn lags(&self, reads: usize) {
        *self.shared.lag.lock().unwrap() = reads;
    }

    /// Every write of a policy so far, in order.
    pub(crate) fn writes(&self) -> Vec<Sent> {
        let mut sent = self.shared.sent.lock().unwrap().clone();
        sent.retain(is_write);
        sent
    }

    /// Every request so far, in order.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.shared.sent.lock().unwrap().clone()
    }

    /// Declares the tenant of a workspace anew: reached over this wire, like any tenant.
    pub(crate) fn declare(&self, workspace: &Workspace) {
        workspace.declare(&self.declaration());
    }

    /// The lines of the declaration.
    pub(crate) fn declaration(&self) -> String {
        declaration(&self.shared.tenant_id, &self.url)
    }
}

/// The lines that declare a tenant which is served at `url`.
pub(crate) fn declaration(tenant_id: &str, url: &str) -> String {
    format!(
        "    tenant_id: {tenant_id}\n    cloud: {{graph: \"{url}\", login: \"{url}\"}}\n    auth: client-secret"
    )
}

/// The variables with which the tool signs in over a wire.
pub(crate) const SIGN_IN: [(&str, &str); 2] = [
    ("AZURE_CLIENT_ID", CLIENT_ID),
    ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
];

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.held.lock().unwrap().clear();
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn is_write(sent: &Sent) -> bool {
    sent.method != "GET" && sent.path.contains("/conditionalAccess/policies")
}

impl Shared {
    /// Relays one request, and closes.
    fn relay(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Ok(());
        };
        let mut headers = Vec::new();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "content-length" => length = value.parse().unwrap(),
                "host" | "connection" => {}
                "authorization" => {
                    headers.push((name, self.with_tid(value, &self.tenant_id, TENANT_ID)));
                }
                _ => headers.push((name, value.to_owned())),
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let sent = Sent {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.clone(),
        };
        let fault = self.take_in(sent);
        if fault == Some(Fault::LoseRequest) {
            return Ok(());
        }
        if fault == Some(Fault::HoldRequest) {
            self.held.lock().unwrap().push(stream);
            return Ok(());
        }
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let inward = |text: &str| text.replace(&self.tenant_id, TENANT_ID);
        if fault == Some(Fault::Delay) {
            while !self.released.load(Ordering::SeqCst) {
                if self.closed.load(Ordering::SeqCst) {
                    return Ok(());
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        if fault == Some(Fault::Doubled) {
            self.ask(method, &inward(path), &headers, &inward(&body));
        }
        let (status, head, body) = self.ask(method, &inward(path), &headers, &inward(&body));
        self.wait_for_the_round();
        match fault {
            Some(Fault::LoseAnswer) => return Ok(()),
            Some(Fault::HoldAnswer) => {
                self.held.lock().unwrap().push(stream);
                return Ok(());
            }
            _ => {}
        }
        let body = body
            .replace(TENANT_ID, &self.tenant_id)
            .replace(&self.upstream, &self.own_origin(&stream));
        let body = match serde_json::from_str::<serde_json::Value>(&body) {
            Ok(mut answer) if answer["access_token"].is_string() => {
                let token = answer["access_token"].as_str().unwrap();
                answer["access_token"] = self.with_tid(token, TENANT_ID, &self.tenant_id).into();
                answer.to_string()
            }
            _ => body,
        };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} -\r\n{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn wait_for_the_round(&self) {
        let mut rounds = self.rounds.lock().unwrap();
        let Some(state) = rounds.as_mut() else { return };
        state.last_arrival = Instant::now();
        let arrived_in = state.done;
        loop {
            (rounds, _) = self.next_round.wait_timeout(rounds, QUIET / 10).unwrap();
            let Some(state) = rounds.as_mut() else { return };
            if state.done == arrived_in && state.last_arrival.elapsed() >= QUIET {
                state.done += 1;
                self.next_round.notify_all();
            }
            if state.done != arrived_in {
                return;
            }
        }
    }

    fn own_origin(&self, stream: &TcpStream) -> String {
        format!("http://{}", stream.local_addr().unwrap())
    }

    /// Remembers a request, and says what is to become of it.
    fn take_in(&self, request: Sent) -> Option<Fault> {
        let mut sent = self.sent.lock().unwrap();
        let number = sent.iter().filter(|sent| is_write(sent)).count();
        let write = is_write(&request);
        sent.push(request);
        let faults = self.faults.lock().unwrap();
        let fault = faults.iter().find(|(at, _)| write && *at == number);
        fault.map(|(_, fault)| *fault)
    }

    /// Asks the tenant; returns the headers that matter as lines.
    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        let mut plain: Vec<(&str, &str)> = headers.to_vec();
        plain.retain(|(name, _)| *name != "accept-encoding");
        let is_policies = path.contains("/conditionalAccess/policies");
        if is_policies && method != "GET" {
            *self.lagging.lock().unwrap() = *self.lag.lock().unwrap();
        }
        if is_policies && method == "GET" {
            let mut lagging = self.lagging.lock().unwrap();
            if *lagging > 0
                && let Some(before) = self.shown.lock().unwrap().get(path)
            {
                *lagging -= 1;
                return before.clone();
            }
        }
        let (status, head, body) = exchange(&self.upstream, method, path, &plain, body.as_bytes());
        let kept: String = head
            .lines()
            .skip(1)
            .filter(|line| {
                let name = line.split(':').next().unwrap_or_default();
                !["content-length", "connection", "transfer-encoding"]
                    .contains(&name.to_ascii_lowercase().as_str())
            })
            .map(|line| format!("{line}\r\n"))
            .collect();
        let answer = (status, kept, body);
        if is_policies && method == "GET" {
            let mut shown = self.shown.lock().unwrap();
            shown.insert(path.to_owned(), answer.clone());
        }
        answer
    }

    /// A token with another tenant in it; nobody looks at its signature.
    fn with_tid(&self, token: &str, from: &str, to: &str) -> String {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, claims, signature] = parts.as_slice() else {
            return token.to_owned();
        };
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims = String::from_utf8(claims).unwrap().replace(from, to);
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
    }
}
