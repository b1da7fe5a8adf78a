//! A desired policy in the ids of a tenant.

use std::collections::BTreeSet;

use serde::Serialize;

use super::break_glass::{Reach, accounts, could_reach, implied_exclusions};
use super::snapshot::{Object, Snapshot};
use crate::model::fingerprint;
use crate::model::{Desired, DesiredPolicy, Id, Kind, Name, Owner, Place, Policy, Side};

/// What a desired policy means in one tenant.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The policy in ids, with the implied break-glass exclusions. References that did not resolve are
    /// missing from it, so it must not be written while [`Wanted::unresolved`] is not empty.
    pub policy: Policy<Id>,
    /// The exclusions that a break-glass declaration put there.
    pub implied: BTreeSet<(Kind, Id)>,
    /// Every excluded break-glass principal, whether the file names it or its declaration implies it.
    pub break_glass: BTreeSet<(Kind, Id)>,
    /// Every name that was used, with what it stands for.
    pub uses: BTreeSet<Use>,
    /// Names that mean nothing, or more than one thing.
    pub unresolved: Vec<Unresolved>,
    /// Ids that mean nothing any more but stand in the live policy too: kept (contract section 6, trap 33).
    pub dangling: Vec<(Kind, Id)>,
}

/// A name that a policy uses, with its id and, for a group, everybody in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Use {
    /// The kind of object.
    pub kind: Kind,
    /// The name as it was written.
    pub name: String,
    /// What it stands for.
    pub id: Id,
    /// The transitive members of a group; `None` when they are not known completely.
    pub members: Option<BTreeSet<Id>>,
}

/// A name that could not be turned into one id.
#[derive(Debug, Clone)]
pub struct Unresolved {
    /// The kind of object that was expected.
    pub kind: Kind,
    /// The name, with its source.
    pub name: Name,
    /// Why.
    pub problem: Problem,
}

/// Why a name could not be turned into one id.
#[derive(Debug, Clone)]
pub enum Problem {
    /// Nothing in the tenant has it.
    Nothing,
    /// More than one object has it.
    Several(Vec<Object>),
    /// It was not looked up: an incomplete snapshot.
    NotLookedUp,
}

impl Wanted {
    /// Turns a desired policy into ids and adds the break-glass exclusions that it implies (rule 2).
    ///
    /// `live` is the policy it is compared with; a dangling id that it holds is kept. Of a policy that
    /// Microsoft maintains the file says the exclusions only, so everything else is what is live.
    pub fn new(
        desired: &Desired,
        policy: &DesiredPolicy,
        snapshot: &Snapshot,
        live: Option<&Policy<Id>>,
    ) -> Self {
        let mut uses = BTreeSet::new();
        let mut unresolved = Vec::new();
        let mut dangling = Vec::new();
        let held: BTreeSet<(Place, &Id)> = live
            .map(|live| live.references().into_iter().collect())
            .unwrap_or_default();

        let mut resolved = policy.policy.map(|place, name| {
            let problem = match snapshot.found(place.kind, &name.text) {
                Some([object]) => {
                    uses.insert(used(place.kind, &name.text, &object.id, snapshot));
                    return Some(object.id.clone());
                }
                Some([]) if Id::looks_like_guid(&name.text) => {
                    let id = Id::new(&*name.text);
                    if held.contains(&(place, &id)) {
                        dangling.push((place.kind, id.clone()));
                        return Some(id);
                    }
                    Problem::Nothing
                }
                Some([]) => Problem::Nothing,
                Some(several) => Problem::Several(several.to_vec()),
                None => Problem::NotLookedUp,
            };
            unresolved.push(Unresolved {
                kind: place.kind,
                name: name.clone(),
                problem,
            });
            None
        });

        if let (Owner::Microsoft, Some(live)) = (policy.owner, live) {
            let exclude = std::mem::take(&mut resolved.conditions.users.exclude);
            resolved = live.clone();
            resolved.conditions.users.exclude = exclude;
        }

        let mut implied = BTreeSet::new();
        if policy.break_glass.is_none() {
            for account in accounts(desired, snapshot) {
                if could_reach(&resolved, &account, snapshot) == Reach::Could
                    && let (Some(object), Some(target)) =
                        (account.object(), &account.principal.target)
                {
                    uses.insert(used(object.kind, &target.name.text, &object.id, snapshot));
                }
            }
            for (_, object) in implied_exclusions(&resolved, desired, snapshot) {
                let exclude = &mut resolved.conditions.users.exclude;
                exclude.of_kind_mut(object.kind).insert(object.id.clone());
                implied.insert((object.kind, object.id.clone()));
            }
        }

        let exclude = &resolved.conditions.users.exclude;
        let break_glass = accounts(desired, snapshot)
            .iter()
            .filter_map(|account| account.object())
            .filter(|object| match object.kind {
                Kind::Group => exclude.groups.contains(&object.id),
                Kind::Role => exclude.roles.contains(&object.id),
                _ => exclude.users.contains(&object.id),
            })
            .map(|object| (object.kind, object.id.clone()))
            .collect();

        Self {
            policy: resolved,
            implied,
            break_glass,
            uses,
            unresolved,
            dangling,
        }
    }

    /// The fingerprint of every name that is used, with kind, id and transitive members.
    pub fn uses_fingerprint(&self) -> String {
        fingerprint(&self.uses)
    }
}

fn used(kind: Kind, name: &str, id: &Id, snapshot: &Snapshot) -> Use {
    Use {
        kind,
        name: name.to_owned(),
        id: id.clone(),
        members: (kind == Kind::Group)
            .then(|| snapshot.members.get(id))
            .flatten()
            .filter(|members| members.complete)
            .map(|members| members.people().map(|member| member.id.clone()).collect()),
    }
}

/// The fingerprint of everybody a policy excludes: the excluded objects, and who is in the groups.
///
/// `None` when somebody's membership is not known completely: roles, and groups that were not read.
pub fn exclusions_fingerprint(policy: &Policy<Id>, snapshot: &Snapshot) -> Option<String> {
    let mut excluded = BTreeSet::new();
    for (place, id) in policy.references() {
        let members = match (place.kind, place.side) {
            (Kind::User | Kind::ServicePrincipal, Side::Exclude) => BTreeSet::new(),
            (Kind::Group, Side::Exclude) => {
                let members = snapshot
                    .members
                    .get(id)
                    .filter(|members| members.complete)?;
                members.people().map(|member| &member.id).collect()
            }
            (Kind::Role, Side::Exclude) => return None,
            _ => continue,
        };
        excluded.insert((place.kind, id, members));
    }
    Some(fingerprint(&excluded))
}
