//! The documents that clients read before they sign in, with no token: what this cloud's endpoints are,
//! and how to sign in to it.

use serde_json::{Value, json};

use super::identity::Identity;
use super::request::{Reply, Request};

/// The names of the login host for "whichever tenant the person is of".
const ANY_TENANT: [&str; 2] = ["common", "organizations"];

/// Whether a path of the login half leaves the tenant to whoever signs in.
pub(super) fn is_any_tenant(name: &str) -> bool {
    ANY_TENANT.contains(&name.to_ascii_lowercase().as_str())
}

/// Answers a request for such a document; `None` when the path is none of them.
pub(super) fn answer(request: &Request) -> Option<Reply> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let document = match segments.as_slice() {
        ["metadata", "endpoints"] => cloud(request),
        ["common", "discovery", "instance"] => instance(request),
        // Nobody signs these tokens, and no client looks.
        [_, "discovery", "v2.0", "keys"] | ["common", "discovery", "keys"] => json!({"keys": []}),
        _ => return None,
    };
    Some(if request.method == "GET" {
        Reply::ok(document)
    } else {
        // synthetic: no source has an answer to another verb.
        Reply::json(
            405,
            json!({"error": {"code": "MethodNotAllowed", "message": "This document can only be read."}}),
        )
    })
}

/// The cloud, as `az cloud register` and the Terraform providers want it described.
fn cloud(request: &Request) -> Value {
    let origin = &request.origin;
    let root = format!("{origin}/");
    // synthetic: every service of this cloud is this server, and the suffixes lead nowhere.
    json!({
        "name": "PortcullisSandbox",
        "portal": root,
        "authentication": {
            "loginEndpoint": origin,
            "audiences": [root],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": root,
        "microsoftGraphResourceId": root,
        "graph": root,
        "graphAudience": root,
        "gallery": root,
        "galleryEndpoint": root,
        "graphEndpoint": root,
        "media": root,
        "batch": root,
        "sqlManagement": root,
        "vmImageAliasDoc": root,
        "activeDirectoryDataLake": root,
        "appInsightsResourceId": origin,
        "appInsightsTelemetryChannelResourceId": origin,
        "attestationResourceId": origin,
        "logAnalyticsResourceId": origin,
        "ossrDbmsResourceId": origin,
        "synapseAnalyticsResourceId": origin,
        "suffixes": {
            "acrLoginServer": "azurecr.sandbox.example",
            "attestationEndpoint": "attest.sandbox.example",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.sandbox.example",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.sandbox.example",
            "azureFrontDoorEndpointSuffix": "azurefd.sandbox.example",
            "keyVaultDns": "vault.sandbox.example",
            "mariadbServerEndpoint": "mariadb.sandbox.example",
            "mhsmDns": "managedhsm.sandbox.example",
            "mysqlServerEndpoint": "mysql.sandbox.example",
            "postgresqlServerEndpoint": "postgres.sandbox.example",
            "sqlServerHostname": "database.sandbox.example",
            "storage": "core.sandbox.example",
            "storageSyncEndpointSuffix": "afs.sandbox.example",
            "synapseAnalytics": "azuresynapse.sandbox.example",
        },
    })
}

/// What MSAL asks to learn whether it may trust a login host.
fn instance(request: &Request) -> Value {
    let host = host_of(&request.origin);
    // The endpoint that is asked about names the tenant.
    let tenant = request
        .option("authorization_endpoint")
        .and_then(|endpoint| reqwest::Url::parse(endpoint).ok())
        .and_then(|endpoint| Some(endpoint.path_segments()?.next()?.to_owned()))
        .filter(|tenant| !tenant.is_empty())
        .unwrap_or_else(|| "common".to_owned());
    json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", request.origin),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}

/// How to sign in to a tenant, or to whichever it turns out to be.
pub(super) fn openid(identity: &Identity, name: &str, request: &Request) -> Value {
    let origin = &request.origin;
    let (path, issuer) = if is_any_tenant(name) {
        (name, "{tenantid}")
    } else {
        (identity.id.as_str(), identity.id.as_str())
    };
    let root = format!("{origin}/{path}");
    json!({
        "issuer": format!("{origin}/{issuer}/v2.0"),
        "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{root}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
        // MSAL for JavaScript takes no document without it.
        "jwks_uri": format!("{root}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": host_of(origin),
        "msgraph_host": host_of(origin),
    })
}

fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}
