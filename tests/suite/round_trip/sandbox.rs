//! Each source of published policies in a tenant of its own: imported, planned, imported again.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};

use portcullis::import::graph_exports;
use portcullis::model::{Id, Kind, create_json};
use serde_json::{Value, json};

use super::published;
use crate::support::{Graph, Workspace};

const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

/// What a published policy refers to, put into the tenant, so that the policy can be too.
struct Stage<'a> {
    tenant: &'a Graph,
    known: BTreeMap<(Kind, String), String>,
}

impl Stage<'_> {
    /// The id that stands for a reference in this tenant; roles and strengths are there already.
    fn id(&mut self, kind: Kind, text: &str) -> String {
        if let Some(id) = self.known.get(&(kind, text.to_owned())) {
            return id.clone();
        }
        let number = self.known.len();
        let name = format!("Stage {} {number}", kind.word());
        let id = match kind {
            Kind::Group => self.tenant.create_group(&name, &[]),
            Kind::User => self.tenant.user("svc-reports"),
            Kind::App => {
                let app = if Id::looks_like_guid(text) {
                    text.to_owned()
                } else {
                    format!("00000000-aaaa-4bbb-8ccc-{number:012}")
                };
                let filter = format!("/v1.0/servicePrincipals?$filter=appId eq '{app}'");
                let there = self.tenant.get(&filter);
                if there["value"].as_array().unwrap().is_empty() {
                    let body = json!({"appId": app, "displayName": name});
                    self.tenant.post("/v1.0/servicePrincipals", &body);
                }
                app
            }
            Kind::Location => {
                let body = json!({
                    "@odata.type": "#microsoft.graph.ipNamedLocation",
                    "displayName": name,
                    "isTrusted": false,
                    "ipRanges": [{
                        "@odata.type": "#microsoft.graph.iPv4CidrRange",
                        "cidrAddress": "203.0.113.0/24",
                    }],
                });
                let location = self
                    .tenant
                    .post("/v1.0/identity/conditionalAccess/namedLocations", &body);
                location["id"].as_str().unwrap().to_owned()
            }
            Kind::TermsOfUse => format!("00000000-cccc-4bbb-8ccc-{number:012}"),
            Kind::Role => {
                let roles = self
                    .tenant
                    .get("/v1.0/roleManagement/directory/roleDefinitions");
                let roles = roles["value"].as_array().unwrap();
                let known = roles.iter().find(|role| role["id"] == text);
                let role = known.unwrap_or(&roles[number % roles.len()]);
                role["id"].as_str().unwrap().to_owned()
            }
            Kind::Strength | Kind::ServicePrincipal => text.to_owned(),
        };
        self.known.insert((kind, text.to_owned()), id.clone());
        id
    }
}

#[test]
fn every_source_is_imported_and_nothing_is_left_to_plan() {
    let files = published();
    if files.is_empty() {
        return;
    }
    let mut sources: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (file, json) in files {
        let source = file.split('/').next().unwrap().to_owned();
        sources.entry(source).or_default().push((file, json));
    }
    let mut accepted = 0;
    for (source, files) in sources {
        accepted += round(&source, &files);
    }
    println!("{accepted} policies in all");
    assert!(accepted >= 120, "{accepted}");
}

/// One source in a tenant; returns how many of its policies the tenant took.
fn round(source: &str, files: &[(String, Value)]) -> usize {
    let workspace = Workspace::new();
    std::fs::remove_file(workspace.path(crate::support::FILE)).unwrap();
    let served = workspace.serve();
    let mut stage = Stage {
        tenant: &served,
        known: BTreeMap::new(),
    };
    let exports = graph_exports(files);
    let (mut accepted, mut refused) = (0, Vec::new());
    for export in &exports.policies {
        let policy = export
            .live
            .policy
            .map(|place, id| Some(Id::new(stage.id(place.kind, id.as_str()))));
        let body = create_json(&policy, export.live.state);
        let (status, answer) = served.try_post(POLICIES, &body).unwrap();
        if status == 201 {
            accepted += 1;
        } else {
            refused.push(format!("{}: {answer}", export.file));
        }
    }
    let live = served.policies().len();
    println!("{source}: {live} live, {} refused", refused.len());
    for refused in &refused {
        println!("  {}", refused.chars().take(240).collect::<String>());
    }

    let imported = workspace.run(&["import", "--json"]).exits(0).json();
    assert_eq!(imported["left_alone"], json!([]), "{source}");
    assert_eq!(imported["summary"]["created"], live, "{source}");
    let plan = workspace.plan();
    let summary = &plan["summary"];
    let wanted = json!({
        "create": 0, "update": 0, "promote": 0, "restore": 0, "demote": 0, "disable": 0, "delete": 0,
        "unchanged": live, "held": 0, "unmanaged": 0,
    });
    assert_eq!(*summary, wanted, "{source}: {:#}", plan["changes"]);
    assert_eq!(plan["refusals"], json!([]), "{source}");
    workspace.run(&["validate"]).exits(0);

    let files = workspace.files();
    let names: BTreeSet<&String> = files.keys().collect();
    assert_eq!(names.len(), live + 1, "{source}: {names:?}");
    let again = workspace.run(&["import", "--json"]).exits(0).json();
    assert_eq!(again["summary"]["unchanged"], live, "{source}");
    assert_eq!(
        workspace.files(),
        files,
        "{source}: importing again changed something"
    );
    accepted
}
