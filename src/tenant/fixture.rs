//! A small tenant and a workspace for it, for tests.
//!
//! Everything is written out here, so that an expected value in a test is never computed by what it
//! tests. Ids are `id(n)`: users from 1, groups from 101, roles from 201, live policies from 301.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lookups::Reference;
use super::snapshot::{Found, Members, Object, Snapshot, TenantFacts, service_plan};
use crate::diagnostic::{At, Source};
use crate::model::{
    Cloud, Conditions, Control, Desired, DesiredPolicy, Grant, Id, Kind, LivePolicy, Name,
    Operator, Owner, Policy, Principal, PrincipalKind, PrincipalTarget, PromotionRecord, Rollout,
    State, Strength, TenantDeclaration, WantedState,
};

pub(crate) const KEY: &str = "azure-mfa";
pub(crate) const NAME: &str = "CA010 - Require MFA for Azure management";
pub(crate) const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
pub(crate) const EMERGENCY_1: u32 = 1;
pub(crate) const EMERGENCY_2: u32 = 2;
pub(crate) const ANNA: u32 = 3;
pub(crate) const BERT: u32 = 4;
pub(crate) const STAFF: u32 = 101;
pub(crate) const BACKUP: u32 = 102;
pub(crate) const VAULT: u32 = 103;
pub(crate) const ADMINISTRATOR: u32 = 201;
pub(crate) const LIVE: u32 = 301;

/// Makes an insertion the whole of a closure that returns nothing.
pub(crate) fn inserted(_new: bool) {}

pub(crate) fn id(n: u32) -> Id {
    Id::new(format!("00000000-0000-4000-8000-{n:012}"))
}

pub(crate) fn tenant_id() -> Id {
    id(999)
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the fixture's snapshot is taken: noon of 20 November 2026.
pub(crate) fn now() -> Timestamp {
    time("2026-11-20T12:00:00Z")
}

pub(crate) fn at<T>(value: T) -> At<T> {
    At::new(value, Source::file("policies/azure-mfa.yaml"))
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text, Source::file("policies/azure-mfa.yaml"))
}

/// A name that stands for a declared principal.
pub(crate) fn principal_name(text: &str, principal: &str) -> Name {
    Name {
        principal: Some(principal.to_owned()),
        ..name(text)
    }
}

pub(crate) fn principal(
    kind: PrincipalKind,
    declared: &str,
    target: Kind,
    text: &str,
) -> Principal {
    Principal {
        name: declared.to_owned(),
        kind,
        owner: "identity-team@example.org".into(),
        reason: None,
        target: Some(PrincipalTarget {
            kind: target,
            name: principal_name(text, declared),
        }),
        max_members: None,
        review_by: None,
        expires: None,
        last_drill: None,
        source: Source::file("portcullis.yaml"),
    }
}

/// Everybody, Azure management, MFA; nobody is excluded yet.
pub(crate) fn policy() -> Policy<Name> {
    let mut conditions = Conditions::default();
    conditions.users.include.all = true;
    conditions.targets.include.apps = BTreeSet::from([name("azure-management")]);
    Policy {
        name: NAME.to_owned(),
        conditions,
        grant: Some(grant(Operator::Any, [Control::Mfa])),
        session: None,
    }
}

pub(crate) fn grant<R: Ord>(
    operator: Operator,
    controls: impl IntoIterator<Item = Control>,
) -> Grant<R> {
    Grant {
        operator,
        controls: controls.into_iter().collect(),
        strength: None,
        terms_of_use: BTreeSet::new(),
        custom_factors: BTreeSet::new(),
    }
}

pub(crate) fn desired_policy(state: Option<WantedState>) -> DesiredPolicy {
    DesiredPolicy {
        key: at(KEY.to_owned()),
        policy: policy(),
        state: state.map(at),
        id: None,
        renamed_from: Vec::new(),
        weaken: None,
        break_glass: None,
        owner: Owner::Workspace,
        exclusions: Vec::new(),
        rollout: Rollout::default(),
        name_source: Source::file("policies/azure-mfa.yaml"),
        exclude_source: Source::file("policies/azure-mfa.yaml"),
    }
}

/// A workspace of these policies, with `emergency-access-1` as its one break-glass account.
pub(crate) fn desired(policies: impl IntoIterator<Item = DesiredPolicy>) -> Desired {
    Desired {
        tenant: TenantDeclaration {
            name: "contoso".into(),
            sandbox: false,
            tenant_id: Some(at(tenant_id())),
            cloud: Cloud::Global,
            auth: None,
            client_id: None,
            pace: None,
            settle: None,
            source: Source::file("portcullis.yaml"),
        },
        principals: BTreeMap::from([(
            "emergency-access-1".to_owned(),
            principal(
                PrincipalKind::BreakGlass,
                "emergency-access-1",
                Kind::User,
                "emergency1@example.org",
            ),
        )]),
        policies: policies
            .into_iter()
            .map(|policy| (policy.key.value.clone(), policy))
            .collect(),
        records: BTreeMap::new(),
    }
}

pub(crate) fn user(n: u32, principal_name: &str) -> Object {
    Object {
        id: id(n),
        kind: Kind::User,
        name: principal_name.split('@').next().unwrap().to_owned(),
        principal_name: Some(principal_name.to_owned()),
        enabled: Some(true),
    }
}

pub(crate) fn object(kind: Kind, id: Id, name: &str) -> Object {
    Object {
        id,
        kind,
        name: name.to_owned(),
        principal_name: None,
        enabled: None,
    }
}

pub(crate) fn found(text: &str, objects: Vec<Object>, kind: Kind) -> Found {
    Found {
        reference: Reference {
            kind,
            text: text.to_owned(),
        },
        objects,
    }
}

pub(crate) fn members(complete: bool, people: Vec<Object>) -> Members {
    Members {
        complete,
        members: people,
    }
}

/// A tenant that holds these policies. Anna is staff, Bert runs the backup, the vault group holds the
/// first emergency account.
pub(crate) fn snapshot(policies: impl IntoIterator<Item = LivePolicy>) -> Snapshot {
    let emergency_1 = user(EMERGENCY_1, "emergency1@example.org");
    let emergency_2 = user(EMERGENCY_2, "emergency2@example.org");
    let anna = user(ANNA, "anna@example.org");
    let bert = user(BERT, "bert@example.org");
    let group = |n, name| found(name, vec![object(Kind::Group, id(n), name)], Kind::Group);
    let person = |user: &Object| {
        let text = user.principal_name.clone().unwrap();
        found(&text, vec![user.clone()], Kind::User)
    };
    let azure = object(
        Kind::App,
        Id::new(AZURE),
        "Windows Azure Service Management API",
    );
    let strength = Id::new("00000000-0000-0000-0000-000000000004");
    Snapshot {
        format_version: "1.0".into(),
        tenant: TenantFacts {
            id: tenant_id(),
            name: Some("Contoso".into()),
            domain: Some("contoso.example".into()),
        },
        taken_at: now(),
        complete: true,
        policies: policies.into_iter().collect(),
        unreadable: Vec::new(),
        locations: Vec::new(),
        strengths: vec![
            Strength::try_from(json!({
                "id": strength,
                "displayName": "Phishing-resistant MFA",
                "requirementsSatisfied": "mfa",
            }))
            .unwrap(),
        ],
        found: vec![
            person(&emergency_1),
            person(&emergency_2),
            person(&anna),
            person(&bert),
            group(STAFF, "Staff"),
            group(BACKUP, "Backup"),
            group(VAULT, "Vault"),
            found(
                "Global Administrator",
                vec![object(
                    Kind::Role,
                    id(ADMINISTRATOR),
                    "Global Administrator",
                )],
                Kind::Role,
            ),
            found("azure-management", vec![azure], Kind::App),
            found(
                "phishing-resistant-mfa",
                vec![object(Kind::Strength, strength, "Phishing-resistant MFA")],
                Kind::Strength,
            ),
        ],
        objects: BTreeMap::new(),
        members: BTreeMap::from([
            (id(STAFF), members(true, vec![anna])),
            (id(BACKUP), members(true, vec![bert])),
            (id(VAULT), members(true, vec![emergency_1])),
        ]),
        security_defaults: Some(false),
        service_plans: Some(BTreeSet::from([service_plan::P1.to_owned()])),
        history: BTreeMap::new(),
    }
}

/// The Graph JSON of a live policy that is what [`policy`] says, with `emergency-access-1` excluded.
pub(crate) fn live_json(n: u32, state: State) -> Value {
    json!({
        "id": id(n),
        "displayName": NAME,
        "createdDateTime": "2026-11-01T08:00:00Z",
        "modifiedDateTime": null,
        "state": state.wire(),
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": [AZURE]},
            "users": {"includeUsers": ["All"], "excludeUsers": [id(EMERGENCY_1)]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": null,
    })
}

/// The live policy of [`live_json`], with something changed.
pub(crate) fn live_with(n: u32, state: State, change: impl FnOnce(&mut Value)) -> LivePolicy {
    let mut json = live_json(n, state);
    change(&mut json);
    LivePolicy::try_from(json).unwrap()
}

/// The live policy of [`live_json`].
pub(crate) fn live(state: State) -> LivePolicy {
    live_with(LIVE, state, |_| {})
}

/// A record that fits [`live`] in [`State::ReportOnly`]; `content` and `exclusions` come from a bundle.
pub(crate) fn record(content: &str, exclusions: &str) -> PromotionRecord {
    PromotionRecord {
        policy: KEY.into(),
        tenant_id: tenant_id(),
        policy_id: id(LIVE),
        content: content.into(),
        exclusions: exclusions.into(),
        live_modified: time("2026-11-01T08:00:00Z"),
        weighed_at: time("2026-11-19T12:00:00Z"),
        bundle: "sha256:0".into(),
        gates: BTreeMap::new(),
        emergency: None,
    }
}
