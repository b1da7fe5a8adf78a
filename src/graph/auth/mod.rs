//! Signing in: which credential a declaration asks for, and the one token that everybody shares.
//!
//! azure_identity has the credentials of machines; people sign in through the `oauth2` crate. Both sit
//! behind [`TokenSource`], and [`SignIn`] keeps what they bring, in memory only.

mod aadsts;
mod browser;
mod certificate;
mod delegated;
mod device_code;
mod environment;
mod github;
mod machine;
mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use azure_core::credentials::Secret;

use self::delegated::Delegated;
pub use self::environment::Environment;
use self::machine::Machine;
pub(super) use self::token::SignIn;
use self::token::{FixedToken, TokenSource};
use super::origin::Endpoints;
use super::service::Callbacks;
use crate::model::{Auth, Id, TenantDeclaration};
use crate::tenant::{TenantError, TenantErrorKind};

/// Chooses the credential that `declaration` asks for; nothing is sent yet.
pub(super) fn sign_in(
    declaration: &TenantDeclaration,
    environment: &Environment,
    endpoints: &Endpoints,
    callbacks: &Callbacks,
) -> Result<SignIn, TenantError> {
    let declared = declaration
        .tenant_id
        .as_ref()
        .map(|id| id.value.clone())
        .or_else(|| environment.tenant_id.clone().map(Id::new));
    // In an emergency AZURE_TENANT_ID may be a domain, which no token names; a declaration is held to its id.
    let expected = declared
        .clone()
        .filter(|id| declaration.tenant_id.is_some() || Id::looks_like_guid(id.as_str()));
    if let Some(token) = &environment.access_token {
        let source = FixedToken(token.clone());
        return Ok(SignIn::new(Arc::new(source), expected));
    }
    let Some(auth) = declaration.auth.as_ref().map(|auth| &auth.value) else {
        return Err(needs(
            &declaration.name,
            "auth",
            "how to sign in, for example auth: browser",
        ));
    };
    let application = Application {
        tenant: declared,
        client_id: declaration
            .client_id
            .clone()
            .or_else(|| environment.client_id.clone()),
        endpoints: endpoints.clone(),
        scope: format!("{}/.default", endpoints.graph_origin()),
    };
    let source: Arc<dyn TokenSource> = match auth {
        Auth::Browser => Arc::new(Delegated::browser(application, callbacks.clone())?),
        Auth::DeviceCode => Arc::new(Delegated::device_code(application, callbacks.clone())?),
        Auth::AzureCli => Arc::new(Machine::azure_cli(application)?),
        Auth::WorkloadIdentity => Arc::new(Machine::workload_identity(application, environment)?),
        Auth::ManagedIdentity => Arc::new(Machine::managed_identity(application)?),
        Auth::ClientSecret => Arc::new(Machine::client_secret(application, environment)?),
        Auth::ClientCertificate => Arc::new(Machine::client_certificate(application, environment)?),
        Auth::GithubOidc => Arc::new(Machine::github_oidc(application, environment)?),
        Auth::AzurePipelines => Arc::new(Machine::azure_pipelines(application, environment)?),
        Auth::Unknown(word) => {
            return Err(TenantError::new(
                TenantErrorKind::Declaration,
                format!(
                    "The tenant {} has an unknown auth: {word}",
                    declaration.name
                ),
            )
            .hint(format!("Write one of {}", Auth::WORDS.join(", "))));
        }
    };
    Ok(SignIn::new(source, expected))
}

/// Who signs in, and where.
#[derive(Debug, Clone)]
struct Application {
    tenant: Option<Id>,
    client_id: Option<String>,
    endpoints: Endpoints,
    scope: String,
}

impl Application {
    /// The tenant, which most ways of signing in must know beforehand.
    fn tenant(&self) -> Result<&Id, TenantError> {
        self.tenant.as_ref().ok_or_else(|| {
            missing(
                "AZURE_TENANT_ID",
                "the id of the tenant, or declare tenant_id in portcullis.yaml",
            )
        })
    }

    /// The application's (client) id.
    fn client_id(&self) -> Result<&str, TenantError> {
        self.client_id.as_deref().ok_or_else(|| {
            missing(
                "AZURE_CLIENT_ID",
                "the application (client) id of the app registration, or declare client_id in portcullis.yaml",
            )
        })
    }

    /// The URL of an endpoint of the sign-in service.
    fn login_url(&self, what: &str) -> Result<String, TenantError> {
        let origin = self.endpoints.login_origin();
        Ok(format!("{origin}/{}/oauth2/v2.0/{what}", self.tenant()?))
    }
}

/// An environment variable that must be set, or what goes into it.
fn required(value: Option<&Secret>, variable: &str, content: &str) -> Result<Secret, TenantError> {
    value.cloned().ok_or_else(|| missing(variable, content))
}

fn missing(variable: &str, content: &str) -> TenantError {
    TenantError::new(
        TenantErrorKind::SignIn,
        format!("The environment variable {variable} is not set"),
    )
    .hint(format!("Set {variable} to {content}"))
}

fn needs(tenant: &str, key: &str, content: &str) -> TenantError {
    TenantError::new(
        TenantErrorKind::Declaration,
        format!("The tenant {tenant} does not declare {key}"),
    )
    .hint(format!("Declare {key}: {content}"))
}
