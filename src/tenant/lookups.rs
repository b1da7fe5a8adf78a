//! What a workspace needs to know of a tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Cloud, Desired, Id, Kind, WantedState};

/// A written reference that has to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// What kind of object is meant.
    pub kind: Kind,
    /// The text as it was written: a name, an alias or an id.
    pub text: String,
}

/// How a live policy is found before its id is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handle {
    /// By its id.
    Id(Id),
    /// By its display name.
    Name(String),
}

/// What to read of a tenant beside its policies, locations, strengths, licences and security defaults.
#[derive(Debug, Clone, Default)]
pub struct Lookups {
    /// The cloud, which decides what an alias stands for.
    pub cloud: Option<Cloud>,
    /// The references of the desired policies and of the declared principals. Groups among them are
    /// read with their transitive members.
    pub references: BTreeSet<Reference>,
    /// The live policies that are about to be compared: the ids in them are read with their names.
    pub managed: BTreeSet<Handle>,
    /// The live policies whose directory audit is needed while they are report-only, with that of the
    /// groups they exclude.
    pub history: BTreeSet<Handle>,
    /// Whether the ids in every policy are read with their names.
    pub describe_all: bool,
    /// Whether the recycle bin is read, where the cloud has one.
    pub bin: bool,
}

impl Lookups {
    /// What a plan of everything in `desired` needs.
    ///
    /// Policies that are about to be weighed are named by key in `weighing`; they and all that are to be
    /// on are read with their history.
    pub fn of(desired: &Desired, weighing: &[&str]) -> Self {
        let mut lookups = Self {
            cloud: Some(desired.tenant.cloud.clone()),
            ..Self::default()
        };
        let mut want = |kind, text: &str| {
            lookups.references.insert(Reference {
                kind,
                text: text.to_owned(),
            });
        };
        for principal in desired.break_glass() {
            if let Some(target) = &principal.target {
                want(target.kind, &target.name.text);
            }
        }
        // An exclusion that is written as an id may be of somebody who is declared by name.
        let by_id: BTreeSet<Kind> = desired
            .policies
            .values()
            .flat_map(|policy| &policy.exclusions)
            .filter(|exclusion| Id::looks_like_guid(&exclusion.name.text))
            .map(|exclusion| exclusion.kind)
            .collect();
        for principal in desired.principals.values() {
            if let Some(target) = &principal.target
                && by_id.contains(&target.kind)
            {
                want(target.kind, &target.name.text);
            }
        }
        for policy in desired.policies.values() {
            for (place, name) in policy.policy.references() {
                want(place.kind, &name.text);
            }
        }
        for (key, policy) in &desired.policies {
            let mut handles = vec![Handle::Name(policy.policy.name.clone())];
            handles.extend(
                policy
                    .renamed_from
                    .iter()
                    .map(|name| Handle::Name(name.value.clone())),
            );
            handles.extend(policy.id.iter().map(|id| Handle::Id(id.value.clone())));
            let record = desired.records.get(key);
            handles.extend(record.map(|record| Handle::Id(record.value.policy_id.clone())));
            let wants_on = policy
                .state
                .as_ref()
                .is_some_and(|state| state.value == WantedState::On);
            if weighing.contains(&key.as_str()) || wants_on {
                lookups.history.extend(handles.iter().cloned());
            }
            lookups.managed.extend(handles);
        }
        lookups
    }
}
