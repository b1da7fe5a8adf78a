//! Identifiers as Graph writes them.

use serde::{Deserialize, Serialize};

/// The identifier of one object in a tenant: a GUID in lower case, or the few other tokens Graph uses.
///
/// Graph does not promise the case of a GUID (contract section 3.7), so it is folded once, here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// Takes an identifier as it was read.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if Self::looks_like_guid(&text) {
            text.make_ascii_lowercase();
        }
        Self(text)
    }

    /// Whether a text has the form of a GUID: five groups of hexadecimal digits.
    pub fn looks_like_guid(text: &str) -> bool {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    }

    /// The text as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
