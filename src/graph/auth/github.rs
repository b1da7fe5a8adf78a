//! The OIDC token of GitHub Actions.

use async_trait::async_trait;
use azure_core::Error;
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use reqwest::Url;
use serde::Deserialize;

use super::super::http::{self, Reach};
use super::super::origin;
use super::environment::Environment;
use super::{missing, required};
use crate::tenant::{TenantError, TenantErrorKind};

/// What Entra expects a federated token to be made for.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The answer to a request for a token is never bigger.
const LIMIT: usize = 1024 * 1024;

/// Asks GitHub for a token that says which job this is.
#[derive(Debug, Clone)]
pub(super) struct GithubOidc {
    url: Url,
    bearer: Secret,
    client: reqwest::Client,
}

impl GithubOidc {
    /// Reads what the runner sets.
    pub(super) fn new(environment: &Environment) -> Result<Self, TenantError> {
        let content = "what GitHub Actions sets it to; the job needs permissions: id-token: write";
        let url = environment
            .actions_url
            .as_deref()
            .ok_or_else(|| missing("ACTIONS_ID_TOKEN_REQUEST_URL", content))?;
        let bearer = required(
            environment.actions_token.as_ref(),
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            content,
        )?;
        let refused = |why: &str| {
            TenantError::new(
                TenantErrorKind::SignIn,
                format!("ACTIONS_ID_TOKEN_REQUEST_URL {why}; the runner's token is not sent there"),
            )
        };
        let url = Url::parse(url).map_err(|_| refused("is no URL"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && origin::is_loopback(&url)) {
            return Err(refused("is no https URL"));
        }
        let client = http::client(Reach::of(&url))?;
        Ok(Self {
            url,
            bearer,
            client,
        })
    }
}

#[async_trait]
impl ClientAssertion for GithubOidc {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            value: String,
        }
        let failed = |text: String| {
            Error::with_message(
                ErrorKind::Credential,
                format!("GitHub gave no OIDC token: {text}"),
            )
        };
        // The URL has a query already; the audience is added to it.
        let response = self
            .client
            .get(self.url.clone())
            .query(&[("audience", AUDIENCE)])
            .bearer_auth(self.bearer.secret())
            .send()
            .await
            .map_err(|error| failed(http::causes(&error.without_url())))?;
        let reply = http::collect(response, LIMIT)
            .await
            .map_err(|error| failed(error.message))?;
        if !reply.is_success() {
            return Err(failed(format!("status {}", reply.status)));
        }
        serde_json::from_slice::<Answer>(&reply.body)
            .map(|answer| answer.value)
            .map_err(|_| failed("the answer holds none".into()))
    }
}
