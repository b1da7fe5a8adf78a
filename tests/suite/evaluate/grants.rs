//! Truth tables of what a policy asks for, made by hand from the rules G1 to G7 and C2, and what is logged.

use std::collections::BTreeSet;

use portcullis::evaluate::{
    Attributes, KnownFacts, NoFacts, Outcome, Prepared, SignIn, Step, Truth, could_hold, evaluate,
    holds, outcome, result,
};
use portcullis::model::{ClientApp, Combination, Id, Strength, TransferMethod};
use serde_json::{Value, json};

use super::tables::{anna, in_state};
use Truth::{No, Unknown, Yes};

fn policy(operator: &str, controls: &[&str]) -> Prepared {
    asking(json!({"operator": operator, "builtInControls": controls}))
}

fn asking(grant: Value) -> Prepared {
    in_state("enabled", json!({}), grant)
}

fn with(change: impl FnOnce(&mut SignIn)) -> SignIn {
    let mut sign_in = anna();
    change(&mut sign_in);
    sign_in
}

fn mfa(step: Step) -> SignIn {
    with(|sign_in| sign_in.presented.mfa = step)
}

fn device(compliant: bool) -> Attributes {
    Attributes::complete().with("isCompliant", compliant)
}

#[test]
fn g1_operators() {
    let policies = [
        policy("OR", &["mfa", "compliantDevice"]),
        policy("AND", &["mfa", "compliantDevice"]),
        policy("OR", &["mfa"]),
        policy("AND", &["mfa"]),
        policy("OR", &["block"]),
        policy("OR", &["mfa", "block"]),
        policy("XOR", &["mfa", "compliantDevice"]),
    ];
    for (done, compliant, expected) in [
        (Some(true), Some(true), [Yes, Yes, Yes, Yes, No, No, Yes]),
        (
            Some(true),
            Some(false),
            [Yes, No, Yes, Yes, No, No, Unknown],
        ),
        (Some(false), Some(true), [Yes, No, No, No, No, No, Unknown]),
        (Some(false), Some(false), [No, No, No, No, No, No, No]),
        (
            None,
            Some(true),
            [Yes, Unknown, Unknown, Unknown, No, No, Unknown],
        ),
        (
            None,
            Some(false),
            [Unknown, No, Unknown, Unknown, No, No, Unknown],
        ),
        (Some(false), None, [Unknown, No, No, No, No, No, Unknown]),
    ] {
        let sign_in = with(|sign_in| {
            sign_in.presented.mfa.done = done;
            sign_in.device.registered = Some(true);
            if let Some(compliant) = compliant {
                sign_in.device.attributes = device(compliant);
            }
        });
        let holds = [0, 1, 2, 3, 4, 5, 6].map(|at| holds(&policies[at], &sign_in, &NoFacts));
        assert_eq!(holds, expected, "mfa {done:?}, compliant {compliant:?}");
    }
}

#[test]
fn g2_everything_is_a_member_of_one_list() {
    let terms = Id::new("00000000-0000-4000-8000-000000000061");
    let all = |operator: &str| {
        asking(json!({
            "operator": operator, "builtInControls": ["approvedApplication"],
            "termsOfUse": [terms.as_str()], "customAuthenticationFactors": ["f"],
        }))
    };
    for (app, accepted, factor, any, every) in [
        (Some(true), Step::ABLE, Step::ABLE, Yes, No),
        (Some(false), Step::DONE, Step::ABLE, Yes, No),
        (Some(false), Step::ABLE, Step::DONE, Yes, No),
        (Some(true), Step::DONE, Step::DONE, Yes, Yes),
        (Some(false), Step::ABLE, Step::ABLE, No, No),
        (None, Step::DONE, Step::DONE, Yes, Unknown),
    ] {
        let sign_in = with(|sign_in| {
            sign_in.presented.approved_app = app;
            sign_in.presented.terms_of_use = [(terms.clone(), accepted)].into();
            sign_in.presented.custom_factors = [("f".to_owned(), factor)].into();
        });
        let holds = [all("OR"), all("AND")].map(|policy| holds(&policy, &sign_in, &NoFacts));
        assert_eq!(holds, [any, every], "{app:?} {accepted:?} {factor:?}");
    }
}

#[test]
fn g3_strengths_and_mfa() {
    let strength =
        |id: &str| asking(json!({"operator": "OR", "authenticationStrength": {"id": id}}));
    let mut facts = KnownFacts::default();
    for json in [
        json!({"id": "phishing", "requirementsSatisfied": "mfa", "allowedCombinations": ["fido2", "windowsHelloForBusiness"]}),
        json!({"id": "weak", "requirementsSatisfied": "none", "allowedCombinations": ["password", "password,sms"]}),
        json!({"id": "brand", "allowedCombinations": ["fido2"], "combinationConfigurations":
            [{"appliesToCombinations": ["fido2"], "allowedAAGUIDs": ["a"]}]}),
        // A snapshot of the first format says no more.
        json!({"id": "thin", "name": "thin", "satisfies_mfa": true}),
    ] {
        let strength = Strength::try_from(json).unwrap();
        facts.strengths.insert(strength.id.clone(), strength);
    }
    let policies = [
        policy("OR", &["mfa"]),
        strength("00000000-0000-0000-0000-000000000002"),
        strength("phishing"),
        strength("weak"),
        strength("brand"),
        strength("thin"),
        strength("never-read"),
    ];
    type Case = (Option<&'static str>, Option<bool>, [Truth; 7]);
    let cases: [Case; 7] = [
        // the combination used, MFA done
        (
            Some("fido2"),
            Some(true),
            [Yes, Yes, Yes, No, Unknown, Unknown, Unknown],
        ),
        (
            Some("password,sms"),
            Some(true),
            [Yes, Yes, No, Yes, No, Unknown, Unknown],
        ),
        (
            Some("password"),
            Some(false),
            [No, No, No, Yes, No, No, Unknown],
        ),
        (
            Some("password"),
            None,
            [Unknown, Unknown, No, Yes, No, Unknown, Unknown],
        ),
        // G7: done elsewhere, with what is not known.
        (
            None,
            Some(true),
            [Yes, Yes, Unknown, Unknown, Unknown, Unknown, Unknown],
        ),
        (None, Some(false), [No, No, No, Unknown, No, No, Unknown]),
        (
            None,
            None,
            [
                Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown,
            ],
        ),
    ];
    for (used, done, expected) in cases {
        let sign_in = with(|sign_in| {
            sign_in.presented.combination = used.map(Combination::from_wire);
            sign_in.presented.mfa.done = done;
        });
        let holds = [0, 1, 2, 3, 4, 5, 6].map(|at| holds(&policies[at], &sign_in, &facts));
        assert_eq!(holds, expected, "{used:?} {done:?}");
    }
}

#[test]
fn g4_a_policy_that_only_limits_the_session_asks_for_nothing() {
    for grant in [
        json!(null),
        json!({"operator": "AND", "builtInControls": [], "termsOfUse": []}),
    ] {
        let policies = [asking(grant)];
        assert_eq!(holds(&policies[0], &mfa(Step::UNABLE), &NoFacts), Yes);
        assert_eq!(
            outcome(&policies, &mfa(Step::UNABLE), &NoFacts),
            Outcome::Granted
        );
    }
}

#[test]
fn g5_a_password_change_asks_for_mfa_first() {
    let change = policy("AND", &["passwordChange"]);
    for (mfa, changed, expected) in [
        (Step::DONE, Step::DONE, [Yes, Yes]),
        (Step::DONE, Step::ABLE, [No, Yes]),
        (Step::ABLE, Step::DONE, [No, Yes]),
        (Step::UNABLE, Step::DONE, [No, No]),
        (Step::DONE, Step::UNABLE, [No, No]),
    ] {
        let sign_in = with(|sign_in| {
            sign_in.presented.mfa = mfa;
            sign_in.presented.password_change = changed;
        });
        let seen = [
            holds(&change, &sign_in, &NoFacts),
            could_hold(&change, &sign_in, &NoFacts),
        ];
        assert_eq!(seen, expected, "{mfa:?} {changed:?}");
    }
}

#[test]
fn g6_the_device_code_flow_shows_no_device() {
    let policies = [
        policy("OR", &["compliantDevice"]),
        policy("OR", &["domainJoinedDevice"]),
        policy("OR", &["mfa", "compliantDevice"]),
    ];
    for (flow, done, expected) in [
        (Some(TransferMethod::None), Some(false), [Yes, Yes, Yes]),
        (Some(TransferMethod::DeviceCode), Some(false), [No, No, No]),
        (Some(TransferMethod::DeviceCode), Some(true), [No, No, Yes]),
        (None, Some(false), [Unknown, Unknown, Unknown]),
    ] {
        let sign_in = with(|sign_in| {
            sign_in.flow = flow.clone();
            sign_in.presented.mfa.done = done;
            sign_in.device.attributes = device(true).with("trustType", "ServerAD");
        });
        let holds = [0, 1, 2].map(|at| holds(&policies[at], &sign_in, &NoFacts));
        assert_eq!(holds, expected, "{flow:?} {done:?}");
    }
}

#[test]
fn g7_mfa_that_was_done_elsewhere_counts() {
    let policy = policy("OR", &["mfa"]);
    let by_password = with(|sign_in| {
        sign_in.presented.mfa = Step::DONE;
        sign_in.presented.combination = Some(Combination::from_wire("password"));
    });
    assert_eq!(holds(&policy, &by_password, &NoFacts), Yes);
    let federated = with(|sign_in| {
        sign_in.presented.combination = Some(Combination::from_wire("federatedMultiFactor"));
    });
    assert_eq!(holds(&policy, &federated, &NoFacts), Yes);
}

#[test]
fn c2_a_legacy_client_is_blocked_by_a_grant_that_asks_for_mfa() {
    let policies = [
        policy("OR", &["mfa"]),
        policy("OR", &["mfa", "compliantDevice"]),
        policy("AND", &["compliantDevice"]),
    ];
    for (client, expected) in [
        (Some(ClientApp::Browser), Outcome::Granted),
        (Some(ClientApp::MobileAndDesktop), Outcome::Granted),
        (Some(ClientApp::Other), Outcome::Blocked(vec![0])),
        (
            Some(ClientApp::ExchangeActiveSync),
            Outcome::Blocked(vec![0]),
        ),
    ] {
        let sign_in = with(|sign_in| {
            sign_in.client = client.clone();
            sign_in.presented.mfa = Step::DONE;
            sign_in.device.attributes = device(true);
        });
        assert_eq!(
            outcome(&policies, &sign_in, &NoFacts),
            expected,
            "{client:?}"
        );
    }
}

#[test]
fn whether_somebody_could_do_it() {
    let mfa_policy = policy("OR", &["mfa"]);
    let device_too = policy("AND", &["mfa", "compliantDevice"]);
    for (step, expected) in [
        (Step::DONE, [Yes, Yes]),
        (Step::ABLE, [No, Yes]),
        (Step::UNABLE, [No, No]),
        (
            Step {
                done: Some(false),
                able: None,
            },
            [No, Unknown],
        ),
        (
            Step {
                done: None,
                able: Some(true),
            },
            [Unknown, Yes],
        ),
        (Step::default(), [Unknown, Unknown]),
    ] {
        let seen = [
            holds(&mfa_policy, &mfa(step), &NoFacts),
            could_hold(&mfa_policy, &mfa(step), &NoFacts),
        ];
        assert_eq!(seen, expected, "{step:?}");
    }
    let no_device = with(|sign_in| {
        sign_in.presented.mfa = Step::ABLE;
        sign_in.device.registered = Some(false);
    });
    assert_eq!(could_hold(&device_too, &no_device, &NoFacts), No);
    let key = with(|sign_in| {
        sign_in.presented.mfa.done = Some(false);
        sign_in.presented.available = Some(BTreeSet::from([Combination::from_wire("fido2")]));
    });
    assert_eq!(could_hold(&mfa_policy, &key, &NoFacts), Yes);
}

/// `rollout-evidence` section 1.1.
#[test]
fn what_is_logged() {
    let unregistered = |step: Step| {
        with(|sign_in| {
            sign_in.presented.mfa = step;
            sign_in.device.registered = Some(false);
        })
    };
    let report_only = "enabledForReportingButNotEnforced";
    let guests = json!({"users": {"includeUsers": ["GuestsOrExternalUsers"]}});
    let action = json!({"applications": {"includeUserActions": ["urn:user:registerdevice"]}});
    let controls = |controls: &[&str]| json!({"operator": "AND", "builtInControls": controls});
    for (state, conditions, grant, sign_in, expected) in [
        (
            report_only,
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::DONE),
            Some("reportOnlySuccess"),
        ),
        (
            report_only,
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("reportOnlyInterrupted"),
        ),
        (
            report_only,
            json!({}),
            controls(&["block"]),
            unregistered(Step::DONE),
            Some("reportOnlyFailure"),
        ),
        (
            report_only,
            json!({}),
            controls(&["compliantDevice"]),
            unregistered(Step::DONE),
            Some("reportOnlyFailure"),
        ),
        (
            report_only,
            json!({}),
            controls(&["mfa", "compliantDevice"]),
            unregistered(Step::ABLE),
            Some("reportOnlyFailure"),
        ),
        (
            report_only,
            guests.clone(),
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("reportOnlyNotApplied"),
        ),
        (
            report_only,
            action,
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("reportOnlyNotApplied"),
        ),
        (
            report_only,
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::default()),
            None,
        ),
        (
            "enabled",
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::DONE),
            Some("success"),
        ),
        (
            "enabled",
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("failure"),
        ),
        (
            "enabled",
            guests,
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("notApplied"),
        ),
        (
            "disabled",
            json!({}),
            controls(&["mfa"]),
            unregistered(Step::ABLE),
            Some("notEnabled"),
        ),
    ] {
        let policy = in_state(state, conditions.clone(), grant.clone());
        let seen = result(&policy, &sign_in, &NoFacts).map(|result| result.wire());
        assert_eq!(seen, expected, "{state} {conditions} {grant}");
    }
}

#[test]
fn a_decision_names_what_would_decide() {
    let policies = [
        in_state(
            "enabled",
            json!({"users": {"includeGroups": ["half"]}}),
            json!({"operator": "OR", "builtInControls": ["block"]}),
        ),
        policy("OR", &["mfa"]),
    ];
    let decision = evaluate(&policies, &mfa(Step::ABLE), &NoFacts);
    assert_eq!(
        decision.outcome,
        Outcome::Undetermined {
            open: vec![0],
            requires: vec![1]
        }
    );
    let missing: Vec<_> = decision.missing().into_iter().cloned().collect();
    assert_eq!(
        missing,
        [portcullis::evaluate::Missing::Group(Id::new("half"))]
    );
    let requirement = &decision.verdicts[1].requirements[0];
    assert_eq!((requirement.1, requirement.2), (No, Yes));
}
