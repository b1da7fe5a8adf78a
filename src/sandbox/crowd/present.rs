//! The crowd as it is now: who was changed since, who is gone, who left a group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::tenant::{Row, text};
use super::Crowd;

/// The crowd with what was written since.
#[derive(Debug, Clone)]
pub(in super::super) struct Present {
    crowd: Arc<Crowd>,
    /// Who was changed, and who is gone.
    altered: Arc<BTreeMap<u32, Option<Row>>>,
    /// Who was taken out of a group, by group.
    left: Arc<BTreeMap<String, BTreeSet<u32>>>,
}

impl Present {
    /// The crowd before anything was written.
    pub(in super::super) fn of(crowd: Crowd) -> Self {
        Self {
            crowd: Arc::new(crowd),
            altered: Arc::default(),
            left: Arc::default(),
        }
    }

    /// The crowd as it was generated.
    pub(in super::super) fn crowd(&self) -> &Arc<Crowd> {
        &self.crowd
    }

    /// The people that there are, in the order of their indices.
    pub(in super::super) fn indices(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        (0..self.crowd.size()).filter(|index| self.is_there(*index))
    }

    /// Whether a person was not deleted.
    pub(in super::super) fn is_there(&self, index: u32) -> bool {
        !matches!(self.altered.get(&index), Some(None))
    }

    /// The person with an id.
    pub(in super::super) fn by_id(&self, id: &str) -> Option<u32> {
        self.crowd.by_id(id).filter(|index| self.is_there(*index))
    }

    /// The person with a principal name, which may have been changed.
    pub(in super::super) fn by_upn(&self, upn: &str) -> Option<u32> {
        let renamed = self.altered.iter().find_map(|(index, row)| {
            let row = row.as_ref()?;
            text(row, "userPrincipalName")
                .eq_ignore_ascii_case(upn)
                .then_some(*index)
        });
        renamed.or_else(|| {
            self.crowd
                .by_upn(upn)
                .filter(|index| !self.altered.contains_key(index))
        })
    }

    /// The row of a person who is there.
    pub(in super::super) fn row(&self, index: u32) -> Row {
        match self.altered.get(&index) {
            Some(Some(row)) => Row::clone(row),
            _ => Row::new(self.crowd.row(index)),
        }
    }

    /// The row of a person who was changed; the others are as they were generated.
    pub(in super::super) fn changed(&self, index: u32) -> Option<&Row> {
        self.altered.get(&index)?.as_ref()
    }

    /// Takes a change of a person in; false when it is about nobody of the crowd.
    pub(in super::super) fn put(&mut self, row: &Row) -> bool {
        let Some(index) = self.crowd.by_id(text(row, "id")) else {
            return false;
        };
        Arc::make_mut(&mut self.altered).insert(index, Some(Row::clone(row)));
        true
    }

    /// Takes a person out.
    pub(in super::super) fn remove(&mut self, id: &str) {
        if let Some(index) = self.crowd.by_id(id) {
            Arc::make_mut(&mut self.altered).insert(index, None);
        }
    }

    /// The people that a group holds by what they are.
    pub(in super::super) fn members<'a>(
        &'a self,
        group: &'a str,
    ) -> impl Iterator<Item = u32> + Clone + 'a {
        let kin = self.crowd.kin(group);
        kin.into_iter()
            .flat_map(|_| self.indices())
            .filter(move |index| self.is_member(group, *index))
    }

    /// Whether a group holds a person by what the person is.
    pub(in super::super) fn is_member(&self, group: &str, index: u32) -> bool {
        self.is_there(index)
            && self.crowd.kin(group).is_some_and(|kin| {
                let row = self.changed(index).map(|row| &**row);
                self.crowd.is_kin(kin, index, row)
            })
            && !self
                .left
                .get(group)
                .is_some_and(|left| left.contains(&index))
    }

    /// Puts a person back who left a group; false when the group has to write the name down.
    pub(in super::super) fn join(&mut self, group: &str, member: &str) -> bool {
        let Some(index) = self.crowd.by_id(member) else {
            return false;
        };
        let has_left = self
            .left
            .get(group)
            .is_some_and(|left| left.contains(&index));
        if has_left && let Some(left) = Arc::make_mut(&mut self.left).get_mut(group) {
            left.remove(&index);
        }
        has_left || self.is_member(group, index)
    }

    /// Takes a person out of a group that holds it by what it is.
    pub(in super::super) fn leave(&mut self, group: &str, member: &str) {
        if let Some(index) = self.crowd.by_id(member)
            && self.is_member(group, index)
        {
            Arc::make_mut(&mut self.left)
                .entry(group.to_owned())
                .or_default()
                .insert(index);
        }
    }
}
