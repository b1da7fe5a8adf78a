//! The log as it is read: newest first, within what is kept, one sign-in at a time.

use super::super::profile::{Licence, Profile};
use super::habits::{DAY, Moment, Profile as Person, Who};
use super::history::History;
use super::slices::{SLICE, who};
use super::standing::{Outcome, Standing};
use super::wanted::Wanted;
use super::write::{View, row};

/// How long it takes until a sign-in is in the log, in seconds.
const LATENCY: i64 = 120;
/// How long sign-ins are kept with a licence, in days.
const RETENTION: i64 = 30;
/// How long without one.
const FREE_RETENTION: i64 = 7;

/// A place in the log.
pub(super) type Cursor = (i64, Who, i32, u16);

/// The log with what is wanted of it.
#[derive(Debug)]
pub(super) struct Log {
    history: History,
    wanted: Wanted,
}

/// A sign-in with all that it takes to show it.
pub(super) struct Found<'a> {
    pub(super) moment: &'a Moment,
    pub(super) profile: Person,
    pub(super) standing: &'a Standing,
    pub(super) outcome: Outcome,
}

impl Found<'_> {
    /// Writes it as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>, view: View) {
        row(
            out,
            view,
            self.standing,
            self.moment,
            &self.profile,
            &self.outcome,
        );
    }

    /// Where it stands in the log.
    pub(super) fn cursor(&self) -> Cursor {
        self.moment.key()
    }
}

impl Log {
    pub(super) fn of(history: History, wanted: Wanted) -> Self {
        Self { history, wanted }
    }

    /// The first and the last second that can be seen.
    fn bounds(&self) -> (i64, i64) {
        let now = self.history.present().now().as_second();
        let days = match Profile::of(self.history.present()).licence {
            Licence::None => FREE_RETENTION,
            Licence::P1 | Licence::P2 => RETENTION,
        };
        let kept = now - days * DAY;
        (
            self.wanted.from.max(kept),
            self.wanted.to.min(now - LATENCY),
        )
    }

    /// Shows sign-ins from a place on, the newest first, until `show` has had enough.
    pub(super) fn newest_first(
        &self,
        after: Option<Cursor>,
        show: &mut dyn FnMut(&Found<'_>) -> bool,
    ) {
        let tenant = self.history.present();
        let (from, to) = self.bounds();
        let to = after.map_or(to, |(at, ..)| to.min(at));
        let only = match self.wanted.user().map(|name| who(tenant, name)) {
            // Nobody of that name has ever signed in.
            Some(None) => return,
            Some(only) => only,
            None => None,
        };
        if from > to {
            return;
        }
        for number in (from.div_euclid(SLICE)..=to.div_euclid(SLICE)).rev() {
            let slice = tenant
                .slices()
                .slice(tenant, number, &self.wanted.kinds, only);
            let start = slice.partition_point(|moment| {
                moment.at > to || after.is_some_and(|after| moment.key() >= after)
            });
            for moment in &slice[start..] {
                if moment.at < from {
                    return;
                }
                if let Some(found) = self.found(moment)
                    && !show(&found)
                {
                    return;
                }
            }
        }
    }

    /// A sign-in with its outcome, when it took place and is wanted.
    fn found<'a>(&'a self, moment: &'a Moment) -> Option<Found<'a>> {
        let standing = self.history.at(moment.at);
        standing.account(moment.who)?;
        let profile = Person::of(self.history.present(), moment.who)?;
        if !self.wanted.holds(moment, &profile, standing, None) {
            return None;
        }
        let before = self.history.before(moment.session, moment.at);
        let outcome = standing.weigh(moment, &profile, before);
        let is_wanted = !self.wanted.needs_outcome()
            || self
                .wanted
                .holds(moment, &profile, standing, Some(&outcome));
        is_wanted.then_some(Found {
            moment,
            profile,
            standing,
            outcome,
        })
    }

    /// Writes one sign-in when it can be seen.
    pub(super) fn write_one(&self, moment: &Moment, out: &mut Vec<u8>, view: View) -> bool {
        let (from, to) = self.bounds();
        if !(from..=to).contains(&moment.at) {
            return false;
        }
        let found = self.found(moment);
        if let Some(found) = &found {
            found.write(out, view);
        }
        found.is_some()
    }
}
