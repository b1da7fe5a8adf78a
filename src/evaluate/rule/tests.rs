//! Rules: what is read, what is not, and what holds.

use super::{Attributes, Rule, Value};
use crate::evaluate::Truth::{self, No, Unknown, Yes};

fn holds(kind: &str, rule: &str, attributes: &Attributes) -> Truth {
    match Rule::parse(kind, rule) {
        Ok(rule) => rule.holds(&|name| attributes.get(name)),
        Err(error) => panic!("{rule}: {error}"),
    }
}

/// The operators of `concept-condition-filters-for-devices`, and what C6 says of null.
#[test]
fn every_operator_on_a_value_on_null_and_on_the_unknown() {
    let set = Attributes::complete().with("model", "Surface Pro 9");
    let null = Attributes::complete();
    let unknown = Attributes::default();
    for (rule, on_value, on_null) in [
        ("device.model -eq \"surface pro 9\"", Yes, No),
        ("device.model -eq \"Surface\"", No, No),
        ("device.model -ne \"Surface Pro 9\"", No, Yes),
        ("device.model -ne \"Surface\"", Yes, Yes),
        ("device.model -startsWith \"Surface\"", Yes, No),
        ("device.model -startsWith \"Pro\"", No, No),
        ("device.model -notStartsWith \"Surface\"", No, Yes),
        ("device.model -endsWith \"9\"", Yes, No),
        ("device.model -endsWith \"Pro\"", No, No),
        ("device.model -notEndsWith \"9\"", No, Yes),
        ("device.model -contains \"face\"", Yes, No),
        ("device.model -contains \"\"", Yes, No),
        ("device.model -contains \"book\"", No, No),
        ("device.model -notContains \"book\"", Yes, Yes),
        ("device.model -in [\"A\", 'Surface Pro 9']", Yes, No),
        ("device.model -in [\"A\"]", No, No),
        ("device.model -notIn [\"A\"]", Yes, Yes),
        ("device.model -notIn [\"Surface Pro 9\"]", No, Yes),
        ("device.model -eq null", No, Yes),
        ("device.model -ne $null", Yes, No),
    ] {
        assert_eq!(holds("device", rule, &set), on_value, "{rule}");
        assert_eq!(holds("device", rule, &null), on_null, "{rule} on null");
        assert_eq!(
            holds("device", rule, &unknown),
            Unknown,
            "{rule} on the unknown"
        );
    }
    // Regular expressions are read and not run.
    assert_eq!(holds("device", "device.model -match \"^S\"", &set), Unknown);
    assert_eq!(holds("device", "device.model -match \"^S\"", &null), No);
}

#[test]
fn booleans_are_compared_with_words_and_collections_by_whole_members() {
    let device = Attributes::complete().with("isCompliant", true).with(
        "systemLabels",
        Value::Texts(vec!["M365Managed".into(), "MultiUser".into()]),
    );
    for (rule, expected) in [
        ("device.isCompliant -eq True", Yes),
        ("device.isCompliant -eq \"True\"", Yes),
        ("device.iscompliant -ne true", No),
        ("device.isCompliant -eq false", No),
        ("device.systemLabels -contains \"multiuser\"", Yes),
        ("device.systemLabels -contains \"Multi\"", No),
        ("device.systemLabels -notContains \"Multi\"", Yes),
        ("device.systemLabels -startsWith \"Multi\"", Yes),
    ] {
        assert_eq!(holds("device", rule, &device), expected, "{rule}");
    }
}

#[test]
fn not_binds_closer_than_and_and_and_closer_than_or() {
    let user = Attributes::complete()
        .with("a", "1")
        .with("b", "0")
        .with("c", "0");
    for (rule, expected) in [
        ("user.a -eq 1 -or user.b -eq 1 -and user.c -eq 1", Yes),
        ("(user.a -eq 1 -or user.b -eq 1) -and user.c -eq 1", No),
        ("-not user.a -eq 1 -or user.a -eq 1", Yes),
        ("-not (user.a -eq 1 -or user.a -eq 1)", No),
        ("not(user.b eq '1') and user.a eq '1'", Yes),
        ("user.a –eq \"1\" –and user.b –ne \"1\"", Yes),
        ("((user.a -EQ \"1\"))", Yes),
    ] {
        assert_eq!(holds("user", rule, &user), expected, "{rule}");
    }
}

#[test]
fn an_unknown_attribute_counts_only_where_it_matters() {
    let device = Attributes::default().with("isCompliant", true);
    for (rule, expected) in [
        (
            "device.isCompliant -eq True -or device.model -eq \"x\"",
            Yes,
        ),
        (
            "device.isCompliant -eq True -and device.model -eq \"x\"",
            Unknown,
        ),
        (
            "device.isCompliant -ne True -and device.model -eq \"x\"",
            No,
        ),
        ("-not (device.model -eq \"x\")", Unknown),
    ] {
        assert_eq!(holds("device", rule, &device), expected, "{rule}");
    }
}

#[test]
fn quotation_marks_inside_a_text() {
    let user = Attributes::complete().with("title", "the \"boss\" of O'Neil");
    for rule in [
        "user.title -eq \"the `\"boss`\" of O'Neil\"",
        "user.title -eq \"the \"\"boss\"\" of O'Neil\"",
        "user.title -eq 'the \"boss\" of O''Neil'",
    ] {
        assert_eq!(holds("user", rule, &user), Yes, "{rule}");
    }
}

#[test]
fn custom_security_attributes_are_the_same_language() {
    let app = Attributes::complete().with(
        "ConditionalAccessTest_policyRequirement",
        Value::Texts(vec!["requireMFA".into()]),
    );
    let kind = "CustomSecurityAttribute";
    let rule =
        "CustomSecurityAttribute.ConditionalAccessTest_policyRequirement -contains \"requireMFA\"";
    assert_eq!(holds(kind, rule, &app), Yes);
    assert_eq!(holds(kind, rule, &Attributes::complete()), No);
}

#[test]
fn what_is_no_rule_says_where() {
    for (rule, expected) in [
        (
            "",
            "at character 1: an attribute like device.name is expected",
        ),
        (
            "user.model -eq \"x\"",
            "at character 1: an attribute like device.name is expected",
        ),
        (
            "device. -eq \"x\"",
            "at character 1: an attribute like device.name is expected",
        ),
        (
            "device.model == \"x\"",
            "at character 14: '=' does not belong into a rule",
        ),
        (
            "device.model -like \"x\"",
            "at character 14: an operator like -eq is expected",
        ),
        ("device.model -eq", "at character 17: a value is expected"),
        (
            "device.model -eq \"x",
            "at character 18: the quotation mark is never closed",
        ),
        (
            "device.model -in \"x\" -and",
            "at character 26: an attribute like device.name is expected",
        ),
        (
            "(device.model -eq \"x\"",
            "at character 22: a closing parenthesis is missing",
        ),
        (
            "device.model -eq \"x\")",
            "at character 21: the rule should end here, or go on with -and or -or",
        ),
        (
            "device.model -in [\"x\"",
            "at character 22: the list is never closed",
        ),
        (
            "device.model -eq [\"x\"]",
            "at character 22: this value does not go with that operator",
        ),
        (
            "device.model -startsWith null",
            "at character 26: this value does not go with that operator",
        ),
    ] {
        assert_eq!(
            Rule::parse("device", rule).unwrap_err().to_string(),
            expected,
            "{rule}"
        );
    }
    let deep = format!("{}device.a -eq 1{}", "(".repeat(1500), ")".repeat(1500));
    let error = Rule::parse("device", &deep).unwrap_err();
    assert_eq!(error.problem, "the rule is nested too deeply");
}

#[test]
fn the_attributes_of_a_rule_are_named() {
    let rule = Rule::parse(
        "device",
        "device.A -eq 1 -or -not (device.b -eq 1 -and device.a -ne 2)",
    );
    assert_eq!(rule.unwrap().attributes(), ["a", "b", "a"]);
}
