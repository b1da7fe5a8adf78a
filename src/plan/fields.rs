//! Differences in names, for people.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::change::FieldChange;
use crate::diff::{Difference, Item};
use crate::model::{Id, Kind, Origin, State, WantedState};
use crate::tenant::Names;

/// The rows that show a difference.
///
/// Entries that a break-glass declaration implies stand in a row of their own, so that a reviewer sees
/// at once what the file says and what follows from the declaration.
pub(super) fn rows(
    difference: &Difference,
    implied: &BTreeSet<(Kind, Id)>,
    names: &Names,
    creating: bool,
) -> Vec<FieldChange> {
    // One that is live already stays with the others: nothing about it changes.
    let is_implied = |item: &Item| {
        difference.path == "users.exclude"
            && !difference.before.contains(item)
            && matches!(item, Item::Object(kind, id) if implied.contains(&(*kind, id.clone())))
    };
    let row = |origin, keep: &dyn Fn(&Item) -> bool| {
        let shown = |items: &BTreeSet<Item>| {
            let kept: Vec<&Item> = items.iter().filter(|item| keep(item)).collect();
            value(&kept, difference.single, names)
        };
        let row = FieldChange {
            path: difference.path.to_owned(),
            before: shown(&difference.before),
            after: shown(&difference.after),
            origin,
        };
        (row.before != row.after).then_some(row)
    };
    let origin = if creating && difference.path == "conditions.client_apps" && is_all(difference) {
        Origin::Default
    } else {
        Origin::File
    };
    let mut rows = Vec::new();
    rows.extend(row(origin, &|item| !is_implied(item)));
    rows.extend(row(Origin::Implied, &is_implied));
    rows
}

fn is_all(difference: &Difference) -> bool {
    difference.after == BTreeSet::from([Item::Word("all".to_owned())])
}

fn value(items: &[&Item], single: bool, names: &Names) -> Value {
    let mut shown: Vec<String> = items.iter().map(|item| text(item, names)).collect();
    shown.sort();
    match (single, shown.as_slice()) {
        (true, []) => Value::Null,
        (true, [only]) => Value::String(only.clone()),
        _ => shown.into_iter().map(Value::String).collect(),
    }
}

/// What an entry is called.
pub(super) fn text(item: &Item, names: &Names) -> String {
    match item {
        Item::Object(kind, id) => names.of(*kind, id),
        Item::Word(word) => word.clone(),
    }
}

/// The row of a state that changes.
pub(super) fn state_row(from: Option<State>, to: WantedState, by_default: bool) -> FieldChange {
    FieldChange {
        path: "state".into(),
        before: from.map_or(Value::Null, |state| json!(state.word())),
        after: match to {
            WantedState::Absent => Value::Null,
            to => json!(to.word()),
        },
        origin: if by_default {
            Origin::Default
        } else {
            Origin::File
        },
    }
}
