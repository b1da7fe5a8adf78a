//! What an id is called.

use std::collections::BTreeMap;

use super::snapshot::{Object, Snapshot};
use crate::model::{Desired, Id, Kind};

/// The names to print for ids: the declared principal, else what the tenant calls the object.
#[derive(Debug, Clone, Default)]
pub struct Names {
    known: BTreeMap<(Kind, Id), String>,
}

impl Names {
    /// Collects every name that `desired` and `snapshot` know.
    pub fn new(desired: &Desired, snapshot: &Snapshot) -> Self {
        let mut known = BTreeMap::new();
        let mut learn = |object: &Object| {
            let name = object.principal_name.as_ref().unwrap_or(&object.name);
            if !name.is_empty() {
                known
                    .entry((object.kind, object.id.clone()))
                    .or_insert_with(|| name.clone());
            }
        };
        for found in &snapshot.found {
            if let [object] = found.objects.as_slice() {
                learn(object);
            }
        }
        snapshot.objects.values().for_each(&mut learn);
        for members in snapshot.members.values() {
            members.members.iter().for_each(&mut learn);
        }
        for location in &snapshot.locations {
            known.insert((Kind::Location, location.id.clone()), location.name.clone());
        }
        for strength in &snapshot.strengths {
            known.insert((Kind::Strength, strength.id.clone()), strength.name.clone());
        }
        // Declared principals last: they are the names that reviewers know, and they keep the addresses
        // of break-glass accounts out of every report (rule 8).
        for principal in desired.principals.values() {
            let Some(target) = &principal.target else {
                continue;
            };
            if let Some([object]) = snapshot.found(target.kind, &target.name.text) {
                known.insert((object.kind, object.id.clone()), principal.name.clone());
            }
        }
        Self { known }
    }

    /// The same names, with one more or another one.
    #[must_use]
    pub fn with(mut self, kind: Kind, id: Id, name: impl Into<String>) -> Self {
        self.known.insert((kind, id), name.into());
        self
    }

    /// The name of an object; its id when nobody knows a name.
    pub fn of(&self, kind: Kind, id: &Id) -> String {
        self.get(kind, id)
            .map_or_else(|| id.to_string(), str::to_owned)
    }

    /// The name of an object, if anybody knows one.
    pub fn get(&self, kind: Kind, id: &Id) -> Option<&str> {
        self.known.get(&(kind, id.clone())).map(String::as_str)
    }
}
