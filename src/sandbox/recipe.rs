//! What a tenant is made of when it starts over.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::truth;

/// How many people there are when nobody says otherwise.
const PEOPLE: u32 = 200;
/// More than this nobody has asked for.
const MOST: u64 = 1_000_000;

/// What a tenant is made of; the same recipe always makes the same tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Recipe {
    /// How many people there are, those that are always there included.
    pub people: u32,
    /// What the people are drawn with.
    pub seed: u64,
    /// The anomalies that are planted, by id.
    pub anomalies: BTreeSet<String>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            people: PEOPLE,
            seed: 1,
            anomalies: BTreeSet::new(),
        }
    }
}

impl Recipe {
    /// What the body of a control asks for; `None` for a key that is not of the recipe.
    pub(super) fn take(&mut self, key: &str, value: &Value) -> Option<Result<(), String>> {
        Some(match key {
            "people" => match value.as_u64().filter(|people| (1..=MOST).contains(people)) {
                Some(people) => {
                    self.people = u32::try_from(people).unwrap_or(PEOPLE);
                    Ok(())
                }
                None => Err(format!("people is a number from 1 to {MOST}")),
            },
            "seed" => match value.as_u64() {
                Some(seed) => {
                    self.seed = seed;
                    Ok(())
                }
                None => Err("seed is a whole number from 0".to_owned()),
            },
            "anomalies" => self.plant(value),
            _ => return None,
        })
    }

    fn plant(&mut self, value: &Value) -> Result<(), String> {
        let named: Vec<&str> = match value {
            Value::String(one) => one.split(',').map(str::trim).collect(),
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return Err("anomalies is a list like [\"A01\", \"A05\"], or \"all\"".to_owned()),
        };
        for name in named.into_iter().filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case("all") {
                self.anomalies
                    .extend(truth::ANOMALIES.iter().map(|anomaly| anomaly.id.to_owned()));
                continue;
            }
            let known = truth::ANOMALIES
                .iter()
                .find(|anomaly| anomaly.id.eq_ignore_ascii_case(name));
            match known {
                Some(anomaly) => self.anomalies.insert(anomaly.id.to_owned()),
                None => {
                    return Err(format!(
                        "there is no anomaly `{name}`; there are A01 to A18, or all of them with `all`"
                    ));
                }
            };
        }
        Ok(())
    }

    /// How many workloads sign in: 180 for 10,000 people.
    pub(super) fn workloads(&self) -> u32 {
        u32::try_from(u64::from(self.people) * 180 / 10_000).unwrap_or_default()
    }

    /// Whether an anomaly is planted.
    pub(super) fn has(&self, anomaly: &str) -> bool {
        self.anomalies.contains(anomaly)
    }
}
