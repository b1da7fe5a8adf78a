//! A policy becomes a file and the file the policy again, whatever the policy holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::diff;
use crate::model::fixture::any_policy;
use crate::model::{
    ClientApp, Conditions, Control, FrequencyAuthentication, FrequencyInterval, Grant, Id,
    Operator, Owner, Platform, Policy, RiskLevel, Session, State, Suite, TargetSet, Targets,
    TransferMethod, Users, WantedState, Workload,
};
use crate::workspace::{Draft, Merge, Written, merge, policy, policy_yaml, yaml};

/// How many policies are made; `CASES=10000` makes as many.
fn cases() -> u32 {
    let asked = std::env::var("CASES").ok();
    asked.map_or(256, |cases| cases.parse().unwrap())
}

/// Every reference as it stands.
fn as_id(_: crate::model::Kind, id: &Id) -> Written {
    Written {
        text: id.to_string(),
        principal: false,
        comment: None,
    }
}

fn written(policy: &Policy<Id>, state: State) -> String {
    policy_yaml(&draft(policy, state), &as_id)
}

fn draft(policy: &Policy<Id>, state: State) -> Draft<'_> {
    Draft {
        key: "any",
        policy,
        state,
        id: None,
        tenant: None,
        owner: Owner::Workspace,
        unprotected: Vec::new(),
        remarks: Vec::new(),
    }
}

/// The policy in a file that nothing is wrong with.
fn read(text: &str) -> (Policy<Id>, Option<WantedState>) {
    let parsed = yaml::parse(&Arc::from("p.yaml"), text);
    assert!(parsed.findings.is_empty(), "{:?}\n{text}", parsed.findings);
    let mut findings = Vec::new();
    let file = policy::lower(&parsed.root.unwrap(), None, &mut findings);
    let mut errors = findings.iter().filter(|f| f.code != "blank-in-name");
    assert!(errors.next().is_none(), "{findings:?}\n{text}");
    let desired = file
        .unwrap()
        .for_tenant("t", &BTreeMap::new(), &mut findings);
    let policy = desired
        .policy
        .map(|_, name| Some(Id::new(name.text.clone())));
    (policy, desired.state.map(|state| state.value))
}

proptest! {
    #![proptest_config(Config { cases: cases(), ..Config::default() })]

    #[test]
    fn yaml_of_any_policy_means_the_policy(
        policy in any_policy().prop_map(acceptable),
        state in prop_oneof![Just(State::Off), Just(State::ReportOnly), Just(State::On)],
    ) {
        let text = written(&policy, state);
        let (again, wanted) = read(&text);
        prop_assert_eq!(diff::compare(&policy, &again), vec![], "{}", text);
        prop_assert_eq!(wanted.map(WantedState::word), Some(state.word()));
        prop_assert_eq!(written(&again, state), text);
    }
}

/// Everything that can differ between two policies, as the comparison names it.
fn differing(before: &Policy<Id>, after: &Policy<Id>) -> Vec<&'static str> {
    let differences = diff::compare(before, after);
    differences
        .iter()
        .map(|difference| difference.path)
        .collect()
}

/// The file of one policy, brought up to date with another one.
fn brought_to(text: &str, paths: &[&str], policy: &Policy<Id>, state: State) -> String {
    let draft = draft(policy, state);
    let with = Merge {
        draft: &draft,
        live: policy,
        write: &as_id,
        resolve: &|_, text| Some(Id::new(text)),
        principal: &|_| None,
    };
    merge(text, "p.yaml", paths, &with).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    // Each case reads a file a dozen times.
    #![proptest_config(Config { cases: cases().div_ceil(4), ..Config::default() })]

    #[test]
    fn a_file_brought_up_to_date_means_the_new_policy(
        old in any_policy().prop_map(acceptable),
        new in any_policy().prop_map(acceptable),
    ) {
        let text = written(&old, State::On);
        let differing = differing(&old, &new);
        let merged = brought_to(&text, &differing, &new, State::On);
        let (again, _) = read(&merged);
        prop_assert_eq!(diff::compare(&new, &again), vec![], "{}\n->\n{}", text, merged);
        let idle = brought_to(&merged, &differing, &new, State::On);
        prop_assert_eq!(idle, merged, "a second time changes nothing");
    }
}

/// The nearest policy that the service would take: of what excludes each other one is kept.
fn acceptable(policy: Policy<Id>) -> Policy<Id> {
    let Policy {
        name,
        mut conditions,
        grant,
        session,
    } = policy;
    settle_people(&mut conditions);
    settle_targets(&mut conditions.targets);
    settle_circumstances(&mut conditions);
    let mut grant = grant.and_then(|grant| settle_grant(grant, &mut conditions));
    let session = session.and_then(|session| settle_session(session, &conditions));
    if session.is_none() && grant.is_none() {
        grant = Some(Grant {
            operator: Operator::Any,
            controls: BTreeSet::from([Control::Mfa]),
            strength: None,
            terms_of_use: BTreeSet::new(),
            custom_factors: BTreeSet::new(),
        });
    }
    let name = if name.trim().is_empty() {
        "A".into()
    } else {
        name
    };
    Policy {
        name,
        conditions,
        grant,
        session,
    }
}

fn settle_people(conditions: &mut Conditions<Id>) {
    if let Some(workload) = &mut conditions.workload {
        conditions.users = Users::default();
        conditions.users.include.none = true;
        conditions.service_principal_risk.remove(&RiskLevel::Hidden);
        settle_workload(workload);
        return;
    }
    conditions.service_principal_risk.clear();
    let Users { include, exclude } = &mut conditions.users;
    if include.all || include.is_empty() {
        *include = crate::model::UserSet::default();
        include.all = true;
    }
    (exclude.all, exclude.none) = (false, false);
    exclude.users.retain(|id| !include.users.contains(id));
    exclude.groups.retain(|id| !include.groups.contains(id));
    exclude.roles.retain(|id| !include.roles.contains(id));
}

fn settle_workload(workload: &mut Workload<Id>) {
    if workload.include_all {
        workload.include.clear();
    }
    if let Some(filter) = &mut workload.filter {
        settle_rule(&mut filter.rule);
    } else if workload.include.is_empty() {
        workload.include_all = true;
    }
}

fn settle_rule(rule: &mut String) {
    if rule.trim().is_empty() {
        *rule = "device.isCompliant -eq True".into();
    }
}

fn settle_targets(targets: &mut Targets<Id>) {
    if let Some(filter) = &mut targets.filter {
        settle_rule(&mut filter.rule);
    }
    if !targets.user_actions.is_empty() {
        *targets = Targets {
            user_actions: std::mem::take(&mut targets.user_actions),
            ..Targets::default()
        };
    } else if !targets.authentication_contexts.is_empty() {
        *targets = Targets {
            authentication_contexts: std::mem::take(&mut targets.authentication_contexts),
            ..Targets::default()
        };
    } else {
        let nothing = targets.include.is_empty() && targets.filter.is_none();
        if targets.include.all || targets.include.none || nothing {
            targets.include = TargetSet {
                all: targets.include.all || nothing,
                none: targets.include.none && !targets.include.all,
                ..TargetSet::default()
            };
        }
        (targets.exclude.all, targets.exclude.none) = (false, false);
        targets.exclude.suites.remove(&Suite::AgentResources);
    }
}

fn settle_circumstances(conditions: &mut Conditions<Id>) {
    if conditions.client_apps.is_empty() || conditions.client_apps.contains(&ClientApp::All) {
        conditions.client_apps = BTreeSet::from([ClientApp::All]);
    }
    if conditions.flows.contains(&TransferMethod::None) {
        conditions.flows = BTreeSet::from([TransferMethod::None]);
    }
    if let Some(platforms) = &mut conditions.platforms {
        if platforms.include.contains(&Platform::All) {
            platforms.include = BTreeSet::from([Platform::All]);
        }
        platforms.exclude.remove(&Platform::All);
        platforms
            .exclude
            .retain(|platform| !platforms.include.contains(platform));
    }
    conditions.platforms = conditions
        .platforms
        .take()
        .filter(|platforms| !platforms.include.is_empty());
    if let Some(locations) = &mut conditions.locations {
        let (include, exclude) = (&mut locations.include, &mut locations.exclude);
        if include.all {
            *include = crate::model::LocationSet::default();
            include.all = true;
        }
        exclude.all = false;
        exclude.all_trusted &= !include.all_trusted;
        exclude.mfa_trusted_ips &= !include.mfa_trusted_ips;
        exclude.named.retain(|id| !include.named.contains(id));
    }
    conditions.locations = conditions
        .locations
        .take()
        .filter(|locations| locations.include != crate::model::LocationSet::default());
    if let Some(filter) = &mut conditions.device_filter {
        settle_rule(&mut filter.rule);
    }
}

fn settle_grant(mut grant: Grant<Id>, conditions: &mut Conditions<Id>) -> Option<Grant<Id>> {
    let nothing = Grant {
        operator: grant.operator.clone(),
        controls: BTreeSet::new(),
        strength: None,
        terms_of_use: BTreeSet::new(),
        custom_factors: BTreeSet::new(),
    };
    if grant.controls.contains(&Control::Block) {
        return Some(Grant {
            controls: BTreeSet::from([Control::Block]),
            ..nothing
        });
    }
    if grant.controls.contains(&Control::PasswordChange) {
        let users = conditions.users.clone();
        *conditions = Conditions {
            users,
            user_risk: BTreeSet::from([RiskLevel::High]),
            ..Conditions::default()
        };
        conditions.targets.include.all = true;
        if conditions.users.include.is_empty() || conditions.users.include.none {
            conditions.users.include.all = !conditions.users.include.none;
        }
        return Some(Grant {
            operator: Operator::All,
            controls: BTreeSet::from([Control::Mfa, Control::PasswordChange]),
            ..nothing
        });
    }
    if grant.controls.contains(&Control::Mfa) {
        grant.strength = None;
    }
    (grant.requirements() > 0).then_some(grant)
}

fn settle_session(mut session: Session, conditions: &Conditions<Id>) -> Option<Session> {
    if !conditions.targets.include.all {
        session.persistent_browser = None;
    }
    if let Some(frequency) = &mut session.sign_in_frequency {
        if frequency.interval == FrequencyInterval::EveryTime {
            session.app_enforced_restrictions = false;
            session.resilience_defaults_disabled = false;
        } else {
            frequency.authentication = FrequencyAuthentication::PrimaryAndSecondary;
        }
    }
    (!session.is_ineffectual()).then_some(session)
}
