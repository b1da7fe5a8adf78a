//! What of Azure Resource Manager a client asks for on its way to Graph: the subscriptions and tenants
//! that an account can see.

use serde_json::{Value, json};

use super::errors::Failure;
use super::request::{Reply, Request};
use super::tenant::Tenant;

/// The one Azure region of the sandbox.
const LOCATION: &str = "westeurope";

/// Answers a request of an account that is signed in; `None` when the path is not of Azure.
pub(super) fn answer(tenant: &Tenant, request: &Request) -> Option<Result<Reply, Failure>> {
    let subscription_id = tenant.id_of("subscription");
    let lower: Vec<String> = request
        .segments
        .iter()
        .map(|segment| segment.to_ascii_lowercase())
        .collect();
    let segments: Vec<&str> = lower.iter().map(String::as_str).collect();
    let document = match segments.as_slice() {
        ["tenants"] => json!({"value": [home(tenant)]}),
        ["subscriptions"] => json!({"value": [subscription(tenant, &subscription_id)]}),
        ["subscriptions", id, rest @ ..] => {
            if *id != subscription_id {
                return Some(Err(no_subscription(id)));
            }
            match rest {
                [] => subscription(tenant, &subscription_id),
                ["locations"] => json!({"value": [location(&subscription_id)]}),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(if request.method == "GET" {
        Ok(Reply::ok(document))
    } else {
        Err(Failure::method_not_allowed())
    })
}

/// The one subscription.
// synthetic: it holds nothing, nor does its region; az signs in without one, other clients want one.
fn subscription(tenant: &Tenant, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id,
        "tenantId": tenant.identity().id,
        "displayName": tenant.identity().name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

/// The one region.
// synthetic: the shape is Azure's, its values are of a region that hosts nothing.
fn location(subscription_id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription_id}/locations/{LOCATION}"),
        "name": LOCATION,
        "type": "Region",
        "displayName": "West Europe",
        "regionalDisplayName": "(Europe) West Europe",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geography": "Europe",
            "geographyGroup": "Europe",
            "longitude": "4.9",
            "latitude": "52.3667",
            "physicalLocation": "Netherlands",
            "pairedRegion": [],
        },
    })
}

/// The tenant as Azure shows it to its accounts.
// synthetic: the shape is Azure's, the country is any.
fn home(tenant: &Tenant) -> Value {
    let identity = tenant.identity();
    json!({
        "id": format!("/tenants/{}", identity.id),
        "tenantId": identity.id,
        "countryCode": "NL",
        "displayName": identity.name,
        "domains": [identity.domain],
        "defaultDomain": identity.domain,
        "tenantCategory": "Home",
        "tenantType": "AAD",
    })
}

fn no_subscription(id: &str) -> Failure {
    // synthetic: the reference has no text for a subscription that is not there.
    Failure::new(
        404,
        "SubscriptionNotFound",
        format!("The subscription '{id}' could not be found."),
    )
}
