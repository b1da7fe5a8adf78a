//! The directory: users, groups and service principals, looked up and written.

use serde_json::{Value, json};

use super::audit::{Activity, changed, target};
use super::clock::{graph_time, tick};
use super::errors::Failure;
use super::members;
use super::owner::{Answer, Session};
use super::population;
use super::query::{Collection, count, page, single};
use super::request::{Reply, Request};
use super::routes::{Handled, created, read};
use super::rules::is_guid;
use super::signins;
use super::tenant::{Change, Row, Table, text};

/// The properties of a user that Graph shows unless others are selected.
const USER: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// The collection of a directory table.
pub(super) fn collection(table: Table) -> Collection<'static> {
    let (context, resource, filterable, shown): (_, _, &[&str], &[&str]) = match table {
        Table::Users => (
            "users",
            "User",
            &[
                "id",
                "userPrincipalName",
                "displayName",
                "mail",
                "mailNickname",
                "accountEnabled",
                "userType",
                "department",
                "jobTitle",
                "givenName",
                "surname",
                "createdDateTime",
                "onPremisesSyncEnabled",
            ],
            &USER,
        ),
        Table::Groups => (
            "groups",
            "Group",
            &[
                "id",
                "displayName",
                "mailNickname",
                "mail",
                "mailEnabled",
                "securityEnabled",
                "groupTypes",
                "createdDateTime",
                "isAssignableToRole",
            ],
            &[],
        ),
        Table::ServicePrincipals => (
            "servicePrincipals",
            "ServicePrincipal",
            &[
                "id",
                "appId",
                "displayName",
                "servicePrincipalType",
                "accountEnabled",
                "tags",
                "servicePrincipalNames",
                "appOwnerOrganizationId",
            ],
            &[],
        ),
        Table::RoleAssignments => (
            "roleManagement/directory/roleAssignments",
            "RoleAssignment",
            &["id", "principalId", "roleDefinitionId", "directoryScopeId"],
            &[],
        ),
        _ => (
            "roleManagement/directory/roleDefinitions",
            "RoleDefinition",
            &["id", "displayName", "templateId", "isBuiltIn", "isEnabled"],
            &[],
        ),
    };
    Collection {
        context,
        resource,
        filterable,
        page_size: 100,
        advanced: matches!(
            table,
            Table::Users | Table::Groups | Table::ServicePrincipals
        ),
        shown,
    }
}

/// Answers a path of the directory; `None` when there is no such path.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    segments: &[&str],
) -> Option<Handled> {
    Some(match segments {
        ["users", rest @ ..] => match rest {
            [id, way @ ("memberof" | "transitivememberof")] => {
                read(request, || members::memberships(session, request, id, way))
            }
            [] | [_] => objects(session, request, Table::Users, rest),
            _ => return None,
        },
        ["groups", rest @ ..] if rest.len() <= 1 => objects(session, request, Table::Groups, rest),
        ["serviceprincipals", rest @ ..] if rest.len() <= 1 => {
            objects(session, request, Table::ServicePrincipals, rest)
        }
        [keyed] if keyed.starts_with("serviceprincipals(") => {
            let app_id = keyed
                .strip_prefix("serviceprincipals(appid='")
                .and_then(|rest| rest.strip_suffix("')"))?;
            read(request, || by_app_id(session, request, app_id))
        }
        ["directoryobjects", "getbyids"] | ["directoryobjects", "microsoft.graph.getbyids"] => {
            by_ids(session, request)
        }
        ["directoryobjects", id] => read(request, || {
            let object = session
                .tenant
                .object(id)
                .ok_or_else(|| Failure::no_such_resource(id))?;
            Ok(single(
                request,
                "directoryObjects",
                members::typed(request, &object),
                &[],
            ))
        }),
        _ => return None,
    })
}

/// Finds a user by id or principal name, or another object by id.
pub(super) fn find(session: &Session<'_>, table: Table, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(table, id)
        .or_else(|| {
            (table == Table::Users)
                .then(|| session.tenant.user_named(id))
                .flatten()
        })
        .ok_or_else(|| Failure::no_such_resource(id))
}

fn objects(session: &Session<'_>, request: &Request, table: Table, rest: &[&str]) -> Handled {
    let collection = collection(table);
    let rows = || session.tenant.rows(table);
    match (request.method.as_str(), rest) {
        ("GET", []) => page(request, rows(), &collection, |row| {
            seen(session, request, table, row)
        })
        .map(Answer::Read),
        ("GET", ["$count"]) => count(request, rows(), &collection).map(Answer::Read),
        ("GET", [id]) => {
            let row = seen(session, request, table, &find(session, table, id)?);
            Ok(Answer::Read(single(
                request,
                collection.context,
                row,
                collection.shown,
            )))
        }
        ("POST", []) => create(session, request, table),
        ("PATCH", [id]) => update(session, request, table, id),
        ("DELETE", [id]) => delete(session, table, id),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// A row with what is computed only for those who select it.
fn seen(session: &Session<'_>, request: &Request, table: Table, row: &Row) -> Value {
    let mut shown = Value::clone(row);
    let is_wanted = table == Table::Users
        && session.caller.may("AuditLog.Read.All")
        && request
            .option("select")
            .is_some_and(|select| select.contains("signInActivity"));
    if is_wanted {
        shown["signInActivity"] = signins::activity(session.tenant, text(row, "id"));
    }
    shown
}

fn by_app_id(session: &Session<'_>, request: &Request, app_id: &str) -> Result<Reply, Failure> {
    let row = session
        .tenant
        .rows(Table::ServicePrincipals)
        .find(|row| text(row, "appId").eq_ignore_ascii_case(app_id))
        .ok_or_else(|| Failure::no_such_resource(app_id))?;
    Ok(single(
        request,
        "servicePrincipals",
        Value::clone(&row),
        &[],
    ))
}

fn by_ids(session: &Session<'_>, request: &Request) -> Handled {
    if request.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    let body = request.object()?;
    let ids = body["ids"]
        .as_array()
        .filter(|ids| ids.len() <= 1000 && ids.iter().all(Value::is_string));
    // synthetic: the sentence for too many ids, or none.
    let Some(ids) = ids else {
        return Err(Failure::bad_directory_request(
            "Invalid value specified for property 'ids'; up to 1000 are allowed.",
        ));
    };
    let types: Vec<String> = super::rules::texts(&body["types"])
        .into_iter()
        .map(str::to_ascii_lowercase)
        .collect();
    let wanted = |table: Table| {
        types.is_empty()
            || types.iter().any(|name| {
                name == "directoryobject" || members::type_name(table).eq_ignore_ascii_case(name)
            })
    };
    // Unknown ids are silently missing from the reply (2.9).
    let found: Vec<Value> = ids
        .iter()
        .filter_map(|id| session.tenant.object(id.as_str()?))
        .filter(|object| wanted(object.table))
        .map(|object| members::typed(request, &object))
        .collect();
    Ok(Answer::Read(Reply::ok(json!({
        "@odata.context": format!("{}/$metadata#directoryObjects", request.root()),
        "value": found,
    }))))
}

fn names(table: Table) -> (&'static str, [&'static str; 3], &'static str) {
    match table {
        Table::Users => (
            "User",
            ["Add user", "Update user", "Delete user"],
            "UserManagement",
        ),
        Table::Groups => (
            "Group",
            ["Add group", "Update group", "Delete group"],
            "GroupManagement",
        ),
        _ => (
            "ServicePrincipal",
            [
                "Add service principal",
                "Update service principal",
                "Remove service principal",
            ],
            "ApplicationManagement",
        ),
    }
}

/// The property that no two objects of a table share; names of groups may be shared.
fn unique(table: Table) -> &'static str {
    match table {
        Table::Users => "userPrincipalName",
        Table::Groups => "id",
        _ => "appId",
    }
}

fn refuse_taken(
    session: &Session<'_>,
    table: Table,
    name: &str,
    own_id: Option<&str>,
) -> Result<(), Failure> {
    let key = unique(table);
    let is_other = |row: &Row| Some(text(row, "id")) != own_id;
    let taken = match table {
        Table::Users => session
            .tenant
            .user_named(name)
            .is_some_and(|row| is_other(&row)),
        _ => session
            .tenant
            .rows(table)
            .any(|row| text(&row, key).eq_ignore_ascii_case(name) && is_other(&row)),
    };
    if taken {
        // synthetic: the sentence for a name that is taken.
        return Err(Failure::bad_directory_request(format!(
            "Another object with the same value for property {key} already exists."
        )));
    }
    Ok(())
}

fn create(session: &Session<'_>, request: &Request, table: Table) -> Handled {
    let body = request.object()?;
    let required: &[&str] = match table {
        Table::Users => &[
            "displayName",
            "userPrincipalName",
            "mailNickname",
            "accountEnabled",
        ],
        Table::Groups => &[
            "displayName",
            "mailNickname",
            "mailEnabled",
            "securityEnabled",
        ],
        _ => &["appId"],
    };
    for key in required {
        if body[*key].is_null() || body[*key] == "" {
            // synthetic: the sentence for a property that is missing.
            return Err(Failure::bad_directory_request(format!(
                "A value is required for property '{key}' of resource '{}'.",
                names(table).0
            )));
        }
    }
    refuse_taken(session, table, text(&body, unique(table)), None)?;
    if table == Table::ServicePrincipals && !is_guid(text(&body, "appId")) {
        // synthetic: the sentence for an appId that is no GUID.
        return Err(Failure::bad_directory_request(
            "Invalid value specified for property 'appId' of resource 'ServicePrincipal'.",
        ));
    }
    let mut row = population::blank(
        session.tenant.identity(),
        table,
        text(&body, "displayName"),
        text(&body, "appId"),
    );
    fill(&mut row, &body, table)?;
    row["id"] = json!(session.tenant.next_id());
    row["createdDateTime"] = json!(graph_time(tick(session.tenant.now())));
    let (kind, [added, ..], category) = names(table);
    let id = text(&row, "id").to_owned();
    let mut changes = vec![Change::Put {
        table,
        row: row.clone(),
    }];
    for reference in super::rules::texts(&body["members@odata.bind"]) {
        let member = members::referred(session, reference)?;
        changes.push(Change::Join {
            group: id.clone(),
            member: text(&member, "id").to_owned(),
        });
    }
    let activity = Activity::directory(added, category, "Add", vec![target(&row, kind, &[])]);
    let reply = created(request, collection(table).context, row);
    Ok(Answer::write(changes, activity, reply))
}

fn update(session: &Session<'_>, request: &Request, table: Table, id: &str) -> Handled {
    let old = find(session, table, id)?;
    let body = request.object()?;
    let mut row = Value::clone(&old);
    fill(&mut row, &body, table)?;
    let name = text(&row, unique(table));
    refuse_taken(session, table, name, Some(text(&old, "id")))?;
    let (kind, [_, updated, _], category) = names(table);
    let activity = Activity::directory(
        updated,
        category,
        "Update",
        vec![changed(&row, kind, Some(&old), Some(&row))],
    );
    Ok(Answer::write(
        vec![Change::Put { table, row }],
        activity,
        Reply::no_content(),
    ))
}

fn delete(session: &Session<'_>, table: Table, id: &str) -> Handled {
    let row = find(session, table, id)?;
    let (kind, [_, _, deleted], category) = names(table);
    let activity = Activity::directory(deleted, category, "Delete", vec![target(&row, kind, &[])]);
    let change = Change::Remove {
        table,
        id: text(&row, "id").to_owned(),
    };
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

/// Takes over what the body says of properties that the row has, each of the type it has.
fn fill(row: &mut Value, body: &Value, table: Table) -> Result<(), Failure> {
    for (key, value) in body.as_object().into_iter().flatten() {
        if key.contains("@odata") || key == "passwordProfile" {
            continue;
        }
        let fits = key != "id"
            && key != "createdDateTime"
            && row.get(key).is_some_and(|old| match (old, value) {
                // What is not text cannot be taken away, and neither can a name.
                (Value::String(_), Value::Null) => {
                    !["displayName", "userPrincipalName", "mailNickname", "appId"]
                        .contains(&key.as_str())
                }
                (Value::Null, value) => !value.is_object(),
                (old, value) => std::mem::discriminant(old) == std::mem::discriminant(value),
            });
        if !fits {
            // synthetic: the sentence for a property that does not exist or has another type.
            return Err(Failure::bad_directory_request(format!(
                "Invalid property or value '{key}' of resource '{}'.",
                names(table).0
            )));
        }
        row[key] = value.clone();
    }
    Ok(())
}
