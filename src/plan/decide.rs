//! What becomes of one policy: the state table of the design, cell by cell.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::change::{Action, Change, Effect, FieldChange, Held, Refusal, Verb, Write};
use super::effect::effect;
use super::fields::{rows, text};
use super::find::FoundBy;
use super::{exempts_from_azure_management, stage};
use crate::diff::{self, Difference};
use crate::evidence::{Bundle, Remembered, Weighed};
use crate::model::{
    Block, Conditions, Desired, DesiredPolicy, Id, LivePolicy, Origin, Owner, Policy, State,
    WantedState, block_json, create_json,
};
use crate::rollout::{self, Gate, Lowered, Standing, Verdict};
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
}

impl Decision<'_> {
    /// The change, or why there can be none.
    pub(super) fn change(&self) -> Result<Change, Refusal> {
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
            (State::Off | State::ReportOnly, Some(WantedState::Absent)) => Ok(self.delete(live)),
        }
    }

    /// A change that writes nothing, to be filled in.
    fn blank(&self, live: Option<&LivePolicy>, to: WantedState) -> Change {
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

    fn nothing(&self) -> Change {
        self.blank(None, WantedState::Absent)
    }

    fn create(&self, state: State, on_is_wanted: bool) -> Result<Change, Refusal> {
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
                client_apps: std::collections::BTreeSet::new(),
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
        change.writes = vec![Write {
            verb: Verb::Create,
            body: create_json(policy, state),
            outcome: Some(diff::outcome_fingerprint(policy, state)),
            state: Some(state),
        }];
        self.will_be(&mut change, policy);
        self.explain(&mut change);
        if on_is_wanted {
            change.held = vec![self.whole_soak_ahead()];
        }
        Ok(change)
    }

    /// Brings the content of a policy that is not enforced to what is wanted.
    fn update(&self, live: &LivePolicy, state: State) -> Change {
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
        change.writes = vec![edit(policy, &differences, state)];
        self.explain(&mut change);
        change
    }

    /// The edits beside a lowering: none at all while a name does not resolve, for a lowering waits for
    /// nothing (rule 3).
    fn update_what_resolves(&self, live: &LivePolicy, state: State) -> Change {
        if self.wanted.unresolved.is_empty() {
            return self.update(live, state);
        }
        let mut change = self.blank(Some(live), stage(Some(state)));
        self.will_be(&mut change, &live.policy);
        change
    }

    /// Moves a policy that is not enforced between off and report-only, edits included.
    fn move_to(&self, live: &LivePolicy, state: State, action: Action) -> Change {
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

    /// From report-only to on: only with a record that still counts, and gates that still pass.
    fn turn_on(&self, live: &LivePolicy) -> Change {
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

    /// Rule 1: what makes an enforced policy stricter for anybody is held, or explicitly in place.
    fn update_enforced(&self, live: &LivePolicy, by: FoundBy) -> Result<Change, Refusal> {
        let mut change = self.update(live, State::On);
        if change.writes.is_empty() {
            return Ok(change);
        }
        self.refuse_unadopted(live, by)?;
        if matches!(change.effect, Effect::Weakens | Effect::Neutral)
            || self.policy.rollout.in_place.is_some()
        {
            if let Some(in_place) = &self.policy.rollout.in_place
                && !matches!(change.effect, Effect::Weakens | Effect::Neutral)
            {
                change.notes.push(format!(
                    "edited in place without a twin: {} ({})",
                    in_place.reason, in_place.owner
                ));
            }
            return Ok(change);
        }
        let reason = match change.effect {
            Effect::Strengthens => "the edit makes an enforced policy stricter",
            _ => {
                "whether the edit makes an enforced policy stricter cannot be told, so it counts as stricter"
            }
        };
        let held = Held {
            gate: "twin".into(),
            reason: format!(
                "{reason}: allow it with `rollout: {{in_place: {{reason: …, owner: …}}}}`, or lower the policy first"
            ),
            until: None,
        };
        // Rule 2 does not wait for rule 1: missing break-glass exclusions are written all the same.
        let mut rescued = live.policy.clone();
        let exclude = &mut rescued.conditions.users.exclude;
        for (kind, id) in &self.wanted.break_glass {
            match kind {
                crate::model::Kind::Group => exclude.groups.insert(id.clone()),
                crate::model::Kind::Role => exclude.roles.insert(id.clone()),
                _ => exclude.users.insert(id.clone()),
            };
        }
        let rescue = diff::compare(&live.policy, &rescued);
        change.held = vec![held];
        if rescue.is_empty() {
            change.action = Action::None;
            change.writes.clear();
            self.will_be(&mut change, &live.policy);
        } else {
            change.writes = vec![edit(&rescued, &rescue, State::On)];
            change.effect = effect(&live.policy, &rescued, &rescue);
            change.adds_break_glass_only = true;
            self.will_be(&mut change, &rescued);
            change
                .notes
                .push("only the missing break-glass exclusions are written now".into());
        }
        Ok(change)
    }

    /// From on to something weaker: only with a reason that still counts.
    fn lower(
        &self,
        live: &LivePolicy,
        by: FoundBy,
        state: State,
        action: Action,
    ) -> Result<Change, Refusal> {
        let key = &self.policy.key.value;
        let source = self.policy.state.as_ref().map_or_else(
            || self.policy.source().clone(),
            |state| state.source.clone(),
        );
        let today = self.snapshot.taken_at.to_zoned(TimeZone::UTC).date();
        let refused = |message: String, at| {
            Refusal::liftable("weaken", message).policy(key).at(at).help(format!(
                "say why in the policy file: `weaken: {{reason: …, owner: …, ticket: …, until: {today}}}`; in an emergency run `portcullis demote {key}`"
            ))
        };
        match &self.policy.weaken {
            None => {
                return Err(refused(
                    format!(
                        "{key} is on, and the YAML says {} without `weaken:`",
                        state.word()
                    ),
                    source,
                ));
            }
            Some(weaken) if weaken.value.until < today => {
                return Err(refused(
                    format!(
                        "{key} is on, and its `weaken:` ended on {}",
                        weaken.value.until
                    ),
                    weaken.source.clone(),
                ));
            }
            Some(_) => {}
        }
        let mut change = self.update_what_resolves(live, state);
        if !change.writes.is_empty() {
            self.refuse_unadopted(live, by)?;
        }
        change.action = action;
        change.effect = Effect::Weakens;
        change.adds_break_glass_only = false;
        change.fields.insert(
            usize::from(change.fields.first().is_some_and(|f| f.path == "name")),
            state_row(Some(live.state), stage(Some(state)), false),
        );
        // The lowering goes first and alone: an edit that is refused must not keep it from happening.
        change.writes.insert(0, set_state(&live.policy, state));
        if let Some(weaken) = &self.policy.weaken {
            let weaken = &weaken.value;
            let ticket = weaken
                .ticket
                .as_ref()
                .map_or_else(String::new, |ticket| format!(", {ticket}"));
            change.notes.push(format!(
                "weakened because: {} ({}{ticket}; until {})",
                weaken.reason, weaken.owner, weaken.until
            ));
        }
        Ok(change)
    }

    /// Our own delete switches the policy off first, so that nothing in the bin does anything when it
    /// is restored (rule 4).
    fn delete(&self, live: &LivePolicy) -> Change {
        let mut change = self.blank(Some(live), WantedState::Absent);
        change.action = Action::Delete;
        change.fields = vec![state_row(Some(live.state), WantedState::Absent, false)];
        if live.state != State::Off {
            change.writes.push(set_state(&live.policy, State::Off));
        }
        change.writes.push(Write {
            verb: Verb::Delete,
            body: Value::Null,
            outcome: None,
            state: None,
        });
        change.result = None;
        change
            .notes
            .push("it stays in the recycle bin for 30 days where the cloud has one".into());
        change
    }

    fn refuse_delete_enforced(&self, live: &LivePolicy) -> Refusal {
        let key = &self.policy.key.value;
        let refusal = Refusal::absolute(
            "delete-enforced",
            format!(
                "{key} is to be deleted, and \"{}\" is on",
                live.policy.name
            ),
        )
        .policy(key)
        .help(format!(
            "lower it first: `portcullis demote {key}`, or `state: off` with `weaken:`; then delete it"
        ));
        match &self.policy.state {
            Some(state) => refusal.at(state.source.clone()),
            None => refusal,
        }
    }

    fn refuse_unadopted(&self, live: &LivePolicy, by: FoundBy) -> Result<(), Refusal> {
        if by == FoundBy::Pin {
            return Ok(());
        }
        let key = &self.policy.key.value;
        Err(Refusal::liftable(
            "adopt",
            format!(
                "\"{}\" is on, differs from the YAML, and only its name says that it is {key}",
                live.policy.name
            ),
        )
        .policy(key)
        .at(self.policy.name_source.clone())
        .help(format!(
            "if it is the one that is meant, adopt it with the line `id: {}` in the policy file; \
             otherwise choose another name",
            live.id
        )))
    }

    fn will_be(&self, change: &mut Change, policy: &Policy<Id>) {
        change.exclusions = exclusions_fingerprint(policy, self.snapshot);
        change.result = Some(policy.clone());
    }

    fn rows(&self, differences: &[Difference], creating: bool) -> Vec<FieldChange> {
        differences
            .iter()
            .flat_map(|difference| rows(difference, &self.wanted.implied, self.names, creating))
            .collect()
    }

    /// The sentences a reviewer reads under a change.
    fn explain(&self, change: &mut Change) {
        if let Some((live, _)) = self.live
            && let Some(result) = &change.result
        {
            for difference in diff::compare(&live.policy, result) {
                if difference.path != "users.exclude" {
                    continue;
                }
                for removed in difference.removed() {
                    change.notes.push(format!(
                        "taking {} out of the exclusions makes the policy stricter for that account",
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

    fn lowered(&self, live: &LivePolicy) -> Lowered {
        lowered(live, self.snapshot, self.remembered)
    }

    fn whole_soak_ahead(&self) -> Held {
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

/// When a policy that is not on any more was on, by the journal or the directory audit.
fn lowered(live: &LivePolicy, snapshot: &Snapshot, remembered: &Remembered) -> Lowered {
    let audited = snapshot
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
        last_known_on: audited.max(remembered.turned_on.get(&live.id).copied()),
    }
}

fn holds(gates: &[Gate]) -> Vec<Held> {
    rollout::holding(gates)
        .map(|gate| Held {
            gate: gate.gate.to_owned(),
            reason: gate.reason.clone(),
            until: gate.until,
        })
        .collect()
}

fn days(policy: &DesiredPolicy) -> String {
    let hours = policy.rollout.soak.as_hours();
    if hours % 24 == 0 {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
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

fn state_row(from: Option<State>, to: WantedState, by_default: bool) -> FieldChange {
    FieldChange {
        path: "state".into(),
        before: from.map_or(Value::Null, |state| json!(state.word())),
        after: match to {
            WantedState::Absent => Value::Null,
            to => json!(to.word()),
        },
        origin: if by_default {
            Origin::Default
        } else {
            Origin::File
        },
    }
}

fn set_state(policy: &Policy<Id>, state: State) -> Write {
    Write {
        verb: Verb::Update,
        body: json!({"state": state.wire()}),
        outcome: Some(diff::outcome_fingerprint(policy, state)),
        state: Some(state),
    }
}

/// One PATCH with the complete blocks in which something changes (rule 10).
fn edit(policy: &Policy<Id>, differences: &[Difference], state: State) -> Write {
    let blocks: std::collections::BTreeSet<Block> = differences
        .iter()
        .map(|difference| difference.block)
        .collect();
    let mut body = serde_json::Map::new();
    for block in blocks {
        let (key, value) = block_json(policy, block);
        body.insert(key.to_owned(), value);
    }
    Write {
        verb: Verb::Update,
        body: Value::Object(body),
        outcome: Some(diff::outcome_fingerprint(policy, state)),
        state: Some(state),
    }
}
