//! What an answer must hold to.

use serde_json::Value;

use super::Violation;
use super::exchange::{Exchange, REDACTED};
use super::operations::{Answer, Asked, Operation, find};
use super::tables::Tables;
use super::values::{Check, Role};

/// What is wrong with the answer of an exchange.
pub(crate) fn check(tables: &Tables, exchange: &Exchange) -> Vec<Violation> {
    let mut answer = Reading {
        tables,
        exchange,
        found: Vec::new(),
    };
    answer.read();
    answer.found
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
            place: format!("response {path}").trim_end().to_owned(),
            rule,
            sentence: sentence.into(),
        });
    }

    fn read(&mut self) {
        let exchange = self.exchange;
        let operation = match find(self.tables, exchange) {
            Asked::Operation(operation) => Some(operation),
            Asked::OtherVerb | Asked::Unknown => None,
        };
        if exchange.answer == REDACTED {
            return;
        }
        if exchange.status >= 400 {
            self.refusal(operation);
            return;
        }
        let Some(operation) = operation else {
            if !self.tables.partial {
                self.say(
                    "",
                    "unknown operation",
                    "no table lists it, and it succeeded",
                );
            }
            return;
        };
        let answer = operation
            .answers
            .iter()
            .find(|(status, _)| *status == exchange.status);
        match answer {
            Some((_, answer)) => self.success(operation, answer),
            None => {
                let expected: Vec<String> = operation
                    .answers
                    .iter()
                    .map(|(status, _)| status.to_string())
                    .collect();
                let sentence = format!(
                    "{} is answered ({})",
                    expected.join(" or "),
                    operation.source
                );
                self.say("", "status", sentence);
            }
        }
    }

    fn content_type(&mut self, expected: &str) {
        let given = self.exchange.content_type.as_deref().unwrap_or("nothing");
        let kind = given.split(';').next().unwrap_or_default().trim();
        if kind != expected {
            self.say("", "content type", format!("is {expected}, not {given}"));
        }
    }

    fn refusal(&mut self, operation: Option<&Operation>) {
        let name = match operation {
            Some(operation) if operation.path.starts_with("/{tenant}") => "loginError",
            // What is neither Graph's nor the login's is refused in words of its own.
            Some(operation) if operation.bare => return,
            None if !["v1.0", "beta"].contains(self.exchange.segments().first().unwrap_or(&"")) => {
                return;
            }
            _ => "ODataErrors.ODataError",
        };
        self.content_type("application/json");
        self.shape("$", &self.exchange.answer, name, None);
    }

    fn success(&mut self, operation: &Operation, answer: &Answer) {
        let body = &self.exchange.answer;
        match answer {
            Answer::Nothing => {
                if !body.is_null() {
                    self.say("", "body", "there is none");
                }
                if self.exchange.content_type.is_some() && body.is_null() {
                    self.say("", "content type", "nothing is sent, so it has no type");
                }
            }
            Answer::Count => {
                self.content_type("text/plain");
                let number = match body {
                    Value::String(text) => text.parse::<u64>().is_ok(),
                    other => other.is_u64(),
                };
                if !number {
                    self.say("$", "type", "a number in plain text");
                }
            }
            Answer::One(name) => {
                self.content_type("application/json");
                let is_entity = self
                    .tables
                    .properties(name)
                    .iter()
                    .any(|property| property.name == "id");
                if is_entity {
                    self.context();
                }
                let select = self.select();
                self.shape("$", body, name, select.as_deref());
                if name == "batchResponse" {
                    self.parts();
                }
            }
            Answer::Many(name) => {
                self.content_type("application/json");
                self.collection(operation, name);
            }
        }
    }

    fn select(&self) -> Option<Vec<String>> {
        let select = self.exchange.option("select")?;
        let names: Vec<String> = select
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        (!names.is_empty()).then_some(names)
    }

    fn shape(&mut self, path: &str, value: &Value, name: &str, select: Option<&[String]>) {
        let mut check = Check {
            tables: self.tables,
            role: Role::Answer {
                knows_later: self.exchange.knows_later_members(),
            },
            beta: self.exchange.segments().first() == Some(&"beta"),
            found: Vec::new(),
        };
        check.object(path, value, name, select);
        for (path, rule, sentence) in check.found {
            self.say(&path, rule, sentence);
        }
    }

    /// The root that links must begin with: the origin that was asked, and the version.
    fn root(&self) -> Option<String> {
        let host = self.exchange.header("host")?;
        let version = self.exchange.segments().first().copied()?;
        Some(format!("://{host}/{version}/"))
    }

    fn is_below_root(&self, link: &str) -> bool {
        self.root().is_none_or(|root| {
            link.strip_prefix("https")
                .or_else(|| link.strip_prefix("http"))
                .is_some_and(|rest| rest.starts_with(&root))
        })
    }

    fn context(&mut self) {
        match self.exchange.answer["@odata.context"].as_str() {
            Some(context) if self.is_below_root(context) && context.contains("$metadata#") => {}
            Some(context) => {
                let sentence = format!("{context} is no $metadata of the host that was asked");
                self.say("$['@odata.context']", "@odata.context", sentence);
            }
            None => self.say("$", "@odata.context", "is missing"),
        }
    }

    fn collection(&mut self, operation: &Operation, name: &str) {
        let body = &self.exchange.answer;
        self.shape("$", body, "collection", None);
        self.context();
        let select = self.select();
        let rows = body["value"].as_array().map_or(&[][..], Vec::as_slice);
        for (at, row) in rows.iter().enumerate() {
            self.shape(&format!("$.value[{at}]"), row, name, select.as_deref());
        }
        if let Some(link) = body["@odata.nextLink"].as_str()
            && !self.is_below_root(link)
        {
            let sentence = format!("{link} leads away from the host that was asked");
            self.say("$['@odata.nextLink']", "nextLink", sentence);
        }
        let top = self.exchange.option("top").and_then(|top| top.parse().ok());
        if top.is_some_and(|top: usize| rows.len() > top) {
            let sentence = format!("{} rows, and fewer were asked for", rows.len());
            self.say("$.value", "$top", sentence);
        }
        let counted = self.exchange.option("count").as_deref() == Some("true")
            && operation.options.iter().any(|option| option == "count")
            && (!operation.advanced || self.exchange.is_eventual());
        if counted != body.get("@odata.count").is_some() && self.exchange.method == "GET" {
            let sentence = if counted {
                "was asked for"
            } else {
                "was not asked for"
            };
            self.say("$['@odata.count']", "$count", sentence);
        }
    }

    fn parts(&mut self) {
        let (tables, exchange) = (self.tables, self.exchange);
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let requests = list(&exchange.sent["requests"]);
        let responses = list(&exchange.answer["responses"]);
        if requests.len() != responses.len() {
            let sentence = format!(
                "{} requests and {} responses",
                requests.len(),
                responses.len()
            );
            self.say("$.responses", "batch", sentence);
        }
        for request in &requests {
            let answered = responses
                .iter()
                .find(|response| response["id"] == request["id"]);
            match answered {
                Some(response) => {
                    self.found
                        .extend(check(tables, &exchange.part(request, response)));
                }
                None => {
                    let sentence = format!("the part {} is not answered", request["id"]);
                    self.say("$.responses", "batch", sentence);
                }
            }
        }
    }
}
