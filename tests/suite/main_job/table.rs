//! Every cell of the design's table: what is live, what the YAML says, what becomes of it.

use serde_json::{Value, json};

use crate::support::{Graph, KEY, NAME, Outcome, Served, Workspace};

const REPORT_ONLY: &str = "enabledForReportingButNotEnforced";
const ON: &str = "enabled";
const OFF: &str = "disabled";

const WEAKEN: &str = "weaken: {reason: the help desk is flooded, owner: identity-team@contoso.example, ticket: OPS-1, until: 2026-11-30}";

/// A workspace and a tenant in one cell of the table.
struct Cell {
    workspace: Workspace,
    tenant: Served,
    id: Option<String>,
}

impl Cell {
    /// The live policy has this state, or is not there; the YAML has this one, or leaves it out.
    fn new(live: Option<&str>, yaml: Option<&str>) -> Self {
        let workspace = Workspace::new();
        let tenant = workspace.serve();
        let id = live.map(|state| tenant.create_policy(&tenant.shipped_body(state)));
        workspace.set_state(yaml);
        Self {
            workspace,
            tenant,
            id,
        }
    }

    /// The same, but the live policy lacks the exclusion of the group, and is pinned.
    fn differing(live: &str, yaml: Option<&str>) -> Self {
        let cell = Self::new(Some(live), yaml);
        let id = cell.id.clone().unwrap();
        let mut users = cell.tenant.shipped_body(live)["conditions"]["users"].clone();
        users["excludeGroups"] = json!([]);
        cell.tenant
            .patch_policy(&id, &json!({"conditions": {"users": users}}));
        cell.workspace.add_to_policy(&format!("id: {id}"));
        cell
    }

    /// Plans, asserts the change, applies it.
    #[track_caller]
    fn becomes(&self, action: &str, from: &str, to: &str) -> Value {
        let change = self.workspace.change();
        let shown = (
            &change["action"],
            &change["from_state"],
            &change["to_state"],
        );
        assert_eq!(
            shown,
            (&json!(action), &json!(from), &json!(to)),
            "{change:#}"
        );
        assert_eq!(change["id"], json!(self.id));
        self.workspace.apply();
        change
    }

    /// Asserts that the plan and the apply are refused by a guard, and nothing is written.
    #[track_caller]
    fn refused(&self, guard: &str, line: &str) -> Value {
        let before = self.tenant.everything();
        let plan = self.workspace.refused_plan();
        let refusals = plan["refusals"].as_array().unwrap();
        assert_eq!(refusals.len(), 1, "{plan:#}");
        assert_eq!(refusals[0]["guard"], guard, "{plan:#}");
        assert_eq!(refusals[0]["policy"], KEY);
        let at = &refusals[0]["source"];
        let file = self.workspace.read(at["file"].as_str().unwrap());
        let number = at["line"].as_u64().unwrap() as usize;
        let blamed = file.lines().nth(number - 1).unwrap();
        assert!(blamed.starts_with(line), "{blamed:?} is blamed");
        self.workspace.run(&["apply", "--auto-approve"]).exits(3);
        assert_eq!(self.tenant.everything(), before);
        refusals[0].clone()
    }

    #[track_caller]
    fn live(&self, state: &str) {
        let live = self.tenant.shipped();
        assert_eq!(live["state"], state);
        if let Some(id) = &self.id {
            assert_eq!(live["id"], json!(id));
        }
    }

    /// Asserts that there is nothing left to write.
    #[track_caller]
    fn settled(&self) -> Value {
        let before = self.tenant.everything();
        let change = self.workspace.change();
        assert_eq!(change["action"], "none", "{change:#}");
        self.workspace.apply();
        assert_eq!(self.tenant.everything(), before);
        change
    }

    fn excludes_group(&self) -> bool {
        self.tenant.shipped()["conditions"]["users"]["excludeGroups"]
            == json!([self.tenant.group("CA-Exclude-Backup-Automation")])
    }
}

#[track_caller]
fn held_by(change: &Value, gates: &[&str]) {
    let held: Vec<&str> = change["held"]
        .as_array()
        .unwrap()
        .iter()
        .map(|held| held["gate"].as_str().unwrap())
        .collect();
    assert_eq!(held, gates, "{change:#}");
}

fn gone(graph: &Graph) -> bool {
    graph.named(NAME).is_empty()
}

// none

#[test]
fn table_none_yaml_report_only_is_created_report_only() {
    let cell = Cell::new(None, Some("report-only"));
    let change = cell.becomes("create", "absent", "report-only");
    held_by(&change, &[]);
    cell.live(REPORT_ONLY);
    cell.settled();
}

#[test]
fn table_none_yaml_on_is_created_report_only_and_on_is_held() {
    let cell = Cell::new(None, Some("on"));
    let change = cell.becomes("create", "absent", "report-only");
    held_by(&change, &["soak"]);
    assert_eq!(change["held"][0]["until"], "2026-11-09T08:00:00Z");
    cell.live(REPORT_ONLY);
    // Held is no failure, and the next plan says what it waits for.
    let change = cell.settled();
    held_by(&change, &["soak"]);
    assert_eq!(change["to_state"], "report-only");
}

#[test]
fn table_none_yaml_off_is_created_off() {
    let cell = Cell::new(None, Some("off"));
    let change = cell.becomes("create", "absent", "off");
    held_by(&change, &[]);
    cell.live(OFF);
    cell.settled();
}

#[test]
fn table_none_yaml_absent_is_nothing() {
    let cell = Cell::new(None, Some("absent"));
    let change = cell.settled();
    assert_eq!(change["from_state"], "absent");
    assert_eq!(change["to_state"], "absent");
    assert!(gone(&cell.tenant));
    assert_eq!(cell.tenant.events(), 0);
}

#[test]
fn table_none_yaml_left_out_is_created_report_only() {
    let cell = Cell::new(None, None);
    let change = cell.becomes("create", "absent", "report-only");
    let state = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["path"] == "state")
        .unwrap();
    assert_eq!(state["origin"], "default");
    cell.live(REPORT_ONLY);
    cell.settled();
}

// report-only

#[test]
fn table_live_report_only_yaml_report_only_is_updated() {
    let cell = Cell::differing(REPORT_ONLY, Some("report-only"));
    let change = cell.becomes("update", "report-only", "report-only");
    assert_eq!(change["fields"][0]["path"], "users.exclude");
    assert_eq!(change["effect"], "weakens");
    cell.live(REPORT_ONLY);
    assert!(cell.excludes_group());
    cell.settled();
}

#[test]
fn table_live_report_only_yaml_report_only_and_equal_is_left_alone() {
    Cell::new(Some(REPORT_ONLY), Some("report-only")).settled();
}

#[test]
fn table_live_report_only_yaml_on_without_a_record_is_held() {
    let cell = Cell::new(Some(REPORT_ONLY), Some("on"));
    let change = cell.settled();
    held_by(&change, &["soak"]);
    assert_eq!(change["to_state"], "report-only");
    cell.live(REPORT_ONLY);
    // After the soak it is the record that is missing.
    cell.tenant.advance("8d");
    let change = cell.settled();
    held_by(&change, &["promotion"]);
    cell.live(REPORT_ONLY);
}

#[test]
fn table_live_report_only_yaml_on_and_differing_is_updated_and_on_is_held() {
    let cell = Cell::differing(REPORT_ONLY, Some("on"));
    cell.tenant.advance("30d");
    let change = cell.becomes("update", "report-only", "report-only");
    held_by(&change, &["soak"]);
    cell.live(REPORT_ONLY);
    assert!(cell.excludes_group());
    held_by(&cell.settled(), &["soak"]);
}

#[test]
fn table_live_report_only_yaml_on_with_a_record_is_promoted() {
    let cell = Cell::new(Some(REPORT_ONLY), Some("report-only"));
    cell.tenant.advance("8d");
    cell.workspace.run(&["promote", KEY]).exits(0);
    let change = cell.becomes("promote", "report-only", "on");
    held_by(&change, &[]);
    cell.live(ON);
    cell.settled();
}

#[test]
fn table_live_report_only_yaml_off_is_disabled() {
    let cell = Cell::new(Some(REPORT_ONLY), Some("off"));
    cell.becomes("disable", "report-only", "off");
    cell.live(OFF);
    cell.settled();
}

#[test]
fn table_live_report_only_yaml_absent_is_deleted() {
    let cell = Cell::new(Some(REPORT_ONLY), Some("absent"));
    cell.becomes("delete", "report-only", "absent");
    assert!(gone(&cell.tenant));
}

#[test]
fn table_live_report_only_yaml_left_out_keeps_its_state() {
    let cell = Cell::differing(REPORT_ONLY, None);
    cell.becomes("update", "report-only", "report-only");
    cell.live(REPORT_ONLY);
    assert!(cell.excludes_group());
    cell.settled();
}

// on

#[test]
fn table_live_on_yaml_report_only_is_refused_without_weaken() {
    let cell = Cell::new(Some(ON), Some("report-only"));
    let refusal = cell.refused("weaken", "state: report-only");
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("without `weaken:`"),
        "{refusal}"
    );
}

#[test]
fn table_live_on_yaml_report_only_is_demoted_with_weaken() {
    let cell = Cell::new(Some(ON), Some("report-only"));
    cell.workspace.add_to_policy(WEAKEN);
    let change = cell.becomes("demote", "on", "report-only");
    assert_eq!(change["effect"], "weakens");
    assert!(
        change["notes"]
            .to_string()
            .contains("the help desk is flooded"),
        "{change:#}"
    );
    cell.live(REPORT_ONLY);
    cell.settled();
}

#[test]
fn table_live_on_yaml_off_is_refused_without_weaken() {
    let cell = Cell::new(Some(ON), Some("off"));
    cell.refused("weaken", "state: off");
}

#[test]
fn table_live_on_yaml_off_is_disabled_with_weaken() {
    let cell = Cell::new(Some(ON), Some("off"));
    cell.workspace.add_to_policy(WEAKEN);
    let change = cell.becomes("disable", "on", "off");
    assert_eq!(change["effect"], "weakens");
    cell.live(OFF);
    cell.settled();
}

#[test]
fn table_live_on_weaken_is_void_after_until() {
    let cell = Cell::new(Some(ON), Some("off"));
    cell.workspace
        .add_to_policy(&WEAKEN.replace("2026-11-30", "2026-11-04"));
    cell.tenant.advance("2d");
    // Its last day counts.
    assert_eq!(cell.workspace.change()["action"], "disable");
    cell.tenant.advance("1d");
    let refusal = cell.refused("weaken", "weaken:");
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("ended on 2026-11-04"),
        "{refusal}"
    );
    cell.live(ON);
}

#[test]
fn table_live_on_yaml_on_is_updated_where_that_weakens() {
    let cell = Cell::differing(ON, Some("on"));
    let change = cell.becomes("update", "on", "on");
    assert_eq!(change["effect"], "weakens");
    held_by(&change, &[]);
    cell.live(ON);
    assert!(cell.excludes_group());
    cell.settled();
}

#[test]
fn table_live_on_yaml_on_is_held_where_that_makes_it_stricter() {
    let cell = Cell::new(Some(ON), Some("on"));
    let id = cell.id.clone().unwrap();
    cell.workspace.add_to_policy(&format!("id: {id}"));
    cell.workspace
        .edit_policy("  exclude: [backup-automation] ", "  exclude: [] ");
    let change = cell.settled();
    held_by(&change, &["twin"]);
    assert_eq!(change["effect"], "strengthens");
    assert!(cell.excludes_group());
    cell.live(ON);
}

#[test]
fn table_live_on_yaml_on_and_equal_is_left_alone() {
    Cell::new(Some(ON), Some("on")).settled();
}

#[test]
fn table_live_on_yaml_absent_is_refused() {
    let cell = Cell::new(Some(ON), Some("absent"));
    let refusal = cell.refused("delete-enforced", "state: absent");
    assert_eq!(refusal["absolute"], true);
    // Nor does `weaken:` help: it is lowered first.
    cell.workspace.add_to_policy(WEAKEN);
    cell.refused("delete-enforced", "state: absent");
    cell.live(ON);
}

#[test]
fn table_live_on_yaml_left_out_stays_on() {
    let cell = Cell::differing(ON, None);
    let change = cell.becomes("update", "on", "on");
    held_by(&change, &[]);
    cell.live(ON);
    assert!(cell.excludes_group());
    cell.settled();
}

// off

#[test]
fn table_live_off_yaml_report_only_goes_to_report_only() {
    let cell = Cell::new(Some(OFF), Some("report-only"));
    let change = cell.becomes("update", "off", "report-only");
    held_by(&change, &[]);
    cell.live(REPORT_ONLY);
    cell.settled();
}

#[test]
fn table_live_off_yaml_on_goes_to_report_only_and_the_soak_starts() {
    let cell = Cell::new(Some(OFF), Some("on"));
    // However long it was off: that is no soak.
    cell.tenant.advance("20d");
    let change = cell.becomes("update", "off", "report-only");
    held_by(&change, &["soak"]);
    cell.live(REPORT_ONLY);
    let change = cell.settled();
    held_by(&change, &["soak"]);
    assert_eq!(change["held"][0]["until"], "2026-11-29T08:00:02Z");
}

#[test]
fn table_live_off_yaml_off_is_updated() {
    let cell = Cell::differing(OFF, Some("off"));
    cell.becomes("update", "off", "off");
    cell.live(OFF);
    assert!(cell.excludes_group());
    cell.settled();
}

#[test]
fn table_live_off_yaml_absent_is_deleted() {
    let cell = Cell::new(Some(OFF), Some("absent"));
    cell.becomes("delete", "off", "absent");
    assert!(gone(&cell.tenant));
}

#[test]
fn table_live_off_yaml_left_out_stays_off() {
    let cell = Cell::differing(OFF, None);
    cell.becomes("update", "off", "off");
    cell.live(OFF);
    assert!(cell.excludes_group());
    cell.settled();
}

// Words that are not a state.

#[test]
fn a_state_that_yaml_reads_as_a_truth_value_is_an_error_with_a_fix() {
    for word in ["true", "yes", "enabled"] {
        let workspace = Workspace::new();
        workspace.set_state(Some(word));
        let outcome: Outcome = workspace.run(&["validate"]).exits(2);
        assert!(outcome.stdout.contains("help:"), "{outcome}");
        workspace.run(&["plan"]).exits(1);
    }
    for word in ["\"on\"", "'on'", "on"] {
        let workspace = Workspace::new();
        workspace.set_state(Some(word));
        workspace.run(&["validate"]).exits(0);
        assert_eq!(workspace.change()["held"][0]["gate"], "soak");
    }
}
