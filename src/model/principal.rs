//! Named exceptions: who they are, and what stands for them in a tenant.

use jiff::civil::Date;
use serde::Serialize;

use super::reference::{Kind, Name};
use crate::diagnostic::{At, Source};

/// Why a principal is an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// An emergency account: excluded from every policy that could reach it (rule 2).
    BreakGlass,
    /// Automation that still signs in as a user.
    ServiceAccount,
    /// An exception that ends soon.
    Temporary,
    /// Somebody of another company.
    Vendor,
}

impl PrincipalKind {
    /// The words that YAML may use.
    pub const WORDS: &[&str] = &["break-glass", "service-account", "temporary", "vendor"];

    /// Reads the YAML spelling.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "break-glass" => Some(Self::BreakGlass),
            "service-account" => Some(Self::ServiceAccount),
            "temporary" => Some(Self::Temporary),
            "vendor" => Some(Self::Vendor),
            _ => None,
        }
    }

    /// The YAML spelling.
    pub fn word(self) -> &'static str {
        match self {
            Self::BreakGlass => "break-glass",
            Self::ServiceAccount => "service-account",
            Self::Temporary => "temporary",
            Self::Vendor => "vendor",
        }
    }
}

/// What stands for a principal in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrincipalTarget {
    /// A user, a group or a role; nothing else can be excluded by a declared principal.
    pub kind: Kind,
    /// Its name, carrying the principal's.
    pub name: Name,
}

/// A declared principal, as it is in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// The declared name.
    pub name: String,
    /// Why it is an exception.
    pub kind: PrincipalKind,
    /// Who answers for it.
    pub owner: String,
    /// Why it is needed; always there unless it is break-glass.
    pub reason: Option<String>,
    /// What stands for it; `None` when this tenant does not say.
    pub target: Option<PrincipalTarget>,
    /// How many members a group may have.
    pub max_members: Option<At<u32>>,
    /// When it is to be reviewed next.
    pub review_by: Option<At<Date>>,
    /// The last day on which it is excluded.
    pub expires: Option<At<Date>>,
    /// When a break-glass account was last tried.
    pub last_drill: Option<At<Date>>,
    /// Where it is declared.
    #[serde(skip)]
    pub source: Source,
}
