//! What the service makes of an accepted policy before it keeps it (3.7 of the contract).

use serde_json::{Value, json};

use super::rules::texts;

/// Fills in what is implied, and drops what does nothing.
pub(super) fn settle(policy: &mut Value) {
    session(policy);
    strength(policy);
    users(policy);
}

/// Fills in what a sign-in frequency implies, and drops session controls that do nothing (1.7).
fn session(policy: &mut Value) {
    let session = &mut policy["sessionControls"];
    if !session.is_object() {
        return;
    }
    let frequency = &mut session["signInFrequency"];
    if frequency.is_object() {
        if frequency["authenticationType"].is_null() {
            frequency["authenticationType"] = json!("primaryAndSecondaryAuthentication");
        }
        if frequency["frequencyInterval"].is_null() {
            frequency["frequencyInterval"] = json!("timeBased");
        }
    }
    let effective = session
        .as_object()
        .into_iter()
        .flatten()
        .any(|(name, control)| match name.as_str() {
            "disableResilienceDefaults" => control == true,
            "continuousAccessEvaluation" => control.is_object(),
            _ => control["isEnabled"] == true,
        });
    if !effective {
        *session = Value::Null;
    }
}

/// Keeps of a strength what it is referred to by.
fn strength(policy: &mut Value) {
    if let Some(strength) = policy.pointer_mut("/grantControls/authenticationStrength")
        && strength.is_object()
    {
        *strength = json!({"id": strength["id"]});
    }
}

/// A policy on workload identities reads back with nobody included (1.5).
fn users(policy: &mut Value) {
    let conditions = &mut policy["conditions"];
    let on_workloads = conditions["clientApplications"].is_object();
    if conditions["users"].is_null() {
        conditions["users"] = json!({
            "includeUsers": [], "excludeUsers": [], "includeGroups": [], "excludeGroups": [],
            "includeRoles": [], "excludeRoles": [],
            "includeGuestsOrExternalUsers": null, "excludeGuestsOrExternalUsers": null,
        });
    }
    if on_workloads && texts(&conditions["users"]["includeUsers"]).is_empty() {
        conditions["users"]["includeUsers"] = json!(["None"]);
    }
}
