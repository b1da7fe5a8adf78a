//! The editor: only the state changes, whatever the file looks like.

use proptest::prelude::*;

use crate::model::State;
use crate::workspace::set_state;

fn top(text: &str) -> Result<String, String> {
    set_state(text, "p.yaml", None, State::On).map_err(|error| error.to_string())
}

fn tenant(text: &str) -> Result<String, String> {
    set_state(text, "p.yaml", Some("contoso"), State::On).map_err(|error| error.to_string())
}

#[test]
fn the_word_changes_and_nothing_else() {
    for before in [
        "policy: a\nname: b\nstate: @\n",
        "policy: a\nname: b\nstate: @ # why: x\nusers: {}\n",
        "policy: a\r\nname: b\r\nstate: @\r\nusers: {}\r\n",
        "\u{feff}policy: a\nname: b\nstate: @\n",
        "policy: a\nstate:\t@\t# tabs\n",
        "name: \"Zürich – 漢字\"\nstate: @\n",
        "policy: a\nstate: '@'\n",
        "policy: a\nstate: \"@\"\n",
        "{policy: a, name: b, state: @}\n",
        "{ policy: a, state: @, exclude: [x] }\n",
        "policy: a\nstate:\n  @\n",
        "policy: a\nstate: &s @\n",
        "policy: a\nstate: !!str @\n",
        "%YAML 1.2\n---\npolicy: a\nstate: @\n",
        "policy: a\nstate: @",
        "policy: a\nstate:    @   \nname: b\n...\n",
        "  policy: a\n  state: @\n",
        "policy: a\n? state\n: @\n",
        "policy: a # state: report-only\ntenants: {contoso: {state: off}}\nstate: @\n",
        "\"policy\": a\n'state' : @\n",
        "policy: a\nstate: @\nname: >\n  two\n  lines\n\n\n# end\n",
    ] {
        let changed = top(&before.replace('@', "report-only"));
        assert_eq!(changed, Ok(before.replace('@', "on")), "{before}");
    }
}

#[test]
fn a_state_that_is_there_already_changes_nothing() {
    let text = "policy: a\nstate: 'on' # x\n";
    assert_eq!(top(text), Ok(text.to_owned()));
}

#[test]
fn a_missing_state_stands_after_the_name() {
    for (before, after) in [
        (
            "policy: a\nname: b\nusers: {}\n",
            "policy: a\nname: b\nstate: on\nusers: {}\n",
        ),
        (
            "policy: a\r\nname: b # c\r\nusers: {}\r\n",
            "policy: a\r\nname: b # c\r\nstate: on\r\nusers: {}\r\n",
        ),
        ("policy: a\nname: b", "policy: a\nname: b\nstate: on"),
        (
            "  policy: a\n  name: b\n",
            "  policy: a\n  name: b\n  state: on\n",
        ),
        (
            "\u{feff}name: b\npolicy: a\n",
            "\u{feff}name: b\nstate: on\npolicy: a\n",
        ),
        (
            "{policy: a, name: b, users: {}}",
            "{policy: a, name: b, state: on, users: {}}",
        ),
        (
            "name:\n  b\npolicy: a\n",
            "name:\n  b\nstate: on\npolicy: a\n",
        ),
        (
            "name: \"b\n  c\"\npolicy: a\n",
            "name: \"b\n  c\"\nstate: on\npolicy: a\n",
        ),
        (
            "name: >-\n  b\n  c\npolicy: a\n",
            "name: >-\n  b\n  c\nstate: on\npolicy: a\n",
        ),
        ("policy: a\n", "policy: a\nstate: on\n"),
        ("name: a\nusers: b\r\n", "name: a\nstate: on\nusers: b\r\n"),
        (
            "policy: a\nname: b\nstate:\n",
            "policy: a\nname: b\nstate: on\n",
        ),
        (
            "policy: a\nstate: # later\nname: b\n",
            "policy: a\nstate: on # later\nname: b\n",
        ),
        ("policy: a\nstate: ~\n", "policy: a\nstate: on\n"),
        (
            "---\npolicy: a\nname: b\n...\n",
            "---\npolicy: a\nname: b\nstate: on\n...\n",
        ),
    ] {
        assert_eq!(top(before).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn a_tenant_gets_its_own_state() {
    for (before, after) in [
        (
            "policy: a\nstate: off\n",
            "policy: a\nstate: off\ntenants:\n  contoso: {state: on}\n",
        ),
        (
            "policy: a\r\nstate: off",
            "policy: a\r\nstate: off\r\ntenants:\r\n  contoso: {state: on}",
        ),
        (
            "policy: a\n# end\n",
            "policy: a\n# end\ntenants:\n  contoso: {state: on}\n",
        ),
        (
            "policy: a\n...\n",
            "policy: a\ntenants:\n  contoso: {state: on}\n...\n",
        ),
        (
            "{policy: a, name: b}\n",
            "{policy: a, name: b, tenants: {contoso: {state: on}}}\n",
        ),
        (
            "{policy: a, name: b,}\n",
            "{policy: a, name: b, tenants: {contoso: {state: on}},}\n",
        ),
        (
            "tenants:\npolicy: a\n",
            "tenants:\n  contoso: {state: on}\npolicy: a\n",
        ),
        ("tenants: {}\n", "tenants: {contoso: {state: on}}\n"),
        ("tenants: ~\n", "tenants: {contoso: {state: on}}\n"),
        (
            "tenants: {lab: {state: off}}\n",
            "tenants: {lab: {state: off}, contoso: {state: on}}\n",
        ),
        (
            "tenants:\n  lab: {state: off} # lab\n\n# rest\ngrant: x\n",
            "tenants:\n  lab: {state: off} # lab\n  contoso: {state: on}\n\n# rest\ngrant: x\n",
        ),
        (
            "tenants:\n    lab:\n      state: off\n      id: x",
            "tenants:\n    lab:\n      state: off\n      id: x\n    contoso: {state: on}",
        ),
        (
            "tenants:\n  lab:\n",
            "tenants:\n  lab:\n  contoso: {state: on}\n",
        ),
        (
            "tenants:\n  contoso:\n",
            "tenants:\n  contoso: {state: on}\n",
        ),
        (
            "tenants: {contoso: }\n",
            "tenants: {contoso: {state: on} }\n",
        ),
        (
            "tenants:\n  contoso: {}\n",
            "tenants:\n  contoso: {state: on}\n",
        ),
        (
            "tenants:\n  contoso: {id: x}\n",
            "tenants:\n  contoso: {id: x, state: on}\n",
        ),
        (
            "tenants:\n  contoso:\n    id: x # pin\n",
            "tenants:\n  contoso:\n    id: x # pin\n    state: on\n",
        ),
        (
            "tenants:\n  contoso: {state: report-only, id: x}\n",
            "tenants:\n  contoso: {state: on, id: x}\n",
        ),
        (
            "tenants:\n  contoso:\n    state: 'off' # c\n",
            "tenants:\n  contoso:\n    state: 'on' # c\n",
        ),
        (
            "tenants:\n  contoso:\n    state:\n    id: x\n",
            "tenants:\n  contoso:\n    state: on\n    id: x\n",
        ),
        (
            "tenants:\n  contoso: {state: , id: x}\n",
            "tenants:\n  contoso: {state: on , id: x}\n",
        ),
    ] {
        assert_eq!(tenant(before).as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_the_line_to_change() {
    let refused: Vec<String> = [
        top("other: &s report-only\nstate: *s\n"),
        top("state: &s report-only\nother: *s\n"),
        top("state: |\n  report-only\n"),
        top("state: [report-only]\n"),
        top("base: &b {state: off}\n<<: *b\nname: x\n"),
        top("policy: a\nstate: on\nstate: off\n"),
        top("- a\n"),
        top(""),
        tenant("base: &b {contoso: {state: off}}\ntenants: *b\n"),
        tenant("base: &b {state: off}\ntenants: {contoso: *b}\n"),
        tenant("tenants: [contoso]\n"),
        tenant("tenants: {contoso: on}\n"),
    ]
    .into_iter()
    .map(|result| result.expect_err("must be refused"))
    .collect();
    insta::assert_snapshot!(refused.join("\n"));
}

proptest! {
    #[test]
    fn any_policy_changes_in_its_state_only(
        names in prop::collection::vec("[a-z]{1,6}", 0..6),
        values in prop::collection::vec("[a-zA-Z0-9 äß漢]{0,8}", 6),
        comments in prop::collection::vec("( +#[^@\\r\\n\\p{C}]{0,8})?", 7),
        crlf: bool, bom: bool, newline: bool, quote in "['\"]?", at in 0..7_usize,
    ) {
        let eol = if crlf { "\r\n" } else { "\n" };
        let mut lines: Vec<String> = names.iter().enumerate()
            .map(|(i, name)| format!("{name}{i}: \"{}\"{}", values[i], comments[i]))
            .collect();
        let at = at.min(lines.len());
        lines.insert(at, format!("state: {quote}@{quote} {}", comments[6].trim_start()));
        let mut text = lines.join(eol);
        if bom { text.insert(0, '\u{feff}'); }
        if newline { text.push_str(eol); }
        let (before, rest) = text.split_once('@').unwrap();
        let changed = top(&format!("{before}report-only{rest}"));
        prop_assert_eq!(changed, Ok(format!("{before}on{rest}")));
    }

    #[test]
    fn an_edit_never_panics_and_is_done_once(text in super::hostile::yamlish(), name in "[a-z]{1,3}") {
        for tenant in [None, Some(name.as_str())] {
            if let Ok(changed) = set_state(&text, "p.yaml", tenant, State::ReportOnly) {
                let again = set_state(&changed, "p.yaml", tenant, State::ReportOnly);
                prop_assert_eq!(again.map_err(|e| e.to_string()), Ok(changed));
            }
        }
    }
}
