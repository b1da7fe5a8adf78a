//! The organisation: its roles and who holds them, its licences and domains, its security defaults.

use serde_json::{Value, json};

use super::audit::{Activity, changed};
use super::directory::collection;
use super::errors::Failure;
use super::licences;
use super::members;
use super::owner::{Answer, Session};
use super::population;
use super::query::{Collection, page, single, whole};
use super::request::{Reply, Request};
use super::routes::{Handled, read};
use super::tenant::{Change, Row, Table, text};

/// Answers a path of the organisation; `None` when there is no such path.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    segments: &[&str],
) -> Option<Handled> {
    Some(match segments {
        ["directoryroles"] => read(request, || {
            let roles = activated_roles(session);
            let collection = Collection {
                context: "directoryRoles",
                resource: "DirectoryRole",
                filterable: &["id", "displayName", "roleTemplateId"],
                ..collection(Table::RoleDefinitions)
            };
            page(request, roles.into_iter(), &collection, whole)
        }),
        ["directoryroles", id, "members"] => read(request, || {
            let roles = activated_roles(session);
            let role = roles
                .iter()
                .find(|role| text(role, "id") == *id)
                .ok_or_else(|| Failure::no_such_resource(id))?;
            let holders = session
                .tenant
                .rows(Table::RoleAssignments)
                .filter(|row| row["roleDefinitionId"] == role["roleTemplateId"])
                .filter_map(|row| session.tenant.object(text(&row, "principalId")));
            members::mixed(request, holders)
        }),
        ["rolemanagement", "directory", "roledefinitions", rest @ ..] if rest.len() <= 1 => {
            read(request, || {
                plain(session, request, Table::RoleDefinitions, rest)
            })
        }
        ["rolemanagement", "directory", "roleassignments", rest @ ..] if rest.len() <= 1 => {
            read(request, || {
                plain(session, request, Table::RoleAssignments, rest)
            })
        }
        ["subscribedskus"] => read(request, || {
            literal(request, "subscribedSkus", licences::skus(session.tenant))
        }),
        ["organization"] => read(request, || {
            literal(
                request,
                "organization",
                vec![licences::organization(session.tenant)],
            )
        }),
        ["organization", id] if id.eq_ignore_ascii_case(&session.tenant.identity().id) => {
            read(request, || {
                Ok(single(
                    request,
                    "organization",
                    licences::organization(session.tenant),
                    &[],
                ))
            })
        }
        ["domains"] => read(request, || {
            literal(
                request,
                "domains",
                vec![population::domain(session.tenant.identity())],
            )
        }),
        ["policies", "identitysecuritydefaultsenforcementpolicy"] => {
            security_defaults(session, request)
        }
        _ => return None,
    })
}

fn literal(request: &Request, context: &str, rows: Vec<Value>) -> Result<Reply, Failure> {
    let collection = Collection {
        context,
        filterable: &[],
        ..collection(Table::RoleDefinitions)
    };
    let rows = rows.into_iter().map(Row::new);
    page(request, rows, &collection, whole)
}

fn plain(
    session: &Session<'_>,
    request: &Request,
    table: Table,
    rest: &[&str],
) -> Result<Reply, Failure> {
    let collection = collection(table);
    match rest {
        [id] => {
            let row = session
                .tenant
                .row(table, id)
                .ok_or_else(|| Failure::no_such_resource(id))?;
            Ok(single(
                request,
                collection.context,
                Value::clone(&row),
                collection.shown,
            ))
        }
        _ => page(request, session.tenant.rows(table), &collection, whole),
    }
}

/// The roles somebody holds: their ids are the tenant's own, and not what a policy wants.
fn activated_roles(session: &Session<'_>) -> Vec<Row> {
    session
        .tenant
        .rows(Table::RoleDefinitions)
        .filter(|role| {
            session
                .tenant
                .rows(Table::RoleAssignments)
                .any(|row| row["roleDefinitionId"] == role["id"])
        })
        .map(|role| {
            Row::new(json!({
                "id": session.tenant.id_of(&format!("directory role {}", text(&role, "id"))),
                "deletedDateTime": null,
                "description": role["description"],
                "displayName": role["displayName"],
                "roleTemplateId": role["templateId"],
            }))
        })
        .collect()
}

/// `GET` and `PATCH /policies/identitySecurityDefaultsEnforcementPolicy`.
fn security_defaults(session: &Session<'_>, request: &Request) -> Handled {
    let row = session
        .tenant
        .rows(Table::SecurityDefaults)
        .next()
        .ok_or_else(|| Failure::no_such_resource("securityDefaults"))?;
    if request.method != "PATCH" {
        return read(request, || {
            Ok(single(
                request,
                "policies/identitySecurityDefaultsEnforcementPolicy",
                Value::clone(&row),
                &[],
            ))
        });
    }
    let body = request.object()?;
    let Some(is_enabled) = body["isEnabled"].as_bool() else {
        // synthetic: the answer to a body without `isEnabled`.
        return Err(Failure::bad_request(
            "Invalid value specified for property 'isEnabled'.",
        ));
    };
    let mut new = Value::clone(&row);
    new["isEnabled"] = json!(is_enabled);
    // synthetic: the name of this activity.
    let activity = Activity::directory(
        "Update security defaults",
        "Policy",
        "Update",
        vec![changed(&new, "Policy", Some(&row), Some(&new))],
    );
    let change = Change::Put {
        table: Table::SecurityDefaults,
        row: new,
    };
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}
