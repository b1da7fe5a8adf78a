//! What a request of the tool must hold to.

use serde_json::Value;

use super::Violation;
use super::exchange::{Exchange, REDACTED};
use super::operations::{Asked, Operation, find};
use super::tables::Tables;
use super::values::{Check, Role};

/// No batch has more parts (2.9 of the contract).
const MOST_PARTS: usize = 20;

/// What is wrong with the request of an exchange.
pub(crate) fn check(tables: &Tables, exchange: &Exchange) -> Vec<Violation> {
    let mut request = Reading {
        tables,
        exchange,
        found: Vec::new(),
    };
    request.read();
    request.found
}

struct Reading<'a> {
    tables: &'a Tables,
    exchange: &'a Exchange,
    found: Vec<Violation>,
}

impl Reading<'_> {
    fn say(&mut self, path: &str, rule: &'static str, sentence: impl Into<String>) {
        self.found.push(Violation {
            exchange: self.exchange.to_string(),
            place: format!("request {path}").trim_end().to_owned(),
            rule,
            sentence: sentence.into(),
        });
    }

    fn read(&mut self) {
        let operation = match find(self.tables, self.exchange) {
            Asked::Operation(operation) => operation,
            _ if self.tables.partial => return,
            Asked::OtherVerb => return self.say("", "unknown operation", "not with this verb"),
            Asked::Unknown => return self.say("", "unknown operation", "no table lists it"),
        };
        if !operation.bare {
            self.headers(operation);
        }
        self.options(operation);
        self.body(operation);
        if operation.path == "/$batch" {
            self.parts();
        }
    }

    fn headers(&mut self, operation: &Operation) {
        let bearer = self.exchange.header("authorization");
        if !bearer.is_some_and(|bearer| bearer.starts_with("Bearer ")) {
            self.say("", "authorization", "no token is sent");
        }
        // What a batch prefers is said by each part.
        if operation.path != "/$batch"
            && self.exchange.method == "GET"
            && !self.exchange.knows_later_members()
        {
            let sentence = "`Prefer: include-unknown-enum-members` belongs to every read (1.8)";
            self.say("", "prefer", sentence);
        }
    }

    fn options(&mut self, operation: &Operation) {
        let pages = operation
            .answers
            .iter()
            .any(|(_, answer)| matches!(answer, super::operations::Answer::Many(_)));
        for (name, _) in self.exchange.options() {
            let listed = operation.options.contains(&name);
            let is_next_page = pages && name == "skiptoken";
            if !listed && !is_next_page {
                let sentence = format!("`{name}` is not taken here ({})", operation.source);
                self.say("", "query option", sentence);
            }
        }
        if operation.advanced && self.is_advanced() {
            let counts = self.exchange.option("count").as_deref() == Some("true")
                || self.exchange.target.contains("/$count");
            if !self.exchange.is_eventual() || !counts {
                let sentence = "needs `ConsistencyLevel: eventual` and `$count=true` (2.9)";
                self.say("", "advanced query", sentence);
            }
        }
    }

    /// Whether the index is needed that only the header opens (2.9 of the contract).
    fn is_advanced(&self) -> bool {
        let option = |name: &str| self.exchange.option(name);
        let filter = option("filter").unwrap_or_default().to_ascii_lowercase();
        let needs_it = [" ne ", "not ", "not(", "endswith("]
            .iter()
            .any(|word| filter.contains(word));
        needs_it
            || option("search").is_some()
            || option("count").is_some()
            || self.exchange.target.contains("/$count")
            || (!filter.is_empty() && option("orderby").is_some())
    }

    fn body(&mut self, operation: &Operation) {
        let sent = &self.exchange.sent;
        let Some(name) = &operation.body else {
            if !sent.is_null() {
                self.say("", "body", "takes none");
            }
            return;
        };
        if *sent == REDACTED {
            return;
        }
        if sent.is_null() {
            return self.say("", "body", format!("a {name} is needed"));
        }
        let kind = self.exchange.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            self.say(
                "",
                "content type",
                format!("is application/json, not `{kind}`"),
            );
        }
        let role = if self.exchange.method == "PATCH" {
            Role::Part {
                complete: operation.complete,
            }
        } else {
            Role::New
        };
        let mut check = Check {
            tables: self.tables,
            role,
            beta: self.exchange.segments().first() == Some(&"beta"),
            found: Vec::new(),
        };
        check.object("$", sent, name, None);
        for (path, rule, sentence) in check.found {
            self.say(&path, rule, sentence);
        }
    }

    fn parts(&mut self) {
        let (tables, exchange) = (self.tables, self.exchange);
        let parts = exchange.sent["requests"].as_array();
        let parts = parts.map_or(&[][..], Vec::as_slice);
        if parts.is_empty() || parts.len() > MOST_PARTS {
            let sentence = format!("{} parts; 1 to {MOST_PARTS} are taken (2.9)", parts.len());
            self.say("$.requests", "batch", sentence);
        }
        for part in parts {
            let mut part = exchange.part(part, &Value::Null);
            // A part has a type only when it has a body.
            if part.sent.is_object() && part.header("content-type").is_none() {
                self.say(
                    "$.requests",
                    "content type",
                    format!("{part} has a body and no type"),
                );
                part.headers
                    .push(("content-type".into(), "application/json".into()));
            }
            self.found.extend(check(tables, &part));
        }
    }
}
