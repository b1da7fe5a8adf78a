//! Records, and loading one policy when everything else is broken.

use super::lowering::desired;
use super::{CONFIG, POLICY, loaded, write};
use crate::model::{Emergency, Id, PromotionRecord};
use crate::workspace::{load, load_one, record_path, record_yaml};

fn record() -> PromotionRecord {
    PromotionRecord {
        policy: "azure-mfa".to_owned(),
        tenant_id: Id::new("7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11"),
        policy_id: Id::new("6f1c0f0e-0000-4000-8000-000000000001"),
        content: "sha256:00ff".to_owned(),
        exclusions: "sha256:11ee".to_owned(),
        live_modified: "2026-11-02T08:00:00.1454565Z".parse().unwrap(),
        weighed_at: "2026-11-09T08:00:01Z".parse().unwrap(),
        bundle: "sha256:22dd".to_owned(),
        gates: [
            ("soak".to_owned(), "pass".to_owned()),
            ("break-glass".to_owned(), "pass".to_owned()),
        ]
        .into(),
        emergency: None,
    }
}

#[test]
fn a_record_is_written_in_one_form_and_read_again() {
    let mut record = record();
    insta::assert_snapshot!(record_yaml(&record));
    for reason in [
        None,
        Some("ticket: \"on\" # fire\nsecond line \\ é \u{85}\u{2028}x"),
        Some("true"),
        Some("1.5"),
        Some("- x"),
    ] {
        record.emergency = reason.map(|reason| Emergency {
            reason: reason.to_owned(),
        });
        let text = record_yaml(&record);
        let path = record_path("sandbox", "azure-mfa");
        let found = loaded(&[
            ("portcullis.yaml", CONFIG),
            ("policies/p.yaml", POLICY),
            (path.to_str().unwrap(), &text),
        ]);
        assert!(found.findings.is_empty(), "{text}{:#?}", found.findings);
        assert_eq!(
            desired(&found, "sandbox").records["azure-mfa"].value,
            record,
            "{text}"
        );
    }
}

#[test]
fn one_policy_loads_whatever_else_is_broken() {
    let root = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("owner: platform-team@contoso.example, ", "");
    let broken = POLICY
        .replace("[mfa]", "[mfa, block]")
        .replace("[backup-automation]", "[nobody]");
    write(
        root.path(),
        &[
            ("portcullis.yaml", &config),
            ("policies/azure-mfa.yaml", "policy: [\n"),
            ("policies/bad.yaml", "\u{0}"),
            ("policies/sub/p.yaml", &broken),
            ("promotions/sandbox/azure-mfa.yaml", &record_yaml(&record())),
        ],
    );
    assert!(load(root.path()).workspace.is_none());
    let found = load_one(&root.path().join("portcullis.yaml"), "azure-mfa");
    let workspace = found.workspace.unwrap();
    assert_eq!(
        workspace.policy_file("azure-mfa"),
        Some(root.path().join("policies/sub/p.yaml").as_path())
    );
    let desired = workspace.desired("sandbox").unwrap();
    assert_eq!(
        desired.policies["azure-mfa"].policy.name,
        "CA010 - Require MFA for Azure management"
    );
    assert!(desired.records.contains_key("azure-mfa"));
    assert!(!found.findings.is_empty());
    assert!(
        found
            .findings
            .iter()
            .all(|f| &*f.source.file != "policies/bad.yaml")
    );
    let found = load_one(root.path(), "../../etc/passwd");
    assert!(found.workspace.is_none());
    assert!(found.findings.iter().any(|f| f.code == "unknown-policy"));
}
