//! No duplicate, no write that is repeated blindly, and the error that says how much was done.

use std::future::Future;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::tenant::Fault::{self, *};
use super::*;
use crate::model::{DesiredPolicy, LivePolicy, State, WantedState};
use crate::tenant::fixture::*;

fn wanting(state: WantedState) -> Desired {
    desired([desired_policy(Some(state))])
}

/// The live policy under another name, so that an update has something to do.
fn renamed(n: u32, old: &str, state: State) -> LivePolicy {
    live_with(n, state, |json| json["displayName"] = json!(old))
}

/// A workspace that wants two new policies.
fn two() -> Desired {
    let policy = |key: &str| {
        let mut policy: DesiredPolicy = desired_policy(Some(WantedState::ReportOnly));
        policy.key = at(key.to_owned());
        policy.policy.name = key.to_uppercase();
        policy
    };
    desired([policy("a"), policy("b")])
}

/// A workspace that renames the one live policy.
fn rename() -> (Desired, LivePolicy) {
    let mut desired = wanting(WantedState::ReportOnly);
    desired.policies.get_mut(KEY).unwrap().id = Some(at(id(LIVE)));
    (desired, renamed(LIVE, "Old name", State::ReportOnly))
}

fn report_only(name: &str) -> (String, String) {
    (
        name.to_owned(),
        "enabledForReportingButNotEnforced".to_owned(),
    )
}

/// Runs until it ends, or is killed in the middle of a write.
async fn killed<T>(run: impl Future<Output = T>) {
    let ended = timeout(Duration::from_secs(3600), run).await;
    assert!(ended.is_err(), "it was to be killed");
}

const POST: &str = "POST CA010 - Require MFA for Azure management";

#[tokio::test(start_paused = true)]
async fn a_creation_is_journalled_kept_and_read_back() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    let desired = wanting(WantedState::ReportOnly);
    let applied = machine.apply(&tenant, &desired).await.unwrap();
    assert_eq!(applied.done[0].1, Some(id(401)));
    assert_eq!(tenant.sent(), [POST]);
    assert_eq!(tenant.holds(), [report_only(NAME)]);
    assert_eq!(machine.journal(), ["intent", "done", "finished"]);
    let snapshots = machine
        .store
        .root()
        .join("snapshots")
        .join(tenant_id().as_str());
    let kept = std::fs::read_dir(snapshots)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(kept.file_name(), "20261120T120000Z-0123456789ab.json");

    let again = machine.apply(&tenant, &desired).await.unwrap();
    assert!(again.done.is_empty());
    assert_eq!(tenant.sent(), [POST]);
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_creation_is_looked_up_and_never_made_twice() {
    // The faults, how long a write stays unseen, and how often it has to be sent.
    let cases: &[(&[Fault], usize, usize)] = &[
        (&[AnswerLost], 0, 1),
        (&[AnswerLost], 15, 1),
        (&[NotCarriedOut], 0, 2),
        (&[NotCarriedOut, AnswerLost], 3, 2),
        (&[], 10, 1),
    ];
    for (faults, lag, sent) in cases {
        let (machine, tenant) = (Machine::new(), Tenant::new([]));
        tenant.faults(faults);
        tenant.lag(*lag);
        let applied = machine
            .apply(&tenant, &wanting(WantedState::ReportOnly))
            .await
            .unwrap();
        assert!(applied.done[0].1.is_some());
        assert_eq!(tenant.sent().len(), *sent, "{faults:?}, {lag}");
        assert_eq!(tenant.holds(), [report_only(NAME)], "{faults:?}, {lag}");
        assert_eq!(
            machine.journal(),
            ["intent", "done", "finished"],
            "{faults:?}, {lag}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_does_not_arrive_twice_is_left_open_and_converges_later() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    let desired = wanting(WantedState::ReportOnly);
    tenant.faults(&[NotCarriedOut, NotCarriedOut]);
    let (done, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(done, [] as [&str; 0]);
    assert_eq!(
        reason,
        "azure-mfa: the write was sent 2 times and did not arrive: 503"
    );
    assert_eq!(machine.journal(), ["intent"]);
    assert_eq!(tenant.sent().len(), 2);

    machine.apply(&tenant, &desired).await.unwrap();
    assert_eq!(
        machine.journal(),
        ["intent", "not-done", "intent", "done", "finished"]
    );
    assert_eq!(tenant.holds(), [report_only(NAME)]);
    assert_eq!(tenant.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_service_has_no_room_for_is_looked_up_and_sent_again() {
    let desired = wanting(WantedState::ReportOnly);
    for (times, sent) in [(1, 2), (5, 6)] {
        let (machine, tenant) = (Machine::new(), Tenant::new([]));
        tenant.faults(&vec![Throttled; times]);
        machine.apply(&tenant, &desired).await.unwrap();
        assert_eq!(tenant.sent().len(), sent);
        assert_eq!(tenant.holds(), [report_only(NAME)]);
    }
    // A tenant that never has room ends the run.
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[Throttled; 20]);
    let (_, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(
        reason,
        "azure-mfa: the write was sent 7 times and did not arrive: 429"
    );
    assert_eq!(tenant.sent().len(), 7);
    // Each time it may have arrived all the same.
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[Throttled, AnswerLost]);
    machine.apply(&tenant, &desired).await.unwrap();
    assert_eq!(tenant.sent().len(), 2);
    assert_eq!(tenant.holds(), [report_only(NAME)]);
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_as_long_as_the_service_asks_but_not_for_ever() {
    let desired = wanting(WantedState::ReportOnly);
    let took = async |fault| {
        let (machine, tenant) = (Machine::new(), Tenant::new([]));
        tenant.faults(&[fault]);
        let begun = tokio::time::Instant::now();
        machine.apply(&tenant, &desired).await.unwrap();
        assert_eq!(tenant.sent().len(), 2);
        begun.elapsed().as_millis()
    };
    // Without being asked it waits 3 s.
    let unasked = took(Throttled).await;
    for (asked, longer) in [(1, 0), (90, 87), (1_000, 117)] {
        let more = took(ThrottledFor(asked)).await.abs_diff(unasked);
        assert!(more.abs_diff(longer * 1_000) < 100, "{asked} s: {more} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_stays_unseen_too_long_is_reported_with_both_ids() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[AnswerLost]);
    // A look every 3 s: the write shows up after the 60 s in which it was waited for.
    tenant.lag(23);
    let (done, reason) = partly(
        machine
            .apply(&tenant, &wanting(WantedState::ReportOnly))
            .await,
    );
    assert_eq!(done, [KEY]);
    assert_eq!(
        reason,
        format!(
            "azure-mfa: two policies are called \"{NAME}\" now: {}, {}; this run created {}",
            id(401),
            id(402),
            id(402)
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_twin_of_somebody_else_is_reported_and_left_alone() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[Twin]);
    let (done, reason) = partly(
        machine
            .apply(&tenant, &wanting(WantedState::ReportOnly))
            .await,
    );
    assert_eq!(done, [KEY]);
    assert!(
        reason.contains(id(401).as_str()) && reason.contains("ffffffff-0000"),
        "{reason}"
    );
    assert_eq!(tenant.sent(), [POST]);
    assert_eq!(tenant.holds().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_converges() {
    for (fault, sent) in [(KilledAfter, 1), (KilledBefore, 2)] {
        let (machine, tenant) = (Machine::new(), Tenant::new([]));
        let desired = wanting(WantedState::ReportOnly);
        tenant.faults(&[fault]);
        killed(machine.apply(&tenant, &desired)).await;
        assert_eq!(machine.journal(), ["intent"]);

        let applied = machine.apply(&tenant, &desired).await.unwrap();
        assert_eq!(applied.done.len(), sent - 1, "{fault:?}");
        assert_eq!(tenant.sent().len(), sent, "{fault:?}");
        assert_eq!(tenant.holds(), [report_only(NAME)], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_edit_and_a_killed_delete_converge() {
    for fault in [KilledAfter, KilledBefore] {
        let (desired, live) = rename();
        let (machine, tenant) = (Machine::new(), Tenant::new([live]));
        tenant.faults(&[fault]);
        killed(machine.apply(&tenant, &desired)).await;
        machine.apply(&tenant, &desired).await.unwrap();
        assert_eq!(tenant.holds(), [report_only(NAME)], "{fault:?}");

        // Killed in the first write of two, and in the second.
        for before in [&[][..], &[Fault::Nothing][..]] {
            let (machine, tenant) = (
                Machine::new(),
                Tenant::new([live_with(LIVE, State::ReportOnly, |_| {})]),
            );
            tenant.faults(&[before, &[fault]].concat());
            killed(machine.apply(&tenant, &wanting(WantedState::Absent))).await;
            machine
                .apply(&tenant, &wanting(WantedState::Absent))
                .await
                .unwrap();
            assert_eq!(tenant.holds(), [], "{fault:?}");
            assert!(
                tenant
                    .sent()
                    .iter()
                    .filter(|sent| *sent == "DELETE")
                    .count()
                    <= 2
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_edit_is_looked_up() {
    for (faults, sent) in [(&[AnswerLost][..], 1), (&[NotCarriedOut], 2)] {
        let (desired, live) = rename();
        let (machine, tenant) = (Machine::new(), Tenant::new([live]));
        tenant.faults(faults);
        tenant.lag(4);
        machine.apply(&tenant, &desired).await.unwrap();
        assert_eq!(tenant.sent(), vec!["PATCH displayName"; sent]);
        assert_eq!(tenant.holds(), [report_only(NAME)]);
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_else_at_the_same_time_is_no_reason_to_write_again() {
    let (desired, live) = rename();
    let (machine, tenant) = (Machine::new(), Tenant::new([live]));
    tenant.faults(&[SomebodyElse]);
    let (done, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(done, [] as [&str; 0]);
    assert_eq!(
        reason,
        "azure-mfa: somebody else changed the policy at the same time"
    );
    assert_eq!(tenant.sent(), ["PATCH displayName"]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_switches_off_first_and_waits_until_that_is_seen() {
    for faults in [
        &[][..],
        &[AnswerLost, AnswerLost],
        &[Fault::Nothing, NotCarriedOut],
    ] {
        let (machine, tenant) = (Machine::new(), Tenant::new([live(State::ReportOnly)]));
        tenant.faults(faults);
        tenant.lag(3);
        machine
            .apply(&tenant, &wanting(WantedState::Absent))
            .await
            .unwrap();
        let mut sent = tenant.sent();
        sent.dedup();
        assert_eq!(sent, ["PATCH state=disabled", "DELETE"]);
        assert_eq!(tenant.holds(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_the_plan_stops_the_run() {
    let (desired, live) = rename();
    let (machine, tenant) = (Machine::new(), Tenant::new([live]));
    let prepared = machine.prepare(&tenant, &desired).await;
    tenant.put(renamed(LIVE, "Somebody was faster", State::ReportOnly).raw);
    assert_eq!(
        stale(prepared.carry_out(DIGEST).await),
        "azure-mfa: the live policy changed since the plan was made"
    );
    assert!(tenant.sent().is_empty());

    let desired = wanting(WantedState::ReportOnly);
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    let prepared = machine.prepare(&tenant, &desired).await;
    tenant.put(live_json(LIVE, State::Off));
    assert_eq!(
        stale(prepared.carry_out(DIGEST).await),
        format!("azure-mfa: a policy called \"{NAME}\" appeared since the plan was made")
    );
    assert!(tenant.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_changed_after_the_first_write_is_partly_applied() {
    let mut desired = two();
    let mut third = desired_policy(Some(WantedState::ReportOnly));
    third.id = Some(at(id(LIVE)));
    desired.policies.insert(KEY.into(), third);
    let (machine, tenant) = (
        Machine::new(),
        Tenant::new([renamed(LIVE, "Old name", State::ReportOnly)]),
    );
    let prepared = machine.prepare(&tenant, &desired).await;
    tenant.put(renamed(LIVE, "Somebody was faster", State::ReportOnly).raw);
    let (done, reason) = partly(prepared.carry_out(DIGEST).await);
    assert_eq!(done, ["a", "b"]);
    assert_eq!(
        reason,
        "azure-mfa: the live policy changed since the plan was made"
    );
    assert_eq!(tenant.sent(), ["POST A", "POST B"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_service_refuses_is_not_sent_again() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[Refused]);
    match machine.apply(&tenant, &two()).await {
        Err(ApplyError::Rejected { policy, source }) => {
            assert_eq!(
                (policy.as_str(), source.message.as_str()),
                ("a", "1007: no")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(tenant.sent(), ["POST A"]);
    assert_eq!(machine.journal(), ["intent", "not-done"]);

    tenant.faults(&[Fault::Nothing, Refused]);
    let (done, reason) = partly(machine.apply(&tenant, &two()).await);
    assert_eq!(
        (done, reason),
        (vec!["a".to_owned()], "b: 1007: no".to_owned())
    );
    assert_eq!(tenant.holds(), [report_only("A")]);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_cannot_be_read_says_how_much_was_done() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    let desired = wanting(WantedState::ReportOnly);
    tenant.unreadable_after(Some(0));
    let error = machine.try_prepare(&tenant, &desired).await.err().unwrap();
    assert!(matches!(error, ApplyError::Tenant(_)), "{error:?}");

    // After the plan, before the write.
    tenant.unreadable_after(Some(1));
    assert!(matches!(
        machine.apply(&tenant, &desired).await,
        Err(ApplyError::Tenant(_))
    ));
    assert!(tenant.sent().is_empty());

    // After the write.
    tenant.unreadable_after(Some(2));
    let (done, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(done, [KEY]);
    assert_eq!(
        reason,
        "what was written could not be read back: the service is down"
    );

    // After a write without an answer: it stays open, and the next run finds it.
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    tenant.faults(&[AnswerLost]);
    tenant.unreadable_after(Some(2));
    let (done, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(done, [] as [&str; 0]);
    assert!(
        reason.contains("whether the write arrived is not known (no answer)"),
        "{reason}"
    );
    assert_eq!(machine.journal(), ["intent"]);
    tenant.unreadable_after(None);
    assert!(
        machine
            .apply(&tenant, &desired)
            .await
            .unwrap()
            .done
            .is_empty()
    );
    assert_eq!(machine.journal(), ["intent", "done"]);
    assert_eq!(tenant.holds(), [report_only(NAME)]);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_done_when_the_service_says_so_twice_in_a_row() {
    let desired = wanting(WantedState::ReportOnly);
    // The snapshot, the list before the creation, and two that agree.
    let tenant = Tenant::new([]);
    Machine::new().apply(&tenant, &desired).await.unwrap();
    assert_eq!(tenant.reads(), 4);
    // It is seen, not seen, and seen twice.
    let tenant = Tenant::new([]);
    tenant.empty_at(4);
    Machine::new().apply(&tenant, &desired).await.unwrap();
    assert_eq!(tenant.reads(), 6);
    assert_eq!(tenant.sent(), [POST]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_never_seen_ends_the_run() {
    let (desired, live) = rename();
    let (machine, tenant) = (Machine::new(), Tenant::new([live]));
    tenant.lag(1000);
    let start = Instant::now();
    let (done, reason) = partly(machine.apply(&tenant, &desired).await);
    assert_eq!(done, [KEY]);
    assert_eq!(
        reason,
        "the service accepted the change of azure-mfa and still shows something else"
    );
    assert_eq!(start.elapsed(), SETTLE * 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_memory_the_first_creation_waits() {
    let desired = wanting(WantedState::ReportOnly);
    let elapsed = async |machine: &Machine| {
        let tenant = Tenant::new([]);
        let start = Instant::now();
        machine.apply(&tenant, &desired).await.unwrap();
        start.elapsed()
    };
    let machine = Machine::new();
    assert!(elapsed(&machine).await >= SETTLE);
    assert!(elapsed(&machine).await < SETTLE / 2);

    // A run that wrote nothing is no memory.
    let machine = Machine::new();
    let tenant = Tenant::new([]);
    drop(machine.prepare(&tenant, &desired).await);
    assert!(elapsed(&machine).await >= SETTLE);
}

#[tokio::test(start_paused = true)]
async fn a_refused_plan_writes_nothing_not_even_a_snapshot() {
    let (machine, tenant) = (Machine::new(), Tenant::new([live(State::On)]));
    match machine.apply(&tenant, &wanting(WantedState::Off)).await {
        Err(ApplyError::Refused(plan)) => assert_eq!(plan.refusals[0].guard, "weaken"),
        other => panic!("{other:?}"),
    }
    assert!(tenant.sent().is_empty());
    assert!(!machine.store.root().join("snapshots").exists());
}

#[tokio::test(start_paused = true)]
async fn one_run_at_a_time() {
    let (machine, tenant) = (Machine::new(), Tenant::new([]));
    let desired = wanting(WantedState::ReportOnly);
    let holder = machine.prepare(&tenant, &desired).await;
    let path = machine.store.root().join("lock");
    match crate::store::Lock::take_within(&path, Duration::ZERO) {
        Err(crate::store::LockError::Held { holder, .. }) => {
            assert_eq!(holder, Some(std::process::id()));
        }
        other => panic!("{other:?}"),
    }
    drop(holder);
    machine.apply(&tenant, &desired).await.unwrap();
}
