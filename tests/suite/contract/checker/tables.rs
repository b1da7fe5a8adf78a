//! What the tables say, once they are read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::operations::Operation;
use super::parse;

/// The types, the members of the enumerations, and the operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    pub(crate) types: BTreeMap<String, Type>,
    /// The properties of each type, its bases' among them.
    pub(crate) inherited: BTreeMap<String, Vec<Property>>,
    pub(crate) words: BTreeMap<String, Words>,
    pub(crate) operations: Vec<Operation>,
    /// Another way to write the beginning of a path, and the one in the operations.
    pub(crate) aliases: Vec<(String, String)>,
    /// Whether an operation that is not listed is none of these tables' business.
    pub(crate) partial: bool,
}

/// An object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Type {
    pub(crate) base: Option<String>,
    pub(crate) properties: Vec<Property>,
    /// Whether an object must be of a derived type, and say of which.
    pub(crate) is_abstract: bool,
    /// Whether it may carry more than is listed.
    pub(crate) is_open: bool,
    /// Where this is known from.
    pub(crate) source: String,
}

/// A property of an object.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// What it is in a write, where that differs.
    pub(crate) written_as: Option<Kind>,
    pub(crate) marks: Marks,
    /// Where this is known from.
    pub(crate) source: String,
}

/// What else holds of a property.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// `create`: a POST must carry it.
    pub(crate) needed: bool,
    /// `read-only`: the service sets it; no write may carry it.
    pub(crate) read_only: bool,
    /// `never`: could be written, and must not be.
    pub(crate) never: bool,
    /// `maybe`: an answer may leave it out.
    pub(crate) maybe: bool,
    /// `beta`: not in v1.0.
    pub(crate) beta: bool,
}

/// The shape of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Guid,
    Bool,
    Int,
    Number,
    Time,
    Any,
    List(Box<Kind>),
    /// A type, an enumeration or flags.
    Named(String),
}

/// The members of an enumeration, or of flags joined by commas in one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) flags: bool,
    pub(crate) members: Vec<String>,
    /// What is answered only to `Prefer: include-unknown-enum-members`.
    pub(crate) later: Vec<String>,
    pub(crate) source: String,
}

macro_rules! read {
    ($($file:literal),*) => {
        [$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/", $file)))),*]
    };
}

static OURS: LazyLock<Tables> = LazyLock::new(|| {
    parse::tables(&read!(
        "policy.txt",
        "location.txt",
        "strength.txt",
        "template.txt",
        "what-if.txt",
        "directory.txt",
        "roles.txt",
        "organisation.txt",
        "methods.txt",
        "audit.txt",
        "sign-in.txt",
        "envelopes.txt",
        "login.txt",
        "log-analytics.txt",
        "operations.txt"
    ))
});

impl Tables {
    /// The tables of `tests/contract`.
    pub(crate) fn ours() -> &'static Self {
        &OURS
    }

    /// The properties of a type, those of its bases first.
    pub(crate) fn properties(&self, name: &str) -> &[Property] {
        self.inherited.get(name).map_or(&[], Vec::as_slice)
    }

    /// Gives every type the properties of its bases, once all are read.
    pub(crate) fn inherit(&mut self) {
        self.inherited = self
            .types
            .keys()
            .map(|name| (name.clone(), self.with_bases(name)))
            .collect();
    }

    fn with_bases(&self, name: &str) -> Vec<Property> {
        let Some(found) = self.types.get(name) else {
            return Vec::new();
        };
        let mut all = match &found.base {
            Some(base) => self.with_bases(base),
            None => Vec::new(),
        };
        all.retain(|inherited| {
            found
                .properties
                .iter()
                .all(|own| own.name != inherited.name)
        });
        all.extend_from_slice(&found.properties);
        all
    }

    /// Whether a type is another one, or derived from it.
    pub(super) fn is_a(&self, name: &str, wanted: &str) -> bool {
        name == wanted
            || self
                .types
                .get(name)
                .and_then(|found| found.base.as_deref())
                .is_some_and(|base| self.is_a(base, wanted))
    }
}
