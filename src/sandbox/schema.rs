//! The shape of a Conditional Access policy in Graph v1.0, as tables (sections 1.1 to 1.7 of the
//! contract): what may be written, and what is filled in.

use serde_json::{Map, Value};

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Bool,
    Int,
    Enum(&'static [&'static str]),
    /// Members joined by commas in one text.
    Flags(&'static [&'static str]),
    List(&'static Shape),
    Object(&'static [Field]),
}

/// What may be where a value is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// It is always there.
    Never,
    /// It may be `null`, and is `null` when it was not sent.
    Allowed,
    /// It may be `null`, and stays away when it was not sent.
    Omitted,
}

/// A property of an object.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    shape: Shape,
    null: Null,
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Never,
    }
}

const fn nullable(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Allowed,
    }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Omitted,
    }
}

const TEXTS: Shape = Shape::List(&Shape::Text);
/// The three states.
pub(super) const STATES: [&str; 3] = ["enabled", "disabled", "enabledForReportingButNotEnforced"];
const RISKS: [&str; 5] = ["low", "medium", "high", "hidden", "none"];
const FILTER: [Field; 2] = [
    always("mode", Shape::Enum(&["include", "exclude"])),
    always("rule", Shape::Text),
];

const EXTERNAL_TENANTS: [Field; 2] = [
    always("membershipKind", Shape::Enum(&["all", "enumerated"])),
    optional("members", TEXTS),
];

const GUESTS: [Field; 2] = [
    always(
        "guestOrExternalUserTypes",
        Shape::Flags(&[
            "none",
            "internalGuest",
            "b2bCollaborationGuest",
            "b2bCollaborationMember",
            "b2bDirectConnectUser",
            "otherExternalUser",
            "serviceProvider",
        ]),
    ),
    nullable("externalTenants", Shape::Object(&EXTERNAL_TENANTS)),
];

const USERS: [Field; 8] = [
    always("includeUsers", TEXTS),
    always("excludeUsers", TEXTS),
    always("includeGroups", TEXTS),
    always("excludeGroups", TEXTS),
    always("includeRoles", TEXTS),
    always("excludeRoles", TEXTS),
    nullable("includeGuestsOrExternalUsers", Shape::Object(&GUESTS)),
    nullable("excludeGuestsOrExternalUsers", Shape::Object(&GUESTS)),
];

const APPLICATIONS: [Field; 5] = [
    always("includeApplications", TEXTS),
    always("excludeApplications", TEXTS),
    always("includeUserActions", TEXTS),
    always("includeAuthenticationContextClassReferences", TEXTS),
    nullable("applicationFilter", Shape::Object(&FILTER)),
];

const CLIENT_APPLICATIONS: [Field; 3] = [
    always("includeServicePrincipals", TEXTS),
    always("excludeServicePrincipals", TEXTS),
    nullable("servicePrincipalFilter", Shape::Object(&FILTER)),
];

const PLATFORM: Shape = Shape::Enum(&[
    "android",
    "iOS",
    "windows",
    "windowsPhone",
    "macOS",
    "linux",
    "all",
]);
const PLATFORMS: [Field; 2] = [
    always("includePlatforms", Shape::List(&PLATFORM)),
    always("excludePlatforms", Shape::List(&PLATFORM)),
];

const LOCATIONS: [Field; 2] = [
    always("includeLocations", TEXTS),
    always("excludeLocations", TEXTS),
];

const CONDITIONS: [Field; 12] = [
    always(
        "clientAppTypes",
        Shape::List(&Shape::Enum(&[
            "all",
            "browser",
            "mobileAppsAndDesktopClients",
            "exchangeActiveSync",
            "easSupported",
            "other",
        ])),
    ),
    always("userRiskLevels", Shape::List(&Shape::Enum(&RISKS))),
    always("signInRiskLevels", Shape::List(&Shape::Enum(&RISKS))),
    always(
        "servicePrincipalRiskLevels",
        Shape::List(&Shape::Enum(&["low", "medium", "high", "none"])),
    ),
    nullable(
        "insiderRiskLevels",
        Shape::Flags(&["minor", "moderate", "elevated"]),
    ),
    always("applications", Shape::Object(&APPLICATIONS)),
    nullable("users", Shape::Object(&USERS)),
    nullable("clientApplications", Shape::Object(&CLIENT_APPLICATIONS)),
    nullable("platforms", Shape::Object(&PLATFORMS)),
    nullable("locations", Shape::Object(&LOCATIONS)),
    nullable(
        "devices",
        Shape::Object(&[nullable("deviceFilter", Shape::Object(&FILTER))]),
    ),
    nullable(
        "authenticationFlows",
        Shape::Object(&[always(
            "transferMethods",
            Shape::Flags(&["none", "deviceCodeFlow", "authenticationTransfer"]),
        )]),
    ),
];

const STRENGTH: [Field; 9] = [
    always("id", Shape::Text),
    optional("displayName", Shape::Text),
    optional("description", Shape::Text),
    optional("policyType", Shape::Text),
    optional("requirementsSatisfied", Shape::Text),
    optional("allowedCombinations", TEXTS),
    optional("createdDateTime", Shape::Text),
    optional("modifiedDateTime", Shape::Text),
    optional(
        "combinationConfigurations",
        Shape::List(&Shape::Object(&[])),
    ),
];

const GRANT_CONTROLS: [Field; 5] = [
    nullable("operator", Shape::Enum(&["AND", "OR"])),
    always(
        "builtInControls",
        Shape::List(&Shape::Enum(&[
            "block",
            "mfa",
            "compliantDevice",
            "domainJoinedDevice",
            "approvedApplication",
            "compliantApplication",
            "passwordChange",
            "riskRemediation",
        ])),
    ),
    always("customAuthenticationFactors", TEXTS),
    always("termsOfUse", TEXTS),
    nullable("authenticationStrength", Shape::Object(&STRENGTH)),
];

const SWITCH: [Field; 1] = [nullable("isEnabled", Shape::Bool)];
const SESSION_CONTROLS: [Field; 6] = [
    nullable("disableResilienceDefaults", Shape::Bool),
    nullable("applicationEnforcedRestrictions", Shape::Object(&SWITCH)),
    nullable(
        "cloudAppSecurity",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable(
                "cloudAppSecurityType",
                Shape::Enum(&["mcasConfigured", "monitorOnly", "blockDownloads"]),
            ),
        ]),
    ),
    nullable(
        "persistentBrowser",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable("mode", Shape::Enum(&["always", "never"])),
        ]),
    ),
    nullable("secureSignInSession", Shape::Object(&SWITCH)),
    nullable(
        "signInFrequency",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable("value", Shape::Int),
            nullable("type", Shape::Enum(&["days", "hours"])),
            nullable(
                "authenticationType",
                Shape::Enum(&[
                    "primaryAndSecondaryAuthentication",
                    "secondaryAuthentication",
                ]),
            ),
            nullable(
                "frequencyInterval",
                Shape::Enum(&["timeBased", "everyTime"]),
            ),
        ]),
    ),
];

/// What a POST or PATCH of a policy may carry.
pub(super) const POLICY: Shape = Shape::Object(&[
    optional("displayName", Shape::Text),
    optional("description", Shape::Text),
    optional("state", Shape::Enum(&STATES)),
    optional("conditions", Shape::Object(&CONDITIONS)),
    nullable("grantControls", Shape::Object(&GRANT_CONTROLS)),
    nullable("sessionControls", Shape::Object(&SESSION_CONTROLS)),
]);

/// Whether a value, possibly in part, has the shape: types, keys and members.
pub(super) fn conforms(value: &Value, shape: &Shape) -> bool {
    match shape {
        Shape::Text => value.is_string(),
        Shape::Bool => value.is_boolean(),
        Shape::Int => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        Shape::Enum(members) => value.as_str().is_some_and(|text| members.contains(&text)),
        Shape::Flags(members) => value
            .as_str()
            .is_some_and(|text| flags(text).all(|flag| members.contains(&flag))),
        Shape::List(element) => value
            .as_array()
            .is_some_and(|elements| elements.iter().all(|value| conforms(value, element))),
        Shape::Object(fields) => value.as_object().is_some_and(|object| {
            object.iter().all(|(key, value)| {
                if key == "@odata.type" {
                    return value.is_string();
                }
                fields
                    .iter()
                    .find(|field| field.name == key)
                    .is_some_and(|field| match value {
                        Value::Null => field.null != Null::Never,
                        value => conforms(value, &field.shape),
                    })
            })
        }),
    }
}

/// The value with its enum members spelled as Graph spells them.
///
/// The service reads them in any case: its own 1064 advises `['All']`, and published policies that are
/// deployed as they stand say `All` and `or`. What it answers is always the declared spelling.
pub(super) fn spelled(value: Value, shape: &Shape) -> Value {
    let member = |text: &str, members: &[&str]| {
        members
            .iter()
            .find(|member| member.eq_ignore_ascii_case(text))
            .map_or_else(|| text.to_owned(), ToString::to_string)
    };
    match (value, shape) {
        (Value::String(text), Shape::Enum(members)) => Value::String(member(&text, members)),
        (Value::String(text), Shape::Flags(members)) => {
            let flags: Vec<String> = flags(&text).map(|flag| member(flag, members)).collect();
            Value::String(flags.join(","))
        }
        (Value::Array(elements), Shape::List(element)) => Value::Array(
            elements
                .into_iter()
                .map(|value| spelled(value, element))
                .collect(),
        ),
        (Value::Object(object), Shape::Object(fields)) => Value::Object(
            object
                .into_iter()
                .map(|(key, value)| {
                    let value = match fields.iter().find(|field| field.name == key) {
                        Some(field) => spelled(value, &field.shape),
                        None => value,
                    };
                    (key, value)
                })
                .collect(),
        ),
        (value, _) => value,
    }
}

/// The members of a flags text; a blank after the comma is allowed.
pub(super) fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// The value with every key present: arrays `[]`, nullable ones `null`.
pub(super) fn completed(value: Value, shape: &Shape) -> Value {
    match (value, shape) {
        (Value::Null, Shape::List(_)) => Value::Array(Vec::new()),
        (Value::Object(mut given), Shape::Object(fields)) => {
            let mut object = Map::new();
            for field in *fields {
                let value = given.remove(field.name).unwrap_or(Value::Null);
                let value = match (value, field.null) {
                    (Value::Null, Null::Omitted) => continue,
                    (Value::Null, Null::Allowed) => Value::Null,
                    (Value::Null, Null::Never) if matches!(field.shape, Shape::Object(_)) => {
                        completed(Value::Object(Map::new()), &field.shape)
                    }
                    (value, _) => completed(value, &field.shape),
                };
                object.insert(field.name.to_owned(), value);
            }
            // The one place where the type of a part matters to whoever reads it.
            if let Some(kind) = given.remove("@odata.type")
                && object.contains_key("membershipKind")
            {
                object.insert("@odata.type".to_owned(), kind);
            }
            Value::Object(object)
        }
        (value, _) => value,
    }
}

/// The old value with the new one merged in: objects merge, arrays and everything else are replaced.
pub(super) fn merged(old: &Value, new: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return new.clone();
    };
    // A different kind of external tenants is a different type, not the old one with changes.
    if new
        .get("membershipKind")
        .is_some_and(|kind| old.get("membershipKind") != Some(kind))
    {
        return Value::Object(new.clone());
    }
    let mut object = old.clone();
    for (key, value) in new {
        let value = match object.get(key) {
            Some(old) => merged(old, value),
            None => value.clone(),
        };
        object.insert(key.clone(), value);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merging_keeps_replaces_and_clears() {
        let old = json!({"a": {"x": [1, 2], "y": {"z": 1}, "k": 1}, "b": {"c": 1}});
        let new = json!({"a": {"x": [], "y": {"w": 2}}, "b": null});
        assert_eq!(
            merged(&old, &new),
            json!({"a": {"x": [], "y": {"z": 1, "w": 2}, "k": 1}, "b": null})
        );
    }

    #[test]
    fn external_tenants_of_another_kind_leave_no_members_behind() {
        let old = json!({"membershipKind": "enumerated", "members": ["t"]});
        let new = json!({"membershipKind": "all"});
        assert_eq!(merged(&old, &new), new);
    }

    #[test]
    fn members_are_read_in_any_case_and_kept_in_the_declared_one() {
        let sent = json!({"state": "Enabled", "displayName": "ALL", "conditions": {
            "clientAppTypes": ["All"], "insiderRiskLevels": "Minor, elevated",
            "users": {"includeUsers": ["all"]}}, "grantControls": {"operator": "or"}});
        let kept = json!({"state": "enabled", "displayName": "ALL", "conditions": {
            "clientAppTypes": ["all"], "insiderRiskLevels": "minor,elevated",
            "users": {"includeUsers": ["all"]}}, "grantControls": {"operator": "OR"}});
        assert_eq!(spelled(sent, &POLICY), kept);
        assert!(!conforms(
            &spelled(json!({"state": "on"}), &POLICY),
            &POLICY
        ));
    }

    #[test]
    fn a_sparse_policy_is_filled_in() {
        let policy = completed(
            json!({"displayName": "x", "state": "disabled", "conditions": {"users": {"includeUsers": ["All"]}}}),
            &POLICY,
        );
        assert_eq!(policy["sessionControls"], Value::Null);
        assert_eq!(
            policy["conditions"]["applications"]["includeUserActions"],
            json!([])
        );
        assert_eq!(policy["conditions"]["users"]["excludeGroups"], json!([]));
        assert_eq!(
            policy["conditions"]["users"]["includeGuestsOrExternalUsers"],
            Value::Null
        );
        assert!(policy.get("description").is_none());
    }
}
