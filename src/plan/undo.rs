//! What becomes of one policy on the way back to a snapshot.
//!
//! Rules 1 to 3 hold as they do for the YAML. Going back needs no `weaken:`, and what was on in the
//! snapshot comes back report-only unless its key was named and nobody else changed it since.

use super::change::{Action, Change, Effect, Held, Refusal};
use super::decide::Decision;
use super::fields::state_row;
use super::find::{FoundBy, cannot_read};
use super::goal::{WayBack, key_of};
use super::stage;
use super::turn_on::holds;
use super::writes::{self, edit, set_state};
use crate::diff;
use crate::evidence::{Remembered, Weighed};
use crate::model::{DesiredPolicy, LivePolicy, State, WantedState};
use crate::rollout;
use crate::tenant::Snapshot;

/// The gate that keeps what was on from being enforced again.
pub(super) const GATE: &str = "restore-enforced";

/// Finds the live policy: the one of the snapshot, else the one that stands for it since it is gone.
pub(super) fn find<'a>(
    policy: &DesiredPolicy,
    back: &WayBack,
    snapshot: &'a Snapshot,
    remembered: &Remembered,
    enforce: bool,
) -> Result<Option<(&'a LivePolicy, FoundBy)>, Refusal> {
    let Some(id) = policy.id.as_ref().map(|id| &id.value) else {
        return Ok(None);
    };
    if let Some(live) = snapshot.policy(id) {
        return Ok(Some((live, FoundBy::Pin)));
    }
    let mut unreadable = snapshot.unreadable.iter();
    if let Some(unreadable) = unreadable.find(|policy| policy.id.as_ref() == Some(id)) {
        return Err(cannot_read(
            policy,
            &format!("with the id {id}"),
            unreadable,
        ));
    }
    let comes_back = snapshot
        .binned(id)
        .is_some_and(|binned| binned.state != State::On || enforce);
    if comes_back
        || policy
            .state
            .as_ref()
            .is_some_and(|state| state.value == WantedState::Absent)
    {
        return Ok(None);
    }
    // An earlier rollback created it anew.
    let created = back.writes_since(remembered).rev();
    Ok(created
        .filter(|write| write.created && key_of(&write.policy) == policy.key.value)
        .find_map(|write| snapshot.policy(&write.id))
        .map(|live| (live, FoundBy::Pin)))
}

impl Decision<'_> {
    /// The change that makes the policy again what it was.
    pub(super) fn go_back(&self) -> Result<Change, Refusal> {
        let then = match self.policy.state.as_ref().map(|state| state.value) {
            Some(WantedState::Off) => State::Off,
            Some(WantedState::ReportOnly) => State::ReportOnly,
            Some(WantedState::On) => State::On,
            None | Some(WantedState::Absent) => return self.undo_creation(),
        };
        let Some((live, _)) = self.live else {
            return self.bring_back(then);
        };
        let mut change = self.change_back(live, then)?;
        if !change.writes.is_empty() && self.remembered.is_as_we_left_it(live) == Some(false) {
            change.notes.push(
                "somebody else changed it since our last write; going back takes that back too"
                    .into(),
            );
        }
        Ok(change)
    }

    fn undo_creation(&self) -> Result<Change, Refusal> {
        let Some((live, _)) = self.live else {
            return Ok(self.nothing());
        };
        let mut change = self.delete(live)?;
        if live.state == State::On {
            change.effect = Effect::Weakens;
        }
        change
            .notes
            .insert(0, "an apply created it since; it was not there then".into());
        Ok(change)
    }

    fn change_back(&self, live: &LivePolicy, then: State) -> Result<Change, Refusal> {
        match (live.state, then) {
            (State::On, State::On) => self.update_enforced(live, FoundBy::Pin),
            (State::On, State::ReportOnly) => {
                self.lower(live, FoundBy::Pin, State::ReportOnly, Action::Demote)
            }
            (State::On, State::Off) => self.lower(live, FoundBy::Pin, State::Off, Action::Disable),
            (State::ReportOnly, State::Off) => Ok(self.move_to(live, State::Off, Action::Disable)),
            (State::Off, State::ReportOnly) => {
                Ok(self.move_to(live, State::ReportOnly, Action::Update))
            }
            (State::ReportOnly, State::ReportOnly) | (State::Off, State::Off) => {
                Ok(self.update(live, live.state))
            }
            (State::ReportOnly | State::Off, State::On) => Ok(self.enforce_again(live)),
        }
    }

    fn enforce_again(&self, live: &LivePolicy) -> Change {
        let held = self.may_enforce(live, self.remembered.is_as_we_left_it(live) == Some(true));
        if !held.is_empty() {
            let mut change = match live.state {
                State::Off => self.move_to(live, State::ReportOnly, Action::Update),
                _ => self.update(live, State::ReportOnly),
            };
            change.held = held;
            return change;
        }
        let mut change = self.update(live, live.state);
        self.turn_on_last(&mut change, Some(live.state));
        change
    }

    /// Ends a change with the one request that enforces, which never shares a PATCH (rule 10).
    fn turn_on_last(&self, change: &mut Change, from: Option<State>) {
        change.action = Action::Restore;
        change.to_state = WantedState::On;
        change.effect = Effect::Strengthens;
        change.adds_break_glass_only = false;
        change.fields.retain(|field| field.path != "state");
        change.fields.insert(
            usize::from(change.fields.first().is_some_and(|f| f.path == "name")),
            state_row(from, WantedState::On, false),
        );
        change
            .writes
            .push(set_state(&self.wanted.policy, State::On));
        self.will_be(change, &self.wanted.policy);
        change.notes.push(format!(
            "it was on then, and --restore-enforced {} was given: it is enforced without a new soak",
            self.policy.key.value
        ));
    }

    /// Brings back what is gone: from the bin when nothing there enforces, else anew.
    fn bring_back(&self, then: State) -> Result<Change, Refusal> {
        let binned = self
            .policy
            .id
            .as_ref()
            .and_then(|id| self.snapshot.binned(&id.value));
        let Some(binned) = binned else {
            let why = match self.snapshot.deleted {
                None => "this cloud has no recycle bin: it is created anew, with another id",
                Some(_) => {
                    "it is not in the recycle bin any more: it is created anew, with another id"
                }
            };
            return self.create_anew(then, why);
        };
        if binned.state != State::On {
            return Ok(self.restore(binned, then));
        }
        // Restored, it would enforce from that moment on (contract section 1.10).
        let as_then =
            then == State::On && diff::compare(&binned.policy, &self.wanted.policy).is_empty();
        if as_then && self.may_enforce(binned, true).is_empty() {
            let mut change = self.out_of_bin(binned, WantedState::On);
            self.turn_on_last(&mut change, None);
            // It is on as it comes out of the bin.
            change.writes.pop();
            return Ok(change);
        }
        let mut change = self.create_anew(
            then,
            "it lies in the recycle bin enforced, and would enforce at once: it is created anew, with another id",
        )?;
        if as_then {
            change.held = self.may_enforce(binned, true);
        }
        Ok(change)
    }

    fn create_anew(&self, then: State, why: &str) -> Result<Change, Refusal> {
        let key = &self.policy.key.value;
        let name = &self.policy.policy.name;
        let taken = self
            .snapshot
            .named(name)
            .next()
            .map(|live| live.id.as_str());
        let mut unreadable = self.snapshot.unreadable.iter();
        if let Some(id) = taken.or_else(|| {
            unreadable
                .find(|policy| policy.name.as_ref() == Some(name))
                .map(|policy| policy.id.as_ref().map_or("unknown", |id| id.as_str()))
        }) {
            return Err(Refusal::absolute(
                "name-taken",
                format!(
                    "{key} has to be created anew, and another policy is called \"{name}\" ({id})"
                ),
            )
            .policy(key)
            .at(self.policy.name_source.clone())
            .help("rename or delete the other one, or leave this policy out with --policy"));
        }
        let state = if then == State::On {
            State::ReportOnly
        } else {
            then
        };
        let mut change = self.create(state, false)?;
        change.notes.push(why.to_owned());
        if then == State::On {
            change.held = vec![Held {
                gate: GATE.into(),
                reason: format!(
                    "it was on then, and nothing is created enforced: `portcullis promote {key}` turns it on"
                ),
                until: None,
            }];
        }
        Ok(change)
    }

    /// Out of the bin, where it enforces nothing, and then what it was.
    fn restore(&self, binned: &LivePolicy, then: State) -> Change {
        let policy = &self.wanted.policy;
        let state = if then == State::On {
            State::ReportOnly
        } else {
            then
        };
        let held = match then {
            State::On => self.may_enforce(binned, self.is_untouched_in_bin(binned)),
            _ => Vec::new(),
        };
        let enforce = then == State::On && held.is_empty();
        let mut change = self.out_of_bin(binned, stage(Some(state)));
        let differences = diff::compare(&binned.policy, policy);
        let state = if enforce { binned.state } else { state };
        if !differences.is_empty() {
            let mut write = edit(policy, &differences, state, &self.desired.tenant.cloud);
            if state != binned.state {
                write.body["state"] = serde_json::json!(state.wire());
            }
            change.writes.push(write);
            change.fields.extend(self.rows(&differences, false));
        } else if state != binned.state {
            change.writes.push(set_state(policy, state));
        }
        if enforce {
            self.turn_on_last(&mut change, None);
        }
        change.held = held;
        change
    }

    /// The first step of a change that takes a policy out of the bin.
    fn out_of_bin(&self, binned: &LivePolicy, to: WantedState) -> Change {
        let mut change = self.blank(None, to);
        change.action = Action::Create;
        change.id = Some(binned.id.clone());
        change.fields = vec![state_row(None, to, false)];
        change.writes = vec![writes::restore(binned)];
        change.notes.push(
            if self.was_deleted_by_us(binned) {
                "an apply deleted it since"
            } else {
                "somebody else deleted it since"
            }
            .into(),
        );
        self.will_be(&mut change, &self.wanted.policy);
        change
    }

    fn was_deleted_by_us(&self, binned: &LivePolicy) -> bool {
        let last = self.remembered.last_write(&binned.id);
        last.is_some_and(|write| write.state.is_none())
    }

    /// Whether what lies in the bin is what we put there, and not what somebody made of it before.
    fn is_untouched_in_bin(&self, binned: &LivePolicy) -> bool {
        let writes = self.remembered.done.iter().rev();
        let mut ours = writes.filter(|write| write.id == binned.id).skip(1);
        let outcome = diff::outcome_fingerprint(&binned.policy, binned.state);
        self.was_deleted_by_us(binned)
            && (ours
                .next()
                .is_some_and(|write| write.outcome.as_ref() == Some(&outcome))
                || diff::compare(&binned.policy, &self.wanted.policy).is_empty())
    }

    /// What keeps a policy that was on from being enforced again; nothing when it may be.
    pub(super) fn may_enforce(&self, now: &LivePolicy, untouched: bool) -> Vec<Held> {
        let key = &self.policy.key.value;
        let held = |reason: String| {
            vec![Held {
                gate: GATE.into(),
                reason,
                until: None,
            }]
        };
        if !untouched {
            return held(format!(
                "it was on then, and somebody else changed it since our last write: `portcullis promote {key}` turns it on when it has soaked"
            ));
        }
        if !self.enforce {
            return held(format!(
                "it was on then: `portcullis rollback --restore-enforced {key}` enforces it again"
            ));
        }
        let as_it_will_be = LivePolicy {
            state: State::ReportOnly,
            policy: self.wanted.policy.clone(),
            ..now.clone()
        };
        let bundle = Weighed {
            desired: self.desired,
            policy: self.policy,
            wanted: self.wanted,
            live: Some(&as_it_will_be),
            snapshot: self.snapshot,
            remembered: self.remembered,
        }
        .bundle();
        let mut gates = rollout::weigh(&bundle);
        gates.retain(|gate| !matches!(gate.gate, "soak" | "unchanged"));
        holds(&gates)
    }
}
