//! How a tenant is reached, as `portcullis.yaml` declares it.

use std::time::Duration;

use serde::Serialize;

use super::id::Id;
use super::words::words;
use crate::diagnostic::{At, Source};

/// One entry of `tenants:`.
#[derive(Debug, Clone, Serialize)]
pub struct TenantDeclaration {
    /// Its name in the workspace.
    pub name: String,
    /// Whether it is the built-in sandbox.
    pub sandbox: bool,
    /// The tenant's id; the sandbox brings its own.
    pub tenant_id: Option<At<Id>>,
    /// Which cloud it is in.
    pub cloud: Cloud,
    /// How the tool signs in; the sandbox brings its own.
    pub auth: Option<At<Auth>>,
    /// The application (client) id to sign in with; otherwise from `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// The pause between two Conditional Access calls; 1 s, or none on loopback.
    #[serde(skip)]
    pub pace: Option<Duration>,
    /// How long a write may stay unseen; 60 s, or 2 s on loopback.
    #[serde(skip)]
    pub settle: Option<Duration>,
    /// Where it is declared.
    #[serde(skip)]
    pub source: Source,
}

/// A Microsoft cloud: sign-in, Graph and scope belong together (contract section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The public cloud, GCC included.
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (DoD).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
    /// Another endpoint; loopback only, unless the environment allows it (rule 8).
    Custom {
        /// Graph's origin.
        graph: String,
        /// The sign-in origin.
        login: String,
    },
}

impl Cloud {
    /// The words that YAML may use.
    pub const WORDS: &[&str] = &["global", "us-gov", "us-gov-dod", "china"];

    /// Reads the YAML spelling.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "global" => Some(Self::Global),
            "us-gov" => Some(Self::UsGov),
            "us-gov-dod" => Some(Self::UsGovDod),
            "china" => Some(Self::China),
            _ => None,
        }
    }

    /// Graph's origin, without a slash at the end.
    pub fn graph(&self) -> &str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::UsGovDod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
            Self::Custom { graph, .. } => graph.trim_end_matches('/'),
        }
    }

    /// The sign-in origin, without a slash at the end.
    pub fn login(&self) -> &str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
            Self::Custom { login, .. } => login.trim_end_matches('/'),
        }
    }

    /// Whether this is the public cloud, or the sandbox, which plays it.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Global | Self::Custom { .. })
    }
}

words! {
    /// How the tool signs in.
    Auth {
        /// Authorization code with PKCE in the user's browser.
        Browser = "browser" / "browser",
        /// A code typed on another device.
        DeviceCode = "device-code" / "device-code",
        /// The account of the Azure CLI; usually cannot write Conditional Access.
        AzureCli = "azure-cli" / "azure-cli",
        /// A federated token in a file, as in AKS.
        WorkloadIdentity = "workload-identity" / "workload-identity",
        /// The identity of the machine.
        ManagedIdentity = "managed-identity" / "managed-identity",
        /// A secret, from `AZURE_CLIENT_SECRET`.
        ClientSecret = "client-secret" / "client-secret",
        /// A PEM certificate and key, from `AZURE_CLIENT_CERTIFICATE_PATH`.
        ClientCertificate = "client-certificate" / "client-certificate",
        /// The OIDC token of GitHub Actions.
        GithubOidc = "github-oidc" / "github-oidc",
        /// A service connection of Azure Pipelines.
        AzurePipelines = "azure-pipelines" / "azure-pipelines",
    }
}
