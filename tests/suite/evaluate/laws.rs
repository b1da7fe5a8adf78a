//! What holds of every policy and every sign-in.

use portcullis::evaluate::{
    AppliedResult, Outcome, Prepared, Truth, applies, evaluate, explain, outcome, result,
};
use portcullis::model::LivePolicy;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::agreement::first;
use super::random::{any_policy, any_world, cases, some_facts, without};
use super::universe::{id, sign_in, tenant};

fn prepared(policy: &Value) -> Prepared {
    Prepared::live(&LivePolicy::try_from(policy.clone()).unwrap())
}

/// What a set of policies does to a sign-in, without saying which policy it is.
fn kind(outcome: &Outcome) -> (u8, usize) {
    match outcome {
        Outcome::Granted => (0, 0),
        Outcome::Requires(policies) => (1, policies.len()),
        Outcome::Undetermined { open, requires } => (2, open.len() * 100 + requires.len()),
        Outcome::Blocked(_) => (3, 0),
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn learning_a_fact_never_turns_a_yes_into_a_no(
        policy in any_policy(), world in any_world(), missing in some_facts(8), learnt in 0usize..8,
    ) {
        let less = first(&policy, &without(&world, &missing));
        let more = first(&policy, &without(&world, &missing[..learnt.min(missing.len())]));
        for (less, more) in less.into_iter().zip(more) {
            prop_assert!(less == Truth::Unknown || less == more, "{:?} became {:?}", less, more);
        }
    }

    #[test]
    fn order_and_duplicates_mean_nothing(policy in any_policy(), world in any_world(), missing in some_facts(3)) {
        fn turned(value: &Value) -> Value {
            match value {
                Value::Array(items) => {
                    items.iter().rev().chain(items.first()).map(turned).collect()
                }
                Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), turned(value))).collect(),
                other => other.clone(),
            }
        }
        let known = without(&world, &missing);
        prop_assert_eq!(first(&policy, &known), first(&turned(&policy), &known));
    }

    #[test]
    fn an_exclusion_never_lets_in_and_an_inclusion_never_keeps_out(
        policy in any_policy(), world in any_world(), missing in some_facts(3),
        which in proptest::sample::select(vec![("Users", "anna"), ("Groups", "staff"), ("Roles", "reader")]),
    ) {
        let known = without(&world, &missing);
        let with = |side: &str| {
            let mut policy = policy.clone();
            let list = &mut policy["conditions"]["users"][format!("{side}{}", which.0)];
            list.as_array_mut().unwrap().push(json!(id(which.1)));
            first(&policy, &known)[0]
        };
        let before = first(&policy, &known)[0];
        prop_assert!(with("exclude") <= before);
        prop_assert!(with("include") >= before);
    }

    #[test]
    fn one_control_is_the_same_under_and_and_or(policy in any_policy(), world in any_world(), missing in some_facts(3)) {
        let known = without(&world, &missing);
        let with = |operator: &str| {
            let mut policy = policy.clone();
            policy["grantControls"] = json!({"operator": operator, "builtInControls": ["mfa"]});
            first(&policy, &known)
        };
        prop_assert_eq!(with("AND"), with("OR"));
    }

    #[test]
    fn the_order_of_policies_means_nothing_and_only_enforced_ones_count(
        policies in proptest::collection::vec(any_policy(), 0..5), world in any_world(), missing in some_facts(3),
    ) {
        let known = without(&world, &missing);
        let (sign_in, tenant) = (sign_in(&known), tenant(&known));
        let all: Vec<_> = policies.iter().map(prepared).collect();
        let turned: Vec<_> = policies.iter().rev().map(prepared).collect();
        let enforced: Vec<_> =
            policies.iter().filter(|policy| policy["state"] == "enabled").map(prepared).collect();
        let expected = kind(&outcome(&all, &sign_in, &tenant));
        prop_assert_eq!(kind(&outcome(&turned, &sign_in, &tenant)), expected);
        prop_assert_eq!(kind(&outcome(&enforced, &sign_in, &tenant)), expected);
    }

    /// The explanation is about the same answer, and names what would decide exactly when something would.
    #[test]
    fn explanations_fit(policy in any_policy(), world in any_world(), missing in some_facts(4)) {
        let known = without(&world, &missing);
        let (sign_in, tenant) = (sign_in(&known), tenant(&known));
        let policy = prepared(&policy);
        let explanation = explain(&policy, &sign_in, &tenant);
        let truth = applies(&policy, &sign_in, &tenant);
        prop_assert_eq!(explanation.applies, truth);
        prop_assert_eq!(explanation.first_unmet().is_some(), truth == Truth::No);
        prop_assert_eq!(explanation.missing.is_empty(), truth != Truth::Unknown, "{:?}", explanation);
        let decision = evaluate(std::slice::from_ref(&policy), &sign_in, &tenant);
        prop_assert_eq!(decision.verdicts[0].result, result(&policy, &sign_in, &tenant));
        let of_report_only = matches!(
            decision.verdicts[0].result,
            Some(AppliedResult::ReportOnlySuccess | AppliedResult::ReportOnlyFailure
                | AppliedResult::ReportOnlyInterrupted | AppliedResult::ReportOnlyNotApplied)
        );
        if of_report_only {
            prop_assert_eq!(decision.outcome, Outcome::Granted);
        }
    }
}
