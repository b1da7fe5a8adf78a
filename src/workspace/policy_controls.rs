//! `grant` and `session`: what a policy asks for, and the combinations that Graph would refuse.

use std::collections::BTreeSet;

use super::policy_users::{named, names};
use super::principals::folded;
use super::read::{self, Findings, Table};
use super::tree::Node;
use crate::diagnostic::{Diagnostic, Source};
use crate::model::{
    ClientApp, CloudAppSecurity, Conditions, Control, FrequencyAuthentication, FrequencyInterval,
    FrequencyUnit, Grant, Name, Operator, PersistentBrowser, Policy, Session, SignInFrequency,
    Targets,
};

const GRANT: &[&str] = &[
    "operator",
    "controls",
    "authentication_strength",
    "terms_of_use",
    "custom_factors",
];

/// Reads `grant`. Several controls without an operator are joined by `any`, with a warning.
pub(super) fn grant(key: &Source, node: &Node, out: &mut Findings) -> Option<Grant<Name>> {
    let table = Table::open(node, "`grant`", GRANT, &[], out)?;
    let mut grant = Grant {
        operator: Operator::Any,
        controls: BTreeSet::new(),
        strength: None,
        terms_of_use: BTreeSet::new(),
        custom_factors: BTreeSet::new(),
    };
    if let Some(node) = table.get("controls") {
        grant.controls = read::words(node, "`controls`", Control::WORDS, Control::from_word, out);
    }
    if let Some(node) = table.get("authentication_strength") {
        let strength = read::text(node, "`authentication_strength`", out);
        grant.strength = strength.map(|at| Name::new(folded(at.value), at.source));
    }
    if let Some(node) = table.get("terms_of_use") {
        grant.terms_of_use = named(
            names(read::some_items(node, "`terms_of_use`", out), out),
            "",
        );
    }
    if let Some(node) = table.get("custom_factors") {
        let factors = names(read::some_items(node, "`custom_factors`", out), out);
        grant.custom_factors = factors.into_iter().map(|at| at.value).collect();
    }
    let given = GRANT[1..].iter().any(|key| table.get(key).is_some());
    if !given {
        out.push(
            Diagnostic::error("missing-key", "`grant` asks for nothing", key.clone())
                .help("add `controls: [mfa]` or `authentication_strength:`"),
        );
        return None;
    }
    match table.get("operator") {
        Some(node) => {
            let operator = read::word(
                node,
                "`operator`",
                Operator::WORDS,
                Operator::from_word,
                out,
            );
            grant.operator = operator.map_or(Operator::Any, |at| at.value);
        }
        None if grant.requirements() > 1 => out.push(
            Diagnostic::warning(
                "operator-missing",
                "several controls and no `operator`: any one of them is enough",
                key.clone(),
            )
            .help("say `operator: any` or `operator: all`"),
        ),
        None => {}
    }
    let (key, controls) = (key.clone(), &grant.controls);
    if controls.contains(&Control::Mfa) && grant.strength.is_some() {
        let place = table
            .get("authentication_strength")
            .map_or(key.clone(), |node| node.source.clone());
        out.push(
            Diagnostic::error(
                "bad-combination",
                "`mfa` and `authentication_strength` cannot stand in one policy (Graph error 1108)",
                place,
            )
            .help("keep one of them; the strength `multifactor-authentication` means what `mfa` means"),
        );
    }
    if controls.contains(&Control::Block) && grant.requirements() > 1 {
        let place = table
            .get("controls")
            .map_or(key, |node| node.source.clone());
        out.push(
            Diagnostic::error(
                "bad-combination",
                "`block` stands beside other controls (Graph error 1032)",
                place,
            )
            .help("keep `block` alone, or remove it"),
        );
    }
    (grant.requirements() > 0).then_some(grant)
}

const SESSION: &[&str] = &[
    "sign_in_frequency",
    "persistent_browser",
    "app_enforced_restrictions",
    "cloud_app_security",
    "resilience_defaults",
    "token_protection",
];

/// Reads `session`.
pub(super) fn session(key: &Source, node: &Node, out: &mut Findings) -> Option<Session> {
    let table = Table::open(node, "`session`", SESSION, &[], out)?;
    let before = out.len();
    let mut session = Session {
        sign_in_frequency: table
            .get("sign_in_frequency")
            .and_then(|node| frequency(node, out)),
        ..Session::default()
    };
    if let Some(node) = table.get("persistent_browser") {
        let (words, from) = (PersistentBrowser::WORDS, PersistentBrowser::from_word);
        session.persistent_browser =
            read::word(node, "`persistent_browser`", words, from, out).map(|at| at.value);
    }
    if let Some(node) = table.get("cloud_app_security") {
        let (words, from) = (CloudAppSecurity::WORDS, CloudAppSecurity::from_word);
        session.cloud_app_security =
            read::word(node, "`cloud_app_security`", words, from, out).map(|at| at.value);
    }
    let flag = |key: &str, out: &mut Findings| {
        let found = table
            .get(key)
            .and_then(|node| read::flag(node, &format!("`{key}`"), out));
        found.is_some_and(|flag| flag.value)
    };
    session.app_enforced_restrictions = flag("app_enforced_restrictions", out);
    session.token_protection = flag("token_protection", out);
    if let Some(node) = table.get("resilience_defaults") {
        let disabled = |word: &str| match word {
            "disabled" => Some(true),
            "enabled" => Some(false),
            _ => None,
        };
        let words = ["disabled", "enabled"];
        session.resilience_defaults_disabled =
            read::word(node, "`resilience_defaults`", &words, disabled, out)
                .is_some_and(|at| at.value);
    }
    let every_time = session
        .sign_in_frequency
        .as_ref()
        .is_some_and(|f| f.interval == FrequencyInterval::EveryTime);
    if every_time && (session.app_enforced_restrictions || session.resilience_defaults_disabled) {
        out.push(
            Diagnostic::error(
                "bad-combination",
                "`every-time` cannot stand beside `app_enforced_restrictions` or `resilience_defaults`",
                key.clone(),
            )
            .help("make two policies of it"),
        );
    }
    if session.is_ineffectual() && out.len() == before {
        out.push(
            Diagnostic::error(
                "no-effect",
                "`session` limits nothing, and Graph refuses such a block",
                key.clone(),
            )
            .help("limit something, or remove `session`"),
        );
    }
    Some(session)
}

/// `4 hours`, `7 days`, `every-time`, or a mapping that also says which authentication is repeated.
fn frequency(node: &Node, out: &mut Findings) -> Option<SignInFrequency> {
    let (every, authentication) = if node.entries().is_some() {
        let table = Table::open(
            node,
            "`sign_in_frequency`",
            &["every", "authentication"],
            &[],
            out,
        )?;
        let every = table.require("every", out)?;
        let authentication = table.get("authentication").and_then(|node| {
            let (words, from) = (
                FrequencyAuthentication::WORDS,
                FrequencyAuthentication::from_word,
            );
            read::word(node, "`authentication`", words, from, out)
        });
        (every, authentication)
    } else {
        (node, None)
    };
    let text = read::text(every, "`sign_in_frequency`", out)?;
    let mut frequency = SignInFrequency {
        interval: FrequencyInterval::EveryTime,
        value: None,
        unit: None,
        authentication: FrequencyAuthentication::PrimaryAndSecondary,
    };
    if text.value != "every-time" {
        let parts: Vec<_> = text.value.split_ascii_whitespace().collect();
        let read = match parts.as_slice() {
            [number, unit] => number.parse::<i32>().ok().zip(match *unit {
                "hour" | "hours" => Some(FrequencyUnit::Hours),
                "day" | "days" => Some(FrequencyUnit::Days),
                _ => None,
            }),
            _ => None,
        };
        let Some((value, unit)) = read.filter(|(value, _)| *value > 0) else {
            let message = format!("`{}` is not a sign-in frequency", text.value);
            out.push(
                Diagnostic::error("bad-value", message, text.source)
                    .help("write `4 hours`, `7 days` or `every-time`"),
            );
            return None;
        };
        frequency.interval = FrequencyInterval::TimeBased;
        (frequency.value, frequency.unit) = (Some(value), Some(unit));
    }
    if let Some(authentication) = authentication {
        let secondary = authentication.value == FrequencyAuthentication::Secondary;
        if secondary && frequency.interval == FrequencyInterval::TimeBased {
            out.push(
                Diagnostic::error(
                    "bad-combination",
                    "a frequency in hours or days cannot repeat the second factor alone (Graph error 1104)",
                    authentication.source,
                )
                .help("write `every: every-time`, or remove `authentication`"),
            );
        }
        frequency.authentication = authentication.value;
    }
    Some(frequency)
}

/// Checks the combinations of controls with conditions that Graph refuses.
pub(super) fn check(
    policy: &Policy<Name>,
    grant: Option<&Source>,
    session: Option<&Source>,
    out: &mut Findings,
) {
    let conditions = &policy.conditions;
    let everything = conditions.targets.include.all;
    if let (Some(block), Some(source)) = (&policy.session, session)
        && block.persistent_browser.is_some()
        && !everything
    {
        out.push(
            Diagnostic::error(
                "bad-combination",
                "`persistent_browser` works only for every resource",
                source.clone(),
            )
            .help("write `target_resources: {include: [all]}`, or remove it"),
        );
    }
    let (Some(grant), Some(source)) = (&policy.grant, grant) else {
        return;
    };
    if grant.controls.contains(&Control::PasswordChange) {
        let both = BTreeSet::from([Control::Mfa, Control::PasswordChange]);
        let controls =
            grant.controls == both && grant.requirements() == 2 && grant.operator == Operator::All;
        let risk_only = !conditions.user_risk.is_empty() && only_user_risk(conditions);
        if !(controls && risk_only) {
            out.push(
                Diagnostic::error(
                    "bad-combination",
                    "`password-change` is possible only with `mfa`, `operator: all`, `user_risk`, every resource and no other condition (Graph error 1032)",
                    source.clone(),
                )
                .help("write `grant: {operator: all, controls: [mfa, password-change]}`, `user_risk: [high]` and `target_resources: [all]`"),
            );
        }
    }
}

/// Whether the risk of the user, and everything on every client, is all that is asked about.
fn only_user_risk(conditions: &Conditions<Name>) -> bool {
    let Conditions {
        users: _,
        workload,
        targets,
        client_apps,
        platforms,
        locations,
        sign_in_risk,
        user_risk: _,
        service_principal_risk,
        insider_risk,
        flows,
        device_filter,
    } = conditions;
    let Targets {
        include,
        exclude: _,
        user_actions,
        authentication_contexts,
        filter,
    } = targets;
    include.all
        && user_actions.is_empty()
        && authentication_contexts.is_empty()
        && filter.is_none()
        && workload.is_none()
        && *client_apps == BTreeSet::from([ClientApp::All])
        && platforms.is_none()
        && locations.is_none()
        && sign_in_risk.is_empty()
        && service_principal_risk.is_empty()
        && insider_risk.is_empty()
        && flows.is_empty()
        && device_filter.is_none()
}
