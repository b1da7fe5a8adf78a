//! The combinations of methods that a strength allows, and what is required of single methods in them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page, single};
use super::request::{Reply, Request};
use super::routes::{Handled, created};
use super::rules::texts;
use super::schema::flags;
use super::strengths;
use super::tenant::{Row, text};

/// The combinations that are multifactor authentication; the first four need no password, the first
/// three of them cannot be phished.
pub(super) const MULTIFACTOR: [&str; 19] = [
    "windowsHelloForBusiness",
    "fido2",
    "x509CertificateMultiFactor",
    "deviceBasedPush",
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
];

/// The methods that may stand alone in a strength without being multifactor authentication.
const SINGLE: [&str; 9] = [
    "password",
    "voice",
    "hardwareOath",
    "softwareOath",
    "sms",
    "microsoftAuthenticatorPush",
    "x509CertificateSingleFactor",
    "federatedSingleFactor",
    "qrCodePin",
];

const FIDO2: &str = "#microsoft.graph.fido2CombinationConfiguration";
const CERTIFICATE: &str = "#microsoft.graph.x509CertificateCombinationConfiguration";

/// The combinations of a body, each in the order in which the service writes it.
pub(super) fn listed(list: &Value) -> Result<Vec<String>, Failure> {
    // synthetic: the sentences of this function; which combinations exist is known from the built-in ones.
    let Some(elements) = list.as_array().filter(|elements| !elements.is_empty()) else {
        return Err(Failure::bad_request(
            "'allowedCombinations' must hold at least one combination.",
        ));
    };
    elements
        .iter()
        .map(|element| {
            let given = element.as_str().unwrap_or_default();
            let mut methods: Vec<&str> = flags(given).collect();
            methods.sort_unstable();
            MULTIFACTOR
                .iter()
                .chain(&SINGLE)
                .find(|known| {
                    let mut theirs: Vec<&str> = flags(known).collect();
                    theirs.sort_unstable();
                    theirs == methods
                })
                .map(|known| (*known).to_owned())
                .ok_or_else(|| {
                    Failure::bad_request(format!(
                        "'{given}' is not a combination of authentication methods."
                    ))
                })
        })
        .collect()
}

/// What a strength satisfies: MFA when each of its combinations does.
pub(super) fn satisfies(combinations: &[String]) -> &'static str {
    let all_are = combinations
        .iter()
        .all(|combination| MULTIFACTOR.contains(&combination.as_str()));
    if all_are { "mfa" } else { "none" }
}

/// Answers below the configurations of a strength.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    strength: &Row,
    rest: &[&str],
) -> Handled {
    let context = format!(
        "policies/authenticationStrengthPolicies('{}')/combinationConfigurations",
        text(strength, "id")
    );
    let collection = Collection {
        context: &context,
        resource: "AuthenticationCombinationConfiguration",
        filterable: &["id"],
        page_size: 100,
        advanced: false,
        shown: &[],
    };
    let held: Vec<Value> = strength["combinationConfigurations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let rows = held.iter().map(|row| Row::new(row.clone()));
    let find = |id: &str| {
        let at = held
            .iter()
            .position(|row| text(row, "id").eq_ignore_ascii_case(id));
        // synthetic: the answer for an unknown configuration.
        at.ok_or_else(|| {
            Failure::new(
                404,
                "NotFound",
                format!("CombinationConfiguration with id {id} does not exist in the directory."),
            )
        })
    };
    let write = |held: Vec<Value>, reply: Reply| {
        strengths::custom(strength)?;
        let mut row = Value::clone(strength);
        row["combinationConfigurations"] = json!(held);
        strengths::changed(session, strength, row, reply)
    };
    match (request.method.as_str(), rest) {
        ("GET", []) => page(request, rows, &collection, super::query::whole).map(Answer::Read),
        ("GET", ["$count"]) => count(request, rows, &collection).map(Answer::Read),
        ("GET", [id]) => {
            let row = held[find(id)?].clone();
            Ok(Answer::Read(single(request, &context, row, &[])))
        }
        ("POST", []) => {
            let mut row = accepted(strength, &request.object()?, None)?;
            row["id"] = json!(session.tenant.next_id());
            let reply = created(request, &context, row.clone());
            let mut held = held.clone();
            held.push(row);
            write(held, reply)
        }
        ("PATCH", [id]) => {
            let at = find(id)?;
            let mut row = accepted(strength, &request.object()?, Some(&held[at]))?;
            row["id"] = held[at]["id"].clone();
            let mut held = held.clone();
            held[at] = row;
            write(held, Reply::no_content())
        }
        ("DELETE", [id]) => {
            let at = find(id)?;
            let mut held = held.clone();
            held.remove(at);
            write(held, Reply::no_content())
        }
        (_, [] | [_]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// A configuration as it is kept, or the refusal of what it is not.
fn accepted(strength: &Value, body: &Value, old: Option<&Value>) -> Result<Value, Failure> {
    // synthetic: the sentences of this function.
    let wrong = |what: &str| Err(Failure::bad_request(what));
    let mut row = old.cloned().unwrap_or_else(|| json!({}));
    for (key, value) in body.as_object().into_iter().flatten() {
        if key != "id" {
            row[key] = value.clone();
        }
    }
    let kind = text(&row, "@odata.type").to_owned();
    let details: &[&str] = match kind.as_str() {
        FIDO2 => &["allowedAAGUIDs"],
        CERTIFICATE => &["allowedIssuerSkis", "allowedPolicyOIDs"],
        _ => return wrong("'@odata.type' is not a kind of combination configuration."),
    };
    if old.is_some_and(|old| text(old, "@odata.type") != kind) {
        return wrong("The kind of a combination configuration cannot be changed.");
    }
    let known = |key: &str| {
        ["@odata.type", "id", "appliesToCombinations"].contains(&key) || details.contains(&key)
    };
    if let Some(key) = row
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .find(|key| !known(key))
    {
        return wrong(&format!("'{key}' is not a property of {kind}."));
    }
    let applies = listed(&row["appliesToCombinations"])?;
    let allowed = texts(&strength["allowedCombinations"]);
    let is_about = |combination: &str| match kind.as_str() {
        FIDO2 => combination == "fido2",
        _ => combination.contains("x509Certificate"),
    };
    if let Some(odd) = applies
        .iter()
        .find(|combination| !allowed.contains(&combination.as_str()) || !is_about(combination))
    {
        return wrong(&format!(
            "'{odd}' is not an allowed combination that this configuration can apply to."
        ));
    }
    row["appliesToCombinations"] = json!(applies);
    for key in details {
        let list = texts(&row[*key]);
        let is_list = row[*key]
            .as_array()
            .is_none_or(|elements| elements.len() == list.len());
        let are_ids = *key != "allowedAAGUIDs" || list.iter().all(|id| Uuid::try_parse(id).is_ok());
        if !is_list || !are_ids {
            return wrong(&format!("'{key}' is not valid."));
        }
        row[*key] = json!(list);
    }
    Ok(row)
}
