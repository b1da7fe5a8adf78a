//! The library and the second evaluator agree.

use portcullis::evaluate::{Prepared, Truth, applies, could_hold, holds};
use portcullis::model::LivePolicy;
use proptest::prelude::*;
use serde_json::Value;

use super::random::{any_policy, any_world, cases, some_facts, without};
use super::second::{self, Answer};
use super::universe::{World, sign_in, tenant};

/// What the library says: applies, holds, could hold.
pub(super) fn first(policy: &Value, known: &World) -> [Truth; 3] {
    let policy = Prepared::live(&LivePolicy::try_from(policy.clone()).unwrap());
    let (sign_in, tenant) = (sign_in(known), tenant(known));
    [
        applies(&policy, &sign_in, &tenant),
        holds(&policy, &sign_in, &tenant),
        could_hold(&policy, &sign_in, &tenant),
    ]
}

/// What the second evaluator says to the same questions.
pub(super) fn second(policy: &Value, known: &World) -> [Answer; 3] {
    let ask = |question: &dyn Fn(&World) -> bool| second::in_every_world(known, question);
    [
        ask(&|world| second::applies(policy, world)),
        ask(&|world| second::holds(policy, world, false)),
        ask(&|world| second::holds(policy, world, true)),
    ]
}

/// A yes or a no is right in every world; an unknown really depends, but for facts that hang together.
pub(super) fn agree(policy: &Value, known: &World) -> Result<(), String> {
    let hangs_together = |question: usize| match question {
        0 => ["device", "address", "country", "position", "mfa-trusted"].as_slice(),
        _ => ["mfa", "used", "available", "client", "device", "flow"].as_slice(),
    };
    let answers = first(policy, known).into_iter().zip(second(policy, known));
    for (question, (first, second)) in answers.enumerate() {
        let excused = || {
            let facts = super::universe::FACTS.iter().map(|(fact, _)| fact);
            let mut gone = facts.filter(|fact| !known.contains_key(*fact));
            gone.any(|fact| {
                hangs_together(question)
                    .iter()
                    .any(|root| fact.starts_with(root))
            })
        };
        let fine = match (first, second) {
            (Truth::Yes, Answer::Always) | (Truth::No, Answer::Never) => true,
            (Truth::Unknown, Answer::Depends) => true,
            (Truth::Unknown, _) => excused(),
            _ => false,
        };
        if !fine {
            return Err(format!(
                "question {question}: first {first:?}, second {second:?}"
            ));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(2000))]

    /// Everything known: the answers are the same, and none is unknown but for what nobody knows.
    #[test]
    fn with_every_fact(policy in any_policy(), world in any_world()) {
        let known = without(&world, &[]);
        prop_assert_eq!(agree(&policy, &known), Ok(()));
        if known["client"] != "exchangeActiveSync" {
            prop_assert!(!first(&policy, &known).contains(&Truth::Unknown));
        }
    }

    /// Up to three facts are not known: every possible world is tried.
    #[test]
    fn with_facts_missing(policy in any_policy(), world in any_world(), missing in some_facts(3)) {
        let known = without(&world, &missing);
        prop_assert_eq!(agree(&policy, &known), Ok(()), "{:?} of {:?}", missing, world);
    }
}
