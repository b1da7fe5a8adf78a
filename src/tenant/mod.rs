//! A tenant as it was read, and the way from names to ids and back.
//!
//! [`Lookups`] says what a workspace needs to know, a [`Snapshot`] is the answer, [`Wanted`] is a desired
//! policy in ids, with the break-glass exclusions that its declarations imply. The traits
//! [`ReadTenant`] and [`WriteTenant`] are all that the rest of the house knows of a live tenant.

mod access;
mod alias;
mod break_glass;
#[cfg(test)]
pub(crate) mod fixture;
mod lookups;
mod names;
mod snapshot;
#[cfg(test)]
mod tests;
mod wanted;

pub use access::{PolicyList, ReadTenant, TenantError, TenantErrorKind, WriteError, WriteTenant};
pub use alias::{AZURE_MANAGEMENT, Query, query};
pub use break_glass::{Account, Reach, accounts, could_reach, is_excluded};
pub use lookups::{Handle, Lookups, Reference};
pub use names::Names;
pub use snapshot::{
    AuditEvent, Found, Members, Object, Snapshot, TenantFacts, Unreadable, service_plan,
};
pub use wanted::{Problem, Unresolved, Use, Wanted, exclusions_fingerprint};
