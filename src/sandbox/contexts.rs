//! Authentication contexts: the names `c1` to `c99` that apps ask for and policies are on.

use serde_json::{Value, json};

use super::audit::{Activity, target};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page, single, whole};
use super::request::{Reply, Request};
use super::routes::{Handled, created};
use super::rules::texts;
use super::tenant::{Change, Row, Table, text};

const CONTEXT: &str = "identity/conditionalAccess/authenticationContextClassReferences";

/// Whether a text names an authentication context.
pub(super) fn is_context(name: &str) -> bool {
    name.strip_prefix('c')
        .filter(|digits| !digits.starts_with('0'))
        .and_then(|digits| digits.parse::<u8>().ok())
        .is_some_and(|number| (1..=99).contains(&number))
}

/// Answers below the collection of authentication contexts.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    let collection = Collection {
        context: CONTEXT,
        resource: "AuthenticationContextClassReference",
        filterable: &["id", "displayName", "isAvailable"],
        page_size: 100,
        advanced: false,
        shown: &[],
    };
    let rows = || session.tenant.rows(Table::AuthenticationContexts);
    match (request.method.as_str(), rest) {
        ("GET", []) => page(request, rows(), &collection, whole).map(Answer::Read),
        ("GET", ["$count"]) => count(request, rows(), &collection).map(Answer::Read),
        ("GET", [id]) => {
            let row = find(session, id)?;
            Ok(Answer::Read(single(request, CONTEXT, whole(&row), &[])))
        }
        ("POST", []) => {
            let body = request.object()?;
            let id = text(&body, "id").to_owned();
            if session
                .tenant
                .row(Table::AuthenticationContexts, &id)
                .is_some()
            {
                // synthetic: the answer for a context that is there already.
                return Err(Failure::bad_request(format!(
                    "AuthenticationContextClassReference with id {id} already exists."
                )));
            }
            let row = accepted(&id, &body, None)?;
            let reply = created(request, CONTEXT, row.clone());
            Ok(put(None, row, reply))
        }
        // Who patches a context that is not there creates it.
        ("PATCH", [id]) => {
            let old = session.tenant.row(Table::AuthenticationContexts, id);
            let row = accepted(id, &request.object()?, old.as_deref())?;
            Ok(put(old.as_deref(), row, Reply::no_content()))
        }
        ("DELETE", [id]) => delete(session, id),
        (_, [] | [_]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

fn find(session: &Session<'_>, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(Table::AuthenticationContexts, id)
        .ok_or_else(|| {
            // synthetic: the answer for an unknown context.
            Failure::new(
                404,
                "NotFound",
                format!(
                    "AuthenticationContextClassReference with id {id} does not exist in the directory."
                ),
            )
        })
}

/// The context as it is kept, or the refusal of what it is not.
fn accepted(id: &str, body: &Value, old: Option<&Value>) -> Result<Value, Failure> {
    // synthetic: the sentences of this function.
    if !is_context(id) {
        return Err(Failure::bad_request(format!(
            "'{id}' is not the id of an authentication context; they go from c1 to c99."
        )));
    }
    let mut row = old.cloned().unwrap_or_else(
        || json!({"id": id, "displayName": null, "description": null, "isAvailable": false}),
    );
    for (key, value) in body.as_object().into_iter().flatten() {
        let fits = match key.as_str() {
            "displayName" | "description" => value.is_string() || value.is_null(),
            "isAvailable" => value.is_boolean(),
            "id" => value
                .as_str()
                .is_some_and(|own| own.eq_ignore_ascii_case(id)),
            _ => key.contains("@odata"),
        };
        if !fits {
            return Err(Failure::bad_request(format!(
                "'{key}' of an authenticationContextClassReference is not valid."
            )));
        }
        if key != "id" && !key.contains("@odata") {
            row[key] = value.clone();
        }
    }
    Ok(row)
}

fn put(old: Option<&Value>, row: Value, reply: Reply) -> Answer {
    // synthetic: the names of the activities on contexts.
    let (name, operation) = match old {
        Some(_) => ("Update authentication context class reference", "Update"),
        None => ("Add authentication context class reference", "Add"),
    };
    let activity = activity(name, operation, old, Some(&row));
    let change = Change::Put {
        table: Table::AuthenticationContexts,
        row,
    };
    Answer::write(vec![change], activity, reply)
}

fn delete(session: &Session<'_>, id: &str) -> Handled {
    let old = find(session, id)?;
    let id = text(&old, "id");
    let user = session.tenant.rows(Table::Policies).find(|policy| {
        let applications = &policy["conditions"]["applications"];
        texts(&applications["includeAuthenticationContextClassReferences"]).contains(&id)
    });
    if let Some(policy) = user {
        // synthetic: what a policy uses stays; the sentence is not known.
        return Err(Failure::bad_request(format!(
            "The authentication context is used by the Conditional Access policy '{}' and cannot be deleted.",
            text(&policy, "displayName")
        )));
    }
    let change = Change::Remove {
        table: Table::AuthenticationContexts,
        id: id.to_owned(),
    };
    let activity = activity(
        "Delete authentication context class reference",
        "Delete",
        Some(&old),
        None,
    );
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

fn activity(
    name: &'static str,
    operation: &'static str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Activity {
    let row = new.or(old).cloned().unwrap_or_default();
    let modified = [("AuthenticationContext", old.cloned(), new.cloned())];
    Activity::policy(name, operation, target(&row, "Policy", &modified))
}
