//! Requests to Graph: with a token, in pace, repeated where that is safe.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::auth::SignIn;
use super::error;
use super::http::{self, Reply};
use super::origin::Endpoints;
use super::pace::Pacer;
use super::retry::{self, Failed};
use crate::tenant::{TenantError, TenantErrorKind};

/// So many requests run at the same time.
const AT_ONCE: usize = 8;

/// What a caller wants to hear while the client works; this room prints nothing itself.
#[derive(Clone)]
pub struct Callbacks {
    sign_in: Arc<dyn Fn(&str) + Send + Sync>,
    progress: Arc<dyn Fn(&str) + Send + Sync>,
    opens_browser: bool,
}

impl Callbacks {
    /// `sign_in` gets what a person must see to sign in (a URL, a code), `progress` what takes long.
    pub fn new(
        sign_in: impl Fn(&str) + Send + Sync + 'static,
        progress: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            sign_in: Arc::new(sign_in),
            progress: Arc::new(progress),
            opens_browser: true,
        }
    }

    /// Callbacks that say nothing; no browser is opened.
    pub fn silent() -> Self {
        Self::new(|_| {}, |_| {}).without_browser()
    }

    /// Only hands the sign-in URL over instead of opening a browser too.
    #[must_use]
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    pub(super) fn opens_browser(&self) -> bool {
        self.opens_browser
    }

    pub(super) fn sign_in(&self, text: &str) {
        (self.sign_in)(text);
    }

    pub(super) fn progress(&self, text: &str) {
        (self.progress)(text);
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks")
            .field("opens_browser", &self.opens_browser)
            .finish_non_exhaustive()
    }
}

/// One request to Graph.
#[derive(Debug)]
pub(super) struct Call {
    /// The method.
    pub(super) method: Method,
    /// The URL, at Graph's origin.
    pub(super) url: Url,
    /// The JSON to send.
    pub(super) body: Option<Value>,
    /// How many Conditional Access calls are inside it.
    pub(super) conditional_access: usize,
}

impl Call {
    /// A call whose pace follows from its path.
    pub(super) fn new(method: Method, url: Url, body: Option<Value>) -> Self {
        Self {
            conditional_access: usize::from(is_conditional_access(url.path())),
            method,
            url,
            body,
        }
    }
}

/// Whether a path falls under the limit of one request a second (contract section 3.8).
pub(super) fn is_conditional_access(path: &str) -> bool {
    path.contains("/identity/conditionalAccess") || path.contains("/conditionalAccessPolicies")
}

/// A call that brought no answer.
#[derive(Debug)]
pub(super) struct NoReply {
    /// Why.
    pub(super) error: TenantError,
    /// Whether the request may have reached the service.
    pub(super) sent: bool,
}

/// Graph of one tenant.
pub(super) struct Service {
    pub(super) endpoints: Endpoints,
    pub(super) sign_in: SignIn,
    pub(super) callbacks: Callbacks,
    http: reqwest::Client,
    conditional_access: Pacer,
    audit: Pacer,
    gate: Semaphore,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("endpoints", &self.endpoints)
            .field("sign_in", &self.sign_in)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Joins the parts; `pace` is the pause between two Conditional Access calls.
    pub(super) fn new(
        endpoints: Endpoints,
        sign_in: SignIn,
        callbacks: Callbacks,
        http: reqwest::Client,
        pace: Duration,
    ) -> Self {
        let audit = if endpoints.is_loopback() {
            Duration::ZERO
        } else {
            Duration::from_secs(10)
        };
        Self {
            endpoints,
            sign_in,
            callbacks,
            http,
            conditional_access: Pacer::new(1, pace),
            audit: Pacer::new(5, audit),
            gate: Semaphore::new(AT_ONCE),
        }
    }

    /// The shortest pause between two tries of a read.
    pub(super) fn shortest_wait(&self) -> Duration {
        if self.endpoints.is_loopback() {
            Duration::from_millis(100)
        } else {
            Duration::from_secs(2)
        }
    }

    async fn pace(&self, call: &Call) {
        let now = Instant::now();
        let mut wait = self.conditional_access.book(call.conditional_access, now);
        if call.url.path().contains("/auditLogs/") {
            wait = wait.max(self.audit.book(1, now));
        }
        if wait.is_zero() {
            return;
        }
        if wait >= Duration::from_secs(3) {
            self.callbacks.progress(&format!(
                "waiting {} s: the service takes no more requests at once",
                wait.as_secs()
            ));
        }
        tokio::time::sleep(wait).await;
    }

    /// Sends a call once; a 401 is answered once with a new token (contract section 3.3, trap 27).
    ///
    /// The service does not look at a request that it answers with 401, so sending it again is safe for
    /// writes too.
    pub(super) async fn call(&self, call: &Call) -> Result<Reply, NoReply> {
        let unsent = |error| NoReply { error, sent: false };
        let sent = |error| NoReply { error, sent: true };
        let token = self.sign_in.token().await.map_err(unsent)?;
        let reply = self.send(call, token.secret()).await.map_err(sent)?;
        if reply.status != 401 {
            return Ok(reply);
        }
        let claims = claims_challenge(&reply);
        let token = self
            .sign_in
            .renewed(&token, claims.as_deref())
            .await
            .map_err(unsent)?;
        self.send(call, token.secret()).await.map_err(sent)
    }

    async fn send(&self, call: &Call, token: &str) -> Result<Reply, TenantError> {
        self.pace(call).await;
        // The gate is never closed; without a permit the request would only be less polite.
        let _permit = self.gate.acquire().await;
        http::send(
            &self.http,
            &call.method,
            &call.url,
            call.body.as_ref(),
            token,
        )
        .await
    }

    /// Carries out a call that changes nothing, as often as it takes; the answer is 2xx.
    pub(super) async fn read(&self, call: &Call) -> Result<Reply, TenantError> {
        retry::repeat(self.shortest_wait(), &self.callbacks, || async {
            let reply = self.call(call).await.map_err(|no_reply| Failed {
                again: no_reply.sent && no_reply.error.kind == TenantErrorKind::Unreachable,
                error: no_reply.error,
                retry_after: None,
            })?;
            if reply.is_success() {
                return Ok(reply);
            }
            Err(Failed {
                again: retry::is_passing(reply.status),
                retry_after: reply.retry_after(),
                error: self.refusal(call, &reply).await,
            })
        })
        .await
    }

    /// The same, with the answer as JSON.
    pub(super) async fn read_json(&self, call: &Call) -> Result<(Reply, Value), TenantError> {
        let reply = self.read(call).await?;
        match reply.json() {
            Some(json) => Ok((reply, json)),
            None => Err(error::unreadable(&reply)),
        }
    }

    /// A GET of a path of Graph.
    pub(super) fn get(&self, path_and_query: &str) -> Result<Call, TenantError> {
        let url = self.endpoints.graph_url(path_and_query)?;
        Ok(Call::new(Method::GET, url, None))
    }

    /// What an answer that is not 2xx means.
    pub(super) async fn refusal(&self, call: &Call, reply: &Reply) -> TenantError {
        let granted = self.sign_in.granted().await;
        let error = error::refusal(&call.method, call.url.path(), reply, &granted);
        if reply.status != 401 {
            return error;
        }
        match claims_challenge(reply) {
            Some(claims) => TenantError {
                message: format!("The tenant asks for more than a new token proves: {claims}"),
                ..error
            },
            None => error,
        }
        .hint(self.sign_in.remedy())
    }
}

/// The claims that a 401 asks for, decoded; `None` for a plain one.
fn claims_challenge(reply: &Reply) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    let header = reply.header("www-authenticate")?;
    if !header.contains("insufficient_claims") {
        return None;
    }
    let claims = header.split("claims=\"").nth(1)?.split('"').next()?;
    let bytes = STANDARD
        .decode(claims)
        .or_else(|_| STANDARD_NO_PAD.decode(claims))
        .or_else(|_| URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    serde_json::from_str::<Value>(&text).ok().map(|_| text)
}
