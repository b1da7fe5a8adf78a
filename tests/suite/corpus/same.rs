//! Whether what is read back is what was sent, by the rules of the contract (3.7).

use std::collections::BTreeSet;

use serde_json::Value;

use super::files::is_empty;

/// What the service adds of itself.
const ADDED: [&str; 8] = [
    "id",
    "templateId",
    "createdDateTime",
    "modifiedDateTime",
    "@odata.context",
    "grantControls.authenticationStrength@odata.context",
    // A sign-in frequency is time based, for both factors, unless it says something else.
    "sessionControls.signInFrequency.authenticationType",
    "sessionControls.signInFrequency.frequencyInterval",
];

/// The places at which an answer says something else than was sent: `null`, an empty list and nothing at
/// all are the same, lists are sets, and ids and members may come back in another case.
pub(crate) fn differences(sent: &Value, read: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", sent, read, &mut found);
    found
}

fn compare(path: &str, sent: &Value, read: &Value, found: &mut Vec<String>) {
    if is_empty(sent) && is_empty(read) {
        return;
    }
    let differs = match (sent, read) {
        // A strength is sent by its id and answered whole.
        (Value::Object(sent), Value::Object(read))
            if path == "grantControls.authenticationStrength" =>
        {
            sent.get("id") != read.get("id")
        }
        (Value::Object(sent), Value::Object(read)) => {
            let keys: BTreeSet<&String> = sent.keys().chain(read.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                let inner = format!("{path}{dot}{key}");
                let is_added = ADDED.contains(&inner.as_str()) && !sent.contains_key(key);
                if !is_added && key != "@odata.type" {
                    let value = |of: &serde_json::Map<String, Value>| {
                        of.get(key).cloned().unwrap_or_default()
                    };
                    compare(&inner, &value(sent), &value(read), found);
                }
            }
            false
        }
        // Session controls that do nothing are gone.
        (Value::Object(controls), Value::Null) if path == "sessionControls" => {
            controls.values().any(|control| {
                control == true || control["isEnabled"] == true || !control["mode"].is_null()
            })
        }
        (Value::Array(sent), Value::Array(read)) => as_set(sent) != as_set(read),
        (Value::String(sent), Value::String(read)) if path == "displayName" => sent != read,
        (Value::String(sent), Value::String(read)) => members(sent) != members(read),
        (sent, read) => sent != read,
    };
    if differs {
        found.push(format!("{path}: {sent} became {read}"));
    }
}

fn as_set(elements: &[Value]) -> BTreeSet<String> {
    elements
        .iter()
        .map(|element| element.to_string().to_lowercase())
        .collect()
}

fn members(text: &str) -> BTreeSet<String> {
    text.split(',')
        .map(|member| member.trim().to_lowercase())
        .collect()
}
