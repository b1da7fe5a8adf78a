//! What a licence allows: the refusals for want of one, and how the licences are shown.

use serde_json::{Value, json};

use super::errors::Failure;
use super::population;
use super::profile::{Licence, Profile};
use super::request::Request;
use super::rules::texts;
use super::tenant::{Tenant, text};

const P1_PLAN: &str = "AAD_PREMIUM";
const P2_PLAN: &str = "AAD_PREMIUM_P2";
/// The plans for workload identities begin with this.
const WORKLOAD_PLANS: &str = "AAD_WRKLDID";
const P2_PLAN_ID: &str = "eec0eb4f-6444-4f95-aba0-50c24d67f998";

/// The refusal of a request that the tenant's licences do not cover, by its path and verb alone.
pub(super) fn gate(profile: &Profile, request: &Request, segments: &[&str]) -> Result<(), Failure> {
    if profile.licence > Licence::None {
        return Ok(());
    }
    let changes = request.method == "POST" || request.method == "PATCH";
    match segments {
        ["auditlogs", "signins", ..]
        | [
            "reports",
            "authenticationmethods",
            "userregistrationdetails",
            ..,
        ] => {
            // synthetic: the code is known, the sentence is not.
            Err(Failure::new(
                403,
                "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
                "Neither tenant is B2C or tenant doesn't have premium license",
            ))
        }
        ["identity", "conditionalaccess", "evaluate"] => Err(not_licensed()),
        // A tenant whose licence ran out can still look at its policies and delete them.
        [
            "identity",
            "conditionalaccess",
            "policies" | "namedlocations" | "deleteditems" | "authenticationcontextclassreferences",
            ..,
        ]
        | ["policies", "conditionalaccesspolicies", ..]
        | ["conditionalaccess", "namedlocations", ..]
            if changes =>
        {
            Err(not_licensed())
        }
        _ => Ok(()),
    }
}

fn not_licensed() -> Failure {
    Failure::new(
        403,
        "AccessDenied",
        "Your tenant is not licensed for this feature. Please upgrade your subscription to access it.",
    )
}

/// The refusal of a policy that uses what the tenant's licences do not cover.
pub(super) fn covers(profile: &Profile, policy: &Value) -> Result<(), Failure> {
    let conditions = &policy["conditions"];
    let asks_risk = ["userRiskLevels", "signInRiskLevels"]
        .iter()
        .any(|list| !texts(&conditions[*list]).is_empty());
    if asks_risk && profile.licence < Licence::P2 {
        return Err(Failure::bad_request(
            "1039: Cannot create or update policies with premium P2 features. Upgrade to a premium P2 license and try again.",
        ));
    }
    let is_on_workloads = conditions["clientApplications"].is_object()
        || !texts(&conditions["servicePrincipalRiskLevels"]).is_empty();
    if is_on_workloads && !profile.workload_identities {
        // synthetic: that the plans are needed is documented (1.5), the answer is not.
        return Err(Failure::bad_request(
            "Policies on workload identities need the Workload Identities Premium plans, which this tenant does not have.",
        ));
    }
    Ok(())
}

/// The rows of `subscribedSkus`: none when nothing is left of the one subscription.
pub(super) fn skus(tenant: &Tenant) -> Vec<Value> {
    let profile = Profile::of(tenant);
    let mut skus = population::skus(tenant.identity());
    for sku in &mut skus {
        if let Some(plans) = sku["servicePlans"].as_array_mut() {
            plans.retain(|plan| has_plan(&profile, text(plan, "servicePlanName")));
        }
        if profile.licence == Licence::P1 {
            sku["skuPartNumber"] = json!(P1_PLAN);
        }
    }
    skus.retain(|sku| sku["servicePlans"] != json!([]));
    skus
}

fn has_plan(profile: &Profile, name: &str) -> bool {
    match name {
        P1_PLAN => profile.licence >= Licence::P1,
        P2_PLAN => profile.licence == Licence::P2,
        name if name.starts_with(WORKLOAD_PLANS) => profile.workload_identities,
        _ => true,
    }
}

/// The organisation, with the plans that its licences assign.
pub(super) fn organization(tenant: &Tenant) -> Value {
    let profile = Profile::of(tenant);
    let mut organization = population::organization(tenant.identity());
    if let Some(plans) = organization["assignedPlans"].as_array_mut() {
        plans.retain(|plan| {
            let wanted = match text(plan, "servicePlanId") {
                P2_PLAN_ID => Licence::P2,
                _ => Licence::P1,
            };
            profile.licence >= wanted
        });
    }
    organization
}
