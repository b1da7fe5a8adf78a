//! What a person would have written for an id: a declared principal, an alias, a name, or the id itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cloud, Desired, Id, Kind, LivePolicy};
use crate::tenant::{AZURE_MANAGEMENT, Query, Reference, Snapshot, query};
use crate::workspace::Written;

/// The built-in strengths in this language's words.
const STRENGTHS: &[&str] = &[
    "multifactor-authentication",
    "passwordless-mfa",
    "phishing-resistant-mfa",
];

/// Words that mean something else than a name where names stand, without case.
const RESERVED: &[&str] = &[
    "all",
    "none",
    "all-trusted",
    "alltrusted",
    "all-owned",
    "mfa-trusted-ips",
    "office-365",
    "office365",
    "admin-portals",
    "microsoftadminportals",
    "all-agent-resources",
    "allagentidresources",
];

/// Every name that the ids of some policies might be written with, to be looked up before it is.
pub fn candidates<'a>(
    policies: impl IntoIterator<Item = &'a LivePolicy>,
    cloud: &Cloud,
    snapshot: &Snapshot,
) -> BTreeSet<Reference> {
    let mut references = BTreeSet::new();
    for live in policies {
        for (place, id) in live.policy.references() {
            for text in spellings(place.kind, id, cloud, snapshot) {
                references.insert(Reference {
                    kind: place.kind,
                    text,
                });
            }
        }
    }
    references
}

/// The word that stands for a well-known object.
pub(super) fn alias(kind: Kind, id: &Id, cloud: &Cloud) -> Option<&'static str> {
    let words: &'static [&'static str] = match kind {
        Kind::App => &[AZURE_MANAGEMENT],
        Kind::Strength => STRENGTHS,
        _ => &[],
    };
    let stands = |word: &&&str| match query(kind, word, cloud) {
        Query::Id(own) | Query::IdOrName(own, _) => own == *id,
        Query::Name(_) => false,
    };
    words.iter().find(stands).copied()
}

/// The names of an object, the best first; none of them is known to be its own yet.
fn spellings(kind: Kind, id: &Id, cloud: &Cloud, snapshot: &Snapshot) -> Vec<String> {
    let alias = alias(kind, id, cloud);
    let mut spellings: Vec<String> = alias.into_iter().map(str::to_owned).collect();
    spellings.extend(name_of(kind, id, snapshot).filter(|name| can_be_written(name)));
    spellings
}

/// What the tenant calls an object; a person by the name that signs in.
fn name_of(kind: Kind, id: &Id, snapshot: &Snapshot) -> Option<String> {
    let name = match kind {
        Kind::Location => {
            let mut locations = snapshot.locations.iter();
            &locations.find(|location| location.id == *id)?.name
        }
        Kind::Strength => {
            let mut strengths = snapshot.strengths.iter();
            &strengths.find(|strength| strength.id == *id)?.name
        }
        Kind::TermsOfUse => return None,
        _ => {
            let object = snapshot.objects.get(id)?;
            object.principal_name.as_ref().unwrap_or(&object.name)
        }
    };
    (!name.is_empty()).then(|| name.clone())
}

fn can_be_written(name: &str) -> bool {
    name.trim() == name
        && !name.chars().any(char::is_control)
        && !Id::looks_like_guid(name)
        && !RESERVED.contains(&name.to_lowercase().as_str())
        && name != AZURE_MANAGEMENT
        && !STRENGTHS.contains(&name)
}

/// How the ids of one tenant are written.
#[derive(Debug)]
pub struct Spelling<'a> {
    principals: BTreeMap<(Kind, Id), &'a str>,
    cloud: &'a Cloud,
    snapshot: &'a Snapshot,
}

impl<'a> Spelling<'a> {
    /// Knows what `snapshot` found for the names that `candidates` gave.
    pub fn new(desired: &'a Desired, snapshot: &'a Snapshot) -> Self {
        let mut principals = BTreeMap::new();
        for principal in desired.principals.values() {
            if let Some(target) = &principal.target
                && let Some([object]) = snapshot.found(target.kind, &target.name.text)
            {
                principals
                    .entry((object.kind, object.id.clone()))
                    .or_insert(principal.name.as_str());
            }
        }
        Self {
            principals,
            cloud: &desired.tenant.cloud,
            snapshot,
        }
    }

    /// The object that a declared principal stands for.
    pub fn principal(&self, name: &str) -> Option<(Kind, Id)> {
        let mut principals = self.principals.iter();
        let ((kind, id), _) = principals.find(|(_, own)| **own == name)?;
        Some((*kind, id.clone()))
    }

    /// How an id is written: by a name only when that name means this object and no other one.
    pub fn write(&self, kind: Kind, id: &Id) -> Written {
        if let Some(principal) = self.principals.get(&(kind, id.clone())) {
            return Written {
                text: (*principal).to_owned(),
                principal: true,
                comment: None,
            };
        }
        let mut shared = 0;
        for text in spellings(kind, id, self.cloud, self.snapshot) {
            match self.snapshot.found(kind, &text) {
                Some([object]) if object.id == *id => {
                    return Written {
                        text,
                        principal: false,
                        comment: None,
                    };
                }
                Some(several) => shared = several.len(),
                None => {}
            }
        }
        let comment = match name_of(kind, id, self.snapshot) {
            Some(name) if shared > 1 => Some(format!("{name}; {shared} have that name")),
            Some(name) => Some(name),
            None if kind == Kind::TermsOfUse || !Id::looks_like_guid(id.as_str()) => None,
            None => Some("nothing in the tenant has this id any more".into()),
        };
        Written {
            text: id.to_string(),
            principal: false,
            comment,
        }
    }
}
