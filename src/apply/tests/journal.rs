//! What the journal remembers, and what a look at the tenant says about a write.

use std::io::Write as _;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::apply::journal::{Intent, Journal, JournalError};
use crate::apply::open_write::{Seen, look_for};
use crate::diff;
use crate::model::fingerprint;
use crate::model::{LivePolicy, State};
use crate::plan::{Action, SavedChange, SavedWrite, Verb, Write};
use crate::tenant::fixture::*;
use crate::tenant::{PolicyList, Unreadable};

fn intent(verb: Verb, live: &LivePolicy) -> Intent {
    Intent {
        intent: Uuid::new_v4(),
        digest: DIGEST.into(),
        policy: KEY.into(),
        name: live.policy.name.clone(),
        verb,
        id: (verb != Verb::Create).then(|| live.id.clone()),
        body: "sha256:body".into(),
        before: None,
        outcome: (verb != Verb::Delete)
            .then(|| diff::outcome_fingerprint(&live.policy, live.state)),
        state: Some(live.state),
        exclusions: Some("sha256:exclusions".into()),
        at: now(),
    }
}

fn open(machine: &Machine) -> Journal {
    Journal::open(&machine.store, &tenant_id()).unwrap()
}

fn path(machine: &Machine) -> std::path::PathBuf {
    machine
        .store
        .root()
        .join(format!("journal/{}.jsonl", tenant_id()))
}

#[test]
fn an_intent_is_open_until_something_is_said_of_it() {
    let machine = Machine::new();
    let mut journal = open(&machine);
    assert!(!journal.knows_earlier_runs());
    let live = live(State::On);
    let [first, second, third] = [(); 3].map(|()| intent(Verb::Update, &live));
    for intent in [&first, &second, &third] {
        journal.announce(intent).unwrap();
    }
    journal.done(&first, Some(&live.id)).unwrap();
    journal.not_done(&second, "refused").unwrap();
    drop(journal);

    let journal = open(&machine);
    assert!(journal.knows_earlier_runs());
    assert_eq!(journal.open_intents(), [third]);
}

#[test]
fn a_torn_line_was_never_announced() {
    let machine = Machine::new();
    let live = live(State::On);
    open(&machine)
        .announce(&intent(Verb::Update, &live))
        .unwrap();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path(&machine))
        .unwrap();
    file.write_all(b"{\"entry\":\"intent\",\"inte").unwrap();
    assert!(Journal::read(&machine.store, &tenant_id()).is_ok());
    let mut journal = open(&machine);
    assert_eq!(journal.open_intents().len(), 1);
    journal.announce(&intent(Verb::Update, &live)).unwrap();
    assert_eq!(open(&machine).open_intents().len(), 2);
}

#[test]
fn a_line_that_is_no_entry_is_named() {
    let machine = Machine::new();
    open(&machine)
        .announce(&intent(Verb::Update, &live(State::On)))
        .unwrap();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path(&machine))
        .unwrap();
    file.write_all(b"{\"entry\":\"something new\"}\n").unwrap();
    for error in [
        Journal::open(&machine.store, &tenant_id()).err().unwrap(),
        Journal::read(&machine.store, &tenant_id()).err().unwrap(),
    ] {
        assert!(
            matches!(error, JournalError::Entry { line: 2, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn reading_creates_nothing() {
    let machine = Machine::new();
    let remembered = Journal::read(&machine.store, &tenant_id()).unwrap();
    assert!(remembered.writes.is_empty() && remembered.turned_on.is_empty());
    assert!(!machine.store.root().exists());
}

#[test]
fn what_is_remembered_is_the_last_write_that_arrived() {
    let machine = Machine::new();
    let mut journal = open(&machine);
    let (report_only, on) = (live(State::ReportOnly), live(State::On));
    let create = intent(Verb::Create, &report_only);
    journal.announce(&create).unwrap();
    assert!(journal.remembered().writes.is_empty());
    journal.done(&create, Some(&id(LIVE))).unwrap();
    let remembered = journal.remembered();
    let write = &remembered.writes[&id(LIVE)];
    assert_eq!(
        (write.exclusions.as_deref(), write.at),
        (Some("sha256:exclusions"), now())
    );
    assert!(remembered.turned_on.is_empty());

    let mut promote = intent(Verb::Update, &on);
    promote.exclusions = None;
    promote.at = time("2026-11-21T00:00:00Z");
    journal.announce(&promote).unwrap();
    journal.done(&promote, Some(&id(LIVE))).unwrap();
    let failed = intent(Verb::Update, &report_only);
    journal.announce(&failed).unwrap();
    journal.not_done(&failed, "refused").unwrap();
    let remembered = journal.remembered();
    assert_eq!(remembered.writes[&id(LIVE)].exclusions, None);
    assert_eq!(
        remembered.turned_on[&id(LIVE)],
        time("2026-11-21T00:00:00Z")
    );

    let delete = intent(Verb::Delete, &on);
    journal.announce(&delete).unwrap();
    journal.done(&delete, Some(&id(LIVE))).unwrap();
    assert!(journal.remembered().writes.is_empty());
    let again = Journal::read(&machine.store, &tenant_id()).unwrap();
    assert!(again.writes.is_empty());
}

fn among(intent: &Intent, policies: impl IntoIterator<Item = LivePolicy>) -> Seen {
    let list = PolicyList {
        taken_at: now(),
        policies: policies.into_iter().collect(),
        unreadable: Vec::new(),
    };
    look_for(intent, &list)
}

#[test]
fn a_creation_is_found_by_name_content_and_time() {
    let made = |change: fn(&mut serde_json::Value)| {
        live_with(LIVE, State::ReportOnly, |json| {
            json["createdDateTime"] = "2026-11-20T12:00:00Z".into();
            change(json);
        })
    };
    let wanted = intent(Verb::Create, &made(|_| {}));
    let seen = |live: LivePolicy| among(&wanted, [live]);
    assert_eq!(seen(made(|_| {})), Seen::Done(Some(id(LIVE))));
    assert_eq!(among(&wanted, []), Seen::AsBefore);
    for other in [
        made(|json| json["createdDateTime"] = "2026-11-20T11:54:59Z".into()),
        made(|json| json["state"] = "disabled".into()),
        made(|json| json["displayName"] = "Another".into()),
        made(|json| json["grantControls"]["builtInControls"] = serde_json::json!(["block"])),
    ] {
        assert_eq!(seen(other), Seen::AsBefore);
    }
}

#[test]
fn an_edit_is_as_wanted_as_before_or_otherwise() {
    let (before, after) = (live(State::ReportOnly), live(State::On));
    let mut wanted = intent(Verb::Update, &after);
    wanted.before = Some(diff::live_fingerprint(&before));
    assert_eq!(among(&wanted, [after]), Seen::Done(Some(id(LIVE))));
    assert_eq!(among(&wanted, [before]), Seen::AsBefore);
    assert_eq!(among(&wanted, [live(State::Off)]), Seen::Otherwise);
    assert_eq!(among(&wanted, []), Seen::Otherwise);
}

#[test]
fn a_deletion_is_done_when_it_is_gone() {
    let wanted = intent(Verb::Delete, &live(State::Off));
    assert_eq!(among(&wanted, []), Seen::Done(Some(id(LIVE))));
    assert_eq!(among(&wanted, [live(State::Off)]), Seen::AsBefore);
}

#[test]
fn what_is_there_without_its_documented_shape_is_not_deleted() {
    let there = Unreadable {
        id: Some(id(LIVE)),
        name: None,
        problem: "preview".into(),
        raw: Value::Null,
    };
    let list = PolicyList {
        taken_at: now(),
        policies: Vec::new(),
        unreadable: vec![there],
    };
    let wanted = intent(Verb::Delete, &live(State::Off));
    assert_eq!(look_for(&wanted, &list), Seen::Otherwise);
}

#[test]
fn a_change_is_done_when_its_last_write_is() {
    let mut journal = open(&Machine::new());
    let off = json!({"state": State::Off.wire()});
    let writes = [(Verb::Update, off), (Verb::Delete, Value::Null)];
    let change = SavedChange {
        policy: KEY.into(),
        id: Some(id(LIVE)),
        action: Action::Delete,
        before: None,
        write: writes
            .clone()
            .map(|(verb, body)| SavedWrite { verb, body })
            .into(),
        resolved: String::new(),
    };
    for (verb, body) in writes {
        let intent = Intent {
            body: fingerprint(&body),
            ..intent(verb, &live(State::Off))
        };
        journal.announce(&intent).unwrap();
        assert!(!journal.has_done(DIGEST, &change));
        journal.done(&intent, Some(&id(LIVE))).unwrap();
        assert_eq!(journal.has_done(DIGEST, &change), verb == Verb::Delete);
    }
    assert!(!journal.has_done("sha256:another", &change));
}

/// `/dev/null` takes every line and cannot be synced.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_journal_that_fails_after_the_first_write_leaves_the_plan_partly_applied() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::Off)]));
    let desired = desired([]);
    machine.store.path(path(&machine)).unwrap();
    std::os::unix::fs::symlink("/dev/null", path(&machine)).unwrap();
    let write = Write {
        verb: Verb::Update,
        body: json!({"state": State::ReportOnly.wire()}),
        outcome: None,
        state: Some(State::ReportOnly),
    };
    let intent = intent(Verb::Update, &live(State::ReportOnly));
    for (done, partly) in [(Vec::new(), false), (vec!["another".to_owned()], true)] {
        let mut prepared = machine.prepare(&tenant, &desired).await;
        match prepared.send(&intent, &write, &done).await {
            Err(ApplyError::Partly { done: said, .. }) => assert!(partly && said == done),
            Err(ApplyError::Journal(_)) => assert!(!partly),
            other => panic!("{other:?}"),
        }
        assert_eq!(tenant.sent(), [""; 0]);
    }
}
