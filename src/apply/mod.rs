//! Carries a plan out so that a run killed at any point converges when it is run again.
//!
//! [`prepare`] takes the lock, settles what earlier runs left open, and plans; [`Prepared::carry_out`]
//! writes. Every write is journalled before, and read back after until the service agrees twice. There
//! is no state file: the journal only answers "did this write arrive?".

mod carry_out;
mod demote;
mod error;
mod journal;
mod kept;
mod open_write;
mod prepare;
mod read_back;
#[cfg(test)]
mod tests;

pub use carry_out::Applied;
pub use demote::{Demoted, demote};
pub use error::ApplyError;
pub use journal::{Journal, JournalError, ReadBack};
pub use kept::{Kept, kept_snapshots};
pub use prepare::{Prepared, Run, prepare};

use std::time::Duration;

use crate::tenant::TenantError;

/// How long to wait between two looks at a write that is not seen yet.
fn pause(settle: Duration) -> Duration {
    (settle / 20).max(Duration::from_millis(20))
}

/// The longest wait before a write is sent again that a service may ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// The pause before a write is sent again: what the service asks for, within reason, but no less than
/// what was planned.
fn pause_asked(error: &TenantError, planned: Duration) -> Duration {
    let asked = error.retry_after.unwrap_or_default();
    asked.min(LONGEST_WAIT).max(planned)
}
