//! One request and its answer, however they were caught.

use serde_json::Value;

/// What stands in the place of a body that is not to be checked, such as one with secrets in it.
pub(crate) const REDACTED: &str = "[redacted]";

/// A request and its answer. A body is `null` when there is none, and a text when it is no JSON.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) target: String,
    /// The headers of the request, by lower-case name.
    pub(crate) headers: Vec<(String, String)>,
    /// The body of the request.
    pub(crate) sent: Value,
    pub(crate) status: u16,
    /// The `Content-Type` of the answer.
    pub(crate) content_type: Option<String>,
    /// The body of the answer.
    pub(crate) answer: Value,
}

impl Exchange {
    /// A header of the request.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the tool under test sent it.
    pub(super) fn is_the_tools(&self) -> bool {
        self.header("user-agent")
            .is_some_and(|agent| agent.starts_with("portcullis/"))
    }

    /// Whether the members after `unknownFutureValue` were asked for.
    pub(super) fn knows_later_members(&self) -> bool {
        self.header("prefer")
            .is_some_and(|prefer| prefer.contains("include-unknown-enum-members"))
    }

    pub(super) fn is_eventual(&self) -> bool {
        self.header("consistencylevel")
            .is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// The path without the query, its empty segments dropped.
    pub(super) fn segments(&self) -> Vec<&str> {
        let path = self.target.split('?').next().unwrap_or_default();
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .collect()
    }

    /// The query options by lower-case name without the `$`, decoded.
    pub(super) fn options(&self) -> Vec<(String, String)> {
        let Some((_, query)) = self.target.split_once('?') else {
            return Vec::new();
        };
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let name = decoded(name).trim_start_matches('$').to_ascii_lowercase();
                (name, decoded(value))
            })
            .collect()
    }

    /// A query option by its lower-case name without the `$`.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        let options = self.options();
        let found = options.into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    /// The exchange of a part of this batch.
    pub(super) fn part(&self, part: &Value, answer: &Value) -> Self {
        let version = self.segments().first().copied().unwrap_or("v1.0");
        let url = part["url"].as_str().unwrap_or_default();
        let lower = |value: &Value| -> Vec<(String, String)> {
            let given = value.as_object().into_iter().flatten();
            given
                .filter_map(|(name, value)| {
                    Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))
                })
                .collect()
        };
        let mut headers = lower(&part["headers"]);
        // Who asks, with which token and through which door, is said once for all parts.
        for name in ["user-agent", "authorization", "host"] {
            if let Some(value) = self.header(name) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let content_type = lower(&answer["headers"])
            .into_iter()
            .find(|(name, _)| name == "content-type");
        Self {
            method: part["method"].as_str().unwrap_or_default().to_owned(),
            target: format!("/{version}/{}", url.trim_start_matches('/')),
            headers,
            sent: part["body"].clone(),
            status: answer["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or_default(),
            content_type: content_type.map(|(_, value)| value),
            answer: answer["body"].clone(),
        }
    }
}

impl std::fmt::Display for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.target, self.status)
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = text
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
