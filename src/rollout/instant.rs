//! The gates that the live tenant alone answers.

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::gate::{Gate, Verdict};
use crate::evidence::{Bundle, Membership};
use crate::model::State;
use crate::tenant::service_plan;

use Verdict::{Fail, Pass, Unknown, Warn};

/// The policy has been in report-only, unchanged, for long enough.
pub(super) fn soak(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("soak", verdict, reason);
    let days = |duration: SignedDuration| {
        let hours = duration.as_hours().max(0);
        match (hours / 24, hours % 24) {
            (days, 0) => format!("{days}"),
            (days, hours) => format!("{days}.{}", hours * 10 / 24),
        }
    };
    let required = days(bundle.soak);
    let Some(live) = &bundle.live else {
        return gate(Fail, format!("0 of {required} days: not live yet"));
    };
    match live.state {
        State::On => return gate(Pass, "the policy is on".into()),
        State::Off => {
            return gate(
                Fail,
                format!("0 of {required} days: the policy is off, and soaks only in report-only"),
            );
        }
        State::ReportOnly => {}
    }
    let Some(since) = live.unchanged_since else {
        return gate(
            Unknown,
            "the service gave no time of the last change".into(),
        );
    };
    let passed = bundle.taken_at.duration_since(since);
    let passed_days = days(passed);
    if passed >= bundle.soak {
        return gate(Pass, format!("{passed_days} of {required} days"));
    }
    Gate {
        until: since.checked_add(bundle.soak).ok(),
        ..gate(Fail, format!("{passed_days} of {required} days"))
    }
}

/// What is live is what the YAML says.
pub(super) fn intent(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("intent", verdict, reason);
    let Some(live) = &bundle.live else {
        return gate(
            Fail,
            "the policy is not live yet: run `portcullis apply`".into(),
        );
    };
    if !bundle.differences.is_empty() {
        return gate(
            Fail,
            format!(
                "the live policy differs from the YAML in {}: run `portcullis apply` and soak again",
                bundle.differences.join(", ")
            ),
        );
    }
    match live.state {
        State::Off => gate(Fail, "the live policy is off, not report-only".into()),
        State::ReportOnly | State::On => gate(Pass, "the live policy is what the YAML says".into()),
    }
}

/// Nothing that decides who is concerned changed since the soak began.
pub(super) fn unchanged(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("unchanged", verdict, reason);
    match &bundle.live {
        None => return gate(Fail, "the policy is not live yet".into()),
        Some(live) if live.state == State::On => return gate(Pass, "the policy is on".into()),
        Some(_) => {}
    }
    match &bundle.exclusions.membership {
        Membership::SingleAccounts => gate(
            Pass,
            "only single accounts are excluded, the same since the soak began".into(),
        ),
        Membership::AsJournalled => gate(
            Pass,
            "the excluded groups have the members of our last write".into(),
        ),
        Membership::AuditShowsNone => gate(
            Pass,
            "the directory audit shows no change of the excluded groups".into(),
        ),
        Membership::Changed(changes) => gate(
            Fail,
            format!(
                "the excluded groups changed during the soak: {}; `portcullis demote {}` begins a new one",
                changes.join("; "),
                bundle.policy
            ),
        ),
        Membership::Unknown(why) => gate(
            Unknown,
            format!("whether the excluded groups changed is not known: {why}"),
        ),
    }
}

/// Every break-glass account is there, can sign in, and is excluded.
pub(super) fn break_glass(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("break-glass", verdict, reason);
    if bundle.break_glass.is_empty() {
        return gate(
            Fail,
            "no break-glass principal is declared in portcullis.yaml".into(),
        );
    }
    let mut unknown = Vec::new();
    let mut excluded = 0;
    for account in &bundle.break_glass {
        let name = &account.principal;
        if !account.resolved {
            return gate(Fail, format!("{name} is not found in the tenant"));
        }
        match account.enabled {
            Some(true) => {}
            Some(false) => return gate(Fail, format!("{name} is disabled")),
            None => unknown.push(name.as_str()),
        }
        if account.reached && !account.excluded && !bundle.break_glass_required {
            return gate(Fail, format!("{name} is not excluded from the live policy"));
        }
        excluded += usize::from(account.excluded);
    }
    if !unknown.is_empty() {
        return gate(
            Unknown,
            format!("whether {} can sign in is not known", unknown.join(", ")),
        );
    }
    let total = bundle.break_glass.len();
    let accounts = if total == 1 { "account" } else { "accounts" };
    gate(
        Pass,
        match (bundle.break_glass_required, excluded) {
            (true, _) => format!("{total} {accounts} enabled; the policy is meant to reach them"),
            (false, 0) => format!("{total} {accounts} enabled; the policy cannot reach them"),
            (false, excluded) => format!("{total} {accounts} enabled, {excluded} excluded"),
        },
    )
}

/// Every other exception is declared, unexpired, and no larger than agreed.
pub(super) fn exclusions(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("exclusions", verdict, reason);
    let today: Date = bundle.taken_at.to_zoned(TimeZone::UTC).date();
    let mut warning = None;
    let mut unknown = None;
    for exception in &bundle.exceptions {
        let name = &exception.name;
        if !exception.declared {
            return gate(
                Fail,
                format!("{name} is excluded, and nothing declares why"),
            );
        }
        if let Some(expires) = exception.expires.filter(|expires| *expires < today) {
            return gate(
                Fail,
                format!("the exclusion of {name} expired on {expires}"),
            );
        }
        if let (Some(members), Some(max)) = (exception.members, exception.max_members)
            && members > max as usize
        {
            return gate(
                Fail,
                format!("{name} has {members} members, {max} are agreed"),
            );
        }
        if exception.members_unknown && exception.max_members.is_some() {
            unknown = Some(format!(
                "the members of {name} could not be read completely"
            ));
        }
        match exception.review_by {
            Some(review) if review < today => {
                warning = Some(format!("the review of {name} was due on {review}"));
            }
            None if exception.expires.is_none() => {
                warning = Some(format!("{name} has neither a review date nor an end"));
            }
            _ => {}
        }
    }
    match (unknown, warning, bundle.exceptions.len()) {
        (Some(reason), ..) => gate(Unknown, reason),
        (None, Some(reason), _) => gate(Warn, reason),
        (None, None, 0) => gate(Pass, "nobody but break-glass is excluded".into()),
        (None, None, 1) => gate(Pass, "1 exception, declared and unexpired".into()),
        (None, None, many) => gate(Pass, format!("{many} exceptions, declared and unexpired")),
    }
}

/// Security defaults are off; while they are on the service refuses to turn a policy on.
pub(super) fn security_defaults(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: &str| Gate::new("security-defaults", verdict, reason);
    match bundle.security_defaults {
        Some(false) => gate(Pass, "security defaults are off"),
        Some(true) => gate(
            Fail,
            "security defaults are on: the service enables no policy until they are switched off",
        ),
        None => gate(
            Unknown,
            "whether security defaults are on could not be read",
        ),
    }
}

/// The tenant has the licences that the policy needs (contract section 2.9).
pub(super) fn licence(bundle: &Bundle) -> Gate {
    let gate = |verdict, reason: String| Gate::new("licence", verdict, reason);
    let Some(plans) = &bundle.service_plans else {
        return gate(Unknown, "the subscriptions could not be read".into());
    };
    let has = |plan: &str| plans.contains(plan);
    let (needed, fulfilled) = if bundle.about_workloads {
        (
            "Workload Identities Premium",
            has(service_plan::WORKLOAD_P1) || has(service_plan::WORKLOAD_P2),
        )
    } else if bundle.uses_risk {
        ("Entra ID P2", has(service_plan::P2))
    } else {
        (
            "Entra ID P1",
            has(service_plan::P1) || has(service_plan::P2),
        )
    };
    if fulfilled {
        gate(Pass, format!("{needed} is there"))
    } else {
        gate(Fail, format!("{needed} is missing"))
    }
}
