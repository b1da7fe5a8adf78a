//! The state table of the design, and rule 1 in the cells of an enforced policy.

use std::collections::BTreeSet;

use jiff::civil::date;
use serde_json::{Value, json};

use super::*;
use crate::model::{
    BreakGlassException, BreakGlassMode, Id, InPlace, Kind, Owner, PrincipalKind, State,
    WantedState::{Absent, Off, On, ReportOnly},
    Weaken,
};
use crate::plan::{Action, Effect, Verb};

/// What of a change the table decides: action, from, to, held by, verbs and states written.
type Cell<'a> = (
    Action,
    WantedState,
    WantedState,
    Vec<&'a str>,
    Vec<(Verb, Option<State>)>,
);

fn cell(change: &Change) -> Cell<'_> {
    let writes = change
        .writes
        .iter()
        .map(|write| (write.verb, write.state))
        .collect();
    (
        change.action,
        change.from_state,
        change.to_state,
        gates(change),
        writes,
    )
}

fn pinned(mut policy: DesiredPolicy) -> DesiredPolicy {
    policy.id = Some(at(id(LIVE)));
    policy
}

fn weakened(state: WantedState, until: jiff::civil::Date) -> DesiredPolicy {
    let mut policy = wanting(state);
    policy.weaken = Some(at(Weaken {
        reason: "the help desk is flooded".into(),
        owner: "identity-team".into(),
        ticket: Some("OPS-1".into()),
        until,
    }));
    policy
}

#[test]
fn nothing_is_live() {
    let create = |state| (Verb::Create, Some(state));
    for (wanted, action, to, held, writes) in [
        (
            None,
            Action::Create,
            ReportOnly,
            vec![],
            vec![create(State::ReportOnly)],
        ),
        (
            Some(ReportOnly),
            Action::Create,
            ReportOnly,
            vec![],
            vec![create(State::ReportOnly)],
        ),
        (
            Some(On),
            Action::Create,
            ReportOnly,
            vec!["soak"],
            vec![create(State::ReportOnly)],
        ),
        (
            Some(Off),
            Action::Create,
            Off,
            vec![],
            vec![create(State::Off)],
        ),
        (Some(Absent), Action::None, Absent, vec![], vec![]),
    ] {
        let change = change(planned(desired_policy(wanted), []));
        assert_eq!(
            cell(&change),
            (action, Absent, to, held, writes),
            "{wanted:?}"
        );
        assert_eq!(change.before, None);
    }
}

#[test]
fn a_policy_is_never_created_on() {
    let change = change(planned(wanting(On), []));
    assert_eq!(
        change.writes[0].body["state"],
        "enabledForReportingButNotEnforced"
    );
    assert_eq!(
        change.held[0].until.unwrap().to_string(),
        "2026-11-27T12:00:00Z"
    );
    assert_eq!(
        change.held[0].reason,
        "0 of 7 days: it soaks in report-only first"
    );
}

#[test]
fn a_creation_shows_every_field_and_who_says_so() {
    let change = change(planned(desired_policy(None), []));
    assert_eq!(
        rows(&change),
        [
            r#"name: null -> "CA010 - Require MFA for Azure management" (File)"#,
            r#"state: null -> "report-only" (Default)"#,
            r#"users.include: [] -> ["all"] (File)"#,
            r#"users.exclude: [] -> ["emergency-access-1"] (Implied)"#,
            r#"target_resources.include: [] -> ["Windows Azure Service Management API"] (File)"#,
            r#"conditions.client_apps: [] -> ["all"] (Default)"#,
            r#"grant.controls: [] -> ["mfa"] (File)"#,
        ]
    );
    assert_eq!(
        bodies(&change),
        [&json!({
            "displayName": NAME,
            "state": "enabledForReportingButNotEnforced",
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {
                    "includeApplications": [AZURE], "excludeApplications": [],
                    "includeUserActions": [], "includeAuthenticationContextClassReferences": [],
                    "applicationFilter": null,
                },
                "users": {
                    "includeUsers": ["All"], "excludeUsers": [id(EMERGENCY_1)],
                    "includeGroups": [], "excludeGroups": [], "includeRoles": [], "excludeRoles": [],
                    "includeGuestsOrExternalUsers": null, "excludeGuestsOrExternalUsers": null,
                },
                "clientApplications": null, "platforms": null, "locations": null, "devices": null,
                "signInRiskLevels": [], "userRiskLevels": [], "servicePrincipalRiskLevels": [],
                "insiderRiskLevels": null, "authenticationFlows": null,
            },
            "grantControls": {
                "operator": "OR", "builtInControls": ["mfa"], "authenticationStrength": null,
                "termsOfUse": [], "customAuthenticationFactors": [],
            },
            "sessionControls": null,
        })]
    );
}

#[test]
fn report_only_is_live() {
    let update = |state| (Verb::Update, Some(state));
    for (wanted, action, to, writes) in [
        (None, Action::None, ReportOnly, vec![]),
        (Some(ReportOnly), Action::None, ReportOnly, vec![]),
        (Some(On), Action::None, ReportOnly, vec![]),
        (Some(Off), Action::Disable, Off, vec![update(State::Off)]),
        (
            Some(Absent),
            Action::Delete,
            Absent,
            vec![update(State::Off), (Verb::Delete, None)],
        ),
    ] {
        let change = change(planned(desired_policy(wanted), [live(State::ReportOnly)]));
        let held = if wanted == Some(On) {
            vec!["promotion"]
        } else {
            vec![]
        };
        assert_eq!(
            cell(&change),
            (action, ReportOnly, to, held, writes),
            "{wanted:?}"
        );
    }
}

#[test]
fn off_is_live() {
    let update = |state| (Verb::Update, Some(state));
    for (wanted, action, to, held, writes) in [
        (None, Action::None, Off, vec![], vec![]),
        (Some(Off), Action::None, Off, vec![], vec![]),
        (
            Some(ReportOnly),
            Action::Update,
            ReportOnly,
            vec![],
            vec![update(State::ReportOnly)],
        ),
        (
            Some(On),
            Action::Update,
            ReportOnly,
            vec!["soak"],
            vec![update(State::ReportOnly)],
        ),
        (
            Some(Absent),
            Action::Delete,
            Absent,
            vec![],
            vec![(Verb::Delete, None)],
        ),
    ] {
        let change = change(planned(desired_policy(wanted), [live(State::Off)]));
        assert_eq!(cell(&change), (action, Off, to, held, writes), "{wanted:?}");
        let soak = change
            .notes
            .contains(&"the soak of 7 days starts".to_owned());
        assert_eq!(soak, matches!(wanted, Some(ReportOnly | On)), "{wanted:?}");
    }
}

#[test]
fn on_is_live() {
    for wanted in [None, Some(On)] {
        let change = change(planned(desired_policy(wanted), [live(State::On)]));
        assert_eq!(
            cell(&change),
            (Action::None, On, On, vec![], vec![]),
            "{wanted:?}"
        );
    }
    for (wanted, guard) in [
        (ReportOnly, "weaken"),
        (Off, "weaken"),
        (Absent, "delete-enforced"),
    ] {
        let plan = planned(wanting(wanted), [live(State::On)]);
        assert_eq!(guards(&plan), [guard], "{wanted:?}");
        assert!(plan.is_empty());
        assert_eq!(plan.refusals[0].absolute, wanted == Absent);
    }
}

#[test]
fn weakening_counts_on_its_last_day_and_not_after() {
    for (wanted, state, action) in [
        (ReportOnly, State::ReportOnly, Action::Demote),
        (Off, State::Off, Action::Disable),
    ] {
        let today = weakened(wanted, date(2026, 11, 20));
        let change = change(planned(today, [live(State::On)]));
        assert_eq!(
            cell(&change),
            (
                action,
                On,
                wanted,
                vec![],
                vec![(Verb::Update, Some(state))]
            )
        );
        assert_eq!(bodies(&change), [&json!({"state": state.wire()})]);
        assert_eq!(change.effect, Effect::Weakens);
        assert!(change.only_improves());
        assert_eq!(
            change.notes,
            ["weakened because: the help desk is flooded (identity-team, OPS-1; until 2026-11-20)"]
        );
        let yesterday = weakened(wanted, date(2026, 11, 19));
        let plan = planned(yesterday, [live(State::On)]);
        assert_eq!(guards(&plan), ["weaken"]);
        assert_eq!(
            plan.refusals[0].message,
            "azure-mfa is on, and its `weaken:` ended on 2026-11-19"
        );
    }
}

#[test]
fn a_lowering_goes_first_and_an_edit_after_it() {
    let mut policy = pinned(weakened(ReportOnly, date(2026, 12, 1)));
    policy.policy.name = "New name".into();
    let change = change(planned(policy, [live(State::On)]));
    assert_eq!(
        bodies(&change),
        [
            &json!({"state": "enabledForReportingButNotEnforced"}),
            &json!({"displayName": "New name"})
        ]
    );
    assert!(!change.only_improves());
}

#[test]
fn a_lowering_waits_for_no_name() {
    let unresolved = |mut policy: DesiredPolicy| {
        policy.policy.conditions.users.exclude.users = BTreeSet::from([name("nobody@example.org")]);
        policy
    };
    let tenant = |state| {
        let mut tenant = snapshot([live(state)]);
        tenant
            .found
            .push(found("nobody@example.org", vec![], Kind::User));
        tenant
    };
    for (policy, state) in [
        (weakened(ReportOnly, date(2026, 12, 1)), State::On),
        (wanting(Off), State::ReportOnly),
        (wanting(Absent), State::ReportOnly),
    ] {
        let plan = against(&desired([unresolved(policy)]), &tenant(state));
        assert_eq!(guards(&plan), [] as [&str; 0]);
        assert_eq!(plan.notes[0].code, "unresolved");
        assert!(plan.only_improves());
        assert_eq!(plan.changes[0].writes[0].body.as_object().unwrap().len(), 1);
    }
    let mut gone = tenant(State::Off);
    gone.policies.clear();
    let plan = against(&desired([unresolved(wanting(Absent))]), &gone);
    assert_eq!(guards(&plan), [] as [&str; 0]);
    let plan = against(&desired([unresolved(wanting(ReportOnly))]), &gone);
    assert_eq!(guards(&plan), ["unresolved"]);
}

#[test]
fn our_own_delete_switches_off_first() {
    let change = change(planned(wanting(Absent), [live(State::ReportOnly)]));
    assert_eq!(
        bodies(&change),
        [&json!({"state": "disabled"}), &Value::Null]
    );
    assert!(change.result.is_none());
    assert!(change.only_improves());
}

#[test]
fn an_edit_of_a_policy_that_is_not_enforced_sends_whole_blocks_and_no_state() {
    for (state, wanted) in [(State::ReportOnly, ReportOnly), (State::Off, Off)] {
        let mut policy = wanting(wanted);
        policy.policy.grant.as_mut().unwrap().strength = Some(name("phishing-resistant-mfa"));
        policy.policy.grant.as_mut().unwrap().controls.clear();
        let change = change(planned(policy, [live(state)]));
        assert_eq!(change.action, Action::Update);
        assert_eq!(change.effect, Effect::Unknown);
        assert_eq!(
            bodies(&change),
            [&json!({"grantControls": {
                "operator": "OR", "builtInControls": [], "termsOfUse": [],
                "customAuthenticationFactors": [],
                "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"},
            }})]
        );
        assert_eq!(
            rows(&change),
            [
                r#"grant.controls: ["mfa"] -> [] (File)"#,
                r#"grant.authentication_strength: null -> "Phishing-resistant MFA" (File)"#,
            ]
        );
    }
}

#[test]
fn an_edit_before_a_promotion_begins_a_new_soak() {
    let mut policy = wanting(On);
    policy.policy.conditions.users.exclude.users = BTreeSet::from([name("anna@example.org")]);
    let change = change(planned(policy, [live(State::ReportOnly)]));
    assert_eq!(
        cell(&change),
        (
            Action::Update,
            ReportOnly,
            ReportOnly,
            vec!["soak"],
            vec![(Verb::Update, Some(State::ReportOnly))]
        )
    );
    assert!(bodies(&change)[0].get("state").is_none());
    assert_eq!(
        change.held[0].reason,
        "0 of 7 days: the edit below begins a new soak"
    );
}

// Rule 1: what makes an enforced policy stricter.

/// An enforced policy whose edit takes Bert out of the exclusions, which is stricter for Bert.
fn stricter() -> (DesiredPolicy, LivePolicy) {
    let live = live_with(LIVE, State::On, |json| {
        json["conditions"]["users"]["excludeUsers"] = json!([id(EMERGENCY_1), id(BERT)]);
    });
    (pinned(wanting(On)), live)
}

#[test]
fn what_is_stricter_is_held_for_its_twin() {
    let (policy, live) = stricter();
    let change = change(planned(policy, [live.clone()]));
    assert_eq!(cell(&change), (Action::None, On, On, vec!["twin"], vec![]));
    assert_eq!(change.effect, Effect::Strengthens);
    assert_eq!(change.result, Some(live.policy));
    assert_eq!(
        rows(&change),
        [
            r#"users.exclude: ["bert@example.org","emergency-access-1"] -> ["emergency-access-1"] (File)"#
        ]
    );
    assert_eq!(
        change.notes[0],
        "taking bert@example.org out of the exclusions makes the policy stricter for that account"
    );
}

#[test]
fn what_cannot_be_told_counts_as_stricter() {
    let mut policy = pinned(wanting(On));
    policy.policy.conditions.users.include.all = false;
    policy.policy.conditions.users.include.groups = BTreeSet::from([name("Vault")]);
    let change = change(planned(policy, [live(State::On)]));
    assert_eq!(cell(&change), (Action::None, On, On, vec!["twin"], vec![]));
    assert_eq!(change.effect, Effect::Unknown);
}

#[test]
fn in_place_lets_it_through_and_says_who_answers() {
    let (mut policy, live) = stricter();
    policy.rollout.in_place = Some(InPlace {
        reason: "one account".into(),
        owner: "platform-team".into(),
    });
    let change = change(planned(policy, [live]));
    assert_eq!(
        cell(&change),
        (
            Action::Update,
            On,
            On,
            vec![],
            vec![(Verb::Update, Some(State::On))]
        )
    );
    assert!(
        change
            .notes
            .contains(&"edited in place without a twin: one account (platform-team)".to_owned())
    );
    assert!(bodies(&change)[0].get("state").is_none());
}

#[test]
fn what_is_weaker_or_neutral_goes_through() {
    let mut weaker = pinned(wanting(On));
    weaker.policy.conditions.users.exclude.users = BTreeSet::from([name("anna@example.org")]);
    let weaker = change(planned(weaker, [live(State::On)]));
    assert_eq!(
        cell(&weaker),
        (
            Action::Update,
            On,
            On,
            vec![],
            vec![(Verb::Update, Some(State::On))]
        )
    );
    assert_eq!(weaker.effect, Effect::Weakens);
    // An exclusion weakens, and is no improvement that guards let pass, unless it is break-glass.
    assert!(!weaker.only_improves());

    let mut renamed = pinned(wanting(On));
    renamed.policy.name = "New name".into();
    let renamed = change(planned(renamed, [live(State::On)]));
    assert_eq!(renamed.effect, Effect::Neutral);
    assert_eq!(bodies(&renamed), [&json!({"displayName": "New name"})]);
}

#[test]
fn missing_break_glass_is_written_while_the_rest_is_held() {
    let without = |users: Value| {
        live_with(LIVE, State::On, |json| {
            json["conditions"]["users"]["excludeUsers"] = users
        })
    };
    let mut by_name = pinned(wanting(On));
    by_name.policy.conditions.users.exclude.users = BTreeSet::from([principal_name(
        "emergency1@example.org",
        "emergency-access-1",
    )]);
    for policy in [pinned(wanting(On)), by_name] {
        // Bert goes, which is held; the emergency account comes, which is not.
        let change = change(planned(policy, [without(json!([id(BERT)]))]));
        assert_eq!(
            cell(&change),
            (
                Action::Update,
                On,
                On,
                vec!["twin"],
                vec![(Verb::Update, Some(State::On))]
            )
        );
        assert_eq!(
            bodies(&change)[0]["conditions"]["users"]["excludeUsers"],
            json!([id(EMERGENCY_1), id(BERT)])
        );
        assert_eq!(change.effect, Effect::Weakens);
        assert!(change.only_improves());
        assert!(
            change
                .notes
                .contains(&"only the missing break-glass exclusions are written now; the rest of the edit is held".to_owned())
        );
    }
    // Nothing but break-glass is missing: nothing is held.
    let change = change(planned(pinned(wanting(On)), [without(json!([]))]));
    assert_eq!(cell(&change).3, [] as [&str; 0]);
    assert!(change.only_improves());
    assert_eq!(
        rows(&change),
        [r#"users.exclude: [] -> ["emergency-access-1"] (Implied)"#]
    );
}

// Adoption, and Microsoft's own policies.

#[test]
fn a_name_alone_adopts_nothing_that_is_enforced_and_differs() {
    let mut policy = wanting(On);
    policy.policy.conditions.users.exclude.users = BTreeSet::from([name("anna@example.org")]);
    let plan = planned(policy.clone(), [live(State::On)]);
    assert_eq!(guards(&plan), ["adopt"]);
    assert!(
        plan.refusals[0]
            .help
            .as_ref()
            .unwrap()
            .contains("`id: 00000000-0000-4000-8000-000000000301`")
    );
    assert!(plan.unmanaged.is_empty());
    for state in [State::ReportOnly, State::Off] {
        assert_eq!(
            guards(&planned(policy.clone(), [live(state)])),
            [] as [&str; 0]
        );
    }
    assert_eq!(
        guards(&planned(pinned(policy), [live(State::On)])),
        [] as [&str; 0]
    );

    let mut renamed = wanting(On);
    renamed.policy.name = "New name".into();
    renamed.renamed_from = vec![at(NAME.to_owned())];
    assert_eq!(guards(&planned(renamed, [live(State::On)])), ["adopt"]);
}

fn microsoft(state: Option<WantedState>) -> DesiredPolicy {
    let mut policy = desired_policy(state);
    policy.owner = Owner::Microsoft;
    policy.policy.conditions.users.include.all = false;
    policy.policy.conditions.targets.include.apps.clear();
    policy.policy.grant = None;
    policy
}

#[test]
fn of_microsofts_policies_only_state_and_exclusions_change() {
    let unprotected = |state| {
        live_with(LIVE, state, |json| {
            json["conditions"]["users"]["excludeUsers"] = json!([])
        })
    };
    let change = change(planned(microsoft(None), [unprotected(State::ReportOnly)]));
    assert_eq!(
        rows(&change),
        [r#"users.exclude: [] -> ["emergency-access-1"] (Implied)"#]
    );
    let body = bodies(&change)[0];
    assert_eq!(
        body.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["conditions"]
    );
    assert_eq!(body["conditions"]["users"]["includeUsers"], json!(["All"]));
    assert_eq!(
        body["conditions"]["applications"]["includeApplications"],
        json!([AZURE])
    );

    assert_eq!(guards(&planned(microsoft(None), [])), ["microsoft-managed"]);
}

#[test]
fn a_policy_of_microsoft_can_be_weighed() {
    let change = change(planned(microsoft(Some(On)), [live(State::ReportOnly)]));
    // Nothing differs, so only the record is missing.
    assert_eq!(gates(&change), ["promotion"]);
    assert_eq!(
        change.held[0].reason,
        "no promotion is recorded: run `portcullis promote azure-mfa`"
    );
}

#[test]
fn a_policy_about_the_emergency_accounts_reaches_them() {
    let mut policy = wanting(ReportOnly);
    policy.break_glass = Some(BreakGlassException {
        mode: BreakGlassMode::Require,
        reason: "r".into(),
        owner: "o".into(),
    });
    let change = change(planned(policy, []));
    assert_eq!(
        bodies(&change)[0]["conditions"]["users"]["excludeUsers"],
        json!([])
    );
}

#[test]
fn changes_come_in_the_order_that_is_never_stricter_than_the_end() {
    let policy = |key: &str, state, n: u32| {
        let mut policy = weakened(state, date(2026, 12, 1));
        policy.key = at(key.to_owned());
        policy.policy.name = key.to_owned();
        policy.id = (n > 0).then(|| at(id(n)));
        policy
    };
    let mut edited = policy("a-update", ReportOnly, 302);
    edited.policy.name = "another name".into();
    let desired = desired([
        edited,
        policy("b-create", ReportOnly, 0),
        policy("c-delete", Absent, 303),
        policy("d-demote", ReportOnly, 304),
        policy("e-same", ReportOnly, 305),
    ]);
    let there = |n, key: &str, state| live_with(n, state, |json| json["displayName"] = json!(key));
    let snapshot = snapshot([
        there(302, "a-update", State::ReportOnly),
        there(303, "c-delete", State::Off),
        there(304, "d-demote", State::On),
        there(305, "e-same", State::ReportOnly),
    ]);
    let plan = against(&desired, &snapshot);
    let order: Vec<_> = plan
        .changes
        .iter()
        .map(|change| change.policy.as_str())
        .collect();
    assert_eq!(
        order,
        ["d-demote", "b-create", "a-update", "c-delete", "e-same"]
    );
    assert_eq!(plan.writing().count(), 4);
}

#[test]
fn exclusions_from_azure_do_not_exempt_from_microsofts_own_mfa() {
    let note = "the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure";
    assert!(
        change(planned(desired_policy(None), []))
            .notes
            .contains(&note.to_owned())
    );
    let mut other = desired_policy(None);
    other.policy.conditions.targets.include.apps.clear();
    other.policy.conditions.targets.include.all = true;
    assert!(change(planned(other, [])).notes.is_empty());
}

#[test]
fn a_vendor_is_named_by_its_declaration() {
    let mut workspace = desired([desired_policy(None)]);
    workspace.principals.insert(
        "backup".into(),
        principal(PrincipalKind::Vendor, "backup", Kind::Group, "Backup"),
    );
    workspace
        .policies
        .get_mut(KEY)
        .unwrap()
        .policy
        .conditions
        .users
        .exclude
        .groups = BTreeSet::from([principal_name("Backup", "backup")]);
    let change = change(against(&workspace, &snapshot([])));
    assert!(rows(&change).contains(&r#"users.exclude: [] -> ["backup"] (File)"#.to_owned()));
    let written: Vec<Id> =
        serde_json::from_value(bodies(&change)[0]["conditions"]["users"]["excludeGroups"].clone())
            .unwrap();
    assert_eq!(written, [id(BACKUP)]);
}
