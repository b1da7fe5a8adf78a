//! What the tests work with: a workspace of their own, the tenant behind it, the wire between.

mod graph;
mod scene;
mod served;
pub(crate) mod shared;
mod wire;
mod workspace;

pub(crate) use graph::Graph;
pub(crate) use scene::{Scene, shipped_but};
pub(crate) use served::Served;
pub(crate) use wire::{Fault, SIGN_IN, Sent, Wire, declaration};
pub(crate) use workspace::{Outcome, Workspace, change_of};

/// The tenant of the sandbox, its application and its secret, as `src/sandbox` publishes them.
pub(crate) const TENANT_ID: &str = portcullis::sandbox::TENANT_ID;
pub(crate) const CLIENT_ID: &str = portcullis::sandbox::CLIENT_ID;
pub(crate) const CLIENT_SECRET: &str = portcullis::sandbox::CLIENT_SECRET;

/// The policy that ships with the repository.
pub(crate) const KEY: &str = "azure-management-mfa";
pub(crate) const NAME: &str = "CA010 - Require MFA for Azure management";
pub(crate) const FILE: &str = "policies/azure-management-mfa.yaml";
pub(crate) const RECORD: &str = "promotions/sandbox/azure-management-mfa.yaml";
