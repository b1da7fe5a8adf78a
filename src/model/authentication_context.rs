//! Authentication contexts: what an application may ask for on top of a sign-in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An authentication context.
///
/// Serialises to the Graph JSON it was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct AuthenticationContext {
    /// Its id, `c1` to `c99` (contract section 1.3).
    pub id: String,
    /// Its display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether applications may use it.
    pub available: bool,
    /// What the service holds beyond the model, by dotted path.
    pub unmodelled: BTreeMap<String, Value>,
    /// The JSON as it was read.
    pub raw: Value,
}
