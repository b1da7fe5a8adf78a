//! Graph JSON out: complete v1.0 blocks and nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::MFA_TRUSTED_IPS;
use crate::model::conditions::{
    ClientApp, Conditions, ExternalTenants, Filter, GuestKind, Guests, InsiderRisk, LocationSet,
    Platform, RiskLevel, TargetSet, Targets, TransferMethod, UserAction, UserSet, Users, Workload,
};
use crate::model::controls::{Control, FrequencyInterval, FrequencyUnit, Grant, Session};
use crate::model::{Id, Policy, State};

/// A top-level part of a policy that is written as a whole (contract section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// `displayName`
    Name,
    /// `conditions`
    Conditions,
    /// `grantControls`
    Grant,
    /// `sessionControls`
    Session,
}

/// The key of a block and its complete v1.0 value: every array there, every absent object `null`.
///
/// This is the form for a PATCH: what a list or an object no longer holds has to be said, for Graph
/// merges (contract section 3.1).
pub fn block_json(policy: &Policy<Id>, block: Block) -> (&'static str, Value) {
    match block {
        Block::Name => ("displayName", json!(policy.name)),
        Block::Conditions => ("conditions", conditions_out(&policy.conditions)),
        Block::Grant => (
            "grantControls",
            policy.grant.as_ref().map_or(Value::Null, grant_out),
        ),
        Block::Session => (
            "sessionControls",
            policy.session.as_ref().map_or(Value::Null, session_out),
        ),
    }
}

/// The body that creates a policy in `state`.
pub fn create_json(policy: &Policy<Id>, state: State) -> Value {
    let mut body = Map::new();
    for block in [Block::Name, Block::Conditions, Block::Grant, Block::Session] {
        let (key, value) = block_json(policy, block);
        body.insert(key.to_owned(), value);
    }
    // Beside a strength an empty list of controls is only needed to clear one (contract section 1.6).
    if let Some(Value::Object(grant)) = body.get_mut("grantControls")
        && grant["builtInControls"] == json!([])
    {
        grant.remove("builtInControls");
    }
    // A sibling of a session control that is not asked for makes the service look at it (trap 5).
    if let Some(Value::Object(session)) = body.get_mut("sessionControls") {
        session.retain(|_, control| !control.is_null());
    }
    body.insert("state".into(), json!(state.wire()));
    Value::Object(body)
}

fn wires<'a, T: 'a>(set: impl IntoIterator<Item = &'a T>, wire: fn(&T) -> &str) -> Value {
    set.into_iter().map(wire).collect()
}

/// A flags enumeration: one string, members joined by commas, `null` when there is none.
fn joined<'a, T: 'a>(set: impl IntoIterator<Item = &'a T>, wire: fn(&T) -> &str) -> Value {
    let text = set.into_iter().map(wire).collect::<Vec<_>>().join(",");
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    }
}

fn conditions_out(conditions: &Conditions<Id>) -> Value {
    let Conditions {
        users,
        workload,
        targets,
        client_apps,
        platforms,
        locations,
        sign_in_risk,
        user_risk,
        service_principal_risk,
        insider_risk,
        flows,
        device_filter,
    } = conditions;
    json!({
        "users": users_out(users),
        "clientApplications": workload.as_ref().map(|workload| {
            let Workload { include_all, include, exclude, filter } = workload;
            let mut include = ids_out(include);
            if *include_all {
                include.insert(0, "ServicePrincipalsInMyTenant".into());
            }
            json!({
                "includeServicePrincipals": include,
                "excludeServicePrincipals": ids_out(exclude),
                "servicePrincipalFilter": filter.as_ref().map(filter_out),
            })
        }),
        "applications": targets_out(targets),
        "clientAppTypes": wires(client_apps, ClientApp::wire),
        "platforms": platforms.as_ref().map(|platforms| json!({
            "includePlatforms": wires(&platforms.include, Platform::wire),
            "excludePlatforms": wires(&platforms.exclude, Platform::wire),
        })),
        "locations": locations.as_ref().map(|locations| json!({
            "includeLocations": locations_out(&locations.include),
            "excludeLocations": locations_out(&locations.exclude),
        })),
        "signInRiskLevels": wires(sign_in_risk, RiskLevel::wire),
        "userRiskLevels": wires(user_risk, RiskLevel::wire),
        "servicePrincipalRiskLevels": wires(service_principal_risk, RiskLevel::wire),
        "insiderRiskLevels": joined(insider_risk, InsiderRisk::wire),
        // An object with empty methods is refused; only `null` clears it (contract section 6, trap 24).
        "authenticationFlows": (!flows.is_empty())
            .then(|| json!({"transferMethods": joined(flows, TransferMethod::wire)})),
        "devices": device_filter.as_ref().map(|filter| json!({"deviceFilter": filter_out(filter)})),
    })
}

fn ids_out(ids: &BTreeSet<Id>) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

fn users_out(users: &Users<Id>) -> Value {
    fn people(set: &UserSet<Id>) -> Vec<String> {
        let mut people = Vec::new();
        if set.all {
            people.push("All".to_owned());
        }
        if set.none {
            people.push("None".to_owned());
        }
        if set.guests.as_ref().is_some_and(|guests| guests.legacy) {
            people.push("GuestsOrExternalUsers".to_owned());
        }
        people.extend(ids_out(&set.users));
        people
    }
    fn guests(set: &UserSet<Id>) -> Option<Value> {
        set.guests
            .as_ref()
            .filter(|guests| !guests.legacy)
            .map(guests_out)
    }
    let Users { include, exclude } = users;
    json!({
        "includeUsers": people(include),
        "excludeUsers": people(exclude),
        "includeGroups": ids_out(&include.groups),
        "excludeGroups": ids_out(&exclude.groups),
        "includeRoles": ids_out(&include.roles),
        "excludeRoles": ids_out(&exclude.roles),
        "includeGuestsOrExternalUsers": guests(include),
        "excludeGuestsOrExternalUsers": guests(exclude),
    })
}

fn guests_out(guests: &Guests) -> Value {
    let tenants = guests.tenants.as_ref().map(|tenants| match tenants {
        // No `members` here, not even an empty list (contract section 1.4).
        ExternalTenants::All => json!({
            "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
            "membershipKind": "all",
        }),
        ExternalTenants::Enumerated(members) => json!({
            "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
            "membershipKind": "enumerated",
            "members": members,
        }),
    });
    json!({
        "guestOrExternalUserTypes": joined(&guests.kinds, GuestKind::wire),
        "externalTenants": tenants,
    })
}

fn targets_out(targets: &Targets<Id>) -> Value {
    fn side(set: &TargetSet<Id>) -> Vec<String> {
        let mut out = Vec::new();
        if set.all {
            out.push("All".to_owned());
        }
        if set.none {
            out.push("None".to_owned());
        }
        out.extend(set.suites.iter().map(|suite| suite.wire().to_owned()));
        out.extend(ids_out(&set.apps));
        out
    }
    let Targets {
        include,
        exclude,
        user_actions,
        authentication_contexts,
        filter,
    } = targets;
    json!({
        "includeApplications": side(include),
        "excludeApplications": side(exclude),
        "includeUserActions": wires(user_actions, UserAction::wire),
        "includeAuthenticationContextClassReferences": authentication_contexts,
        "applicationFilter": filter.as_ref().map(filter_out),
    })
}

fn filter_out(filter: &Filter) -> Value {
    json!({"mode": filter.mode.wire(), "rule": filter.rule})
}

fn locations_out(set: &LocationSet<Id>) -> Vec<String> {
    let mut out = Vec::new();
    if set.all {
        out.push("All".to_owned());
    }
    if set.all_trusted {
        out.push("AllTrusted".to_owned());
    }
    if set.mfa_trusted_ips {
        out.push(MFA_TRUSTED_IPS.to_owned());
    }
    out.extend(ids_out(&set.named));
    out
}

fn grant_out(grant: &Grant<Id>) -> Value {
    let Grant {
        operator,
        controls,
        strength,
        terms_of_use,
        custom_factors,
    } = grant;
    json!({
        "operator": operator.wire(),
        "builtInControls": wires(controls, Control::wire),
        "authenticationStrength": strength.as_ref().map(|id| json!({"id": id})),
        "termsOfUse": ids_out(terms_of_use),
        "customAuthenticationFactors": custom_factors,
    })
}

fn session_out(session: &Session) -> Value {
    let Session {
        sign_in_frequency,
        persistent_browser,
        app_enforced_restrictions,
        cloud_app_security,
        resilience_defaults_disabled,
        token_protection,
    } = session;
    let enabled = |flag: bool| flag.then(|| json!({"isEnabled": true}));
    let mut out = json!({
        "signInFrequency": sign_in_frequency.as_ref().map(|frequency| json!({
            "isEnabled": true,
            "value": frequency.value,
            "type": frequency.unit.as_ref().map(FrequencyUnit::wire),
            "authenticationType": frequency.authentication.wire(),
            "frequencyInterval": frequency.interval.wire(),
        })),
        "persistentBrowser": persistent_browser
            .as_ref()
            .map(|mode| json!({"isEnabled": true, "mode": mode.wire()})),
        "applicationEnforcedRestrictions": enabled(*app_enforced_restrictions),
        "cloudAppSecurity": cloud_app_security
            .as_ref()
            .map(|kind| json!({"isEnabled": true, "cloudAppSecurityType": kind.wire()})),
        "disableResilienceDefaults": resilience_defaults_disabled.then_some(true),
        "secureSignInSession": enabled(*token_protection),
    });
    // Beside "every time" the service refuses these two even as `null` (contract section 1.7).
    if sign_in_frequency
        .as_ref()
        .is_some_and(|frequency| frequency.interval == FrequencyInterval::EveryTime)
        && let Value::Object(out) = &mut out
    {
        for key in [
            "applicationEnforcedRestrictions",
            "disableResilienceDefaults",
        ] {
            if out.get(key) == Some(&Value::Null) {
                out.remove(key);
            }
        }
    }
    out
}
