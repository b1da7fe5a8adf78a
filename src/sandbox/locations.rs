//! Named locations (2.2 of the contract).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::audit::{Activity, target};
use super::bin::{self, Bin};
use super::clock::{graph_time, tick};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page, single, whole};
use super::request::{Reply, Request};
use super::routes::{Handled, created};
use super::tenant::{Change, Row, Table, text};

const CONTEXT: &str = "identity/conditionalAccess/namedLocations";
const IP: &str = "#microsoft.graph.ipNamedLocation";
const COUNTRY: &str = "#microsoft.graph.countryNamedLocation";

/// How deleted locations are kept.
pub(super) const BIN: Bin = Bin {
    live: Table::NamedLocations,
    deleted: Table::DeletedNamedLocations,
    context: "identity/conditionalAccess/deletedItems/namedLocations",
    restored: CONTEXT,
    collection,
    is_visible: |_, _| true,
    rendered: |_, _, row| row.clone(),
    unknown,
    // synthetic: the names of these activities.
    restore: "Restore named location",
    erase: "Hard delete named location",
    activity,
};

fn collection(context: &str) -> Collection<'_> {
    Collection {
        context,
        resource: "NamedLocation",
        filterable: &[
            "id",
            "displayName",
            "createdDateTime",
            "modifiedDateTime",
            "isTrusted",
            "@odata.type",
        ],
        page_size: 999,
        advanced: false,
        shown: &[],
    }
}

/// Answers below the collection of named locations.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let rows = session.tenant.rows(Table::NamedLocations);
            page(request, rows, &collection(CONTEXT), whole).map(Answer::Read)
        }
        ("GET", ["$count"]) => {
            let rows = session.tenant.rows(Table::NamedLocations);
            count(request, rows, &collection(CONTEXT)).map(Answer::Read)
        }
        ("GET", [id]) => {
            let row = find(session, id)?;
            Ok(Answer::Read(single(
                request,
                CONTEXT,
                Value::clone(&row),
                &[],
            )))
        }
        ("POST", []) => create(session, request),
        ("PATCH", [id]) => update(session, request, id),
        ("DELETE", [id]) => delete(session, id),
        ("POST", [id, "restore"]) => bin::restore(session, request, &BIN, id),
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

fn create(session: &Session<'_>, request: &Request) -> Handled {
    let body = request.object()?;
    let mut row = accepted(body, None)?;
    row["id"] = json!(session.tenant.next_id());
    let stamp = graph_time(tick(session.tenant.now()));
    row["createdDateTime"] = json!(stamp);
    row["modifiedDateTime"] = json!(stamp);
    let activity = activity("Add named location", "Add", &row, None, Some(&row));
    let reply = created(request, CONTEXT, row.clone());
    let change = Change::Put {
        table: Table::NamedLocations,
        row,
    };
    Ok(Answer::write(vec![change], activity, reply))
}

fn update(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    let old = find(session, id)?;
    let mut row = accepted(request.object()?, Some(&old))?;
    for key in ["id", "createdDateTime"] {
        row[key] = old[key].clone();
    }
    row["modifiedDateTime"] = json!(graph_time(tick(session.tenant.now())));
    let activity = activity(
        "Update named location",
        "Update",
        &row,
        Some(&old),
        Some(&row),
    );
    let change = Change::Put {
        table: Table::NamedLocations,
        row,
    };
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

fn delete(session: &Session<'_>, id: &str) -> Handled {
    let old = find(session, id)?;
    if old["isTrusted"] == true {
        // synthetic: that a trusted location cannot be deleted is known (trap 34), the text is not.
        return Err(Failure::bad_request(
            "Named location is trusted and cannot be deleted. Please untrust it first.",
        ));
    }
    let activity = activity("Delete named location", "Delete", &old, Some(&old), None);
    let changes = bin::changes(session, &BIN, &old);
    Ok(Answer::write(changes, activity, Reply::no_content()))
}

fn find(session: &Session<'_>, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(Table::NamedLocations, id)
        .ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Failure {
    // synthetic: the code beside this text is not known.
    Failure::new(
        404,
        "NotFound",
        format!("NamedLocation with id {id} does not exist in the directory."),
    )
}

fn activity(
    name: &'static str,
    operation: &'static str,
    row: &Value,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Activity {
    let modified = [("NamedLocation", old.cloned(), new.cloned())];
    Activity::policy(name, operation, target(row, "Policy", &modified))
}

/// The location as it is stored, or the refusal of what it is not.
fn accepted(body: Value, old: Option<&Value>) -> Result<Value, Failure> {
    // synthetic: the texts of this function; 1007 is known for policies only.
    let wrong = || {
        Failure::bad_request(
            "1007: Incoming NamedLocation object is null or does not match the schema of NamedLocation type.",
        )
    };
    let Value::Object(body) = body else {
        return Err(wrong());
    };
    let kind = match (body.get("@odata.type").and_then(Value::as_str), old) {
        (Some(kind), _) => kind.to_owned(),
        (None, Some(old)) => text(old, "@odata.type").to_owned(),
        (None, None) => return Err(wrong()),
    };
    if old.is_some_and(|old| text(old, "@odata.type") != kind) {
        return Err(wrong());
    }
    let mut row: Map<String, Value> = match kind.as_str() {
        IP => json!({"displayName": null, "isTrusted": false, "ipRanges": null}),
        COUNTRY => json!({
            "displayName": null, "countriesAndRegions": null,
            "countryLookupMethod": "clientIpAddress", "includeUnknownCountriesAndRegions": false,
        }),
        _ => return Err(wrong()),
    }
    .as_object()
    .cloned()
    .unwrap_or_default();
    for (key, value) in &mut row {
        if let Some(given) = body.get(key).or_else(|| old.and_then(|old| old.get(key))) {
            *value = given.clone();
        }
    }
    let known = |key: &String| key == "@odata.type" || row.contains_key(key);
    if !body.keys().all(known) || text_of(&row, "displayName").is_empty() {
        return Err(wrong());
    }
    let fits = if kind == IP {
        let ranges = row["ipRanges"].as_array();
        row["isTrusted"].is_boolean()
            && ranges.is_some_and(|ranges| !ranges.is_empty() && ranges.iter().all(is_range))
    } else {
        let countries = row["countriesAndRegions"].as_array();
        let method = text_of(&row, "countryLookupMethod");
        row["includeUnknownCountriesAndRegions"].is_boolean()
            && ["clientIpAddress", "authenticatorAppGps"].contains(&method)
            && countries
                .is_some_and(|countries| !countries.is_empty() && countries.iter().all(is_country))
    };
    if !fits {
        return Err(wrong());
    }
    row.insert("@odata.type".to_owned(), json!(kind));
    Ok(Value::Object(row))
}

fn text_of<'a>(row: &'a Map<String, Value>, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_country(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// A range in one of its four forms; one client names IPv6 blocks by the IPv4 form, and that is taken.
fn is_range(range: &Value) -> bool {
    match text(range, "@odata.type") {
        "#microsoft.graph.iPv4CidrRange" | "#microsoft.graph.iPv6CidrRange" => {
            let Some((address, length)) = text(range, "cidrAddress").split_once('/') else {
                return false;
            };
            match (address.parse(), length.parse::<u8>()) {
                (Ok(IpAddr::V4(_)), Ok(length)) => length <= 32,
                (Ok(IpAddr::V6(_)), Ok(length)) => length <= 128,
                _ => false,
            }
        }
        "#microsoft.graph.iPv4Range" | "#microsoft.graph.iPv6Range" => {
            let address = |key| text(range, key).parse::<IpAddr>();
            match (address("lowerAddress"), address("upperAddress")) {
                (Ok(lower), Ok(upper)) => lower.is_ipv4() == upper.is_ipv4() && lower <= upper,
                _ => false,
            }
        }
        _ => false,
    }
}
