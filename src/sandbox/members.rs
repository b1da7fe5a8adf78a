//! Membership: who is in a group, directly and through others, and how that changes.

use serde_json::{Value, json};

use super::audit::{Activity, target};
use super::directory::find;
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page};
use super::request::{Reply, Request};
use super::routes::{Handled, read};
use super::rules::texts;
use super::tenant::{Change, Object, Row, Table, text};

/// What a member may be filtered by.
const FILTERABLE: [&str; 7] = [
    "id",
    "displayName",
    "userPrincipalName",
    "accountEnabled",
    "userType",
    "mail",
    "appId",
];

/// The name of a table's type, without its namespace.
pub(super) fn type_name(table: Table) -> &'static str {
    match table {
        Table::Users => "user",
        Table::Groups => "group",
        _ => "servicePrincipal",
    }
}

/// An object as a mixed collection shows it: its type first, then what was selected.
pub(super) fn typed(request: &Request, Object { table, row }: &Object) -> Value {
    let table = *table;
    let mut row = Value::clone(row);
    let shown = super::directory::collection(table).shown;
    if request.option("select").is_none()
        && !shown.is_empty()
        && let Some(object) = row.as_object_mut()
    {
        object.retain(|key, _| shown.contains(&key.as_str()));
    }
    row["@odata.type"] = json!(format!("#microsoft.graph.{}", type_name(table)));
    row
}

/// A page of objects of several types.
pub(super) fn mixed(
    request: &Request,
    found: impl Iterator<Item = Object> + Clone,
) -> Result<Reply, Failure> {
    page(request, found, &directory_objects(), |object| {
        typed(request, object)
    })
}

fn directory_objects() -> Collection<'static> {
    Collection {
        context: "directoryObjects",
        resource: "DirectoryObject",
        filterable: &FILTERABLE,
        page_size: 100,
        advanced: true,
        shown: &[],
    }
}

/// Answers below a group.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    group: &str,
    rest: &[&str],
) -> Handled {
    let row = find(session, Table::Groups, group)?;
    let id = text(&row, "id");
    match (request.method.as_str(), rest) {
        ("POST", ["members", "$ref"]) => add(session, request, &row),
        ("DELETE", ["members", member, "$ref"]) => remove(session, &row, member),
        (_, [way @ ("members" | "transitivemembers"), rest @ ..]) => read(request, || {
            let (cast, rest) = match rest {
                [cast, rest @ ..] if cast.starts_with("microsoft.graph.") => {
                    (Some(cast.trim_start_matches("microsoft.graph.")), rest)
                }
                rest => (None, rest),
            };
            if *way == "members" {
                show(request, session.tenant.members(id), cast, rest)
            } else {
                show(request, session.tenant.transitive_members(id), cast, rest)
            }
        }),
        (_, ["owners"]) => read(request, || mixed(request, std::iter::empty())),
        (_, [way @ ("memberof" | "transitivememberof")]) => {
            read(request, || memberships(session, request, id, way))
        }
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// The groups that hold an object, directly or through others.
pub(super) fn memberships(
    session: &Session<'_>,
    request: &Request,
    id: &str,
    way: &str,
) -> Result<Reply, Failure> {
    let row = find(session, Table::Users, id).or_else(|_| find(session, Table::Groups, id))?;
    let id = text(&row, "id");
    let groups = session.tenant.groups_of(id, way != "memberof");
    let groups = groups.into_iter().map(|row| Object {
        table: Table::Groups,
        row,
    });
    mixed(request, groups)
}

/// A page of members, or how many there are; `cast` keeps those of one type.
fn show(
    request: &Request,
    found: impl Iterator<Item = Object> + Clone,
    cast: Option<&str>,
    rest: &[&str],
) -> Result<Reply, Failure> {
    let is_count = match rest {
        [] => false,
        ["$count"] => true,
        _ => return Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    };
    let Some(name) = cast else {
        return if is_count {
            count(request, found, &directory_objects())
        } else {
            mixed(request, found)
        };
    };
    let found = found.filter(|object| type_name(object.table).eq_ignore_ascii_case(name));
    if is_count {
        count(request, found, &directory_objects())
    } else {
        mixed(request, found)
    }
}

/// The object that an `@odata.id` refers to.
pub(super) fn referred(session: &Session<'_>, reference: &str) -> Result<Row, Failure> {
    let id = reference
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    session
        .tenant
        .object(id)
        .map(|object| object.row)
        .ok_or_else(|| Failure::no_such_resource(id))
}

fn add(session: &Session<'_>, request: &Request, group: &Value) -> Handled {
    refuse_dynamic(group)?;
    let body = request.object()?;
    let member = referred(session, text(&body, "@odata.id"))?;
    let (group_id, id) = (text(group, "id"), text(&member, "id"));
    if session.tenant.has_member(group_id, id) {
        // synthetic: the contract has no text for somebody who is in the group already.
        return Err(Failure::bad_directory_request(
            "One or more added object references already exist for the following modified properties: 'members'.",
        ));
    }
    if group_id == id {
        // synthetic: a group in itself.
        return Err(Failure::bad_directory_request(
            "A group cannot be a member of itself.",
        ));
    }
    let change = Change::Join {
        group: group_id.to_owned(),
        member: id.to_owned(),
    };
    let activity = activity(
        session,
        "Add member to group",
        "Assign",
        group,
        &member,
        true,
    );
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

fn remove(session: &Session<'_>, group: &Value, member: &str) -> Handled {
    refuse_dynamic(group)?;
    let group_id = text(group, "id");
    let Object { row, .. } = session
        .tenant
        .object(member)
        .filter(|_| session.tenant.has_member(group_id, member))
        .ok_or_else(|| Failure::no_such_resource(member))?;
    let change = Change::Leave {
        group: group_id.to_owned(),
        member: text(&row, "id").to_owned(),
    };
    let activity = activity(
        session,
        "Remove member from group",
        "Unassign",
        group,
        &row,
        false,
    );
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

fn refuse_dynamic(group: &Value) -> Result<(), Failure> {
    if texts(&group["groupTypes"]).contains(&"DynamicMembership") {
        // synthetic: the members of a dynamic group follow its rule.
        return Err(Failure::bad_directory_request(
            "The members of a group with dynamic membership cannot be changed.",
        ));
    }
    Ok(())
}

fn activity(
    session: &Session<'_>,
    name: &'static str,
    operation: &'static str,
    group: &Value,
    member: &Value,
    joins: bool,
) -> Activity {
    let id = text(member, "id");
    let kind = match session.tenant.object(id).map(|object| object.table) {
        Some(Table::Groups) => "Group",
        Some(Table::ServicePrincipals) => "ServicePrincipal",
        _ => "User",
    };
    let sides = |value: &Value| {
        let value = Some(value.clone());
        if joins { (None, value) } else { (value, None) }
    };
    let (old_id, new_id) = sides(&group["id"]);
    let (old_name, new_name) = sides(&group["displayName"]);
    let modified = [
        ("Group.ObjectID", old_id, new_id),
        ("Group.DisplayName", old_name, new_name),
    ];
    Activity::directory(
        name,
        "GroupManagement",
        operation,
        vec![target(member, kind, &modified), target(group, "Group", &[])],
    )
}
