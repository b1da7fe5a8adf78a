//! What Graph says when it says no: codes, texts, and the envelope around them.

use serde_json::{Value, json};

use super::request::Request;

/// The sentence Graph's beta endpoint puts in front, the numbered text going into `innerError`.
const MALFORMED: &str =
    "The server could not process the request because it is malformed or incorrect.";

/// A refusal: the status, Graph's code, and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    /// A refusal in the words given.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
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
