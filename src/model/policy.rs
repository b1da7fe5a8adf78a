//! A Conditional Access policy, whoever holds it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::conditions::{
    Conditions, LocationSet, Locations, TargetSet, Targets, UserSet, Users, Workload,
};
use super::controls::{Grant, Session};
use super::reference::{Kind, Place, Side};

/// The content of a policy: everything but its state and what the service keeps about it.
///
/// `R` is how it refers to other objects: a name somebody wrote, or an id of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Policy<R> {
    /// The display name; no key, two policies may share one (contract section 3.6).
    pub name: String,
    /// When it applies.
    pub conditions: Conditions<R>,
    /// What it asks for.
    pub grant: Option<Grant<R>>,
    /// What it limits.
    pub session: Option<Session>,
}

impl<R: Ord> Policy<R> {
    /// The same policy with every reference replaced; one that becomes `None` is left out.
    ///
    /// The closure is called once for each reference, with its [`Place`]. It is the one way from names
    /// to ids and back, so a reference that is forgotten here does not exist anywhere.
    pub fn map<S: Ord>(&self, mut f: impl FnMut(Place, &R) -> Option<S>) -> Policy<S> {
        let Self {
            name,
            conditions,
            grant,
            session,
        } = self;
        let Conditions {
            users,
            workload,
            targets,
            client_apps,
            platforms,
            locations,
            sign_in_risk,
            user_risk,
            service_principal_risk,
            insider_risk,
            flows,
            device_filter,
        } = conditions;
        let f = &mut f;
        Policy {
            name: name.clone(),
            conditions: Conditions {
                users: Users {
                    include: map_users(&users.include, Side::Include, f),
                    exclude: map_users(&users.exclude, Side::Exclude, f),
                },
                workload: workload.as_ref().map(|workload| {
                    let Workload {
                        include_all,
                        include,
                        exclude,
                        filter,
                    } = workload;
                    Workload {
                        include_all: *include_all,
                        include: map_set(include, Kind::ServicePrincipal, Side::Include, f),
                        exclude: map_set(exclude, Kind::ServicePrincipal, Side::Exclude, f),
                        filter: filter.clone(),
                    }
                }),
                targets: map_targets(targets, f),
                client_apps: client_apps.clone(),
                platforms: platforms.clone(),
                locations: locations.as_ref().map(|locations| Locations {
                    include: map_locations(&locations.include, Side::Include, f),
                    exclude: map_locations(&locations.exclude, Side::Exclude, f),
                }),
                sign_in_risk: sign_in_risk.clone(),
                user_risk: user_risk.clone(),
                service_principal_risk: service_principal_risk.clone(),
                insider_risk: insider_risk.clone(),
                flows: flows.clone(),
                device_filter: device_filter.clone(),
            },
            grant: grant.as_ref().map(|grant| {
                let Grant {
                    operator,
                    controls,
                    strength,
                    terms_of_use,
                    custom_factors,
                } = grant;
                let place = |kind| Place {
                    kind,
                    side: Side::Include,
                };
                Grant {
                    operator: operator.clone(),
                    controls: controls.clone(),
                    strength: strength.as_ref().and_then(|r| f(place(Kind::Strength), r)),
                    terms_of_use: map_set(terms_of_use, Kind::TermsOfUse, Side::Include, f),
                    custom_factors: custom_factors.clone(),
                }
            }),
            session: session.clone(),
        }
    }

    /// Every reference with its place.
    pub fn references(&self) -> Vec<(Place, &R)> {
        let Self {
            name: _,
            conditions,
            grant,
            session: _,
        } = self;
        let mut out = Vec::new();
        for (side, set) in [
            (Side::Include, &conditions.users.include),
            (Side::Exclude, &conditions.users.exclude),
        ] {
            let UserSet {
                all: _,
                none: _,
                users,
                groups,
                roles,
                guests: _,
            } = set;
            push(&mut out, Kind::User, side, users);
            push(&mut out, Kind::Group, side, groups);
            push(&mut out, Kind::Role, side, roles);
        }
        if let Some(workload) = &conditions.workload {
            let kind = Kind::ServicePrincipal;
            push(&mut out, kind, Side::Include, &workload.include);
            push(&mut out, kind, Side::Exclude, &workload.exclude);
        }
        let targets = &conditions.targets;
        push(&mut out, Kind::App, Side::Include, &targets.include.apps);
        push(&mut out, Kind::App, Side::Exclude, &targets.exclude.apps);
        if let Some(locations) = &conditions.locations {
            let kind = Kind::Location;
            push(&mut out, kind, Side::Include, &locations.include.named);
            push(&mut out, kind, Side::Exclude, &locations.exclude.named);
        }
        if let Some(grant) = grant {
            let place = Place {
                kind: Kind::Strength,
                side: Side::Include,
            };
            out.extend(grant.strength.iter().map(|r| (place, r)));
            push(
                &mut out,
                Kind::TermsOfUse,
                Side::Include,
                &grant.terms_of_use,
            );
        }
        out
    }

    /// Whether the policy is about people; one about workload identities is not.
    pub fn is_about_people(&self) -> bool {
        self.conditions.workload.is_none()
    }
}

fn push<'a, R: Ord>(out: &mut Vec<(Place, &'a R)>, kind: Kind, side: Side, set: &'a BTreeSet<R>) {
    out.extend(set.iter().map(|r| (Place { kind, side }, r)));
}

fn map_set<R: Ord, S: Ord>(
    set: &BTreeSet<R>,
    kind: Kind,
    side: Side,
    f: &mut impl FnMut(Place, &R) -> Option<S>,
) -> BTreeSet<S> {
    set.iter()
        .filter_map(|r| f(Place { kind, side }, r))
        .collect()
}

fn map_users<R: Ord, S: Ord>(
    set: &UserSet<R>,
    side: Side,
    f: &mut impl FnMut(Place, &R) -> Option<S>,
) -> UserSet<S> {
    let UserSet {
        all,
        none,
        users,
        groups,
        roles,
        guests,
    } = set;
    UserSet {
        all: *all,
        none: *none,
        users: map_set(users, Kind::User, side, f),
        groups: map_set(groups, Kind::Group, side, f),
        roles: map_set(roles, Kind::Role, side, f),
        guests: guests.clone(),
    }
}

fn map_targets<R: Ord, S: Ord>(
    targets: &Targets<R>,
    f: &mut impl FnMut(Place, &R) -> Option<S>,
) -> Targets<S> {
    let Targets {
        include,
        exclude,
        user_actions,
        authentication_contexts,
        filter,
    } = targets;
    let mut side = |set: &TargetSet<R>, side| TargetSet {
        all: set.all,
        none: set.none,
        suites: set.suites.clone(),
        apps: map_set(&set.apps, Kind::App, side, f),
    };
    Targets {
        include: side(include, Side::Include),
        exclude: side(exclude, Side::Exclude),
        user_actions: user_actions.clone(),
        authentication_contexts: authentication_contexts.clone(),
        filter: filter.clone(),
    }
}

fn map_locations<R: Ord, S: Ord>(
    set: &LocationSet<R>,
    side: Side,
    f: &mut impl FnMut(Place, &R) -> Option<S>,
) -> LocationSet<S> {
    let LocationSet {
        all,
        all_trusted,
        mfa_trusted_ips,
        named,
    } = set;
    LocationSet {
        all: *all,
        all_trusted: *all_trusted,
        mfa_trusted_ips: *mfa_trusted_ips,
        named: map_set(named, Kind::Location, side, f),
    }
}
