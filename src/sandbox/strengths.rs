//! Authentication strengths: the three that are built in (2.3 of the contract).

use serde_json::{Value, json};

use super::errors::Failure;
use super::owner::Session;
use super::query::{Collection, page, single, whole};
use super::request::Request;
use super::routes::{Handled, read};
use super::tenant::Table;

/// The built-in strengths.
pub(super) fn built_in() -> Vec<Value> {
    let resistant = [
        "windowsHelloForBusiness",
        "fido2",
        "x509CertificateMultiFactor",
    ];
    let passwordless = [&resistant[..], &["deviceBasedPush"]].concat();
    let multifactor = [
        &passwordless[..],
        &[
            "temporaryAccessPassOneTime",
            "temporaryAccessPassMultiUse",
            "password,microsoftAuthenticatorPush",
            "password,softwareOath",
            "password,hardwareOath",
            "password,x509CertificateSingleFactor",
            "password,x509CertificateMultiFactor",
            "password,sms",
            "password,voice",
            "federatedMultiFactor",
            "microsoftAuthenticatorPush,federatedSingleFactor",
            "softwareOath,federatedSingleFactor",
            "hardwareOath,federatedSingleFactor",
            "sms,federatedSingleFactor",
            "voice,federatedSingleFactor",
        ],
    ]
    .concat();
    let strength = |digit: u8, name: &str, description: &str, combinations: &[&str]| {
        json!({
            "id": format!("00000000-0000-0000-0000-00000000000{digit}"),
            "createdDateTime": "2021-12-01T00:00:00Z",
            "modifiedDateTime": "2021-12-01T00:00:00Z",
            "displayName": name,
            "description": description,
            "policyType": "builtIn",
            "requirementsSatisfied": "mfa",
            "allowedCombinations": combinations,
            "combinationConfigurations": [],
        })
    };
    vec![
        strength(
            2,
            "Multifactor authentication",
            "Combinations of methods that satisfy strong authentication, such as a password + SMS",
            &multifactor,
        ),
        strength(
            3,
            "Passwordless MFA",
            "Passwordless methods that satisfy strong authentication, such as Passwordless sign-in with the Microsoft Authenticator",
            &passwordless,
        ),
        strength(
            4,
            "Phishing resistant MFA",
            "Phishing resistant, Passwordless methods for the strongest authentication, such as a FIDO2 security key",
            &resistant,
        ),
    ]
}

/// Answers below the collection of strengths.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    let context = "policies/authenticationStrengthPolicies";
    read(request, || match rest {
        [] => {
            let collection = Collection {
                context,
                resource: "AuthenticationStrengthPolicy",
                filterable: &["id", "displayName", "policyType", "requirementsSatisfied"],
                page_size: 100,
                advanced: false,
                shown: &[],
            };
            let rows = session.tenant.rows(Table::Strengths);
            page(request, rows, &collection, whole)
        }
        [id] => match session.tenant.row(Table::Strengths, id) {
            Some(row) => Ok(single(request, context, whole(&row), &[])),
            // synthetic: the answer for an unknown strength.
            None => Err(Failure::new(
                404,
                "NotFound",
                format!(
                    "AuthenticationStrengthPolicy with id {id} does not exist in the directory."
                ),
            )),
        },
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    })
}
