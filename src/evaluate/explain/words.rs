//! The sentences of an explanation.

use std::collections::BTreeSet;

use super::super::condition::{inside, trusted};
use super::super::{Condition, Facts, Prepared, SignIn, Subject, Target, Truth};
use super::Missing;
use crate::model::{Conditions, FilterMode, Id, Kind, LocationSet, TransferMethod};

/// One thing by which a sign-in is inside one side of a condition.
pub(super) struct Ground {
    pub(super) truth: Truth,
    /// Follows on "included: " or "excluded: ".
    pub(super) says: String,
    pub(super) missing: Option<Missing>,
}

impl Ground {
    pub(super) fn new(truth: impl Into<Truth>, says: impl Into<String>) -> Self {
        Self {
            truth: truth.into(),
            says: says.into(),
            missing: None,
        }
    }

    pub(super) fn or_missing(mut self, missing: Missing) -> Self {
        self.missing = self.truth.is_unknown().then_some(missing);
        self
    }
}

/// Why a condition has its truth, and what is missing; `None` for one that is not configured.
pub(super) fn why<F: Facts + ?Sized>(
    condition: Condition,
    truth: Truth,
    policy: &Prepared,
    sign_in: &SignIn,
    facts: &F,
) -> Option<(String, Vec<Missing>)> {
    let conditions = &policy.policy.conditions;
    let words = Words {
        truth,
        conditions,
        policy,
        sign_in,
        facts,
    };
    match condition {
        Condition::Users => words.users(),
        Condition::WorkloadIdentities => words.workload(),
        Condition::Application => words.application(),
        Condition::UserActions => match &sign_in.target {
            Some(Target::UserAction(action)) => Some(
                words.listed(
                    &format!("the user action {}", action.word()),
                    "user actions",
                    join(
                        conditions
                            .targets
                            .user_actions
                            .iter()
                            .map(|action| action.word()),
                    ),
                    Missing::Meaning("conditions.applications.includeUserActions".into()),
                ),
            ),
            _ => None,
        },
        Condition::AuthenticationContext => match &sign_in.target {
            Some(Target::AuthenticationContext(context)) => Some(
                words.listed(
                    &format!("the authentication context {context}"),
                    "authentication contexts",
                    join(
                        conditions
                            .targets
                            .authentication_contexts
                            .iter()
                            .map(String::as_str),
                    ),
                    Missing::Target,
                ),
            ),
            _ => None,
        },
        Condition::Platform => words.platform(),
        Condition::Devices => words.devices(),
        Condition::ClientApps => {
            let all = conditions
                .client_apps
                .iter()
                .any(|client| client.word() == "all");
            if conditions.client_apps.is_empty() || all {
                return None;
            }
            let client = sign_in.client.as_ref().map(|client| client.word());
            Some(words.listed(
                &format!("the client {}", client.unwrap_or("that is used")),
                "clients",
                join(conditions.client_apps.iter().map(|client| client.word())),
                Missing::Client,
            ))
        }
        Condition::Location => words.location(),
        Condition::SignInRisk => words.risk(
            "the sign-in risk",
            sign_in.sign_in_risk.as_ref().map(|risk| risk.word()),
            conditions.sign_in_risk.iter().map(|risk| risk.word()),
            Missing::SignInRisk,
        ),
        Condition::ServicePrincipalRisk => match &sign_in.subject {
            Subject::Person(_) => None,
            Subject::Workload(_) => words.risk(
                "the risk of the service principal",
                sign_in
                    .service_principal_risk
                    .as_ref()
                    .map(|risk| risk.word()),
                conditions
                    .service_principal_risk
                    .iter()
                    .map(|risk| risk.word()),
                Missing::ServicePrincipalRisk,
            ),
        },
        Condition::UserRisk => words.risk(
            "the user risk",
            sign_in.user_risk.as_ref().map(|risk| risk.word()),
            conditions.user_risk.iter().map(|risk| risk.word()),
            Missing::UserRisk,
        ),
        Condition::InsiderRisk => words.risk(
            "the insider risk",
            sign_in.insider_risk.as_ref().map(|risk| risk.word()),
            conditions.insider_risk.iter().map(|risk| risk.word()),
            Missing::InsiderRisk,
        ),
        Condition::AuthenticationFlow => {
            if conditions
                .flows
                .iter()
                .all(|flow| *flow == TransferMethod::None)
            {
                return None;
            }
            let flow = match &sign_in.flow {
                Some(TransferMethod::None) => "an ordinary sign-in".to_owned(),
                Some(flow) => format!("the flow {}", flow.word()),
                None => "the authentication flow".to_owned(),
            };
            let flows = join(conditions.flows.iter().map(|flow| flow.word()));
            Some(words.listed(&flow, "authentication flows", flows, Missing::Flow))
        }
        Condition::Other => {
            let paths = &policy.unknown_conditions;
            (!paths.is_empty()).then(|| {
                let missing = paths.iter().cloned().map(Missing::Meaning).collect();
                let paths = join(paths.iter().map(String::as_str));
                (
                    format!("the policy holds {paths}, which this version does not know"),
                    missing,
                )
            })
        }
    }
}

/// What the sentences are about.
pub(super) struct Words<'a, F: ?Sized> {
    pub(super) truth: Truth,
    pub(super) conditions: &'a Conditions<Id>,
    pub(super) policy: &'a Prepared,
    pub(super) sign_in: &'a SignIn,
    pub(super) facts: &'a F,
}

/// A sentence and the facts that it misses.
pub(super) type Said = Option<(String, Vec<Missing>)>;

impl<F: Facts + ?Sized> Words<'_, F> {
    pub(super) fn name(&self, kind: Kind, id: &Id) -> String {
        let name = self.facts.name(kind, id);
        name.map_or_else(
            || format!("{} {id}", kind.word()),
            |name| format!("{} {name}", kind.word()),
        )
    }

    /// What holds of a condition with two sides.
    pub(super) fn sides(
        &self,
        include: Vec<Ground>,
        exclude: Vec<Ground>,
        outside: &str,
    ) -> (String, Vec<Missing>) {
        let holds = |grounds: &[Ground]| {
            let mut grounds = grounds.iter();
            grounds
                .find(|ground| ground.truth.is_yes())
                .map(|ground| ground.says.clone())
        };
        match self.truth {
            Truth::Yes => {
                let included = holds(&include).unwrap_or_else(|| "everything".into());
                (format!("included: {included}"), Vec::new())
            }
            Truth::No => match holds(&exclude) {
                Some(excluded) => (format!("excluded: {excluded}"), Vec::new()),
                None => (outside.to_owned(), Vec::new()),
            },
            Truth::Unknown => {
                let decided = include.iter().any(|ground| ground.truth.is_yes());
                let include = include.into_iter().filter(|_| !decided);
                let open: Vec<_> = exclude
                    .into_iter()
                    .chain(include)
                    .filter(|ground| ground.truth.is_unknown())
                    .collect();
                let says = join(open.iter().map(|ground| ground.says.as_str()));
                let missing = open
                    .into_iter()
                    .filter_map(|ground| ground.missing)
                    .collect();
                (
                    format!("would need to know whether this holds: {says}"),
                    missing,
                )
            }
        }
    }

    fn listed(
        &self,
        what: &str,
        of: &str,
        list: String,
        missing: Missing,
    ) -> (String, Vec<Missing>) {
        match self.truth {
            Truth::Yes => (format!("{what} is among its {of} ({list})"), Vec::new()),
            Truth::No if list.is_empty() => (format!("it names no {of}"), Vec::new()),
            Truth::No => (format!("{what} is not among its {of} ({list})"), Vec::new()),
            Truth::Unknown => (
                format!("would need to know whether {what} is among its {of} ({list})"),
                vec![missing],
            ),
        }
    }

    fn risk<'b>(
        &self,
        what: &str,
        level: Option<&str>,
        levels: impl Iterator<Item = &'b str>,
        missing: Missing,
    ) -> Said {
        let levels = join(levels);
        if levels.is_empty() {
            return None;
        }
        let what = level.map_or_else(|| what.to_owned(), |level| format!("{what} {level}"));
        Some(self.listed(&what, "levels", levels, missing))
    }

    fn platform(&self) -> Said {
        let platforms = self.conditions.platforms.as_ref()?;
        let platform = self.sign_in.platform.as_ref();
        let word = platform.map_or("", |platform| platform.word());
        let what = match word {
            "" => "the platform".to_owned(),
            word => format!("the platform {word}"),
        };
        let list = |list: &BTreeSet<_>| join(list.iter().map(crate::model::Platform::word));
        let mut of = list(&platforms.include);
        if of.is_empty() {
            of.push_str("all");
        }
        if !platforms.exclude.is_empty() {
            of = format!("{of}, but not {}", list(&platforms.exclude));
        }
        Some(self.listed(&what, "platforms", of, Missing::Platform))
    }

    fn devices(&self) -> Said {
        let filter = self.policy.device_filter.as_ref()?;
        let rule = match &filter.rule {
            Ok(rule) => rule,
            Err(error) => {
                let why = format!("the device filter cannot be read, {error}");
                return Some((
                    why,
                    vec![Missing::Meaning("conditions.devices.deviceFilter".into())],
                ));
            }
        };
        let mode = match filter.mode {
            FilterMode::Include => "includes",
            _ => "excludes",
        };
        let text = &filter.text;
        Some(match self.truth {
            Truth::Yes => (
                format!("the device filter that {mode} {text} lets the device in"),
                Vec::new(),
            ),
            Truth::No => (
                format!("the device filter that {mode} {text} keeps the device out"),
                Vec::new(),
            ),
            Truth::Unknown => {
                let device = &self.sign_in.device;
                let registered = device.is_registered().is_unknown();
                let attributes = rule.attributes().into_iter();
                let mut missing: Vec<_> = attributes
                    .filter(|name| device.attributes.get(name).is_none())
                    .map(|name| Missing::Device(name.to_owned()))
                    .collect();
                if registered {
                    missing.push(Missing::Device("registered".into()));
                }
                if missing.is_empty() {
                    missing.push(Missing::Device("managed".into()));
                }
                (
                    format!(
                        "would need to know more of the device for the filter that {mode} {text}"
                    ),
                    missing,
                )
            }
        })
    }

    fn location(&self) -> Said {
        let locations = self.conditions.locations.as_ref()?;
        let place = &self.sign_in.place;
        let side = |set: &LocationSet<Id>| {
            let mut grounds = Vec::new();
            if set.all {
                grounds.push(Ground::new(true, "any location"));
            }
            if set.all_trusted {
                let truth = trusted(place, self.facts);
                grounds.push(Ground::new(truth, "a trusted location").or_missing(Missing::Trusted));
            }
            if set.mfa_trusted_ips {
                let ground = Ground::new(Truth::from(place.mfa_trusted), "an MFA trusted address");
                grounds.push(ground.or_missing(Missing::Trusted));
            }
            for id in &set.named {
                let truth = inside(id, place, self.facts);
                let ground = Ground::new(truth, self.name(Kind::Location, id));
                grounds.push(ground.or_missing(Missing::Location(id.clone())));
            }
            grounds
        };
        Some(self.sides(
            side(&locations.include),
            side(&locations.exclude),
            "the sign-in does not come from a location it includes",
        ))
    }
}

pub(super) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
