//! A JSON object of Graph that is read key by key.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::Id;

/// Graph JSON that does not have the documented shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ShapeError {
    /// The dotted path of the property.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A JSON object that is read key by key; what nobody asked for is kept as unmodelled.
pub(super) struct Object<'a> {
    path: String,
    rest: BTreeMap<&'a str, &'a Value>,
    unmodelled: &'a mut BTreeMap<String, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn open(
        path: &str,
        value: &'a Value,
        unmodelled: &'a mut BTreeMap<String, Value>,
    ) -> Result<Self, ShapeError> {
        let Value::Object(map) = value else {
            return Err(ShapeError {
                path: if path.is_empty() { "the JSON" } else { path }.to_owned(),
                problem: "is not an object".into(),
            });
        };
        Ok(Self {
            path: path.to_owned(),
            rest: map.iter().map(|(k, v)| (k.as_str(), v)).collect(),
            unmodelled,
        })
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn wrong(&self, key: &str, problem: &str) -> ShapeError {
        ShapeError {
            path: self.path(key),
            problem: problem.to_owned(),
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'a Value> {
        self.rest.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ShapeError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(key, "is not a string")),
        }
    }

    pub(super) fn required_text(&mut self, key: &str) -> Result<String, ShapeError> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    pub(super) fn time(&mut self, key: &str) -> Result<Option<Timestamp>, ShapeError> {
        self.text(key)?
            .map(|text| {
                text.parse()
                    .map_err(|_| self.wrong(key, "is not a point in time"))
            })
            .transpose()
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<bool, ShapeError> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(key, "is not a boolean")),
        }
    }

    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>, ShapeError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| self.wrong(key, "holds something that is not a string"))
                })
                .collect(),
            Some(_) => Err(self.wrong(key, "is not an array")),
        }
    }

    pub(super) fn words<T: Ord>(
        &mut self,
        key: &str,
        from_wire: fn(&str) -> T,
    ) -> Result<BTreeSet<T>, ShapeError> {
        Ok(self.texts(key)?.iter().map(|t| from_wire(t)).collect())
    }

    /// A flags enumeration: one string, its members joined by commas (contract section 1.2); exporters
    /// write an array too.
    pub(super) fn flags<T: Ord>(
        &mut self,
        key: &str,
        from_wire: fn(&str) -> T,
    ) -> Result<BTreeSet<T>, ShapeError> {
        let texts = match self.rest.get(key) {
            Some(Value::Array(_)) => self.texts(key)?,
            _ => self.text(key)?.into_iter().collect(),
        };
        Ok(texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(from_wire)
            .collect())
    }

    pub(super) fn ids(&mut self, key: &str) -> Result<BTreeSet<Id>, ShapeError> {
        Ok(self.texts(key)?.into_iter().map(Id::new).collect())
    }

    pub(super) fn child<T>(
        &mut self,
        key: &str,
        read: fn(&mut Object<'_>) -> Result<T, ShapeError>,
    ) -> Result<Option<T>, ShapeError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        // Some serialisers write nothing at all as an empty array.
        if value.as_array().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let path = self.path(key);
        let mut child = Object::open(&path, value, &mut *self.unmodelled)?;
        let read = read(&mut child)?;
        child.close();
        Ok(Some(read))
    }

    pub(super) fn close(self) {
        for (key, value) in &self.rest {
            if !value.is_null() && !key.contains("@odata.") {
                self.unmodelled.insert(self.path(key), (*value).clone());
            }
        }
    }
}
