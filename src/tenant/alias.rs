//! Words that stand for well-known objects, and what to ask the service for a name.

use crate::model::{Cloud, Id, Kind};

/// The alias of the resource this tool exists for.
pub const AZURE_MANAGEMENT: &str = "azure-management";

/// What to ask a tenant for, so that a written name is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The object of this id; for an app its appId, for a role its template id.
    Id(Id),
    /// Every object of this name; for a user its principal name.
    Name(String),
    /// The application of this appId, or of this name where the id is not certain.
    IdOrName(Id, &'static str),
}

/// What to ask for when somebody wrote `text` where a `kind` is expected.
pub fn query(kind: Kind, text: &str, cloud: &Cloud) -> Query {
    match (kind, text) {
        // Contract section 5: only in the US Government clouds is the id uncertain.
        (Kind::App, AZURE_MANAGEMENT) => match cloud {
            Cloud::UsGov | Cloud::UsGovDod => Query::IdOrName(
                Id::new("40a69793-8fe6-4db1-9591-dbc5c57b17d8"),
                "Azure Government Cloud Management API",
            ),
            Cloud::Global | Cloud::China | Cloud::Custom { .. } => {
                Query::Id(Id::new("797f4846-ba00-4fd7-ba43-dac1f8f63013"))
            }
        },
        // Contract section 2.3: match by id, for the names are spelled in two ways.
        (Kind::Strength, "multifactor-authentication") => Query::Id(strength(2)),
        (Kind::Strength, "passwordless-mfa") => Query::Id(strength(3)),
        (Kind::Strength, "phishing-resistant-mfa") => Query::Id(strength(4)),
        _ if Id::looks_like_guid(text) => Query::Id(Id::new(text)),
        _ => Query::Name(text.to_owned()),
    }
}

fn strength(number: u8) -> Id {
    Id::new(format!("00000000-0000-0000-0000-00000000000{number}"))
}
