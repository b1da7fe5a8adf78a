//! Shapes: what a value may be where it is written, what is filled in, and what of it a caller sees.

use serde_json::{Map, Value};

use super::clouds::Cloud;
pub(super) use super::policy_shape::POLICY;

/// What a caller can write and see: the version it asked, in the cloud where the tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) beta: bool,
    pub(super) cloud: Cloud,
}

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
    /// Whether v1.0 does not declare it.
    beta: bool,
}

/// A property that is always there.
pub(super) const fn always(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Never,
        beta: false,
    }
}

/// A property that is `null` when it is not set.
pub(super) const fn nullable(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Allowed,
        beta: false,
    }
}

/// A property that stays away when it is not set.
pub(super) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        null: Null::Omitted,
        beta: false,
    }
}

/// A property that only beta declares.
pub(super) const fn beta(name: &'static str, shape: Shape) -> Field {
    Field {
        beta: true,
        ..optional(name, shape)
    }
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It uses a feature that v1.0 does not have yet; the place of it.
    Preview(String),
    /// It is not of the shape; what and where, in a sentence.
    Wrong(String),
}

/// What keeps a value, possibly in part, from having the shape: types, keys and members.
pub(super) fn misfit(value: &Value, shape: &Shape, surface: Surface) -> Option<Misfit> {
    misfit_at(value, shape, surface, "")
}

fn misfit_at(value: &Value, shape: &Shape, surface: Surface, path: &str) -> Option<Misfit> {
    let here = if path.is_empty() { "the body" } else { path };
    let wrong = |what: String| Some(Misfit::Wrong(format!("`{here}` {what}")));
    let expected = |what: &str| wrong(format!("is {}, not {what}", kind(value)));
    let stranger = |text: &str, members: &[&str]| {
        let known = members.contains(&text) && surface.cloud.declares(text);
        (!known).then(|| Misfit::Wrong(format!("`{here}` has no member `{text}`")))
    };
    match shape {
        Shape::Text if !value.is_string() => expected("text"),
        Shape::Bool if !value.is_boolean() => expected("true or false"),
        Shape::Int
            if value
                .as_i64()
                .is_none_or(|number| i32::try_from(number).is_err()) =>
        {
            expected("a whole number of 32 bits")
        }
        Shape::Text | Shape::Bool | Shape::Int => None,
        Shape::Enum(members) => match value.as_str() {
            Some(text) => stranger(text, members),
            None => expected("a text"),
        },
        Shape::Flags(members) => match value.as_str() {
            Some(text) => flags(text).find_map(|flag| stranger(flag, members)),
            None => expected("a text of members joined by commas"),
        },
        Shape::List(element) => match value.as_array() {
            Some(elements) => elements
                .iter()
                .find_map(|value| misfit_at(value, element, surface, path)),
            None => expected("a list"),
        },
        Shape::Object(fields) => {
            let Some(object) = value.as_object() else {
                return expected("an object");
            };
            object.iter().find_map(|(key, value)| {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                if key == "@odata.type" {
                    return (!value.is_string())
                        .then(|| Misfit::Wrong(format!("`{path}` is not a text")));
                }
                let field = fields
                    .iter()
                    .find(|field| field.name == key && surface.cloud.declares(key));
                match field {
                    Some(field) if field.beta && !surface.beta && is_set(value) => {
                        Some(Misfit::Preview(path))
                    }
                    Some(field) if !field.beta || surface.beta => match value {
                        Value::Null if field.null == Null::Never => {
                            Some(Misfit::Wrong(format!("`{path}` cannot be null")))
                        }
                        Value::Null => None,
                        value => misfit_at(value, &field.shape, surface, &path),
                    },
                    _ => Some(Misfit::Wrong(format!(
                        "`{path}` is not a property that can be written"
                    ))),
                }
            })
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        _ => true,
    }
}

/// Whether a value uses a feature that v1.0 does not have yet.
pub(super) fn is_preview(value: &Value, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::Object(object), Shape::Object(fields)) => fields.iter().any(|field| {
            object.get(field.name).is_some_and(|value| {
                (field.beta && is_set(value)) || is_preview(value, &field.shape)
            })
        }),
        _ => false,
    }
}

/// The part of a value that a caller is shown: what its version and its cloud declare.
pub(super) fn shown(value: &Value, shape: &Shape, surface: Surface) -> Value {
    let (Value::Object(object), Shape::Object(fields)) = (value, shape) else {
        return value.clone();
    };
    let mut seen = Map::new();
    for (key, value) in object {
        match fields.iter().find(|field| field.name == key) {
            Some(field) => {
                if (surface.beta || !field.beta) && surface.cloud.declares(key) {
                    seen.insert(key.clone(), shown(value, &field.shape, surface));
                }
            }
            None => {
                seen.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(seen)
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

    const V1: Surface = Surface {
        beta: false,
        cloud: Cloud::Global,
    };
    const BETA: Surface = Surface { beta: true, ..V1 };

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = |text: &str| Some(Misfit::Wrong(text.to_owned()));
        for (value, misfit_of) in [
            (
                json!({"conditions": {"times": null}}),
                wrong("`conditions.times` is not a property that can be written"),
            ),
            (
                json!({"conditions": {"users": {"includeUsers": "All"}}}),
                wrong("`conditions.users.includeUsers` is a text, not a list"),
            ),
            (
                json!({"grantControls": {"builtInControls": ["compliantNetwork"]}}),
                wrong("`grantControls.builtInControls` has no member `compliantNetwork`"),
            ),
            (
                json!({"conditions": {"deviceStates": null}}),
                wrong("`conditions.deviceStates` is not a property that can be written"),
            ),
            (
                json!({"conditions": {"agentIdRiskLevels": "high"}}),
                Some(Misfit::Preview("conditions.agentIdRiskLevels".into())),
            ),
            (json!([]), wrong("`the body` is a list, not an object")),
        ] {
            assert_eq!(misfit(&value, &POLICY, V1), misfit_of, "{value}");
        }
        let risky = json!({"conditions": {"agentIdRiskLevels": "high", "deviceStates": null}});
        assert_eq!(misfit(&risky, &POLICY, BETA), None);
        assert!(is_preview(&risky, &POLICY));
        assert_eq!(
            shown(&risky, &POLICY, V1),
            json!({"conditions": {}}),
            "what v1.0 does not declare it does not show"
        );
        assert_eq!(shown(&risky, &POLICY, BETA), risky);
    }

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
        let on = spelled(json!({"state": "on"}), &POLICY);
        assert_eq!(
            misfit(&on, &POLICY, V1),
            Some(Misfit::Wrong("`state` has no member `on`".into()))
        );
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
