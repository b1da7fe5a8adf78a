//! Signing in as a person: what the browser and the device code have in common.

use std::fmt::Display;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthUrl, ClientId, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet,
    ErrorResponse, HttpRequest, HttpResponse, RequestTokenError, TokenResponse as _, TokenUrl,
};

use super::super::error::excerpt;
use super::super::http::{self, Reach};
use super::super::service::Callbacks;
use super::token::TokenSource;
use super::{Application, aadsts, browser, device_code};
use crate::tenant::{TenantError, TenantErrorKind};

/// An answer of the sign-in service is never bigger.
const LIMIT: usize = 1024 * 1024;

/// A client of the sign-in service with every endpoint that the two flows need.
pub(super) type Client =
    BasicClient<EndpointSet, EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// A person who signs in.
#[derive(Debug)]
pub(super) struct Delegated {
    flow: Flow,
    pub(super) client: Client,
    pub(super) http: Wire,
    pub(super) scope: String,
    pub(super) callbacks: Callbacks,
}

#[derive(Debug, Clone, Copy)]
enum Flow {
    Browser,
    DeviceCode,
}

impl Delegated {
    /// `browser`
    pub(super) fn browser(
        application: Application,
        callbacks: Callbacks,
    ) -> Result<Self, TenantError> {
        Self::new(Flow::Browser, &application, callbacks)
    }

    /// `device-code`
    pub(super) fn device_code(
        application: Application,
        callbacks: Callbacks,
    ) -> Result<Self, TenantError> {
        Self::new(Flow::DeviceCode, &application, callbacks)
    }

    fn new(
        flow: Flow,
        application: &Application,
        callbacks: Callbacks,
    ) -> Result<Self, TenantError> {
        let url = |what| application.login_url(what);
        let invalid = |error: oauth2::url::ParseError| {
            TenantError::new(
                TenantErrorKind::Declaration,
                format!("The sign-in address is no URL: {error}"),
            )
        };
        let client = BasicClient::new(ClientId::new(application.client_id()?.to_owned()))
            .set_auth_uri(AuthUrl::new(url("authorize")?).map_err(invalid)?)
            .set_token_uri(TokenUrl::new(url("token")?).map_err(invalid)?)
            .set_device_authorization_url(
                DeviceAuthorizationUrl::new(url("devicecode")?).map_err(invalid)?,
            );
        Ok(Self {
            flow,
            client,
            http: Wire(http::client(Reach::of(&application.endpoints.login))?),
            scope: application.scope.clone(),
            callbacks,
        })
    }
}

#[async_trait]
impl TokenSource for Delegated {
    async fn fetch(&self, claims: Option<&str>) -> Result<AccessToken, TenantError> {
        match self.flow {
            Flow::Browser => browser::sign_in(self, claims).await,
            Flow::DeviceCode => device_code::sign_in(self, claims).await,
        }
    }

    fn remedy(&self) -> &'static str {
        "Sign in again with an account that fulfils what the tenant's policies ask for"
    }
}

/// The token of an answer, in the type that every credential uses.
pub(super) fn token(answer: &BasicTokenResponse) -> AccessToken {
    let lifetime = answer.expires_in().unwrap_or(Duration::from_secs(3600));
    AccessToken::new(
        answer.access_token().secret().clone(),
        OffsetDateTime::now_utc() + lifetime,
    )
}

/// What a failed request for a token means.
pub(super) fn failed<R>(error: RequestTokenError<NoAnswer, R>) -> TenantError
where
    R: ErrorResponse + Display + 'static,
{
    match error {
        RequestTokenError::ServerResponse(response) => aadsts::failed(&response.to_string()),
        RequestTokenError::Request(NoAnswer(error)) => error,
        RequestTokenError::Parse(_, body) => TenantError::new(
            TenantErrorKind::SignIn,
            format!(
                "The sign-in service's answer has not the documented shape: {}",
                // A token response that only lacks a field would hold the token.
                if String::from_utf8_lossy(&body).contains("_token") {
                    "a token without its type".to_owned()
                } else {
                    excerpt(&body)
                }
            ),
        ),
        RequestTokenError::Other(text) => TenantError::new(
            TenantErrorKind::SignIn,
            format!("Signing in failed: {text}"),
        ),
    }
}

/// A request to the sign-in service that brought no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoAnswer(pub(super) TenantError);

/// Our HTTP client, as the `oauth2` crate wants one.
#[derive(Debug)]
pub(super) struct Wire(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let invalid = |text: String| NoAnswer(TenantError::new(TenantErrorKind::SignIn, text));
            let request = reqwest::Request::try_from(request)
                .map_err(|error| invalid(format!("The sign-in request is invalid: {error}")))?;
            let url = request.url().clone();
            let response = self
                .0
                .execute(request)
                .await
                .map_err(|error| NoAnswer(http::no_answer(&url, error)))?;
            let reply = http::collect(response, LIMIT).await.map_err(NoAnswer)?;
            let mut response = oauth2::http::Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(name, value);
            }
            response
                .body(reply.body)
                .map_err(|error| invalid(format!("The sign-in answer is invalid: {error}")))
        })
    }
}
