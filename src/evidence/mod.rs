//! What is known about a policy when it is weighed, frozen so that it can be weighed again.

mod bundle;
mod collect;
mod remembered;
#[cfg(test)]
mod tests;

pub use bundle::{Bundle, EmergencyAccount, Exception, ExcludedMembership, LiveFacts, Membership};
pub use collect::Weighed;
pub use remembered::{DoneWrite, KnownMembers, Remembered, RememberedWrite};
