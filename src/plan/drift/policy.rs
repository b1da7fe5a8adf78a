//! What somebody else changed of one live policy.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::events::lowered;
use super::{
    ChangedGroup, Drift, DriftKind, Drifted, KnownBy, Pending, Teller, state_change,
    unmodelled_rows,
};
use crate::diff::{self, Difference};
use crate::evidence::Remembered;
use crate::model::{DesiredPolicy, Id, Kind, LivePolicy, Policy, State, WantedState};
use crate::plan::change::{FieldChange, Note};
use crate::plan::fields::rows;
use crate::tenant::{AuditEvent, Snapshot, Wanted};

/// A managed policy with all that is compared.
struct Compared<'a> {
    policy: &'a DesiredPolicy,
    live: &'a LivePolicy,
    wanted: Wanted,
}

/// Whether a group has other members than when we last wrote; `None` when that is not known.
pub(super) fn members_changed(
    group: &Id,
    snapshot: &Snapshot,
    remembered: &Remembered,
) -> Option<bool> {
    let known = remembered.members.get(group)?;
    let now = snapshot.members.get(group)?;
    let people: BTreeSet<Id> = now.people().map(|person| person.id.clone()).collect();
    now.complete.then(|| people != known.people)
}

impl Teller<'_> {
    pub(super) fn tell_live(&self, policy: &DesiredPolicy, live: &LivePolicy, drift: &mut Drift) {
        let wanted = Wanted::new(self.desired, policy, self.snapshot, Some(&live.policy));
        let compared = Compared {
            policy,
            live,
            wanted,
        };
        let changed = match self.remembered.is_as_we_left_it(live) {
            Some(true) => {
                self.pending(&compared, &live.policy, live.state, drift);
                None
            }
            Some(false) => self.changed_since_our_write(&compared, drift),
            None => self.changed_by_audit(&compared, drift),
        };
        let groups = self.groups(live);
        match changed {
            Some(changed) => drift.drifted.push(Drifted { groups, ..changed }),
            None if groups.is_empty() => {}
            None => {
                let by_journal = groups.iter().all(|group| group.joined.is_some());
                let known_by = if by_journal {
                    KnownBy::Journal
                } else {
                    KnownBy::Audit
                };
                let members = self.drifted(&compared, DriftKind::Members, known_by);
                drift.drifted.push(Drifted { groups, ..members });
            }
        }
    }

    /// By the journal: what is live is not what we left.
    fn changed_since_our_write(
        &self,
        compared: &Compared<'_>,
        drift: &mut Drift,
    ) -> Option<Drifted> {
        let live = compared.live;
        let events = self.foreign(&live.id);
        let before = self.remembered.read_back.get(&live.id);
        // A run that was killed before it read back left only a fingerprint.
        let before = before.or_else(|| events.last()?.before.as_ref());
        let mut fields = match before {
            Some(before) => {
                self.pending(compared, &before.policy, before.state, drift);
                let mut fields = self.rows(&before.policy, &live.policy);
                fields.extend(state_change(before.state, live.state));
                fields.extend(unmodelled_rows(before, live));
                fields
            }
            None => self.rows(&compared.wanted.policy, &live.policy),
        };
        if before.is_none() && fields.is_empty() {
            fields.extend(state_against(compared));
        }
        let changed = Drifted {
            fields,
            events: events.iter().map(|event| self.event(event)).collect(),
            ..self.drifted(compared, DriftKind::Changed, KnownBy::Journal)
        };
        let turned_on = live.state == State::On
            && before.is_some_and(|before| before.state != State::On)
            && !self.desired.records.contains_key(&changed.policy);
        if !turned_on && is_as_wanted(compared) {
            drift.notes.push(Note {
                code: "as-wanted",
                message: "somebody else changed it to what the YAML says by now".into(),
                policy: Some(changed.policy),
            });
            return None;
        }
        Some(changed)
    }

    /// Without a journal: the audit since it was weighed or created says whether somebody was there.
    fn changed_by_audit(&self, compared: &Compared<'_>, drift: &mut Drift) -> Option<Drifted> {
        let (policy, live) = (compared.policy, compared.live);
        let record = self.desired.records.get(&policy.key.value);
        let record = record.filter(|record| record.value.policy_id == live.id);
        let since = record
            .map(|record| record.value.weighed_at)
            .or(live.created);
        let events: Vec<&AuditEvent> = self
            .history(&live.id)
            .iter()
            .filter(|event| since.is_none_or(|since| event.at > since))
            .filter(|event| !event.activity.starts_with("Add"))
            .collect();
        let wants_on = policy
            .state
            .as_ref()
            .is_some_and(|state| state.value == WantedState::On);
        let waits =
            wants_on && live.state != State::On && !events.iter().any(|event| lowered(event));
        let state = state_against(compared).filter(|_| !waits);
        let differences = diff::compare(&compared.wanted.policy, &live.policy);
        if differences.is_empty() && state.is_none() {
            if waits {
                self.pending(compared, &live.policy, live.state, drift);
            }
            return None;
        }
        let paths: BTreeSet<&str> = differences
            .iter()
            .map(|difference| difference.path)
            .collect();
        let relevant: Vec<&AuditEvent> = events
            .into_iter()
            .filter(|event| touches(event, &paths, state.is_some()))
            .collect();
        if self.options.audited && relevant.is_empty() {
            self.pending(compared, &live.policy, live.state, drift);
            return None;
        }
        // It began where the policy was last what the YAML says; what is older may be ours.
        let was_as_wanted = |event: &&AuditEvent| {
            event.before.as_ref().is_some_and(|before| {
                state
                    .as_ref()
                    .is_none_or(|state| state.before == before.state.word())
                    && diff::compare(&before.policy, &compared.wanted.policy)
                        .iter()
                        .all(|difference| !paths.contains(difference.path))
            })
        };
        let began = relevant.iter().position(was_as_wanted);
        let relevant = &relevant[..began.map_or(relevant.len(), |at| at + 1)];
        let before = relevant.last().and_then(|event| event.before.as_ref());
        let fields = match before {
            Some(before) => {
                let mut fields = self.rows(&before.policy, &live.policy);
                fields.extend(state_change(before.state, live.state));
                fields
            }
            None => {
                let mut fields = self.rows(&compared.wanted.policy, &live.policy);
                fields.extend(state);
                fields
            }
        };
        let known_by = if relevant.is_empty() {
            KnownBy::Nothing
        } else {
            KnownBy::Audit
        };
        Some(Drifted {
            fields,
            events: relevant.iter().map(|event| self.event(event)).collect(),
            ..self.drifted(compared, DriftKind::Changed, known_by)
        })
    }

    fn drifted(&self, compared: &Compared<'_>, kind: DriftKind, known_by: KnownBy) -> Drifted {
        Drifted {
            policy: compared.policy.key.value.clone(),
            name: compared.live.policy.name.clone(),
            id: Some(compared.live.id.clone()),
            kind,
            known_by,
            fields: Vec::new(),
            groups: Vec::new(),
            events: Vec::new(),
            source: compared.policy.source().clone(),
        }
    }

    /// What the YAML says beyond what we last brought about.
    fn pending(
        &self,
        compared: &Compared<'_>,
        before: &Policy<Id>,
        state: State,
        drift: &mut Drift,
    ) {
        let mut fields = self.rows(before, &compared.wanted.policy);
        let wanted = compared.policy.state.as_ref().map(|state| state.value);
        if let Some(wanted) = wanted
            && wanted != crate::plan::stage(Some(state))
        {
            fields.push(crate::plan::fields::state_row(Some(state), wanted, false));
        }
        if !fields.is_empty() {
            drift.pending.push(Pending {
                policy: compared.policy.key.value.clone(),
                name: compared.policy.policy.name.clone(),
                fields,
                source: compared.policy.source().clone(),
            });
        }
    }

    fn rows(&self, before: &Policy<Id>, after: &Policy<Id>) -> Vec<FieldChange> {
        let nobody = BTreeSet::new();
        diff::compare(before, after)
            .iter()
            .flat_map(|difference: &Difference| rows(difference, &nobody, &self.names, false))
            .collect()
    }

    /// The excluded groups whose members are not who they were.
    fn groups(&self, live: &LivePolicy) -> Vec<ChangedGroup> {
        let excluded = &live.policy.conditions.users.exclude.groups;
        excluded
            .iter()
            .filter_map(|group| self.group(group, live.unchanged_since()))
            .collect()
    }

    fn group(&self, group: &Id, unchanged_since: Option<Timestamp>) -> Option<ChangedGroup> {
        let changed = members_changed(group, self.snapshot, self.remembered);
        let known = self
            .remembered
            .members
            .get(group)
            .filter(|_| changed == Some(true));
        let since = known.map(|known| known.at).or(unchanged_since);
        let events: Vec<_> = self
            .history(group)
            .iter()
            .filter(|event| since.is_none_or(|since| event.at >= since))
            .filter(|event| event.activity.contains("member"))
            .map(|event| self.event(event))
            .collect();
        let person = |id: &Id| self.names.of(Kind::User, id);
        let now: BTreeSet<Id> = self
            .snapshot
            .members
            .get(group)
            .into_iter()
            .flat_map(|members| members.people())
            .map(|person| person.id.clone())
            .collect();
        let is_changed = match changed {
            Some(changed) => changed,
            None => !events.is_empty(),
        };
        is_changed.then(|| ChangedGroup {
            name: self.names.of(Kind::Group, group),
            joined: known.map(|known| now.difference(&known.people).map(person).collect()),
            left: known.map(|known| known.people.difference(&now).map(person).collect()),
            events,
        })
    }
}

/// Whether the YAML says just that, state included where it says one.
fn is_as_wanted(compared: &Compared<'_>) -> bool {
    compared.wanted.unresolved.is_empty()
        && diff::compare(&compared.wanted.policy, &compared.live.policy).is_empty()
        && state_against(compared).is_none()
}

/// The state where it is not the one that the YAML asks for.
fn state_against(compared: &Compared<'_>) -> Option<FieldChange> {
    let wanted = match compared.policy.state.as_ref()?.value {
        WantedState::Absent => return None,
        WantedState::Off => State::Off,
        WantedState::ReportOnly => State::ReportOnly,
        WantedState::On => State::On,
    };
    state_change(wanted, compared.live.state)
}

/// Whether an entry is about a field that differs; one that does not say what it changed may be.
fn touches(event: &AuditEvent, paths: &BTreeSet<&str>, state: bool) -> bool {
    let (Some(before), Some(after)) = (&event.before, &event.after) else {
        return true;
    };
    state && before.state != after.state
        || diff::compare(&before.policy, &after.policy)
            .iter()
            .any(|difference| paths.contains(difference.path))
}
