#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;

fn crowd(seed: u64, size: u32) -> Crowd {
    Crowd::of(&Identity::of(1), seed, size, BTreeMap::new())
}

#[test]
fn everybody_of_a_hundred_thousand_is_found_by_id_and_by_name_and_nobody_is_there_twice() {
    let crowd = crowd(7, 100_000);
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for index in 0..100_000 {
        let (id, upn) = (crowd.id(index), crowd.upn(index));
        assert_eq!(id.get_version_num(), 4, "{id}");
        assert_eq!(crowd.by_id(&id.to_string().to_uppercase()), Some(index));
        assert_eq!(crowd.by_upn(&upn.to_uppercase()), Some(index), "{upn}");
        assert!(ids.insert(id) && names.insert(upn));
    }
}

#[test]
fn nobody_else_is_found() {
    let crowd = crowd(7, 1_000);
    let beyond = super::tests::crowd(7, 2_000);
    assert_eq!(crowd.by_id(&beyond.id(1_000).to_string()), None);
    assert_eq!(crowd.by_upn(&beyond.upn(1_000)), None);
    assert_eq!(
        crowd.by_id(&super::tests::crowd(8, 1_000).id(3).to_string()),
        None
    );
    assert_eq!(crowd.by_id("4b6f1f0e-0000-4000-8000-000000000000"), None);
    assert_eq!(
        crowd.by_upn("amara.okonkwo@sandbox.onmicrosoft.example"),
        None
    );
    assert_eq!(
        crowd.by_upn(&crowd.upn(3).replace("sandbox.", "other.")),
        None
    );
    assert_eq!(crowd.by_upn(""), None);
}

#[test]
fn a_person_is_the_same_whoever_else_there_is_of_the_class() {
    let (small, large) = (crowd(1, 10_000), crowd(1, 10_000));
    assert_eq!(small.row(9_999), large.row(9_999));
    assert_eq!(crowd(1, 100_000).id(5), crowd(1, 200).id(5));
    assert_ne!(crowd(1, 200).id(5), crowd(2, 200).id(5));
}

#[test]
fn the_classes_are_those_of_the_recipe() {
    let crowd = crowd(1, 10_000);
    let count = |class| {
        (0..10_000)
            .filter(|index| crowd.class(*index) == class)
            .count()
    };
    assert_eq!(count(Class::Developer), 300);
    assert_eq!(count(Class::Operator), 120);
    assert_eq!(
        count(Class::Administrator) + count(Class::Owner) + count(Class::Eligible),
        45
    );
    assert_eq!(count(Class::Guest), 200);
    assert_eq!(count(Class::Staff), 9_166);
    assert_eq!(crowd.range(Class::Staff).len(), 9_166);
    let in_sweden = (0..10_000).filter(|index| COUNTRIES[crowd.country(*index)].code == "SE");
    assert_eq!(in_sweden.count(), 3_000);
}

#[test]
fn no_name_of_the_crowd_can_be_that_of_somebody_who_is_always_there() {
    let given: Vec<&str> = COUNTRIES
        .iter()
        .flat_map(|country| country.given.split_whitespace())
        .collect();
    assert_eq!(given.len(), 200);
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 200);
    for country in COUNTRIES {
        assert_eq!(
            country.family.split_whitespace().count(),
            25,
            "{}",
            country.code
        );
    }
    for (name, family, ..) in super::super::people::EMPLOYEES {
        let taken = COUNTRIES.iter().any(|country| {
            country.given.split_whitespace().any(|other| other == name)
                && country
                    .family
                    .split_whitespace()
                    .any(|other| other == family)
        });
        assert!(!taken, "{name} {family}");
    }
}
