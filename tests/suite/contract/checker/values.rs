//! Whether a value has the shape that a table gives it.

use serde_json::{Map, Value};

use super::tables::{Kind, Property, Tables, Words};

/// What is being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An answer, to somebody who knows the later members or not.
    Answer { knows_later: bool },
    /// The body of a POST: what is needed must be there.
    New,
    /// The body of a PATCH. In a block that is sent `complete` nothing may be left out.
    Part { complete: bool },
}

/// A check of one body; what it finds is the place, the rule, and the sentence.
pub(super) struct Check<'a> {
    pub(super) tables: &'a Tables,
    pub(super) role: Role,
    pub(super) beta: bool,
    pub(super) found: Vec<(String, &'static str, String)>,
}

impl Check<'_> {
    fn say(&mut self, path: &str, rule: &'static str, sentence: impl Into<String>) {
        self.found.push((path.to_owned(), rule, sentence.into()));
    }

    /// Checks an object of a type; with `select` only the properties named there are expected.
    pub(super) fn object(
        &mut self,
        path: &str,
        value: &Value,
        name: &str,
        select: Option<&[String]>,
    ) {
        let Value::Object(object) = value else {
            self.say(
                path,
                "type",
                format!("{name} is an object, not {}", short(value)),
            );
            return;
        };
        let name = self.actual_type(path, object, name);
        let tables = self.tables;
        let properties = tables.properties(&name);
        let is_open = tables.types.get(&name).is_some_and(|found| found.is_open);
        for (key, value) in object {
            let path = format!("{path}.{key}");
            match properties.iter().find(|property| property.name == *key) {
                Some(property) => self.property(&path, value, &name, property, select),
                None if self.is_annotation(key) => {}
                None if is_open => {}
                None => self.say(&path, "unknown key", format!("{name} has no `{key}`")),
            }
        }
        for property in properties {
            if object.contains_key(&property.name) || !self.is_expected(property, path, select) {
                continue;
            }
            let sentence = format!(
                "`{}` of {name} is missing ({})",
                property.name, property.source
            );
            self.say(path, "missing", sentence);
        }
    }

    /// The type that an object says it is, when that is the expected one or derived from it.
    fn actual_type(&mut self, path: &str, object: &Map<String, Value>, expected: &str) -> String {
        let said = object.get("@odata.type").and_then(Value::as_str);
        let is_abstract = self
            .tables
            .types
            .get(expected)
            .is_some_and(|found| found.is_abstract);
        match said.map(|said| said.trim_start_matches("#microsoft.graph.")) {
            Some(said) if self.tables.is_a(said, expected) => said.to_owned(),
            Some(said) => {
                let sentence = format!("`{said}` is no {expected}");
                self.say(path, "@odata.type", sentence);
                expected.to_owned()
            }
            None => {
                if is_abstract {
                    let sentence = format!("{expected} does not say of which type it is");
                    self.say(path, "@odata.type", sentence);
                }
                expected.to_owned()
            }
        }
    }

    fn is_annotation(&self, key: &str) -> bool {
        key == "@odata.type"
            || (matches!(self.role, Role::Answer { .. })
                && ["@odata.context", "@odata.id"].contains(&key))
    }

    fn is_expected(&self, property: &Property, path: &str, select: Option<&[String]>) -> bool {
        let marks = property.marks;
        match self.role {
            Role::Answer { .. } => {
                let selected = match select {
                    Some(select) => select.contains(&property.name),
                    None => !marks.maybe,
                };
                selected && !property.name.starts_with('@') && (self.beta || !marks.beta)
            }
            Role::New => marks.needed,
            Role::Part { complete } => {
                let inside = path != "$";
                let writable = !marks.read_only && !marks.never && !marks.beta && !marks.maybe;
                inside && (marks.needed || (complete && writable))
            }
        }
    }

    fn property(
        &mut self,
        path: &str,
        value: &Value,
        name: &str,
        property: &Property,
        select: Option<&[String]>,
    ) {
        let marks = property.marks;
        if marks.beta && !self.beta {
            let sentence = format!("{name} has no `{}` in v1.0", property.name);
            self.say(path, "beta only", sentence);
        }
        let is_write = !matches!(self.role, Role::Answer { .. });
        if is_write && marks.read_only {
            let sentence = format!("is set by the service ({})", property.source);
            self.say(path, "read-only", sentence);
        }
        if is_write && marks.never {
            let sentence = format!("must not be sent ({})", property.source);
            self.say(path, "never sent", sentence);
        }
        if let Some(select) = select
            && !is_write
            && property.name != "id"
            && !property.name.starts_with('@')
            && !select.contains(&property.name)
            && !select.iter().any(|name| name == "*")
        {
            self.say(path, "$select", "was not selected");
        }
        let kind = match &property.written_as {
            Some(kind) if is_write => kind,
            _ => &property.kind,
        };
        if value.is_null() {
            if !property.nullable {
                let sentence = format!("of {name} is never null ({})", property.source);
                self.say(path, "null", sentence);
            }
            return;
        }
        self.value(path, value, kind);
    }

    fn value(&mut self, path: &str, value: &Value, kind: &Kind) {
        let text = value.as_str();
        let fits = match kind {
            Kind::Any => true,
            Kind::Text => text.is_some(),
            Kind::Guid => text.is_some_and(is_guid),
            Kind::Time => text.is_some_and(is_time),
            Kind::Bool => value.is_boolean(),
            Kind::Int => value.is_i64() || value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::List(element) => {
                if let Some(elements) = value.as_array() {
                    for (at, value) in elements.iter().enumerate() {
                        self.value(&format!("{path}[{at}]"), value, element);
                    }
                }
                value.is_array()
            }
            Kind::Named(name) => match self.tables.words.get(name) {
                Some(words) => {
                    if let Some(text) = text {
                        self.members(path, text, name, words);
                    }
                    text.is_some()
                }
                None => {
                    self.object(path, value, name, None);
                    return;
                }
            },
        };
        if !fits {
            self.say(path, "type", format!("is a {kind:?}, not {}", short(value)));
        }
    }

    fn members(&mut self, path: &str, text: &str, name: &str, words: &Words) {
        let given: Vec<&str> = if words.flags {
            text.split(',').map(str::trim).collect()
        } else {
            vec![text]
        };
        for member in given {
            let is = |list: &[String]| list.iter().any(|word| word == member);
            if is(&words.later) {
                if self.role == (Role::Answer { knows_later: false }) {
                    let sentence =
                        format!("`{member}` of {name} was not asked for ({})", words.source);
                    self.say(path, "later member", sentence);
                }
            } else if !is(&words.members) {
                let sentence = format!("`{member}` is no member of {name} ({})", words.source);
                self.say(path, "member", sentence);
            } else if member == "unknownFutureValue" && !matches!(self.role, Role::Answer { .. }) {
                self.say(path, "member", "`unknownFutureValue` must not be sent back");
            }
        }
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(80).collect()
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `2026-11-02T08:00:00.1234567Z`: a date, a time with or without a fraction, and a zone.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let shape = |text: &str| -> String {
        let digit = |byte: char| if byte.is_ascii_digit() { '0' } else { byte };
        text.chars().map(digit).collect()
    };
    let (time, zone) = match time.strip_suffix('Z') {
        Some(time) => (time, "Z"),
        None => time.split_at(time.len().saturating_sub(6)),
    };
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    shape(date) == "0000-00-00"
        && shape(seconds) == "00:00:00"
        && (1..=12).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && ["Z", "+00:00", "-00:00"].contains(&shape(zone).as_str())
}
