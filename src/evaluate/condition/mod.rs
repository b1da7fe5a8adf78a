//! When a policy applies: its assignments and conditions, each by itself.
//!
//! All of them are joined by and, the values inside one list by or (audit rule E3). Each answers exactly
//! about its own facts: where a missing fact has few possible values they are all tried.

mod device;
mod location;
mod target;
mod users;

use std::collections::BTreeSet;

use super::sign_in::Insider;
use super::{Facts, Prepared, SignIn, Subject, Target, Truth};
use crate::model::{ClientApp, InsiderRisk, Platform, Platforms, RiskLevel, State, TransferMethod};

pub(super) use location::{inside, trusted};
pub(super) use target::filter_holds;
pub(super) use users::guests_match;

/// A part of a policy that decides whether it applies, in the order of Graph's `analysisReasons`
/// (contract section 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Which people.
    Users,
    /// Which workload identities.
    WorkloadIdentities,
    /// Which resources.
    Application,
    /// Which user actions.
    UserActions,
    /// Which authentication contexts.
    AuthenticationContext,
    /// Which platforms.
    Platform,
    /// Which devices.
    Devices,
    /// Which clients.
    ClientApps,
    /// Which places.
    Location,
    /// Which sign-in risk.
    SignInRisk,
    /// Which risk of a service principal.
    ServicePrincipalRisk,
    /// Which user risk.
    UserRisk,
    /// Which insider risk.
    InsiderRisk,
    /// Which authentication flows.
    AuthenticationFlow,
    /// Conditions that this version does not know.
    Other,
}

impl Condition {
    /// Every condition, in Graph's order.
    pub const ALL: [Self; 15] = [
        Self::Users,
        Self::WorkloadIdentities,
        Self::Application,
        Self::UserActions,
        Self::AuthenticationContext,
        Self::Platform,
        Self::Devices,
        Self::ClientApps,
        Self::Location,
        Self::SignInRisk,
        Self::ServicePrincipalRisk,
        Self::UserRisk,
        Self::InsiderRisk,
        Self::AuthenticationFlow,
        Self::Other,
    ];

    /// Every condition; those that need no look-up come first, for one that is not fulfilled ends it.
    const CHEAPEST_FIRST: [Self; 15] = [
        Self::ClientApps,
        Self::Platform,
        Self::AuthenticationFlow,
        Self::SignInRisk,
        Self::UserRisk,
        Self::InsiderRisk,
        Self::ServicePrincipalRisk,
        Self::WorkloadIdentities,
        Self::UserActions,
        Self::AuthenticationContext,
        Self::Application,
        Self::Users,
        Self::Devices,
        Self::Location,
        Self::Other,
    ];

    /// Graph's word for it in `analysisReasons`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::WorkloadIdentities => "workloadIdentities",
            Self::Application => "application",
            Self::UserActions => "userActions",
            Self::AuthenticationContext => "authenticationContext",
            Self::Platform => "devicePlatform",
            Self::Devices => "devices",
            Self::ClientApps => "clientApps",
            Self::Location => "location",
            // Graph has no word for the risk of a service principal.
            Self::SignInRisk | Self::ServicePrincipalRisk => "signInRisk",
            Self::UserRisk => "userRisk",
            Self::InsiderRisk => "insiderRisk",
            Self::AuthenticationFlow => "authenticationFlow",
            Self::Other => "invalidCondition",
        }
    }

    /// Whether a sign-in fulfils it; a condition that is not configured is fulfilled.
    pub fn fulfilled<F: Facts + ?Sized>(
        self,
        policy: &Prepared,
        sign_in: &SignIn,
        facts: &F,
    ) -> Truth {
        let conditions = &policy.policy.conditions;
        let targets = &conditions.targets;
        match self {
            Self::Users => match (&sign_in.subject, &conditions.workload) {
                // A policy about workload identities is refused under that name.
                (Subject::Person(_), Some(_)) => Truth::Yes,
                (Subject::Person(person), None) => {
                    users::included(&conditions.users, person, facts)
                }
                // U5: policies on users do not touch service principals.
                (Subject::Workload(_), workload) => workload.is_some().into(),
            },
            Self::WorkloadIdentities => match (&sign_in.subject, &conditions.workload) {
                (Subject::Person(_), workload) => workload.is_none().into(),
                (Subject::Workload(_), None) => Truth::Yes,
                (Subject::Workload(identity), Some(workload)) => {
                    users::workload_included(workload, policy, identity)
                }
            },
            Self::Application => match &sign_in.target {
                Some(Target::App(app)) => target::app_included(targets, policy, app, facts),
                Some(_) => Truth::Yes,
                None => target::anything_included(targets),
            },
            // A3: the policies on an action or a context are those that name it; `All` does not.
            Self::UserActions => match &sign_in.target {
                Some(Target::UserAction(action)) => {
                    listed(&targets.user_actions, action, |action| action.is_unknown())
                }
                _ => Truth::Yes,
            },
            Self::AuthenticationContext => match &sign_in.target {
                Some(Target::AuthenticationContext(context)) => {
                    targets.authentication_contexts.contains(context).into()
                }
                _ => Truth::Yes,
            },
            Self::Platform => match &conditions.platforms {
                None => Truth::Yes,
                Some(platforms) => each(&sign_in.platform, &PLATFORMS, |platform| {
                    platform_included(platforms, platform)
                }),
            },
            Self::Devices => match &policy.device_filter {
                None => Truth::Yes,
                Some(filter) => device::included(filter, &sign_in.device),
            },
            Self::ClientApps => each(&sign_in.client, &CLIENTS, |client| {
                client_included(&conditions.client_apps, client)
            }),
            Self::Location => match &conditions.locations {
                None => Truth::Yes,
                Some(locations) => location::included(locations, &sign_in.place, facts),
            },
            Self::SignInRisk => risk(&conditions.sign_in_risk, &sign_in.sign_in_risk),
            Self::ServicePrincipalRisk => match &sign_in.subject {
                Subject::Person(_) => Truth::Yes,
                Subject::Workload(_) => risk(
                    &conditions.service_principal_risk,
                    &sign_in.service_principal_risk,
                ),
            },
            Self::UserRisk => risk(&conditions.user_risk, &sign_in.user_risk),
            Self::InsiderRisk => insider(&conditions.insider_risk, &sign_in.insider_risk),
            Self::AuthenticationFlow => each(&sign_in.flow, &FLOWS, |flow| {
                flow_included(&conditions.flows, flow)
            }),
            Self::Other => match policy.unknown_conditions.is_empty() {
                true => Truth::Yes,
                false => Truth::Unknown,
            },
        }
    }
}

/// Whether a policy applies to a sign-in, whatever its state; allocates nothing.
pub fn applies<F: Facts + ?Sized>(policy: &Prepared, sign_in: &SignIn, facts: &F) -> Truth {
    let conditions = Condition::CHEAPEST_FIRST.into_iter();
    Truth::all(conditions.map(|condition| condition.fulfilled(policy, sign_in, facts)))
}

/// What the What-If endpoint says of a policy (contract section 2.6): `notSet` when it applies, else the
/// first condition that is not fulfilled, and `notEnoughInformation` when a missing fact decides.
pub fn analysis_reason<F: Facts + ?Sized>(
    policy: &Prepared,
    sign_in: &SignIn,
    facts: &F,
) -> &'static str {
    if policy.state == State::Off {
        return "policyNotEnabled";
    }
    let mut unknown = false;
    for condition in Condition::ALL {
        match condition.fulfilled(policy, sign_in, facts) {
            Truth::No => return condition.reason(),
            Truth::Unknown => unknown = true,
            Truth::Yes => {}
        }
    }
    if unknown {
        "notEnoughInformation"
    } else {
        "notSet"
    }
}

/// Every platform a sign-in can come from; the last stands for those that no policy names (C3).
static PLATFORMS: [Platform; 7] = [
    Platform::Android,
    Platform::Ios,
    Platform::Windows,
    Platform::WindowsPhone,
    Platform::MacOs,
    Platform::Linux,
    Platform::Unknown(String::new()),
];

static CLIENTS: [ClientApp; 5] = [
    ClientApp::Browser,
    ClientApp::MobileAndDesktop,
    ClientApp::ExchangeActiveSync,
    ClientApp::EasSupported,
    ClientApp::Other,
];

static RISKS: [RiskLevel; 5] = [
    RiskLevel::None,
    RiskLevel::Low,
    RiskLevel::Medium,
    RiskLevel::High,
    RiskLevel::Hidden,
];

static INSIDERS: [Insider; 4] = [
    Insider::None,
    Insider::Level(InsiderRisk::Minor),
    Insider::Level(InsiderRisk::Moderate),
    Insider::Level(InsiderRisk::Elevated),
];

static FLOWS: [TransferMethod; 3] = [
    TransferMethod::None,
    TransferMethod::DeviceCode,
    TransferMethod::Transfer,
];

/// What holds for a fact, or for each value it may have when it is not known.
fn each<T>(fact: &Option<T>, candidates: &[T], holds: impl Fn(&T) -> Truth) -> Truth {
    match fact {
        Some(value) => holds(value),
        None => Truth::agreed(candidates.iter().map(holds)),
    }
}

/// Whether a value is in a list. A member that nobody knows may mean any value.
fn listed<T: Ord>(list: &BTreeSet<T>, value: &T, unknown: fn(&T) -> bool) -> Truth {
    if list.contains(value) {
        Truth::Yes
    } else if list.iter().any(unknown) {
        Truth::Unknown
    } else {
        Truth::No
    }
}

/// C3: `all` includes platforms that nobody names; exclusion wins.
fn platform_included(platforms: &Platforms, platform: &Platform) -> Truth {
    let among = |list: &BTreeSet<Platform>| {
        if list.contains(&Platform::All) {
            Truth::Yes
        } else {
            listed(list, platform, |member| member.is_unknown())
        }
    };
    let included = platforms.include.is_empty();
    Truth::from(included)
        .or(among(&platforms.include))
        .and(!among(&platforms.exclude))
}

/// C1: missing or empty is all. `exchangeActiveSync` takes in the supported platforms; of an Exchange
/// ActiveSync client it is not known whether its platform is a supported one.
fn client_included(clients: &BTreeSet<ClientApp>, client: &ClientApp) -> Truth {
    if clients.is_empty() || clients.contains(&ClientApp::All) {
        return Truth::Yes;
    }
    let among = |client| listed(clients, client, |member| member.is_unknown());
    match client {
        ClientApp::EasSupported => among(client).or(among(&ClientApp::ExchangeActiveSync)),
        ClientApp::ExchangeActiveSync if clients.contains(&ClientApp::EasSupported) => {
            among(client).or(Truth::Unknown)
        }
        _ => among(client),
    }
}

/// C5: a level matches when it is listed; an empty list restricts nothing (E3).
fn risk(levels: &BTreeSet<RiskLevel>, risk: &Option<RiskLevel>) -> Truth {
    if levels.is_empty() {
        return Truth::Yes;
    }
    each(risk, &RISKS, |risk| {
        listed(levels, risk, |level| level.is_unknown())
    })
}

fn insider(levels: &BTreeSet<InsiderRisk>, risk: &Option<Insider>) -> Truth {
    if levels.is_empty() {
        return Truth::Yes;
    }
    each(risk, &INSIDERS, |risk| match risk {
        Insider::Level(risk) => listed(levels, risk, |level| level.is_unknown()),
        // Graph writes no risk as a member of its own, if at all.
        Insider::None => match levels.iter().find(|level| level.is_unknown()) {
            Some(level) if level.wire() == "none" => Truth::Yes,
            Some(_) => Truth::Unknown,
            None => Truth::No,
        },
    })
}

/// C7: an ordinary sign-in has no flow, so a policy on flows alone never covers it. `none` is the flags
/// enumeration's way to list nothing.
fn flow_included(flows: &BTreeSet<TransferMethod>, flow: &TransferMethod) -> Truth {
    if flows.iter().all(|flow| *flow == TransferMethod::None) {
        return Truth::Yes;
    }
    match flow {
        TransferMethod::None => Truth::No,
        flow => listed(flows, flow, |member| member.is_unknown()),
    }
}
