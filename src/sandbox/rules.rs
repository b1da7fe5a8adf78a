//! What the service refuses although the shape is right: the numbered errors of section 3.3.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clouds::Cloud;
use super::contexts::is_context;
use super::errors::Failure;
use super::licences;
use super::profile::Profile;
use super::schema::{Misfit, POLICY, Surface, completed, misfit};
use super::settle::settle;
use super::tenant::{Table, Tenant, text};

/// The legacy location that stands for the trusted addresses of per-user MFA.
const MFA_TRUSTED_IPS: &str = "00000000-0000-0000-0000-000000000000";
/// Public clients of Microsoft's own, which no policy can target (trap 37).
const PUBLIC_CLIENTS: [&str; 2] = [
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "1950a258-227b-4e31-a9cf-717495945fc2",
];
const EXAMPLES: &str =
    " For examples, please see API documentation at https://docs.microsoft.com/en-us/graph/api/";

/// The 1038 for a feature that only beta has.
pub(super) fn preview() -> Failure {
    Failure::bad_request(
        "1038: The policy you are trying to create or update contains preview features. Use the Beta endpoint to create or update this policy.",
    )
}

/// The 1007 of a POST, or of a PATCH.
pub(super) fn wrong_schema(patching: bool) -> Failure {
    let page = if patching {
        "conditionalaccesspolicy-update"
    } else {
        "conditionalaccessroot-post-policies"
    };
    Failure::bad_request(format!(
        "1007: Incoming ConditionalAccessPolicy object is null or does not match the schema of ConditionalAccessPolicy type.{EXAMPLES}{page}?view=graph-rest-1.0."
    ))
}

/// The refusal of `enabled` while security defaults are on.
pub(super) fn security_defaults_gate(tenant: &Tenant, body: &Value) -> Result<(), Failure> {
    let on = tenant
        .rows(Table::SecurityDefaults)
        .any(|row| row["isEnabled"] == true);
    if on && text(body, "state") == "enabled" {
        return Err(Failure::bad_request(
            "Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy.",
        ));
    }
    Ok(())
}

/// Judges a policy as it would be stored, and returns it with everything filled in.
///
/// `held` is the policy it replaces: ids that it holds already stay, for deleted users and groups stay
/// in real policies too.
pub(super) fn accepted(
    tenant: &Tenant,
    policy: Value,
    held: Option<&Value>,
) -> Result<Value, Failure> {
    let patching = held.is_some();
    let mut policy = completed(policy, &POLICY);
    for key in ["displayName", "state", "conditions"] {
        if policy.get(key).is_none_or(Value::is_null) || policy[key] == "" {
            return Err(wrong_schema(patching).because(format!("`{key}` is missing")));
        }
    }
    // What a cloud does not declare cannot have come in, and completing puts it there empty.
    let everything = Surface {
        beta: true,
        cloud: Cloud::Global,
    };
    if let Some(Misfit::Wrong(detail) | Misfit::Preview(detail)) =
        misfit(&policy, &POLICY, everything)
    {
        return Err(wrong_schema(patching).because(detail));
    }
    settle(&mut policy);
    let check = Check {
        tenant,
        policy: &policy,
        held,
    };
    check.client_apps()?;
    check.applications()?;
    check.users()?;
    check.workload_identities()?;
    check.locations()?;
    check.grant()?;
    check.session()?;
    check.devices()?;
    licences::covers(&Profile::of(tenant), &policy)?;
    Ok(policy)
}

struct Check<'a> {
    tenant: &'a Tenant,
    policy: &'a Value,
    held: Option<&'a Value>,
}

impl<'a> Check<'a> {
    fn conditions(&self) -> &'a Value {
        &self.policy["conditions"]
    }

    /// The ids of a list that the policy did not hold before.
    fn added(&self, block: &str, list: &str) -> Vec<&'a str> {
        let held = self
            .held
            .map(|held| texts(&held["conditions"][block][list]))
            .unwrap_or_default();
        texts(&self.conditions()[block][list])
            .into_iter()
            .filter(|id| !held.iter().any(|old| old.eq_ignore_ascii_case(id)))
            .collect()
    }

    fn schema(&self, detail: impl Into<String>) -> Failure {
        wrong_schema(self.held.is_some()).because(detail)
    }

    fn client_apps(&self) -> Result<(), Failure> {
        if texts(&self.conditions()["clientAppTypes"]).is_empty() {
            return Err(Failure::bad_request(format!(
                "1064: 'clientAppTypes' condition does not support []. If you want to target all client apps, use ['All'].{EXAMPLES}conditionalaccessroot-post-policies?view=graph-rest-1.0."
            )));
        }
        Ok(())
    }

    fn applications(&self) -> Result<(), Failure> {
        let applications = &self.conditions()["applications"];
        let included = texts(&applications["includeApplications"]);
        let actions = texts(&applications["includeUserActions"]);
        let contexts = texts(&applications["includeAuthenticationContextClassReferences"]);
        let others = actions.len() + contexts.len();
        if !included.is_empty() && others > 0 {
            return Err(Failure::bad_request(
                "1012: 'applications' condition cannot include both 'includeApplications' and 'includeUserActions'/'includeProtectionLevels'. Please remove one of the conditions.",
            ));
        }
        let filters = applications["applicationFilter"]["mode"] == "include";
        let is_on_traffic = ["networkAccess", "globalSecureAccess"]
            .iter()
            .any(|profile| applications[*profile].is_object());
        if included.is_empty() && others == 0 && !filters && !is_on_traffic {
            // synthetic: the number is known, its text is not.
            return Err(Failure::bad_request(
                "1011: 'applications' condition must include at least one application, user action or authentication context.",
            ));
        }
        let known_actions = ["urn:user:registersecurityinfo", "urn:user:registerdevice"];
        if let Some(action) = actions
            .iter()
            .find(|action| !known_actions.contains(action))
        {
            return Err(self.schema(format!("`{action}` is not a user action")));
        }
        if let Some(context) = contexts.iter().find(|context| !is_context(context)) {
            return Err(self.schema(format!("`{context}` is not an authentication context")));
        }
        let mut invalid = BTreeMap::new();
        for (list, words) in [
            (
                "includeApplications",
                &[
                    "All",
                    "None",
                    "Office365",
                    "MicrosoftAdminPortals",
                    "AllAgentIdResources",
                ][..],
            ),
            (
                "excludeApplications",
                &["Office365", "MicrosoftAdminPortals"][..],
            ),
        ] {
            for id in self.added("applications", list) {
                let is_known = self
                    .tenant
                    .rows(Table::ServicePrincipals)
                    .any(|row| text(&row, "appId").eq_ignore_ascii_case(id));
                if words.contains(&id) {
                    continue;
                }
                if PUBLIC_CLIENTS.contains(&id.to_ascii_lowercase().as_str()) {
                    invalid.insert(id, "PublicClientsAreUnsupported");
                } else if !is_known {
                    invalid.insert(id, "ServicePrincipalNotFound");
                }
            }
        }
        if !invalid.is_empty() {
            return Err(Failure::bad_request(format!(
                "1034: Policy contains invalid applications: {}",
                json!(invalid)
            )));
        }
        Ok(())
    }

    fn users(&self) -> Result<(), Failure> {
        let users = &self.conditions()["users"];
        let includes_somebody = ["includeUsers", "includeGroups", "includeRoles"]
            .iter()
            .any(|list| !texts(&users[*list]).is_empty())
            || users["includeGuestsOrExternalUsers"].is_object();
        if !includes_somebody {
            // synthetic: that a user rule is required is documented, the answer is not.
            return Err(Failure::bad_request(
                "Policy must include a rule for users or for client applications.",
            ));
        }
        for (list, guests, words) in [
            (
                "includeUsers",
                "includeGuestsOrExternalUsers",
                &["All", "None", "GuestsOrExternalUsers"][..],
            ),
            (
                "excludeUsers",
                "excludeGuestsOrExternalUsers",
                &["GuestsOrExternalUsers"][..],
            ),
        ] {
            let ids = texts(&users[list]);
            if ids.contains(&"GuestsOrExternalUsers") && users[guests].is_object() {
                // synthetic: the two forms exclude each other (1.4), the answer is not known.
                return Err(self.schema(format!(
                    "`{list}` says GuestsOrExternalUsers beside `{guests}`"
                )));
            }
            self.external_tenants(&users[guests])?;
            for id in self.added("users", list) {
                if !words.contains(&id) {
                    self.exists(Table::Users, id, "User")?;
                }
            }
        }
        for list in ["includeGroups", "excludeGroups"] {
            for id in self.added("users", list) {
                self.exists(Table::Groups, id, "Group")?;
            }
        }
        for list in ["includeRoles", "excludeRoles"] {
            for id in self.added("users", list) {
                // Template ids only: `All` and the ids of activated roles end here.
                self.exists(Table::RoleDefinitions, id, "Role")?;
            }
        }
        Ok(())
    }

    fn external_tenants(&self, guests: &Value) -> Result<(), Failure> {
        let tenants = &guests["externalTenants"];
        if !tenants.is_object() {
            return Ok(());
        }
        let kind = match text(tenants, "membershipKind") {
            "all" => "#microsoft.graph.conditionalAccessAllExternalTenants",
            _ => "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
        };
        let members = tenants.get("members");
        let members_fit = match text(tenants, "membershipKind") {
            "all" => members.is_none(),
            _ => members.is_some_and(|members| texts(members).iter().all(|id| is_guid(id))),
        };
        // synthetic: that `members` goes with `enumerated` only is known (trap 22), the text is not.
        if text(tenants, "@odata.type") != kind || !members_fit {
            return Err(self.schema(
                "`externalTenants` has an `@odata.type` or `members` that its `membershipKind` does not go with",
            ));
        }
        Ok(())
    }

    fn exists(&self, table: Table, id: &str, what: &str) -> Result<(), Failure> {
        if !is_guid(id) {
            // synthetic: ids only (1.4), the answer to anything else is not known.
            return Err(self.schema(format!("`{id}` is not the id of a {}", what.to_lowercase())));
        }
        if self.tenant.row(table, id).is_none() {
            // synthetic: no source has the text for unknown users, groups and roles.
            return Err(Failure::bad_request(format!(
                "{what} with id {id} does not exist in the directory."
            )));
        }
        Ok(())
    }

    fn workload_identities(&self) -> Result<(), Failure> {
        let block = &self.conditions()["clientApplications"];
        if block.is_null() {
            return Ok(());
        }
        let includes = [
            "includeServicePrincipals",
            "includeAgentIdServicePrincipals",
        ]
        .iter()
        .any(|list| !texts(&block[*list]).is_empty());
        let filters = ["servicePrincipalFilter", "agentIdServicePrincipalFilter"]
            .iter()
            .any(|filter| block[*filter].is_object());
        if !includes && !filters {
            // synthetic: an empty rule for workload identities.
            return Err(self.schema("`conditions.clientApplications` includes nothing"));
        }
        for list in ["includeServicePrincipals", "excludeServicePrincipals"] {
            for id in self.added("clientApplications", list) {
                if list == "includeServicePrincipals" && id == "ServicePrincipalsInMyTenant" {
                    continue;
                }
                self.exists(Table::ServicePrincipals, id, "ServicePrincipal")?;
            }
        }
        Ok(())
    }

    fn locations(&self) -> Result<(), Failure> {
        for list in ["includeLocations", "excludeLocations"] {
            for id in self.added("locations", list) {
                let is_known = ["All", "AllTrusted", MFA_TRUSTED_IPS].contains(&id)
                    || self.tenant.row(Table::NamedLocations, id).is_some();
                if !is_known {
                    return Err(Failure::bad_request(format!(
                        "1040: NamedLocation with id {id} does not exist in the directory."
                    )));
                }
            }
        }
        Ok(())
    }

    fn grant(&self) -> Result<(), Failure> {
        let grant = &self.policy["grantControls"];
        let built_in = texts(&grant["builtInControls"]);
        let strength = grant["authenticationStrength"]
            .get("id")
            .and_then(Value::as_str);
        if let Some(id) = texts(&grant["termsOfUse"]).iter().find(|id| !is_guid(id)) {
            // synthetic: an id of terms of use that is none.
            return Err(self.schema(format!("`{id}` is not the id of terms of use")));
        }
        let others =
            texts(&grant["customAuthenticationFactors"]).len() + texts(&grant["termsOfUse"]).len();
        let grants = !built_in.is_empty() || strength.is_some() || others > 0;
        if !grants && self.policy["sessionControls"].is_null() {
            // synthetic: that one of the two is required is documented, the answer is not.
            return Err(Failure::bad_request(
                "Policy must include grant controls or session controls.",
            ));
        }
        if let Some(id) = strength {
            if built_in.contains(&"mfa") {
                return Err(Failure::bad_request(
                    "1108: Authentication strengths cannot be used alongside the MFA built-in control.",
                ));
            }
            if self.tenant.row(Table::Strengths, id).is_none() {
                // synthetic: an unknown authentication strength.
                return Err(Failure::bad_request(format!(
                    "AuthenticationStrengthPolicy with id {id} does not exist in the directory."
                )));
            }
        }
        if built_in.contains(&"block") && (built_in.len() > 1 || strength.is_some() || others > 0) {
            return Err(Failure::bad_request(
                "1032: ConditionalActionPolicy validation failed due to InvalidControls.",
            ));
        }
        if built_in.contains(&"passwordChange") && !self.password_change_fits(&built_in) {
            return Err(Failure::bad_request(
                "1032: ConditionalActionPolicy validation failed due to InvalidPasswordResetControl.",
            ));
        }
        Ok(())
    }

    /// With `mfa` and AND, for risky users, on all apps, and with no other condition (1.6).
    fn password_change_fits(&self, built_in: &[&str]) -> bool {
        let conditions = self.conditions();
        let nothing_else = [
            "platforms",
            "locations",
            "devices",
            "authenticationFlows",
            "insiderRiskLevels",
        ]
        .iter()
        .all(|key| conditions[*key].is_null());
        built_in.len() == 2
            && built_in.contains(&"mfa")
            && text(&self.policy["grantControls"], "operator") == "AND"
            && !texts(&conditions["userRiskLevels"]).is_empty()
            && texts(&conditions["signInRiskLevels"]).is_empty()
            && texts(&conditions["clientAppTypes"]) == ["all"]
            && self.is_on_all_apps()
            && nothing_else
    }

    fn is_on_all_apps(&self) -> bool {
        texts(&self.conditions()["applications"]["includeApplications"]) == ["All"]
    }

    fn devices(&self) -> Result<(), Failure> {
        let devices = &self.conditions()["devices"];
        let has_states = ["includeDevices", "excludeDevices"]
            .iter()
            .any(|list| !texts(&devices[*list]).is_empty());
        if has_states && devices["deviceFilter"].is_object() {
            // synthetic: the two exclude each other (1.2), the answer is not known.
            return Err(self.schema("`conditions.devices` has a filter beside device states"));
        }
        Ok(())
    }

    fn session(&self) -> Result<(), Failure> {
        let session = &self.policy["sessionControls"];
        let frequency = &session["signInFrequency"];
        if frequency["isEnabled"] == true {
            let is_every_time = frequency["frequencyInterval"] == "everyTime";
            let has_length = !frequency["value"].is_null() || !frequency["type"].is_null();
            let whole_length = !frequency["value"].is_null() && !frequency["type"].is_null();
            if !is_every_time
                && frequency["authenticationType"] != "primaryAndSecondaryAuthentication"
            {
                return Err(Failure::bad_request(
                    "1104: 'timeBased' value for 'frequencyInterval' property in 'signInFrequency' session control only supports 'primaryAndSecondaryAuthentication' value for 'authenticationType' property.",
                ));
            }
            let has_siblings = !session["applicationEnforcedRestrictions"].is_null()
                || !session["disableResilienceDefaults"].is_null();
            // synthetic: these combinations are refused (1.7), the texts are not known.
            if is_every_time && (has_length || has_siblings) {
                return Err(self.schema(
                    "an `everyTime` sign-in frequency goes with no value, type, applicationEnforcedRestrictions or disableResilienceDefaults",
                ));
            }
            if !is_every_time && !whole_length {
                return Err(self.schema("a `timeBased` sign-in frequency needs a value and a type"));
            }
            if frequency["value"].as_i64().is_some_and(|value| value < 1) {
                return Err(self.schema("the value of a sign-in frequency is at least 1"));
            }
        }
        if session["persistentBrowser"]["isEnabled"] == true && !self.is_on_all_apps() {
            // synthetic: that it needs all apps is documented, the answer is not.
            return Err(Failure::bad_request(
                "Persistent browser session control can only be used when all cloud apps are selected.",
            ));
        }
        Ok(())
    }
}

/// The texts of a list, none when it is not one.
pub(super) fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .map(|elements| elements.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Whether a text is a GUID in its usual form.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}
