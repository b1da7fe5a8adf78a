//! Files made to do harm: a finding each, quickly, and never a panic.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{CONFIG, POLICY, with_policy, write};
use crate::report::diagnostics::render;
use crate::workspace::yaml;
use crate::workspace::{load, load_one};

/// Text that is made of what YAML is made of.
pub(super) fn yamlish() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "policy: a",
        "name: b",
        "state: ",
        "state: report-only",
        "tenants:",
        "users:",
        "include:",
        " ",
        "  ",
        "\n",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\t",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "|",
        ">-",
        "'",
        "\"",
        "\\",
        "# c",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "!!str ",
        "!x ",
        "~",
        "null",
        "on",
        "all",
        "é",
        "漢",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "@",
        "`",
        "0",
        "2027-01-31",
        "a",
        "b",
        ":",
        "grant: {controls: [mfa]}",
        "target_resources: [all]",
        "conditions: {",
        "session: {",
        "exclude: [",
        "{user: x",
        "contoso: ",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

fn codes(policy: &str) -> Vec<&'static str> {
    let begin = Instant::now();
    let found = with_policy(policy);
    let text = render(&found.findings, &found.texts, true);
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "took {:?}",
        begin.elapsed()
    );
    assert!(text.len() < 200_000, "{} bytes of findings", text.len());
    found.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn budgets_hold() {
    let bomb = (1..10).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let item = format!("*a{}", n - 1);
            text + &format!("a{n}: &a{n} [{}]\n", [item.as_str(); 9].join(", "))
        },
    );
    assert_eq!(codes(&bomb), ["too-many-aliases"]);
    assert_eq!(codes(&"[".repeat(100_000)), ["too-deep"]);
    assert_eq!(codes(&"- ".repeat(100_000)), ["too-deep"]);
    assert_eq!(codes(&"{a: ".repeat(100_000)), ["too-deep"]);
    assert_eq!(
        codes(&format!("a: [{}]", "x, ".repeat(30_000))),
        ["too-many-nodes"]
    );
    assert_eq!(codes("a: &a [*a]\n"), ["alias-to-itself"]);
    assert!(codes(&"state: on\n".repeat(10_000)).len() <= 60);
    assert_eq!(
        codes(&format!("# {}", "x".repeat(1024 * 1024))),
        ["too-large"]
    );
    assert_eq!(
        codes(&format!("name: {}", "é".repeat(400_000))).first(),
        Some(&"missing-key")
    );
    let many = format!("users: {{include: [{}]}}", "x, ".repeat(15_000));
    assert_eq!(codes(&many).last(), Some(&"more-findings"));
    codes(&format!("? {}\n: x", "a".repeat(900_000)));
    codes(&"#".repeat(1024 * 1024));
    codes(&"\n".repeat(1024 * 1024));
    codes(&"'".repeat(500_001));
    codes(&"%TAG ! x\n".repeat(50_000));
    codes(&"&a ".repeat(100_000));
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    for (bytes, message) in [
        (
            &b"policy: a\nname: \xff\n"[..],
            "policies/p.yaml is not valid UTF-8 (byte 16, line 2)",
        ),
        (
            &b"\xff\xfep\0"[..],
            "policies/p.yaml is UTF-16 (byte 0, line 1)",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[("portcullis.yaml", CONFIG), ("policies/q.yaml", POLICY)],
        );
        fs::write(root.path().join("policies/p.yaml"), bytes).unwrap();
        let found = load(root.path());
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].message, message);
        assert!(render(&found.findings, &found.texts, false).contains("error[not-utf8]"));
    }
}

#[test]
fn a_huge_file_is_never_read() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &[("portcullis.yaml", CONFIG)]);
    fs::create_dir(root.path().join("policies")).unwrap();
    let file = fs::File::create(root.path().join("policies/p.yaml")).unwrap();
    file.set_len(50 * 1024 * 1024).unwrap();
    let begin = Instant::now();
    let found = load(root.path());
    assert_eq!(found.findings[0].code, "too-large");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_workspace_is_refused() {
    use std::os::unix::fs::symlink;
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(
        root.path(),
        &[("portcullis.yaml", CONFIG), ("policies/p.yaml", POLICY)],
    );
    write(other.path(), &[("secret.yaml", "password: hunter2\n")]);
    symlink(
        other.path().join("secret.yaml"),
        root.path().join("policies/s.yaml"),
    )
    .unwrap();
    symlink(other.path(), root.path().join("policies/folder")).unwrap();
    symlink(
        root.path().join("policies/p.yaml"),
        root.path().join("tests.yaml"),
    )
    .unwrap();
    symlink("nowhere", root.path().join("policies/gone.yaml")).unwrap();
    let found = load(root.path());
    let mut codes: Vec<_> = found.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["outside-workspace", "symbolic-link", "unreadable"]);
    assert!(found.texts.values().all(|text| !text.contains("hunter2")));
    let found = load_one(root.path(), "azure-mfa");
    assert!(found.workspace.is_some(), "{:?}", found.findings);
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
    for policy in [
        "policy: \"\\e[31m\\x07\"\n",
        "po\u{9b}31mlicy: a\n",
        "\u{7f}",
        "x: \u{1b}]0;title\u{7}\n",
    ] {
        let found = with_policy(policy);
        let text = render(&found.findings, &found.texts, false);
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
        assert!(!text.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_parses_without_a_panic(text in any::<String>()) {
        let _ = yaml::parse(&Arc::from("p.yaml"), &text);
    }

    #[test]
    fn any_bytes_decode_without_a_panic(bytes in any::<Vec<u8>>()) {
        if let Ok(text) = crate::workspace::text::decode("p.yaml", bytes) {
            let _ = yaml::parse(&Arc::from("p.yaml"), &text);
        }
    }

    #[test]
    fn yaml_like_text_has_places_inside_the_text(text in yamlish()) {
        let parsed = yaml::parse(&Arc::from("p.yaml"), &text);
        for finding in &parsed.findings {
            prop_assert!(finding.source.bytes.end <= text.len());
        }
        prop_assert!(parsed.root.is_some() || !parsed.findings.is_empty());
        let mut out = parsed.findings;
        if let Some(root) = parsed.root {
            prop_assert!(root.extent.end <= text.len());
            crate::workspace::policy::lower(&root, None, &mut out);
            crate::workspace::config::lower(&root, &mut out);
            crate::workspace::record::lower(&root, "a", &mut out);
        }
        let texts = [("p.yaml".to_owned(), text)].into();
        render(&out, &texts, true);
    }
}
