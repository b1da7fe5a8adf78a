//! Why a run ended early, and how much of it was done.

use crate::plan::Plan;
use crate::store::LockError;
use crate::tenant::TenantError;

use super::journal::JournalError;

/// Why a plan was not carried out, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another run has the store.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The journal or the snapshot could not be read or written; nothing was sent in this run.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The tenant could not be read; nothing was written.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// A guard refuses the plan; nothing was written.
    #[error("the plan is refused")]
    Refused(Box<Plan>),
    /// The plan is not what would be done now; nothing was written in this run.
    #[error("{0}")]
    Stale(String),
    /// The service refused the first write; nothing was written.
    #[error("{policy}: {source}")]
    Rejected {
        /// The policy's key.
        policy: String,
        /// What the service said.
        source: TenantError,
    },
    /// Something was written, and not everything, or not certainly. Running again converges.
    #[error("{reason}")]
    Partly {
        /// What is not done, or not known.
        reason: String,
        /// What was certainly done, by key.
        done: Vec<String>,
        /// What to do about it beside running again.
        hints: Vec<String>,
    },
}
