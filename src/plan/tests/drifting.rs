//! Drift, where the journal and the audit know less than they do through the binary.

use super::*;
use crate::evidence::DoneWrite;
use crate::model::{State, WantedState::*};
use crate::plan::drift::{Author, DriftKind, DriftOptions, KnownBy, drift};
use crate::tenant::AuditEvent;

/// What the fixture's workspace says, live with another requirement.
fn edited() -> LivePolicy {
    live_with(LIVE, State::ReportOnly, |json| {
        json["modifiedDateTime"] = serde_json::json!("2026-11-19T08:00:00Z");
        json["grantControls"]["builtInControls"] = serde_json::json!(["block"]);
    })
}

fn audit(by: Option<&str>, person: Option<u32>) -> AuditEvent {
    AuditEvent {
        at: time("2026-11-19T08:00:00Z"),
        activity: "Update conditional access policy".into(),
        by: by.map(str::to_owned),
        person: person.map(id),
        ..AuditEvent::default()
    }
}

fn told(
    history: Vec<AuditEvent>,
    remembered: &Remembered,
    options: &DriftOptions,
) -> crate::plan::drift::Drift {
    let mut snapshot = snapshot([edited()]);
    snapshot.history.insert(id(LIVE), history);
    drift(
        &desired([wanting(ReportOnly)]),
        &snapshot,
        remembered,
        options,
    )
}

fn audited() -> DriftOptions {
    DriftOptions {
        audited: true,
        ..DriftOptions::default()
    }
}

#[test]
fn with_neither_journal_nor_audit_nobody_knows_which_side_changed() {
    let drift = told(Vec::new(), &Remembered::default(), &DriftOptions::default());
    let [drifted] = drift.drifted.as_slice() else {
        panic!("{drift:?}");
    };
    assert_eq!(drifted.known_by, KnownBy::Nothing);
    assert!(drifted.events.is_empty());
}

#[test]
fn an_audit_without_an_entry_says_that_the_yaml_changed() {
    let drift = told(Vec::new(), &Remembered::default(), &audited());
    assert!(drift.drifted.is_empty());
    assert_eq!(drift.pending[0].policy, KEY);
}

#[test]
fn an_entry_that_does_not_say_what_it_changed_counts() {
    let drift = told(
        vec![audit(Some("Portal"), None)],
        &Remembered::default(),
        &audited(),
    );
    assert_eq!(drift.drifted[0].known_by, KnownBy::Audit);
    assert_eq!(
        drift.drifted[0].events[0].by,
        Author::Application("Portal".into())
    );
}

#[test]
fn people_are_named_when_asked_for_and_break_glass_by_its_declaration() {
    let by = |event, people| {
        let options = DriftOptions {
            people,
            ..audited()
        };
        let drift = told(vec![event], &Remembered::default(), &options);
        drift.drifted[0].events[0].by.clone()
    };
    let anna = || audit(Some("anna@example.org"), Some(ANNA));
    assert_eq!(by(anna(), false), Author::SomePerson);
    assert_eq!(by(anna(), true), Author::Person("anna@example.org".into()));
    let emergency = || audit(Some("Emergency1@example.org"), Some(EMERGENCY_1));
    for people in [false, true] {
        assert_eq!(
            by(emergency(), people),
            Author::Person("emergency-access-1".into())
        );
    }
}

#[test]
fn a_run_that_was_killed_before_it_read_back_still_knows_what_it_wrote() {
    let write = |outcome: &LivePolicy| Remembered {
        done: vec![DoneWrite {
            digest: "sha256:0123456789ab".into(),
            policy: KEY.into(),
            name: NAME.into(),
            id: id(LIVE),
            created: true,
            outcome: Some(crate::diff::outcome_fingerprint(
                &outcome.policy,
                outcome.state,
            )),
            state: Some(outcome.state),
            at: time("2026-11-18T08:00:00Z"),
        }],
        ..Remembered::default()
    };
    let ours = told(Vec::new(), &write(&edited()), &audited());
    assert!(ours.drifted.is_empty(), "{ours:?}");
    let theirs = told(
        vec![audit(None, None)],
        &write(&live(State::ReportOnly)),
        &audited(),
    );
    assert_eq!(theirs.drifted[0].known_by, KnownBy::Journal);
    assert_eq!(theirs.drifted[0].kind, DriftKind::Changed);
    assert_eq!(theirs.drifted[0].events[0].by, Author::Unknown);
}
