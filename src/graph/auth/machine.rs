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
    login: String,
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
            login: application.endpoints.login_origin(),
            scope: application.scope.clone(),
            build: Box::new(build),
        }
    }

    fn failed(&self, error: &azure_core::Error) -> TenantError {
        let text = causes(error);
        let text = text
            .split_once("authentication failed. ")
            .map_or(text.as_str(), |(_, rest)| rest);
        let mut chain = std::iter::successors(Some(error), |error| {
            error.get_ref()?.downcast_ref::<azure_core::Error>()
        });
        let answer = if text.contains("AADSTS") {
            aadsts::failed(text)
        } else if self.name == "azure-cli" {
            aadsts::failed(text)
                .hint("Run az login --tenant with the declared tenant id, then try again")
        } else if chain.clone().any(is_unreachable) {
            TenantError::new(
                TenantErrorKind::Unreachable,
                format!("The sign-in service at {} cannot be reached", self.login),
            )
            .hint("Check the network, DNS and the HTTPS_PROXY setting")
        } else if chain.any(|error| matches!(error.kind(), ErrorKind::DataConversion)) {
            TenantError::new(
                TenantErrorKind::SignIn,
                format!("The answer of {} is not the sign-in service's", self.login),
            )
            .hint("A proxy or a captive portal seems to answer in its place")
        } else {
            aadsts::failed(text)
        };
        if self.name == "managed-identity" {
            return answer.hint(
                "Is this a machine with a managed identity? A user-assigned one is chosen by client_id",
            );
        }
        answer
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
        let client = Arc::new(Wire {
            loopback: None,
            client: http::client(Reach::Local)?,
        });
        Ok(Self::new("managed-identity", &application, move || {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: identity.clone().map(UserAssignedId::ClientId),
                client_options: ClientOptions {
                    transport: Some(Transport::new(client.clone())),
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

fn is_unreachable(error: &azure_core::Error) -> bool {
    matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io)
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
        let loopback = login.scheme() == "http" && origin::is_loopback(login);
        let authority = if loopback {
            format!("https://{STAND_IN}")
        } else {
            application.endpoints.login_origin()
        };
        Ok(Self {
            authority,
            client: Arc::new(Wire {
                loopback: loopback.then(|| login.clone()),
                client,
            }),
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
struct Wire {
    loopback: Option<Url>,
    client: reqwest::Client,
}

#[async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        if let Some(origin) = &self.loopback
            && request.url().host_str() == Some(STAND_IN)
        {
            let mut url = origin.clone();
            url.set_path(request.url().path());
            url.set_query(request.url().query());
            *request.url_mut() = url;
        }
        let response = self.client.execute_request(&request).await?;
        let status = response.status();
        if u16::from(status) < 400 {
            return Ok(response);
        }
        let (_, headers, body) = response.deconstruct();
        let body = body.collect().await?;
        let plain = plain(&body).unwrap_or_else(|| body.to_vec());
        Ok(AsyncRawResponse::from_bytes(status, headers, plain))
    }
}

/// An error body whose description needs no escapes: azure_identity 1.0 reads it as borrowed text and
/// fails on the line breaks and quotes that Entra writes.
fn plain(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let description = body.get_mut("error_description")?;
    let words: Vec<&str> = description.as_str()?.split_whitespace().collect();
    let text = words.join(" ").replace('"', "'").replace('\\', "/");
    *description = text
        .chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .into();
    Some(body.to_string().into_bytes())
}
