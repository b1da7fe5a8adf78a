//! The directory audit: the one entry that each accepted write leaves.

use serde_json::{Value, json};

use super::clock::graph_time;
use super::errors::Failure;
use super::owner::Session;
use super::query::{Collection, page, single, whole};
use super::request::{Reply, Request};
use super::tenant::{Tenant, text};

/// What an audit entry says, but for who and when.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) targets: Vec<Value>,
}

impl Activity {
    /// An activity on a Conditional Access object.
    pub(super) fn policy(name: &'static str, operation: &'static str, target: Value) -> Self {
        Self {
            name,
            category: "Policy",
            service: "Conditional Access",
            operation,
            targets: vec![target],
        }
    }

    /// An activity in the directory.
    pub(super) fn directory(
        name: &'static str,
        category: &'static str,
        operation: &'static str,
        targets: Vec<Value>,
    ) -> Self {
        Self {
            name,
            category,
            service: "Core Directory",
            operation,
            targets,
        }
    }

    /// The entry, complete.
    pub(super) fn entry(
        &self,
        tenant: &Tenant,
        at: jiff::Timestamp,
        initiated_by: &Value,
    ) -> Value {
        let event = tenant.events() + 1;
        json!({
            "id": format!("Directory_{}_{event}", tenant.id_of(&format!("audit {event}"))),
            "category": self.category,
            "correlationId": tenant.id_of(&format!("correlation {event}")),
            "result": "success",
            "resultReason": "",
            "activityDisplayName": self.name,
            "activityDateTime": graph_time(at),
            "loggedByService": self.service,
            "operationType": self.operation,
            "initiatedBy": initiated_by,
            "targetResources": self.targets,
            "additionalDetails": [],
        })
    }
}

/// A target of an activity: `modified` lists a property with its old and its new value.
pub(super) fn target(
    row: &Value,
    kind: &str,
    modified: &[(&str, Option<Value>, Option<Value>)],
) -> Value {
    let modified: Vec<Value> = modified
        .iter()
        .map(|(name, old, new)| {
            json!({
                "displayName": name,
                "oldValue": old.as_ref().map(Value::to_string),
                "newValue": new.as_ref().map(Value::to_string),
            })
        })
        .collect();
    json!({
        "id": text(row, "id"),
        "displayName": row.get("displayName"),
        "type": kind,
        "userPrincipalName": row.get("userPrincipalName"),
        "groupType": null,
        "modifiedProperties": modified,
    })
}

/// The target of a change of a row: one modified property for each key that differs.
pub(super) fn changed(row: &Value, kind: &str, old: Option<&Value>, new: Option<&Value>) -> Value {
    let mut modified = Vec::new();
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) {
        for (key, value) in after {
            if before.get(key) != Some(value) {
                // Graph writes a directory property as a list of one.
                modified.push((
                    key.as_str(),
                    before.get(key).map(|old| json!([old])),
                    Some(json!([value])),
                ));
            }
        }
    }
    target(row, kind, &modified)
}

/// `GET /auditLogs/directoryAudits`.
pub(super) fn list(session: &Session<'_>, request: &Request) -> Result<Reply, Failure> {
    let collection = Collection {
        context: "auditLogs/directoryAudits",
        resource: "DirectoryAudit",
        filterable: &[
            "id",
            "activityDisplayName",
            "activityDateTime",
            "category",
            "correlationId",
            "loggedByService",
            "operationType",
            "result",
            "targetResources",
            "initiatedBy",
        ],
        page_size: 1000,
        advanced: false,
        shown: &[],
    };
    page(request, session.tenant.audits(), &collection, whole)
}

/// `GET /auditLogs/directoryAudits/{id}`.
pub(super) fn get(session: &Session<'_>, request: &Request, id: &str) -> Result<Reply, Failure> {
    session
        .tenant
        .audits()
        .find(|entry| text(entry, "id").eq_ignore_ascii_case(id))
        .map(|entry| {
            single(
                request,
                "auditLogs/directoryAudits",
                Value::clone(&entry),
                &[],
            )
        })
        .ok_or_else(|| Failure::no_such_resource(id))
}
