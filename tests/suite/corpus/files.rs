//! The published files, and the part of a policy that can be written.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::shared;

/// A published policy.
pub(super) struct Published {
    /// The first sixteen digits of the SHA-256 of its file.
    pub(super) hash: String,
    pub(super) policy: Value,
}

/// The published policies, `None` when they are not here and need not be.
pub(super) fn published() -> Option<Vec<Published>> {
    let read = |(_, bytes): (String, Vec<u8>)| {
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = String::from_utf8(bytes).unwrap();
        let policy = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        Published { hash, policy }
    };
    Some(shared::published()?.into_iter().map(read).collect())
}

/// What v1.0 lets one write, as the contract lists it: `*` ends where the lists below do not go on.
const WRITABLE: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "displayName",
            "description",
            "state",
            "conditions",
            "grantControls",
            "sessionControls",
        ],
    ),
    (
        "conditions",
        &[
            "clientAppTypes",
            "applications",
            "users",
            "clientApplications",
            "platforms",
            "locations",
            "userRiskLevels",
            "signInRiskLevels",
            "servicePrincipalRiskLevels",
            "insiderRiskLevels",
            "authenticationFlows",
            "devices",
        ],
    ),
    (
        "conditions.applications",
        &[
            "includeApplications",
            "excludeApplications",
            "includeUserActions",
            "includeAuthenticationContextClassReferences",
            "applicationFilter",
        ],
    ),
    ("conditions.devices", &["deviceFilter"]),
    (
        "conditions.clientApplications",
        &[
            "includeServicePrincipals",
            "excludeServicePrincipals",
            "servicePrincipalFilter",
        ],
    ),
    (
        "grantControls",
        &[
            "operator",
            "builtInControls",
            "customAuthenticationFactors",
            "termsOfUse",
            "authenticationStrength",
        ],
    ),
    (
        "sessionControls",
        &[
            "applicationEnforcedRestrictions",
            "cloudAppSecurity",
            "persistentBrowser",
            "signInFrequency",
            "disableResilienceDefaults",
            "secureSignInSession",
        ],
    ),
];

/// What only beta lets one write, among what these files hold.
const BETA: &[(&str, &[&str])] = &[
    ("conditions", &["deviceStates", "agentIdRiskLevels"]),
    (
        "conditions.applications",
        &["networkAccess", "globalSecureAccess"],
    ),
    (
        "conditions.devices",
        &[
            "includeDevices",
            "excludeDevices",
            "includeDeviceStates",
            "excludeDeviceStates",
        ],
    ),
    (
        "sessionControls",
        &[
            "continuousAccessEvaluation",
            "globalSecureAccessFilteringProfile",
        ],
    ),
];

fn names(table: &[(&str, &'static [&'static str])], path: &str) -> &'static [&'static str] {
    table
        .iter()
        .find(|(at, _)| *at == path)
        .map_or(&[], |(_, names)| *names)
}

/// Whether a value says nothing: a reader fills such keys in and a writer leaves them out.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        _ => false,
    }
}

/// The keys of a file that v1.0 does not let one write, each with its path.
pub(super) fn unwritable(policy: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, written) in WRITABLE {
        let pointer = match *path {
            "" => String::new(),
            path => format!("/{}", path.replace('.', "/")),
        };
        let Some(Value::Object(object)) = policy.pointer(&pointer) else {
            continue;
        };
        for key in object.keys() {
            if !written.contains(&key.as_str()) {
                let dot = if path.is_empty() { "" } else { "." };
                found.push(format!("{path}{dot}{key}"));
            }
        }
    }
    found
}

/// The part of a policy that can be written, as a tool takes it from an answer of the service: what the
/// service sets itself is left out, and so is every key outside the schema that says nothing. One that
/// says something stays, to be refused. A template without a name and a state is given both.
pub(super) fn writable(policy: &Value) -> Value {
    const OF_THE_SERVICE: [&str; 6] = [
        "id",
        "createdDateTime",
        "modifiedDateTime",
        "deletedDateTime",
        "templateId",
        "partialEnablementStrategy",
    ];
    let mut body = policy.clone();
    let top = body.as_object_mut().unwrap();
    top.retain(|key, _| !OF_THE_SERVICE.contains(&key.as_str()));
    if !top.contains_key("displayName") && !top.contains_key("state") {
        top.insert("displayName".into(), json!("Made from a template"));
        top.insert("state".into(), json!("enabledForReportingButNotEnforced"));
    }
    strip(&mut body, "");
    if let Some(strength) = body.pointer_mut("/grantControls/authenticationStrength")
        && strength.is_object()
    {
        *strength = json!({"id": strength["id"]});
    }
    body
}

fn strip(value: &mut Value, path: &str) {
    let Value::Object(object) = value else {
        return;
    };
    let declared = [names(WRITABLE, path), names(BETA, path)].concat();
    let is_listed = !names(WRITABLE, path).is_empty();
    let mut kept = Map::new();
    for (key, mut inner) in std::mem::take(object) {
        if key.contains("@odata.") && key != "@odata.type" {
            continue;
        }
        let in_v1 = names(WRITABLE, path).contains(&key.as_str());
        if is_listed && is_empty(&inner) && !in_v1 {
            continue;
        }
        // A list that is null is one that is empty; a tool writes neither.
        let is_object = matches!(inner, Value::Object(_));
        if inner.is_null() && key.starts_with("include") | key.starts_with("exclude") {
            continue;
        }
        if is_object && (!is_listed || declared.contains(&key.as_str())) {
            let dot = if path.is_empty() { "" } else { "." };
            strip(&mut inner, &format!("{path}{dot}{key}"));
        }
        kept.insert(key, inner);
    }
    *object = kept;
}

/// Whether a body holds what only beta has.
pub(super) fn is_beta(body: &Value) -> bool {
    BETA.iter().any(|(path, names)| {
        let object = body.pointer(&format!("/{}", path.replace('.', "/")));
        names
            .iter()
            .any(|name| object.and_then(|object| object.get(name)).is_some())
    })
}
