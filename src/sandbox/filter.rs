//! `$filter`: the part of OData that the sandbox understands, parsed and evaluated.

use serde_json::Value;

/// How deep parentheses and `not` may nest.
const DEEPEST: usize = 40;
/// How long a filter may be; a chain of `and` nests as deep as it is long.
const LONGEST: usize = 8000;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Vec<String>, Operator, Value),
    In(Vec<String>, Vec<Value>),
    Function(Function, Vec<String>, String),
    /// `collection/any(variable: condition)`.
    Any(Vec<String>, String, Box<Condition>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A test of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

impl Condition {
    /// Parses a filter; `None` when it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens, at: 0 };
        let condition = parser.or(0)?;
        (parser.at == parser.tokens.len()).then_some(condition)
    }

    /// Whether the row meets it.
    pub(super) fn holds(&self, row: &Value) -> bool {
        self.holds_in(row, &mut Vec::new())
    }

    fn holds_in<'a>(&'a self, row: &'a Value, scope: &mut Vec<(&'a str, &'a Value)>) -> bool {
        match self {
            Self::And(left, right) => left.holds_in(row, scope) && right.holds_in(row, scope),
            Self::Or(left, right) => left.holds_in(row, scope) || right.holds_in(row, scope),
            Self::Not(inner) => !inner.holds_in(row, scope),
            Self::Compare(path, operator, literal) => {
                compare(look_up(path, row, scope), *operator, literal)
            }
            Self::In(path, literals) => {
                let value = look_up(path, row, scope);
                literals
                    .iter()
                    .any(|literal| compare(value, Operator::Eq, literal))
            }
            Self::Function(function, path, literal) => {
                let Some(text) = look_up(path, row, scope).as_str() else {
                    return false;
                };
                let (text, literal) = (text.to_lowercase(), literal.to_lowercase());
                match function {
                    Function::StartsWith => text.starts_with(&literal),
                    Function::EndsWith => text.ends_with(&literal),
                    Function::Contains => text.contains(&literal),
                }
            }
            Self::Any(path, variable, inner) => {
                let Some(elements) = look_up(path, row, scope).as_array() else {
                    return false;
                };
                elements.iter().any(|element| {
                    scope.push((variable, element));
                    let holds = inner.holds_in(row, scope);
                    scope.pop();
                    holds
                })
            }
        }
    }

    /// The first segments of all paths that start at the row itself.
    pub(super) fn properties(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect<'a>(&'a self, variables: &mut Vec<&'a str>, found: &mut Vec<&'a str>) {
        let mut see = |path: &'a [String], variables: &[&'a str]| {
            if let Some(first) = path.first()
                && !variables.contains(&first.as_str())
            {
                found.push(first);
            }
        };
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.collect(variables, found);
                right.collect(variables, found);
            }
            Self::Not(inner) => inner.collect(variables, found),
            Self::Compare(path, ..) | Self::In(path, _) | Self::Function(_, path, _) => {
                see(path, variables);
            }
            Self::Any(path, variable, inner) => {
                see(path, variables);
                variables.push(variable);
                inner.collect(variables, found);
                variables.pop();
            }
        }
    }

    /// Whether Graph answers it from the eventually consistent index only.
    pub(super) fn is_advanced(&self) -> bool {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.is_advanced() || right.is_advanced()
            }
            Self::Not(_) | Self::Compare(_, Operator::Ne, _) => true,
            Self::Function(function, ..) => *function != Function::StartsWith,
            Self::Compare(..) | Self::In(..) | Self::Any(..) => false,
        }
    }
}

fn look_up<'a>(path: &[String], row: &'a Value, scope: &[(&'a str, &'a Value)]) -> &'a Value {
    let mut steps = path.iter();
    let mut value = row;
    if let Some(first) = path.first()
        && let Some((_, element)) = scope.iter().rev().find(|(name, _)| name == first)
    {
        steps.next();
        value = element;
    }
    for step in steps {
        value = value.get(step).unwrap_or(&Value::Null);
    }
    value
}

fn compare(value: &Value, operator: Operator, literal: &Value) -> bool {
    use std::cmp::Ordering;
    let ordering = match (value, literal) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left
            .as_f64()
            .zip(right.as_f64())
            .and_then(|(left, right)| left.partial_cmp(&right)),
        (Value::String(left), Value::String(right)) => {
            let times = left
                .parse::<jiff::Timestamp>()
                .ok()
                .zip(right.parse::<jiff::Timestamp>().ok());
            Some(times.map_or_else(
                // Graph compares names without regard to case.
                || left.to_lowercase().cmp(&right.to_lowercase()),
                |(left, right)| left.cmp(&right),
            ))
        }
        _ => None,
    };
    match operator {
        Operator::Eq => ordering == Some(Ordering::Equal),
        Operator::Ne => ordering != Some(Ordering::Equal),
        Operator::Gt => ordering == Some(Ordering::Greater),
        Operator::Lt => ordering == Some(Ordering::Less),
        Operator::Ge => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Le => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
    Colon,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&character) = characters.peek() {
        match character {
            ' ' | '\t' => {
                characters.next();
            }
            '(' | ')' | ',' => {
                characters.next();
                tokens.push(match character {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
            }
            '\'' => {
                characters.next();
                let mut literal = String::new();
                loop {
                    match characters.next()? {
                        '\'' if characters.peek() == Some(&'\'') => {
                            characters.next();
                            literal.push('\'');
                        }
                        '\'' => break,
                        other => literal.push(other),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            _ => {
                let mut word = String::new();
                while let Some(&next) = characters.peek() {
                    if " \t(),'".contains(next) {
                        break;
                    }
                    word.push(next);
                    characters.next();
                }
                // The colon of a lambda ends its variable; the ones of a time stand among digits.
                match word.split_once(':') {
                    Some((variable, rest))
                        if variable.chars().all(char::is_alphabetic) && !variable.is_empty() =>
                    {
                        tokens.push(Token::Word(variable.to_owned()));
                        tokens.push(Token::Colon);
                        if !rest.is_empty() {
                            tokens.push(Token::Word(rest.to_owned()));
                        }
                    }
                    _ if word == ":" => tokens.push(Token::Colon),
                    _ => tokens.push(Token::Word(word)),
                }
            }
        }
    }
    Some(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, token: &Token) -> Option<()> {
        (self.tokens.get(self.at) == Some(token)).then(|| self.at += 1)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        if is {
            self.at += 1;
        }
        is
    }

    fn or(&mut self, depth: usize) -> Option<Condition> {
        let mut left = self.and(depth)?;
        while self.take_word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Some(left)
    }

    fn and(&mut self, depth: usize) -> Option<Condition> {
        let mut left = self.single(depth)?;
        while self.take_word("and") {
            left = Condition::And(Box::new(left), Box::new(self.single(depth)?));
        }
        Some(left)
    }

    fn single(&mut self, depth: usize) -> Option<Condition> {
        if depth > DEEPEST {
            return None;
        }
        if self.take_word("not") {
            return Some(Condition::Not(Box::new(self.single(depth + 1)?)));
        }
        if self.take(&Token::Open).is_some() {
            let inner = self.or(depth + 1)?;
            self.take(&Token::Close)?;
            return Some(inner);
        }
        let Token::Word(word) = self.next()? else {
            return None;
        };
        let function = match word.to_ascii_lowercase().as_str() {
            "startswith" => Some(Function::StartsWith),
            "endswith" => Some(Function::EndsWith),
            "contains" => Some(Function::Contains),
            _ => None,
        };
        if let Some(function) = function
            && self.take(&Token::Open).is_some()
        {
            let Token::Word(property) = self.next()? else {
                return None;
            };
            self.take(&Token::Comma)?;
            let Token::Text(literal) = self.next()? else {
                return None;
            };
            self.take(&Token::Close)?;
            return Some(Condition::Function(function, path(&property)?, literal));
        }
        if let Some(collection) = word.strip_suffix("/any") {
            self.take(&Token::Open)?;
            let Token::Word(variable) = self.next()? else {
                return None;
            };
            self.take(&Token::Colon)?;
            let inner = self.or(depth + 1)?;
            self.take(&Token::Close)?;
            return Some(Condition::Any(path(collection)?, variable, Box::new(inner)));
        }
        let path = path(&word)?;
        let Token::Word(operator) = self.next()? else {
            return None;
        };
        let operator = match operator.as_str() {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            "in" => {
                self.take(&Token::Open)?;
                let mut literals = vec![self.literal()?];
                while self.take(&Token::Comma).is_some() {
                    literals.push(self.literal()?);
                }
                self.take(&Token::Close)?;
                return Some(Condition::In(path, literals));
            }
            _ => return None,
        };
        Some(Condition::Compare(path, operator, self.literal()?))
    }

    fn literal(&mut self) -> Option<Value> {
        Some(match self.next()? {
            Token::Text(text) => Value::String(text),
            Token::Word(word) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => match word.parse::<i64>() {
                    Ok(number) => Value::from(number),
                    // A time or a GUID stands without quotes.
                    Err(_) => Value::String(word),
                },
            },
            _ => return None,
        })
    }
}

fn path(word: &str) -> Option<Vec<String>> {
    let steps: Vec<String> = word.split('/').map(str::to_owned).collect();
    let is_name = |step: &String| {
        !step.is_empty()
            && step
                .chars()
                .all(|c| c.is_alphanumeric() || "_@.".contains(c))
    };
    steps.iter().all(is_name).then_some(steps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        let row = json!({
            "displayName": "O'Brien's group",
            "securityEnabled": true,
            "size": 7,
            "mail": null,
            "status": {"errorCode": 0},
            "groupTypes": ["Unified"],
            "activityDateTime": "2026-11-02T08:00:01.0000000Z",
            "targetResources": [{"id": "a"}, {"id": "b"}],
        });
        Condition::parse(filter).unwrap().holds(&row)
    }

    #[test]
    fn filters_that_hold() {
        for filter in [
            "displayName eq 'o''brien''s GROUP'",
            "startswith(displayName,'o''b') and securityEnabled eq true",
            "displayName in ('x', 'O''Brien''s group')",
            "not (size eq 8) and mail eq null",
            "size gt 6 and size le 7",
            "status/errorCode eq 0",
            "activityDateTime ge 2026-11-02T08:00:01Z and activityDateTime lt 2026-11-02T08:00:02Z",
            "targetResources/any(t: t/id eq 'b')",
            "targetResources/any(t:t/id eq 'a') or size eq 1",
            "groupTypes/any(c:c eq 'Unified')",
            "size eq 1 or size eq 2 or (size eq 7 and displayName ne 'x')",
        ] {
            assert!(holds(filter), "{filter}");
        }
    }

    #[test]
    fn filters_that_do_not_hold() {
        for filter in [
            "displayName eq 'other'",
            "targetResources/any(t: t/id eq 'c')",
            "absent eq 'x'",
            "size eq '7'",
            "activityDateTime gt 2026-11-02T08:00:01Z",
            "size eq 7 and size eq 8 or size eq 9",
        ] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn nonsense_and_hostile_depth_are_refused() {
        let deep = format!("{}a eq 1{}", "(".repeat(5000), ")".repeat(5000));
        let nots = "not ".repeat(1000);
        let long = vec!["a eq 1"; 100_000].join(" and ");
        for filter in [
            "", "a", "a eq", "a eq 'x", "a xx 1", "(a eq 1", "a eq 1)", "a in ()", &deep, &nots,
            &long,
        ] {
            assert_eq!(
                Condition::parse(filter),
                None,
                "{}",
                &filter[..filter.len().min(20)]
            );
        }
    }

    #[test]
    fn properties_are_those_of_the_row() {
        let filter = "targetResources/any(t: t/id eq 'c') and status/errorCode eq 0";
        assert_eq!(
            Condition::parse(filter).unwrap().properties(),
            ["targetResources", "status"]
        );
    }
}
