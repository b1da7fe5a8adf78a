//! Any policy there can be, for property tests.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    ClientApp, CloudAppSecurity, Conditions, Control, ExternalTenants, Filter, FilterMode,
    FrequencyAuthentication, FrequencyInterval, FrequencyUnit, Grant, GuestKind, Guests, Id,
    InsiderRisk, LocationSet, Locations, Operator, PersistentBrowser, Platform, Platforms, Policy,
    RiskLevel, Session, SignInFrequency, Suite, TargetSet, Targets, TransferMethod, UserAction,
    UserSet, Users, Workload,
};

/// Any policy that the service could hold: what it would turn into something else is not made.
pub(crate) fn any_policy() -> impl Strategy<Value = Policy<Id>> {
    (
        "[A-Za-z0-9 äß\"'-]{1,20}",
        conditions(),
        option::of(grant()),
        option::of(session()),
    )
        .prop_map(|(name, conditions, grant, session)| Policy {
            name,
            conditions: Conditions {
                workload: conditions
                    .workload
                    .filter(|workload| *workload != Workload::default()),
                ..conditions
            },
            grant,
            session: session.filter(|session| !session.is_ineffectual()),
        })
}

fn ids() -> impl Strategy<Value = BTreeSet<Id>> {
    btree_set(
        (1_u32..20).prop_map(|n| Id::new(format!("00000000-0000-4000-8000-{n:012}"))),
        0..3,
    )
}

/// A set of the members of an enumeration, by their YAML words.
fn some<T: Ord + Clone + std::fmt::Debug + 'static>(
    words: &'static [&'static str],
    from_word: fn(&str) -> Option<T>,
) -> impl Strategy<Value = BTreeSet<T>> {
    let all: Vec<T> = words.iter().filter_map(|word| from_word(word)).collect();
    btree_set(select(all), 0..3)
}

fn one<T: Clone + std::fmt::Debug + 'static>(
    words: &'static [&'static str],
    from_word: fn(&str) -> Option<T>,
) -> impl Strategy<Value = T> {
    select(
        words
            .iter()
            .filter_map(|word| from_word(word))
            .collect::<Vec<_>>(),
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    (
        one(FilterMode::WORDS, FilterMode::from_word),
        "[a-z.=\" -]{1,12}",
    )
        .prop_map(|(mode, rule)| Filter { mode, rule })
}

fn guests() -> impl Strategy<Value = Guests> {
    let tenants = vec("[0-9a-f]{8}-0000-4000-8000-000000000000", 1..3)
        .prop_map(|tenants| ExternalTenants::Enumerated(tenants.into_iter().collect()));
    let kinds = btree_set(one(GuestKind::WORDS, GuestKind::from_word), 1..4);
    prop_oneof![
        Just(Guests::legacy()),
        (
            kinds,
            option::of(prop_oneof![Just(ExternalTenants::All), tenants])
        )
            .prop_map(|(kinds, tenants)| Guests {
                kinds,
                tenants,
                legacy: false
            }),
    ]
}

fn user_set() -> impl Strategy<Value = UserSet<Id>> {
    (
        any::<bool>(),
        any::<bool>(),
        ids(),
        ids(),
        ids(),
        option::of(guests()),
    )
        .prop_map(|(all, none, users, groups, roles, guests)| UserSet {
            all,
            none,
            users,
            groups,
            roles,
            guests,
        })
}

fn target_set() -> impl Strategy<Value = TargetSet<Id>> {
    (
        any::<bool>(),
        any::<bool>(),
        some(Suite::WORDS, Suite::from_word),
        ids(),
    )
        .prop_map(|(all, none, suites, apps)| TargetSet {
            all,
            none,
            suites,
            apps,
        })
}

fn location_set() -> impl Strategy<Value = LocationSet<Id>> {
    (any::<bool>(), any::<bool>(), any::<bool>(), ids()).prop_map(
        |(all, all_trusted, mfa_trusted_ips, named)| LocationSet {
            all,
            all_trusted,
            mfa_trusted_ips,
            named,
        },
    )
}

fn targets() -> impl Strategy<Value = Targets<Id>> {
    (
        target_set(),
        target_set(),
        some(UserAction::WORDS, UserAction::from_word),
        btree_set("c[1-9]", 0..3),
        option::of(filter()),
    )
        .prop_map(
            |(include, exclude, user_actions, authentication_contexts, filter)| Targets {
                include,
                exclude,
                user_actions,
                authentication_contexts,
                filter,
            },
        )
}

fn workload() -> impl Strategy<Value = Workload<Id>> {
    (any::<bool>(), ids(), ids(), option::of(filter())).prop_map(
        |(include_all, include, exclude, filter)| Workload {
            include_all,
            include,
            exclude,
            filter,
        },
    )
}

fn conditions() -> impl Strategy<Value = Conditions<Id>> {
    let platforms = (
        some(Platform::WORDS, Platform::from_word),
        some(Platform::WORDS, Platform::from_word),
    )
        .prop_map(|(include, exclude)| Platforms { include, exclude });
    let locations = (location_set(), location_set())
        .prop_map(|(include, exclude)| Locations { include, exclude });
    let assignments = (
        user_set(),
        user_set(),
        option::weighted(0.2, workload()),
        targets(),
        option::of(platforms),
        option::of(locations),
    );
    let risks = (
        some(RiskLevel::WORDS, RiskLevel::from_word),
        some(RiskLevel::WORDS, RiskLevel::from_word),
        some(RiskLevel::WORDS, RiskLevel::from_word),
        some(InsiderRisk::WORDS, InsiderRisk::from_word),
    );
    let rest = (
        some(ClientApp::WORDS, ClientApp::from_word),
        some(TransferMethod::WORDS, TransferMethod::from_word),
        option::of(filter()),
    );
    (assignments, risks, rest).prop_map(
        |(
            (include, exclude, workload, targets, platforms, locations),
            (sign_in_risk, user_risk, service_principal_risk, insider_risk),
            (client_apps, flows, device_filter),
        )| Conditions {
            users: Users { include, exclude },
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
        },
    )
}

fn grant() -> impl Strategy<Value = Grant<Id>> {
    (
        one(Operator::WORDS, Operator::from_word),
        some(Control::WORDS, Control::from_word),
        option::of(ids().prop_filter_map("one", |ids| ids.into_iter().next())),
        ids(),
        btree_set("[a-z]{1,5}", 0..2),
    )
        .prop_map(
            |(operator, controls, strength, terms_of_use, custom_factors)| Grant {
                operator,
                controls,
                strength,
                terms_of_use,
                custom_factors,
            },
        )
}

fn session() -> impl Strategy<Value = Session> {
    let after = (
        1_i32..100,
        one(FrequencyUnit::WORDS, FrequencyUnit::from_word),
        one(
            FrequencyAuthentication::WORDS,
            FrequencyAuthentication::from_word,
        ),
    )
        .prop_map(|(value, unit, authentication)| SignInFrequency {
            interval: FrequencyInterval::TimeBased,
            value: Some(value),
            unit: Some(unit),
            authentication,
        });
    let every_time = Just(SignInFrequency {
        interval: FrequencyInterval::EveryTime,
        value: None,
        unit: None,
        authentication: FrequencyAuthentication::Secondary,
    });
    (
        option::of(prop_oneof![after, every_time]),
        option::of(one(PersistentBrowser::WORDS, PersistentBrowser::from_word)),
        any::<bool>(),
        option::of(one(CloudAppSecurity::WORDS, CloudAppSecurity::from_word)),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(
                sign_in_frequency,
                persistent_browser,
                app_enforced_restrictions,
                cloud_app_security,
                resilience_defaults_disabled,
                token_protection,
            )| Session {
                sign_in_frequency,
                persistent_browser,
                app_enforced_restrictions,
                cloud_app_security,
                resilience_defaults_disabled,
                token_protection,
            },
        )
}
