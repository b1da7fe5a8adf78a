//! Policies out of a Terraform state or plan that used the azuread provider.

use serde_json::{Map, Value, json};

use super::compose::LeftAlone;
use super::exports::Exports;
use crate::model::Id;

const POLICY: &str = "azuread_conditional_access_policy";

/// Reads a state file, or what `terraform show -json` prints of a state or a plan; `None` when it is
/// neither.
pub fn terraform_exports(file: &str, json: &Value) -> Option<Exports> {
    let mut resources = Vec::new();
    let mut found = false;
    for module in ["/planned_values/root_module", "/values/root_module"] {
        if let Some(module) = json.pointer(module) {
            found = true;
            of_module(module, &mut resources);
        }
    }
    // The state file itself: each resource with its instances.
    if let (Some(of_state), Some(_)) = (json["resources"].as_array(), json.get("version")) {
        found = true;
        for resource in of_state
            .iter()
            .filter(|resource| resource["mode"] != "data")
        {
            let instances = resource["instances"].as_array().into_iter().flatten();
            resources.extend(instances.map(|instance| Resource {
                kind: text(resource, "type"),
                address: text(resource, "name"),
                values: &instance["attributes"],
            }));
        }
    }
    found.then(|| exports(file, &resources))
}

struct Resource<'a> {
    kind: &'a str,
    address: &'a str,
    values: &'a Value,
}

fn of_module<'a>(module: &'a Value, into: &mut Vec<Resource<'a>>) {
    let list = |key: &str| module[key].as_array().into_iter().flatten();
    into.extend(
        list("resources")
            .filter(|resource| resource["mode"] != "data")
            .map(|resource| Resource {
                kind: text(resource, "type"),
                address: text(resource, "address"),
                values: &resource["values"],
            }),
    );
    for child in list("child_modules") {
        of_module(child, into);
    }
}

fn exports(file: &str, resources: &[Resource<'_>]) -> Exports {
    let mut exports = Exports::default();
    for Resource {
        kind,
        address,
        values,
    } in resources
    {
        let id = [text(values, "object_id"), text(values, "id")]
            .into_iter()
            .map(bare)
            .find(|id| Id::looks_like_guid(id));
        let name = text(values, "display_name");
        if *kind == POLICY {
            let source = format!("{file} ({address})");
            match policy(values, id) {
                Some(policy) => exports.take(&source, name, policy),
                None => exports.left.push(LeftAlone {
                    name: name.to_owned(),
                    id: None,
                    reason: format!("{source}: its conditions are not known yet"),
                }),
            }
        } else if let Some(id) = id.filter(|_| kind.starts_with("azuread_") && !name.is_empty()) {
            exports.names.insert(Id::new(id), name.to_owned());
        }
    }
    exports
}

/// The last part of an id that is a path in newer versions of the provider.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

/// A block, which Terraform keeps as a list of one.
fn block<'a>(json: &'a Value, key: &str) -> Option<&'a Value> {
    match &json[key] {
        Value::Array(blocks) => blocks.first().filter(|block| block.is_object()),
        object @ Value::Object(_) => Some(object),
        _ => None,
    }
}

/// A list of texts; ids that are paths become bare.
fn list(json: &Value, key: &str) -> Value {
    let items = json[key].as_array().into_iter().flatten();
    items
        .filter_map(Value::as_str)
        .map(|item| {
            if Id::looks_like_guid(bare(item)) {
                bare(item)
            } else {
                item
            }
        })
        .collect()
}

/// Several words as one string, or one that is one already.
fn flags(json: &Value, key: &str) -> Value {
    match &json[key] {
        Value::Array(words) if !words.is_empty() => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            json!(words.join(","))
        }
        Value::String(word) if !word.is_empty() => json!(word),
        _ => Value::Null,
    }
}

fn filter(json: &Value) -> Value {
    block(json, "filter").map_or(
        Value::Null,
        |filter| json!({"mode": filter["mode"], "rule": filter["rule"]}),
    )
}

fn policy(values: &Value, id: Option<&str>) -> Option<Map<String, Value>> {
    let conditions = block(values, "conditions")?;
    let mut policy = Map::new();
    if let Some(id) = id {
        policy.insert("id".into(), json!(id));
    }
    policy.insert("displayName".into(), values["display_name"].clone());
    policy.insert("state".into(), values["state"].clone());
    policy.insert("conditions".into(), conditions_in(conditions));
    if let Some(grant) = block(values, "grant_controls") {
        policy.insert("grantControls".into(), grant_in(grant));
    }
    if let Some(session) = block(values, "session_controls") {
        policy.insert("sessionControls".into(), session_in(session));
    }
    Some(policy)
}

fn conditions_in(conditions: &Value) -> Value {
    let pair = |key: &str, names: [&str; 2], wire: [&str; 2]| {
        block(conditions, key).map_or(
            Value::Null,
            |block| json!({wire[0]: list(block, names[0]), wire[1]: list(block, names[1])}),
        )
    };
    let applications = block(conditions, "applications").map_or(Value::Null, |of| {
        json!({
            "includeApplications": list(of, "included_applications"),
            "excludeApplications": list(of, "excluded_applications"),
            "includeUserActions": list(of, "included_user_actions"),
            "applicationFilter": filter(of),
        })
    });
    let users = block(conditions, "users").map_or(Value::Null, |of| {
        json!({
            "includeUsers": list(of, "included_users"),
            "excludeUsers": list(of, "excluded_users"),
            "includeGroups": list(of, "included_groups"),
            "excludeGroups": list(of, "excluded_groups"),
            "includeRoles": list(of, "included_roles"),
            "excludeRoles": list(of, "excluded_roles"),
            "includeGuestsOrExternalUsers": guests(of, "included_guests_or_external_users"),
            "excludeGuestsOrExternalUsers": guests(of, "excluded_guests_or_external_users"),
        })
    });
    let workloads = block(conditions, "client_applications").map_or(Value::Null, |of| {
        json!({
            "includeServicePrincipals": list(of, "included_service_principals"),
            "excludeServicePrincipals": list(of, "excluded_service_principals"),
            "servicePrincipalFilter": filter(of),
        })
    });
    let flows = flags(conditions, "authentication_flow_transfer_methods");
    json!({
        "clientAppTypes": list(conditions, "client_app_types"),
        "applications": applications,
        "users": users,
        "clientApplications": workloads,
        "platforms": pair(
            "platforms",
            ["included_platforms", "excluded_platforms"],
            ["includePlatforms", "excludePlatforms"],
        ),
        "locations": pair(
            "locations",
            ["included_locations", "excluded_locations"],
            ["includeLocations", "excludeLocations"],
        ),
        "signInRiskLevels": list(conditions, "sign_in_risk_levels"),
        "userRiskLevels": list(conditions, "user_risk_levels"),
        "servicePrincipalRiskLevels": list(conditions, "service_principal_risk_levels"),
        "insiderRiskLevels": flags(conditions, "insider_risk_levels"),
        "authenticationFlows": (!flows.is_null()).then(|| json!({"transferMethods": flows})),
        "devices": block(conditions, "devices").map(|of| json!({"deviceFilter": filter(of)})),
    })
}

fn guests(users: &Value, key: &str) -> Value {
    let Some(guests) = block(users, key) else {
        return Value::Null;
    };
    let tenants = block(guests, "external_tenants").map(|tenants| {
        let kind = text(tenants, "membership_kind");
        if kind == "all" {
            json!({"membershipKind": "all"})
        } else {
            json!({"membershipKind": kind, "members": list(tenants, "members")})
        }
    });
    json!({
        "guestOrExternalUserTypes": flags(guests, "guest_or_external_user_types"),
        "externalTenants": tenants,
    })
}

fn grant_in(grant: &Value) -> Value {
    let strength = bare(text(grant, "authentication_strength_policy_id"));
    json!({
        "operator": grant["operator"],
        "builtInControls": list(grant, "built_in_controls"),
        "customAuthenticationFactors": list(grant, "custom_authentication_factors"),
        "termsOfUse": list(grant, "terms_of_use"),
        "authenticationStrength": (!strength.is_empty()).then(|| json!({"id": strength})),
    })
}

fn session_in(session: &Value) -> Value {
    let word = |key: &str| Some(text(session, key)).filter(|word| !word.is_empty());
    let value = session["sign_in_frequency"]
        .as_i64()
        .filter(|value| *value > 0);
    let every_time = word("sign_in_frequency_interval") == Some("everyTime");
    json!({
        "applicationEnforcedRestrictions": {
            "isEnabled": session["application_enforced_restrictions_enabled"] == true,
        },
        "cloudAppSecurity": word("cloud_app_security_policy")
            .map(|kind| json!({"isEnabled": true, "cloudAppSecurityType": kind})),
        "persistentBrowser": word("persistent_browser_mode")
            .map(|mode| json!({"isEnabled": true, "mode": mode})),
        "signInFrequency": (value.is_some() || every_time).then(|| json!({
            "isEnabled": true,
            "value": value,
            "type": word("sign_in_frequency_period"),
            "authenticationType": word("sign_in_frequency_authentication_type"),
            "frequencyInterval": word("sign_in_frequency_interval"),
        })),
        "disableResilienceDefaults": session["disable_resilience_defaults"] == true,
    })
}
