//! The record of a promotion: reviewed like code, and without personal data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::Id;

/// What was weighed when `promote` said yes; stands in `promotions/TENANT/KEY.yaml`.
///
/// It matches while tenant, policy, content and exclusions are those of the live and of the wanted policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRecord {
    /// The policy's key.
    pub policy: String,
    /// The tenant it was weighed in.
    pub tenant_id: Id,
    /// The live policy.
    pub policy_id: Id,
    /// The fingerprint of the live policy without state and volatile fields.
    pub content: String,
    /// The fingerprint of the resolved exclusions and their members.
    pub exclusions: String,
    /// The live policy's modification time when it was weighed; creation time when it was never modified.
    pub live_modified: Timestamp,
    /// When it was weighed, by the tenant's clock.
    pub weighed_at: Timestamp,
    /// The fingerprint of the evidence, which is in the store.
    pub bundle: String,
    /// The verdict of each gate, by gate id.
    pub gates: BTreeMap<String, String>,
    /// Set when evidence and soak were skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
}

/// Why evidence and soak were skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// The reason given.
    pub reason: String,
}
