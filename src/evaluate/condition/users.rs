//! Which people and which workload identities a policy is about (audit rules U1 to U6).

use std::collections::BTreeSet;

use super::super::{Facts, Person, Prepared, Standing, Truth, WorkloadIdentity};
use super::target::filter_holds;
use crate::model::{ExternalTenants, FilterMode, GuestKind, Guests, Id, Users, Workload};

/// Whether the users of a policy include a person; exclusion wins, across all kinds alike (U2).
pub(super) fn included<F: Facts + ?Sized>(users: &Users<Id>, person: &Person, facts: &F) -> Truth {
    let case = |standing: &Standing| as_somebody(users, person, standing, facts);
    match &person.standing {
        Some(Standing::External { kind, home: None }) => Truth::agreed(homes(users).map(|home| {
            case(&Standing::External {
                kind: kind.clone(),
                home: Some(home),
            })
        })),
        Some(standing) => case(standing),
        None => {
            let nobody_cares = users.include.guests.is_none() && users.exclude.guests.is_none();
            if nobody_cares {
                return case(&Standing::Member);
            }
            let member = case(&Standing::Member);
            let guests = KINDS.iter().flat_map(|kind| {
                homes(users).map(|home| {
                    case(&Standing::External {
                        kind: kind.clone(),
                        home: Some(home),
                    })
                })
            });
            Truth::agreed(std::iter::once(member).chain(guests))
        }
    }
}

static KINDS: [GuestKind; 6] = [
    GuestKind::InternalGuest,
    GuestKind::B2bCollaborationGuest,
    GuestKind::B2bCollaborationMember,
    GuestKind::B2bDirectConnectUser,
    GuestKind::OtherExternalUser,
    GuestKind::ServiceProvider,
];

/// The home tenants between which a policy tells, and one more that stands for all others.
fn homes(users: &Users<Id>) -> impl Iterator<Item = Id> {
    let sides = [&users.include.guests, &users.exclude.guests];
    let named = sides
        .into_iter()
        .flatten()
        .filter_map(|guests| match &guests.tenants {
            Some(ExternalTenants::Enumerated(tenants)) => Some(tenants),
            Some(ExternalTenants::All) | None => None,
        });
    let other = std::iter::once_with(|| Id::new(""));
    named.flatten().map(Id::new).chain(other)
}

/// The answer once it is known who is a guest.
fn as_somebody<F: Facts + ?Sized>(
    users: &Users<Id>,
    person: &Person,
    standing: &Standing,
    facts: &F,
) -> Truth {
    let (include, exclude) = (&users.include, &users.exclude);
    let in_group = |group: &Id| match &person.id {
        Some(id) => facts.in_group(id, group),
        // Somebody without an object is in no group.
        None => Truth::No,
    };
    let has_role = |role: &Id| match &person.id {
        Some(id) => facts.has_role(id, role),
        None => Truth::No,
    };
    let named = |set: &BTreeSet<Id>| person.id.as_ref().is_some_and(|id| set.contains(id));
    let guest = |guests: &Option<Guests>| {
        let guests = guests.as_ref();
        guests.map_or(Truth::No, |guests| guests_match(guests, standing))
    };

    let excluded = Truth::any([
        (exclude.all || named(&exclude.users)).into(),
        guest(&exclude.guests),
    ])
    .or(Truth::any(exclude.groups.iter().map(in_group)))
    .or(Truth::any(exclude.roles.iter().map(has_role)));
    // Whoever is in only by a group that is excluded as well is out either way.
    let included = Truth::from(include.all || named(&include.users))
        .or(guest(&include.guests))
        .or(Truth::any(
            include.groups.difference(&exclude.groups).map(in_group),
        ))
        .or(Truth::any(
            include.roles.difference(&exclude.roles).map(has_role),
        ));
    (!excluded).and(included)
}

/// Whether a guest entry means somebody of this standing (U4). An entry without tenants means all; the
/// tenants are those of people from elsewhere, so an internal guest goes by the kind alone.
pub(in super::super) fn guests_match(guests: &Guests, standing: &Standing) -> Truth {
    let Standing::External { kind, home } = standing else {
        return Truth::No;
    };
    let of_kind = if guests.kinds.contains(kind) || guests.legacy && kind.is_unknown() {
        Truth::Yes
    } else if guests
        .kinds
        .iter()
        .any(|kind| kind.is_unknown() && kind.wire() != "none")
    {
        Truth::Unknown
    } else {
        Truth::No
    };
    let from = match (&guests.tenants, home) {
        (Some(ExternalTenants::Enumerated(tenants)), home) if *kind != GuestKind::InternalGuest => {
            match home {
                Some(home) => tenants.contains(home.as_str()).into(),
                None => Truth::Unknown,
            }
        }
        _ => Truth::Yes,
    };
    of_kind.and(from)
}

/// Whether a policy on workload identities is about one: single-tenant service principals only, never a
/// managed identity (U5).
pub(super) fn workload_included(
    workload: &Workload<Id>,
    policy: &Prepared,
    identity: &WorkloadIdentity,
) -> Truth {
    let matches = |wanted: FilterMode| match &policy.workload_filter {
        Some(filter) if filter.mode == wanted => filter_holds(filter, Some(&identity.attributes)),
        Some(filter) if filter.mode.is_unknown() => Truth::Unknown,
        _ => Truth::No,
    };
    let included = Truth::from(workload.include_all || workload.include.contains(&identity.id))
        .or(matches(FilterMode::Include));
    let excluded =
        Truth::from(workload.exclude.contains(&identity.id)).or(matches(FilterMode::Exclude));
    let reachable = Truth::from(identity.owned).and(!Truth::from(identity.managed));
    reachable.and(included).and(!excluded)
}
