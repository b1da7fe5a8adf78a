//! Conditional Access policies: list, get, create, update, delete, and the way back from the bin.

use serde_json::{Value, json};

use super::audit::{Activity, target};
use super::clock::{graph_time, tick, within_retention};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, page, single};
use super::request::{Reply, Request};
use super::routes::{Handled, created, read, require};
use super::rules::{accepted, security_defaults_gate, texts, wrong_schema};
use super::schema::{POLICY, conforms, merged, spelled};
use super::tenant::{Change, Row, Table, text};

/// The documented trio that a write needs (section 4 of the contract).
pub(super) const WRITE: [&str; 3] = [
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
    "Application.Read.All",
];
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
            let rows = session.tenant.rows(Table::Policies);
            page(request, rows, &collection(CONTEXT), |row| {
                rendered(session, request, row)
            })
            .map(Answer::Read)
        }
        ("GET", ["$count"]) => {
            let rows = session.tenant.rows(Table::Policies);
            super::query::count(request, rows, &collection(CONTEXT)).map(Answer::Read)
        }
        ("GET", [id]) => {
            let row = find(session, Table::Policies, id)?;
            Ok(Answer::Read(single(
                request,
                CONTEXT,
                rendered(session, request, &row),
                &[],
            )))
        }
        ("POST", []) => create(session, request),
        ("PATCH", [id]) => update(session, request, id),
        ("DELETE", [id]) => delete(session, id),
        ("POST", [id, "restore"]) => restore(session, request, id),
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// Answers below the recycle bin.
pub(super) fn answer_deleted(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    let context = "identity/conditionalAccess/deletedItems/policies";
    match (request.method.as_str(), rest) {
        ("GET", []) => read(request, || {
            let rows = session
                .tenant
                .rows(Table::DeletedPolicies)
                .filter(|row| is_kept(session, row));
            page(request, rows, &collection(context), |row| {
                rendered(session, request, row)
            })
        }),
        ("GET", [id]) => {
            let row = find(session, Table::DeletedPolicies, id)?;
            Ok(Answer::Read(single(
                request,
                context,
                rendered(session, request, &row),
                &[],
            )))
        }
        ("POST", [id, "restore"]) => restore(session, request, id),
        ("DELETE", [id]) => {
            require(session, &WRITE)?;
            let row = find(session, Table::DeletedPolicies, id)?;
            let change = Change::Remove {
                table: Table::DeletedPolicies,
                id: text(&row, "id").to_owned(),
            };
            // synthetic: the name of this activity.
            let activity = activity(
                "Hard delete conditional access policy",
                "Delete",
                &row,
                Some(&row),
                None,
            );
            Ok(Answer::write(vec![change], activity, Reply::no_content()))
        }
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

fn create(session: &Session<'_>, request: &Request) -> Handled {
    require(session, &WRITE)?;
    let body = incoming(request, false)?;
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
    require(session, &WRITE)?;
    let old = find(session, Table::Policies, id)?;
    let body = incoming(request, true)?;
    security_defaults_gate(session.tenant, &body)?;
    let policy = merged(&written(&old), &body);
    let mut row = accepted(session.references, policy, Some(&old))?;
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

fn delete(session: &Session<'_>, id: &str) -> Handled {
    require(session, &WRITE)?;
    let old = find(session, Table::Policies, id)?;
    let mut row = Value::clone(&old);
    row["deletedDateTime"] = json!(stamp(session));
    let activity = activity(
        "Delete conditional access policy",
        "Delete",
        &old,
        Some(&old),
        None,
    );
    let changes = vec![
        Change::Remove {
            table: Table::Policies,
            id: text(&old, "id").to_owned(),
        },
        Change::Put {
            table: Table::DeletedPolicies,
            row,
        },
    ];
    Ok(Answer::write(changes, activity, Reply::no_content()))
}

/// Brings a policy back in the state it had: one that was on enforces at once.
fn restore(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    require(session, &WRITE)?;
    let mut row = Value::clone(&*find(session, Table::DeletedPolicies, id)?);
    if let Some(object) = row.as_object_mut() {
        object.remove("deletedDateTime");
    }
    // synthetic: the name of this activity.
    let activity = activity(
        "Restore conditional access policy",
        "Update",
        &row,
        None,
        Some(&row),
    );
    let reply = single(request, CONTEXT, rendered(session, request, &row), &[]);
    let changes = vec![
        Change::Remove {
            table: Table::DeletedPolicies,
            id: text(&row, "id").to_owned(),
        },
        Change::Put {
            table: Table::Policies,
            row,
        },
    ];
    Ok(Answer::write(changes, activity, reply))
}

/// The body of a write, when it has the shape of a policy.
fn incoming(request: &Request, patching: bool) -> Result<Value, Failure> {
    let Ok(body) = request.object() else {
        return Err(wrong_schema(patching));
    };
    let mut body = spelled(body, &POLICY);
    if !conforms(&body, &POLICY) {
        return Err(wrong_schema(patching));
    }
    if let Some(object) = body.as_object_mut() {
        object.remove("@odata.type");
        // Documented as not used (1.1).
        object.remove("description");
    }
    Ok(body)
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

fn is_kept(session: &Session<'_>, row: &Value) -> bool {
    text(row, "deletedDateTime")
        .parse()
        .is_ok_and(|then| within_retention(session.tenant.now(), then))
}

fn find(session: &Session<'_>, table: Table, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(table, id)
        .filter(|row| table == Table::Policies || is_kept(session, row))
        .ok_or_else(|| {
            // synthetic: the code beside this text is not known.
            Failure::new(
                404,
                "NotFound",
                format!("ConditionalAccessPolicy with id {id} does not exist in the directory."),
            )
        })
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
    let mut shown = json!({
        "id": row["id"],
        "templateId": row["templateId"],
        "displayName": row["displayName"],
        "description": null,
        "createdDateTime": row["createdDateTime"],
        "modifiedDateTime": row["modifiedDateTime"],
        "deletedDateTime": row["deletedDateTime"],
        "state": row["state"],
        "partialEnablementStrategy": null,
        "conditions": row["conditions"],
        "grantControls": row["grantControls"],
        "sessionControls": row["sessionControls"],
    });
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
        if let Some(Value::Object(object)) = shown.pointer_mut(path) {
            for key in keys {
                object.insert((*key).to_owned(), Value::Null);
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
        shown["grantControls"]["authenticationStrength@odata.context"] = json!(context);
        shown["grantControls"]["authenticationStrength"] =
            whole.map_or(Value::Null, |strength| Value::clone(&strength));
    }
    if !request.knows_new_members() {
        for (path, member) in [
            ("/conditions/platforms/includePlatforms", "linux"),
            ("/conditions/platforms/excludePlatforms", "linux"),
            ("/grantControls/builtInControls", "riskRemediation"),
        ] {
            if let Some(list) = shown.pointer_mut(path)
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
    shown
}
