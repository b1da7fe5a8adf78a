//! Each gate with each verdict, and what a record is worth.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use super::Verdict::{self, Fail, Pass, Unknown, Warn};
use super::*;
use crate::evidence::{
    Bundle, EmergencyAccount, Exception, ExcludedMembership, LiveFacts, Membership,
};
use crate::model::{Emergency, PromotionRecord, State};
use crate::tenant::fixture::{KEY, LIVE, id, now, record, tenant_id, time};
use crate::tenant::service_plan;

/// A bundle in which every gate passes: report-only for 19 days, one account excluded.
fn clean() -> Bundle {
    Bundle {
        format_version: "1.0".into(),
        policy: KEY.into(),
        tenant_id: tenant_id(),
        taken_at: now(),
        live: Some(LiveFacts {
            id: id(LIVE),
            state: State::ReportOnly,
            unchanged_since: Some(time("2026-11-01T08:00:00Z")),
            content: "sha256:content".into(),
        }),
        differences: Vec::new(),
        soak: SignedDuration::from_hours(7 * 24),
        exclusions: ExcludedMembership {
            fingerprint: Some("sha256:exclusions".into()),
            membership: Membership::SingleAccounts,
        },
        break_glass: vec![account()],
        break_glass_required: false,
        exceptions: Vec::new(),
        security_defaults: Some(false),
        service_plans: Some(BTreeSet::from([service_plan::P1.to_owned()])),
        uses_risk: false,
        about_workloads: false,
    }
}

fn account() -> EmergencyAccount {
    EmergencyAccount {
        principal: "emergency-access-1".into(),
        resolved: true,
        enabled: Some(true),
        reached: true,
        excluded: true,
    }
}

fn exception() -> Exception {
    Exception {
        name: "backup".into(),
        declared: true,
        expires: Some(date(2027, 1, 31)),
        review_by: None,
        members: Some(2),
        max_members: Some(2),
        members_unknown: false,
    }
}

/// What a gate says of the clean bundle with something changed.
fn gate(name: &str, change: impl FnOnce(&mut Bundle)) -> (Verdict, String) {
    let mut bundle = clean();
    change(&mut bundle);
    let gate = weigh(&bundle)
        .into_iter()
        .find(|gate| gate.gate == name)
        .unwrap();
    (gate.verdict, gate.reason)
}

fn says(verdict: Verdict, reason: &str) -> (Verdict, String) {
    (verdict, reason.to_owned())
}

fn live(bundle: &mut Bundle) -> &mut LiveFacts {
    bundle.live.as_mut().unwrap()
}

#[test]
fn a_clean_bundle_is_held_by_nothing() {
    let gates = weigh(&clean());
    let measured: Vec<_> = gates
        .iter()
        .filter(|gate| gate.verdict != Verdict::NotMeasured)
        .map(|gate| (gate.gate, gate.verdict))
        .collect();
    assert_eq!(
        measured,
        [
            "soak",
            "intent",
            "unchanged",
            "break-glass",
            "exclusions",
            "security-defaults",
            "licence"
        ]
        .map(|gate| (gate, Pass))
    );
    assert_eq!(holding(&gates).count(), 0);
    assert_eq!(gates.len(), 20);
}

#[test]
fn unknown_holds_like_a_failure_and_what_is_not_measured_does_not() {
    let holds = [Pass, Warn, Fail, Unknown, Verdict::NotMeasured].map(Verdict::holds);
    assert_eq!(holds, [false, false, true, true, false]);
}

#[test]
fn soak() {
    let after = |taken_at: &str| {
        let mut bundle = clean();
        bundle.taken_at = time(taken_at);
        let gate = weigh(&bundle).remove(0);
        (
            gate.verdict,
            gate.reason,
            gate.until.map(|until| until.to_string()),
        )
    };
    let until = Some("2026-11-08T08:00:00Z".to_owned());
    assert_eq!(
        after("2026-11-08T08:00:00Z"),
        (Pass, "7 of 7 days".into(), None)
    );
    assert_eq!(
        after("2026-11-08T07:59:59Z"),
        (Fail, "6.9 of 7 days".into(), until.clone())
    );
    assert_eq!(
        after("2026-11-03T20:00:00Z"),
        (Fail, "2.5 of 7 days".into(), until.clone())
    );
    // A clock that went back proves nothing.
    assert_eq!(
        after("2026-10-01T00:00:00Z"),
        (Fail, "0 of 7 days".into(), until)
    );
    assert_eq!(
        gate("soak", |b| live(b).state = State::On),
        says(Pass, "the policy is on")
    );
    assert_eq!(
        gate("soak", |b| live(b).state = State::Off),
        says(
            Fail,
            "0 of 7 days: the policy is off, and soaks only in report-only"
        )
    );
    assert_eq!(
        gate("soak", |b| b.live = None),
        says(Fail, "0 of 7 days: not live yet")
    );
    assert_eq!(
        gate("soak", |b| live(b).unchanged_since = None),
        says(Unknown, "the service gave no time of the last change")
    );
}

#[test]
fn intent() {
    assert_eq!(
        gate("intent", |_| {}),
        says(Pass, "the live policy is what the YAML says")
    );
    assert_eq!(gate("intent", |b| live(b).state = State::On).0, Pass);
    assert_eq!(
        gate("intent", |b| live(b).state = State::Off),
        says(Fail, "the live policy is off, not report-only")
    );
    assert_eq!(
        gate("intent", |b| b.differences =
            vec!["users.exclude".into(), "name".into()]),
        says(
            Fail,
            "the live policy differs from the YAML in users.exclude, name: run `portcullis apply` and soak again"
        )
    );
    assert_eq!(gate("intent", |b| b.live = None).0, Fail);
}

#[test]
fn unchanged() {
    let with = |membership| gate("unchanged", |b| b.exclusions.membership = membership).0;
    assert_eq!(with(Membership::SingleAccounts), Pass);
    assert_eq!(with(Membership::AsJournalled), Pass);
    assert_eq!(with(Membership::AuditShowsNone), Pass);
    assert_eq!(with(Membership::Unknown("no journal".into())), Unknown);
    assert_eq!(
        gate("unchanged", |b| b.exclusions.membership =
            Membership::Changed(vec!["Add member (Backup)".into()])),
        says(
            Fail,
            "the excluded groups changed during the soak: Add member (Backup); `portcullis demote azure-mfa` begins a new one"
        )
    );
    assert_eq!(gate("unchanged", |b| b.live = None).0, Fail);
    let on = |b: &mut Bundle| {
        live(b).state = State::On;
        b.exclusions.membership = Membership::Unknown("no journal".into());
    };
    assert_eq!(gate("unchanged", on), says(Pass, "the policy is on"));
}

#[test]
fn break_glass() {
    let with =
        |change: fn(&mut EmergencyAccount)| gate("break-glass", |b| change(&mut b.break_glass[0]));
    assert_eq!(with(|_| {}), says(Pass, "1 account enabled, 1 excluded"));
    assert_eq!(
        with(|a| {
            a.reached = false;
            a.excluded = false;
        }),
        says(Pass, "1 account enabled; the policy cannot reach them")
    );
    assert_eq!(
        with(|a| a.excluded = false),
        says(
            Fail,
            "emergency-access-1 is not excluded from the live policy"
        )
    );
    assert_eq!(
        with(|a| a.enabled = Some(false)),
        says(Fail, "emergency-access-1 is disabled")
    );
    assert_eq!(
        with(|a| a.enabled = None),
        says(
            Unknown,
            "whether emergency-access-1 can sign in is not known"
        )
    );
    assert_eq!(
        with(|a| a.resolved = false),
        says(Fail, "emergency-access-1 is not found in the tenant")
    );
    assert_eq!(
        gate("break-glass", |b| b.break_glass.clear()),
        says(
            Fail,
            "no break-glass principal is declared in portcullis.yaml"
        )
    );
    let required = |b: &mut Bundle| {
        b.break_glass_required = true;
        b.break_glass[0].excluded = false;
    };
    assert_eq!(
        gate("break-glass", required),
        says(Pass, "1 account enabled; the policy is meant to reach them")
    );
    // One that is lost is not outweighed by one that is unknown.
    let both = |b: &mut Bundle| {
        b.break_glass[0].enabled = None;
        b.break_glass.push(EmergencyAccount {
            principal: "emergency-access-2".into(),
            excluded: false,
            ..account()
        });
    };
    assert_eq!(
        gate("break-glass", both),
        says(
            Fail,
            "emergency-access-2 is not excluded from the live policy"
        )
    );
}

#[test]
fn exclusions() {
    let with = |change: fn(&mut Exception)| {
        gate("exclusions", |b| {
            let mut exception = exception();
            change(&mut exception);
            b.exceptions.push(exception);
        })
    };
    assert_eq!(
        gate("exclusions", |_| {}),
        says(Pass, "nobody but break-glass is excluded")
    );
    assert_eq!(
        with(|_| {}),
        says(Pass, "1 exception, declared and unexpired")
    );
    assert_eq!(
        with(|e| e.declared = false),
        says(Fail, "backup is excluded, and nothing declares why")
    );
    assert_eq!(with(|e| e.expires = Some(date(2026, 11, 20))).0, Pass);
    assert_eq!(
        with(|e| e.expires = Some(date(2026, 11, 19))),
        says(Fail, "the exclusion of backup expired on 2026-11-19")
    );
    assert_eq!(
        with(|e| e.members = Some(3)),
        says(Fail, "backup has 3 members, 2 are agreed")
    );
    assert_eq!(
        with(|e| {
            e.members = None;
            e.members_unknown = true;
        }),
        says(
            Unknown,
            "the members of backup could not be read completely"
        )
    );
    // Without an agreed number it does not matter how many there are.
    assert_eq!(
        with(|e| {
            e.members_unknown = true;
            e.max_members = None;
        })
        .0,
        Pass
    );
    assert_eq!(with(|e| e.review_by = Some(date(2026, 11, 20))).0, Pass);
    assert_eq!(
        with(|e| e.review_by = Some(date(2026, 11, 19))),
        says(Warn, "the review of backup was due on 2026-11-19")
    );
    assert_eq!(
        with(|e| e.expires = None),
        says(Warn, "backup has neither a review date nor an end")
    );
    assert_eq!(
        with(|e| {
            e.expires = None;
            e.review_by = Some(date(2027, 1, 1));
        })
        .0,
        Pass
    );
}

#[test]
fn the_last_day_is_a_day_of_the_tenants_clock() {
    let at = |taken_at: &str| {
        gate("exclusions", |b| {
            b.taken_at = time(taken_at);
            b.exceptions = vec![Exception {
                expires: Some(date(2026, 11, 20)),
                ..exception()
            }];
        })
        .0
    };
    assert_eq!(at("2026-11-20T23:59:59Z"), Pass);
    assert_eq!(at("2026-11-21T00:00:00Z"), Fail);
}

#[test]
fn security_defaults() {
    assert_eq!(gate("security-defaults", |_| {}).0, Pass);
    assert_eq!(
        gate("security-defaults", |b| b.security_defaults = Some(true)).0,
        Fail
    );
    assert_eq!(
        gate("security-defaults", |b| b.security_defaults = None).0,
        Unknown
    );
}

#[test]
fn licence() {
    type Need = fn(&mut Bundle);
    let people: Need = |_| {};
    let risk: Need = |b| b.uses_risk = true;
    let workloads: Need = |b| b.about_workloads = true;
    let (p1, p2) = (service_plan::P1, service_plan::P2);
    let (w1, w2) = (service_plan::WORKLOAD_P1, service_plan::WORKLOAD_P2);
    let cases: &[(&str, Need, &[&str], Verdict)] = &[
        ("people, P1", people, &[p1], Pass),
        ("people, P2", people, &[p2], Pass),
        ("people, none", people, &[], Fail),
        ("people, only workloads", people, &[w1, w2], Fail),
        ("risk, P1", risk, &[p1], Fail),
        ("risk, P2", risk, &[p2], Pass),
        ("workloads, P2", workloads, &[p1, p2], Fail),
        ("workloads, W1", workloads, &[w1], Pass),
        ("workloads, W2", workloads, &[w2], Pass),
    ];
    for (what, need, plans, expected) in cases {
        let (verdict, _) = gate("licence", |b| {
            need(b);
            b.service_plans = Some(plans.iter().map(|plan| (*plan).to_owned()).collect());
        });
        assert_eq!(verdict, *expected, "{what}");
    }
    assert_eq!(gate("licence", |b| b.service_plans = None).0, Unknown);
}

// The record.

const VALID_FOR: SignedDuration = SignedDuration::from_hours(72);

fn recorded() -> PromotionRecord {
    record("sha256:content", "sha256:exclusions")
}

fn judged(
    change: impl FnOnce(&mut PromotionRecord, &mut Bundle),
    last_known_on: Option<Timestamp>,
) -> Standing {
    let (mut record, mut bundle) = (recorded(), clean());
    change(&mut record, &mut bundle);
    standing(Some(&record), &bundle, VALID_FOR, Lowered { last_known_on })
}

#[test]
fn a_record_that_fits_counts() {
    assert_eq!(
        judged(|_, _| {}, None),
        Standing::Valid { emergency: false }
    );
    let none = standing(None, &clean(), VALID_FOR, Lowered::default());
    assert_eq!(none, Standing::Unrecorded);
}

#[test]
fn a_record_is_void_for_each_thing_that_is_another() {
    type Change = fn(&mut PromotionRecord, &mut Bundle);
    let cases: &[(Change, &str)] = &[
        (|_, b| b.live = None, "the promoted policy is not live"),
        (
            |r, _| r.policy = "other".into(),
            "the record is of another policy or tenant",
        ),
        (
            |r, _| r.tenant_id = id(1),
            "the record is of another policy or tenant",
        ),
        (
            |r, _| r.policy_id = id(302),
            "the record is of another live policy",
        ),
        (
            |_, b| live(b).content = "sha256:new".into(),
            "the live policy changed since it was weighed",
        ),
        (
            |_, b| b.differences = vec!["name".into()],
            "the YAML changed since it was weighed",
        ),
        (
            |_, b| b.exclusions.fingerprint = Some("sha256:new".into()),
            "the exclusions or their members changed since it was weighed",
        ),
        (
            |_, b| b.exclusions.fingerprint = None,
            "the exclusions or their members changed since it was weighed",
        ),
        (
            |r, _| r.weighed_at = time("2026-11-20T12:00:01Z"),
            "the record was weighed in the future",
        ),
        (
            |_, b| live(b).unchanged_since = Some(time("2026-11-19T13:00:00Z")),
            "the live policy was modified since it was weighed",
        ),
        (
            |_, b| live(b).unchanged_since = None,
            "the live policy was modified since it was weighed",
        ),
    ];
    for (change, why) in cases {
        let expected = Standing::Void(format!("{why}; run `portcullis promote azure-mfa` again"));
        assert_eq!(judged(change, None), expected, "{why}");
    }
}

#[test]
fn a_record_is_younger_than_its_time() {
    let at = |taken_at: &str| judged(|_, b| b.taken_at = time(taken_at), None);
    assert_eq!(
        at("2026-11-22T11:59:59Z"),
        Standing::Valid { emergency: false }
    );
    assert!(matches!(at("2026-11-22T12:00:00Z"), Standing::Void(_)));
}

#[test]
fn an_emergency_counts_for_72_hours_whatever_else_is_agreed() {
    let with = |taken_at: &str, emergency: bool| {
        let (mut record, mut bundle) = (recorded(), clean());
        bundle.taken_at = time(taken_at);
        record.emergency = emergency.then(|| Emergency {
            reason: "an attack".into(),
        });
        standing(
            Some(&record),
            &bundle,
            SignedDuration::from_hours(200),
            Lowered::default(),
        )
    };
    assert_eq!(
        with("2026-11-22T11:00:00Z", true),
        Standing::Valid { emergency: true }
    );
    assert!(matches!(
        with("2026-11-22T12:00:00Z", true),
        Standing::Void(_)
    ));
    assert_eq!(
        with("2026-11-22T12:00:00Z", false),
        Standing::Valid { emergency: false }
    );
}

#[test]
fn what_was_on_since_may_be_restored_at_any_age() {
    let modified = |_: &mut PromotionRecord, b: &mut Bundle| {
        live(b).unchanged_since = Some(time("2026-11-20T08:00:00Z"));
        b.taken_at = time("2027-11-20T08:00:00Z");
    };
    let on = |at: &str| judged(modified, Some(time(at)));
    assert_eq!(on("2026-11-19T12:00:01Z"), Standing::Restorable);
    // The clock of the tenant counts seconds.
    assert_eq!(on("2026-11-19T12:00:00Z"), Standing::Restorable);
    assert!(matches!(on("2026-11-19T11:59:59Z"), Standing::Void(_)));
    // Having been on is no excuse for another content.
    let edited = |r: &mut PromotionRecord, b: &mut Bundle| {
        modified(r, b);
        live(b).content = "sha256:new".into();
    };
    assert!(matches!(
        judged(edited, Some(time("2026-11-20T00:00:00Z"))),
        Standing::Void(_)
    ));
    // While nothing was modified it is a promotion, and has its time.
    assert_eq!(
        judged(|_, _| {}, Some(now())),
        Standing::Valid { emergency: false }
    );
}

#[test]
fn an_emergency_has_to_be_weighed_in_time() {
    let verdict = |taken_at: &str, state, record: &PromotionRecord| {
        let mut bundle = clean();
        bundle.taken_at = time(taken_at);
        live(&mut bundle).state = state;
        emergency(record, &bundle).map(|gate| (gate.gate, gate.verdict))
    };
    let mut record = recorded();
    assert_eq!(verdict("2026-11-30T00:00:00Z", State::On, &record), None);
    record.emergency = Some(Emergency {
        reason: "an attack".into(),
    });
    assert_eq!(
        verdict("2026-11-20T12:00:00Z", State::On, &record),
        Some(("emergency", Warn))
    );
    assert_eq!(
        verdict("2026-11-22T11:59:59Z", State::On, &record),
        Some(("emergency", Warn))
    );
    assert_eq!(
        verdict("2026-11-22T12:00:00Z", State::On, &record),
        Some(("emergency", Fail))
    );
    assert_eq!(
        verdict("2026-11-30T00:00:00Z", State::ReportOnly, &record),
        None
    );
    record.policy_id = id(302);
    assert_eq!(verdict("2026-11-30T00:00:00Z", State::On, &record), None);
}

#[test]
fn a_bundle_is_weighed_again_with_the_same_verdicts() {
    let mut bundle = clean();
    bundle.exceptions.push(exception());
    bundle.exclusions.membership = Membership::Changed(vec!["x".into()]);
    let text = serde_json::to_string(&bundle).unwrap();
    let again: Bundle = serde_json::from_str(&text).unwrap();
    assert_eq!(again, bundle);
    assert_eq!(again.fingerprint(), bundle.fingerprint());
    assert_eq!(weigh(&again), weigh(&bundle));
    assert_eq!(
        BTreeMap::from([(bundle.fingerprint(), 1), (clean().fingerprint(), 2)]).len(),
        2
    );
}
