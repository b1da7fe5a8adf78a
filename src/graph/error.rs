//! What an answer that is not the hoped-for one means, and what to do about it (contract section 3.3).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::http::Reply;
use super::permission;
use crate::tenant::{TenantError, TenantErrorKind};

/// The permissions of a token; `None` for one that cannot be read.
pub(super) type Granted = Option<BTreeSet<String>>;

/// Graph's error envelope, wherever the service put the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The code, e.g. `BadRequest`.
    pub(super) code: String,
    /// The four digits before the text, if any.
    pub(super) number: Option<u16>,
    /// The text without its number.
    pub(super) text: String,
    request_id: Option<String>,
}

impl Envelope {
    /// Reads an error body; `None` when it is none.
    pub(super) fn read(body: &Value) -> Option<Self> {
        let error = body.get("error")?.as_object()?;
        let text = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let inner = error.get("innerError").or_else(|| error.get("innererror"));
        let outer_text = text(error.get("message"));
        let inner_text = text(inner.and_then(|inner| inner.get("message")));
        // v1.0 puts the numbered text outside, beta inside; the outer one is then a commonplace.
        let (number, text_) = match (numbered(&outer_text), numbered(&inner_text)) {
            (Some((number, rest)), _) | (None, Some((number, rest))) => {
                (Some(number), rest.to_owned())
            }
            (None, None) if inner_text.is_empty() => (None, outer_text),
            (None, None) => (None, inner_text),
        };
        let request_id = text(inner.and_then(|inner| inner.get("request-id")));
        Some(Self {
            code: text(error.get("code")),
            number,
            text: text_,
            request_id: Some(request_id).filter(|id| !id.is_empty()),
        })
    }
}

fn numbered(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let rest = rest.strip_prefix(": ")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
        .map(|number| (number, rest))
}

/// What an answer that is not 2xx means.
pub(super) fn refusal(
    method: &Method,
    path: &str,
    reply: &Reply,
    granted: &Granted,
) -> TenantError {
    let Some(envelope) = reply.json().as_ref().and_then(Envelope::read) else {
        let mut error = foreign_body(reply);
        // A proxy's 403 or 404 says nothing about the tenant.
        if matches!(reply.status, 401 | 429 | 500..600) {
            error.kind = kind_of(reply.status);
        }
        return error;
    };
    let mut error = explain(method, path, reply.status, &envelope, granted);
    error.request_id = reply.request_id().or(envelope.request_id);
    error
}

fn kind_of(status: u16) -> TenantErrorKind {
    match status {
        401 => TenantErrorKind::SignIn,
        403 => TenantErrorKind::Forbidden,
        404 => TenantErrorKind::NotFound,
        429 => TenantErrorKind::Throttled,
        400..500 => TenantErrorKind::Rejected,
        500..600 => TenantErrorKind::Service,
        _ => TenantErrorKind::Shape,
    }
}

/// Turns an envelope into a sentence with the ways out.
pub(super) fn explain(
    method: &Method,
    path: &str,
    status: u16,
    envelope: &Envelope,
    granted: &Granted,
) -> TenantError {
    let kind = kind_of(status);
    let text = envelope
        .text
        .split(" For examples, please see")
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let error = |message: String| TenantError::new(kind, message);
    let said = |sentence: &str| error(format!("{sentence} (Graph: {text})"));
    if envelope.code == "Directory_ExpiredPageToken" {
        return TenantError::new(
            TenantErrorKind::ExpiredPage,
            format!("The link to the next page has expired: {text}"),
        )
        .hint("Run again");
    }
    match envelope.number {
        Some(1007) => {
            return said("The policy has a property or a value that Graph v1.0 does not know")
                .hint("Look for a newer word in the policy file that this cloud does not offer")
                .hint("If the file looks right, report it with the request id: the tool sent a wrong body");
        }
        Some(1011) => {
            return said("The policy targets nothing")
                .hint("Give target_resources.include an app, `all`, a user action or an authentication context");
        }
        Some(1012) => {
            return said(
                "The policy targets apps and user actions or authentication contexts at once",
            )
            .hint("Write two policies: one for the apps, one for the rest");
        }
        Some(1032) if text.contains("InvalidPasswordResetControl") => {
            return said("`password-change` cannot be used this way").hint(
                "It needs `mfa` with operator: all, a user risk, all apps, and no other condition",
            );
        }
        Some(1032) => {
            return said("The grant controls do not go together")
                .hint("`block` stands alone; a strength does not go with `mfa`");
        }
        Some(1034) => return invalid_applications(kind, text),
        Some(1038) => {
            return said("The policy holds preview features that Graph v1.0 cannot write")
                .hint("Change it in the portal, and leave it unmanaged here");
        }
        Some(1039) => {
            return said("The policy uses risk, which needs a Microsoft Entra ID P2 licence")
                .hint("Remove the risk conditions, or add P2 licences to the tenant");
        }
        Some(1040) => {
            return said("The policy names a location that the tenant does not have")
                .hint("If the location was created a moment ago, run again in a minute")
                .hint("If it was deleted, take it out of the policy");
        }
        Some(1064) => {
            return said("The policy names no client apps")
                .hint("Leave client_apps out, or write client_apps: [all]");
        }
        Some(1104) => {
            return said("A timed sign-in frequency must count every factor")
                .hint("Write authentication: primary-and-secondary, or the interval every-time");
        }
        Some(1108) => {
            return said("An authentication strength and `mfa` exclude each other")
                .hint("Keep grant.authentication_strength and remove `mfa` from grant.controls");
        }
        Some(number) => return error(format!("Graph refused the request: {number}: {text}")),
        None => {}
    }
    if text.contains("Security Defaults is enabled") {
        return error("Security defaults are on, so no policy can be turned on".into())
            .hint("Promote when the policies are ready: turn security defaults off in the Entra admin center (Properties), then promote at once")
            .hint("Report-only policies can stay beside security defaults");
    }
    if text.contains("not licensed")
        || envelope.code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
    {
        return error("The tenant has no licence for this: Microsoft Entra ID P1 is needed".into())
            .hint("Add a Microsoft Entra ID P1 licence (or a trial) to the tenant");
    }
    match status {
        401 => error(format!("Graph does not accept the access token: {text}"))
            .hint("Sign in again; a token from PORTCULLIS_ACCESS_TOKEN lives about an hour"),
        403 => forbidden(method, path, text, granted),
        404 => error(format!("Graph does not find what was asked for: {text}")),
        429 => error("Graph takes no more requests for now (429), also after waiting".into())
            .hint("One request a second is allowed for all Conditional Access tools of the tenant together")
            .hint("Run again later, or set a longer pace in the tenant's declaration"),
        500..600 => error(format!("Graph failed ({status}): {text}"))
            .hint("Run again; look at the service health of Microsoft Entra if it lasts"),
        _ => error(format!(
            "Graph refused the request ({status} {}): {text}",
            envelope.code
        )),
    }
}

fn invalid_applications(kind: TenantErrorKind, text: &str) -> TenantError {
    let list: Option<Value> = text.find('{').and_then(|start| {
        // More words may follow the list.
        let list = text.get(start..)?;
        let mut values = serde_json::Deserializer::from_str(list).into_iter();
        values.next()?.ok()
    });
    let mut error = TenantError::new(
        kind,
        format!("The policy targets an app that cannot be targeted (Graph: {text})"),
    );
    for (app, reason) in list
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let reason = reason.as_str().unwrap_or_default();
        error = error.hint(match reason {
            "ServicePrincipalNotFound" => format!(
                "{app} has no service principal in this tenant; create it: az ad sp create --id {app}"
            ),
            "PublicClientsAreUnsupported" => format!(
                "{app} is a public client; target the API that it calls instead"
            ),
            "UnsupportedFirstPartyApplication" => format!(
                "{app} belongs to a suite of Microsoft; target the suite, such as office-365"
            ),
            _ => format!("{app}: {reason}"),
        });
    }
    error
}

fn forbidden(method: &Method, path: &str, text: &str, granted: &Granted) -> TenantError {
    let error = |message: String| TenantError::new(TenantErrorKind::Forbidden, message);
    let Some(granted) = granted else {
        return error(format!("The signed-in identity may not do this: {text}")).hint(format!(
            "It needs {}",
            permission::all(method, path).join(", ")
        ));
    };
    let missing = permission::missing(method, path, granted);
    if missing.is_empty() {
        return error(format!(
            "The token holds the permissions, but Graph refused it: {text}"
        ))
        .hint("A user also needs a role: Conditional Access Administrator to write, Security Reader to read")
        .hint("A permission granted a moment ago takes minutes to arrive: wait, sign in again, run again");
    }
    let held = if granted.is_empty() {
        "none".to_owned()
    } else {
        granted.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    error(format!(
        "The token lacks {}: {text}",
        missing.join(", ")
    ))
    .hint(format!(
        "Grant {} to the application and give admin consent, then sign in again",
        missing.join(", ")
    ))
    .hint(format!("The token holds {held}"))
    .hint("The Azure CLI's own application can never hold Policy.ReadWrite.ConditionalAccess: use an app registration")
}

/// The error of a 2xx answer whose body is no JSON.
pub(super) fn unreadable(reply: &Reply) -> TenantError {
    let mut error = foreign_body(reply);
    error.kind = TenantErrorKind::Shape;
    error
}

fn foreign_body(reply: &Reply) -> TenantError {
    let content_type = reply.header("content-type").unwrap_or("no content type");
    let excerpt = excerpt(&reply.body);
    let what = if excerpt.is_empty() {
        "is empty".to_owned()
    } else {
        format!("is not Graph's JSON ({content_type}): {excerpt}")
    };
    let mut error = TenantError::new(
        TenantErrorKind::Shape,
        format!("The answer ({}) {what}", reply.status),
    );
    if content_type.starts_with("text/html") {
        error = error.hint("A proxy or a captive portal seems to answer in Graph's place");
    }
    error.request_id = reply.request_id();
    error
}

/// The beginning of a body that can be printed without harm.
pub(super) fn excerpt(body: &[u8]) -> String {
    let start = body.get(..2_000).unwrap_or(body);
    String::from_utf8_lossy(start)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|character| !character.is_control() && *character != '\u{fffd}')
        .take(200)
        .collect()
}

/// The error of JSON that does not have the documented shape.
pub(super) fn shape(what: &str) -> TenantError {
    TenantError::new(
        TenantErrorKind::Shape,
        format!("Graph's answer does not have the documented shape: {what}"),
    )
}
