//! The tenant: a fold of the event log over the population.
//!
//! An event carries what changed, not what was asked, so that replaying needs no judgement: a log that
//! was accepted once is accepted for ever, whatever the rules of validation become.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock;
use super::identity::Identity;

/// A row of a table, shared by every version of the tenant that has it.
pub(super) type Row = Arc<Value>;

/// A table of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Table {
    Policies,
    DeletedPolicies,
    NamedLocations,
    DeletedNamedLocations,
    Strengths,
    AuthenticationContexts,
    Users,
    Groups,
    ServicePrincipals,
    RoleDefinitions,
    RoleAssignments,
    SecurityDefaults,
    /// What kind of tenant it is: one row.
    Profile,
    /// The configured app registrations, by client id.
    Apps,
    AppRoleAssignments,
}

/// One thing that an event changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Change {
    /// The row takes the place of the one with its `id`, or is added.
    Put { table: Table, row: Value },
    /// The row is gone.
    Remove { table: Table, id: String },
    /// A group has one more direct member.
    Join { group: String, member: String },
    /// A group has one direct member less.
    Leave { group: String, member: String },
}

/// What an event is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Happening {
    /// The clock was moved.
    Advance { to: Timestamp },
    /// A write was accepted.
    Write {
        changes: Vec<Change>,
        /// The entry of the directory audit.
        audit: Value,
    },
    /// The tenant was arranged from outside; no time passes and nobody in the tenant did it.
    Arrange { changes: Vec<Change> },
}

/// A line of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    /// Its number, from 1.
    pub(super) n: u64,
    /// Its stamp.
    pub(super) at: Timestamp,
    /// What it is about.
    pub(super) what: Happening,
}

/// The tenant as it is after some events; a clone shares what it has in common with the original.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    identity: Arc<Identity>,
    tables: BTreeMap<Table, Arc<Vec<Row>>>,
    members: BTreeMap<String, Arc<Vec<String>>>,
    audits: Arc<Vec<Row>>,
    now: Timestamp,
    events: u64,
}

impl Tenant {
    /// A tenant without anybody, at the start of its clock.
    pub(super) fn empty(identity: Identity) -> Self {
        Self {
            identity: Arc::new(identity),
            tables: BTreeMap::new(),
            members: BTreeMap::new(),
            audits: Arc::default(),
            now: clock::at(clock::START),
            events: 0,
        }
    }

    /// Which tenant it is.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The id that belongs to a name in this tenant, always the same.
    pub(super) fn id_of(&self, name: &str) -> String {
        self.identity.id_of(name)
    }

    /// The tenant's time: the clock, or the last stamp when that is later.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// How many events there were.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The id that the next event gives to what it creates.
    pub(super) fn next_id(&self) -> String {
        self.id_of(&format!("event {}", self.events + 1))
    }

    /// The event that would come next.
    pub(super) fn next_event(&self, what: Happening) -> Event {
        let at = match &what {
            Happening::Advance { to } => *to,
            Happening::Write { .. } => clock::tick(self.now),
            Happening::Arrange { .. } => self.now,
        };
        Event {
            n: self.events + 1,
            at,
            what,
        }
    }

    /// Takes one event in.
    pub(super) fn apply(&mut self, event: &Event) {
        self.events = event.n;
        self.now = self.now.max(event.at);
        match &event.what {
            Happening::Advance { .. } => {}
            Happening::Arrange { changes } => changes.iter().for_each(|change| self.change(change)),
            Happening::Write { changes, audit } => {
                changes.iter().for_each(|change| self.change(change));
                Arc::make_mut(&mut self.audits).push(Arc::new(audit.clone()));
            }
        }
    }

    /// Takes one change in; the population is built with it as well.
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Put { table, row } => {
                let rows = self.table(*table);
                let row = Arc::new(row.clone());
                match rows.iter_mut().find(|old| is(old, text(&row, "id"))) {
                    Some(old) => *old = row,
                    None => rows.push(row),
                }
            }
            Change::Remove { table, id } => {
                self.table(*table).retain(|row| !is(row, id));
                if matches!(
                    table,
                    Table::Users | Table::Groups | Table::ServicePrincipals
                ) {
                    self.members.remove(id);
                    for members in self.members.values_mut() {
                        if members.iter().any(|member| member.eq_ignore_ascii_case(id)) {
                            Arc::make_mut(members)
                                .retain(|member| !member.eq_ignore_ascii_case(id));
                        }
                    }
                    self.table(Table::RoleAssignments)
                        .retain(|row| !text(row, "principalId").eq_ignore_ascii_case(id));
                }
            }
            Change::Join { group, member } => {
                let members = self.members.entry(group.clone()).or_default();
                if !members.contains(member) {
                    Arc::make_mut(members).push(member.clone());
                }
            }
            Change::Leave { group, member } => {
                if let Some(members) = self.members.get_mut(group) {
                    Arc::make_mut(members).retain(|other| other != member);
                }
            }
        }
    }

    fn table(&mut self, table: Table) -> &mut Vec<Row> {
        Arc::make_mut(self.tables.entry(table).or_default())
    }

    /// The rows of a table, oldest first.
    pub(super) fn rows(&self, table: Table) -> impl Iterator<Item = Row> + Clone + '_ {
        self.tables
            .get(&table)
            .map_or(&[][..], |rows| rows.as_slice())
            .iter()
            .cloned()
    }

    /// The row with this id, in whatever case it is written.
    pub(super) fn row(&self, table: Table, id: &str) -> Option<Row> {
        self.tables
            .get(&table)?
            .iter()
            .find(|row| is(row, id))
            .cloned()
    }

    /// The entries of the directory audit that are still kept, newest first.
    pub(super) fn audits(&self) -> impl Iterator<Item = Row> + Clone + '_ {
        self.audits
            .iter()
            .rev()
            .filter(|entry| {
                text(entry, "activityDateTime")
                    .parse()
                    .is_ok_and(|then| clock::within_retention(self.now, then))
            })
            .cloned()
    }

    /// A user, group or service principal.
    pub(super) fn object(&self, id: &str) -> Option<Object> {
        [Table::Users, Table::Groups, Table::ServicePrincipals]
            .into_iter()
            .find_map(|table| self.row(table, id).map(|row| Object { table, row }))
    }

    /// The direct members of a group.
    pub(super) fn members(&self, group: &str) -> impl Iterator<Item = Object> + Clone + '_ {
        self.member_ids(group)
            .iter()
            .filter_map(|id| self.object(id))
    }

    fn member_ids(&self, group: &str) -> &[String] {
        self.members
            .get(group)
            .map_or(&[][..], |members| members.as_slice())
    }

    /// Whether a group holds this object directly.
    pub(super) fn has_member(&self, group: &str, member: &str) -> bool {
        self.member_ids(group)
            .iter()
            .any(|id| id.eq_ignore_ascii_case(member))
    }

    /// Everything a group holds, nested groups and what they hold included, each once.
    pub(super) fn transitive_members(&self, group: &str) -> Vec<Object> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut open = VecDeque::from([group.to_owned()]);
        while let Some(group) = open.pop_front() {
            for object in self.members(&group) {
                let id = text(&object.row, "id").to_owned();
                if seen.insert(id.clone()) {
                    if object.table == Table::Groups {
                        open.push_back(id);
                    }
                    found.push(object);
                }
            }
        }
        found
    }
}

/// An object of the directory with the table it is of.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) table: Table,
    pub(super) row: Row,
}

impl AsRef<Value> for Object {
    fn as_ref(&self) -> &Value {
        &self.row
    }
}

/// A text of a row, empty when it is not there.
pub(super) fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is(row: &Value, id: &str) -> bool {
    text(row, "id").eq_ignore_ascii_case(id)
}
