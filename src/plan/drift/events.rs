//! Whose entry of the audit it is: each of our writes accounts for one.

use jiff::{SignedDuration, Timestamp};

use super::{Author, Event, Teller};
use crate::diff;
use crate::model::{Id, LivePolicy, State};
use crate::tenant::AuditEvent;

/// How far the clock that dates answers may be ahead of the one that dates the audit.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

impl Teller<'_> {
    /// The audit of an object, newest first; nothing when it was not read.
    pub(super) fn history(&self, id: &Id) -> &[AuditEvent] {
        self.snapshot.history.get(id).map_or(&[], Vec::as_slice)
    }

    /// The entries after our last write of a policy that our journal does not account for.
    pub(super) fn foreign(&self, id: &Id) -> Vec<&AuditEvent> {
        let mut events: Vec<&AuditEvent> = self.history(id).iter().rev().collect();
        let mut from = 0;
        let writes = self.remembered.done.iter().filter(|write| write.id == *id);
        for write in writes {
            let since = write.at.checked_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN);
            let ours = events.iter().enumerate().skip(from).find(|(_, event)| {
                event.at >= since
                    && match (&write.outcome, &event.after) {
                        (None, _) if write.state.is_none() => event.activity.starts_with("Delete"),
                        (Some(outcome), Some(after)) => *outcome == outcome_of(after),
                        // A demotion knows the state alone.
                        _ => event.state_after == write.state,
                    }
            });
            if let Some((position, _)) = ours {
                events.remove(position);
                from = position;
            } else {
                // The entry is not to be told from others; what is older than the write is no drift.
                from = events
                    .iter()
                    .position(|event| event.at >= write.at)
                    .unwrap_or(events.len())
                    .max(from);
            }
        }
        let mut foreign = events.split_off(from.min(events.len()));
        foreign.reverse();
        foreign
    }

    /// An entry with as much of its author as may be shown.
    pub(super) fn event(&self, event: &AuditEvent) -> Event {
        Event {
            at: event.at,
            activity: event.activity.clone(),
            by: self.author(event),
        }
    }

    pub(super) fn author(&self, event: &AuditEvent) -> Author {
        let Some(by) = &event.by else {
            return Author::Unknown;
        };
        if let Some(declared) = self.declared(event.person.as_ref(), by) {
            return Author::Person(declared);
        }
        match event.person {
            None => Author::Application(by.clone()),
            Some(_) if self.options.people => Author::Person(by.clone()),
            Some(_) => Author::SomePerson,
        }
    }
}

fn outcome_of(live: &LivePolicy) -> String {
    diff::outcome_fingerprint(&live.policy, live.state)
}

/// Whether an entry says that the policy was lowered.
pub(super) fn lowered(event: &AuditEvent) -> bool {
    event.state_before == Some(State::On)
        && event.state_after.is_some_and(|after| after != State::On)
}
