//! What becomes of one policy: the state table of the design, cell by cell.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::change::{Action, Change, Effect, FieldChange, Refusal};
use super::effect::effect;
use super::fields::{rows, state_row, text};
use super::find::FoundBy;
use super::turn_on::days;
use super::writes::{self, edit, set_state};
use super::{exempts_from_azure_management, stage};
use crate::diff::{self, Difference};
use crate::evidence::Remembered;
use crate::model::{
    Conditions, Desired, DesiredPolicy, Id, Kind, LivePolicy, Owner, Policy, State, WantedState,
};
use crate::tenant::{Names, Snapshot, Wanted, exclusions_fingerprint};

/// Everything that decides about one policy.
pub(super) struct Decision<'a> {
    pub(super) desired: &'a Desired,
    pub(super) policy: &'a DesiredPolicy,
    pub(super) wanted: &'a Wanted,
    pub(super) live: Option<(&'a LivePolicy, FoundBy)>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) remembered: &'a Remembered,
    pub(super) names: &'a Names,
    pub(super) restore: bool,
    /// Whether the wanted policies are those of an earlier snapshot.
    pub(super) back: bool,
    /// Whether what was on in that snapshot may be enforced again (`--restore-enforced`).
    pub(super) enforce: bool,
}

impl Decision<'_> {
    /// The change, or why there can be none.
    pub(super) fn change(&self) -> Result<Change, Refusal> {
        if self.back {
            return self.go_back();
        }
        let wanted = self.policy.state.as_ref().map(|state| state.value);
        let Some((live, by)) = self.live else {
            return match wanted {
                Some(WantedState::Absent) => Ok(self.nothing()),
                Some(WantedState::Off) => self.create(State::Off, false),
                None | Some(WantedState::ReportOnly) => self.create(State::ReportOnly, false),
                Some(WantedState::On) => self.create(State::ReportOnly, true),
            };
        };
        match (live.state, wanted) {
            (State::ReportOnly, None | Some(WantedState::ReportOnly)) => {
                Ok(self.update(live, State::ReportOnly))
            }
            (State::ReportOnly, Some(WantedState::On)) => Ok(self.turn_on(live)),
            (State::ReportOnly, Some(WantedState::Off)) => {
                Ok(self.move_to(live, State::Off, Action::Disable))
            }
            (State::Off, None | Some(WantedState::Off)) => Ok(self.update(live, State::Off)),
            (State::Off, Some(WantedState::ReportOnly)) => {
                Ok(self.move_to(live, State::ReportOnly, Action::Update))
            }
            (State::Off, Some(WantedState::On)) => {
                let mut change = self.move_to(live, State::ReportOnly, Action::Update);
                change.held = vec![self.whole_soak_ahead()];
                Ok(change)
            }
            (State::On, None | Some(WantedState::On)) => self.update_enforced(live, by),
            (State::On, Some(WantedState::ReportOnly)) => {
                self.lower(live, by, State::ReportOnly, Action::Demote)
            }
            (State::On, Some(WantedState::Off)) => {
                self.lower(live, by, State::Off, Action::Disable)
            }
            (State::On, Some(WantedState::Absent)) => Err(self.refuse_delete_enforced(live)),
            (State::Off | State::ReportOnly, Some(WantedState::Absent)) => self.delete(live),
        }
    }

    /// A change that writes nothing, to be filled in.
    pub(super) fn blank(&self, live: Option<&LivePolicy>, to: WantedState) -> Change {
        Change {
            policy: self.policy.key.value.clone(),
            name: self.policy.policy.name.clone(),
            id: live.map(|live| live.id.clone()),
            action: Action::None,
            from_state: stage(live.map(|live| live.state)),
            to_state: to,
            held: Vec::new(),
            fields: Vec::new(),
            effect: Effect::Neutral,
            source: self.policy.source().clone(),
            notes: live.map(unmodelled_note).into_iter().flatten().collect(),
            before: live.map(diff::live_fingerprint),
            writes: Vec::new(),
            resolved: self.wanted.uses_fingerprint(),
            exclusions: None,
            result: live.map(|live| live.policy.clone()),
            adds_break_glass_only: false,
        }
    }

    pub(super) fn nothing(&self) -> Change {
        self.blank(None, WantedState::Absent)
    }

    pub(super) fn create(&self, state: State, on_is_wanted: bool) -> Result<Change, Refusal> {
        if self.policy.owner == Owner::Microsoft {
            return Err(Refusal::absolute(
                "microsoft-managed",
                format!(
                    "{} is declared `owner: microsoft`, and no live policy is called \"{}\"",
                    self.policy.key.value, self.policy.policy.name
                ),
            )
            .policy(&self.policy.key.value)
            .at(self.policy.name_source.clone())
            .help("Microsoft creates its policies itself: correct the name, or take `owner` out"));
        }
        let policy = &self.wanted.policy;
        let mut change = self.blank(None, stage(Some(state)));
        change.action = Action::Create;
        let empty = Policy {
            name: String::new(),
            conditions: Conditions {
                client_apps: BTreeSet::new(),
                ..Conditions::default()
            },
            grant: None,
            session: None,
        };
        let mut fields = self.rows(&diff::compare(&empty, policy), true);
        if let Some(name) = fields.iter_mut().find(|field| field.path == "name") {
            name.before = Value::Null;
        }
        fields.insert(
            1,
            state_row(None, stage(Some(state)), self.policy.state.is_none()),
        );
        change.fields = fields;
        change.writes = vec![writes::create(policy, state, &self.desired.tenant.cloud)];
        self.will_be(&mut change, policy);
        self.explain(&mut change);
        if on_is_wanted {
            change.held = vec![self.whole_soak_ahead()];
        }
        Ok(change)
    }

    /// Brings the content of a policy that is not enforced to what is wanted.
    pub(super) fn update(&self, live: &LivePolicy, state: State) -> Change {
        let policy = &self.wanted.policy;
        let differences = diff::compare(&live.policy, policy);
        let mut change = self.blank(Some(live), stage(Some(state)));
        self.will_be(&mut change, policy);
        if differences.is_empty() {
            return change;
        }
        change.action = Action::Update;
        change.fields = self.rows(&differences, false);
        change.effect = effect(&live.policy, policy, &differences);
        change.adds_break_glass_only = self.adds_break_glass_only(&differences);
        change.writes = vec![edit(
            policy,
            &differences,
            state,
            &self.desired.tenant.cloud,
        )];
        self.explain(&mut change);
        change
    }

    /// The edits beside a lowering: none at all while a name does not resolve, for a lowering waits for
    /// nothing (rule 3).
    pub(super) fn update_what_resolves(&self, live: &LivePolicy, state: State) -> Change {
        if self.wanted.unresolved.is_empty() {
            return self.update(live, state);
        }
        let mut change = self.blank(Some(live), stage(Some(state)));
        self.will_be(&mut change, &live.policy);
        change
    }

    /// Moves a policy that is not enforced between off and report-only, edits included.
    pub(super) fn move_to(&self, live: &LivePolicy, state: State, action: Action) -> Change {
        let mut change = if action == Action::Disable {
            self.update_what_resolves(live, state)
        } else {
            self.update(live, state)
        };
        change.action = action;
        change.adds_break_glass_only = false;
        change.fields.insert(
            usize::from(change.fields.first().is_some_and(|f| f.path == "name")),
            state_row(Some(live.state), stage(Some(state)), false),
        );
        let policy = change.result.clone().unwrap_or_else(|| live.policy.clone());
        match change.writes.first_mut() {
            Some(write) => write.body["state"] = json!(state.wire()),
            None => change.writes.push(set_state(&policy, state)),
        }
        if live.state == State::Off && state == State::ReportOnly {
            change
                .notes
                .push(format!("the soak of {} starts", days(self.policy)));
        }
        change
    }

    /// Our own delete switches the policy off first, so that nothing in the bin does anything when it
    /// is restored (rule 4).
    pub(super) fn delete(&self, live: &LivePolicy) -> Result<Change, Refusal> {
        if self.policy.owner == Owner::Microsoft {
            let key = &self.policy.key.value;
            return Err(Refusal::absolute(
                "microsoft-managed",
                format!(
                    "{key} is declared `owner: microsoft`, and such a policy cannot be deleted"
                ),
            )
            .policy(key)
            .at(self.policy.name_source.clone())
            .help("switch it off instead: `state: off`"));
        }
        let mut change = self.blank(Some(live), WantedState::Absent);
        change.action = Action::Delete;
        change.fields = vec![state_row(Some(live.state), WantedState::Absent, false)];
        if live.state != State::Off {
            change.writes.push(set_state(&live.policy, State::Off));
        }
        change.writes.push(writes::delete());
        change.result = None;
        change
            .notes
            .push("it stays in the recycle bin for 30 days where the cloud has one".into());
        Ok(change)
    }

    pub(super) fn will_be(&self, change: &mut Change, policy: &Policy<Id>) {
        change.exclusions = exclusions_fingerprint(policy, self.snapshot);
        change.result = Some(policy.clone());
    }

    pub(super) fn rows(&self, differences: &[Difference], creating: bool) -> Vec<FieldChange> {
        differences
            .iter()
            .flat_map(|difference| rows(difference, &self.wanted.implied, self.names, creating))
            .collect()
    }

    /// The sentences a reviewer reads under a change.
    pub(super) fn explain(&self, change: &mut Change) {
        if let Some((live, _)) = self.live
            && let Some(result) = &change.result
        {
            for difference in diff::compare(&live.policy, result) {
                if difference.path != "users.exclude" {
                    continue;
                }
                for removed in difference.removed() {
                    let whom = match removed {
                        diff::Item::Object(Kind::Group, _) => "the members of that group",
                        diff::Item::Object(Kind::Role, _) => "whoever holds that role",
                        _ => "that account",
                    };
                    change.notes.push(format!(
                        "taking {} out of the exclusions makes the policy stricter for {whom}",
                        text(removed, self.names)
                    ));
                }
            }
        }
        if exempts_from_azure_management(self.desired, self.wanted) {
            change.notes.push(
                "the exclusions do not exempt anybody from Microsoft's own mandatory MFA for Azure"
                    .into(),
            );
        }
    }

    fn adds_break_glass_only(&self, differences: &[Difference]) -> bool {
        differences.iter().all(|difference| {
            difference.path == "users.exclude"
                && difference.removed().next().is_none()
                && difference.added().all(|item| {
                    matches!(item, diff::Item::Object(kind, id)
                        if self.wanted.break_glass.contains(&(*kind, id.clone())))
                })
        })
    }
}

fn unmodelled_note(live: &LivePolicy) -> Option<String> {
    let paths: Vec<_> = live.unmodelled.keys().map(String::as_str).collect();
    (!paths.is_empty()).then(|| {
        format!(
            "the live policy holds what this version does not model; it is kept as it is: {}",
            paths.join(", ")
        )
    })
}
