//! What the policies of a time made of a sign-in: the room `evaluate` weighs, this file brings it the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::super::crowd::{COUNTRIES, Class};
use super::super::identity::home_tenant;
use super::super::tenant::{Table, Tenant, text};
use super::apps::{APPS, AZURE, App, LEGACY, SCRIPT};
use super::habits::{Kind, Moment, Profile, Who};
use crate::evaluate::{
    AppliedResult, Attributes, Country, Device, Facts, Insider, Person, Place, Prepared, Presented,
    SignIn, Standing as Membership, Step, Subject, Target, Truth, WorkloadIdentity, result,
};
use crate::model::{
    ClientApp, GuestKind, Id, LivePolicy, NamedLocation, Platform, RiskLevel, State, Strength,
    Suite, TransferMethod,
};

/// A policy with what the log says of it.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) prepared: Prepared,
    pub(super) row: Value,
    /// `"id":…,"displayName":…,"enforcedGrantControls":…,"enforcedSessionControls":…`
    pub(super) head: String,
}

/// The tenant at a time, made ready to weigh sign-ins.
#[derive(Debug)]
pub(in super::super) struct Standing {
    pub(super) tenant: Tenant,
    pub(super) policies: Vec<Logged>,
    locations: BTreeMap<Id, NamedLocation>,
    strengths: BTreeMap<Id, Strength>,
    /// The active holders of each role.
    roles: BTreeMap<String, BTreeSet<String>>,
    /// Groups with the groups in them, for those that a policy names.
    nested: BTreeMap<String, Vec<String>>,
    /// Whether each of the cast can sign in; `None` for somebody who is gone.
    cast: Vec<Option<bool>>,
    member_device: Device,
}

/// What came of a sign-in.
#[derive(Debug)]
pub(in super::super) struct Outcome {
    /// For each policy; empty when the policies were never asked.
    pub(in super::super) results: Vec<AppliedResult>,
    pub(in super::super) status: &'static str,
    pub(in super::super) error: u32,
    /// Whether MFA was shown, by the token or when asked.
    pub(in super::super) mfa: bool,
}

impl Standing {
    /// Makes a tenant ready.
    pub(in super::super) fn of(tenant: Tenant) -> Self {
        let policies: Vec<Logged> = tenant
            .rows(Table::Policies)
            .filter_map(|row| logged(&tenant, &row))
            .collect();
        let locations = tenant
            .rows(Table::NamedLocations)
            .filter_map(|row| NamedLocation::try_from(Value::clone(&row)).ok())
            .map(|location| (location.id.clone(), location))
            .collect();
        let strengths = tenant
            .rows(Table::Strengths)
            .filter_map(|row| Strength::try_from(Value::clone(&row)).ok())
            .map(|strength| (strength.id.clone(), strength))
            .collect();
        let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in tenant.rows(Table::RoleAssignments) {
            roles
                .entry(text(&row, "roleDefinitionId").to_ascii_lowercase())
                .or_default()
                .insert(text(&row, "principalId").to_ascii_lowercase());
        }
        let mut nested = BTreeMap::new();
        for policy in &policies {
            let users = &policy.row["conditions"]["users"];
            for key in ["includeGroups", "excludeGroups"] {
                for group in users[key].as_array().into_iter().flatten() {
                    let group = group.as_str().unwrap_or_default();
                    nested.insert(group.to_ascii_lowercase(), tenant.nested_groups(group));
                }
            }
        }
        let cast = tenant
            .cast()
            .players()
            .iter()
            .map(|player| {
                let row = tenant.row(Table::Users, &player.id)?;
                Some(row["accountEnabled"] != false)
            })
            .collect();
        let member_device = Device {
            registered: Some(true),
            managed: Some(true),
            attributes: Attributes::complete()
                .with("isCompliant", true)
                .with("trustType", "AzureAD"),
        };
        Self {
            tenant,
            policies,
            locations,
            strengths,
            roles,
            nested,
            cast,
            member_device,
        }
    }

    /// Whether somebody has an account, and whether it is enabled.
    pub(super) fn account(&self, who: Who) -> Option<bool> {
        match who {
            Who::Player(at) => self.cast.get(at as usize).copied().flatten(),
            Who::Person(index) => {
                let present = self.tenant.present();
                present.is_there(index).then(|| {
                    present
                        .changed(index)
                        .is_none_or(|row| row["accountEnabled"] != false)
                })
            }
            Who::Workload(_) => Some(true),
        }
    }

    /// The object id of somebody.
    pub(in super::super) fn id_of(&self, who: Who) -> String {
        match who {
            Who::Player(at) => self
                .tenant
                .cast()
                .players()
                .get(at as usize)
                .map_or_else(String::new, |player| player.id.clone()),
            Who::Person(index) => self.tenant.present().crowd().id(index).to_string(),
            Who::Workload(number) => {
                let app = self.tenant.id_of(&format!("app workload-{number:04}"));
                self.tenant.id_of(&format!("service principal {app}"))
            }
        }
    }

    /// What comes of a sign-in; `before` is the tenant when its session began.
    pub(in super::super) fn weigh(
        &self,
        moment: &Moment,
        profile: &Profile,
        before: Option<&Self>,
    ) -> Outcome {
        let silent = |error| Outcome {
            results: Vec::new(),
            status: "notApplied",
            error,
            mfa: false,
        };
        if self.account(moment.who) == Some(false) {
            return silent(50_057);
        }
        // synthetic: that the policies are not asked about a wrong password.
        if moment.error == 50_126 {
            return silent(50_126);
        }
        // Whoever was asked when the session began has shown it since.
        let was_asked = !moment.claim
            && profile.factors.is_capable()
            && before.is_some_and(|before| {
                let at_first = Moment {
                    kind: Kind::Interactive,
                    ..*moment
                };
                before.would_ask(&at_first, profile)
            });
        let claim = moment.claim || was_asked;
        let mut sign_in = self.sign_in(moment, profile, claim);
        let mut results = self.results(&sign_in);
        let fails = |results: &[AppliedResult]| results.contains(&AppliedResult::Failure);
        let can_show = moment.kind == Kind::Interactive
            && moment.app != SCRIPT
            && moment.error != 50_074
            && moment.error != 500_121
            && profile.factors.is_capable();
        let mut mfa = claim;
        if fails(&results) && !claim && can_show {
            sign_in.presented.mfa = Step::DONE;
            let shown = self.results(&sign_in);
            if !fails(&shown) {
                (results, mfa) = (shown, true);
            }
        }
        let (status, error) = if fails(&results) {
            ("failure", self.refusal(&results, moment, profile))
        } else if results.contains(&AppliedResult::Success) {
            ("success", moment.error)
        } else {
            ("notApplied", moment.error)
        };
        Outcome {
            results,
            status,
            error,
            mfa,
        }
    }

    /// Whether an enforced policy asks for MFA here.
    fn would_ask(&self, moment: &Moment, profile: &Profile) -> bool {
        if !self
            .policies
            .iter()
            .any(|policy| policy.prepared.state == State::On)
        {
            return false;
        }
        let without = self.results(&self.sign_in(moment, profile, false));
        let with = self.results(&self.sign_in(moment, profile, true));
        without.contains(&AppliedResult::Failure) && !with.contains(&AppliedResult::Failure)
    }

    fn results(&self, sign_in: &SignIn) -> Vec<AppliedResult> {
        // A condition on something that the sandbox does not know of anybody keeps a policy from applying.
        let unmet = |state: State| match state {
            State::Off => AppliedResult::NotEnabled,
            State::ReportOnly => AppliedResult::ReportOnlyNotApplied,
            State::On => AppliedResult::NotApplied,
        };
        self.policies
            .iter()
            .map(|Logged { prepared, .. }| {
                result(prepared, sign_in, self).unwrap_or(unmet(prepared.state))
            })
            .collect()
    }

    /// The error of a sign-in that a policy refuses.
    fn refusal(&self, results: &[AppliedResult], moment: &Moment, profile: &Profile) -> u32 {
        let asks_for = |control: &str| {
            results.iter().zip(&self.policies).any(|(result, policy)| {
                *result == AppliedResult::Failure
                    && policy.row["grantControls"]["builtInControls"]
                        .as_array()
                        .is_some_and(|controls| controls.iter().any(|other| other == control))
            })
        };
        if asks_for("block") {
            return 53_003;
        }
        if asks_for("compliantDevice") || asks_for("domainJoinedDevice") {
            return 53_000;
        }
        match (moment.kind, moment.error) {
            (_, 50_074 | 500_121) => moment.error,
            _ if profile.habit == super::super::cast::Habit::Loop => 53_010,
            (Kind::Interactive, _) if moment.app != SCRIPT => 50_072,
            _ => 50_076,
        }
    }

    /// The sign-in as the evaluator sees it.
    pub(super) fn sign_in(&self, moment: &Moment, profile: &Profile, mfa: bool) -> SignIn {
        let app: &App = &APPS[usize::from(moment.app)];
        let id = Id::new(self.id_of(moment.who));
        let subject = match moment.who {
            Who::Workload(_) => Subject::Workload(WorkloadIdentity {
                id,
                owned: Some(true),
                managed: Some(moment.kind == Kind::ManagedIdentity),
                attributes: Attributes::complete(),
            }),
            _ if profile.class.is_guest() => Subject::Person(Person {
                id: Some(id),
                standing: Some(Membership::External {
                    kind: GuestKind::B2bCollaborationGuest,
                    home: Some(Id::new(self.home_id(profile))),
                }),
            }),
            _ => Subject::Person(Person::member(id)),
        };
        let step = if mfa { Step::DONE } else { Step::ABLE };
        SignIn {
            client: Some(match moment.app {
                LEGACY => ClientApp::Other,
                _ if app.is_browser => ClientApp::Browser,
                _ => ClientApp::MobileAndDesktop,
            }),
            platform: Some(if moment.app == SCRIPT {
                Platform::Linux
            } else {
                Platform::Windows
            }),
            place: Place {
                address: address(moment, profile).parse::<IpAddr>().ok(),
                country: Some(Country::Code(COUNTRIES[profile.country].code.to_owned())),
                position: Some(Country::NotFound),
                mfa_trusted: Some(false),
                ..Place::default()
            },
            sign_in_risk: Some(RiskLevel::None),
            user_risk: Some(RiskLevel::None),
            service_principal_risk: Some(RiskLevel::None),
            insider_risk: Some(Insider::None),
            flow: Some(TransferMethod::None),
            device: if has_device(profile) {
                self.member_device.clone()
            } else {
                Device {
                    managed: Some(false),
                    attributes: Attributes::complete(),
                    ..Device::unregistered()
                }
            },
            presented: Presented {
                mfa: step,
                approved_app: Some(false),
                protected_app: Some(false),
                password_change: Step::ABLE,
                risk_remediation: Step::ABLE,
                ..Presented::default()
            },
            ..SignIn::new(subject, Target::App(Id::new(app.resource.0)))
        }
    }

    /// The tenant that somebody's account is at home in.
    pub(super) fn home_id(&self, profile: &Profile) -> String {
        match profile.who {
            Who::Person(index) => self.tenant.present().crowd().home(index),
            Who::Player(at) if profile.class.is_guest() => self
                .tenant
                .cast()
                .players()
                .get(at as usize)
                .and_then(|player| player.nickname.split_once('_'))
                .map(|(_, home)| home.trim_end_matches("#EXT#")),
            _ => None,
        }
        .map_or_else(|| self.tenant.identity().id.clone(), home_tenant)
    }
}

/// Whether somebody works on a device of the organisation.
pub(super) fn has_device(profile: &Profile) -> bool {
    !profile.class.is_guest() && !matches!(profile.class, Class::Automation | Class::Emergency)
}

/// The address that somebody comes from.
pub(super) fn address(moment: &Moment, profile: &Profile) -> String {
    let subject = profile.subject;
    match profile.class {
        Class::Automation => format!("198.51.100.{}", 130 + subject % 100),
        class if class.is_guest() => format!("192.0.2.{}", 100 + subject % 150),
        // Every third sign-in is from home, each from the same address.
        _ if moment.n % 3 == 2 => {
            format!(
                "10.{}.{}.{}",
                16 + (subject >> 16 & 63),
                subject >> 8 & 255,
                subject & 255
            )
        }
        _ => format!("203.0.113.{}", 1 + subject % 6),
    }
}

fn logged(tenant: &Tenant, row: &Value) -> Option<Logged> {
    let live = LivePolicy::try_from(row.clone()).ok()?;
    let grant = &row["grantControls"];
    let mut controls: Vec<String> = grant["builtInControls"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|control| {
            let mut letters = control.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default()
        })
        .collect();
    if let Some(strength) = grant["authenticationStrength"]["id"].as_str()
        && tenant.row(Table::Strengths, strength).is_some()
    {
        controls.push("RequireAuthenticationStrength".to_owned());
    }
    let head = format!(
        r#""id":{},"displayName":{},"enforcedGrantControls":{},"enforcedSessionControls":[]"#,
        row["id"],
        row["displayName"],
        Value::from(controls),
    );
    Some(Logged {
        prepared: Prepared::live(&live),
        row: row.clone(),
        head,
    })
}

impl Facts for Standing {
    fn in_group(&self, person: &Id, group: &Id) -> Truth {
        let holds = |group: &str| self.tenant.has_member(group, person.as_str());
        let nested = self.nested.get(group.as_str());
        Truth::from(
            holds(group.as_str()) || nested.is_some_and(|nested| nested.iter().any(|id| holds(id))),
        )
    }

    fn has_role(&self, person: &Id, role: &Id) -> Truth {
        let holders = self.roles.get(role.as_str());
        Truth::from(holders.is_some_and(|holders| holders.contains(person.as_str())))
    }

    fn locations(&self) -> Option<&BTreeMap<Id, NamedLocation>> {
        Some(&self.locations)
    }

    fn strength(&self, id: &Id) -> Option<&Strength> {
        self.strengths.get(id)
    }

    fn in_suite(&self, suite: &Suite, app: &Id) -> Truth {
        let app = APPS.iter().find(|other| other.resource.0 == app.as_str());
        match suite {
            Suite::Office365 => Truth::from(app.is_some_and(|app| app.is_office)),
            Suite::AdminPortals => {
                Truth::from(app.is_some_and(|app| app.is_browser && app.resource == AZURE))
            }
            _ => Truth::No,
        }
    }

    fn app_attributes(&self, _app: &Id) -> Option<&Attributes> {
        None
    }
}
