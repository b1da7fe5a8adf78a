//! The requests of a change, as Graph takes them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::change::{Verb, Write};
use crate::diff::{self, Difference};
use crate::model::{Block, Cloud, Id, LivePolicy, Policy, State, block_json, create_json};

/// One POST.
pub(super) fn create(policy: &Policy<Id>, state: State, cloud: &Cloud) -> Write {
    let mut body = create_json(policy, state);
    leave_out_what_is_missing_in(cloud, &mut body);
    Write {
        verb: Verb::Create,
        body,
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
pub(super) fn edit(
    policy: &Policy<Id>,
    differences: &[Difference],
    state: State,
    cloud: &Cloud,
) -> Write {
    let blocks: BTreeSet<Block> = differences
        .iter()
        .map(|difference| difference.block)
        .collect();
    let mut body = Map::new();
    for block in blocks {
        let (key, value) = block_json(policy, block);
        body.insert(key.to_owned(), value);
    }
    let mut body = Value::Object(body);
    leave_out_what_is_missing_in(cloud, &mut body);
    Write {
        verb: Verb::Update,
        body,
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

/// One POST that takes a policy out of the recycle bin, in the state that it has there.
pub(super) fn restore(binned: &LivePolicy) -> Write {
    Write {
        verb: Verb::Restore,
        body: Value::Null,
        outcome: Some(diff::outcome_fingerprint(&binned.policy, binned.state)),
        state: Some(binned.state),
    }
}

/// The members of v1.0 that a cloud does not have; there even an empty one is refused (contract section 5).
const MISSING_IN_CHINA: [(&str, &[&str]); 2] = [
    (
        "conditions",
        &[
            "signInRiskLevels",
            "userRiskLevels",
            "servicePrincipalRiskLevels",
            "insiderRiskLevels",
        ],
    ),
    ("grantControls", &["authenticationStrength"]),
];

/// Takes empty members out that the cloud does not know. One that says something stays: the service
/// refuses it, which is better than a policy that lost a condition.
fn leave_out_what_is_missing_in(cloud: &Cloud, body: &mut Value) {
    if *cloud != Cloud::China {
        return;
    }
    for (block, members) in MISSING_IN_CHINA {
        let Some(Value::Object(block)) = body.get_mut(block) else {
            continue;
        };
        for member in members {
            let says_nothing = match block.get(*member) {
                Some(Value::Array(items)) => items.is_empty(),
                Some(Value::Null) => true,
                _ => false,
            };
            if says_nothing {
                block.remove(*member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conditions, RiskLevel};

    fn policy() -> Policy<Id> {
        Policy {
            name: "a".into(),
            conditions: Conditions::default(),
            grant: None,
            session: None,
        }
    }

    #[test]
    fn china_is_not_sent_what_it_does_not_have() {
        let global = create(&policy(), State::ReportOnly, &Cloud::Global).body;
        assert_eq!(global["conditions"]["userRiskLevels"], json!([]));
        let china = create(&policy(), State::ReportOnly, &Cloud::China).body;
        let conditions = china["conditions"].as_object();
        assert!(conditions.is_some_and(|conditions| {
            !conditions.keys().any(|key| key.ends_with("RiskLevels"))
                && conditions.contains_key("clientAppTypes")
        }));
    }

    #[test]
    fn a_condition_is_never_lost_on_the_way_to_china() {
        let mut risky = policy();
        risky.conditions.user_risk.insert(RiskLevel::High);
        let china = create(&risky, State::ReportOnly, &Cloud::China).body;
        assert_eq!(china["conditions"]["userRiskLevels"], json!(["high"]));
    }
}
