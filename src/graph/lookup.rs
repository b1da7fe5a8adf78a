//! From what was written to what Graph is asked, and from its answers to objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::shape;
use crate::model::{Cloud, Id, Kind, NamedLocation, ShapeError, Strength};
use crate::tenant::{Found, Object, Query, Reference, TenantError, query};

const USER: &str = "$select=id,displayName,userPrincipalName,accountEnabled";
const GROUP: &str = "$select=id,displayName";
const SERVICE_PRINCIPAL: &str = "$select=id,appId,displayName";

/// Where the answer to a reference comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// From a request of its own.
    Part(String),
    /// From the list of named locations or of authentication strengths.
    List(Query),
    /// From nowhere: the object is taken as it is, or there is nothing to ask for.
    Nothing(Option<Object>),
}

/// What to ask for a reference.
pub(super) fn ask(reference: &Reference, cloud: &Cloud) -> Ask {
    let query = query(reference.kind, &reference.text, cloud);
    let by_name = |collection: &str, property: &str, name: &str, select: &str| {
        let filter = encode(&format!("{property} eq '{}'", quote(name)));
        let separator = if select.is_empty() { "" } else { "&" };
        Ask::Part(format!("/{collection}?$filter={filter}{separator}{select}"))
    };
    match (reference.kind, query) {
        (Kind::User, Query::Name(name)) => by_name("users", "userPrincipalName", &name, USER),
        (Kind::Group, Query::Name(name)) => by_name("groups", "displayName", &name, GROUP),
        (Kind::Role, Query::Name(name)) => by_name(
            "roleManagement/directory/roleDefinitions",
            "displayName",
            &name,
            "",
        ),
        (Kind::App | Kind::ServicePrincipal, Query::Name(name)) => {
            by_name("servicePrincipals", "displayName", &name, SERVICE_PRINCIPAL)
        }
        (Kind::User, Query::Id(id)) => Ask::Part(format!("/users/{id}?{USER}")),
        (Kind::Group, Query::Id(id)) => Ask::Part(format!("/groups/{id}?{GROUP}")),
        (Kind::Role, Query::Id(id)) => Ask::Part(role_path(&id)),
        (Kind::App, Query::Id(id)) => Ask::Part(app_path(&id)),
        (Kind::ServicePrincipal, Query::Id(id)) => {
            Ask::Part(format!("/servicePrincipals/{id}?{SERVICE_PRINCIPAL}"))
        }
        (Kind::App | Kind::ServicePrincipal, Query::IdOrName(id, name)) => {
            let filter = format!("appId eq '{id}' or displayName eq '{}'", quote(name));
            Ask::Part(format!(
                "/servicePrincipals?$filter={}&{SERVICE_PRINCIPAL}",
                encode(&filter)
            ))
        }
        (Kind::Location | Kind::Strength, query) => Ask::List(query),
        (Kind::TermsOfUse, Query::Id(id)) => Ask::Nothing(Some(Object {
            name: id.to_string(),
            id,
            kind: Kind::TermsOfUse,
            principal_name: None,
            enabled: None,
        })),
        (Kind::TermsOfUse, _) | (Kind::User | Kind::Group | Kind::Role, Query::IdOrName(..)) => {
            Ask::Nothing(None)
        }
    }
}

/// The request for a role by its template id.
pub(super) fn role_path(id: &Id) -> String {
    format!("/roleManagement/directory/roleDefinitions/{id}")
}

/// The request for the service principals of an application.
pub(super) fn app_path(id: &Id) -> String {
    let filter = encode(&format!("appId eq '{id}'"));
    format!("/servicePrincipals?$filter={filter}&{SERVICE_PRINCIPAL}")
}

/// The request for everybody in a group.
pub(super) fn members_path(id: &Id) -> String {
    format!("/groups/{id}/transitiveMembers?{USER}&$top=999")
}

/// Doubles the quotes of a text inside an OData literal.
fn quote(text: &str) -> String {
    text.replace('\'', "''")
}

/// Percent-encodes everything that is not plain in a query.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The objects in the answer to a reference: one, or those of a collection, each id once.
pub(super) fn objects(kind: Kind, answer: &[Value]) -> Result<Vec<Object>, TenantError> {
    let objects: Result<Vec<Object>, TenantError> = answer
        .iter()
        .map(|json| {
            object(kind, json).ok_or_else(|| shape(&format!("a {} without its id", kind.word())))
        })
        .collect();
    let mut seen = BTreeSet::new();
    Ok(objects?
        .into_iter()
        .filter(|object| seen.insert(object.id.clone()))
        .collect())
}

/// One object of the directory, as a policy would refer to it.
pub(super) fn object(kind: Kind, json: &Value) -> Option<Object> {
    let text = |key: &str| {
        json.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let id = match kind {
        Kind::App => text("appId")?,
        // Conditional Access names roles by template (contract section 1.4).
        Kind::Role => text("templateId").or_else(|| text("id"))?,
        _ => text("id")?,
    };
    Some(Object {
        id: Id::new(id),
        kind,
        name: text("displayName").unwrap_or_default().to_owned(),
        principal_name: text("userPrincipalName").map(str::to_owned),
        enabled: json.get("accountEnabled").and_then(Value::as_bool),
    })
}

/// The kind of a directory object by its `@odata.type`; `None` for devices and contacts, which do not
/// sign in.
pub(super) fn kind_of(json: &Value) -> Option<Kind> {
    match json.get("@odata.type").and_then(Value::as_str) {
        Some("#microsoft.graph.user") => Some(Kind::User),
        Some("#microsoft.graph.group") => Some(Kind::Group),
        Some("#microsoft.graph.servicePrincipal") => Some(Kind::ServicePrincipal),
        Some(_) => None,
        // Without a type it is taken for somebody, so that nobody is overlooked.
        None => Some(Kind::User),
    }
}

/// Answers a reference from the lists.
pub(super) fn in_lists(
    kind: Kind,
    query: &Query,
    locations: &[NamedLocation],
    strengths: &[Strength],
) -> Vec<Object> {
    let entries: Vec<(&Id, &str)> = match kind {
        Kind::Location => locations
            .iter()
            .map(|location| (&location.id, location.name.as_str()))
            .collect(),
        _ => strengths
            .iter()
            .map(|strength| (&strength.id, strength.name.as_str()))
            .collect(),
    };
    entries
        .into_iter()
        .filter(|(id, name)| match query {
            Query::Id(wanted) => wanted == *id,
            Query::Name(wanted) => folded(kind, wanted) == folded(kind, name),
            Query::IdOrName(wanted, text) => {
                wanted == *id || folded(kind, text) == folded(kind, name)
            }
        })
        .map(|(id, name)| Object {
            id: id.clone(),
            kind,
            name: name.to_owned(),
            principal_name: None,
            enabled: None,
        })
        .collect()
}

/// A name as it is compared. Portals and Graph spell the built-in strengths differently (contract
/// section 2.3), so a hyphen there counts as a blank.
fn folded(kind: Kind, name: &str) -> String {
    let name = name.trim().to_lowercase();
    if kind == Kind::Strength {
        name.replace('-', " ")
    } else {
        name
    }
}

/// Named locations or authentication strengths out of their JSON.
pub(super) fn all_of<T: TryFrom<Value, Error = ShapeError>>(
    what: &str,
    entries: Vec<Value>,
) -> Result<Vec<T>, TenantError> {
    let read = |json| T::try_from(json).map_err(|problem| shape(&format!("a {what}: {problem}")));
    entries.into_iter().map(read).collect()
}

/// What was found, and every object of it by id.
pub(super) fn index<'a>(found: impl IntoIterator<Item = &'a Found>) -> BTreeMap<Id, Object> {
    found
        .into_iter()
        .flat_map(|found| &found.objects)
        .map(|object| (object.id.clone(), object.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: Kind, text: &str, cloud: &Cloud) -> String {
        let reference = Reference {
            kind,
            text: text.into(),
        };
        match ask(&reference, cloud) {
            Ask::Part(path) => path,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn names_are_quoted_and_encoded() {
        let global = &Cloud::Global;
        assert_eq!(
            asked(Kind::Group, "O'Neil & Söhne #1", global),
            "/groups?$filter=displayName%20eq%20%27O%27%27Neil%20%26%20S%C3%B6hne%20%231%27&$select=id,displayName"
        );
        assert_eq!(
            asked(Kind::User, "a+b@x.example", global),
            "/users?$filter=userPrincipalName%20eq%20%27a%2Bb%40x.example%27&$select=id,displayName,userPrincipalName,accountEnabled"
        );
        assert_eq!(
            asked(Kind::App, "azure-management", global),
            "/servicePrincipals?$filter=appId%20eq%20%27797f4846-ba00-4fd7-ba43-dac1f8f63013%27&$select=id,appId,displayName"
        );
        assert!(
            asked(Kind::App, "azure-management", &Cloud::UsGov)
                .contains("%20or%20displayName%20eq%20%27Azure%20Government")
        );
        let id = "62E90394-69F5-4237-9190-012177145E10";
        assert_eq!(
            asked(Kind::Role, id, global),
            "/roleManagement/directory/roleDefinitions/62e90394-69f5-4237-9190-012177145e10"
        );
    }

    #[test]
    fn strengths_are_spelled_in_two_ways() {
        let strengths = [Strength::try_from(serde_json::json!({
            "id": "00000000-0000-0000-0000-000000000004",
            "displayName": "Phishing resistant MFA",
        }))
        .unwrap()];
        for text in ["Phishing-resistant MFA", "phishing-resistant-mfa"] {
            let query = query(Kind::Strength, text, &Cloud::Global);
            assert_eq!(in_lists(Kind::Strength, &query, &[], &strengths).len(), 1);
        }
    }
}
