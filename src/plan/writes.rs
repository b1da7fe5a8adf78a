//! The requests of a change, as Graph takes them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::change::{Verb, Write};
use crate::diff::{self, Difference};
use crate::model::{Block, Id, Policy, State, block_json, create_json};

/// One POST.
pub(super) fn create(policy: &Policy<Id>, state: State) -> Write {
    Write {
        verb: Verb::Create,
        body: create_json(policy, state),
        outcome: Some(diff::outcome_fingerprint(policy, state)),
        state: Some(state),
    }
}

/// One PATCH of the state and nothing else.
pub(super) fn set_state(policy: &Policy<Id>, state: State) -> Write {
    Write {
        verb: Verb::Update,
        body: json!({"state": state.wire()}),
        outcome: Some(diff::outcome_fingerprint(policy, state)),
        state: Some(state),
    }
}

/// One PATCH with the complete blocks in which something changes (rule 10).
pub(super) fn edit(policy: &Policy<Id>, differences: &[Difference], state: State) -> Write {
    let blocks: BTreeSet<Block> = differences
        .iter()
        .map(|difference| difference.block)
        .collect();
    let mut body = Map::new();
    for block in blocks {
        let (key, value) = block_json(policy, block);
        body.insert(key.to_owned(), value);
    }
    Write {
        verb: Verb::Update,
        body: Value::Object(body),
        outcome: Some(diff::outcome_fingerprint(policy, state)),
        state: Some(state),
    }
}

/// One DELETE.
pub(super) fn delete() -> Write {
    Write {
        verb: Verb::Delete,
        body: Value::Null,
        outcome: None,
        state: None,
    }
}
