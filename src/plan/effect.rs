//! Which way a change of content moves what is asked of people, told from its shape alone.
//!
//! An exclusion that is added or a control that is removed weakens, the reverse strengthens. Whatever
//! the shape does not tell is unknown and counts as stricter.

use std::collections::BTreeSet;

use super::change::Effect;
use crate::diff::{Difference, Item, fields};
use crate::model::{Control, Id, Operator, Policy};

/// The effect of turning `before` into `after`, which differ in `differences`.
pub(super) fn effect(
    before: &Policy<Id>,
    after: &Policy<Id>,
    differences: &[Difference],
) -> Effect {
    let mut total = Effect::Neutral;
    let mut grant_seen = false;
    for difference in differences {
        let effect = if difference.path.starts_with("grant.") {
            if grant_seen {
                continue;
            }
            grant_seen = true;
            of_grant(before, after)
        } else {
            of_field(difference)
        };
        total = join(total, effect);
    }
    total
}

/// Two effects at once.
fn join(a: Effect, b: Effect) -> Effect {
    match (a, b) {
        (Effect::Neutral, other) | (other, Effect::Neutral) => other,
        (a, b) if a == b => a,
        _ => Effect::Unknown,
    }
}

fn of_field(difference: &Difference) -> Effect {
    let added = difference.added().next().is_some();
    let removed = difference.removed().next().is_some();
    match difference.path {
        "name" => Effect::Neutral,
        "users.exclude"
        | "workload_identities.exclude"
        | "target_resources.exclude"
        | "conditions.platforms.exclude"
        | "conditions.locations.exclude" => match (added, removed) {
            (true, false) => Effect::Weakens,
            (false, true) => Effect::Strengthens,
            _ => Effect::Unknown,
        },
        "session.sign_in_frequency"
        | "session.app_enforced_restrictions"
        | "session.token_protection" => match (added, removed) {
            (true, false) => Effect::Strengthens,
            (false, true) => Effect::Weakens,
            _ => Effect::Unknown,
        },
        _ => Effect::Unknown,
    }
}

/// With "any", an alternative more asks for less; with "all", it asks for more.
fn of_grant(before: &Policy<Id>, after: &Policy<Id>) -> Effect {
    let (was, is) = (requirements(before), requirements(after));
    let block = Item::Word(Control::Block.word().to_owned());
    let joined_by = |policy: &Policy<Id>| {
        policy
            .grant
            .as_ref()
            .map_or(Operator::Any, |grant| grant.operator.clone())
    };
    let (was_joined, is_joined) = (joined_by(before), joined_by(after));
    if was == is {
        return match (was_joined, is_joined) {
            (a, b) if a == b => Effect::Neutral,
            (Operator::Any, Operator::All) => Effect::Strengthens,
            (Operator::All, Operator::Any) => Effect::Weakens,
            _ => Effect::Unknown,
        };
    }
    if was.contains(&block) || is.contains(&block) {
        return Effect::Unknown;
    }
    if is.is_superset(&was) {
        return match is_joined {
            _ if was.is_empty() => Effect::Strengthens,
            Operator::All => Effect::Strengthens,
            Operator::Any => Effect::Weakens,
            Operator::Unknown(_) => Effect::Unknown,
        };
    }
    if is.is_subset(&was) {
        return match was_joined {
            _ if is.is_empty() => Effect::Weakens,
            Operator::All => Effect::Weakens,
            Operator::Any => Effect::Strengthens,
            Operator::Unknown(_) => Effect::Unknown,
        };
    }
    Effect::Unknown
}

fn requirements(policy: &Policy<Id>) -> BTreeSet<Item> {
    fields(policy)
        .into_iter()
        .filter(|field| field.path.starts_with("grant.") && field.path != "grant.operator")
        .flat_map(|field| field.items)
        .collect()
}
