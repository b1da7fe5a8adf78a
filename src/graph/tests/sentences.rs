//! Every documented refusal is a sentence that names the way out (contract section 3.3).

use reqwest::Method;
use serde_json::{Value, json};

use crate::graph::error::{Envelope, Granted, excerpt, explain};
use crate::tenant::{TenantError, TenantErrorKind};

const PATH: &str = "/v1.0/identity/conditionalAccess/policies";

fn said(status: u16, body: &Value, granted: &Granted) -> TenantError {
    let envelope = Envelope::read(body).expect("an envelope");
    explain(&Method::POST, PATH, status, &envelope, granted)
}

fn outer(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "innerError": {"request-id": "r"}}})
}

fn inner(code: &str, message: &str) -> Value {
    json!({"error": {
        "code": code,
        "message": "The server could not process the request because it is malformed or incorrect.",
        "innerError": {"message": message, "request-id": "r"},
    }})
}

#[test]
fn numbered_refusals_in_both_placements() {
    let cases = [
        (
            "1007: Incoming ConditionalAccessPolicy object is null or does not match the schema of ConditionalAccessPolicy type. For examples, please see API documentation at https://x.",
            "does not know",
        ),
        ("1011: something", "include"),
        (
            "1012: 'applications' condition cannot include both",
            "two policies",
        ),
        (
            "1032: ConditionalActionPolicy validation failed due to InvalidControls.",
            "stands alone",
        ),
        (
            "1032: ConditionalActionPolicy validation failed due to InvalidPasswordResetControl.",
            "operator: all",
        ),
        (
            "1034: Policy contains invalid applications: {\"797f4846\":\"ServicePrincipalNotFound\"}",
            "az ad sp create --id 797f4846",
        ),
        (
            "1034: Policy contains invalid applications: {\"a\":\"PublicClientsAreUnsupported\"}. And more.",
            "public client",
        ),
        (
            "1034: Policy contains invalid applications: {\"a\":\"UnsupportedFirstPartyApplication\"}",
            "suite",
        ),
        (
            "1038: The policy you are trying to create or update contains preview features.",
            "portal",
        ),
        (
            "1039: Cannot create or update policies with premium P2 features.",
            "P2",
        ),
        (
            "1040: NamedLocation with id x does not exist in the directory.",
            "run again in a minute",
        ),
        (
            "1064: 'clientAppTypes' condition does not support [].",
            "client_apps: [all]",
        ),
        ("1104: 'timeBased' value", "primary-and-secondary"),
        (
            "1108: Authentication strengths cannot be used alongside the MFA built-in control.",
            "remove `mfa`",
        ),
        ("1085: unknown to us", "1085: unknown to us"),
    ];
    for (text, expected) in cases {
        for body in [outer("BadRequest", text), inner("BadRequest", text)] {
            let error = said(400, &body, &None);
            assert_eq!(error.kind, TenantErrorKind::Rejected);
            let all = format!("{} {}", error.message, error.hints.join(" "));
            assert!(all.contains(expected), "{text}: {all}");
            assert!(!all.contains("API documentation"), "{all}");
        }
    }
}

#[test]
fn refusals_without_a_number() {
    let cases = [
        (
            400,
            "BadRequest",
            "Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy.",
            "turn security defaults off",
        ),
        (
            403,
            "AccessDenied",
            "Your tenant is not licensed for this feature. Please upgrade your subscription to access it.",
            "P1",
        ),
        (
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "x",
            "P1",
        ),
        (429, "TooManyRequests", "Too many requests.", "pace"),
        (
            401,
            "InvalidAuthenticationToken",
            "Access token has expired.",
            "Sign in again",
        ),
        (500, "InternalServerError", "oops", "service health"),
        (409, "Conflict", "something new", "something new"),
    ];
    for (status, code, text, expected) in cases {
        let error = said(status, &outer(code, text), &None);
        let all = format!("{} {}", error.message, error.hints.join(" "));
        assert!(all.contains(expected), "{text}: {all}");
    }
}

#[test]
fn a_forbidden_write_names_the_missing_permission() {
    let text =
        "You cannot perform the requested operation, required scopes are missing in the token.";
    let body = outer("AccessDenied", text);
    let granted = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let error = said(
        403,
        &body,
        &granted(&["Policy.Read.All", "Directory.Read.All"]),
    );
    assert_eq!(error.kind, TenantErrorKind::Forbidden);
    assert!(
        error
            .message
            .starts_with("The token lacks Policy.ReadWrite.ConditionalAccess:"),
        "{}",
        error.message
    );
    assert!(error.hints[1].contains("Directory.Read.All, Policy.Read.All"));
    let all = [
        "Policy.Read.All",
        "Policy.ReadWrite.ConditionalAccess",
        "Application.Read.All",
    ];
    let error = said(403, &body, &granted(&all));
    assert!(
        error.message.contains("holds the permissions"),
        "{}",
        error.message
    );
    let error = said(403, &body, &None);
    assert!(error.hints[0].contains("Application.Read.All"));
}

#[test]
fn an_excerpt_is_short_and_printable() {
    let text = format!("a\u{1b}[31m b\n\t{}", "x".repeat(10_000));
    let excerpt = excerpt(text.as_bytes());
    assert!(excerpt.starts_with("a[31m b xxx"));
    assert_eq!(excerpt.chars().count(), 200);
    assert_eq!(
        super::super::error::excerpt(&[0xff, 0xfe, b'o', b'k']),
        "ok"
    );
}
