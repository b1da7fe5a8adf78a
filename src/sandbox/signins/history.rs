//! The tenant as it was: what a sign-in met is the tenant of its own time.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::super::tenant::{Change, Table, Tenant};
use super::standing::Standing;

/// How long it is known what the tenant was, in seconds: the 30 days that sign-ins are kept, and the day
/// before that in which the session of the oldest may have begun.
const KEPT: i64 = 31 * 24 * 3_600;
/// From how many steps to how many a reader of the past stops to remember where it is.
const STRIDE: usize = 64;

/// What the tenant was: as it began, and what was written since that a sign-in can meet.
///
/// It is kept as changes, not as tenants: a version of the tenant shares only what was not written, and
/// one for each write would hold every table as often as there were writes.
#[derive(Debug, Clone)]
pub(in super::super) struct Past {
    /// The tenant before the first step.
    base: Tenant,
    steps: Vec<Step>,
}

/// A write that a sign-in can meet.
#[derive(Debug, Clone)]
struct Step {
    /// When it was made.
    at: Timestamp,
    /// What it changed, with what was arranged between it and the next one.
    changes: Arc<Vec<Change>>,
}

impl Past {
    /// The past of a tenant that nobody has written to.
    pub(in super::super) fn of(base: Tenant) -> Self {
        Self {
            base,
            steps: Vec::new(),
        }
    }

    /// Notes a write, and forgets what no sign-in that is kept can have met.
    pub(in super::super) fn note(&mut self, changes: &[Change], at: Timestamp) {
        let changes = met(changes);
        if changes.is_empty() {
            return;
        }
        let is_over = |step: &Step| at.duration_since(step.at).as_secs() > KEPT;
        let over = self.steps.partition_point(is_over);
        for step in self.steps.drain(..over) {
            step.apply(&mut self.base);
        }
        self.steps.push(Step {
            at,
            changes: Arc::new(changes),
        });
    }

    /// Notes what was arranged: no time passes, so it was so since the last write.
    pub(in super::super) fn arrange(&mut self, changes: &[Change]) {
        let changes = met(changes);
        match self.steps.last_mut() {
            Some(step) => Arc::make_mut(&mut step.changes).extend(changes),
            None => changes.iter().for_each(|change| self.base.change(change)),
        }
    }
}

impl Step {
    fn apply(&self, tenant: &mut Tenant) {
        self.changes.iter().for_each(|change| tenant.change(change));
    }
}

/// The changes that a [`Standing`] can tell.
fn met(changes: &[Change]) -> Vec<Change> {
    let is_met = |change: &&Change| match change {
        Change::Join { .. } | Change::Leave { .. } => true,
        Change::Put { table, .. } => is_read(*table),
        // Whoever is gone holds no role and is in no group.
        Change::Remove { table, .. } => is_read(*table) || *table == Table::ServicePrincipals,
    };
    changes.iter().filter(is_met).cloned().collect()
}

/// Whether a [`Standing`] is made of the rows of a table.
fn is_read(table: Table) -> bool {
    match table {
        Table::Policies
        | Table::NamedLocations
        | Table::Strengths
        | Table::Users
        | Table::Groups
        | Table::RoleAssignments => true,
        Table::DeletedPolicies
        | Table::DeletedNamedLocations
        | Table::AuthenticationContexts
        | Table::ServicePrincipals
        | Table::RoleDefinitions
        | Table::RoleEligibilities
        | Table::SecurityDefaults
        | Table::Profile
        | Table::Apps
        | Table::AppRoleAssignments => false,
    }
}

/// What the tenant was at any time of the last month.
#[derive(Debug)]
pub(in super::super) struct History {
    past: Arc<Past>,
    present: Tenant,
    /// The tenant before every [`STRIDE`]th step, once it was asked for.
    strides: OnceLock<Vec<Tenant>>,
    /// As far as they were asked for; the last one is the present.
    standings: Vec<OnceLock<Box<Standing>>>,
}

impl History {
    /// The history of a tenant, the present included.
    pub(in super::super) fn of(past: &Arc<Past>, present: &Tenant) -> Self {
        Self {
            past: Arc::clone(past),
            present: present.clone(),
            strides: OnceLock::new(),
            standings: (0..=past.steps.len()).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The tenant of now.
    pub(super) fn present(&self) -> &Tenant {
        &self.present
    }

    /// The tenant of a time, in seconds of the epoch.
    pub(super) fn at(&self, second: i64) -> &Standing {
        let place = self
            .past
            .steps
            .partition_point(|step| step.at.as_second() <= second);
        self.standings[place].get_or_init(|| Box::new(Standing::of(self.tenant(place))))
    }

    /// The tenant of a time that is another one than that of `other`.
    pub(super) fn before(&self, second: i64, other: i64) -> Option<&Standing> {
        (second < other).then(|| self.at(second))
    }

    /// The tenant after so many steps.
    fn tenant(&self, place: usize) -> Tenant {
        let Past { base, steps } = &*self.past;
        if place == steps.len() {
            return self.present.clone();
        }
        let mut tenant = match place / STRIDE {
            0 => base.clone(),
            stride => self.strides()[stride].clone(),
        };
        for step in &steps[place / STRIDE * STRIDE..place] {
            step.apply(&mut tenant);
        }
        tenant
    }

    fn strides(&self) -> &[Tenant] {
        self.strides.get_or_init(|| {
            let mut tenant = self.past.base.clone();
            let strides = self.past.steps.chunks(STRIDE).map(|steps| {
                let before = tenant.clone();
                steps.iter().for_each(|step| step.apply(&mut tenant));
                before
            });
            strides.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::super::clock::{START, at};
    use super::super::super::fold::step;
    use super::super::super::identity::Identity;
    use super::super::super::population;
    use super::super::super::recipe::Recipe;
    use super::super::super::tenant::{Happening, Row, text};
    use super::*;

    /// A tenant that is written to.
    struct Written {
        tenant: Tenant,
        past: Arc<Past>,
    }

    impl Written {
        fn new() -> Self {
            let tenant = population::tenant(Identity::of(1), Recipe::default());
            let past = Arc::new(Past::of(tenant.clone()));
            Self { tenant, past }
        }

        fn happens(&mut self, what: Happening) {
            let event = self.tenant.next_event(what);
            step(&mut self.tenant, &mut self.past, &event);
        }

        fn put(&mut self, table: Table, id: &str, name: &str) {
            let row = json!({"id": id, "displayName": name});
            self.happens(Happening::Write {
                changes: vec![Change::Put { table, row }],
                audit: json!({"id": id, "activityDateTime": START}),
            });
        }

        /// The name of the policy `p` at a time after the start.
        fn name_at(&self, second: i64) -> Option<String> {
            let history = History::of(&self.past, &self.tenant);
            let standing = history.at(at(START).as_second() + second);
            let row = standing.tenant.row(Table::Policies, "p")?;
            Some(text(&row, "displayName").to_owned())
        }
    }

    #[test]
    fn many_writes_keep_each_row_once() {
        let mut written = Written::new();
        for number in 0..3_000 {
            written.put(Table::Policies, &format!("p{number}"), "a policy");
        }
        let holders = |row: Row| Arc::strong_count(&row) - 1;
        let first = written.tenant.row(Table::Policies, "p0").unwrap();
        assert_eq!(holders(first), 1, "the tenant itself");
        let audit = written.tenant.audits().last().unwrap();
        assert_eq!(text(&audit, "id"), "p0");
        assert_eq!(holders(audit), 1, "the tenant itself");
        assert_eq!(written.past.steps.len(), 3_000);
        let kept = written.past.steps.iter().map(|step| step.changes.len());
        assert_eq!(kept.sum::<usize>(), 3_000);
        assert!(written.past.base.row(Table::Policies, "p0").is_none());
    }

    #[test]
    fn what_no_sign_in_can_meet_is_not_kept() {
        let mut written = Written::new();
        for number in 0..100 {
            written.put(Table::AppRoleAssignments, &format!("a{number}"), "an app");
            written.put(Table::DeletedPolicies, &format!("d{number}"), "a policy");
        }
        assert_eq!(written.past.steps.len(), 0);
        written.put(Table::NamedLocations, "l", "a location");
        assert_eq!(written.past.steps.len(), 1);
    }

    #[test]
    fn each_time_has_its_own_tenant() {
        let mut written = Written::new();
        for number in 1..=200 {
            written.put(Table::Policies, "p", &format!("name {number}"));
        }
        for (second, name) in [
            (0, None),
            (1, Some("name 1")),
            (63, Some("name 63")),
            (64, Some("name 64")),
            (65, Some("name 65")),
            (199, Some("name 199")),
            (200, Some("name 200")),
            (9_999, Some("name 200")),
        ] {
            assert_eq!(written.name_at(second).as_deref(), name, "{second}");
        }
    }

    #[test]
    fn what_is_arranged_was_so_since_the_last_write() {
        let mut written = Written::new();
        let arranged = |name: &str| Happening::Arrange {
            changes: vec![Change::Put {
                table: Table::Policies,
                row: json!({"id": "p", "displayName": name}),
            }],
        };
        written.happens(arranged("first"));
        written.put(Table::Groups, "g", "a group");
        written.happens(arranged("second"));
        written.put(Table::Groups, "h", "a group");
        assert_eq!(written.name_at(0).as_deref(), Some("first"));
        assert_eq!(written.name_at(1).as_deref(), Some("second"));
    }

    #[test]
    fn a_session_may_have_begun_the_day_before_the_oldest_sign_in() {
        let mut written = Written::new();
        let day = |day: i64| {
            let start = at(START).as_second();
            Timestamp::from_second(start + day * 86_400).unwrap()
        };
        written.put(Table::Policies, "p", "first");
        written.put(Table::Policies, "p", "second");
        // Written one second later, this is 31 days after the first write.
        written.happens(Happening::Advance { to: day(31) });
        written.put(Table::Policies, "p", "third");
        assert_eq!(written.name_at(1).as_deref(), Some("first"));
        assert_eq!(written.name_at(0), None, "31 days are kept");
        written.happens(Happening::Advance { to: day(40) });
        written.put(Table::Policies, "p", "fourth");
        assert_eq!(written.past.steps.len(), 2, "the rest is as it began");
        assert_eq!(written.name_at(0).as_deref(), Some("second"));
        assert_eq!(written.name_at(32 * 86_400).as_deref(), Some("third"));
    }
}
