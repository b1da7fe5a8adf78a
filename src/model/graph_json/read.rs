//! Graph JSON in: what is known becomes a [`Policy`], what is not is kept by its path.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MFA_TRUSTED_IPS;
use super::object::{Object, ShapeError};
use crate::model::conditions::{
    ClientApp, Conditions, ExternalTenants, Filter, FilterMode, GuestKind, Guests, InsiderRisk,
    LocationSet, Locations, Platform, Platforms, RiskLevel, Suite, TargetSet, Targets,
    TransferMethod, UserAction, UserSet, Users, Workload,
};
use crate::model::controls::{
    CloudAppSecurity, Control, FrequencyAuthentication, FrequencyInterval, FrequencyUnit, Grant,
    Operator, PersistentBrowser, Session, SignInFrequency,
};
use crate::model::{Id, Policy, State};

/// A policy as a tenant holds it.
///
/// Serialises to the Graph JSON it was read from, byte for byte of meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct LivePolicy {
    /// Its id.
    pub id: Id,
    /// The template it was made from, if any.
    pub template_id: Option<String>,
    /// What it does.
    pub state: State,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it was last modified; `None` when it never was.
    pub modified: Option<Timestamp>,
    /// Its content.
    pub policy: Policy<Id>,
    /// What the service holds beyond the model, by dotted path; shown, kept, never written back.
    pub unmodelled: BTreeMap<String, Value>,
    /// The JSON as it was read.
    pub raw: Value,
}

impl LivePolicy {
    /// The later of created and modified: from then on the content is what it is now.
    pub fn unchanged_since(&self) -> Option<Timestamp> {
        self.created.max(self.modified)
    }
}

impl TryFrom<Value> for LivePolicy {
    type Error = ShapeError;

    fn try_from(raw: Value) -> Result<Self, ShapeError> {
        let mut unmodelled = BTreeMap::new();
        let mut object = Object::open("", &raw, &mut unmodelled)?;
        let id = object.required_text("id")?;
        let template_id = object.text("templateId")?;
        let name = object.required_text("displayName")?;
        let created = object.time("createdDateTime")?;
        let modified = object.time("modifiedDateTime")?;
        let state = object.required_text("state")?;
        let state = State::from_wire(&state).ok_or_else(|| ShapeError {
            path: "state".into(),
            problem: format!("the state \"{state}\" is not known to this version"),
        })?;
        for ignored in ["deletedDateTime", "description"] {
            object.take(ignored);
        }
        let conditions = object.child("conditions", conditions_in)?;
        let grant = object.child("grantControls", grant_in)?;
        let session = object.child("sessionControls", session_in)?;
        object.close();
        Ok(Self {
            id: Id::new(id),
            template_id,
            state,
            created,
            modified,
            policy: Policy {
                name,
                conditions: conditions.ok_or_else(|| ShapeError {
                    path: "conditions".into(),
                    problem: "is missing".into(),
                })?,
                grant,
                session: session.filter(|session| !session.is_ineffectual()),
            },
            unmodelled,
            raw,
        })
    }
}

impl From<LivePolicy> for Value {
    fn from(live: LivePolicy) -> Self {
        live.raw
    }
}

fn conditions_in(object: &mut Object<'_>) -> Result<Conditions<Id>, ShapeError> {
    Ok(Conditions {
        users: object.child("users", users_in)?.unwrap_or_default(),
        workload: object
            .child("clientApplications", workload_in)?
            .filter(|workload| *workload != Workload::default()),
        targets: object
            .child("applications", targets_in)?
            .unwrap_or_default(),
        client_apps: object.words("clientAppTypes", ClientApp::from_wire)?,
        platforms: object
            .child("platforms", |object| {
                Ok(Platforms {
                    include: object.words("includePlatforms", Platform::from_wire)?,
                    exclude: object.words("excludePlatforms", Platform::from_wire)?,
                })
            })?
            .filter(|platforms| *platforms != Platforms::default()),
        locations: object
            .child("locations", |object| {
                Ok(Locations {
                    include: locations_in(object.texts("includeLocations")?),
                    exclude: locations_in(object.texts("excludeLocations")?),
                })
            })?
            .filter(|locations| *locations != Locations::default()),
        sign_in_risk: object.words("signInRiskLevels", RiskLevel::from_wire)?,
        user_risk: object.words("userRiskLevels", RiskLevel::from_wire)?,
        service_principal_risk: object.words("servicePrincipalRiskLevels", RiskLevel::from_wire)?,
        insider_risk: object.flags("insiderRiskLevels", InsiderRisk::from_wire)?,
        flows: object
            .child("authenticationFlows", |object| {
                object.flags("transferMethods", TransferMethod::from_wire)
            })?
            .unwrap_or_default(),
        device_filter: object
            .child("devices", |object| object.child("deviceFilter", filter_in))?
            .flatten(),
    })
}

fn users_in(object: &mut Object<'_>) -> Result<Users<Id>, ShapeError> {
    fn side(
        object: &mut Object<'_>,
        users: &str,
        groups: &str,
        roles: &str,
        guests: &str,
    ) -> Result<UserSet<Id>, ShapeError> {
        let mut set = UserSet::default();
        for user in object.texts(users)? {
            match user.as_str() {
                "All" => set.all = true,
                "None" => set.none = true,
                "GuestsOrExternalUsers" => set.guests = Some(Guests::legacy()),
                _ => {
                    set.users.insert(Id::new(user));
                }
            }
        }
        set.groups = object.ids(groups)?;
        set.roles = object.ids(roles)?;
        if let Some(guests) = object.child(guests, guests_in)? {
            set.guests = Some(guests);
        }
        Ok(set)
    }
    Ok(Users {
        include: side(
            object,
            "includeUsers",
            "includeGroups",
            "includeRoles",
            "includeGuestsOrExternalUsers",
        )?,
        exclude: side(
            object,
            "excludeUsers",
            "excludeGroups",
            "excludeRoles",
            "excludeGuestsOrExternalUsers",
        )?,
    })
}

fn guests_in(object: &mut Object<'_>) -> Result<Guests, ShapeError> {
    Ok(Guests {
        kinds: object.flags("guestOrExternalUserTypes", GuestKind::from_wire)?,
        tenants: object.child("externalTenants", |object| {
            let kind = object.required_text("membershipKind")?;
            let members = object.ids("members")?;
            match kind.as_str() {
                "all" => Ok(ExternalTenants::All),
                "enumerated" => Ok(ExternalTenants::Enumerated(
                    members.into_iter().map(String::from).collect(),
                )),
                // A guess here would say of some guests that a policy reaches them, or does not.
                _ => Err(object.wrong("membershipKind", "is neither all nor enumerated")),
            }
        })?,
        legacy: false,
    })
}

fn workload_in(object: &mut Object<'_>) -> Result<Workload<Id>, ShapeError> {
    let mut include = object.ids("includeServicePrincipals")?;
    let include_all = include.remove(&Id::new("ServicePrincipalsInMyTenant"));
    Ok(Workload {
        include_all,
        include,
        exclude: object.ids("excludeServicePrincipals")?,
        filter: object.child("servicePrincipalFilter", filter_in)?,
    })
}

fn targets_in(object: &mut Object<'_>) -> Result<Targets<Id>, ShapeError> {
    fn side(items: Vec<String>) -> TargetSet<Id> {
        let mut set = TargetSet::default();
        for item in items {
            match (item.as_str(), Suite::from_wire(&item)) {
                ("All", _) => set.all = true,
                ("None", _) => set.none = true,
                (_, Suite::Unknown(_)) => {
                    set.apps.insert(Id::new(item));
                }
                (_, suite) => {
                    set.suites.insert(suite);
                }
            }
        }
        set
    }
    Ok(Targets {
        include: side(object.texts("includeApplications")?),
        exclude: side(object.texts("excludeApplications")?),
        user_actions: object.words("includeUserActions", UserAction::from_wire)?,
        authentication_contexts: object
            .texts("includeAuthenticationContextClassReferences")?
            .into_iter()
            .collect(),
        filter: object.child("applicationFilter", filter_in)?,
    })
}

fn filter_in(object: &mut Object<'_>) -> Result<Filter, ShapeError> {
    Ok(Filter {
        mode: FilterMode::from_wire(&object.required_text("mode")?),
        rule: object.required_text("rule")?,
    })
}

fn locations_in(items: Vec<String>) -> LocationSet<Id> {
    let mut set = LocationSet::default();
    for item in items {
        match item.as_str() {
            "All" => set.all = true,
            "AllTrusted" => set.all_trusted = true,
            MFA_TRUSTED_IPS => set.mfa_trusted_ips = true,
            _ => {
                set.named.insert(Id::new(item));
            }
        }
    }
    set
}

fn grant_in(object: &mut Object<'_>) -> Result<Grant<Id>, ShapeError> {
    Ok(Grant {
        operator: object
            .text("operator")?
            .map_or(Operator::Any, |wire| Operator::from_wire(&wire)),
        controls: object.words("builtInControls", Control::from_wire)?,
        // The reply holds the whole strength; only its id belongs to the policy (contract section 1.6).
        strength: match object.take("authenticationStrength") {
            None => None,
            Some(strength) => Some(
                strength
                    .get("id")
                    .and_then(Value::as_str)
                    .map(Id::new)
                    .ok_or_else(|| object.wrong("authenticationStrength", "has no id"))?,
            ),
        },
        terms_of_use: object.ids("termsOfUse")?,
        custom_factors: object
            .texts("customAuthenticationFactors")?
            .into_iter()
            .collect(),
    })
}

fn session_in(object: &mut Object<'_>) -> Result<Session, ShapeError> {
    fn enabled(object: &mut Object<'_>) -> Result<bool, ShapeError> {
        object.flag("isEnabled")
    }
    Ok(Session {
        sign_in_frequency: object
            .child("signInFrequency", |object| {
                let enabled = object.flag("isEnabled")?;
                let value = match object.take("value") {
                    None => None,
                    Some(value) => Some(
                        value
                            .as_i64()
                            .and_then(|value| i32::try_from(value).ok())
                            .ok_or_else(|| object.wrong("value", "is not a 32-bit number"))?,
                    ),
                };
                let frequency = SignInFrequency {
                    interval: object
                        .text("frequencyInterval")?
                        .map_or(FrequencyInterval::TimeBased, |wire| {
                            FrequencyInterval::from_wire(&wire)
                        }),
                    value,
                    unit: object
                        .text("type")?
                        .map(|wire| FrequencyUnit::from_wire(&wire)),
                    authentication: object
                        .text("authenticationType")?
                        .map_or(FrequencyAuthentication::PrimaryAndSecondary, |wire| {
                            FrequencyAuthentication::from_wire(&wire)
                        }),
                };
                Ok(enabled.then_some(frequency))
            })?
            .flatten(),
        persistent_browser: object
            .child("persistentBrowser", |object| {
                let enabled = object.flag("isEnabled")?;
                let mode = object.text("mode")?;
                Ok(mode
                    .filter(|_| enabled)
                    .map(|wire| PersistentBrowser::from_wire(&wire)))
            })?
            .flatten(),
        app_enforced_restrictions: object
            .child("applicationEnforcedRestrictions", enabled)?
            .unwrap_or_default(),
        cloud_app_security: object
            .child("cloudAppSecurity", |object| {
                let enabled = object.flag("isEnabled")?;
                let kind = object.text("cloudAppSecurityType")?;
                Ok(kind
                    .filter(|_| enabled)
                    .map(|wire| CloudAppSecurity::from_wire(&wire)))
            })?
            .flatten(),
        resilience_defaults_disabled: object.flag("disableResilienceDefaults")?,
        token_protection: object
            .child("secureSignInSession", enabled)?
            .unwrap_or_default(),
    })
}
