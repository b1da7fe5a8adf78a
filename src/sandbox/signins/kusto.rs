//! Log Analytics: the three queries of the evidence reference (1.8), each a fixed shape, over the same
//! sign-ins. It is no Kusto; any other query is refused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::errors::Failure;
use super::super::owner::Session;
use super::super::request::{Reply, Request, Stream};
use super::super::tenant::text;
use super::apps::APPS;
use super::habits::Kind;
use super::log::{Found, Log};
use super::standing::address;
use super::wanted::Wanted;
use super::write::{is_hidden, protocol};

/// What a query asks.
#[derive(Debug)]
enum Query {
    /// Q1: a row for each user, app, result and log; of one shard when there are shards.
    Evidence { shard: Option<(u64, u64)> },
    /// Q2: a row for each result, log and day.
    Totals,
    /// Q3: whether the table carries policies.
    Policies,
}

/// `POST /v1/workspaces/{id}/query`.
pub(in super::super) fn answer(
    session: &Session<'_>,
    request: &Request,
    is_partial: bool,
) -> Reply {
    let asked = request
        .object()
        .and_then(|body| Asked::of(text(&body, "query"), session.tenant.now()));
    let asked = match asked {
        Ok(asked) => asked,
        Err(failure) => {
            return Reply::json(
                failure.status,
                json!({"error": {
                    "message": "The request had some invalid properties",
                    "code": failure.code,
                    "innererror": {"code": "SyntaxError", "message": failure.message},
                }}),
            );
        }
    };
    let kinds: &[Kind] = match asked.query {
        Query::Policies => &[Kind::Interactive],
        _ => &[Kind::Interactive, Kind::NonInteractive],
    };
    let (from, to) = (asked.from.as_second(), asked.to.as_second() - 1);
    let log = Log::of(super::history(session), Wanted::between(kinds, from, to));
    // A month of a large tenant takes a while: it is counted while nobody else has to wait.
    let body = Stream::new(move |sink| {
        let mut answer = asked.run(&log);
        if is_partial {
            answer["error"] = json!({
                "code": "PartialError",
                "message": "There were some errors when processing your query.",
                "details": [{
                    "code": "EngineError",
                    "message": "Something went wrong processing your query on the server.",
                }],
            });
        }
        sink(answer.to_string().into_bytes());
    });
    Reply::stream(body)
}

/// A query that was understood.
#[derive(Debug)]
struct Asked {
    query: Query,
    policy: String,
    from: Timestamp,
    to: Timestamp,
}

impl Asked {
    fn of(text: &str, now: Timestamp) -> Result<Self, Failure> {
        let words: Vec<&str> = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .flat_map(str::split_whitespace)
            .collect();
        let words = words.join(" ");
        let refused = || {
            // synthetic: the real service runs any query; the sandbox knows three.
            Failure::new(
                400,
                "BadArgumentError",
                "this workspace answers the three queries on report-only evidence, and no other",
            )
        };
        let query = if words.contains("by UserId, UserType, AppId, Result, Src") {
            Query::Evidence {
                shard: shard(&words),
            }
        } else if words.contains("by Result, Src, Day") {
            Query::Totals
        } else if words.contains("Empty=countif(array_length(ConditionalAccessPolicies)==0)") {
            let day_ago = Timestamp::from_second(now.as_second() - 86_400).unwrap_or(now);
            return Ok(Self {
                query: Query::Policies,
                policy: String::new(),
                from: day_ago,
                to: now,
            });
        } else {
            return Err(refused());
        };
        let time = |name: &str| {
            let text = between(&words, &format!("let {name} = datetime("), ")")?;
            let text = if text.contains('T') {
                text.to_owned()
            } else {
                format!("{text}T00:00:00Z")
            };
            text.parse::<Timestamp>().ok()
        };
        let policy = between(&words, "let P = \"", "\"").ok_or_else(refused)?;
        let (from, to) = time("T0").zip(time("T1")).ok_or_else(refused)?;
        Ok(Self {
            query,
            policy: policy.to_owned(),
            from,
            to,
        })
    }

    fn run(&self, log: &Log) -> Value {
        if matches!(self.query, Query::Policies) {
            return policies(log);
        }
        let mut rows: BTreeMap<Group, Tally> = BTreeMap::new();
        each(log, &mut |found| {
            if let Some(group) = self.group(found) {
                rows.entry(group).or_default().take(found);
            }
        });
        match self.query {
            Query::Evidence { .. } => evidence(&rows),
            _ => totals(&rows),
        }
    }

    /// Which row of the answer a sign-in counts in.
    fn group(&self, found: &Found<'_>) -> Option<Group> {
        let place = found
            .standing
            .policies
            .iter()
            .position(|logged| text(&logged.row, "id").eq_ignore_ascii_case(&self.policy))?;
        let mut result = found.outcome.results.get(place)?.wire();
        if is_hidden(found.standing, found.moment, &found.profile) {
            result = "unknownFutureValue";
        }
        let kind = found.moment.kind;
        let Query::Evidence { shard } = self.query else {
            return Some(Group {
                user: String::new(),
                app: 0,
                result,
                kind,
                day: found.moment.at.div_euclid(86_400),
            });
        };
        let user = found.standing.id_of(found.moment.who);
        let is_other = shard.is_some_and(|(of, wanted)| hash(&user) % of != wanted);
        let is_out = matches!(result, "notApplied" | "reportOnlyNotApplied");
        (!is_other && !is_out).then_some(Group {
            user,
            app: found.moment.app,
            result,
            kind,
            day: 0,
        })
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    user: String,
    app: u8,
    result: &'static str,
    kind: Kind,
    day: i64,
}

#[derive(Debug, Default)]
struct Tally {
    events: u64,
    first: i64,
    last: i64,
    addresses: BTreeSet<String>,
    hours: u32,
    days: BTreeSet<i64>,
    ropc: u64,
    users: BTreeSet<String>,
    is_guest: bool,
}

impl Tally {
    fn take(&mut self, found: &Found<'_>) {
        let at = found.moment.at;
        // The log is read from its newest end.
        if self.events == 0 {
            self.last = at;
        }
        self.first = at;
        self.events += 1;
        self.addresses.insert(address(found.moment, &found.profile));
        self.hours |= 1 << at.div_euclid(3_600).rem_euclid(24);
        self.days.insert(at.div_euclid(86_400));
        self.ropc += u64::from(protocol(found.moment, &found.outcome) == "ropc");
        self.users.insert(found.standing.id_of(found.moment.who));
        self.is_guest = found.profile.class.is_guest();
    }
}

fn each(log: &Log, show: &mut dyn FnMut(&Found<'_>)) {
    log.newest_first(None, &mut |found| {
        show(found);
        true
    });
}

fn time(second: i64) -> String {
    Timestamp::from_second(second)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn source(kind: Kind) -> &'static str {
    if kind == Kind::Interactive { "i" } else { "n" }
}

fn table(columns: &[(&str, &str)], rows: Vec<Value>) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|(name, kind)| json!({"name": name, "type": kind}))
        .collect();
    json!({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})
}

fn evidence(groups: &BTreeMap<Group, Tally>) -> Value {
    let rows = groups
        .iter()
        .map(|(group, tally)| {
            let app = &APPS[usize::from(group.app)];
            json!([
                group.user,
                if tally.is_guest { "Guest" } else { "Member" },
                app.id,
                group.result,
                source(group.kind),
                tally.events,
                // Every sign-in has a correlation of its own here.
                tally.events,
                time(tally.first),
                time(tally.last),
                tally.addresses.len(),
                tally.hours.count_ones(),
                tally.days.len(),
                tally.ropc,
                app.user_agent,
            ])
        })
        .collect();
    table(
        &[
            ("UserId", "string"),
            ("UserType", "string"),
            ("AppId", "string"),
            ("Result", "string"),
            ("Src", "string"),
            ("Events", "long"),
            ("Corr", "long"),
            ("First", "datetime"),
            ("Last", "datetime"),
            ("Ips", "long"),
            ("Hours", "long"),
            ("Days", "long"),
            ("Ropc", "long"),
            ("Ua", "string"),
        ],
        rows,
    )
}

fn totals(groups: &BTreeMap<Group, Tally>) -> Value {
    let rows = groups
        .iter()
        .map(|(group, tally)| {
            json!([
                group.result,
                source(group.kind),
                time(group.day * 86_400),
                tally.events,
                tally.users.len(),
                time(tally.first),
                time(tally.last),
            ])
        })
        .collect();
    table(
        &[
            ("Result", "string"),
            ("Src", "string"),
            ("Day", "datetime"),
            ("Events", "long"),
            ("Users", "long"),
            ("First", "datetime"),
            ("Last", "datetime"),
        ],
        rows,
    )
}

fn policies(log: &Log) -> Value {
    let (mut count, mut empty) = (0_u64, 0_u64);
    each(log, &mut |found| {
        count += 1;
        empty += u64::from(found.outcome.results.is_empty());
    });
    table(
        &[("N", "long"), ("Empty", "long")],
        vec![json!([count, empty])],
    )
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// `| where hash(UserId, N) == k`.
fn shard(words: &str) -> Option<(u64, u64)> {
    let of = between(words, "hash(UserId, ", ")")?
        .parse()
        .ok()
        .filter(|of| *of > 0)?;
    let (_, rest) = words.split_once("hash(UserId, ")?;
    let (_, rest) = rest.split_once("== ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((of, digits.parse().ok()?))
}

/// Which shard a user is in.
fn hash(user: &str) -> u64 {
    // synthetic: Kusto's own hash is another one; the shards are disjoint and complete all the same.
    user.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
