//! Every kind of mistake, as a user would read it. The snapshot is the specification of the wording.

use super::{CONFIG, POLICY, changed, loaded, with_policy};
use crate::report::diagnostics::render;
use crate::workspace::Loaded;

fn shown(title: &str, loaded: &Loaded) -> String {
    let text = render(&loaded.findings, &loaded.texts, false);
    assert!(!text.is_empty(), "{title}: no finding");
    format!("## {title}\n\n{text}\n")
}

#[test]
fn a_policy_with_a_mistake_is_explained() {
    let mut all = String::new();
    for (title, from, to) in [
        ("unknown key", "state: report-only", "sate: report-only"),
        ("state true", "report-only", "true"),
        ("state yes", "report-only", "yes"),
        (
            "state in Graph's words",
            "report-only",
            "enabledForReportingButNotEnforced",
        ),
        ("state misspelt", "report-only", "reprot-only"),
        ("state empty", "state: report-only", "state:"),
        ("duplicate key", "grant:", "state: on\ngrant:"),
        (
            "principal misspelt",
            "backup-automation",
            "backup-automaton",
        ),
        ("principal unknown", "backup-automation", "finance"),
        (
            "upn without user",
            "backup-automation",
            "eve@contoso.example",
        ),
        (
            "guid without user",
            "backup-automation",
            "7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11",
        ),
        (
            "inline exclusion without owner",
            "backup-automation",
            "{group: Contractors, reason: audit}",
        ),
        (
            "inline exclusion of two things",
            "backup-automation",
            "{group: A, user: b, reason: r, owner: o}",
        ),
        (
            "inline exclusion with a bad date",
            "backup-automation",
            "{group: A, reason: r, owner: o, expires: 31.3.2027}",
        ),
        (
            "listed twice",
            "[backup-automation]",
            "[backup-automation, backup-automation]",
        ),
        ("all excluded", "[backup-automation]", "[all]"),
        ("all beside others", "[all]", "[all, {group: Admins}]"),
        (
            "reason on an include",
            "[all]",
            "[{group: Admins, reason: r}]",
        ),
        ("role all", "[all]", "[{role: all}]"),
        ("included and excluded", "[all]", "[backup-automation]"),
        ("guest kind", "[all]", "[{guests: b2b-guest}]"),
        ("no include", "  include: [all]\n", ""),
        (
            "apps and user actions",
            "  include: [azure-management]",
            "  include: [azure-management]\n  user_actions: [register-security-information]",
        ),
        ("all in Graph's spelling", "[azure-management]", "[All]"),
        (
            "suite in Graph's spelling",
            "[azure-management]",
            "[Office365]",
        ),
        (
            "exclusion without inclusion",
            "include: [azure-management]",
            "exclude: [azure-management]",
        ),
        (
            "bad authentication context",
            "include: [azure-management]",
            "authentication_contexts: [c100]",
        ),
        (
            "mfa and a strength",
            "controls: [mfa]",
            "operator: all\n  controls: [mfa]\n  authentication_strength: phishing-resistant-mfa",
        ),
        (
            "block and mfa",
            "controls: [mfa]",
            "operator: any\n  controls: [block, mfa]",
        ),
        (
            "several controls without operator",
            "[mfa]",
            "[mfa, compliant-device]",
        ),
        ("control misspelt", "[mfa]", "[MFA_]"),
        ("control in Graph's words", "[mfa]", "[compliantDevice]"),
        ("password change alone", "[mfa]", "[password-change]"),
        ("empty grant", "  controls: [mfa]", "  operator: any"),
        ("empty list", "[mfa]", "[]"),
        (
            "no target",
            "target_resources:\n  include: [azure-management]\n",
            "",
        ),
        (
            "client apps all and browser",
            "grant:",
            "conditions: {client_apps: [all, browser]}\ngrant:",
        ),
        (
            "platforms without include",
            "grant:",
            "conditions: {platforms: {exclude: [ios]}}\ngrant:",
        ),
        (
            "location both ways",
            "grant:",
            "conditions: {locations: {include: [Berlin], exclude: [Berlin]}}\ngrant:",
        ),
        (
            "workload risk on people",
            "grant:",
            "conditions: {service_principal_risk: [high]}\ngrant:",
        ),
        (
            "workload and users",
            "grant:",
            "workload_identities: {include: [all-owned]}\ngrant:",
        ),
        (
            "sign-in frequency",
            "grant:",
            "session: {sign_in_frequency: 4 weeks}\ngrant:",
        ),
        (
            "secondary after hours",
            "grant:",
            "session: {sign_in_frequency: {every: 4 hours, authentication: secondary}}\ngrant:",
        ),
        (
            "persistent browser on one app",
            "grant:",
            "session: {persistent_browser: never}\ngrant:",
        ),
        (
            "session without effect",
            "grant:",
            "session: {token_protection: false}\ngrant:",
        ),
        ("rings", "grant:", "rollout: {rings: []}\ngrant:"),
        ("soak", "grant:", "rollout: {soak: a week}\ngrant:"),
        (
            "weaken without an end",
            "grant:",
            "weaken: {reason: r, owner: o}\ngrant:",
        ),
        (
            "tenant undeclared",
            "grant:",
            "tenants: {sandbx: {state: on}}\ngrant:",
        ),
        (
            "tenant key not yet",
            "grant:",
            "tenants: {sandbox: {users: {}}}\ngrant:",
        ),
        ("bad policy key", "policy: azure-mfa", "policy: Azure MFA"),
        ("bad id", "grant:", "id: 6f1c0f0e\ngrant:"),
        (
            "users is a list",
            "users:\n  include: [all]\n  exclude: [backup-automation]",
            "users: [all]",
        ),
    ] {
        all.push_str(&shown(title, &changed(from, to)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn yaml_that_cannot_be_read_is_explained() {
    let mut all = String::new();
    for (title, text) in [
        ("empty", ""),
        ("only a comment", "# nothing\n"),
        ("tab", "users:\n\tinclude: [all]\n"),
        ("two documents", "policy: a\n---\npolicy: b\n"),
        ("merge key", "a: &a {x: y}\nb:\n  <<: *a\n"),
        ("unclosed bracket", "users: {include: [all}\n"),
        ("unclosed quote", "name: \"CA010\nstate: on\n"),
        ("indentation", "users:\n  include: [all]\n exclude: [x]\n"),
        ("unknown alias", "state: *x\n"),
        ("nul", "policy: a\u{0}b\n"),
        ("escape sequence", "policy: \u{1b}[31mred\n"),
        ("reordering", "name: a\u{202e}b\n"),
        ("tag", "state: !!python/name:os.system x\n"),
        ("list as a key", "[a, b]: c\n"),
        ("not a mapping", "- a\n"),
        ("colon in a name", "name: CA010: MFA\n"),
    ] {
        all.push_str(&shown(title, &with_policy(text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_configuration_with_a_mistake_is_explained() {
    let mut all = String::new();
    for (title, from, to) in [
        ("version", "version: 1", "version: 2"),
        ("version missing", "version: 1\n", ""),
        (
            "sandbox with auth",
            "sandbox: true",
            "sandbox: true\n    auth: browser",
        ),
        ("no sandbox, no id", "sandbox: true", "auth: browser"),
        (
            "bad auth, bad cloud",
            "sandbox: true",
            "tenant_id: 7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11\n    auth: device_code\n    cloud: usgov",
        ),
        (
            "bad origin",
            "sandbox: true",
            "tenant_id: x\n    auth: browser\n    cloud: {graph: localhost, login: http://127.0.0.1:1}",
        ),
        (
            "principal undeclared",
            "backup-automation: {kind",
            "backup-automtion: {kind",
        ),
        (
            "principal without owner and reason",
            "{kind: service-account, owner: platform-team@contoso.example, reason: nightly backup}",
            "{kind: service-account}",
        ),
        (
            "principal with two targets",
            "{group: CA-Exclude-Backup-Automation,",
            "{group: A, role: B,",
        ),
        (
            "members of a user",
            "{user: emergency1@sandbox.onmicrosoft.example,",
            "{user: a, max_members: 2,",
        ),
        (
            "binding in both places",
            "reason: nightly backup}",
            "reason: nightly backup, group: Other}",
        ),
        (
            "who in a tenant",
            "{group: CA-Exclude-Backup-Automation,",
            "{group: A, owner: o,",
        ),
        (
            "default tenant",
            "version: 1",
            "version: 1\ndefault_tenant: contoso",
        ),
        (
            "bad default",
            "version: 1",
            "version: 1\ndefaults: {rollout: {soak: forever, thresholds: {}}}",
        ),
        (
            "reserved name",
            "principals:\n  emergency",
            "principals:\n  all: {kind: vendor, owner: o, reason: r}\n  emergency",
        ),
    ] {
        assert!(CONFIG.contains(from), "{title}");
        let config = CONFIG.replace(from, to);
        let mut found = loaded(&[("portcullis.yaml", &config), ("policies/p.yaml", POLICY)]);
        // The uses of a principal that was broken on purpose are not what is shown here.
        found
            .findings
            .retain(|finding| &*finding.source.file == "portcullis.yaml");
        all.push_str(&shown(title, &found));
    }
    let two = CONFIG.replace(
        "tenants:\n",
        "tenants:\n  other: {tenant_id: 7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11, auth: browser}\n",
    );
    let two = two.replace(
        "reason: nightly backup}",
        "reason: nightly backup, expires: 2027-03-31}",
    );
    all.push_str(&shown(
        "binding at the top with two tenants",
        &loaded(&[("portcullis.yaml", &two)]),
    ));
    all.push_str(&shown("no configuration", &loaded(&[])));
    insta::assert_snapshot!(all);
}

#[test]
fn files_that_disagree_are_explained() {
    let record = "policy: other\ntenant_id: 7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11\npolicy_id: x\ncontent: c\nexclusions: e\nlive_modified: yesterday\nweighed_at: 2026-11-02T00:00:00Z\nbundle: b\ngates: {soak: pass}\n";
    let found = loaded(&[
        ("portcullis.yaml", CONFIG),
        ("policies/a.yaml", POLICY),
        ("policies/sub/b.yml", POLICY),
        ("policies/c.yaml", "policy: c\nname: [x]\nsate: on\n"),
        ("promotions/sandbox/azure-mfa.yaml", record),
        ("promotions/nowhere/azure-mfa.yaml", record),
        ("promotions/loose.yaml", record),
        ("tests/t.yaml", "a: [\n"),
    ]);
    assert!(found.workspace.is_none());
    insta::assert_snapshot!(shown("files", &found));
}

#[test]
fn two_files_for_one_live_policy_are_explained() {
    let id = "id: 6f1c0f0e-0000-4000-8000-000000000001\n";
    let other = POLICY
        .replace("azure-mfa", "other")
        .replace("name: CA010", "name: CA011");
    let old = "renamed_from: [CA010 - Require MFA for Azure management]\n";
    let found = loaded(&[
        ("portcullis.yaml", CONFIG),
        ("policies/a.yaml", &format!("{POLICY}{id}")),
        ("policies/b.yaml", &format!("{other}{id}{old}")),
        ("promotions/sandbox/gone.yml", "policy: gone\n"),
    ]);
    insta::assert_snapshot!(shown("files", &found));
}
