//! Applying, then rolling back, any sequence of changes ends in the tenant it began with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use jiff::civil::date;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::tenant::Fault;
use super::{Machine, Tenant};
use crate::apply::{Applied, ApplyError, kept_snapshots, prepare};
use crate::diff;
use crate::guard::Limits;
use crate::model::fixture::any_policy;
use crate::model::{
    Desired, DesiredPolicy, Emergency, Exclusion, FrequencyInterval, Id, InPlace, Kind, LivePolicy,
    Policy, PromotionRecord, Rollout, Side, State, WantedState, Weaken, create_json,
};
use crate::plan::PlanOptions;
use crate::tenant::fixture::{self, EMERGENCY_1, at, desired, desired_policy, id, name, tenant_id};
use crate::tenant::{Lookups, ReadTenant as _, Snapshot, exclusions_fingerprint};

/// The policies with a file; the first three are live in the beginning, a fifth never has a file.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// What somebody commits.
#[derive(Debug, Clone)]
enum Commit {
    /// The file says this.
    Write(usize, Box<Policy<Id>>, Option<WantedState>),
    /// The file says what is live, and that it be on; it was weighed in an emergency.
    TurnOn(usize),
}

fn states() -> impl Strategy<Value = Option<WantedState>> {
    use WantedState::{Absent, Off, On, ReportOnly};
    select(vec![
        None,
        Some(ReportOnly),
        Some(On),
        Some(Off),
        Some(Absent),
        Some(Absent),
    ])
}

fn commit() -> impl Strategy<Value = Commit> {
    let key = 0..KEYS.len();
    prop_oneof![
        4 => (key.clone(), any_policy(), states())
            .prop_map(|(key, policy, state)| Commit::Write(key, Box::new(policy), state)),
        1 => key.prop_map(Commit::TurnOn),
    ]
}

fn beginning() -> impl Strategy<Value = Vec<(Policy<Id>, State)>> {
    let state = select(vec![State::Off, State::ReportOnly, State::On]);
    vec((any_policy(), state), 4)
}

/// The emergency account is excluded, so that going back adds nothing by rule 2.
fn with_break_glass(mut policy: Policy<Id>, number: usize) -> Policy<Id> {
    policy.name = format!("Policy {number}");
    if policy.is_about_people() {
        let exclude = &mut policy.conditions.users.exclude;
        exclude.users.insert(id(EMERGENCY_1));
    }
    if let Some(session) = &mut policy.session {
        // Beside "every time" the service takes neither of these two, not even to clear it (contract
        // section 1.7), so no one PATCH leads from them to it: half of the policies have the one, half
        // the others.
        if number.is_multiple_of(2) {
            session.app_enforced_restrictions = false;
            session.resilience_defaults_disabled = false;
        } else {
            session
                .sign_in_frequency
                .take_if(|frequency| frequency.interval == FrequencyInterval::EveryTime);
        }
    }
    policy.session.take_if(|session| session.is_ineffectual());
    policy
}

fn live(number: usize, policy: &Policy<Id>, state: State) -> LivePolicy {
    let mut json = create_json(policy, state);
    json["id"] = json!(live_id(number));
    json["createdDateTime"] = json!("2026-11-01T08:00:00Z");
    LivePolicy::try_from(json).unwrap()
}

fn live_id(number: usize) -> Id {
    id(301 + u32::try_from(number).unwrap())
}

/// The file of a policy: whatever it asks for is permitted.
fn file(number: usize, policy: &Policy<Id>, state: Option<WantedState>) -> DesiredPolicy {
    let policy = policy.map(|_, id| Some(name(id.as_str())));
    let exclusions = policy
        .references()
        .into_iter()
        .filter(|(place, _)| {
            place.side == Side::Exclude
                && matches!(place.kind, Kind::User | Kind::Group | Kind::Role)
        })
        .map(|(place, name)| Exclusion {
            kind: place.kind,
            name: name.clone(),
            reason: "tested".into(),
            owner: "tests".into(),
            review_by: None,
            expires: None,
        })
        .collect();
    DesiredPolicy {
        key: at(KEYS[number].to_owned()),
        policy,
        exclusions,
        weaken: Some(at(Weaken {
            reason: "tested".into(),
            owner: "tests".into(),
            ticket: None,
            until: date(2027, 12, 31),
        })),
        rollout: Rollout {
            in_place: Some(InPlace {
                reason: "tested".into(),
                owner: "tests".into(),
            }),
            ..Rollout::default()
        },
        ..desired_policy(state)
    }
}

fn record(key: &str, live: &LivePolicy, snapshot: &Snapshot) -> Option<PromotionRecord> {
    Some(PromotionRecord {
        policy: key.to_owned(),
        tenant_id: tenant_id(),
        policy_id: live.id.clone(),
        content: diff::content_fingerprint(&live.policy, &live.unmodelled),
        exclusions: exclusions_fingerprint(&live.policy, snapshot)?,
        live_modified: live.unchanged_since()?,
        weighed_at: snapshot.taken_at,
        bundle: String::new(),
        gates: BTreeMap::new(),
        emergency: Some(Emergency {
            reason: "tested".into(),
        }),
    })
}

/// The workspace after a commit; the ids that are live are pinned, the others found by name.
async fn workspace(commit: &Commit, ids: &BTreeMap<usize, Id>, tenant: &Tenant) -> Option<Desired> {
    let (number, mut policy, emergency) = match commit {
        Commit::Write(number, policy, state) => {
            let policy = with_break_glass(*policy.clone(), *number);
            (*number, file(*number, &policy, *state), None)
        }
        Commit::TurnOn(number) => {
            let policies = tenant.policies_there_are();
            let live = policies
                .into_iter()
                .find(|live| Some(&live.id) == ids.get(number))?;
            let policy = file(*number, &live.policy, Some(WantedState::On));
            (*number, policy, Some(live))
        }
    };
    policy.id = ids.get(&number).cloned().map(at);
    let mut desired = desired([policy]);
    if let Some(live) = emergency {
        let lookups = Lookups::of(&desired, &[]);
        let snapshot = tenant.snapshot(&lookups).await.unwrap();
        let record = record(KEYS[number], &live, &snapshot)?;
        desired.records.insert(KEYS[number].to_owned(), at(record));
    }
    Some(desired)
}

/// Everything modelled of every policy.
fn modelled(tenant: &Tenant) -> Vec<(Id, State, Vec<diff::Field>)> {
    let policies = tenant.policies_there_are().into_iter();
    policies
        .map(|live| (live.id, live.state, diff::fields(&live.policy)))
        .collect()
}

async fn run(
    machine: &Machine,
    tenant: &Tenant,
    desired: &Desired,
    back: Option<&Snapshot>,
    digest: &str,
) -> Result<Applied, ApplyError> {
    let prepared = prepare(super::Run {
        back,
        options: PlanOptions {
            restore_enforced: KEYS.map(str::to_owned).into(),
            ..PlanOptions::default()
        },
        limits: Limits {
            max_deletes: usize::MAX,
        },
        ..machine.run(tenant, desired)
    });
    prepared.await?.carry_out(digest).await
}

/// Applies every commit, goes back to the beginning, and says how many applies wrote something.
async fn there_and_back(
    begin: &[(Policy<Id>, State)],
    commits: &[Commit],
) -> Result<usize, TestCaseError> {
    let policies = begin.iter().enumerate().map(|(number, (policy, state))| {
        // The last one belongs to nobody here.
        let policy = with_break_glass(policy.clone(), if number == 3 { 9 } else { number });
        live(number, &policy, *state)
    });
    let (machine, tenant) = (Machine::new(), Tenant::new(policies));
    tenant.know_every_id();
    let before = modelled(&tenant);
    let mut ids: BTreeMap<usize, Id> = (0..3).map(|number| (number, live_id(number))).collect();
    let mut written = 0;
    let mut first = None;
    for (number, commit) in commits.iter().enumerate() {
        let Some(desired) = workspace(commit, &ids, &tenant).await else {
            continue;
        };
        let digest = format!("sha256:{number:012}");
        let applied = match run(&machine, &tenant, &desired, None, &digest).await {
            // Deleting what is on is one of the things that no commit can ask for.
            Err(ApplyError::Refused(_)) => continue,
            applied => applied.map_err(|error| TestCaseError::fail(format!("{error:?}")))?,
        };
        for (change, id) in applied.done {
            written += 1;
            first.get_or_insert_with(|| digest.clone());
            let number = KEYS.iter().position(|key| *key == change.policy).unwrap();
            match (change.result, id) {
                (Some(_), Some(id)) => ids.insert(number, id),
                _ => ids.remove(&number),
            };
        }
    }
    let Some(first) = first else {
        return Ok(0);
    };
    let kept = kept_snapshots(&machine.store, &tenant_id()).unwrap();
    let kept = kept.iter().find(|kept| kept.is_before(&first)).unwrap();
    let then: Snapshot = serde_json::from_slice(&std::fs::read(&kept.file).unwrap()).unwrap();
    let yaml = desired([]);
    let back = run(&machine, &tenant, &yaml, Some(&then), "sha256:back00000000").await;
    back.map_err(|error| TestCaseError::fail(format!("going back: {error:?}")))?;
    prop_assert_eq!(modelled(&tenant), before);
    Ok(written)
}

/// `CASES` sets how many sequences are tried.
#[test]
fn applying_and_rolling_back_ends_in_the_tenant_it_began_with() {
    let cases = std::env::var("CASES").map_or(48, |cases| cases.parse().unwrap());
    let written = AtomicUsize::new(0);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let sequences = (beginning(), vec(commit(), 1..7));
    let outcome = TestRunner::new(config).run(&sequences, |(begin, commits)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let done = runtime.block_on(there_and_back(&begin, &commits))?;
        written.fetch_add(done, Relaxed);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let written = written.load(Relaxed);
    assert!(
        written >= cases as usize,
        "only {written} writes in {cases} cases"
    );
}

/// An apply that deleted the shipped policy, and everything that going back sends.
async fn sent_going_back(faults: &[Fault]) -> Vec<String> {
    let policy = with_break_glass(fixture::live(State::ReportOnly).policy, 0);
    let tenant = Tenant::new([live(0, &policy, State::ReportOnly)]);
    tenant.know_every_id();
    let before = modelled(&tenant);
    let machine = Machine::new();
    let mut gone = file(0, &policy, Some(WantedState::Absent));
    gone.id = Some(at(live_id(0)));
    let yaml = desired([gone]);
    run(&machine, &tenant, &yaml, None, "sha256:deleted00000")
        .await
        .unwrap();
    assert_eq!(tenant.holds(), []);
    let kept = kept_snapshots(&machine.store, &tenant_id()).unwrap();
    let then: Snapshot = serde_json::from_slice(&std::fs::read(&kept[0].file).unwrap()).unwrap();
    let earlier = tenant.sent().len();
    tenant.faults(faults);
    run(&machine, &tenant, &yaml, Some(&then), "sha256:back00000000")
        .await
        .unwrap();
    assert_eq!(modelled(&tenant), before);
    tenant.sent().split_off(earlier)
}

#[tokio::test(start_paused = true)]
async fn a_way_out_of_the_bin_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    let patch = "PATCH state=enabledForReportingButNotEnforced";
    assert_eq!(sent_going_back(&[]).await, ["RESTORE", patch]);
    assert_eq!(
        sent_going_back(&[Fault::AnswerLost]).await,
        ["RESTORE", patch]
    );
    assert_eq!(
        sent_going_back(&[Fault::NotCarriedOut]).await,
        ["RESTORE", "RESTORE", patch]
    );
}
