//! What a workspace wants of one tenant.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::Serialize;

use super::id::Id;
use super::policy::Policy;
use super::principal::{Principal, PrincipalKind};
use super::promotion::PromotionRecord;
use super::reference::{Kind, Name};
use super::state::WantedState;
use super::tenant_declaration::TenantDeclaration;
use crate::diagnostic::{At, Source};

/// Everything a workspace says about one tenant: the input of every plan.
///
/// Its serialised form is what a saved plan is hashed over; sources are left out of it, so a comment or
/// a line ending changes nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Desired {
    /// The tenant.
    pub tenant: TenantDeclaration,
    /// The declared principals, by name, with what stands for them in this tenant.
    pub principals: BTreeMap<String, Principal>,
    /// The policies, by key.
    pub policies: BTreeMap<String, DesiredPolicy>,
    /// The promotion records of this tenant, by key.
    pub records: BTreeMap<String, At<PromotionRecord>>,
}

impl Desired {
    /// The declared break-glass principals.
    pub fn break_glass(&self) -> impl Iterator<Item = &Principal> {
        self.principals
            .values()
            .filter(|principal| principal.kind == PrincipalKind::BreakGlass)
    }
}

/// Who maintains a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// This workspace.
    #[default]
    Workspace,
    /// Microsoft: only state and exclusions can be changed (rule 4).
    Microsoft,
}

/// One policy file, as it is for one tenant.
#[derive(Debug, Clone, Serialize)]
pub struct DesiredPolicy {
    /// The key, which never changes.
    pub key: At<String>,
    /// What the policy is to be. Break-glass exclusions are not in it yet (rule 2).
    pub policy: Policy<Name>,
    /// The state asked for; `None` when the file leaves it open.
    pub state: Option<At<WantedState>>,
    /// The pinned id of the live policy.
    pub id: Option<At<Id>>,
    /// Earlier names by which the live policy may still be found.
    pub renamed_from: Vec<At<String>>,
    /// The permission to lower an enforced policy.
    pub weaken: Option<At<Weaken>>,
    /// Set when the policy does not exclude the emergency accounts that it could reach.
    pub break_glass: Option<BreakGlassException>,
    /// Who maintains it.
    pub owner: Owner,
    /// What every inline exclusion says for itself.
    pub exclusions: Vec<Exclusion>,
    /// How it is rolled out.
    pub rollout: Rollout,
    /// Where its display name stands.
    #[serde(skip)]
    pub name_source: Source,
    /// Where its exclusions stand: `users.exclude`, or `users` when there are none.
    #[serde(skip)]
    pub exclude_source: Source,
}

impl DesiredPolicy {
    /// Where the policy begins in its file.
    pub fn source(&self) -> &Source {
        &self.key.source
    }
}

/// The permission to make an enforced policy weaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weaken {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it is tracked.
    pub ticket: Option<String>,
    /// The last day on which it counts.
    pub until: Date,
}

/// Says that a policy does not exclude the break-glass accounts that it could reach (rule 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakGlassException {
    /// Whether that is how it should be.
    pub mode: BreakGlassMode,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
}

/// Why a policy does not exclude the break-glass accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakGlassMode {
    /// It is about them.
    Require,
    /// It was imported so. It is left as it is and noted in every plan, and nothing is written to it.
    NotExcluded,
}

impl BreakGlassMode {
    /// The words that YAML may use.
    pub const WORDS: &[&str] = &["require", "not-excluded"];

    /// Reads the YAML spelling.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "require" => Some(Self::Require),
            "not-excluded" => Some(Self::NotExcluded),
            _ => None,
        }
    }
}

/// An exclusion that is written in the policy itself, with what it says for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exclusion {
    /// What kind of object is excluded.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it is to be reviewed next.
    pub review_by: Option<At<Date>>,
    /// The last day on which it holds.
    pub expires: Option<At<Date>>,
}

/// How a policy is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// How long it stays in report-only before it may be promoted.
    pub soak: SignedDuration,
    /// For how long a promotion record may be applied after it was weighed.
    pub promotion_valid_for: SignedDuration,
    /// The permission to make an enforced policy stricter in place, without a twin (rule 1).
    pub in_place: Option<InPlace>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            soak: SignedDuration::from_hours(7 * 24),
            promotion_valid_for: SignedDuration::from_hours(72),
            in_place: None,
        }
    }
}

/// The permission to edit an enforced policy in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InPlace {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
}
