//! Which resources stand for others: Azure management and the suites (audit rules A1 and A2).

use super::Truth;
use crate::model::{Id, Suite};

/// Windows Azure Service Management API: Azure Resource Manager, and the name of the group.
pub const AZURE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
/// The same for the US Government clouds, as several projects have it (contract section 5).
pub const AZURE_MANAGEMENT_GOV: &str = "40a69793-8fe6-4db1-9591-dbc5c57b17d8";
/// The Azure portal, with which the Entra admin center shares its id.
pub const AZURE_PORTAL: &str = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";
/// Azure Data Lake.
pub const DATA_LAKE: &str = "e9f49c6b-5ce5-44c8-925d-015017e9f7ad";
/// The Application Insights API.
pub const APPLICATION_INSIGHTS: &str = "f5c26e74-f226-4ae8-85f0-b4af0080ac9e";
/// The Log Analytics API.
pub const LOG_ANALYTICS: &str = "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5";

/// What else a policy means that names Azure management.
const AZURE_MANAGEMENT_GROUP: [&str; 4] =
    [AZURE_PORTAL, DATA_LAKE, APPLICATION_INSIGHTS, LOG_ANALYTICS];

/// Whether a policy that names `named` covers a request for `app`.
///
/// Neither Azure DevOps nor Microsoft Graph belongs to Azure management.
pub fn covers(named: &Id, app: &Id) -> bool {
    named == app
        || (matches!(named.as_str(), AZURE_MANAGEMENT | AZURE_MANAGEMENT_GOV)
            && AZURE_MANAGEMENT_GROUP.contains(&app.as_str()))
}

/// Whether an app belongs to a suite, as far as that is known of the resources named here.
///
/// The portals for administrators are interactive sign-ins to portals; the resource that CLI and
/// PowerShell ask for is none of them.
pub fn in_suite(suite: &Suite, app: &Id) -> Truth {
    match (suite, app.as_str()) {
        (Suite::Unknown(_), _) => Truth::Unknown,
        (Suite::AdminPortals, AZURE_PORTAL) => Truth::Yes,
        (
            _,
            AZURE_MANAGEMENT | AZURE_MANAGEMENT_GOV | AZURE_PORTAL | DATA_LAKE
            | APPLICATION_INSIGHTS | LOG_ANALYTICS,
        ) => Truth::No,
        _ => Truth::Unknown,
    }
}
