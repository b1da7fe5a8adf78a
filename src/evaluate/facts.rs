//! What a tenant says beyond its policies.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::Attributes;
use super::{Truth, resource};
use crate::model::{Id, Kind, NamedLocation, Strength, Suite};
use crate::tenant::{Names, Snapshot};

/// What has to be known of a tenant to say whether a policy applies.
///
/// Whoever knows less answers `Unknown` or `None`: what could not be read is unknown, never empty (audit
/// rule U6). Every method has that for its default.
pub trait Facts {
    /// Whether a user is in a group, at any depth.
    fn in_group(&self, person: &Id, group: &Id) -> Truth {
        let _ = (person, group);
        Truth::Unknown
    }

    /// Whether a directory role, by its template, is actively assigned to a user for the whole tenant.
    fn has_role(&self, person: &Id, role: &Id) -> Truth {
        let _ = (person, role);
        Truth::Unknown
    }

    /// The named locations, all of them.
    fn locations(&self) -> Option<&BTreeMap<Id, NamedLocation>> {
        None
    }

    /// An authentication strength.
    fn strength(&self, id: &Id) -> Option<&Strength> {
        let _ = id;
        None
    }

    /// Whether a policy that names the resource `named` covers a request for `app`.
    fn covers(&self, named: &Id, app: &Id) -> bool {
        resource::covers(named, app)
    }

    /// Whether an app belongs to a suite.
    fn in_suite(&self, suite: &Suite, app: &Id) -> Truth {
        resource::in_suite(suite, app)
    }

    /// The custom security attributes of an app, as `Set_Name`.
    fn app_attributes(&self, app: &Id) -> Option<&Attributes> {
        let _ = app;
        None
    }

    /// What an object is called.
    fn name(&self, kind: Kind, id: &Id) -> Option<&str> {
        let _ = (kind, id);
        None
    }
}

/// Nothing is known of the tenant.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl Facts for NoFacts {}

/// Who is in a group or holds a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Those who were read.
    pub people: BTreeSet<Id>,
    /// Whether these are all.
    pub complete: bool,
}

impl Holders {
    /// All of them.
    pub fn all(people: impl IntoIterator<Item = Id>) -> Self {
        Self {
            people: people.into_iter().collect(),
            complete: true,
        }
    }

    fn hold(&self, person: &Id) -> Truth {
        if self.people.contains(person) {
            Truth::Yes
        } else if self.complete {
            Truth::No
        } else {
            Truth::Unknown
        }
    }
}

/// The facts of a tenant, by id, as they were read or declared.
#[derive(Debug, Clone, Default)]
pub struct KnownFacts {
    /// Transitive members by group; a group that is not there was not read.
    pub groups: BTreeMap<Id, Holders>,
    /// Active, tenant-wide holders by role template; eligible ones and holders of a part do not count
    /// (audit rule U3). A role that is not there was not read.
    pub roles: BTreeMap<Id, Holders>,
    /// The named locations; `None` when they were not read.
    pub locations: Option<BTreeMap<Id, NamedLocation>>,
    /// The authentication strengths that were read.
    pub strengths: BTreeMap<Id, Strength>,
    /// Which apps belong to a suite; a suite that is not there is the built-in knowledge.
    pub suites: BTreeMap<Suite, BTreeSet<Id>>,
    /// Custom security attributes of apps that were read.
    pub app_attributes: BTreeMap<Id, Attributes>,
    /// What objects are called.
    pub names: Names,
}

impl KnownFacts {
    /// What a snapshot knows: members, locations and strengths. Who holds a role it does not know.
    ///
    /// `names` decides what is printed, so that declared names come before addresses (rule 8).
    pub fn of(snapshot: &Snapshot, names: Names) -> Self {
        let mut facts = Self {
            locations: Some(by_id(&snapshot.locations, |location| &location.id)),
            strengths: by_id(&snapshot.strengths, |strength| &strength.id),
            names,
            ..Self::default()
        };
        for (group, members) in &snapshot.members {
            let holders = Holders {
                people: members.people().map(|person| person.id.clone()).collect(),
                complete: members.complete,
            };
            facts.groups.insert(group.clone(), holders);
        }
        facts
    }
}

fn by_id<T: Clone>(all: &[T], id: fn(&T) -> &Id) -> BTreeMap<Id, T> {
    all.iter()
        .map(|one| (id(one).clone(), one.clone()))
        .collect()
}

impl Facts for KnownFacts {
    fn in_group(&self, person: &Id, group: &Id) -> Truth {
        let members = self.groups.get(group);
        members.map_or(Truth::Unknown, |members| members.hold(person))
    }

    fn has_role(&self, person: &Id, role: &Id) -> Truth {
        let holders = self.roles.get(role);
        holders.map_or(Truth::Unknown, |holders| holders.hold(person))
    }

    fn locations(&self) -> Option<&BTreeMap<Id, NamedLocation>> {
        self.locations.as_ref()
    }

    fn strength(&self, id: &Id) -> Option<&Strength> {
        self.strengths.get(id)
    }

    fn in_suite(&self, suite: &Suite, app: &Id) -> Truth {
        match self.suites.get(suite) {
            Some(apps) => apps.contains(app).into(),
            None => resource::in_suite(suite, app),
        }
    }

    fn app_attributes(&self, app: &Id) -> Option<&Attributes> {
        self.app_attributes.get(app)
    }

    fn name(&self, kind: Kind, id: &Id) -> Option<&str> {
        self.names.get(kind, id)
    }
}
