//! What the process environment says about signing in, read in one place.

use azure_core::credentials::Secret;

use super::super::origin::ALLOW_ENDPOINT;

/// The environment variables that this room looks at; its `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `PORTCULLIS_ALLOW_ENDPOINT`: origins outside the built-in clouds that may get a token.
    pub allow_endpoint: Option<String>,
    /// `PORTCULLIS_ACCESS_TOKEN`: a token that replaces every other way of signing in.
    pub access_token: Option<Secret>,
    /// `AZURE_TENANT_ID`: the tenant, where the declaration does not name it.
    pub tenant_id: Option<String>,
    /// `AZURE_CLIENT_ID`: the application, where the declaration does not name it.
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`: a PEM file with a certificate and its key.
    pub client_certificate_path: Option<String>,
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    pub federated_token_file: Option<String>,
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`, set by GitHub Actions.
    pub actions_url: Option<String>,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`, set by GitHub Actions.
    pub actions_token: Option<Secret>,
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`, set by the tasks of Azure Pipelines.
    pub service_connection_id: Option<String>,
    /// `SYSTEM_ACCESSTOKEN`, mapped by the pipeline.
    pub system_access_token: Option<Secret>,
    /// `SYSTEM_OIDCREQUESTURI`, set by Azure Pipelines.
    pub system_oidc_request_uri: Option<String>,
}

impl Environment {
    /// An environment that holds one application and its secret and nothing else.
    pub fn of_client(id: &str, secret: &str) -> Self {
        Self {
            client_id: Some(id.to_owned()),
            client_secret: Some(Secret::new(secret.to_owned())),
            ..Self::default()
        }
    }

    /// Reads the process environment; an empty variable counts as unset.
    pub fn of_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let secret = |name: &str| text(name).map(Secret::new);
        Self {
            allow_endpoint: text(ALLOW_ENDPOINT),
            access_token: secret("PORTCULLIS_ACCESS_TOKEN"),
            tenant_id: text("AZURE_TENANT_ID"),
            client_id: text("AZURE_CLIENT_ID"),
            client_secret: secret("AZURE_CLIENT_SECRET"),
            client_certificate_path: text("AZURE_CLIENT_CERTIFICATE_PATH"),
            federated_token_file: text("AZURE_FEDERATED_TOKEN_FILE"),
            actions_url: text("ACTIONS_ID_TOKEN_REQUEST_URL"),
            actions_token: secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
            service_connection_id: text("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
            system_access_token: secret("SYSTEM_ACCESSTOKEN"),
            system_oidc_request_uri: text("SYSTEM_OIDCREQUESTURI"),
        }
    }
}
