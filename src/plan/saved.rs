//! A saved plan: a receipt, not a script (rule 5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Plan;
use super::change::{Action, Verb};
use crate::model::fingerprint;
use crate::model::{Desired, Id};

/// What was reviewed, in a form that can be compared with what would be done now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The version of this format.
    pub format_version: String,
    /// The tenant.
    pub tenant_id: Id,
    /// The fingerprint of the parsed YAML.
    pub yaml: String,
    /// What was asked for beyond the YAML; it is asked for again when the plan is applied.
    pub options: SavedOptions,
    /// Every change that writes something.
    pub changes: Vec<SavedChange>,
    /// The printed document, for `show`.
    pub plan: Value,
    /// The fingerprint of everything above.
    pub digest: String,
}

/// What was asked for beyond the YAML.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedOptions {
    /// The policies that were looked at; `None` for all.
    pub only: Option<String>,
    /// The keys of policies that may be restored to on.
    pub restore: BTreeSet<String>,
    /// How many policies may be deleted.
    pub max_deletes: usize,
    /// The snapshot that the plan goes back to; `None` for a plan of the YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<SavedBack>,
}

/// The snapshot that a rollback goes back to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedBack {
    /// The file, as it was named.
    pub file: String,
    /// The fingerprint of what it holds.
    pub snapshot: String,
    /// The keys of policies that may be enforced again.
    pub restore_enforced: BTreeSet<String>,
}

/// One change of a saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedChange {
    /// The policy's key.
    pub policy: String,
    /// The live policy's id, when there is one.
    pub id: Option<Id>,
    /// What becomes of it.
    pub action: Action,
    /// The fingerprint of what was live, state included; `None` when nothing was.
    pub before: Option<String>,
    /// The exact requests.
    pub write: Vec<SavedWrite>,
    /// The fingerprint of every name that was used, with its id and members.
    pub resolved: String,
}

/// One request of a saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedWrite {
    /// What it does.
    pub verb: Verb,
    /// The exact body.
    pub body: Value,
}

/// Why a file is no plan that could be applied.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is not the JSON of a plan.
    #[error("it is not a saved plan: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Another version wrote it.
    #[error("it has format {0}, and this version reads {version}", version = SavedPlan::FORMAT_VERSION)]
    Format(String),
    /// Its content does not fit its digest.
    #[error("it was changed after it was saved")]
    Digest,
}

impl SavedPlan {
    /// The version that this program writes.
    pub const FORMAT_VERSION: &str = "1.0";

    /// Makes the receipt of a plan; `printed` is the document that a reviewer saw.
    pub fn new(plan: &Plan, desired: &Desired, options: SavedOptions, printed: Value) -> Self {
        let changes = plan
            .writing()
            .map(|change| SavedChange {
                policy: change.policy.clone(),
                id: change.id.clone(),
                action: change.action,
                before: change.before.clone(),
                write: change
                    .writes
                    .iter()
                    .map(|write| SavedWrite {
                        verb: write.verb,
                        body: write.body.clone(),
                    })
                    .collect(),
                resolved: change.resolved.clone(),
            })
            .collect();
        let mut saved = Self {
            format_version: Self::FORMAT_VERSION.to_owned(),
            tenant_id: plan.tenant_id.clone(),
            yaml: fingerprint(desired),
            options,
            changes,
            plan: printed,
            digest: String::new(),
        };
        saved.digest = saved.fingerprint();
        saved
    }

    /// Reads a saved plan and checks that nobody changed it.
    ///
    /// # Errors
    /// When it is no plan, of another format, or changed by hand.
    pub fn read(text: &str) -> Result<Self, SavedPlanError> {
        let saved = Self::read_unchecked(text)?;
        if saved.format_version != Self::FORMAT_VERSION {
            return Err(SavedPlanError::Format(saved.format_version));
        }
        if saved.digest != saved.fingerprint() {
            return Err(SavedPlanError::Digest);
        }
        Ok(saved)
    }

    /// Reads a saved plan for showing it, whatever became of it since.
    ///
    /// # Errors
    /// When it is not the JSON of a plan.
    pub fn read_unchecked(text: &str) -> Result<Self, SavedPlanError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: String,
        }
        let version: Version = serde_json::from_str(text)?;
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(&version.format_version) != major(Self::FORMAT_VERSION) {
            return Err(SavedPlanError::Format(version.format_version));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The fingerprint of everything but the digest itself, wherever it stands.
    fn fingerprint(&self) -> String {
        let mut bare = self.clone();
        bare.digest = String::new();
        if let Value::Object(plan) = &mut bare.plan {
            plan.remove("digest");
        }
        fingerprint(&bare)
    }
}
