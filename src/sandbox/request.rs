//! A request and a reply as the handlers see them, the same for HTTP, for the relay and for `$batch`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use reqwest::Url;
use serde_json::Value;

use super::delivery::{Delivery, Shape};
use super::errors::Failure;

/// One request, taken apart once.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path as it was sent, without the query.
    pub(super) path: String,
    /// The path with its query, as they were sent.
    pub(super) target: String,
    /// The segments after the version, decoded, in the caller's spelling; `//` is collapsed.
    pub(super) segments: Vec<String>,
    /// Whether the path began with `/v1.0` or `/beta`.
    pub(super) versioned: bool,
    /// Whether `/beta` was asked.
    pub(super) beta: bool,
    /// Query options by lower-case name without the leading `$`.
    query: Vec<(String, String)>,
    /// Headers by lower-case name.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The origin the caller used, for absolute URLs.
    pub(super) origin: String,
    /// The rows that the server puts on a page at most, whatever is asked.
    pub(super) page_limit: Option<NonZeroUsize>,
}

impl Request {
    /// Takes a request apart; `target` is the path with its query.
    pub(super) fn new(
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        origin: &str,
    ) -> Self {
        let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
        let query = Url::parse(&format!("http://sandbox/?{raw_query}"))
            .map(|url| {
                url.query_pairs()
                    .map(|(name, value)| {
                        let name = name.trim_start_matches('$').to_ascii_lowercase();
                        (name, value.into_owned())
                    })
                    .collect()
            })
            .unwrap_or_default();
        let mut segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(percent_decoded)
            .collect();
        let (mut versioned, mut beta) = (false, false);
        if let Some(first) = segments.first()
            && (first == "beta" || first == "v1.0")
        {
            (versioned, beta) = (true, first == "beta");
            segments.remove(0);
        }
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            target: target.to_owned(),
            segments,
            versioned,
            beta,
            query,
            headers,
            body,
            origin: origin.to_owned(),
            page_limit: None,
        }
    }

    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it asks the sandbox itself and not the tenant.
    pub(super) fn is_control(&self) -> bool {
        !self.versioned
            && self
                .segments
                .first()
                .is_some_and(|first| first == "sandbox")
    }

    /// Whether it is a `$batch`, which sees nothing itself but what its parts see.
    pub(super) fn is_batch(&self) -> bool {
        matches!(self.segments.as_slice(), [only] if self.versioned && only.eq_ignore_ascii_case("$batch"))
    }

    /// All headers, for a part of a batch to inherit.
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// A query option by its lower-case name without the `$`.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All query options, for a `nextLink` to repeat.
    pub(super) fn options(&self) -> &[(String, String)] {
        &self.query
    }

    /// The root of the version that was asked, such as `http://127.0.0.1:8080/v1.0`.
    pub(super) fn root(&self) -> String {
        format!(
            "{}/{}",
            self.origin,
            if self.beta { "beta" } else { "v1.0" }
        )
    }

    /// Whether the caller asked for the members after `unknownFutureValue`.
    pub(super) fn knows_new_members(&self) -> bool {
        self.header("prefer")
            .is_some_and(|prefer| prefer.contains("include-unknown-enum-members"))
    }

    /// Whether the caller accepts the eventually consistent index.
    pub(super) fn is_eventual(&self) -> bool {
        self.header("consistencylevel")
            .is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Value, Failure> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            // synthetic: the contract has no text for a body that is not a JSON object.
            _ => Err(Failure::bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
            )),
        }
    }

    /// The fields of a form-encoded body.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return Vec::new();
        };
        Url::parse(&format!("http://sandbox/?{}", text.replace('#', "%23")))
            .map(|url| url.query_pairs().into_owned().collect())
            .unwrap_or_default()
    }
}

fn percent_decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok()?;
            u8::from_str_radix(hex, 16).ok()
        });
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What a reply carries.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Text(String),
    /// Written while it is sent.
    Stream(Stream),
}

/// Takes a piece of a body; false when nobody wants more.
pub(super) type Sink<'a> = dyn FnMut(Vec<u8>) -> bool + 'a;

/// A body of any length that is written piece by piece, JSON in the end.
#[derive(Clone)]
pub(super) struct Stream(Arc<dyn Fn(&mut Sink<'_>) + Send + Sync>);

impl Stream {
    /// A body that `write` writes.
    pub(super) fn new(write: impl Fn(&mut Sink<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes it into a sink.
    pub(super) fn write(&self, sink: &mut Sink<'_>) {
        (self.0)(sink);
    }

    /// All of it, for a part of a batch.
    pub(super) fn collected(&self) -> Value {
        let mut all = Vec::new();
        self.write(&mut |piece| {
            all.extend_from_slice(&piece);
            true
        });
        serde_json::from_slice(&all).unwrap_or_default()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Body {
    /// What stands in `Content-Type`.
    pub(super) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Json(_) | Self::Stream(_) => Some(
                "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            ),
            Self::Text(_) => Some("text/plain"),
        }
    }
}

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
    pub(super) delivery: Delivery,
}

impl Reply {
    /// A reply with a JSON body.
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
            delivery: Delivery::default(),
        }
    }

    /// 200 with a JSON body.
    pub(super) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// No answer at all: the connection is reset.
    pub(super) fn reset() -> Self {
        Self::no_content().deliver(Delivery::shaped(Shape::Reset))
    }

    /// 200 with a body that is written while it is sent.
    pub(super) fn stream(body: Stream) -> Self {
        Self {
            status: 200,
            body: Body::Stream(body),
            ..Self::no_content()
        }
    }

    /// 204.
    pub(super) fn no_content() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Body::Empty,
            delivery: Delivery::default(),
        }
    }

    /// 200 with plain text, as `/$count` answers.
    pub(super) fn text(body: String) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Body::Text(body),
            delivery: Delivery::default(),
        }
    }

    /// The same reply, delivered otherwise.
    pub(super) fn deliver(mut self, delivery: Delivery) -> Self {
        self.delivery = self.delivery.and(delivery);
        self
    }

    /// The same reply with one more header.
    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_slashes_versions_and_escapes_are_taken_apart() {
        let request = Request::new(
            "get",
            "/v1.0//users/a%40b%zz?$Filter=displayName%20eq%20'x'&top=3",
            Vec::new(),
            Vec::new(),
            "http://h",
        );
        assert_eq!(request.segments, ["users", "a@b%zz"]);
        assert_eq!(request.option("filter"), Some("displayName eq 'x'"));
        assert_eq!(request.option("top"), Some("3"));
        assert_eq!(request.root(), "http://h/v1.0");
    }
}
