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

/// How long to wait between two looks at a write that is not seen yet.
fn pause(settle: Duration) -> Duration {
    (settle / 20).max(Duration::from_millis(20))
}
