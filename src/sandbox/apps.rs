//! App registrations: which client may sign in with which secret, and what it was granted.
//!
//! A client that is not registered gets every permission with any secret, so that nobody has to register
//! anything to try the sandbox. One that is gets exactly what it was granted.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::errors::Failure;
use super::identity::Identity;
use super::owner::Session;
use super::permissions;
use super::population;
use super::query::{Collection, page, whole};
use super::request::{Reply, Request};
use super::rules::{is_guid, texts};
use super::tenant::{Change, Row, Table, Tenant, text};

/// The application that the permissions belong to.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// The registration of a client, when there is one.
pub(super) fn registered(tenant: &Tenant, client: &str) -> Option<Row> {
    tenant.row(Table::Apps, client)
}

/// Whether a registration names the secret to sign in with.
pub(super) fn has_secret(app: &Value) -> bool {
    !app["secretHash"].is_null()
}

/// Whether a secret is the one of a registration; any is, of one that was registered without.
pub(super) fn opens(app: &Value, secret: &str) -> bool {
    !has_secret(app) || app["secretHash"] == hash(secret)
}

/// What a client was granted: as an application, or on behalf of a user.
pub(super) fn granted(tenant: &Tenant, client: &str, delegated: bool) -> Vec<String> {
    let key = if delegated {
        "delegated"
    } else {
        "permissions"
    };
    match registered(tenant, client) {
        Some(app) => texts(&app[key]).into_iter().map(str::to_owned).collect(),
        None => permissions::all().into_iter().map(str::to_owned).collect(),
    }
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What registers an app, or a sentence that says why it cannot be.
pub(super) fn registration(tenant: &Tenant, said: &Value) -> Result<Vec<Change>, String> {
    for key in said.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !["client_id", "secret", "name", "permissions", "delegated"].contains(&key.as_str()) {
            return Err(format!("an app has no `{key}`"));
        }
    }
    let client = text(said, "client_id").to_ascii_lowercase();
    if !is_guid(&client) {
        return Err("`client_id` is a GUID".to_owned());
    }
    for key in ["permissions", "delegated"] {
        let list = &said[key];
        let names = texts(list);
        if !list.is_null() && list.as_array().map(Vec::len) != Some(names.len()) {
            return Err(format!("`{key}` is a list of names of permissions"));
        }
        if let Some(unknown) = names.iter().find(|name| !permissions::all().contains(name)) {
            return Err(format!(
                "no operation of the sandbox needs `{unknown}`; it knows {}",
                permissions::all().join(", ")
            ));
        }
    }
    let principal = tenant
        .rows(Table::ServicePrincipals)
        .find(|row| text(row, "appId").eq_ignore_ascii_case(&client));
    let name = match (text(said, "name"), &principal) {
        ("", Some(row)) => text(row, "displayName").to_owned(),
        ("", None) => client.clone(),
        (name, _) => name.to_owned(),
    };
    let principal = principal.map_or_else(
        || {
            let mut row =
                population::blank(tenant.identity(), Table::ServicePrincipals, &name, &client);
            row["id"] = json!(tenant.id_of(&format!("service principal {client}")));
            row
        },
        |row| {
            let mut row = Value::clone(&row);
            row["displayName"] = json!(name);
            row
        },
    );
    let mut changes: Vec<Change> = tenant
        .rows(Table::AppRoleAssignments)
        .filter(|row| row["principalId"] == principal["id"])
        .map(|row| Change::Remove {
            table: Table::AppRoleAssignments,
            id: text(&row, "id").to_owned(),
        })
        .collect();
    changes.push(Change::Put {
        table: Table::Apps,
        row: json!({
            "id": client,
            "secretHash": said["secret"].as_str().map(hash),
            "permissions": texts(&said["permissions"]),
            "delegated": texts(&said["delegated"]),
        }),
    });
    let graph = tenant
        .rows(Table::ServicePrincipals)
        .find(|row| text(row, "appId") == GRAPH);
    if let Some(graph) = graph {
        for permission in texts(&said["permissions"]) {
            let id = tenant.id_of(&format!("assignment of {permission} to {client}"));
            changes.push(Change::Put {
                table: Table::AppRoleAssignments,
                row: json!({
                    "id": id,
                    "appRoleId": role_id(permission),
                    "createdDateTime": super::clock::graph_time(tenant.now()),
                    "deletedDateTime": null,
                    "principalDisplayName": name,
                    "principalId": principal["id"],
                    "principalType": "ServicePrincipal",
                    "resourceDisplayName": graph["displayName"],
                    "resourceId": graph["id"],
                }),
            });
        }
        let mut row = Value::clone(&graph);
        row["appRoles"] = permissions::all()
            .into_iter()
            .map(|permission| {
                json!({
                    "id": role_id(permission), "value": permission, "displayName": permission,
                    "description": permission, "isEnabled": true,
                    "allowedMemberTypes": ["Application"],
                })
            })
            .collect();
        changes.push(Change::Put {
            table: Table::ServicePrincipals,
            row,
        });
    }
    changes.push(Change::Put {
        table: Table::ServicePrincipals,
        row: principal,
    });
    Ok(changes)
}

/// The id of a permission as an app role, the same in every tenant.
fn role_id(permission: &str) -> String {
    // synthetic: Graph's own ids of its app roles are in no source; the names are what counts.
    Identity::of(1).id_of(&format!("app role {permission}"))
}

/// `GET /servicePrincipals/{id}/appRoleAssignments`.
pub(super) fn assignments(
    session: &Session<'_>,
    request: &Request,
    principal: &str,
) -> Result<Reply, Failure> {
    let principal = super::directory::find(session, Table::ServicePrincipals, principal)?;
    let context = format!(
        "servicePrincipals('{}')/appRoleAssignments",
        text(&principal, "id")
    );
    let collection = Collection {
        context: &context,
        resource: "AppRoleAssignment",
        filterable: &["resourceId", "appRoleId"],
        page_size: 100,
        advanced: false,
        shown: &[],
    };
    let rows = session
        .tenant
        .rows(Table::AppRoleAssignments)
        .filter(|row| row["principalId"] == principal["id"]);
    page(request, rows, &collection, whole)
}
