//! The tenant: a fold of the event log over the population.
//!
//! An event carries what changed, not what was asked, so that replaying needs no judgement: a log that
//! was accepted once is accepted for ever, whatever the rules of validation become.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cast::Cast;
use super::crowd::{Crowd, Present};
use super::identity::Identity;
use super::made::made;
use super::recipe::Recipe;
use super::signins::Slices;
use super::{clock, population};

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
    RoleEligibilities,
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
    /// The tenant starts from another recipe; always the first event.
    Populate(Recipe),
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
    recipe: Arc<Recipe>,
    cast: Arc<Cast>,
    present: Present,
    slices: Arc<Slices>,
    tables: Arc<BTreeMap<Table, Arc<Vec<Row>>>>,
    members: Arc<BTreeMap<String, Arc<Vec<String>>>>,
    audits: Arc<Vec<Row>>,
    now: Timestamp,
    events: u64,
}

impl Tenant {
    /// A tenant with nobody but its crowd, at the start of its clock.
    pub(super) fn empty(identity: Identity, recipe: Recipe, cast: Cast, crowd: Crowd) -> Self {
        Self {
            identity: Arc::new(identity),
            recipe: Arc::new(recipe),
            cast: Arc::new(cast),
            present: Present::of(crowd),
            slices: Arc::default(),
            tables: Arc::default(),
            members: Arc::default(),
            audits: Arc::default(),
            now: clock::at(clock::START),
            events: 0,
        }
    }

    /// Which tenant it is.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is made of.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The people with names of their own.
    pub(super) fn cast(&self) -> &Arc<Cast> {
        &self.cast
    }

    /// The crowd.
    pub(super) fn present(&self) -> &Present {
        &self.present
    }

    /// The parts of the sign-in logs that were asked for last.
    pub(super) fn slices(&self) -> &Slices {
        &self.slices
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
            Happening::Populate(_) => self.now,
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
        match &event.what {
            Happening::Populate(recipe) => {
                let identity = Identity::clone(&self.identity);
                *self = population::tenant(identity, recipe.clone());
            }
            Happening::Advance { .. } => {}
            Happening::Arrange { changes } => changes.iter().for_each(|change| self.change(change)),
            Happening::Write { changes, audit } => {
                changes.iter().for_each(|change| self.change(change));
                Arc::make_mut(&mut self.audits).push(Arc::new(audit.clone()));
            }
        }
        self.events = event.n;
        self.now = self.now.max(event.at);
    }

    /// Takes one change in; the population is built with it as well.
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Put { table, row } => {
                let row = Arc::new(row.clone());
                if *table == Table::Users && self.present.put(&row) {
                    return;
                }
                let rows = self.table(*table);
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
                    self.present.remove(id);
                    let groups = Arc::make_mut(&mut self.members);
                    groups.remove(id);
                    for members in groups.values_mut() {
                        if members.iter().any(|member| member.eq_ignore_ascii_case(id)) {
                            Arc::make_mut(members)
                                .retain(|member| !member.eq_ignore_ascii_case(id));
                        }
                    }
                    for table in [Table::RoleAssignments, Table::RoleEligibilities] {
                        self.table(table)
                            .retain(|row| !text(row, "principalId").eq_ignore_ascii_case(id));
                    }
                }
            }
            Change::Join { group, member } => {
                if self.present.join(group, member) {
                    return;
                }
                let groups = Arc::make_mut(&mut self.members);
                let members = groups.entry(group.clone()).or_default();
                if !members.contains(member) {
                    Arc::make_mut(members).push(member.clone());
                }
            }
            Change::Leave { group, member } => {
                self.present.leave(group, member);
                if let Some(members) = Arc::make_mut(&mut self.members).get_mut(group) {
                    Arc::make_mut(members).retain(|other| other != member);
                }
            }
        }
    }

    fn table(&mut self, table: Table) -> &mut Vec<Row> {
        Arc::make_mut(Arc::make_mut(&mut self.tables).entry(table).or_default())
    }

    /// The rows of a table, oldest first; those of the crowd are made when they are taken.
    pub(super) fn rows(&self, table: Table) -> impl Iterator<Item = Row> + Clone + '_ {
        let crowd = (table == Table::Users).then(|| self.present.indices());
        let crowd = made(crowd.into_iter().flatten(), |index| self.present.row(index));
        self.kept(table).iter().cloned().chain(crowd)
    }

    fn kept(&self, table: Table) -> &[Row] {
        self.tables
            .get(&table)
            .map_or(&[][..], |rows| rows.as_slice())
    }

    /// The row with this id, in whatever case it is written.
    pub(super) fn row(&self, table: Table, id: &str) -> Option<Row> {
        self.handle(table, id)
            .map(|handle| self.object_of(handle).row)
    }

    /// The user with this principal name.
    pub(super) fn user_named(&self, upn: &str) -> Option<Row> {
        self.kept(Table::Users)
            .iter()
            .find(|row| text(row, "userPrincipalName").eq_ignore_ascii_case(upn))
            .cloned()
            .or_else(|| Some(self.present.row(self.present.by_upn(upn)?)))
    }

    fn handle(&self, table: Table, id: &str) -> Option<Handle<'_>> {
        if table == Table::Users
            && let Some(index) = self.present.by_id(id)
        {
            return Some(Handle::Person(index));
        }
        self.kept(table)
            .iter()
            .find(|row| is(row, id))
            .map(|row| Handle::Kept(table, row))
    }

    fn object_of(&self, handle: Handle<'_>) -> Object {
        match handle {
            Handle::Kept(table, row) => Object {
                table,
                row: Row::clone(row),
            },
            Handle::Person(index) => Object {
                table: Table::Users,
                row: self.present.row(index),
            },
        }
    }

    fn any_handle(&self, id: &str) -> Option<Handle<'_>> {
        [Table::Users, Table::Groups, Table::ServicePrincipals]
            .into_iter()
            .find_map(|table| self.handle(table, id))
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
        self.any_handle(id).map(|handle| self.object_of(handle))
    }

    /// The direct members of a group.
    pub(super) fn members<'a>(
        &'a self,
        group: &'a str,
    ) -> impl Iterator<Item = Object> + Clone + 'a {
        made(self.direct(group), |handle| self.object_of(handle))
    }

    fn direct<'a>(&'a self, group: &'a str) -> impl Iterator<Item = Handle<'a>> + Clone + 'a {
        self.member_ids(group)
            .iter()
            .filter_map(|id| self.any_handle(id))
            .chain(self.present.members(group).map(Handle::Person))
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
            || self
                .present
                .by_id(member)
                .is_some_and(|index| self.present.is_member(group, index))
    }

    /// Everything a group holds, nested groups and what they hold included, each once.
    pub(super) fn transitive_members(
        &self,
        group: &str,
    ) -> impl Iterator<Item = Object> + Clone + '_ {
        let mut seen = BTreeSet::new();
        let mut found: Vec<Handle<'_>> = Vec::new();
        let mut open = VecDeque::from([group.to_owned()]);
        while let Some(group) = open.pop_front() {
            let ids = self
                .members
                .get(&group)
                .map_or(&[][..], |ids| ids.as_slice());
            for handle in ids.iter().filter_map(|id| self.any_handle(id)) {
                let is_new = match handle {
                    Handle::Kept(_, row) => seen.insert(Member::Kept(text(row, "id"))),
                    Handle::Person(index) => seen.insert(Member::Person(index)),
                };
                if is_new {
                    if let Handle::Kept(Table::Groups, row) = handle {
                        open.push_back(text(row, "id").to_owned());
                    }
                    found.push(handle);
                }
            }
            for index in self.present.members(&group) {
                if seen.insert(Member::Person(index)) {
                    found.push(Handle::Person(index));
                }
            }
        }
        let found: Arc<[Handle<'_>]> = found.into();
        made(0..found.len(), move |at| self.object_of(found[at]))
    }

    /// The groups within a group, at any depth.
    pub(super) fn nested_groups(&self, group: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut open = vec![group.to_owned()];
        while let Some(group) = open.pop() {
            for id in self.member_ids(&group) {
                if !found.contains(id) && self.kept(Table::Groups).iter().any(|row| is(row, id)) {
                    found.push(id.clone());
                    open.push(id.clone());
                }
            }
        }
        found
    }

    /// The groups that hold an object: directly, or also through others.
    pub(super) fn groups_of(&self, id: &str, transitively: bool) -> Vec<Row> {
        let mut found: Vec<&Row> = Vec::new();
        let mut open = vec![id.to_owned()];
        while let Some(member) = open.pop() {
            for group in self.kept(Table::Groups) {
                let holder = text(group, "id");
                let is_known = found.iter().any(|row| is(row, holder));
                if !is_known && self.has_member(holder, &member) {
                    found.push(group);
                    if transitively {
                        open.push(holder.to_owned());
                    }
                }
            }
        }
        // In the order of the groups, however they were found.
        self.kept(Table::Groups)
            .iter()
            .filter(|group| found.iter().any(|row| is(row, text(group, "id"))))
            .cloned()
            .collect()
    }
}

/// A member that was seen already.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Member<'a> {
    Kept(&'a str),
    Person(u32),
}

/// An object of the directory that has not been made yet.
#[derive(Debug, Clone, Copy)]
enum Handle<'a> {
    Kept(Table, &'a Row),
    Person(u32),
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
