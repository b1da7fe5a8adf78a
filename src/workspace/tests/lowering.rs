//! Files that are right, and what becomes of them.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::SignedDuration;
use jiff::civil::date;

use super::{CONFIG, POLICY, changed, loaded, with_policy};
use crate::diagnostic::{Diagnostic, Severity};
use crate::model::{
    Auth, ClientApp, Cloud, CloudAppSecurity, Control, Desired, DesiredPolicy, ExternalTenants,
    FrequencyAuthentication, GuestKind, Id, InsiderRisk, Kind, Owner, Platform, RiskLevel, Suite,
    TransferMethod, UserAction, WantedState,
};
use crate::workspace::{Loaded, load};

pub(super) fn errors(loaded: &Loaded) -> Vec<&Diagnostic> {
    loaded
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .collect()
}

pub(super) fn desired(loaded: &Loaded, tenant: &str) -> Desired {
    assert!(errors(loaded).is_empty(), "{:#?}", loaded.findings);
    loaded.workspace.as_ref().unwrap().desired(tenant).unwrap()
}

fn policy(loaded: &Loaded) -> DesiredPolicy {
    desired(loaded, "sandbox")
        .policies
        .into_values()
        .next()
        .unwrap()
}

/// The shared policy with a block in place of its grant.
fn granted(block: &str) -> DesiredPolicy {
    policy(&changed(
        "grant:\n  controls: [mfa]\n",
        &format!("{block}\n"),
    ))
}

/// The shared policy with conditions.
fn under(conditions: &str) -> DesiredPolicy {
    granted(&format!(
        "conditions: {{{conditions}}}\ngrant: {{controls: [block]}}"
    ))
}

fn words<T>(words: &[&str], read: impl Fn(&str) -> Option<T>) -> Vec<(String, T)> {
    words
        .iter()
        .map(|word| ((*word).to_owned(), read(word).unwrap()))
        .collect()
}

#[test]
fn the_shipped_workspace_is_valid_and_says_what_it_seems_to() {
    let found = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("portcullis.yaml"));
    assert!(found.findings.is_empty(), "{:#?}", found.findings);
    let desired = desired(&found, "sandbox");
    let policy = &desired.policies["azure-management-mfa"];
    assert_eq!(
        policy.state.as_ref().unwrap().value,
        WantedState::ReportOnly
    );
    assert!(policy.policy.conditions.users.include.all);
    let excluded: Vec<_> = policy
        .policy
        .conditions
        .users
        .exclude
        .groups
        .iter()
        .collect();
    assert_eq!(excluded[0].text, "CA-Exclude-Backup-Automation");
    assert_eq!(excluded[0].principal.as_deref(), Some("backup-automation"));
    assert_eq!(
        excluded[0].source.to_string(),
        "policies/azure-management-mfa.yaml:13:13"
    );
    assert_eq!(policy.exclude_source.line, 13);
    let app = policy
        .policy
        .conditions
        .targets
        .include
        .apps
        .iter()
        .next()
        .unwrap();
    assert_eq!(
        (app.text.as_str(), app.source.line),
        ("azure-management", 16)
    );
    assert_eq!(
        policy.policy.grant.as_ref().unwrap().controls,
        BTreeSet::from([Control::Mfa])
    );
    assert_eq!(desired.break_glass().count(), 2);
    let backup = &desired.principals["backup-automation"];
    assert_eq!(backup.max_members.as_ref().unwrap().value, 2);
    assert_eq!(backup.expires.as_ref().unwrap().value, date(2027, 3, 31));
    assert_eq!(found.workspace.unwrap().default_tenant(), Some("sandbox"));
}

#[test]
fn a_tenant_overrides_state_and_id_only_for_itself() {
    let config = CONFIG.replace(
        "tenants:\n",
        "default_tenant: sandbox\ntenants:\n  contoso:\n    tenant_id: 7D0D2A9E-3b1c-4c55-9d0e-2f6f0c1f7a11\n    auth: github-oidc\n    cloud: us-gov\n    pace: 2s\n    settle: 1m 30s\n    principals:\n      backup-automation: {user: backup@contoso.example}\n",
    );
    let text = format!(
        "{POLICY}tenants:\n  contoso: {{state: on, id: 6F1C0F0E-0000-4000-8000-000000000001}}\n"
    );
    let found = loaded(&[("portcullis.yaml", &config), ("policies/p.yaml", &text)]);
    let contoso = desired(&found, "contoso");
    assert_eq!(
        contoso.tenant.tenant_id.as_ref().unwrap().value.as_str(),
        "7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11"
    );
    assert_eq!(contoso.tenant.cloud, Cloud::UsGov);
    assert_eq!(contoso.tenant.settle.unwrap().as_secs(), 90);
    assert_eq!(
        contoso.tenant.auth.as_ref().unwrap().value,
        Auth::GithubOidc
    );
    let policy = &contoso.policies["azure-mfa"];
    assert_eq!(policy.state.as_ref().unwrap().value, WantedState::On);
    assert_eq!(
        policy.id.as_ref().unwrap().value,
        Id::new("6f1c0f0e-0000-4000-8000-000000000001")
    );
    assert_eq!(policy.policy.conditions.users.exclude.users.len(), 1);
    assert!(contoso.principals["emergency-access-1"].target.is_none());
    let sandbox = &desired(&found, "sandbox").policies["azure-mfa"];
    assert_eq!(
        sandbox.state.as_ref().unwrap().value,
        WantedState::ReportOnly
    );
    assert!(sandbox.id.is_none());
    assert_eq!(sandbox.policy.conditions.users.exclude.groups.len(), 1);
    // Used where it stands for nothing: an error of that tenant alone.
    let text = text.replace(
        "[backup-automation]",
        "[backup-automation, emergency-access-1]",
    );
    let found = loaded(&[("portcullis.yaml", &config), ("policies/p.yaml", &text)]);
    let workspace = found.workspace.unwrap();
    assert!(workspace.desired("sandbox").is_ok());
    let findings = workspace.desired("contoso").unwrap_err();
    assert_eq!(findings[0].code, "unbound-principal");
    assert_eq!(workspace.findings(), findings);
    assert_eq!(
        workspace.desired("nowhere").unwrap_err()[0].code,
        "undeclared-tenant"
    );
}

#[test]
fn a_single_tenant_may_bind_at_the_top() {
    let config = "version: 1\nstore: /var/lib/portcullis\ntenants: {lab: {sandbox: true}}\nprincipals:\n  backup-automation: {kind: vendor, owner: o, reason: r, role: Backup Operator, review_by: 2027-01-01}\n";
    let found = loaded(&[("portcullis.yaml", config), ("policies/p.yaml", POLICY)]);
    let desired = desired(&found, "lab");
    assert_eq!(
        desired.policies["azure-mfa"]
            .policy
            .conditions
            .users
            .exclude
            .roles
            .len(),
        1
    );
    assert_eq!(
        found.workspace.unwrap().store(),
        Some(Path::new("/var/lib/portcullis"))
    );
}

#[test]
fn every_state_and_the_kept_words() {
    for (word, state) in words(WantedState::WORDS, WantedState::from_word) {
        for quoted in [word.clone(), format!("'{word}'"), format!("\"{word}\"")] {
            let found = changed("report-only", &quoted);
            assert_eq!(policy(&found).state.unwrap().value, state);
        }
    }
    assert!(policy(&changed("state: report-only\n", "")).state.is_none());
    let gone = policy(&with_policy("policy: a\nname: b\nstate: absent\n"));
    assert_eq!(gone.state.unwrap().value, WantedState::Absent);
    let there = with_policy("policy: a\nname: b\nstate: absent\ntenants: {sandbox: {state: on}}\n");
    assert!(errors(&there).iter().all(|f| f.code == "missing-key") && errors(&there).len() == 3);
}

#[test]
fn every_word_of_every_condition_is_read() {
    for (word, app) in words(ClientApp::WORDS, ClientApp::from_word) {
        assert_eq!(
            under(&format!("client_apps: {word}"))
                .policy
                .conditions
                .client_apps,
            [app].into()
        );
    }
    for (word, platform) in words(Platform::WORDS, Platform::from_word) {
        let read = under(&format!("platforms: [{word}]"))
            .policy
            .conditions
            .platforms
            .unwrap();
        assert_eq!(read.include, [platform.clone()].into());
        if platform != Platform::All && platform != Platform::Linux {
            let text = format!("platforms: {{include: [linux], exclude: [{word}]}}");
            assert_eq!(
                under(&text).policy.conditions.platforms.unwrap().exclude,
                [platform].into()
            );
        }
    }
    for (word, level) in words(RiskLevel::WORDS, RiskLevel::from_word) {
        let read = under(&format!("sign_in_risk: [{word}], user_risk: {word}"))
            .policy
            .conditions;
        assert_eq!(
            (read.sign_in_risk, read.user_risk),
            ([level.clone()].into(), [level].into())
        );
    }
    for (word, level) in words(InsiderRisk::WORDS, InsiderRisk::from_word) {
        assert_eq!(
            under(&format!("insider_risk: [{word}]"))
                .policy
                .conditions
                .insider_risk,
            [level].into()
        );
    }
    for (word, flow) in words(TransferMethod::WORDS, TransferMethod::from_word) {
        assert_eq!(
            under(&format!("authentication_flows: [{word}]"))
                .policy
                .conditions
                .flows,
            [flow].into()
        );
    }
    let filter = under("device_filter: {mode: exclude, rule: device.isCompliant -eq True}");
    assert_eq!(
        filter.policy.conditions.device_filter.unwrap().rule,
        "device.isCompliant -eq True"
    );
    let places =
        under("locations: {include: [all], exclude: [all-trusted, mfa-trusted-ips, Berlin]}");
    let places = places.policy.conditions.locations.unwrap();
    assert!(places.include.all && places.exclude.all_trusted && places.exclude.mfa_trusted_ips);
    assert_eq!(places.exclude.named.iter().next().unwrap().text, "Berlin");
}

#[test]
fn every_kind_of_user_and_target_is_read() {
    for (word, kind) in words(GuestKind::WORDS, GuestKind::from_word) {
        let read = policy(&changed("[all]", &format!("[{{guests: {word}}}]")));
        let guests = read.policy.conditions.users.include.guests.unwrap();
        assert_eq!(
            (guests.kinds, guests.tenants),
            ([kind].into(), Some(ExternalTenants::All))
        );
    }
    let some = "[{guests: {kinds: all, tenants: [7d0d2a9e-3b1c-4c55-9d0e-2f6f0c1f7a11]}}, {user: a@b.c}, {group: G}, {role: R}]";
    let read = policy(&changed("[all]", some))
        .policy
        .conditions
        .users
        .include;
    let guests = read.guests.unwrap();
    assert_eq!(guests.kinds, GuestKind::every());
    assert!(matches!(guests.tenants, Some(ExternalTenants::Enumerated(ids)) if ids.len() == 1));
    assert_eq!(
        (read.users.len(), read.groups.len(), read.roles.len()),
        (1, 1, 1)
    );
    let inline = "[{group: Contractors, reason: audit, owner: hr, review_by: 2027-01-01, expires: 2027-02-01}]";
    let read = policy(&changed("[backup-automation]", inline));
    let exclusion = &read.exclusions[0];
    assert_eq!(
        (exclusion.kind, exclusion.owner.as_str()),
        (Kind::Group, "hr")
    );
    assert_eq!(exclusion.expires.as_ref().unwrap().value, date(2027, 2, 1));
    let read = policy(&changed(
        "[backup-automation]",
        "[{guests: all, reason: r, owner: o}]",
    ));
    assert!(read.policy.conditions.users.exclude.guests.is_some());
    let both = "users:\n  include: [{guests: all}]\n  exclude: [{guests: service-provider, reason: r, owner: o}]";
    let plain = "users:\n  include: [all]\n  exclude: [backup-automation]";
    assert!(
        policy(&changed(plain, both))
            .policy
            .conditions
            .users
            .include
            .guests
            .is_some()
    );
    assert!(
        policy(&changed("[all]", "none"))
            .policy
            .conditions
            .users
            .include
            .none
    );

    for (word, suite) in words(Suite::WORDS, Suite::from_word) {
        let read = policy(&changed("[azure-management]", &word))
            .policy
            .conditions
            .targets;
        assert_eq!(read.include.suites, [suite].into());
    }
    for (word, action) in words(UserAction::WORDS, UserAction::from_word) {
        let read = policy(&changed(
            "include: [azure-management]",
            &format!("user_actions: [{word}]"),
        ));
        assert_eq!(read.policy.conditions.targets.user_actions, [action].into());
    }
    let list = "target_resources:\n  include: [azure-management]";
    let read = policy(&changed(
        list,
        "target_resources: [My App, 797F4846-BA00-4FD7-BA43-DAC1F8F63013]",
    ));
    let apps: Vec<_> = read
        .policy
        .conditions
        .targets
        .include
        .apps
        .iter()
        .map(|app| app.text.clone())
        .collect();
    assert_eq!(apps, ["797f4846-ba00-4fd7-ba43-dac1f8f63013", "My App"]);
    let read = policy(&changed(
        list,
        "target_resources: {authentication_contexts: [c1, c99]}",
    ));
    assert_eq!(
        read.policy.conditions.targets.authentication_contexts.len(),
        2
    );
}

#[test]
fn every_control_is_read() {
    for (word, control) in words(Control::WORDS, Control::from_word) {
        if control != Control::PasswordChange {
            let read = granted(&format!("grant: {{controls: {word}}}"));
            assert_eq!(read.policy.grant.unwrap().controls, [control].into());
        }
    }
    let read = granted(
        "grant: {operator: all, controls: [compliant-device], authentication_strength: phishing-resistant-mfa, terms_of_use: [t], custom_factors: [f]}",
    );
    assert_eq!(read.policy.grant.unwrap().requirements(), 4);
    let reset = changed(
        "grant:\n  controls: [mfa]\n",
        "conditions: {user_risk: [high]}\ngrant: {operator: all, controls: [mfa, password-change]}\n",
    );
    let code: Vec<_> = errors(&reset).iter().map(|f| f.code).collect();
    assert_eq!(code, ["bad-combination"], "one app is not every resource");
    let reset = with_policy(
        "policy: a\nname: b\nusers: {include: [all]}\ntarget_resources: [all]\nconditions: {user_risk: [high]}\ngrant: {operator: all, controls: [mfa, password-change]}\nsession: {sign_in_frequency: every-time, persistent_browser: never}\n",
    );
    let read = policy(&reset).policy.session.unwrap();
    assert!(read.sign_in_frequency.unwrap().value.is_none());
    for (word, hours) in [
        ("4 hours", 4),
        ("1 hour", 1),
        ("7 days", 7),
        ("{every: 7 days}", 7),
    ] {
        let read = granted(&format!("session: {{sign_in_frequency: {word}}}"))
            .policy
            .session
            .unwrap();
        assert_eq!(read.sign_in_frequency.unwrap().value, Some(hours));
    }
    for (word, authentication) in words(
        FrequencyAuthentication::WORDS,
        FrequencyAuthentication::from_word,
    ) {
        let text = format!(
            "session: {{sign_in_frequency: {{every: every-time, authentication: {word}}}}}"
        );
        assert_eq!(
            granted(&text)
                .policy
                .session
                .unwrap()
                .sign_in_frequency
                .unwrap()
                .authentication,
            authentication
        );
    }
    for (word, kind) in words(CloudAppSecurity::WORDS, CloudAppSecurity::from_word) {
        let read = granted(&format!("session: {{cloud_app_security: {word}}}"))
            .policy
            .session
            .unwrap();
        assert_eq!(read.cloud_app_security, Some(kind));
    }
    let read = granted(
        "session: {app_enforced_restrictions: true, resilience_defaults: disabled, token_protection: true}",
    );
    let read = read.policy.session.unwrap();
    assert!(
        read.app_enforced_restrictions
            && read.resilience_defaults_disabled
            && read.token_protection
    );
}

#[test]
fn what_stands_beside_the_policy_is_read() {
    let more = "rollout: {soak: 1d 6h, promotion_valid_for: 24h, in_place: {reason: r, owner: o}}\nrenamed_from: Old name\nweaken: {reason: r, owner: o, ticket: T-1, until: 2027-01-01}\nbreak_glass: {mode: require, reason: r, owner: o}\nid: 6f1c0f0e-0000-4000-8000-000000000001\n";
    let read = policy(&with_policy(&format!("{POLICY}{more}")));
    assert_eq!(read.rollout.soak, SignedDuration::from_hours(30));
    assert_eq!(read.rollout.in_place.unwrap().owner, "o");
    assert_eq!(read.renamed_from[0].value, "Old name");
    assert_eq!(read.weaken.unwrap().value.until, date(2027, 1, 1));
    assert_eq!(read.break_glass.unwrap().reason, "r");
    let owned = with_policy(
        "policy: ms\nname: Microsoft-managed\nowner: microsoft\nusers: {exclude: [backup-automation]}\n",
    );
    assert_eq!(policy(&owned).owner, Owner::Microsoft);
    let workload = "policy: w\nname: w\nworkload_identities: {include: [all-owned], exclude: [ci]}\ntarget_resources: [all]\nconditions: {locations: [all], service_principal_risk: [high]}\ngrant: {controls: [block]}\n";
    let read = policy(&with_policy(workload)).policy.conditions;
    assert!(read.users.include.none && read.workload.unwrap().include_all);
    let config = CONFIG.replace("version: 1", "version: 1\ndefaults: {rollout: {soak: 0}}");
    let found = loaded(&[("portcullis.yaml", &config), ("policies/p.yaml", POLICY)]);
    assert_eq!(policy(&found).rollout.soak, SignedDuration::ZERO);
}
