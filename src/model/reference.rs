//! How a policy refers to other objects.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Source;

/// What kind of object a reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A user, by user principal name or object id.
    User,
    /// A group, by display name or object id.
    Group,
    /// A directory role, by display name or role template id (contract section 1.4).
    Role,
    /// An application, by alias, display name or appId.
    App,
    /// A service principal as the subject of a workload policy, by display name or object id.
    ServicePrincipal,
    /// A named location, by display name or id.
    Location,
    /// An authentication strength, by alias, display name or id.
    Strength,
    /// Terms of use, by id.
    TermsOfUse,
}

impl Kind {
    /// The kind in words, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::App => "app",
            Self::ServicePrincipal => "service principal",
            Self::Location => "named location",
            Self::Strength => "authentication strength",
            Self::TermsOfUse => "terms of use",
        }
    }
}

/// Which side of an assignment a reference stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// It is included.
    Include,
    /// It is excluded.
    Exclude,
}

/// Where in a policy a reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// What kind of object is meant.
    pub kind: Kind,
    /// Included or excluded; controls count as included.
    pub side: Side,
}

/// Who put an entry into a policy.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The policy file says so.
    #[default]
    File,
    /// A declaration implies it: break-glass (rule 2).
    Implied,
    /// The service fills it in when it is left out, so the tool says it openly.
    Default,
}

/// A reference as somebody wrote it; its kind follows from where it stands in the policy.
#[derive(Debug, Clone)]
pub struct Name {
    /// A user principal name, a display name, an alias or a GUID.
    pub text: String,
    /// The declared principal that stands for it, if one was named.
    pub principal: Option<String>,
    /// Where it was read.
    pub source: Source,
}

impl Name {
    /// A name that was written as such, without a declared principal.
    pub fn new(text: impl Into<String>, source: Source) -> Self {
        Self {
            text: text.into(),
            principal: None,
            source,
        }
    }

    /// What a reader should see: the declared principal, else the text.
    pub fn shown(&self) -> &str {
        self.principal.as_deref().unwrap_or(&self.text)
    }

    fn key(&self) -> (&str, Option<&str>) {
        (&self.text, self.principal.as_deref())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key().serialize(serializer)
    }
}
