//! Reading and writing a live tenant, without knowing how.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::lookups::Lookups;
use super::snapshot::{AuditEvent, Snapshot, Unreadable};
use crate::model::{Id, LivePolicy};

/// The policies of a tenant at one moment.
#[derive(Debug, Clone)]
pub struct PolicyList {
    /// The tenant's clock: the `Date` of the first page.
    pub taken_at: Timestamp,
    /// All that could be read.
    pub policies: Vec<LivePolicy>,
    /// Those that do not have the documented shape.
    pub unreadable: Vec<Unreadable>,
}

impl PolicyList {
    /// Whether the policy of that id is there without having the documented shape.
    pub fn is_unreadable(&self, id: &Id) -> bool {
        let mut unreadable = self.unreadable.iter();
        unreadable.any(|policy| policy.id.as_ref() == Some(id))
    }
}

/// A tenant that can be read.
#[async_trait]
pub trait ReadTenant: Send + Sync {
    /// The tenant's id, from the `tid` of the token.
    async fn tenant_id(&self) -> Result<Id, TenantError>;

    /// Everything that `lookups` asks for, in at most two dependent round trips.
    async fn snapshot(&self, lookups: &Lookups) -> Result<Snapshot, TenantError>;

    /// Every policy, all pages.
    async fn policies(&self) -> Result<PolicyList, TenantError>;

    /// One policy; `None` when there is none of that id.
    ///
    /// A policy that was created a moment ago may still be unseen (contract section 3.2).
    async fn policy(&self, id: &Id) -> Result<Option<LivePolicy>, TenantError>;

    /// The directory audit of every policy there is or was, and of these groups, newest first.
    ///
    /// What the audit does not mention is not in it: it goes back 30 days.
    async fn audit(
        &self,
        groups: &BTreeSet<Id>,
    ) -> Result<BTreeMap<Id, Vec<AuditEvent>>, TenantError>;
}

/// A tenant that can be changed. No call repeats a write: its caller decides (rule 9).
#[async_trait]
pub trait WriteTenant: ReadTenant {
    /// Creates a policy and returns its id.
    async fn create_policy(&self, body: &Value) -> Result<Id, WriteError>;

    /// Merges `body` into a policy (contract section 3.1).
    async fn update_policy(&self, id: &Id, body: &Value) -> Result<(), WriteError>;

    /// Moves a policy to the bin, where there is one; that it is gone already is no failure.
    async fn delete_policy(&self, id: &Id) -> Result<(), WriteError>;

    /// Brings a policy back from the bin, in the state it had there (contract section 1.10).
    async fn restore_policy(&self, id: &Id) -> Result<(), WriteError>;
}

/// What became of a write that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The service said no: nothing was written.
    #[error("{0}")]
    Refused(TenantError),
    /// 429, 5xx, no answer or an unreadable one: it may or may not have been written.
    #[error("{0}")]
    Uncertain(TenantError),
}

/// Why a tenant could not be read or changed, as a sentence with the ways out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TenantError {
    /// What went wrong, for code that must decide.
    pub kind: TenantErrorKind,
    /// What went wrong, for people.
    pub message: String,
    /// What to do about it, most likely first.
    pub hints: Vec<String>,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
    /// How long the service asks to wait before a write is sent again.
    pub retry_after: Option<Duration>,
}

/// The kinds of failure that code decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantErrorKind {
    /// Nobody answered, or not in time.
    Unreachable,
    /// No token, or one that is not accepted.
    SignIn,
    /// A permission, a role or a licence is missing.
    Forbidden,
    /// The object is not there.
    NotFound,
    /// Too many requests, also after waiting.
    Throttled,
    /// The service found the request wrong.
    Rejected,
    /// The link to the next page is too old; the collection has to be read from its beginning.
    ExpiredPage,
    /// The service failed.
    Service,
    /// The answer does not have the documented shape.
    Shape,
    /// The answer points to another host (rule 8).
    ForeignOrigin,
    /// The tenant's declaration cannot be used as it is.
    Declaration,
}

impl TenantError {
    /// An error without hints.
    pub fn new(kind: TenantErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            request_id: None,
            retry_after: None,
        }
    }

    /// Adds something to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
