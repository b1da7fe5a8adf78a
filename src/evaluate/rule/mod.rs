//! The rule language of Entra: filters for devices and applications, and dynamic groups.
//!
//! A [`Rule`] is written about one kind of object, `device`, `user` or `CustomSecurityAttribute`; what its
//! attributes are is asked of whoever evaluates it, and may be unknown (audit rule C6).

mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Truth;
pub use parse::RuleError;

/// A parsed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    root: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare {
        /// In lower case, without the prefix.
        attribute: String,
        operator: Operator,
        value: Literal,
    },
}

/// How an attribute is compared; a negative operator is the positive one with its result turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    test: Test,
    negative: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    In,
    /// A regular expression; it is read, and its result is never known.
    Matches,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Literal {
    Null,
    Flag(bool),
    Text(String),
    List(Vec<String>),
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    Null,
    /// A boolean.
    Flag(bool),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The attributes of an object, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    values: BTreeMap<String, Value>,
    complete: bool,
}

static NULL: Value = Value::Null;

impl Attributes {
    /// Attributes of which all are known: what is not set is null.
    pub fn complete() -> Self {
        Self {
            values: BTreeMap::new(),
            complete: true,
        }
    }

    /// Sets an attribute, whatever the case of its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// The value of an attribute, by its name in lower case; `None` when it is not known.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or(self.complete.then_some(&NULL))
    }
}

impl Rule {
    /// Reads a rule about objects of one kind: `device`, `user` or `CustomSecurityAttribute`.
    pub fn parse(kind: &str, text: &str) -> Result<Self, RuleError> {
        parse::rule(kind, text).map(|root| Self { root })
    }

    /// Whether the rule holds, given the attributes by their names in lower case; `None` is not known.
    pub fn holds<'a>(&self, attribute: &impl Fn(&str) -> Option<&'a Value>) -> Truth {
        self.root.holds(attribute)
    }

    /// Every attribute the rule asks for, in lower case; one that it asks for twice is there twice.
    pub fn attributes(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.attributes(&mut names);
        names
    }
}

impl Node {
    fn holds<'a>(&self, attribute: &impl Fn(&str) -> Option<&'a Value>) -> Truth {
        match self {
            Self::Not(node) => !node.holds(attribute),
            Self::All(nodes) => Truth::all(nodes.iter().map(|node| node.holds(attribute))),
            Self::Any(nodes) => Truth::any(nodes.iter().map(|node| node.holds(attribute))),
            Self::Compare {
                attribute: name,
                operator,
                value,
            } => {
                let holds = match attribute(name) {
                    // Null satisfies no regular expression and no other positive operator but `-eq null`.
                    Some(seen) if operator.test != Test::Matches || *seen == Value::Null => {
                        compare(operator.test, seen, value).into()
                    }
                    _ => Truth::Unknown,
                };
                if operator.negative { !holds } else { holds }
            }
        }
    }

    fn attributes<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::Not(node) => node.attributes(into),
            Self::All(nodes) | Self::Any(nodes) => {
                nodes.iter().for_each(|node| node.attributes(into));
            }
            Self::Compare { attribute, .. } => into.push(attribute),
        }
    }
}

/// Whether a positive operator holds. Of a collection one whole member has to match.
fn compare(test: Test, seen: &Value, literal: &Literal) -> bool {
    match (seen, literal) {
        (Value::Null, Literal::Null) => test == Test::Equals,
        (Value::Null, _) | (_, Literal::Null) => false,
        (seen, Literal::List(list)) => {
            test == Test::In && list.iter().any(|text| one(Test::Equals, seen, text))
        }
        (seen, Literal::Text(text)) => one(test, seen, text),
        (seen, Literal::Flag(flag)) => one(test, seen, if *flag { "true" } else { "false" }),
    }
}

fn one(test: Test, seen: &Value, text: &str) -> bool {
    match seen {
        Value::Null => false,
        Value::Flag(flag) => texts(test, if *flag { "true" } else { "false" }, text),
        Value::Text(seen) => texts(test, seen, text),
        Value::Texts(members) => {
            let test = if test == Test::Contains {
                Test::Equals
            } else {
                test
            };
            members.iter().any(|member| texts(test, member, text))
        }
    }
}

/// Compares two texts without regard to case.
fn texts(test: Test, seen: &str, text: &str) -> bool {
    match test {
        Test::Equals | Test::In => strip(seen, text).is_some_and(str::is_empty),
        Test::StartsWith => strip(seen, text).is_some(),
        Test::EndsWith => tails(seen).any(|tail| strip(tail, text).is_some_and(str::is_empty)),
        Test::Contains => tails(seen).any(|tail| strip(tail, text).is_some()),
        Test::Matches => false,
    }
}

/// What is left of `seen` after a beginning that equals `start`.
fn strip<'a>(seen: &'a str, start: &str) -> Option<&'a str> {
    let mut rest = seen.chars();
    for wanted in start.chars() {
        let next = rest.next()?;
        if next != wanted && !next.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

fn tails(text: &str) -> impl Iterator<Item = &str> {
    let ends = std::iter::once(text.len());
    let starts = text.char_indices().map(|(at, _)| at).chain(ends);
    starts.map(|at| &text[at..])
}
