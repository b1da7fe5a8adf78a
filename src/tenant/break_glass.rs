//! Whether a policy could reach a break-glass account (rule 2).

use super::snapshot::{Members, Object, Snapshot};
use crate::model::{Desired, Id, Kind, Policy, Principal};

/// A declared break-glass principal and what it was found to be.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// The declaration.
    pub principal: &'a Principal,
    /// What was found in the tenant: nothing, one object, or several.
    pub found: &'a [Object],
    /// The transitive members when it is a group.
    pub members: Option<&'a Members>,
}

impl<'a> Account<'a> {
    /// The one object it stands for, if it is exactly one.
    pub fn object(&self) -> Option<&'a Object> {
        match self.found {
            [object] => Some(object),
            _ => None,
        }
    }

    /// The ids of everybody it stands for: itself, or the members of the group.
    pub fn people(&self) -> Vec<&'a Id> {
        match (self.object(), self.members) {
            (Some(object), _) if object.kind == Kind::User => vec![&object.id],
            (_, Some(members)) => members.people().map(|member| &member.id).collect(),
            _ => Vec::new(),
        }
    }

    /// The accounts among them that are known to be disabled.
    pub fn disabled(&self) -> Vec<&'a Object> {
        let own = self.object().filter(|object| object.kind == Kind::User);
        let members = self.members.into_iter().flat_map(Members::people);
        own.into_iter()
            .chain(members)
            .filter(|object| object.enabled == Some(false))
            .collect()
    }

    /// Whether it is known of everybody that they can sign in, and there is somebody.
    pub fn is_known_enabled(&self) -> bool {
        let Some(object) = self.object() else {
            return false;
        };
        if object.kind == Kind::User {
            return object.enabled == Some(true);
        }
        self.members.is_some_and(|members| {
            members.complete
                && members.people().next().is_some()
                && members.people().all(|person| person.enabled == Some(true))
        })
    }
}

/// Every declared break-glass principal with what stands for it.
pub fn accounts<'a>(desired: &'a Desired, snapshot: &'a Snapshot) -> Vec<Account<'a>> {
    desired
        .break_glass()
        .map(|principal| {
            let target = principal.target.as_ref();
            let found = target
                .and_then(|target| snapshot.found(target.kind, &target.name.text))
                .unwrap_or_default();
            let members = match found {
                [object] if object.kind == Kind::Group => snapshot.members.get(&object.id),
                _ => None,
            };
            Account {
                principal,
                found,
                members,
            }
        })
        .collect()
}

/// Whether a policy could apply to somebody, before exclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It could, or it cannot be ruled out.
    Could,
    /// It provably cannot.
    Cannot,
}

/// Whether a policy could reach a break-glass account by what it includes.
///
/// It could, unless it is about workloads, includes only guests, or includes only users and groups whose
/// complete transitive members do not hold the account. An included role always counts as reaching.
pub fn could_reach(policy: &Policy<Id>, account: &Account<'_>, snapshot: &Snapshot) -> Reach {
    if !policy.is_about_people() {
        return Reach::Cannot;
    }
    let include = &policy.conditions.users.include;
    if include.all || !include.roles.is_empty() {
        return Reach::Could;
    }
    let people = account.people();
    let certain = match account.object() {
        Some(object) if object.kind == Kind::User => true,
        Some(object) if object.kind == Kind::Group => {
            if include.groups.contains(&object.id) {
                return Reach::Could;
            }
            account.members.is_some_and(|members| members.complete)
        }
        _ => false,
    };
    if !certain {
        let nobody = include.users.is_empty() && include.groups.is_empty();
        return if nobody { Reach::Cannot } else { Reach::Could };
    }
    if people.iter().any(|person| include.users.contains(*person)) {
        return Reach::Could;
    }
    for group in &include.groups {
        match snapshot.members.get(group) {
            Some(members) if members.complete => {
                if members.people().any(|member| people.contains(&&member.id)) {
                    return Reach::Could;
                }
            }
            _ => return Reach::Could,
        }
    }
    Reach::Cannot
}

/// Whether a policy certainly excludes everybody a break-glass principal stands for.
pub fn is_excluded(policy: &Policy<Id>, account: &Account<'_>, snapshot: &Snapshot) -> bool {
    let exclude = &policy.conditions.users.exclude;
    let Some(object) = account.object() else {
        return false;
    };
    match object.kind {
        Kind::Group if exclude.groups.contains(&object.id) => return true,
        Kind::Role if exclude.roles.contains(&object.id) => return true,
        _ => {}
    }
    let people = account.people();
    let complete =
        object.kind == Kind::User || account.members.is_some_and(|members| members.complete);
    complete
        && !people.is_empty()
        && people.iter().all(|person| {
            exclude.users.contains(*person)
                || exclude.groups.iter().any(|group| {
                    snapshot
                        .members
                        .get(group)
                        .is_some_and(|members| members.people().any(|member| member.id == **person))
                })
        })
}

/// The break-glass exclusions that a policy lacks, with the names of their principals: what rule 2 adds.
pub fn implied_exclusions<'a>(
    policy: &Policy<Id>,
    desired: &'a Desired,
    snapshot: &'a Snapshot,
) -> Vec<(&'a str, &'a Object)> {
    // Each is judged with the ones before it: the members of a group may be excluded by then.
    let mut policy = policy.clone();
    let mut implied = Vec::new();
    for account in accounts(desired, snapshot) {
        let Some(object) = account.object() else {
            continue;
        };
        if could_reach(&policy, &account, snapshot) == Reach::Cannot
            || is_excluded(&policy, &account, snapshot)
        {
            continue;
        }
        policy
            .conditions
            .users
            .exclude
            .of_kind_mut(object.kind)
            .insert(object.id.clone());
        implied.push((account.principal.name.as_str(), object));
    }
    implied
}
