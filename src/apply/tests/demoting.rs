//! Back to report-only, whatever else is the matter.

use tokio::time::Instant;

use super::tenant::Fault::{self, *};
use super::*;
use crate::apply::{Demoted, demote};
use crate::model::{State, WantedState};
use crate::tenant::fixture::*;

async fn lower(machine: &Machine, tenant: &Tenant) -> Result<Demoted, ApplyError> {
    demote(
        tenant,
        &id(LIVE),
        KEY,
        Some(&machine.store),
        SETTLE,
        &|_| {},
    )
    .await
}

const PATCH: &str = "PATCH state=enabledForReportingButNotEnforced";

#[tokio::test(start_paused = true)]
async fn a_demotion_is_one_patch_that_is_read_back() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
    tenant.lag(5);
    let demoted = lower(&machine, &tenant).await.unwrap();
    assert_eq!((demoted.name.as_str(), demoted.unjournalled), (NAME, None));
    assert_eq!(tenant.sent(), [PATCH]);
    assert_eq!(machine.journal(), ["intent", "done"]);
}

#[tokio::test(start_paused = true)]
async fn an_unclear_answer_is_asked_again_at_once() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
    tenant.faults(&[NotCarriedOut, AnswerLost]);
    let start = Instant::now();
    lower(&machine, &tenant).await.unwrap();
    assert_eq!(tenant.sent(), [PATCH, PATCH, PATCH]);
    assert!(start.elapsed() < SETTLE / 2);
    assert_eq!(tenant.holds()[0].1, "enabledForReportingButNotEnforced");
}

#[tokio::test(start_paused = true)]
async fn a_demotion_says_when_it_is_not_certain() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
    tenant.faults(&[NotCarriedOut; 1000]);
    let error = lower(&machine, &tenant).await.unwrap_err();
    assert!(
        matches!(&error, ApplyError::Partly { reason, .. } if reason.contains("is not known: 503")),
        "{error:?}"
    );
    tenant.faults(&[]);
    tenant.lag(1000);
    let error = lower(&machine, &tenant).await.unwrap_err();
    assert!(
        matches!(&error, ApplyError::Partly { reason, .. } if reason.contains("does not show it yet")),
        "{error:?}"
    );
    tenant.faults(&[Refused]);
    let error = lower(&machine, &tenant).await.unwrap_err();
    assert!(matches!(error, ApplyError::Rejected { .. }), "{error:?}");
    // The refusal of the second try says nothing about the first.
    tenant.faults(&[AnswerLost, Refused]);
    let error = lower(&machine, &tenant).await.unwrap_err();
    assert!(matches!(error, ApplyError::Partly { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn neither_a_lock_nor_a_broken_journal_keeps_it() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
    let desired = desired([]);
    let busy = machine.prepare(&tenant, &desired).await;
    lower(&machine, &tenant).await.unwrap();
    assert_eq!(tenant.sent(), [PATCH]);
    drop(busy);

    let journal = machine
        .store
        .root()
        .join(format!("journal/{}.jsonl", tenant_id()));
    std::fs::write(&journal, "not an entry\n").unwrap();
    let demoted = lower(&machine, &tenant).await.unwrap();
    assert!(
        demoted
            .unjournalled
            .unwrap()
            .contains("line 1, is not an entry of a journal")
    );
    assert_eq!(tenant.sent().len(), 2);
    let nowhere = demote(&tenant, &id(LIVE), KEY, None, SETTLE, &|_| {})
        .await
        .unwrap();
    assert_eq!(nowhere.unjournalled, None);
}

#[tokio::test(start_paused = true)]
async fn a_killed_demotion_is_found_done_and_keeps_nobody_waiting() {
    for (fault, journal) in [(KilledAfter, "done"), (KilledBefore, "not-done")] {
        let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
        tenant.faults(&[fault]);
        let killed = tokio::time::timeout(SETTLE, lower(&machine, &tenant)).await;
        assert!(killed.is_err());
        let start = Instant::now();
        let desired = desired([desired_policy(Some(WantedState::ReportOnly))]);
        let _prepared = machine.prepare(&tenant, &desired).await;
        assert_eq!(machine.journal(), ["intent", journal], "{fault:?}");
        assert_eq!(start.elapsed() < SETTLE, fault == Fault::KilledAfter);
    }
}
