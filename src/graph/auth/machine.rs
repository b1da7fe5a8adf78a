//! The credentials of azure_identity, through our HTTP client.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions,
    Transport, Url,
};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzurePipelinesCredential,
    AzurePipelinesCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::super::http::{self, Reach, causes};
use super::super::origin;
use super::certificate::Certificate;
use super::environment::Environment;
use super::github::GithubOidc;
use super::token::TokenSource;
use super::{Application, aadsts, missing, required};
use crate::tenant::{TenantError, TenantErrorKind};

type Credential = Arc<dyn TokenCredential>;
type Build = Box<dyn Fn() -> azure_core::Result<Credential> + Send + Sync>;

/// A credential of azure_identity.
///
/// It is built anew for each token, so that its own cache never answers with one that Graph refused; the
/// cache that counts is `SignIn`'s.
pub(super) struct Machine {
    name: &'static str,
    scope: String,
    build: Build,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("name", &self.name)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for Machine {
    async fn fetch(&self, _claims: Option<&str>) -> Result<AccessToken, TenantError> {
        let credential = (self.build)().map_err(|error| self.failed(&error))?;
        credential
            .get_token(&[&self.scope], None)
            .await
            .map_err(|error| self.failed(&error))
    }

    fn remedy(&self) -> &'static str {
        "An identity of a machine cannot answer a claims challenge by itself: look at the policies that cover it, or sign in with auth: browser"
    }
}

impl Machine {
    fn new(
        name: &'static str,
        application: &Application,
        build: impl Fn() -> azure_core::Result<Credential> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            scope: application.scope.clone(),
            build: Box::new(build),
        }
    }

    fn failed(&self, error: &azure_core::Error) -> TenantError {
        let text = causes(error);
        let unreachable = {
            let mut kinds = std::iter::successors(Some(error), |error| {
                error.get_ref()?.downcast_ref::<azure_core::Error>()
            });
            kinds.any(|error| matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io))
        };
        let mut answer = aadsts::failed(&text);
        if unreachable && !text.contains("AADSTS") {
            answer.kind = TenantErrorKind::Unreachable;
        }
        match self.name {
            "azure-cli" => answer.hint("Run az login --tenant with the declared tenant id, then try again"),
            "managed-identity" => answer
                .hint("Is this machine one with a managed identity? A user-assigned one is chosen by client_id"),
            _ => answer,
        }
    }

    /// `client-secret`
    pub(super) fn client_secret(
        application: Application,
        environment: &Environment,
    ) -> Result<Self, TenantError> {
        let tenant = application.tenant()?.to_string();
        let client_id = application.client_id()?.to_owned();
        let secret = required(
            environment.client_secret.as_ref(),
            "AZURE_CLIENT_SECRET",
            "the value of a client secret of the app registration",
        )?;
        let transport = Login::transport(&application)?;
        Ok(Self::new("client-secret", &application, move || {
            let options = ClientSecretCredentialOptions {
                client_options: transport.options(),
            };
            let credential = ClientSecretCredential::new(
                &tenant,
                client_id.clone(),
                secret.clone(),
                Some(options),
            )?;
            Ok(credential as Credential)
        }))
    }

    /// `client-certificate`
    pub(super) fn client_certificate(
        application: Application,
        environment: &Environment,
    ) -> Result<Self, TenantError> {
        let path = environment
            .client_certificate_path
            .as_deref()
            .ok_or_else(|| {
                missing(
                    "AZURE_CLIENT_CERTIFICATE_PATH",
                    "the path of a PEM file with the certificate and its private key",
                )
            })?;
        let audience = application.login_url("token")?;
        let certificate = Certificate::load(path, application.client_id()?, &audience)?;
        Self::asserting("client-certificate", application, certificate)
    }

    /// `github-oidc`
    pub(super) fn github_oidc(
        application: Application,
        environment: &Environment,
    ) -> Result<Self, TenantError> {
        let assertion = GithubOidc::new(environment)?;
        Self::asserting("github-oidc", application, assertion)
    }

    fn asserting(
        name: &'static str,
        application: Application,
        assertion: impl ClientAssertion + Clone + 'static,
    ) -> Result<Self, TenantError> {
        let tenant = application.tenant()?.to_string();
        let client_id = application.client_id()?.to_owned();
        let transport = Login::transport(&application)?;
        Ok(Self::new(name, &application, move || {
            let options = ClientAssertionCredentialOptions {
                client_options: transport.options(),
            };
            let credential = ClientAssertionCredential::new(
                tenant.clone(),
                client_id.clone(),
                assertion.clone(),
                Some(options),
            )?;
            Ok(credential as Credential)
        }))
    }

    /// `workload-identity`
    pub(super) fn workload_identity(
        application: Application,
        environment: &Environment,
    ) -> Result<Self, TenantError> {
        let tenant = application.tenant()?.to_string();
        let client_id = application.client_id()?.to_owned();
        let file = environment.federated_token_file.clone().ok_or_else(|| {
            missing(
                "AZURE_FEDERATED_TOKEN_FILE",
                "the path of the projected service account token; AKS sets it on pods with the label azure.workload.identity/use",
            )
        })?;
        let transport = Login::transport(&application)?;
        Ok(Self::new("workload-identity", &application, move || {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: transport.options(),
                },
                client_id: Some(client_id.clone()),
                tenant_id: Some(tenant.clone()),
                token_file_path: Some(file.clone().into()),
            };
            Ok(WorkloadIdentityCredential::new(Some(options))? as Credential)
        }))
    }

    /// `managed-identity`
    pub(super) fn managed_identity(application: Application) -> Result<Self, TenantError> {
        let identity = application.client_id.clone();
        // The metadata service is plain http on a link-local address, and no proxy knows the way.
        let client = http::client(Reach::Local)?;
        Ok(Self::new("managed-identity", &application, move || {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: identity.clone().map(UserAssignedId::ClientId),
                client_options: ClientOptions {
                    transport: Some(Transport::new(Arc::new(client.clone()))),
                    retry: few_retries(),
                    ..ClientOptions::default()
                },
            };
            Ok(ManagedIdentityCredential::new(Some(options))? as Credential)
        }))
    }

    /// `azure-cli`
    pub(super) fn azure_cli(application: Application) -> Result<Self, TenantError> {
        let tenant = application.tenant.as_ref().map(ToString::to_string);
        Ok(Self::new("azure-cli", &application, move || {
            let options = AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                ..AzureCliCredentialOptions::default()
            };
            Ok(AzureCliCredential::new(Some(options))? as Credential)
        }))
    }

    /// `azure-pipelines`
    pub(super) fn azure_pipelines(
        application: Application,
        environment: &Environment,
    ) -> Result<Self, TenantError> {
        let tenant = application.tenant()?.to_string();
        let client_id = application.client_id()?.to_owned();
        let connection = environment.service_connection_id.clone().ok_or_else(|| {
            missing(
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
                "the id of the service connection (an AzureCLI@2 task sets it)",
            )
        })?;
        let system_token = required(
            environment.system_access_token.as_ref(),
            "SYSTEM_ACCESSTOKEN",
            "$(System.AccessToken), in the env block of the pipeline step",
        )?;
        // azure_identity reads the variable itself; a plain http one would carry the token in the clear.
        match environment.system_oidc_request_uri.as_deref() {
            Some(uri) if uri.starts_with("https://") => {}
            Some(_) => {
                return Err(TenantError::new(
                    TenantErrorKind::SignIn,
                    "SYSTEM_OIDCREQUESTURI is no https URL; the system access token is not sent there",
                ));
            }
            None => {
                return Err(missing(
                    "SYSTEM_OIDCREQUESTURI",
                    "what Azure Pipelines sets it to; this sign-in works only inside a pipeline",
                ));
            }
        }
        let transport = Login::transport(&application)?;
        Ok(Self::new("azure-pipelines", &application, move || {
            let options = AzurePipelinesCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: transport.options(),
                },
            };
            let credential = AzurePipelinesCredential::new(
                tenant.clone(),
                client_id.clone(),
                &connection,
                Secret::new(system_token.secret().to_owned()),
                Some(options),
            )?;
            Ok(credential as Credential)
        }))
    }
}

/// azure_identity gives up late; three tries in ten seconds are enough for a command line.
fn few_retries() -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_retries: 3,
        max_total_elapsed: Duration::seconds(10),
        ..ExponentialRetryOptions::default()
    })
}

/// The way to the sign-in service.
///
/// azure_identity insists on an https authority. For a sign-in service on loopback it is given a name
/// that exists nowhere, and requests to that name, and only those, are sent to the loopback origin.
#[derive(Debug, Clone)]
struct Login {
    authority: String,
    client: Arc<dyn HttpClient>,
}

const STAND_IN: &str = "login.loopback.invalid";

impl Login {
    fn transport(application: &Application) -> Result<Self, TenantError> {
        let login = &application.endpoints.login;
        let client = http::client(Reach::of(login))?;
        if login.scheme() == "http" && origin::is_loopback(login) {
            return Ok(Self {
                authority: format!("https://{STAND_IN}"),
                client: Arc::new(Redirected {
                    origin: login.clone(),
                    client,
                }),
            });
        }
        Ok(Self {
            authority: application.endpoints.login_origin(),
            client: Arc::new(client),
        })
    }

    fn options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            transport: Some(Transport::new(self.client.clone())),
            retry: few_retries(),
            ..ClientOptions::default()
        }
    }
}

#[derive(Debug)]
struct Redirected {
    origin: Url,
    client: reqwest::Client,
}

#[async_trait]
impl HttpClient for Redirected {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        if request.url().host_str() == Some(STAND_IN) {
            let mut url = self.origin.clone();
            url.set_path(request.url().path());
            url.set_query(request.url().query());
            *request.url_mut() = url;
        }
        self.client.execute_request(&request).await
    }
}
