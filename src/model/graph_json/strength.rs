//! Authentication strengths in Graph JSON (contract section 2.3).

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ShapeError};
use crate::model::Id;
use crate::model::strength::{Combination, Strength, StrengthType};

impl TryFrom<Value> for Strength {
    type Error = ShapeError;

    fn try_from(raw: Value) -> Result<Self, ShapeError> {
        let mut unmodelled = BTreeMap::new();
        let mut object = Object::open("", &raw, &mut unmodelled)?;
        let id = Id::new(object.required_text("id")?);
        // `name` and `satisfies_mfa` stand in snapshots of the first format.
        let name = object.text("displayName")?.or(object.text("name")?);
        let first_format = object.take("satisfies_mfa").and_then(Value::as_bool);
        let satisfied = object
            .text("requirementsSatisfied")?
            .map(|words| words.split(',').any(|word| word.trim() == "mfa"));
        let policy_type = object
            .text("policyType")?
            .map(|wire| StrengthType::from_wire(&wire));
        let listed = raw.get("allowedCombinations").is_some_and(Value::is_array);
        let allowed = object.words("allowedCombinations", Combination::from_wire)?;
        let configurations = match object.take("combinationConfigurations") {
            Some(Value::Array(configurations)) => configurations.clone(),
            _ => Vec::new(),
        };
        let limited = configurations
            .iter()
            .filter_map(|configuration| configuration.get("appliesToCombinations")?.as_array())
            .flatten()
            .filter_map(|combination| combination.as_str().map(Combination::from_wire))
            .collect();
        for ignored in ["description", "createdDateTime", "modifiedDateTime"] {
            object.take(ignored);
        }
        object.close();
        Ok(Self {
            id,
            name: name.unwrap_or_default(),
            policy_type,
            requirements_satisfied: satisfied.or(first_format),
            allowed: listed.then_some(allowed),
            configurations,
            limited,
            unmodelled,
            raw,
        })
    }
}

impl From<Strength> for Value {
    fn from(strength: Strength) -> Self {
        strength.raw
    }
}
