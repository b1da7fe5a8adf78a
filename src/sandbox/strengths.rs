//! Authentication strengths: the three that are built in, and custom ones (2.3 of the contract).

use serde_json::{Value, json};

use super::audit::{Activity, target};
use super::clock::{graph_time, tick};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page, single, whole};
use super::request::{Reply, Request};
use super::routes::{Handled, created};
use super::tenant::{Change, Row, Table, text};
use super::{combinations, policies};

/// The built-in strengths.
pub(super) fn built_in() -> Vec<Value> {
    let passwordless = &combinations::MULTIFACTOR[..4];
    let resistant = &passwordless[..3];
    let strength = |digit: u8, name: &str, description: &str, combinations: &[&str]| {
        json!({
            "id": format!("00000000-0000-0000-0000-00000000000{digit}"),
            "createdDateTime": "2021-12-01T00:00:00Z",
            "modifiedDateTime": "2021-12-01T00:00:00Z",
            "displayName": name,
            "description": description,
            "policyType": "builtIn",
            "requirementsSatisfied": "mfa",
            "allowedCombinations": combinations,
            "combinationConfigurations": [],
        })
    };
    vec![
        strength(
            2,
            "Multifactor authentication",
            "Combinations of methods that satisfy strong authentication, such as a password + SMS",
            &combinations::MULTIFACTOR,
        ),
        strength(
            3,
            "Passwordless MFA",
            "Passwordless methods that satisfy strong authentication, such as Passwordless sign-in with the Microsoft Authenticator",
            passwordless,
        ),
        strength(
            4,
            "Phishing resistant MFA",
            "Phishing resistant, Passwordless methods for the strongest authentication, such as a FIDO2 security key",
            resistant,
        ),
    ]
}

/// How many custom strengths a tenant can have (1.9).
const MOST: usize = 15;
const CONTEXT: &str = "policies/authenticationStrengthPolicies";

/// Answers below the collection of strengths.
pub(super) fn answer(session: &Session<'_>, request: &Request, rest: &[&str]) -> Handled {
    let collection = Collection {
        context: CONTEXT,
        resource: "AuthenticationStrengthPolicy",
        filterable: &["id", "displayName", "policyType", "requirementsSatisfied"],
        page_size: 100,
        advanced: false,
        shown: &[],
    };
    let rows = || session.tenant.rows(Table::Strengths);
    match (request.method.as_str(), rest) {
        ("GET", []) => page(request, rows(), &collection, whole).map(Answer::Read),
        ("GET", ["$count"]) => count(request, rows(), &collection).map(Answer::Read),
        ("GET", [id]) => {
            let row = find(session, id)?;
            Ok(Answer::Read(single(request, CONTEXT, whole(&row), &[])))
        }
        ("GET", [id, "usage()" | "usage" | "microsoft.graph.usage()"]) => {
            usage(session, request, id).map(Answer::Read)
        }
        ("POST", []) => create(session, request),
        ("PATCH", [id]) => update(session, request, id),
        ("DELETE", [id]) => delete(session, id),
        (
            "POST",
            [
                id,
                "updateallowedcombinations" | "microsoft.graph.updateallowedcombinations",
            ],
        ) => update_combinations(session, request, id),
        (_, [id, "combinationconfigurations", rest @ ..]) => {
            let strength = find(session, id)?;
            combinations::answer(session, request, &strength, rest)
        }
        (_, [] | [_]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

fn find(session: &Session<'_>, id: &str) -> Result<Row, Failure> {
    session.tenant.row(Table::Strengths, id).ok_or_else(|| {
        // synthetic: the answer for an unknown strength.
        Failure::new(
            404,
            "NotFound",
            format!("AuthenticationStrengthPolicy with id {id} does not exist in the directory."),
        )
    })
}

/// The strength of an id, when it is one that can be changed.
pub(super) fn custom(strength: &Value) -> Result<(), Failure> {
    if text(strength, "policyType") == "builtIn" {
        // synthetic: built-in strengths cannot be changed; the sentence is not known.
        return Err(Failure::bad_request(
            "Built-in authentication strength policies cannot be changed or deleted.",
        ));
    }
    Ok(())
}

/// The live policies that require a strength.
fn users(session: &Session<'_>, id: &str) -> Vec<Row> {
    session
        .tenant
        .rows(Table::Policies)
        .filter(|policy| {
            let strength = &policy["grantControls"]["authenticationStrength"];
            text(strength, "id").eq_ignore_ascii_case(id)
        })
        .collect()
}

fn usage(session: &Session<'_>, request: &Request, id: &str) -> Result<Reply, Failure> {
    let strength = find(session, id)?;
    let policies: Vec<Value> = users(session, text(&strength, "id"))
        .iter()
        .map(|policy| policies::rendered(session, request, policy))
        .collect();
    // Who uses a strength that satisfies MFA stands in one list, who uses another in the other.
    let (mfa, none) = match text(&strength, "requirementsSatisfied") {
        "mfa" => (policies, Vec::new()),
        _ => (Vec::new(), policies),
    };
    Ok(Reply::ok(json!({
        "@odata.context": format!("{}/$metadata#microsoft.graph.authenticationStrengthUsage", request.root()),
        "mfa": mfa,
        "none": none,
    })))
}

fn create(session: &Session<'_>, request: &Request) -> Handled {
    let body = request.object()?;
    known_keys(&body, true)?;
    let name = text(&body, "displayName");
    if name.is_empty() {
        // synthetic: the sentence for a strength without a name.
        return Err(Failure::bad_request("'displayName' is required."));
    }
    let combinations = combinations::listed(&body["allowedCombinations"])?;
    let custom = session
        .tenant
        .rows(Table::Strengths)
        .filter(|row| text(row, "policyType") == "custom")
        .count();
    if custom >= MOST {
        // synthetic: the limit is known (1.9), the sentence is not.
        return Err(Failure::bad_request(format!(
            "A tenant can have at most {MOST} custom authentication strength policies."
        )));
    }
    let stamp = stamp(session);
    let row = json!({
        "id": session.tenant.next_id(),
        "createdDateTime": stamp,
        "modifiedDateTime": stamp,
        "displayName": name,
        "description": body["description"].as_str().unwrap_or_default(),
        "policyType": "custom",
        "requirementsSatisfied": combinations::satisfies(&combinations),
        "allowedCombinations": combinations,
        "combinationConfigurations": [],
    });
    let reply = created(request, CONTEXT, row.clone());
    let activity = activity(
        "Add authentication strength policy",
        "Add",
        None,
        Some(&row),
    );
    Ok(Answer::write(vec![put(row)], activity, reply))
}

/// Name and description only; the combinations have an action of their own.
fn update(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    let old = find(session, id)?;
    custom(&old)?;
    let body = request.object()?;
    known_keys(&body, false)?;
    let mut row = Value::clone(&old);
    for key in ["displayName", "description"] {
        if let Some(value) = body.get(key) {
            if !value.is_string() || (key == "displayName" && value == "") {
                // synthetic: the sentence for a value of another type.
                return Err(Failure::bad_request(format!("'{key}' is not valid.")));
            }
            row[key] = value.clone();
        }
    }
    changed(session, &old, row, Reply::no_content())
}

fn update_combinations(session: &Session<'_>, request: &Request, id: &str) -> Handled {
    let old = find(session, id)?;
    custom(&old)?;
    let body = request.object()?;
    let combinations = combinations::listed(&body["allowedCombinations"])?;
    let mut row = Value::clone(&old);
    row["requirementsSatisfied"] = json!(combinations::satisfies(&combinations));
    row["allowedCombinations"] = json!(combinations);
    let references: Vec<Value> = users(session, text(&old, "id"))
        .iter()
        .map(|policy| policy["id"].clone())
        .collect();
    let reply = Reply::ok(json!({
        "@odata.context": format!("{}/$metadata#microsoft.graph.updateAllowedCombinationsResult", request.root()),
        "previousCombinations": old["allowedCombinations"],
        "currentCombinations": combinations,
        "conditionalAccessReferences": references,
        // synthetic: what the service says here is in no source.
        "additionalInformation": null,
    }));
    changed(session, &old, row, reply)
}

/// A strength that has become another.
pub(super) fn changed(session: &Session<'_>, old: &Value, mut row: Value, reply: Reply) -> Handled {
    row["modifiedDateTime"] = json!(stamp(session));
    let activity = activity(
        "Update authentication strength policy",
        "Update",
        Some(old),
        Some(&row),
    );
    Ok(Answer::write(vec![put(row)], activity, reply))
}

fn delete(session: &Session<'_>, id: &str) -> Handled {
    let old = find(session, id)?;
    custom(&old)?;
    if let Some(policy) = users(session, text(&old, "id")).first() {
        // synthetic: that a strength in use cannot be deleted is known from the portal, the text is not.
        return Err(Failure::bad_request(format!(
            "The authentication strength policy is used by the Conditional Access policy '{}' and cannot be deleted.",
            text(policy, "displayName")
        )));
    }
    let change = Change::Remove {
        table: Table::Strengths,
        id: text(&old, "id").to_owned(),
    };
    let activity = activity(
        "Delete authentication strength policy",
        "Delete",
        Some(&old),
        None,
    );
    Ok(Answer::write(vec![change], activity, Reply::no_content()))
}

/// What a write may carry: what the service sets itself is ignored when a whole object is sent.
fn known_keys(body: &Value, creating: bool) -> Result<(), Failure> {
    let written: &[&str] = match creating {
        true => &[
            "displayName",
            "description",
            "allowedCombinations",
            "id",
            "createdDateTime",
            "modifiedDateTime",
            "policyType",
            "requirementsSatisfied",
            "combinationConfigurations",
        ],
        false => &["displayName", "description"],
    };
    let unknown = body
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .find(|key| !key.contains("@odata") && !written.contains(&key.as_str()));
    match unknown {
        // synthetic: the sentence for a property that cannot be written here.
        Some(key) => Err(Failure::bad_request(format!(
            "'{key}' cannot be written on an authenticationStrengthPolicy."
        ))),
        None => Ok(()),
    }
}

fn put(row: Value) -> Change {
    Change::Put {
        table: Table::Strengths,
        row,
    }
}

fn stamp(session: &Session<'_>) -> String {
    graph_time(tick(session.tenant.now()))
}

// synthetic: the names of the activities on strengths.
fn activity(
    name: &'static str,
    operation: &'static str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Activity {
    let row = new.or(old).cloned().unwrap_or_default();
    let modified = [("AuthenticationStrengthPolicy", old.cloned(), new.cloned())];
    Activity::policy(name, operation, target(&row, "Policy", &modified))
}
