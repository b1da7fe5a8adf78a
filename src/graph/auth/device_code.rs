//! A code that a person types on another device.

use std::time::Duration;

use azure_core::credentials::AccessToken;
use oauth2::{Scope, StandardDeviceAuthorizationResponse};

use super::delegated::{Delegated, failed, token};
use crate::tenant::TenantError;

/// How long a person may take, whatever the service allows.
const PATIENCE: Duration = Duration::from_secs(900);

/// Shows a code and waits until somebody has typed it.
pub(super) async fn sign_in(
    delegated: &Delegated,
    claims: Option<&str>,
) -> Result<AccessToken, TenantError> {
    let mut request = delegated
        .client
        .exchange_device_code()
        .add_scope(Scope::new(delegated.scope.clone()));
    if let Some(claims) = claims {
        request = request.add_extra_param("claims", claims.to_owned());
    }
    let details: StandardDeviceAuthorizationResponse = request
        .request_async(&delegated.http)
        .await
        .map_err(failed)?;
    delegated.callbacks.sign_in(&format!(
        "To sign in, open {} and enter the code {}",
        details.verification_uri().as_str(),
        details.user_code().secret()
    ));
    let answer = delegated
        .client
        .exchange_device_access_token(&details)
        .request_async(&delegated.http, tokio::time::sleep, Some(PATIENCE))
        .await
        .map_err(failed)?;
    Ok(token(&answer))
}
