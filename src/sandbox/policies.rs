//! Conditional Access policies: list, get, create, update, delete, and the way back from the bin.

use serde_json::{Value, json};

use super::audit::{Activity, target};
use super::bin::{self, Bin};
use super::clock::{graph_time, tick};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::profile::Profile;
use super::query::{Collection, page, single};
use super::request::{Reply, Request};
use super::routes::{Handled, created};
use super::rules::{accepted, preview, security_defaults_gate, texts, wrong_schema};
use super::schema::{Misfit, POLICY, Surface, is_preview, merged, misfit, shown, spelled};
use super::tenant::{Change, Row, Table, text};

/// What `$metadata#` says of a policy.
const CONTEXT: &str = "identity/conditionalAccess/policies";
const KIND: &str = "Policy";

fn collection(context: &str) -> Collection<'_> {
    Collection {
        context,
        resource: "ConditionalAccessPolicy",
        filterable: &[
            "id",
            "displayName",
            "state",
            "createdDateTime",
            "modifiedDateTime",
            "templateId",
        ],
        // Real clients read the first page only, so that there is one unless a test wants more.
        page_size: usize::MAX,
        advanced: false,
        shown: &[],
    }
}

/// Answers below the collection of policies.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let rows = visible(session, request, Table::Policies);
            page(request, rows, &collection(CONTEXT), |row| {
                rendered(session, request, row)
            })
            .map(Answer::Read)
        }
        ("GET", ["$count"]) => {
            let rows = visible(session, request, Table::Policies);
            super::query::count(request, rows, &collection(CONTEXT)).map(Answer::Read)
        }
        ("GET", [id]) => {
            let row = find(session, request, Table::Policies, id)?;
            Ok(Answer::Read(single(
                request,
                CONTEXT,
                rendered(session, request, &row),
                &[],
            )))
        }
        ("POST", []) => create(session, request),
        ("PATCH", [id]) => update(session, request, id),
        ("DELETE", [id]) => delete(session, request, id),
        ("POST", [id, "restore"]) => bin::restore(session, request, &BIN, id),
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// How deleted policies are kept.
pub(super) const BIN: Bin = Bin {
    live: Table::Policies,
    deleted: Table::DeletedPolicies,
    context: "identity/conditionalAccess/deletedItems/policies",
    restored: CONTEXT,
    collection,
    is_visible,
    rendered,
    unknown,
    // synthetic: the names of these activities.
    restore: "Restore conditional access policy",
    erase: "Hard delete conditional access policy",
    activity,
};

fn create(session: &Session<'_>, request: &Request) -> Handled {
    let body = incoming(session, request, false)?;
    security_defaults_gate(session.tenant, &body)?;
    let mut row = accepted(session.references, body, None)?;
    row["id"] = json!(session.tenant.next_id());
    row["templateId"] = Value::Null;
    row["createdDateTime"] = json!(stamp(session));
    row["modifiedDateTime"] = Value::Null;
    let activity = activity(
        "Add conditional access policy",
        "Add",
        &row,
        None,
        Some(&row),
    );
    let reply = created(request, CONTEXT, rendered(session, request, &row));
    let change = Change::Put {
        table: Table::Policies,
        row,
    };
    Ok(Answer::write(vec![change], activity, reply))
}

fn update(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    let old = session
        .tenant
        .row(Table::Policies, id)
        .ok_or_else(|| unknown(id))?;
    let body = incoming(session, request, true)?;
    security_defaults_gate(session.tenant, &body)?;
    let policy = merged(&written(&old), &body);
    let mut row = accepted(session.references, policy, Some(&old))?;
    if !request.beta && is_preview(&row, &POLICY) {
        return Err(preview());
    }
    for key in ["id", "templateId", "createdDateTime"] {
        row[key] = old[key].clone();
    }
    row["modifiedDateTime"] = json!(stamp(session));
    let activity = activity(
        "Update conditional access policy",
        "Update",
        &row,
        Some(&old),
        Some(&row),
    );
    let change = Change::Put {
        table: Table::Policies,
        row,
    };
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

fn delete(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    let old = find(session, request, Table::Policies, id)?;
    let activity = activity(
        "Delete conditional access policy",
        "Delete",
        &old,
        Some(&old),
        None,
    );
    let changes = bin::changes(session, &BIN, &old);
    Ok(Answer::write(changes, activity, Reply::no_content()))
}

/// The body of a write, when it has the shape of a policy.
fn incoming(session: &Session<'_>, request: &Request, patching: bool) -> Result<Value, Failure> {
    let surface = surface(session, request);
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| wrong_schema(patching).because(format!("it is not JSON: {error}")))?;
    let mut body = spelled(body, &POLICY);
    match misfit(&body, &POLICY, surface) {
        None => {}
        Some(Misfit::Preview(path)) => {
            return Err(preview().because(format!("`{path}` is a preview feature")));
        }
        Some(Misfit::Wrong(detail)) => return Err(wrong_schema(patching).because(detail)),
    }
    if let Some(object) = body.as_object_mut() {
        object.remove("@odata.type");
        // Documented as not used (1.1).
        object.remove("description");
    }
    Ok(body)
}

/// What the caller can write and see.
fn surface(session: &Session<'_>, request: &Request) -> Surface {
    Surface {
        beta: request.beta,
        cloud: Profile::of(session.tenant).cloud,
    }
}

/// Whether the version that was asked shows a policy: v1.0 leaves those with preview features out
/// (trap 18).
fn is_visible(request: &Request, row: &Value) -> bool {
    request.beta || !is_preview(row, &POLICY)
}

/// The rows of a table that the version that was asked shows.
pub(super) fn visible<'a>(
    session: &Session<'a>,
    request: &'a Request,
    table: Table,
) -> impl Iterator<Item = Row> + Clone + 'a {
    session
        .tenant
        .rows(table)
        .filter(|row| is_visible(request, row))
}

/// The part of a stored policy that can be written.
fn written(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(object) = row.as_object_mut() {
        for key in [
            "id",
            "templateId",
            "createdDateTime",
            "modifiedDateTime",
            "deletedDateTime",
        ] {
            object.remove(key);
        }
    }
    row
}

fn stamp(session: &Session<'_>) -> String {
    graph_time(tick(session.tenant.now()))
}

fn find(session: &Session<'_>, request: &Request, table: Table, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(table, id)
        .filter(|row| is_visible(request, row))
        .ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Failure {
    // synthetic: the code beside this text is not known.
    Failure::new(
        404,
        "NotFound",
        format!("ConditionalAccessPolicy with id {id} does not exist in the directory."),
    )
}

fn activity(
    name: &'static str,
    operation: &'static str,
    row: &Value,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Activity {
    let modified = [("ConditionalAccessPolicy", old.cloned(), new.cloned())];
    Activity::policy(name, operation, target(row, KIND, &modified))
}

/// A policy as the service answers it: everything v1.0 declares, and what it does not declare.
pub(super) fn rendered(session: &Session<'_>, request: &Request, row: &Value) -> Value {
    let mut policy = json!({
        "id": row["id"],
        "templateId": row["templateId"],
        "displayName": row["displayName"],
        "description": null,
        "createdDateTime": row["createdDateTime"],
        "modifiedDateTime": row["modifiedDateTime"],
        "deletedDateTime": row["deletedDateTime"],
        "state": row["state"],
        "partialEnablementStrategy": null,
    });
    let written = shown(&written(row), &POLICY, surface(session, request));
    for key in ["conditions", "grantControls", "sessionControls"] {
        policy[key] = written[key].clone();
    }
    for (path, keys) in [
        ("/conditions", &["clients", "times", "deviceStates"][..]),
        (
            "/conditions/applications",
            &["networkAccess", "globalSecureAccess"][..],
        ),
        (
            "/sessionControls",
            &[
                "continuousAccessEvaluation",
                "networkAccessSecurity",
                "globalSecureAccessFilteringProfile",
            ][..],
        ),
    ] {
        if let Some(Value::Object(object)) = policy.pointer_mut(path) {
            for key in keys {
                object.entry(*key).or_insert(Value::Null);
            }
        }
    }
    let id = text(row, "id");
    let strength = row["grantControls"]["authenticationStrength"]
        .get("id")
        .and_then(Value::as_str);
    if let Some(strength) = strength {
        let context = format!(
            "{}/$metadata#{CONTEXT}('{id}')/grantControls/authenticationStrength/$entity",
            request.root()
        );
        let whole = session.tenant.row(Table::Strengths, strength);
        policy["grantControls"]["authenticationStrength@odata.context"] = json!(context);
        policy["grantControls"]["authenticationStrength"] =
            whole.map_or(Value::Null, |strength| Value::clone(&strength));
    }
    hide_new_members(request, &mut policy);
    policy
}

/// Hides what came after `unknownFutureValue` from who did not ask for it (1.8).
pub(super) fn hide_new_members(request: &Request, policy: &mut Value) {
    if request.knows_new_members() {
        return;
    }
    for (path, member) in [
        ("/conditions/platforms/includePlatforms", "linux"),
        ("/conditions/platforms/excludePlatforms", "linux"),
        ("/grantControls/builtInControls", "riskRemediation"),
    ] {
        if let Some(list) = policy.pointer_mut(path)
            && texts(list).contains(&member)
        {
            let masked: Vec<&str> = texts(list)
                .into_iter()
                .map(|text| {
                    if text == member {
                        "unknownFutureValue"
                    } else {
                        text
                    }
                })
                .collect();
            *list = json!(masked);
        }
    }
}
