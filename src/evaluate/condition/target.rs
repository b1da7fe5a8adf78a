//! Which resources a policy is about (audit rules A1 to A6).

use super::super::prepared::PreparedFilter;
use super::super::rule::Attributes;
use super::super::{Facts, Prepared, Truth};
use crate::model::{FilterMode, Id, TargetSet, Targets};

/// Whether a policy covers a request for an app; exclusion wins.
pub(super) fn app_included<F: Facts + ?Sized>(
    targets: &Targets<Id>,
    policy: &Prepared,
    app: &Id,
    facts: &F,
) -> Truth {
    let named = |set: &TargetSet<Id>| {
        let covers = set.apps.iter().any(|named| facts.covers(named, app));
        Truth::from(set.all || covers)
    };
    // A4: an include filter adds apps, an exclude filter takes them away.
    let filtered = |mode: FilterMode| match &policy.app_filter {
        Some(filter) if filter.mode == mode => filter_holds(filter, facts.app_attributes(app)),
        Some(filter) if filter.mode.is_unknown() => Truth::Unknown,
        _ => Truth::No,
    };
    let (include, exclude) = (&targets.include, &targets.exclude);
    let suite = |suite| facts.in_suite(suite, app);
    let excluded = named(exclude)
        .or(filtered(FilterMode::Exclude))
        .or(Truth::any(exclude.suites.iter().map(suite)));
    // An app that is in only by a suite that is excluded as well is out either way.
    let suites = include.suites.difference(&exclude.suites);
    let included = named(include)
        .or(filtered(FilterMode::Include))
        .or(Truth::any(suites.map(suite)));
    (!excluded).and(included)
}

/// Whether a policy may cover what is asked for, when that is not known.
pub(super) fn anything_included(targets: &Targets<Id>) -> Truth {
    let nothing = targets.include.suites.is_empty()
        && targets.include.apps.is_empty()
        && !targets.include.all
        && targets.filter.is_none()
        && targets.user_actions.is_empty()
        && targets.authentication_contexts.is_empty();
    if nothing || targets.exclude.all {
        Truth::No
    } else {
        Truth::Unknown
    }
}

/// Whether the rule of a filter matches; one that cannot be parsed is an unknown fact of its own (C6).
pub(in super::super) fn filter_holds(
    filter: &PreparedFilter,
    attributes: Option<&Attributes>,
) -> Truth {
    match (&filter.rule, attributes) {
        (Ok(rule), Some(attributes)) => rule.holds(&|name| attributes.get(name)),
        (Ok(rule), None) => rule.holds(&|_| None),
        (Err(_), _) => Truth::Unknown,
    }
}
