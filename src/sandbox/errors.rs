//! What Graph says when it says no: codes, texts, and the envelope around them.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::request::Request;

/// The sentence Graph's beta endpoint puts in front, the numbered text going into `innerError`.
const MALFORMED: &str =
    "The server could not process the request because it is malformed or incorrect.";

/// A refusal: the status, Graph's code, the text, and the headers that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
    /// What exactly is wrong, where Graph's own sentence is one for many causes.
    pub(super) detail: Option<String>,
    /// The authentication context that a better token would have met.
    pub(super) challenge: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Failure {
    /// A refusal in the words given.
    pub(super) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            detail: None,
            challenge: None,
            headers: Vec::new(),
        }
    }

    /// The same refusal with what exactly is wrong.
    pub(super) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same refusal with one more header.
    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same refusal, which says when to come back, in whole seconds.
    pub(super) fn with_retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        self.with_header("retry-after", seconds.to_string())
    }

    /// The 400 of the policy endpoints.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The 400 of the directory endpoints.
    pub(super) fn bad_directory_request(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    /// The 404 of the directory endpoints.
    pub(super) fn no_such_resource(id: &str) -> Self {
        Self::new(
            404,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    /// The 400 for the token of a `nextLink` that is not good any more, or never was.
    pub(super) fn expired_page_token() -> Self {
        Self::new(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    }

    /// The 404 of a path nobody serves.
    pub(super) fn no_such_segment(segment: &str) -> Self {
        Self::new(
            404,
            "BadRequest",
            format!("Resource not found for the segment '{segment}'."),
        )
    }

    /// The 405 of a path that is served, but not for this verb.
    pub(super) fn method_not_allowed() -> Self {
        // synthetic: the contract has no text for a wrong verb.
        Self::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// The 401 for a token that is absent or worthless.
    pub(super) fn unauthenticated(message: &str) -> Self {
        // synthetic: the contract has the code; the sentences are not in it.
        Self::new(401, "InvalidAuthenticationToken", message)
    }

    /// The 401 for a token whose user has not met an authentication context (protected actions).
    pub(super) fn claims_challenge(context: &str) -> Self {
        // synthetic: that such a 401 comes is documented, the sentence is not.
        let mut failure = Self::unauthenticated(
            "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: InsufficientClaims",
        );
        failure.challenge = Some(context.to_owned());
        failure
    }

    /// The value of `WWW-Authenticate` that goes with a 401.
    pub(super) fn www_authenticate(&self) -> String {
        let Some(context) = &self.challenge else {
            return "Bearer".to_owned();
        };
        let claims =
            json!({"access_token": {"acrs": {"essential": true, "value": context}}}).to_string();
        let claims = base64::engine::general_purpose::STANDARD.encode(claims);
        format!(r#"Bearer realm="", error="insufficient_claims", claims="{claims}""#)
    }

    /// The 403 for a token without the permissions.
    pub(super) fn scopes_missing() -> Self {
        Self::new(
            403,
            "AccessDenied",
            "You cannot perform the requested operation, required scopes are missing in the token.",
        )
    }

    /// The envelope as it goes over the wire; `date` in Graph's form without a zone.
    pub(super) fn envelope(&self, request: &Request, date: &str, request_id: &str) -> Value {
        let client = request.header("client-request-id").unwrap_or(request_id);
        let mut inner = json!({
            "date": date,
            "request-id": request_id,
            "client-request-id": client,
        });
        if let Some(detail) = &self.detail {
            // synthetic: Graph does not say which key or value it does not like.
            inner["detail"] = json!(detail);
        }
        let numbered = self.message.len() > 5
            && self.message.as_bytes()[..4].iter().all(u8::is_ascii_digit)
            && self.message.as_bytes()[4] == b':';
        let mut message = self.message.as_str();
        if request.beta && numbered {
            inner["message"] = json!(self.message);
            message = MALFORMED;
        }
        json!({"error": {"code": self.code, "message": message, "innerError": inner}})
    }
}
