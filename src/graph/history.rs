//! The directory audit: who changed a policy or a group, and when (contract section 2.8).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::concurrent::join_all;
use super::error::shape;
use super::lookup::encode;
use super::read::is_meant;
use super::service::Service;
use crate::model::{Id, LivePolicy, State};
use crate::tenant::{AuditEvent, Handle, Lookups, Snapshot, TenantError, TenantErrorKind};

/// The objects whose audit is needed: the policies meant that are report-only, the groups they exclude,
/// and every pinned id that is no longer there, because somebody must have deleted it.
pub(super) fn audited(snapshot: &Snapshot, lookups: &Lookups) -> BTreeSet<Id> {
    let mut audited = BTreeSet::new();
    for policy in &snapshot.policies {
        // Only what may be about to be turned on is weighed by its history, and the audit is the scarcest
        // of all that is read (contract section 3.8).
        if policy.state == State::ReportOnly && is_meant(policy, &lookups.history) {
            audited.insert(policy.id.clone());
            let excluded = &policy.policy.conditions.users.exclude;
            audited.extend(excluded.groups.iter().cloned());
        }
    }
    for handle in lookups.history.iter().chain(&lookups.managed) {
        if let Handle::Id(id) = handle
            && snapshot.policy(id).is_none()
        {
            audited.insert(id.clone());
        }
    }
    audited.retain(|id| Id::looks_like_guid(id.as_str()));
    audited
}

/// Reads the audit of each object, newest first, and whether nothing failed.
///
/// An identity that may not see the audit is no failure: the objects are left out.
pub(super) async fn read(
    service: &Service,
    audited: &BTreeSet<Id>,
) -> (BTreeMap<Id, Vec<AuditEvent>>, bool) {
    let calls = audited.iter().map(async |id| (id, of(service, id).await));
    let mut history = BTreeMap::new();
    let mut complete = true;
    for (id, events) in join_all(calls.collect()).await {
        match events {
            Ok(events) => {
                history.insert(id.clone(), events);
            }
            Err(error)
                if matches!(
                    error.kind,
                    TenantErrorKind::Forbidden | TenantErrorKind::NotFound
                ) => {}
            Err(error) => {
                complete = false;
                service
                    .callbacks
                    .progress(&format!("the directory audit could not be read: {error}"));
            }
        }
    }
    (history, complete)
}

/// The audit of every policy there is or was, in one collection, and that of each of these groups.
pub(super) async fn of_policies_and(
    service: &Service,
    groups: &BTreeSet<Id>,
) -> Result<BTreeMap<Id, Vec<AuditEvent>>, TenantError> {
    let mut history = BTreeMap::<Id, Vec<AuditEvent>>::new();
    for entry in entries(service, "loggedByService eq 'Conditional Access'").await? {
        for id in targets(&entry) {
            let event = event(&id, &entry).ok_or_else(without_its_time)?;
            history.entry(id).or_default().push(event);
        }
    }
    let calls = groups.iter().map(async |id| (id, of(service, id).await));
    for (id, events) in join_all(calls.collect()).await {
        history.insert(id.clone(), events?);
    }
    for events in history.values_mut() {
        newest_first(events);
    }
    Ok(history)
}

async fn of(service: &Service, id: &Id) -> Result<Vec<AuditEvent>, TenantError> {
    let entries = entries(service, &format!("targetResources/any(t: t/id eq '{id}')")).await?;
    let events: Option<Vec<AuditEvent>> = entries.iter().map(|entry| event(id, entry)).collect();
    let mut events = events.ok_or_else(without_its_time)?;
    newest_first(&mut events);
    Ok(events)
}

async fn entries(service: &Service, filter: &str) -> Result<Vec<Value>, TenantError> {
    let filter = encode(filter);
    let path = format!(
        "/v1.0/auditLogs/directoryAudits?$filter={filter}&$orderby=activityDateTime%20desc"
    );
    Ok(service.collection(&path).await.complete()?.entries)
}

fn without_its_time() -> TenantError {
    shape("an audit entry without its time")
}

fn newest_first(events: &mut [AuditEvent]) {
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
}

/// The objects that an entry is about.
fn targets(entry: &Value) -> BTreeSet<Id> {
    entry
        .get("targetResources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|target| target.get("id")?.as_str())
        .filter(|id| Id::looks_like_guid(id))
        .map(Id::new)
        .collect()
}

fn event(id: &Id, entry: &Value) -> Option<AuditEvent> {
    let at: Timestamp = entry.get("activityDateTime")?.as_str()?.parse().ok()?;
    let activity = entry.get("activityDisplayName").and_then(Value::as_str);
    let by = entry.get("initiatedBy");
    let person = by.and_then(|by| by.pointer("/user/id")?.as_str());
    let by = [
        "/user/userPrincipalName",
        "/user/displayName",
        "/app/displayName",
        "/user/id",
        "/app/appId",
    ]
    .iter()
    .find_map(|path| by?.pointer(path)?.as_str().filter(|text| !text.is_empty()));
    let changed: Vec<&Value> = entry
        .get("targetResources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|target| {
            let target = target.get("id").and_then(Value::as_str);
            target.is_some_and(|target| Id::new(target) == *id)
        })
        .filter_map(|target| target.get("modifiedProperties")?.as_array())
        .flatten()
        .collect();
    let state = |side: &str| {
        changed.iter().find_map(|property| {
            let value = property.get(side)?.as_str()?;
            let name = property.get("displayName").and_then(Value::as_str);
            let is_state = name.is_some_and(|name| name.eq_ignore_ascii_case("state"));
            state_in(value, is_state, 0)
        })
    };
    let policy = |side: &str| {
        changed.iter().find_map(|property| {
            let policy = object_in(property.get(side)?.as_str()?, 0)?;
            LivePolicy::try_from(policy).ok()
        })
    };
    Some(AuditEvent {
        at,
        activity: activity.unwrap_or_default().to_owned(),
        by: by.map(str::to_owned),
        person: person.map(Id::new),
        before: policy("oldValue"),
        after: policy("newValue"),
        state_before: state("oldValue"),
        state_after: state("newValue"),
    })
}

/// The state that a value of the audit names, by itself or inside a policy.
fn state_in(text: &str, is_state: bool, depth: u8) -> Option<State> {
    if is_state && let Some(state) = State::from_wire(text.trim_matches('"')) {
        return Some(state);
    }
    match first_in(text)? {
        Value::Object(policy) => State::from_wire(policy.get("state")?.as_str()?),
        Value::String(inner) if depth < 2 => state_in(&inner, is_state, depth + 1),
        _ => None,
    }
}

/// The object in a value of the audit.
fn object_in(text: &str, depth: u8) -> Option<Value> {
    match first_in(text)? {
        object @ Value::Object(_) => Some(object),
        Value::String(inner) if depth < 2 => object_in(&inner, depth + 1),
        _ => None,
    }
}

/// What the audit keeps as text: an object, a list of them, or text again.
fn first_in(text: &str) -> Option<Value> {
    match serde_json::from_str(text).ok()? {
        Value::Array(list) => list.into_iter().next(),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_are_found_in_json_inside_text() {
        let id = Id::new("6f1c0f0e-0000-4000-8000-000000000001");
        let old = json!({"id": "x", "state": "enabledForReportingButNotEnforced"}).to_string();
        let new = json!([json!({"state": "enabled"}).to_string()]).to_string();
        let entry = json!({
            "activityDateTime": "2026-11-02T08:00:00.1234567Z",
            "activityDisplayName": "Update conditional access policy",
            "initiatedBy": {"user": {"userPrincipalName": "ada@x.example"}, "app": null},
            "targetResources": [
                {"id": "another", "modifiedProperties": [{"displayName": "state", "newValue": "\"disabled\""}]},
                {"id": id.as_str().to_uppercase(), "modifiedProperties": [
                    {"displayName": "ConditionalAccessPolicy", "oldValue": old, "newValue": new}
                ]},
            ],
        });
        let event = event(&id, &entry).expect("an event");
        assert_eq!(event.by.as_deref(), Some("ada@x.example"));
        assert_eq!(event.state_before, Some(State::ReportOnly));
        assert_eq!(event.state_after, Some(State::On));
        assert_eq!(state_in("\"disabled\"", true, 0), Some(State::Off));
        assert_eq!(state_in("\"disabled\"", false, 0), None);
    }
}
