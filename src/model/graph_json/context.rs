//! Authentication contexts in Graph JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, ShapeError};
use crate::model::authentication_context::AuthenticationContext;

impl TryFrom<Value> for AuthenticationContext {
    type Error = ShapeError;

    fn try_from(raw: Value) -> Result<Self, ShapeError> {
        let mut unmodelled = BTreeMap::new();
        let mut object = Object::open("", &raw, &mut unmodelled)?;
        let id = object.required_text("id")?;
        let name = object.text("displayName")?.unwrap_or_default();
        let description = object.text("description")?;
        let available = object.flag("isAvailable")?;
        object.close();
        Ok(Self {
            id,
            name,
            description,
            available,
            unmodelled,
            raw,
        })
    }
}

impl From<AuthenticationContext> for Value {
    fn from(context: AuthenticationContext) -> Self {
        context.raw
    }
}
