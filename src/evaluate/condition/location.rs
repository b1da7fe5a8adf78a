//! From which places a policy applies (audit rule C4).

use super::super::{Country, Facts, Place, Truth};
use crate::model::{Area, CountryLookup, Id, LocationSet, Locations, NamedLocation};

/// Whether a place is included; exclusion wins, and nothing included is everywhere.
pub(super) fn included<F: Facts + ?Sized>(
    locations: &Locations<Id>,
    place: &Place,
    facts: &F,
) -> Truth {
    let (include, exclude) = (&locations.include, &locations.exclude);
    let excluded = Truth::from(exclude.all)
        .or(on(exclude.all_trusted, || trusted(place, facts)))
        .or(on(exclude.mfa_trusted_ips, || place.mfa_trusted.into()))
        .or(Truth::any(
            exclude.named.iter().map(|id| inside(id, place, facts)),
        ));
    let everywhere = include.all || *include == LocationSet::default();
    // What is excluded as well lets nobody in.
    let counts =
        |id: &&Id| !(exclude.named.contains(*id) || exclude.all_trusted && is_trusted(id, facts));
    let mfa_trusted = include.mfa_trusted_ips && !exclude.mfa_trusted_ips && !exclude.all_trusted;
    let included = Truth::from(everywhere)
        .or(on(include.all_trusted && !exclude.all_trusted, || {
            trusted(place, facts)
        }))
        .or(on(mfa_trusted, || place.mfa_trusted.into()))
        .or(Truth::any(
            include
                .named
                .iter()
                .filter(counts)
                .map(|id| inside(id, place, facts)),
        ));
    (!excluded).and(included)
}

fn on(configured: bool, truth: impl FnOnce() -> Truth) -> Truth {
    if configured { truth() } else { Truth::No }
}

fn is_trusted<F: Facts + ?Sized>(id: &Id, facts: &F) -> bool {
    let location = facts.locations().and_then(|locations| locations.get(id));
    location.is_some_and(|location| location.trusted)
}

/// Whether a place is trusted: in a location that is marked so, or among the MFA trusted addresses.
pub(in super::super) fn trusted<F: Facts + ?Sized>(place: &Place, facts: &F) -> Truth {
    if place.trusted.is_some() {
        return place.trusted.into();
    }
    let marked = match facts.locations() {
        None => Truth::Unknown,
        Some(locations) => Truth::any(
            locations
                .values()
                .filter(|location| location.trusted)
                .map(|location| inside_of(location, place)),
        ),
    };
    marked.or(place.mfa_trusted.into())
}

/// Whether a place lies in a named location.
pub(in super::super) fn inside<F: Facts + ?Sized>(id: &Id, place: &Place, facts: &F) -> Truth {
    match facts.locations() {
        None => place.within.get(id).copied().into(),
        Some(locations) => match locations.get(id) {
            Some(location) => inside_of(location, place),
            // A location that is gone holds nobody.
            None => place.within.get(id).copied().unwrap_or(false).into(),
        },
    }
}

fn inside_of(location: &NamedLocation, place: &Place) -> Truth {
    match place.within.get(&location.id) {
        Some(inside) => (*inside).into(),
        None => covers(location, place),
    }
}

fn covers(location: &NamedLocation, place: &Place) -> Truth {
    match &location.area {
        Area::Unknown => Truth::Unknown,
        Area::Addresses { ranges, complete } => match place.address {
            None if ranges.is_empty() && *complete => Truth::No,
            None => Truth::Unknown,
            Some(address) if ranges.iter().any(|range| range.contains(address)) => Truth::Yes,
            Some(_) if *complete => Truth::No,
            Some(_) => Truth::Unknown,
        },
        Area::Countries {
            countries,
            lookup,
            include_unknown,
        } => {
            let country = match lookup {
                CountryLookup::Address => &place.country,
                CountryLookup::Position => &place.position,
                CountryLookup::Unknown(_) => &None,
            };
            match country {
                Some(Country::Code(code)) => countries.contains(code).into(),
                Some(Country::NotFound) => (*include_unknown).into(),
                None if countries.is_empty() && !include_unknown => Truth::No,
                None => Truth::Unknown,
            }
        }
    }
}
