//! The tenant: a fold of the event log over the population.
//!
//! An event carries what changed, not what was asked, so that replaying needs no judgement: a log that
//! was accepted once is accepted for ever, whatever the rules of validation become.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::clock;

/// The namespace of every id that the sandbox makes.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c2f_5d1e_93a4_4b0c_8e67_1d5a_f3b2_9c48);

/// The id that belongs to a name, always the same.
pub(super) fn id_of(name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// A table of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Table {
    Policies,
    DeletedPolicies,
    NamedLocations,
    Strengths,
    Users,
    Groups,
    ServicePrincipals,
    RoleDefinitions,
    RoleAssignments,
    SecurityDefaults,
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

/// The tenant as it is after some events.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    tables: BTreeMap<Table, Vec<Value>>,
    members: BTreeMap<String, Vec<String>>,
    audits: Vec<Value>,
    now: Timestamp,
    events: u64,
}

impl Tenant {
    /// A tenant without anybody, at the start of its clock.
    pub(super) fn empty() -> Self {
        Self {
            tables: BTreeMap::new(),
            members: BTreeMap::new(),
            audits: Vec::new(),
            now: clock::at(clock::START),
            events: 0,
        }
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
        id_of(&format!("event {}", self.events + 1))
    }

    /// The event that would come next.
    pub(super) fn next_event(&self, what: Happening) -> Event {
        let at = match &what {
            Happening::Advance { to } => *to,
            Happening::Write { .. } => clock::tick(self.now),
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
        if let Happening::Write { changes, audit } = &event.what {
            for change in changes {
                self.change(change);
            }
            self.audits.push(audit.clone());
        }
    }

    /// Takes one change in; the population is built with it as well.
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Put { table, row } => {
                let id = text(row, "id").to_owned();
                let rows = self.tables.entry(*table).or_default();
                match rows.iter_mut().find(|old| is(old, &id)) {
                    Some(old) => *old = row.clone(),
                    None => rows.push(row.clone()),
                }
            }
            Change::Remove { table, id } => {
                self.tables
                    .entry(*table)
                    .or_default()
                    .retain(|row| !is(row, id));
                if matches!(
                    table,
                    Table::Users | Table::Groups | Table::ServicePrincipals
                ) {
                    self.members.remove(id);
                    for members in self.members.values_mut() {
                        members.retain(|member| !member.eq_ignore_ascii_case(id));
                    }
                    if let Some(assignments) = self.tables.get_mut(&Table::RoleAssignments) {
                        assignments
                            .retain(|row| !text(row, "principalId").eq_ignore_ascii_case(id));
                    }
                }
            }
            Change::Join { group, member } => {
                let members = self.members.entry(group.clone()).or_default();
                if !members.contains(member) {
                    members.push(member.clone());
                }
            }
            Change::Leave { group, member } => {
                if let Some(members) = self.members.get_mut(group) {
                    members.retain(|other| other != member);
                }
            }
        }
    }

    /// The rows of a table, oldest first.
    pub(super) fn rows(&self, table: Table) -> &[Value] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    /// The row with this id, in whatever case it is written.
    pub(super) fn row(&self, table: Table, id: &str) -> Option<&Value> {
        self.rows(table).iter().find(|row| is(row, id))
    }

    /// The entries of the directory audit that are still kept, newest first.
    pub(super) fn audits(&self) -> Vec<&Value> {
        self.audits
            .iter()
            .rev()
            .filter(|entry| {
                text(entry, "activityDateTime")
                    .parse()
                    .is_ok_and(|then| clock::within_retention(self.now, then))
            })
            .collect()
    }

    /// A user, group or service principal with the collection it is of.
    pub(super) fn directory_object(&self, id: &str) -> Option<(Table, &Value)> {
        [Table::Users, Table::Groups, Table::ServicePrincipals]
            .into_iter()
            .find_map(|table| self.row(table, id).map(|row| (table, row)))
    }

    /// The direct members of a group.
    pub(super) fn members(&self, group: &str) -> Vec<(Table, &Value)> {
        self.members
            .get(group)
            .into_iter()
            .flatten()
            .filter_map(|id| self.directory_object(id))
            .collect()
    }

    /// Whether a group holds this object directly.
    pub(super) fn has_member(&self, group: &str, member: &str) -> bool {
        self.members
            .get(group)
            .is_some_and(|members| members.iter().any(|id| id.eq_ignore_ascii_case(member)))
    }

    /// Everything a group holds, nested groups and what they hold included, each once.
    pub(super) fn transitive_members(&self, group: &str) -> Vec<(Table, &Value)> {
        let mut seen = std::collections::BTreeSet::new();
        let mut found = Vec::new();
        let mut open = std::collections::VecDeque::from([group.to_owned()]);
        while let Some(group) = open.pop_front() {
            for (table, row) in self.members(&group) {
                let id = text(row, "id");
                if seen.insert(id) {
                    found.push((table, row));
                    if table == Table::Groups {
                        open.push_back(id.to_owned());
                    }
                }
            }
        }
        found
    }
}

/// A text of a row, empty when it is not there.
pub(super) fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is(row: &Value, id: &str) -> bool {
    text(row, "id").eq_ignore_ascii_case(id)
}
