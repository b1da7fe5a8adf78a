//! One request and its answer: the HTTP client, its limits, and what it writes to the log.

use std::fmt;
use std::sync::Once;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Url};
use serde_json::Value;
use uuid::Uuid;

use super::origin;
use crate::tenant::{TenantError, TenantErrorKind};

/// No answer of Graph is bigger than this.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How far a client may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Other machines, over TLS only.
    Internet,
    /// This machine and its link-local metadata service, in the clear, never through a proxy.
    Local,
}

impl Reach {
    /// How far a client for `url` must reach.
    pub(super) fn of(url: &Url) -> Self {
        if origin::is_loopback(url) {
            Self::Local
        } else {
            Self::Internet
        }
    }
}

/// Builds a client with our limits: no redirects, TLS by ring, time-outs.
pub(super) fn client(reach: Reach) -> Result<reqwest::Client, TenantError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Somebody else may have installed one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // What may be sent again is decided in `retry`, where writes are known from reads.
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60))
        .gzip(true)
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    let builder = match reach {
        Reach::Internet => builder.https_only(true),
        Reach::Local => builder.no_proxy(),
    };
    builder.build().map_err(|error| {
        TenantError::new(
            TenantErrorKind::Unreachable,
            format!("The HTTP client cannot be started: {}", causes(&error)),
        )
    })
}

/// An answer, whatever its status; its `Debug` shows no body, for that may be a token.
pub(super) struct Reply {
    /// The status.
    pub(super) status: u16,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The whole body.
    pub(super) body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// Whether the status is 2xx.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The service's id of the request.
    pub(super) fn request_id(&self) -> Option<String> {
        self.header("request-id").map(str::to_owned)
    }

    /// The service's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        http_date(self.header(DATE.as_str())?)
    }

    /// How long the service asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let now = self.date().unwrap_or_else(Timestamp::now);
        retry_after(self.header(RETRY_AFTER.as_str())?, now)
    }

    /// The body as JSON, whatever its declared type.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Reads an HTTP date.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

/// Reads a `Retry-After`: seconds, or a date that is compared with `now`.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let seconds = http_date(text)?.as_second() - now.as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Sends one request once.
///
/// An error means that there is no complete answer: nobody knows whether the request was carried out.
pub(super) async fn send(
    client: &reqwest::Client,
    method: &Method,
    url: &Url,
    body: Option<&Value>,
    token: &str,
) -> Result<Reply, TenantError> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        TenantError::new(
            TenantErrorKind::SignIn,
            "The access token holds characters that no header can carry",
        )
    })?;
    bearer.set_sensitive(true);
    let mut request = client
        .request(method.clone(), url.clone())
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json")
        // Without it the service masks the report-only results and newer words (contract section 1.8).
        .header("Prefer", "include-unknown-enum-members")
        .header("client-request-id", Uuid::new_v4().to_string());
    if let Some(body) = body {
        request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
    }
    let started = tokio::time::Instant::now();
    let answer = match request.send().await {
        Ok(response) => collect(response, BODY_LIMIT).await,
        Err(error) => Err(no_answer(url, error)),
    };
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &answer {
        Ok(reply) => tracing::debug!(
            %method,
            path = url.path(),
            status = reply.status,
            request_id = reply.request_id().unwrap_or_default(),
            milliseconds,
            "graph"
        ),
        Err(_) => tracing::debug!(%method, path = url.path(), milliseconds, "graph gave no answer"),
    }
    let reply = answer?;
    if (300..400).contains(&reply.status) {
        return Err(redirected(url, &reply));
    }
    Ok(reply)
}

/// Reads an answer to its end, but never more than `limit` bytes.
pub(super) async fn collect(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Reply, TenantError> {
    let url = response.url().clone();
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| no_answer(&url, error))?
    {
        if body.len() + chunk.len() > limit {
            return Err(TenantError::new(
                TenantErrorKind::Shape,
                format!("The answer of {} is bigger than {limit} bytes", host(&url)),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        headers,
        body,
    })
}

fn redirected(url: &Url, reply: &Reply) -> TenantError {
    let expected = url.origin().ascii_serialization();
    match reply
        .header(LOCATION.as_str())
        .and_then(|location| url.join(location).ok())
    {
        Some(location) => origin::foreign(&location, &expected),
        None => TenantError::new(
            TenantErrorKind::ForeignOrigin,
            format!(
                "{expected} answered with a redirect ({}) to nowhere; it was not followed",
                reply.status
            ),
        ),
    }
}

/// The error of a request that nobody answered, or not to the end.
pub(super) fn no_answer(url: &Url, error: reqwest::Error) -> TenantError {
    let host = host(url);
    let error = error.without_url();
    let causes = causes(&error);
    let lower = causes.to_lowercase();
    let message = if error.is_timeout() {
        format!("{host} did not answer in time")
    } else if error.is_connect() {
        format!("{host} cannot be reached: {causes}")
    } else if error.is_body() || error.is_decode() {
        format!("The answer of {host} broke off: {causes}")
    } else {
        format!("There is no answer from {host}: {causes}")
    };
    let error = TenantError::new(TenantErrorKind::Unreachable, message);
    if lower.contains("certificate") {
        error.hint("If a proxy inspects TLS, add its certificate to the trust store of the system")
    } else if origin::is_loopback(url) {
        error.hint("Is the server on this machine still running?")
    } else {
        error.hint("Check the network, DNS and the HTTPS_PROXY setting")
    }
}

fn host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// An error with its causes, the outermost first.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-02T08:00:00Z".parse().expect("a time");
        assert_eq!(retry_after(" 17 ", now), Some(Duration::from_secs(17)));
        let date = "Mon, 02 Nov 2026 08:00:30 GMT";
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(30)));
        let past = "Mon, 02 Nov 2026 07:00:00 GMT";
        assert_eq!(retry_after(past, now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }
}
