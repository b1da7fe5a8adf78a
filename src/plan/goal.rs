//! What a plan brings about: what the YAML says, or what an earlier snapshot shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::{Change, Note, Refusal};
use super::{Plan, PlanOptions, plan_towards};
use crate::diagnostic::{At, Source};
use crate::evidence::{DoneWrite, Remembered};
use crate::model::{
    Conditions, Desired, DesiredPolicy, Exclusion, Id, Kind, LivePolicy, Name, Owner, Policy,
    Rollout, Side, State, WantedState,
};
use crate::tenant::{Lookups, Snapshot};

/// What a plan brings about.
///
/// A rollback is a plan like any other whose wanted policies come from a snapshot instead of the YAML:
/// what they hold is resolved, excluded, compared, guarded, printed and applied by the same code.
#[derive(Debug)]
pub struct Goal<'a> {
    yaml: &'a Desired,
    back: Option<WayBack>,
}

/// The way back to a snapshot.
#[derive(Debug)]
pub(super) struct WayBack {
    /// The tenant that the snapshot is of.
    tenant: Id,
    /// When it was taken.
    taken_at: Timestamp,
    /// Each policy that our applies changed since, as it was then; `absent` when they created it.
    desired: Desired,
    notes: Vec<Note>,
}

impl<'a> Goal<'a> {
    /// What the YAML says, or with `back` what that snapshot shows of the policies that our applies
    /// changed since it was taken.
    pub fn new(yaml: &'a Desired, back: Option<&Snapshot>, remembered: &Remembered) -> Self {
        Self {
            yaml,
            back: back.map(|then| WayBack::to(then, yaml, remembered)),
        }
    }

    /// What is wanted of each policy.
    pub fn desired(&self) -> &Desired {
        self.back.as_ref().map_or(self.yaml, |back| &back.desired)
    }

    /// What has to be read of the tenant.
    pub fn lookups(&self) -> Lookups {
        let lookups = Lookups::of(self.desired(), &[]);
        match self.back {
            None => lookups,
            // How long something soaked decides nothing on the way back.
            Some(_) => Lookups {
                bin: true,
                history: BTreeSet::new(),
                ..lookups
            },
        }
    }

    /// The plan that brings it about.
    pub fn plan(
        &self,
        snapshot: &Snapshot,
        remembered: &Remembered,
        options: &PlanOptions,
    ) -> Plan {
        let Some(back) = &self.back else {
            return plan_towards(self.yaml, None, snapshot, remembered, options);
        };
        if back.tenant != snapshot.tenant.id {
            // What another tenant held says nothing about what was created here since.
            let nothing = Desired {
                policies: BTreeMap::new(),
                ..back.desired.clone()
            };
            let mut plan = plan_towards(&nothing, Some(back), snapshot, remembered, options);
            plan.refusals.push(Refusal::absolute(
                "another-tenant",
                format!(
                    "the snapshot is of tenant {}, and this is {}",
                    back.tenant, snapshot.tenant.id
                ),
            ));
            return plan;
        }
        let mut plan = plan_towards(&back.desired, Some(back), snapshot, remembered, options);
        plan.back_to = Some(back.taken_at);
        plan.notes.extend(back.notes.iter().cloned());
        plan.notes.extend(self.next_step(&plan));
        plan
    }

    /// What the YAML has to say afterwards, for the next plan goes by it.
    fn next_step(&self, plan: &Plan) -> Option<Note> {
        let (managed, loose): (Vec<&Change>, Vec<&Change>) = plan
            .writing()
            .partition(|change| self.yaml.policies.contains_key(key_of(&change.policy)));
        let mut sentences = Vec::new();
        if !managed.is_empty() {
            let files: BTreeSet<&str> = managed.iter().map(|change| &*change.source.file).collect();
            let files: Vec<&str> = files.into_iter().collect();
            sentences.push(format!(
                "make {} say the same afterwards (`git revert` the commit that was applied): the next plan goes by the YAML again",
                files.join(", ")
            ));
        }
        let loose: Vec<&str> = loose
            .iter()
            .filter(|change| change.result.is_some())
            .map(|change| change.policy.as_str())
            .collect();
        if !loose.is_empty() {
            sentences.push(format!(
                "bring the file of {} back, or nobody manages it",
                loose.join(", ")
            ));
        }
        (!sentences.is_empty()).then(|| Note {
            code: "yaml-afterwards",
            message: sentences.join("; "),
            policy: None,
        })
    }
}

impl WayBack {
    fn to(then: &Snapshot, yaml: &Desired, remembered: &Remembered) -> Self {
        let mut back = Self {
            tenant: then.tenant.id.clone(),
            taken_at: then.taken_at,
            desired: Desired {
                policies: BTreeMap::new(),
                records: BTreeMap::new(),
                ..yaml.clone()
            },
            notes: Vec::new(),
        };
        let mut by_key = BTreeMap::<&str, Vec<&DoneWrite>>::new();
        for write in back.writes_since(remembered).rev() {
            let writes = by_key.entry(key_of(&write.policy)).or_default();
            if writes.iter().all(|known| known.id != write.id) {
                writes.push(write);
            }
        }
        for (key, mut writes) in by_key {
            // A key that had several policies since stands for the one that there was then.
            writes.sort_by_key(|write| then.policy(&write.id).is_none());
            let mut targets = Vec::new();
            for write in writes {
                targets.extend(back.as_it_was(key, write, then, yaml, remembered));
            }
            for (number, mut policy) in targets.into_iter().enumerate() {
                if number > 0 {
                    let id = policy.id.as_ref().map_or("", |id| id.value.as_str());
                    policy.key.value = format!("{key}@{}", id.get(..8).unwrap_or(id));
                }
                back.desired
                    .policies
                    .insert(policy.key.value.clone(), policy);
            }
        }
        back
    }

    /// The writes of applies since the snapshot, oldest first.
    ///
    /// They are journalled with the time of the snapshot that their run kept before them. A demotion
    /// belongs to no plan: it is no apply that could be undone.
    pub(super) fn writes_since<'a>(
        &self,
        remembered: &'a Remembered,
    ) -> impl DoubleEndedIterator<Item = &'a DoneWrite> {
        let taken_at = self.taken_at;
        let applied = remembered.done.iter();
        applied.filter(move |write| !write.digest.is_empty() && write.at >= taken_at)
    }

    fn as_it_was(
        &mut self,
        key: &str,
        write: &DoneWrite,
        then: &Snapshot,
        yaml: &Desired,
        remembered: &Remembered,
    ) -> Option<DesiredPolicy> {
        let id = &write.id;
        let file = yaml.policies.get(key);
        if let Some(live) = then.policy(id) {
            return Some(wanted(key, Some(live), write, file));
        }
        let mut unreadable = then.unreadable.iter();
        if unreadable.any(|policy| policy.id.as_ref() == Some(id)) {
            self.note(key, "the snapshot could not read it, so it stays as it is");
            return None;
        }
        let created = self
            .writes_since(remembered)
            .any(|write| write.id == *id && write.created);
        if !created {
            self.note(
                key,
                "somebody else created it after that snapshot, so it stays as it is; a later snapshot knows it",
            );
            return None;
        }
        Some(wanted(key, None, write, file))
    }

    fn note(&mut self, key: &str, message: &str) {
        self.notes.push(Note {
            code: "left-alone",
            message: message.to_owned(),
            policy: Some(key.to_owned()),
        });
    }
}

/// The policy's key, also of one that shared it with others since a snapshot.
pub(super) fn key_of(label: &str) -> &str {
    label.split('@').next().unwrap_or(label)
}

/// A policy as a snapshot shows it, in the form in which a file would say it.
fn wanted(
    key: &str,
    live: Option<&LivePolicy>,
    write: &DoneWrite,
    file: Option<&DesiredPolicy>,
) -> DesiredPolicy {
    let source = file.map_or_else(
        || Source::file("portcullis.yaml"),
        |file| file.source().clone(),
    );
    let policy = live.map_or_else(
        || Policy {
            name: write.name.clone(),
            conditions: Conditions::default(),
            grant: None,
            session: None,
        },
        |live| {
            live.policy
                .map(|_, id| Some(Name::new(id.as_str(), source.clone())))
        },
    );
    let exclusions = policy
        .references()
        .into_iter()
        .filter(|(place, _)| {
            place.side == Side::Exclude
                && matches!(place.kind, Kind::User | Kind::Group | Kind::Role)
        })
        .map(|(place, name)| Exclusion {
            kind: place.kind,
            name: name.clone(),
            reason: "it was excluded then".to_owned(),
            owner: String::new(),
            review_by: None,
            expires: None,
        })
        .collect();
    let state = match live.map(|live| live.state) {
        None => WantedState::Absent,
        Some(State::Off) => WantedState::Off,
        Some(State::ReportOnly) => WantedState::ReportOnly,
        Some(State::On) => WantedState::On,
    };
    let rollout = file.map_or_else(Rollout::default, |file| Rollout {
        // That permission is for the edit in the file, not for the way back.
        in_place: None,
        ..file.rollout.clone()
    });
    DesiredPolicy {
        key: At::new(key.to_owned(), source.clone()),
        policy,
        state: Some(At::new(state, source.clone())),
        id: Some(At::new(write.id.clone(), source.clone())),
        renamed_from: Vec::new(),
        weaken: None,
        break_glass: file.and_then(|file| file.break_glass.clone()),
        owner: file.map_or(Owner::Workspace, |file| file.owner),
        exclusions,
        rollout,
        name_source: file.map_or_else(|| source.clone(), |file| file.name_source.clone()),
        exclude_source: file.map_or(source, |file| file.exclude_source.clone()),
    }
}
