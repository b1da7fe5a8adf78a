//! What the sign-in service says when it gives no token, and what to do about it.

use crate::tenant::{TenantError, TenantErrorKind};

/// The error of a sign-in that failed with `text`, which may hold an `AADSTS` code.
pub(super) fn failed(text: &str) -> TenantError {
    let text = first_sentence(text);
    let Some(code) = code(&text) else {
        return TenantError::new(
            TenantErrorKind::SignIn,
            format!("Signing in failed: {text}"),
        );
    };
    let (loud, hints) = meaning(code);
    let mut error = TenantError::new(
        TenantErrorKind::SignIn,
        if loud {
            format!("CONDITIONAL ACCESS BLOCKS THIS TOOL'S OWN IDENTITY: {text}")
        } else {
            format!("Signing in failed: {text}")
        },
    );
    for hint in hints {
        error = error.hint(*hint);
    }
    error
}

fn code(text: &str) -> Option<u32> {
    let digits = text.split("AADSTS").nth(1)?;
    let end = digits
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// The text without trace ids, links and line breaks.
fn first_sentence(text: &str) -> String {
    let text = text.split("\nTo troubleshoot").next().unwrap_or(text);
    let text = text.split("Trace ID:").next().unwrap_or(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .take(400)
        .collect::<String>()
        .trim_end_matches('.')
        .to_owned()
}

fn meaning(code: u32) -> (bool, &'static [&'static str]) {
    match code {
        7_000_215 => (
            false,
            &["AZURE_CLIENT_SECRET is wrong: it must be the secret's value, not its id"],
        ),
        7_000_222 => (
            false,
            &[
                "The secret in AZURE_CLIENT_SECRET has expired: create a new one, or use auth: github-oidc or client-certificate",
            ],
        ),
        700_016 => (
            false,
            &[
                "No application with this client id is in the tenant: check AZURE_CLIENT_ID and tenant_id",
                "An application of another tenant must be consented to first",
            ],
        ),
        90_002 => (false, &["No such tenant: check tenant_id and cloud"]),
        900_382 | 900_384 => (false, &["The tenant is in another cloud: check cloud"]),
        70_021 | 700_211 | 700_212 | 700_213 => (
            false,
            &[
                "No federated credential of the application matches issuer, subject and audience of this job: compare them with what the message shows",
            ],
        ),
        700_027 | 700_030 => (
            false,
            &[
                "The certificate in AZURE_CLIENT_CERTIFICATE_PATH is not registered on the application, or has expired",
            ],
        ),
        53_003 | 53_000 | 53_001 | 53_002 | 530_002 | 530_003 => (
            true,
            &[
                "Exclude the identity that runs portcullis from the policy, from an account that can still sign in",
                "A break-glass account can always lower the policy in the Entra admin center",
            ],
        ),
        65_001 => (
            false,
            &[
                "Nobody consented to the application's permissions: give admin consent to Policy.Read.All, Policy.ReadWrite.ConditionalAccess and Application.Read.All",
            ],
        ),
        65_002 => (
            false,
            &[
                "This application of Microsoft may not ask for these permissions: use an app registration of your own",
            ],
        ),
        50_076 | 50_079 | 50_158 => (
            false,
            &["MFA is asked for: use auth: browser or device-code, or run az login again"],
        ),
        50_058 | 50_078 | 50_173 | 700_082 | 70_043 => {
            (false, &["The session has ended: sign in again"])
        }
        50_011 => (
            false,
            &[
                "Register http://localhost as a redirect URI of the platform \"Mobile and desktop applications\"",
            ],
        ),
        7_000_218 => (
            false,
            &[
                "Allow public client flows in the app registration (Authentication, advanced settings)",
            ],
        ),
        500_011 | 50_001 => (
            false,
            &["Graph is not known under this address in the tenant: check cloud"],
        ),
        _ => (false, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_get_their_hints() {
        let cases = [
            (
                "AADSTS7000215: Invalid client secret provided.",
                "not its id",
            ),
            (
                "AADSTS7000222: The provided client secret keys are expired.",
                "expired",
            ),
            ("AADSTS700016: Application not found.", "AZURE_CLIENT_ID"),
            ("AADSTS90002: Tenant not found.", "tenant_id"),
            (
                "AADSTS70021: No matching federated identity record.",
                "federated",
            ),
            (
                "AADSTS700213: No matching federated identity record.",
                "federated",
            ),
            (
                "AADSTS53003: Access has been blocked.",
                "Exclude the identity",
            ),
            ("AADSTS65001: consent.", "admin consent"),
            ("AADSTS50076: MFA.", "MFA"),
        ];
        for (text, hint) in cases {
            let error = failed(&format!("{text} Trace ID: 1-2-3 Correlation ID: 4"));
            assert_eq!(error.kind, TenantErrorKind::SignIn);
            assert!(!error.message.contains("Trace ID"), "{}", error.message);
            assert!(error.hints.iter().any(|h| h.contains(hint)), "{text}");
        }
        assert!(failed("AADSTS53003: no").message.contains("BLOCKS"));
        assert_eq!(failed("nothing known").hints.len(), 0);
    }
}
