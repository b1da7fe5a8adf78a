//! What a reviewer reads of a plan, word for word.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::civil::date;
use serde_json::json;

use super::plan_document::PlanDocument;
use super::plan_text::render;
use crate::evidence::Remembered;
use crate::model::{
    Desired, DesiredPolicy, State,
    WantedState::{self, Absent, Off, On, ReportOnly},
    Weaken,
};
use crate::plan::{Note, PlanOptions, plan};
use crate::tenant::Snapshot;
use crate::tenant::fixture::*;

fn document(desired: &Desired, snapshot: &Snapshot) -> PlanDocument {
    PlanDocument::new(&plan(
        desired,
        snapshot,
        &Remembered::default(),
        &PlanOptions::default(),
    ))
}

fn text(desired: &Desired, snapshot: &Snapshot) -> String {
    let document = document(desired, snapshot);
    let refusals: String = document
        .refusals
        .iter()
        .map(|refusal| format!("<{}>\n", refusal.guard))
        .collect();
    render(&document, &refusals, false)
}

fn policy(state: WantedState) -> DesiredPolicy {
    let mut policy = desired_policy(Some(state));
    policy.id = Some(at(id(LIVE)));
    policy
}

const TENANT: &str = "\
Tenant contoso (contoso.example, 00000000-0000-4000-8000-000000000999) as of 2026-11-20 12:00 UTC

+ create   ~ change   - delete   ▲ turn on   ▼ lower   ‖ held

";

#[test]
fn a_creation_beside_a_candidate() {
    let twin = live_with(302, State::On, |json| {
        json["displayName"] = json!("MFA for Azure (portal)");
    });
    assert_eq!(
        text(&desired([desired_policy(Some(On))]), &snapshot([twin])),
        TENANT.to_owned()
            + "\
+ azure-mfa \"CA010 - Require MFA for Azure management\" will be created, report-only
    policies/azure-mfa.yaml:1
      name: + CA010 - Require MFA for Azure management
      state: + report-only
      users.include: + all
      users.exclude: + emergency-access-1  (implied: declared break-glass)
      target_resources.include: + Windows Azure Service Management API
      conditions.client_apps: + all  (default)
      grant.controls: + mfa
    Effect: nobody is asked for anything; sign-ins are evaluated and logged.
    note: the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure
    held by gate soak: 0 of 7 days: it soaks in report-only first (not before 2026-11-27 12:00 UTC)

Unmanaged, and left exactly as they are (1):
    MFA for Azure (portal) (on)
      has the users, target and grant of azure-mfa: to adopt it instead of creating another, pin it with `id: 00000000-0000-4000-8000-000000000302`

Plan: 1 to create (report-only), 0 to change, 0 to promote, 0 to delete; 1 held, 1 unmanaged.
"
    );
}

#[test]
fn an_update() {
    let mut workspace = desired([policy(ReportOnly)]);
    let wanted = &mut workspace.policies.get_mut(KEY).unwrap().policy;
    wanted.name = "New name".into();
    wanted.conditions.users.exclude.groups = BTreeSet::from([name("Staff")]);
    let there = live_with(LIVE, State::ReportOnly, |json| {
        json["conditions"]["users"]["excludeUsers"] = json!([id(EMERGENCY_1), id(BERT)]);
        json["conditions"]["times"] = json!({});
    });
    assert_eq!(
        text(&workspace, &snapshot([there])),
        TENANT.to_owned()
            + "\
~ azure-mfa \"New name\" will be changed; it stays report-only
    policies/azure-mfa.yaml:1
      name: CA010 - Require MFA for Azure management -> New name
      users.exclude: + Staff  - bert@example.org
    Effect: cannot be told from the shape of the change; it counts as stricter.
    note: the live policy holds what this version does not model; it is kept as it is: conditions.times
    note: taking bert@example.org out of the exclusions makes the policy stricter for that account
    note: the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure

Plan: 0 to create (report-only), 1 to change, 0 to promote, 0 to delete; 0 held, 0 unmanaged.
"
    );
}

#[test]
fn an_edit_that_is_held() {
    let mut workspace = desired([policy(On)]);
    workspace
        .policies
        .get_mut(KEY)
        .unwrap()
        .policy
        .conditions
        .targets
        .include
        .all = true;
    assert_eq!(
        text(&workspace, &snapshot([live(State::On)])),
        TENANT.to_owned()
            + "\
‖ azure-mfa \"CA010 - Require MFA for Azure management\" is held; it stays on
    policies/azure-mfa.yaml:1
      target_resources.include: + all
    Effect if it were applied: cannot be told, so it counts as stricter.
    note: the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure
    held by gate twin: whether the edit makes an enforced policy stricter cannot be told, so it counts as stricter: allow it with `rollout: {in_place: {reason: …, owner: …}}`, or lower the policy first

No changes. There is nothing to change; 1 held, 0 unmanaged.
"
    );
}

#[test]
fn a_promotion() {
    let mut document = document(
        &desired([policy(Off)]),
        &snapshot([live(State::ReportOnly)]),
    );
    // What turns a policy on needs a record; how it reads does not.
    let change = &mut document.changes[0];
    change.action = "promote".into();
    change.to_state = "on".into();
    change.effect = "strengthens".into();
    change.fields[0].after = json!("on");
    change.notes = vec!["all gates passed".into()];
    document.summary.disable = 0;
    document.summary.promote = 1;
    assert_eq!(
        render(&document, "", false),
        TENANT.to_owned()
            + "\
▲ azure-mfa \"CA010 - Require MFA for Azure management\" will be turned on
    policies/azure-mfa.yaml:1
      state: report-only -> on
    Effect: the policy is enforced from now on.
    note: all gates passed

Plan: 0 to create (report-only), 0 to change, 1 to promote, 0 to delete; 0 held, 0 unmanaged.
"
    );
}

#[test]
fn a_lowering_and_a_deletion() {
    let mut lowered = policy(ReportOnly);
    lowered.weaken = Some(at(Weaken {
        reason: "too many prompts".into(),
        owner: "identity-team".into(),
        ticket: None,
        until: date(2026, 12, 1),
    }));
    let mut gone = policy(Absent);
    gone.key = at("gone".to_owned());
    gone.id = Some(at(id(302)));
    assert_eq!(
        text(
            &desired([lowered, gone]),
            &snapshot([live(State::On), live_with(302, State::Off, |json| json["displayName"] = json!("Gone"))])
        ),
        TENANT.to_owned()
            + "\
▼ azure-mfa \"CA010 - Require MFA for Azure management\" will go back to report-only: nothing is enforced any more
    policies/azure-mfa.yaml:1
      state: on -> report-only
    Effect: what the policy asks for is asked of nobody any more.
    note: weakened because: too many prompts (identity-team; until 2026-12-01)

- gone \"CA010 - Require MFA for Azure management\" will be deleted
    policies/azure-mfa.yaml:1
      state: - off
    Effect: nobody is asked for anything; the policy does not enforce.
    note: it stays in the recycle bin for 30 days where the cloud has one

Plan: 0 to create (report-only), 0 to change, 0 to promote, 1 to demote, 1 to delete; 0 held, 0 unmanaged.
"
    );
}

#[test]
fn a_refusal_has_the_last_word() {
    let plan = text(&desired([policy(Off)]), &snapshot([live(State::On)]));
    assert_eq!(
        plan,
        "\
Tenant contoso (contoso.example, 00000000-0000-4000-8000-000000000999) as of 2026-11-20 12:00 UTC

<weaken>

Refused for 1 reason above; nothing can be applied until that is settled.
"
    );
}

#[test]
fn nothing_to_do_is_said_in_a_line() {
    assert_eq!(
        text(
            &desired([policy(ReportOnly)]),
            &snapshot([live(State::ReportOnly)])
        ),
        "\
Tenant contoso (contoso.example, 00000000-0000-4000-8000-000000000999) as of 2026-11-20 12:00 UTC

No changes. There is nothing to change; 0 held, 0 unmanaged.
"
    );
}

/// The last line for these states of new policies and these counts.
fn summary(created: &[&str], change: impl FnOnce(&mut PlanDocument)) -> String {
    let mut document = document(&desired([]), &snapshot([]));
    let row = document_of_one();
    document.changes = created
        .iter()
        .map(|state| {
            let mut row = row.clone();
            row.to_state = (*state).to_owned();
            row
        })
        .collect();
    document.summary.create = created.len();
    change(&mut document);
    let text = render(&document, "", false);
    text.trim_end().lines().next_back().unwrap().to_owned()
}

fn document_of_one() -> super::plan_document::ChangeRow {
    document(&desired([desired_policy(None)]), &snapshot([]))
        .changes
        .remove(0)
}

#[test]
fn the_summary_has_one_grammar() {
    assert_eq!(
        summary(&["report-only", "report-only"], |document| {
            document.summary.update = 1;
            document.summary.promote = 1;
            document.summary.held = 1;
            document.summary.unmanaged = 3;
        }),
        "Plan: 2 to create (report-only), 1 to change, 1 to promote, 0 to delete; 1 held, 3 unmanaged."
    );
    assert_eq!(
        summary(&["off"], |_| {}),
        "Plan: 1 to create (off), 0 to change, 0 to promote, 0 to delete; 0 held, 0 unmanaged."
    );
    assert_eq!(
        summary(&["off", "report-only"], |document| {
            document.summary.restore = 1;
            document.summary.disable = 2;
            document.summary.delete = 1;
        }),
        "Plan: 2 to create (report-only or off), 0 to change, 0 to promote, 1 to restore, 2 to disable, 1 to delete; 0 held, 0 unmanaged."
    );
}

#[test]
fn the_document_has_the_keys_of_the_design_in_their_order() {
    let mut document = document(&desired([policy(Off)]), &snapshot([live(State::On)]));
    let value = document.to_value();
    let text = serde_json::to_string(&document).unwrap();
    assert!(
        text.starts_with("{\"format_version\":\"1.0\",\"tenant\":{\"name\":\"contoso\","),
        "{text}"
    );
    let keys: BTreeSet<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        BTreeSet::from([
            "format_version",
            "tenant",
            "created_at",
            "digest",
            "changes",
            "unmanaged",
            "refusals",
            "notes",
            "summary",
        ])
    );
    assert_eq!(
        value["refusals"][0],
        json!({
            "guard": "weaken", "policy": "azure-mfa", "absolute": false,
            "message": "azure-mfa is on, and the YAML says off without `weaken:`",
            "source": {"file": "policies/azure-mfa.yaml", "line": 1},
            "help": "say why in the policy file: `weaken: {reason: …, owner: …, ticket: …, until: 2026-11-20}`; in an emergency run `portcullis demote azure-mfa`",
        })
    );
    // What is shown later was saved earlier.
    document.changes.push(document_of_one());
    let again: PlanDocument = serde_json::from_value(document.to_value()).unwrap();
    assert_eq!(again, document);
}

#[test]
fn every_change_is_counted_once() {
    let make = |key: &str, state, n: u32| {
        let mut policy = policy(state);
        policy.key = at(key.to_owned());
        policy.id = (n > 0).then(|| at(id(n)));
        policy.policy.name = key.to_owned();
        policy
    };
    let there = |n, key: &str, state| live_with(n, state, |json| json["displayName"] = json!(key));
    let workspace = desired([
        make("create", On, 0),
        make("update", ReportOnly, 302),
        make("delete", Absent, 303),
        make("disable", Off, 304),
        make("same", ReportOnly, 305),
        make("held", On, 306),
    ]);
    let snapshot = snapshot([
        there(302, "old", State::ReportOnly),
        there(303, "delete", State::Off),
        there(304, "disable", State::ReportOnly),
        there(305, "same", State::ReportOnly),
        there(306, "held", State::ReportOnly),
        there(307, "somebody else's", State::On),
    ]);
    assert_eq!(
        document(&workspace, &snapshot).to_value()["summary"],
        json!({
            "create": 1, "update": 1, "promote": 0, "restore": 0, "demote": 0, "disable": 1,
            "delete": 1, "unchanged": 1, "held": 2, "unmanaged": 1,
        })
    );
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let mut plan = plan(
        &desired([desired_policy(Some(On))]),
        &snapshot([]),
        &Remembered::default(),
        &PlanOptions::default(),
    );
    plan.notes.push(Note {
        code: "c",
        message: "a note".into(),
        policy: Some(KEY.into()),
    });
    let document = PlanDocument::new(&plan);
    let coloured = render(&document, "", true);
    assert!(coloured.contains('\u{1b}'));
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        bare.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
    }
    bare.push_str(rest);
    let plain = render(&document, "", false);
    assert_eq!(bare, plain);
    assert!(plain.contains("\nnote: azure-mfa: a note\n"));
}
