//! From report-only to on: only with a record that still counts, and gates that still pass.

use super::change::{Action, Change, Effect, Held};
use super::decide::Decision;
use super::fields::state_row;
use super::writes::set_state;
use crate::evidence::{Bundle, Weighed};
use crate::model::{DesiredPolicy, LivePolicy, State, WantedState};
use crate::rollout::{self, Gate, Lowered, Standing, Verdict};

impl Decision<'_> {
    /// From report-only to on: only with a record that still counts, and gates that still pass.
    pub(super) fn turn_on(&self, live: &LivePolicy) -> Change {
        let mut change = self.update(live, State::ReportOnly);
        if !change.writes.is_empty() {
            change.held = vec![Held {
                reason: format!(
                    "0 of {}: the edit below begins a new soak",
                    days(self.policy)
                ),
                ..self.whole_soak_ahead()
            }];
            return change;
        }
        let bundle = self.bundle();
        let standing = rollout::standing(
            self.desired
                .records
                .get(&self.policy.key.value)
                .map(|record| &record.value),
            &bundle,
            self.policy.rollout.promotion_valid_for,
            self.lowered(live),
        );
        let key = &self.policy.key.value;
        let mut gates = rollout::weigh(&bundle);
        let action = match standing {
            Standing::Valid { emergency } => {
                if emergency {
                    gates.retain(|gate| !matches!(gate.gate, "soak" | "unchanged"));
                }
                Action::Promote
            }
            Standing::Restorable if self.restore => {
                gates.retain(|gate| !matches!(gate.gate, "soak" | "unchanged"));
                Action::Restore
            }
            Standing::Restorable => {
                change.held = vec![Held {
                    gate: "promotion".into(),
                    reason: format!(
                        "it was on and somebody lowered it: `portcullis apply --restore {key}` turns it on again"
                    ),
                    until: None,
                }];
                return change;
            }
            Standing::Unrecorded | Standing::Void(_) => {
                change.held = holds(&gates);
                let reason = match standing {
                    Standing::Void(why) => Some(why),
                    _ if change.held.is_empty() => Some(format!(
                        "no promotion is recorded: run `portcullis promote {key}`"
                    )),
                    _ => None,
                };
                change.held.extend(reason.map(|reason| Held {
                    gate: "promotion".into(),
                    reason,
                    until: None,
                }));
                return change;
            }
        };
        change.held = holds(&gates);
        if !change.held.is_empty() {
            return change;
        }
        change.action = action;
        change.to_state = WantedState::On;
        change.effect = Effect::Strengthens;
        change.fields = vec![state_row(Some(live.state), WantedState::On, false)];
        change.writes = vec![set_state(&live.policy, State::On)];
        self.explain(&mut change);
        if let Some(record) = self.desired.records.get(key) {
            let weighed = record.value.weighed_at;
            change.notes.push(match (&record.value.emergency, action) {
                (Some(emergency), _) => format!(
                    "an emergency, weighed at {weighed} without evidence and soak: {}",
                    emergency.reason
                ),
                (None, Action::Restore) => format!(
                    "it was on since it was weighed at {weighed}; every gate but the soak passes"
                ),
                (None, _) => {
                    format!("all gates passed when it was weighed at {weighed}, and pass again")
                }
            });
        }
        change.notes.extend(
            gates
                .iter()
                .filter(|gate| gate.verdict == Verdict::Warn)
                .map(|gate| format!("gate {} warns: {}", gate.gate, gate.reason)),
        );
        change
    }

    fn bundle(&self) -> Bundle {
        Weighed {
            desired: self.desired,
            policy: self.policy,
            wanted: self.wanted,
            live: self.live.map(|(live, _)| live),
            snapshot: self.snapshot,
            remembered: self.remembered,
        }
        .bundle()
    }

    /// When a policy that is not on any more was on, by the journal or the directory audit.
    fn lowered(&self, live: &LivePolicy) -> Lowered {
        let audited = self
            .snapshot
            .history
            .get(&live.id)
            .into_iter()
            .flatten()
            .filter(|event| {
                event.state_before == Some(State::On) || event.state_after == Some(State::On)
            })
            .map(|event| event.at)
            .max();
        Lowered {
            last_known_on: audited.max(self.remembered.turned_on.get(&live.id).copied()),
        }
    }

    pub(super) fn whole_soak_ahead(&self) -> Held {
        Held {
            gate: "soak".into(),
            reason: format!("0 of {}: it soaks in report-only first", days(self.policy)),
            until: self
                .snapshot
                .taken_at
                .checked_add(self.policy.rollout.soak)
                .ok(),
        }
    }
}

pub(super) fn holds(gates: &[Gate]) -> Vec<Held> {
    rollout::holding(gates)
        .map(|gate| Held {
            gate: gate.gate.to_owned(),
            reason: gate.reason.clone(),
            until: gate.until,
        })
        .collect()
}

pub(super) fn days(policy: &DesiredPolicy) -> String {
    let hours = policy.rollout.soak.as_hours();
    if hours % 24 == 0 {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}
