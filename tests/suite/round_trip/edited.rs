//! A file that somebody wrote in keeps every byte that the tenant does not contradict.

use serde_json::json;

use crate::support::Workspace;

const FILE: &str = "policies/legacy.yaml";
const NAME: &str = "Block legacy authentication";

/// As a person keeps it: comments, blank lines, an order of their own, quotes, both kinds of list.
const BY_HAND: &str = "\
# Owned by the identity team.
policy: legacy

state: 'on'   # since the spring
name: \"Block legacy authentication\"

grant: {controls: [block]}   # nothing else helps

conditions:

  client_apps:
    - exchange-active-sync   # old phones
    - other

users:
  exclude:   # reviewed in October
    # the scanner on the third floor
    - {user: svc-reports@sandbox.onmicrosoft.example, reason: \"scans, by SMTP\", owner: facilities@contoso.example, expires: 2027-03-31}
  include: [all]
target_resources: [all]

rollout: {soak: 14d}   # slowly
";

fn tenant() -> (Workspace, crate::support::Served, String) {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path(crate::support::FILE)).unwrap();
    let served = workspace.serve();
    workspace.write(FILE, BY_HAND);
    let live = served.named(NAME).remove(0);
    let id = live["id"].as_str().unwrap().to_owned();
    let users = json!({"conditions": {"users": {
        "excludeUsers": [served.user("emergency1"), served.user("emergency2"), served.user("svc-reports")],
    }}});
    served.patch_policy(&id, &users);
    (workspace, served, id)
}

#[test]
fn what_is_so_already_changes_no_byte() {
    let (workspace, _served, _) = tenant();
    let imported = workspace.run(&["import", "--json"]).exits(0).json();
    assert_eq!(imported["summary"]["unchanged"], 1, "{imported:#}");
    assert_eq!(workspace.read(FILE), BY_HAND);
}

#[test]
fn only_what_differs_changes() {
    let (workspace, served, id) = tenant();
    let group = served.group("CA-Exclude-Backup-Automation");
    let change = json!({
        "displayName": "Block legacy authentication: everywhere",
        "state": "enabledForReportingButNotEnforced",
        "conditions": {
            "clientAppTypes": ["other"],
            "users": {"excludeGroups": [group]},
            "platforms": {"includePlatforms": ["all"], "excludePlatforms": ["linux"]},
        },
    });
    workspace.edit(FILE, "name: \"Block", &format!("id: {id}\nname: \"Block"));
    let by_hand = workspace.read(FILE);
    served.patch_policy(&id, &change);
    workspace.run(&["import", "Block*"]).exits(0);
    let expected = by_hand
        .replace("state: 'on' ", "state: 'report-only' ")
        .replace(
            "\"Block legacy authentication\"",
            "\"Block legacy authentication: everywhere\"",
        )
        .replace("    - exchange-active-sync   # old phones\n", "")
        .replace(
            "    - other\n",
            "    - other\n  platforms:\n    include: [all]\n    exclude: [linux]\n",
        )
        .replace(
            "expires: 2027-03-31}\n",
            "expires: 2027-03-31}\n    - backup-automation\n",
        );
    assert_eq!(workspace.read(FILE), expected);
    let plan = workspace.plan();
    assert_eq!(plan["summary"]["unchanged"], 1, "{:#}", plan["changes"]);
}

#[test]
fn what_is_gone_goes_and_takes_nothing_along() {
    let (workspace, served, id) = tenant();
    let change = json!({
        "conditions": {
            "clientAppTypes": ["all"],
            "users": {"excludeUsers": [served.user("emergency1"), served.user("emergency2")]},
        },
        "sessionControls": {"signInFrequency": {
            "isEnabled": true, "value": 4, "type": "hours",
            "authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased",
        }},
    });
    served.patch_policy(&id, &change);
    workspace.run(&["import", "legacy"]).exits(0);
    let text = workspace.read(FILE);
    assert!(!text.contains("svc-reports"), "{text}");
    assert!(!text.contains("client_apps"), "{text}");
    assert!(text.contains("sign_in_frequency: 4 hours"), "{text}");
    for kept in [
        "# Owned by the identity team.",
        "# since the spring",
        "# slowly",
        "# nothing else helps",
    ] {
        assert!(text.contains(kept), "{kept} is gone from {text}");
    }
    assert_eq!(workspace.plan()["summary"]["unchanged"], 1);
}

#[test]
fn a_dry_run_shows_the_edit_and_writes_nothing() {
    let (workspace, served, id) = tenant();
    served.patch_policy(&id, &json!({"state": "disabled"}));
    let files = workspace.files();
    workspace
        .run(&["import", "--dry-run", "legacy"])
        .exits(0)
        .says("-state: 'on'   # since the spring")
        .says("+state: 'off'   # since the spring")
        .says("Would import: 0 new, 1 changed, 0 unchanged, 0 left alone.");
    assert_eq!(workspace.files(), files);
}

#[test]
fn a_group_with_a_new_name_is_a_new_entry_that_nobody_explained_yet() {
    let (workspace, served, id) = tenant();
    let group = served.create_group("Old name", &[]);
    served.patch_policy(
        &id,
        &json!({"conditions": {"users": {"excludeGroups": [group]}}}),
    );
    let entry =
        "    - {group: Old name, reason: moving, owner: ops@contoso.example}   # until June\n";
    workspace.edit(
        FILE,
        "  include: [all]\n",
        &format!("{entry}  include: [all]\n"),
    );
    let by_hand = workspace.read(FILE);
    workspace.run(&["import", "legacy"]).exits(0);
    assert_eq!(workspace.read(FILE), by_hand);
    served.patch(
        &format!("/v1.0/groups/{group}"),
        &json!({"displayName": "New name: again"}),
    );
    workspace.run(&["import", "legacy"]).exits(0).says(
        "note: the tenant has no group Old name any more, so its entry is gone; if it is one of the new \
         entries under another name, move its reason and owner over",
    );
    let expected = by_hand.replace(
        entry,
        "    - {group: \"New name: again\", reason: imported; nobody said why yet, owner: nobody yet}\n",
    );
    assert_eq!(workspace.read(FILE), expected);
}

#[test]
fn nobody_inherits_the_exclusion_of_somebody_who_left() {
    let (workspace, served, id) = tenant();
    let made = |name: &str| {
        let made = served.post(
            "/v1.0/users",
            &json!({
                "displayName": name, "mailNickname": name, "accountEnabled": true,
                "userPrincipalName": format!("{name}@sandbox.onmicrosoft.example"),
                "passwordProfile": {"password": "not-a-real-one-1"},
            }),
        );
        made["id"].as_str().unwrap().to_owned()
    };
    let (alice, mallory) = (made("alice"), made("mallory"));
    let exclude = |who: &str| {
        let kept = [
            served.user("emergency1"),
            served.user("emergency2"),
            served.user("svc-reports"),
            who.to_owned(),
        ];
        served.patch_policy(
            &id,
            &json!({"conditions": {"users": {"excludeUsers": kept}}}),
        );
    };
    exclude(&alice);
    let entry = "    - {user: alice@sandbox.onmicrosoft.example, reason: reviewed, owner: ops@contoso.example, review_by: 2027-01-31, expires: 2027-03-31}\n";
    workspace.edit(
        FILE,
        "  include: [all]\n",
        &format!("{entry}  include: [all]\n"),
    );
    let by_hand = workspace.read(FILE);
    workspace.run(&["import", "legacy"]).exits(0);
    assert_eq!(workspace.read(FILE), by_hand);
    served.delete(&format!("/v1.0/users/{alice}"));
    exclude(&mallory);
    workspace
        .run(&["import", "legacy"])
        .exits(0)
        .says("the tenant has no user alice@sandbox.onmicrosoft.example any more");
    let expected = by_hand.replace(
        entry,
        "    - {user: mallory@sandbox.onmicrosoft.example, reason: imported; nobody said why yet, owner: nobody yet}\n",
    );
    assert_eq!(workspace.read(FILE), expected);
}

#[test]
fn line_endings_of_another_system_stay() {
    let (workspace, served, id) = tenant();
    workspace.write(FILE, &BY_HAND.replace('\n', "\r\n"));
    workspace.run(&["import", "legacy"]).exits(0);
    assert_eq!(workspace.read(FILE), BY_HAND.replace('\n', "\r\n"));
    let change =
        json!({"conditions": {"userRiskLevels": ["high"], "clientAppTypes": ["other", "browser"]}});
    served.patch_policy(&id, &change);
    workspace.run(&["import", "legacy"]).exits(0);
    let expected = BY_HAND
        .replace("    - exchange-active-sync   # old phones\n", "")
        .replace(
            "    - other\n",
            "    - other\n    - browser\n  user_risk: [high]\n",
        )
        .replace('\n', "\r\n");
    assert_eq!(workspace.read(FILE), expected);
}
