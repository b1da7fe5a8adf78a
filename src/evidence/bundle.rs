//! The evidence bundle: the one input of every gate.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::model::fingerprint;
use crate::model::{Id, State};

/// Everything that the gates of one policy look at.
///
/// It is kept in the store under its fingerprint, which the promotion record names: a reviewer can weigh
/// it again offline and gets the same verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// The version of this format.
    pub format_version: String,
    /// The policy's key.
    pub policy: String,
    /// The tenant.
    pub tenant_id: Id,
    /// The tenant's clock when everything was read.
    pub taken_at: Timestamp,
    /// The live policy; `None` when there is none.
    pub live: Option<LiveFacts>,
    /// The fields in which the live policy differs from the YAML; empty when it is as intended.
    pub differences: Vec<String>,
    /// How long the policy has to stay in report-only.
    pub soak: SignedDuration,
    /// Who is excluded, and whether that changed.
    pub exclusions: ExcludedMembership,
    /// The declared break-glass principals.
    pub break_glass: Vec<EmergencyAccount>,
    /// Whether the policy says that it is meant to reach the emergency accounts.
    pub break_glass_required: bool,
    /// Every other exception of the policy.
    pub exceptions: Vec<Exception>,
    /// Whether security defaults are on; `None` when that could not be read.
    pub security_defaults: Option<bool>,
    /// The enabled service plans; `None` when they could not be read.
    pub service_plans: Option<BTreeSet<String>>,
    /// Whether the policy uses risk, which needs P2.
    pub uses_risk: bool,
    /// Whether the policy is about workload identities, which need a licence of their own.
    pub about_workloads: bool,
}

impl Bundle {
    /// The version that this program writes.
    pub const FORMAT_VERSION: &str = "1.0";

    /// The bundle's fingerprint.
    pub fn fingerprint(&self) -> String {
        fingerprint(self)
    }
}

/// The live policy as the gates see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveFacts {
    /// Its id.
    pub id: Id,
    /// What it does.
    pub state: State,
    /// The later of created and modified; `None` when the service gave neither.
    pub unchanged_since: Option<Timestamp>,
    /// The fingerprint of its content.
    pub content: String,
}

/// Whether the people behind the exclusions are still the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExcludedMembership {
    /// The fingerprint of the excluded objects and their members now; `None` when it is not known.
    pub fingerprint: Option<String>,
    /// What is known about changes since the soak began.
    pub membership: Membership,
}

/// What is known about the membership of the exclusions since the soak began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "known", content = "detail")]
pub enum Membership {
    /// Only single accounts are excluded: the content says it all.
    SingleAccounts,
    /// It equals what was journalled at our last write.
    AsJournalled,
    /// The directory audit shows no change.
    AuditShowsNone,
    /// It changed; each entry says what, when and, if known, by whom.
    Changed(Vec<String>),
    /// Nobody can say, and why.
    Unknown(String),
}

/// A declared break-glass principal as it is in the tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmergencyAccount {
    /// The declared name.
    pub principal: String,
    /// Whether it stands for exactly one object.
    pub resolved: bool,
    /// Whether everybody behind it can sign in; `None` when that is not known.
    pub enabled: Option<bool>,
    /// Whether the live policy could reach it.
    pub reached: bool,
    /// Whether the live policy certainly excludes it.
    pub excluded: bool,
}

/// An excluded object that is no break-glass account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// What it is called.
    pub name: String,
    /// Whether the workspace declares it, with an owner and a reason.
    pub declared: bool,
    /// The last day on which it holds.
    pub expires: Option<Date>,
    /// When it is to be reviewed.
    pub review_by: Option<Date>,
    /// How many people are in it; `None` for a single account, or when it is not known.
    pub members: Option<usize>,
    /// How many there may be.
    pub max_members: Option<u32>,
    /// Whether it is a group whose members could not be read completely.
    pub members_unknown: bool,
}
