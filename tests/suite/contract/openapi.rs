//! The official OpenAPI subset beside the repository, read into tables of the same make as our own.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::checker::operations::{Answer, Operation};
use super::checker::parse;
use super::checker::tables::{Kind, Marks, Property, Tables, Type, Words};
use crate::support::shared;

/// Where the subset is, seen from what is shared.
const FILE: &str = "reference/graph-ca-openapi-subset.json";
const NAMESPACE: &str = "#/components/schemas/";

static OFFICIAL: LazyLock<Option<Tables>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(shared::find(FILE)?).unwrap();
    let document = serde_json::from_str(&text).unwrap();
    let mut tables = read(&document);
    let deviations = include_str!("../../contract/deviations.txt");
    deviate(
        &mut tables,
        parse::tables(&[("deviations.txt", deviations)]),
    );
    tables.inherit();
    Some(tables)
});

/// The tables of the subset, what bodies really carry beside it added; `None` where it is not at hand.
pub(super) fn tables() -> Option<&'static Tables> {
    OFFICIAL.as_ref()
}

fn read(document: &Value) -> Tables {
    let mut tables = Tables {
        partial: true,
        ..Tables::default()
    };
    for (name, schema) in object(&document["components"]["schemas"]) {
        let name = short(name);
        if let Some(words) = words(schema) {
            tables.words.insert(name, words);
        } else {
            tables.types.insert(name, of_type(schema));
        }
    }
    // The subset writes the envelope once for each element; the checker knows it by one name.
    let mut envelope = tables.types["conditionalAccessPolicyCollectionResponse"].clone();
    for property in &mut envelope.properties {
        if property.name == "value" {
            property.kind = Kind::List(Box::new(Kind::Any));
        }
    }
    tables.types.insert("collection".to_owned(), envelope);
    for (path, verbs) in object(&document["paths"]) {
        for (verb, operation) in object(verbs) {
            tables.operations.push(of_operation(path, verb, operation));
        }
    }
    // The subset writes a path once where two roots lead to the same.
    tables.aliases = Tables::ours().aliases.clone();
    tables
        .aliases
        .retain(|(other, _)| !document["paths"][other].is_object());
    tables
}

/// Puts what is really answered in the place of what is declared.
fn deviate(tables: &mut Tables, really: Tables) {
    for (name, found) in really.types {
        let declared = tables.types.get_mut(&name);
        let declared =
            declared.unwrap_or_else(|| panic!("deviations.txt: the subset has no {name}"));
        declared
            .properties
            .retain(|old| found.properties.iter().all(|new| new.name != old.name));
        declared.properties.extend(found.properties);
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn short(name: &str) -> String {
    name.trim_start_matches(NAMESPACE)
        .trim_start_matches("microsoft.graph.")
        .to_owned()
}

/// The members of an enumeration; flags have theirs in an extension.
fn words(schema: &Value) -> Option<Words> {
    let (flags, members) = match (&schema["enum"], &schema["x-members"]) {
        (Value::Array(members), _) => (false, members),
        (_, Value::Array(members)) => (true, members),
        _ => return None,
    };
    let members: Vec<String> = members
        .iter()
        .map(|member| member.as_str().unwrap().to_owned())
        .collect();
    let sentinel = members.iter().position(|word| word == "unknownFutureValue");
    let (members, later) = members.split_at(sentinel.map_or(members.len(), |at| at + 1));
    Some(Words {
        flags,
        members: members.to_vec(),
        later: later.to_vec(),
        source: "OpenAPI subset".to_owned(),
    })
}

/// A schema that is an object, or one that adds properties to a base.
fn of_type(schema: &Value) -> Type {
    let mut found = Type {
        // What is left out of an answer is a matter of our own tables; the subset requires next to nothing.
        source: "OpenAPI subset".to_owned(),
        ..Type::default()
    };
    let parts = match &schema["allOf"] {
        Value::Array(parts) => parts.clone(),
        _ => vec![schema.clone()],
    };
    for part in &parts {
        if let Some(base) = part["$ref"].as_str() {
            found.base = Some(short(base));
        }
        let required = part["required"].as_array().cloned().unwrap_or_default();
        found.is_abstract |= required.contains(&"@odata.type".into());
        found.is_open |= part["additionalProperties"] == true && part["properties"].is_null();
        for (name, schema) in object(&part["properties"]) {
            if name != "@odata.type" {
                let (kind, nullable) = of_value(schema);
                found.properties.push(Property {
                    name: name.clone(),
                    kind,
                    nullable,
                    written_as: None,
                    marks: Marks {
                        maybe: !required.contains(&name.as_str().into()),
                        ..Marks::default()
                    },
                    source: found.source.clone(),
                });
            }
        }
    }
    found
}

fn of_value(schema: &Value) -> (Kind, bool) {
    // `anyOf [X, {nullable}]` is how the official document writes an X that may be null.
    if let Value::Array(choices) = &schema["anyOf"] {
        let nullable = choices.iter().any(|choice| choice["nullable"] == true);
        return (of_value(&choices[0]).0, nullable);
    }
    let kind = match (schema["$ref"].as_str(), schema["type"].as_str()) {
        (Some(name), _) => Kind::Named(short(name)),
        (_, Some("array")) => Kind::List(Box::new(of_value(&schema["items"]).0)),
        (_, Some("string")) if schema["format"] == "date-time" => Kind::Time,
        (_, Some("string")) => Kind::Text,
        (_, Some("boolean")) => Kind::Bool,
        (_, Some("integer")) => Kind::Int,
        (_, Some("number")) => Kind::Number,
        _ => Kind::Any,
    };
    (kind, schema["nullable"] == true)
}

fn of_operation(path: &str, verb: &str, operation: &Value) -> Operation {
    let json = |value: &Value| -> Option<String> {
        let name = value["content"]["application/json"]["schema"]["$ref"].as_str()?;
        Some(short(name))
    };
    let empty = Map::new();
    let responses = operation["responses"].as_object().unwrap_or(&empty);
    let answers = responses
        .iter()
        .filter_map(|(status, response)| {
            let answer = match json(response) {
                _ if response["content"]["text/plain"].is_object() => Answer::Count,
                None => Answer::Nothing,
                Some(name) => match name.strip_suffix("CollectionResponse") {
                    Some(element) => Answer::Many(element.to_owned()),
                    None => Answer::One(name),
                },
            };
            Some((status.parse().ok()?, answer))
        })
        .collect();
    let parameters = operation["parameters"].as_array().cloned();
    Operation {
        method: verb.to_uppercase(),
        path: path.to_owned(),
        body: json(&operation["requestBody"]),
        complete: false,
        answers,
        options: parameters
            .unwrap_or_default()
            .iter()
            .filter_map(|parameter| {
                parameter["name"]
                    .as_str()?
                    .strip_prefix('$')
                    .map(str::to_owned)
            })
            .collect(),
        beta: false,
        bare: false,
        advanced: false,
        source: "OpenAPI subset".to_owned(),
    }
}
