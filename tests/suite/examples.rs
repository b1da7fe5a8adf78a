//! What the repository shows to its users works.

use std::path::Path;
use std::process::Command;

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

#[test]
fn every_example_is_valid_and_plans_against_the_sandbox() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for example in std::fs::read_dir(examples).unwrap() {
        let path = example.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let config = path.to_str().unwrap();
        let store = tempfile::tempdir().unwrap();
        let (code, said) = run(&["--config", config, "validate"]);
        assert_eq!(code, Some(0), "{config}: {said}");
        assert!(said.starts_with("Valid: "), "{config}: {said}");
        let store = store.path().to_str().unwrap();
        let (code, said) = run(&[
            "--config", config, "--store", store, "--tenant", "sandbox", "plan",
        ]);
        assert_eq!(code, Some(0), "{config}: {said}");
        assert!(said.contains("to create (report-only)"), "{config}: {said}");
        seen += 1;
    }
    assert!(seen > 0, "there are no examples");
}

/// The plan in the README is a real one: the tool prints every line of it.
#[test]
fn the_readme_shows_what_the_tool_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, shown) = readme.split_once("$ portcullis plan\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let store = tempfile::tempdir().unwrap();
    let (code, said) = run(&["--store", store.path().to_str().unwrap(), "plan"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(shown.trim(), said.trim());
}

/// The policy in the README is the shipped one, but for its comments.
#[test]
fn the_readme_shows_the_shipped_policy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let policy = std::fs::read_to_string(root.join("policies/azure-management-mfa.yaml")).unwrap();
    let without_comments = |text: &str| {
        text.lines()
            .map(|line| line.split('#').next().unwrap().trim_end().to_owned())
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
    };
    let (_, shown) = readme.split_once("```yaml\npolicy: ").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    assert_eq!(
        without_comments(&format!("policy: {shown}")),
        without_comments(&policy)
    );
}
