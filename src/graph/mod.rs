//! Microsoft Graph over HTTP: the tenant that [`ReadTenant`](crate::tenant::ReadTenant) and
//! [`WriteTenant`](crate::tenant::WriteTenant) speak of.
//!
//! [`connect`] checks where credentials may go before it makes one (rule 8). Everything below `service`
//! is transport: a token, a pace, repeated reads and never a repeated write (rule 9). Above it stand the
//! questions: `lookup` turns names into requests, `read` builds the snapshot from at most two dependent
//! round trips, `write` says of every write whether its outcome is certain.

mod auth;
mod batch;
mod concurrent;
mod describe;
mod error;
mod history;
mod http;
mod lookup;
mod origin;
mod pace;
mod page;
mod permission;
mod read;
mod retry;
mod service;
mod write;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use auth::Environment;
use http::Reach;
use origin::Endpoints;
pub use service::Callbacks;
use service::Service;

use crate::model::{Cloud, TenantDeclaration};
use crate::tenant::TenantError;

/// The pause between two Conditional Access calls off loopback (contract section 3.8).
const PACE: Duration = Duration::from_secs(1);

/// A live tenant.
#[derive(Debug)]
pub struct GraphTenant {
    service: Service,
    cloud: Cloud,
}

/// Prepares the way to a tenant. Nothing is sent yet, and no credential exists before the endpoints of
/// the declaration have been checked.
pub fn connect(
    declaration: &TenantDeclaration,
    environment: &Environment,
    callbacks: Callbacks,
) -> Result<GraphTenant, TenantError> {
    let endpoints = Endpoints::of(&declaration.cloud, environment.allow_endpoint.as_deref())?;
    let sign_in = auth::sign_in(declaration, environment, &endpoints, &callbacks)?;
    let pace = declaration.pace.unwrap_or(if endpoints.is_loopback() {
        Duration::ZERO
    } else {
        PACE
    });
    let client = http::client(Reach::of(&endpoints.graph))?;
    Ok(GraphTenant {
        service: Service::new(endpoints, sign_in, callbacks, client, pace),
        cloud: declaration.cloud.clone(),
    })
}

impl GraphTenant {
    /// Whether Graph is on this machine, where nothing has to be waited for.
    pub fn is_on_loopback(&self) -> bool {
        self.service.endpoints.is_loopback()
    }
}
