//! `$filter` of the sign-ins: what the contract lists (its section 2.7), and nothing else.

use jiff::Timestamp;
use serde_json::Value;

use super::super::errors::Failure;
use super::super::filter::{Condition, Function, Operator};
use super::super::request::Request;
use super::apps::APPS;
use super::habits::{Kind, Moment, Profile};
use super::standing::{Outcome, Standing, address};
use super::write::client_app;

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    At(Operator, i64),
    App(String),
    Resource(String),
    User(String),
    Upn(String, bool),
    Client(String),
    Status(String),
    Error(u64),
    Address(String, bool),
    Kind(Kind),
    Requirement(String),
}

/// What a caller wants of the log.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// All of them must hold; of each, one alternative.
    clauses: Vec<Vec<Test>>,
    pub(super) kinds: Vec<Kind>,
    /// The bounds in seconds of the epoch, both included.
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Wanted {
    /// Everything of some logs between two seconds, both included.
    pub(super) fn between(kinds: &[Kind], from: i64, to: i64) -> Self {
        Self {
            clauses: Vec::new(),
            kinds: kinds.to_vec(),
            from,
            to,
        }
    }

    /// Reads the filter of a request.
    pub(super) fn of(request: &Request) -> Result<Self, Failure> {
        let mut wanted = Self::between(&[Kind::Interactive], i64::MIN, i64::MAX);
        let text = request.option("filter").unwrap_or_default();
        if text.is_empty() {
            return Ok(wanted);
        }
        // synthetic: the sentence for a filter that is none.
        let condition =
            Condition::parse(text).ok_or_else(|| Failure::bad_request("Invalid filter clause"))?;
        wanted.all(&condition, request)?;
        for clause in &wanted.clauses {
            let kinds: Vec<Kind> = clause
                .iter()
                .filter_map(|test| match test {
                    Test::Kind(kind) => Some(*kind),
                    _ => None,
                })
                .collect();
            if !kinds.is_empty() {
                wanted.kinds = kinds;
            }
            if let [Test::At(operator, at)] = clause.as_slice() {
                match operator {
                    Operator::Ge => wanted.from = wanted.from.max(*at),
                    Operator::Gt => wanted.from = wanted.from.max(at.saturating_add(1)),
                    Operator::Le => wanted.to = wanted.to.min(*at),
                    Operator::Lt => wanted.to = wanted.to.min(at.saturating_sub(1)),
                    _ => (wanted.from, wanted.to) = (wanted.from.max(*at), wanted.to.min(*at)),
                }
            }
        }
        wanted.kinds.sort_unstable();
        wanted.kinds.dedup();
        Ok(wanted)
    }

    fn all(&mut self, condition: &Condition, request: &Request) -> Result<(), Failure> {
        if let Condition::And(left, right) = condition {
            self.all(left, request)?;
            return self.all(right, request);
        }
        let mut tests = Vec::new();
        alternatives(condition, request, &mut tests)?;
        let same = tests
            .windows(2)
            .all(|pair| std::mem::discriminant(&pair[0]) == std::mem::discriminant(&pair[1]));
        if !same {
            return Err(unsupported(
                "different properties cannot be combined with 'or'",
            ));
        }
        self.clauses.push(tests);
        Ok(())
    }

    /// The one person it is about, by object id or principal name.
    pub(super) fn user(&self) -> Option<&str> {
        self.clauses
            .iter()
            .find_map(|clause| match clause.as_slice() {
                [Test::User(name) | Test::Upn(name, false)] => Some(name.as_str()),
                _ => None,
            })
    }

    /// Whether the policies have to be asked before it can be said that a sign-in is wanted.
    pub(super) fn needs_outcome(&self) -> bool {
        self.clauses.iter().flatten().any(|test| {
            matches!(
                test,
                Test::Status(_) | Test::Error(_) | Test::Requirement(_)
            )
        })
    }

    /// Whether a sign-in is wanted; without an outcome nothing is said about what came of it.
    pub(super) fn holds(
        &self,
        moment: &Moment,
        profile: &Profile,
        standing: &Standing,
        outcome: Option<&Outcome>,
    ) -> bool {
        let app = &APPS[usize::from(moment.app)];
        self.clauses.iter().all(|clause| {
            clause.iter().any(|test| match test {
                Test::At(operator, at) => match operator {
                    Operator::Ge => moment.at >= *at,
                    Operator::Gt => moment.at > *at,
                    Operator::Le => moment.at <= *at,
                    Operator::Lt => moment.at < *at,
                    _ => moment.at == *at,
                },
                Test::App(id) => app.id.eq_ignore_ascii_case(id),
                Test::Resource(id) => app.resource.0.eq_ignore_ascii_case(id),
                Test::User(id) => standing.id_of(moment.who).eq_ignore_ascii_case(id),
                Test::Upn(upn, false) => standing.upn_of(moment.who).eq_ignore_ascii_case(upn),
                Test::Upn(start, true) => standing
                    .upn_of(moment.who)
                    .to_lowercase()
                    .starts_with(&start.to_lowercase()),
                Test::Client(name) => client_app(moment).eq_ignore_ascii_case(name),
                Test::Address(start, true) => address(moment, profile).starts_with(start),
                Test::Address(all, false) => address(moment, profile) == *all,
                Test::Kind(kind) => moment.kind == *kind,
                Test::Status(status) => {
                    outcome.is_none_or(|outcome| outcome.status.eq_ignore_ascii_case(status))
                }
                Test::Error(code) => {
                    outcome.is_none_or(|outcome| u64::from(outcome.error) == *code)
                }
                Test::Requirement(word) => outcome.is_none_or(|outcome| {
                    super::write::requirement(outcome.mfa).eq_ignore_ascii_case(word)
                }),
            })
        })
    }
}

fn alternatives(
    condition: &Condition,
    request: &Request,
    found: &mut Vec<Test>,
) -> Result<(), Failure> {
    match condition {
        Condition::Or(left, right) => {
            alternatives(left, request, found)?;
            alternatives(right, request, found)
        }
        Condition::Compare(path, operator, value) => {
            found.push(compared(&path.join("/"), *operator, value)?);
            Ok(())
        }
        Condition::In(path, values) => {
            for value in values {
                found.push(compared(&path.join("/"), Operator::Eq, value)?);
            }
            Ok(())
        }
        Condition::Function(Function::StartsWith, path, start) => {
            found.push(match path.join("/").as_str() {
                "userPrincipalName" => Test::Upn(start.clone(), true),
                "ipAddress" => Test::Address(start.clone(), true),
                other => return Err(unsupported(&format!("startswith on '{other}'"))),
            });
            Ok(())
        }
        Condition::Any(path, variable, inner) if path.join("/") == "signInEventTypes" => {
            if !request.beta {
                // synthetic: OData's sentence for a property that a version does not have.
                return Err(Failure::bad_request(
                    "Could not find a property named 'signInEventTypes' on type 'microsoft.graph.signIn'.",
                ));
            }
            kinds(inner, variable, found)
        }
        _ => Err(unsupported("this filter clause")),
    }
}

fn kinds(condition: &Condition, variable: &str, found: &mut Vec<Test>) -> Result<(), Failure> {
    match condition {
        Condition::Or(left, right) => {
            kinds(left, variable, found)?;
            kinds(right, variable, found)
        }
        Condition::Compare(path, Operator::Eq, Value::String(word)) if *path == [variable] => {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.word().eq_ignore_ascii_case(word))
                .ok_or_else(|| unsupported(&format!("the event type '{word}'")))?;
            found.push(Test::Kind(kind));
            Ok(())
        }
        _ => Err(unsupported("this filter on signInEventTypes")),
    }
}

fn compared(property: &str, operator: Operator, value: &Value) -> Result<Test, Failure> {
    if property == "createdDateTime" {
        let at = value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .filter(|_| operator != Operator::Ne)
            .ok_or_else(|| unsupported("this comparison of 'createdDateTime'"))?;
        // Sign-ins have whole seconds; a bound between two of them moves to the next.
        let above = i64::from(
            at.subsec_nanosecond() > 0 && matches!(operator, Operator::Ge | Operator::Lt),
        );
        return Ok(Test::At(operator, at.as_second() + above));
    }
    if operator != Operator::Eq {
        return Err(unsupported(&format!("this operator on '{property}'")));
    }
    let text = || {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| unsupported(&format!("this value of '{property}'")))
    };
    Ok(match property {
        "appId" => Test::App(text()?),
        "resourceId" => Test::Resource(text()?),
        "userId" => Test::User(text()?),
        "userPrincipalName" => Test::Upn(text()?, false),
        "clientAppUsed" => Test::Client(text()?),
        "conditionalAccessStatus" => Test::Status(text()?),
        "ipAddress" => Test::Address(text()?, false),
        "authenticationRequirement" => Test::Requirement(text()?),
        "status/errorCode" => Test::Error(
            value
                .as_u64()
                .ok_or_else(|| unsupported("this value of 'status/errorCode'"))?,
        ),
        other => return Err(unsupported(&format!("'{other}'"))),
    })
}

fn unsupported(what: &str) -> Failure {
    // synthetic: the contract lists what may be filtered by, and has no sentence for the rest.
    Failure::bad_request(format!("Invalid filter clause: {what} is not supported."))
}
