//! The sign-in logs: computed when they are asked for, row by row, and never kept.
//!
//! A sign-in is a function of seed, person and day ([`habits`]), of the tenant as it stood at that moment
//! ([`history`], [`standing`]), and of who looks at it ([`write`]). A page is written while it is sent.

mod apps;
mod habits;
mod history;
pub(super) mod kusto;
mod log;
mod slices;
mod standing;
mod wanted;
mod why;
mod write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::owner::Session;
use super::request::{Reply, Request, Stream};
use super::tenant::Tenant;
pub(super) use history::{History, Past};
use log::{Cursor, Log};
pub(super) use slices::Slices;
use wanted::Wanted;
use write::View;

/// The largest page, which is also the one that nobody has to ask for.
const PAGE: usize = 1_000;
/// How long a page token is good for, in seconds of the wall clock.
const TOKEN_LIFETIME: i64 = 3_600;
/// A page is sent in pieces of about this size.
const PIECE: usize = 64 << 10;

fn view(session: &Session<'_>, request: &Request) -> View {
    let may_see_policies = [
        "Policy.Read.All",
        "Policy.Read.ConditionalAccess",
        "Policy.ReadWrite.ConditionalAccess",
    ]
    .iter()
    .any(|permission| session.caller.may(permission));
    View {
        beta: request.beta,
        policies: may_see_policies,
        new_members: request.knows_new_members(),
    }
}

fn history(session: &Session<'_>) -> History {
    History::of(session.past, session.tenant)
}

/// `GET /auditLogs/signIns`.
pub(super) fn list(session: &Session<'_>, request: &Request) -> Result<Reply, Failure> {
    let wanted = Wanted::of(request)?;
    let size = match request.option("top") {
        None => PAGE,
        Some(top) => top
            .parse::<usize>()
            .ok()
            .filter(|top| (1..=PAGE).contains(top))
            .ok_or_else(|| {
                // synthetic: the contract has no text for a `$top` out of range.
                Failure::bad_request(format!(
                    "Invalid page size specified: '{top}'. Must be between 1 and 1000 inclusive."
                ))
            })?,
    };
    let size = request
        .page_limit
        .map_or(size, |limit| size.min(limit.get()));
    if request.option("skip").is_some() {
        // synthetic: that `$skip` is not supported is documented, the sentence is not.
        return Err(Failure::bad_request("Skip is not supported on signIns."));
    }
    let order = request.option("orderby").unwrap_or("createdDateTime desc");
    if !order.trim().eq_ignore_ascii_case("createdDateTime desc") {
        // synthetic: the log is read from its newest end.
        return Err(Failure::bad_request(format!(
            "Sorting by '{order}' is not supported."
        )));
    }
    let after = match request.option("skiptoken") {
        Some(token) => Some(read_token(token)?),
        None => None,
    };
    let view = view(session, request);
    let log = Log::of(history(session), wanted);
    let request = request.clone();
    let body = Stream::new(move |sink| page(&request, &log, after, size, view, sink));
    Ok(Reply::stream(body))
}

/// Writes a page, piece by piece, until nobody takes the pieces any more.
fn page(
    request: &Request,
    log: &Log,
    after: Option<Cursor>,
    size: usize,
    view: View,
    sink: &mut dyn FnMut(Vec<u8>) -> bool,
) {
    let mut out = Vec::with_capacity(PIECE + (16 << 10));
    let context = format!("{}/$metadata#auditLogs/signIns", request.root());
    out.extend_from_slice(format!(r#"{{"@odata.context":"{context}""#).as_bytes());
    let counts = request
        .option("count")
        .is_some_and(|count| count.eq_ignore_ascii_case("true"));
    if counts {
        let mut count = 0_usize;
        log.newest_first(None, &mut |_| {
            count += 1;
            true
        });
        out.extend_from_slice(format!(r#","@odata.count":{count}"#).as_bytes());
    }
    out.extend_from_slice(br#","value":["#);
    let select: Option<Vec<&str>> = request
        .option("select")
        .filter(|select| !select.is_empty())
        .map(|select| select.split(',').map(str::trim).collect());
    let mut written = 0;
    let mut last = None;
    let mut has_more = false;
    let mut is_open = true;
    log.newest_first(after, &mut |found| {
        if written == size {
            has_more = true;
            return false;
        }
        if written > 0 {
            out.push(b',');
        }
        let start = out.len();
        found.write(&mut out, view);
        if let Some(select) = &select {
            reduce(&mut out, start, select);
        }
        written += 1;
        last = Some(found.cursor());
        if out.len() >= PIECE {
            is_open = sink(std::mem::replace(
                &mut out,
                Vec::with_capacity(PIECE + (16 << 10)),
            ));
        }
        is_open
    });
    out.push(b']');
    if has_more && let Some(last) = last {
        let link = next_link(request, last);
        out.extend_from_slice(format!(r#","@odata.nextLink":{}"#, Value::from(link)).as_bytes());
    }
    out.push(b'}');
    if is_open {
        sink(out);
    }
}

/// Leaves of the row that begins at `start` what was selected.
fn reduce(out: &mut Vec<u8>, start: usize, select: &[&str]) {
    let row: Option<Map<String, Value>> = serde_json::from_slice(&out[start..]).ok();
    if let Some(mut row) = row {
        row.retain(|key, _| select.contains(&key.as_str()));
        out.truncate(start);
        out.extend_from_slice(Value::Object(row).to_string().as_bytes());
    }
}

/// `GET /auditLogs/signIns/{id}`.
pub(super) fn get(session: &Session<'_>, request: &Request, id: &str) -> Result<Reply, Failure> {
    let log = Log::of(history(session), Wanted::of(request)?);
    let mut out = Vec::new();
    let found = slices::by_id(session.tenant, id)
        .is_some_and(|moment| log.write_one(&moment, &mut out, view(session, request)));
    let row: Option<Value> = found.then(|| serde_json::from_slice(&out).ok()).flatten();
    let row = row.ok_or_else(|| Failure::no_such_resource(id))?;
    Ok(super::query::single(request, "auditLogs/signIns", row, &[]))
}

/// The `signInActivity` of a user (2.7): the last of each kind, as far as a month goes back.
pub(super) fn activity(tenant: &Tenant, id: &str) -> Value {
    let key = tenant.present().crowd().key();
    let profile = slices::who(tenant, id).and_then(|who| habits::Profile::of(tenant, who));
    let mut last = [None::<habits::Moment>; 3];
    if let Some(profile) = profile {
        let now = tenant.now().as_second();
        let mut found = Vec::new();
        for back in -1..=31 {
            found.clear();
            profile.day(key, now.div_euclid(habits::DAY) - back, &mut found);
            found.retain(|moment| moment.at <= now);
            let mut see = |at: usize, is_wanted: &dyn Fn(&habits::Moment) -> bool| {
                let newest = found
                    .iter()
                    .filter(|moment| is_wanted(moment))
                    .max_by_key(|m| m.at);
                if last[at].is_none_or(|old| newest.is_some_and(|new| new.at > old.at)) {
                    last[at] = newest.copied().or(last[at]);
                }
            };
            see(0, &|moment| moment.kind == habits::Kind::Interactive);
            see(1, &|moment| moment.kind == habits::Kind::NonInteractive);
            see(2, &|moment| moment.error == 0);
            if last.iter().all(Option::is_some) && back >= 0 {
                break;
            }
        }
    }
    let time = |moment: Option<habits::Moment>| {
        moment
            .and_then(|moment| Timestamp::from_second(moment.at).ok())
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    };
    let id = |moment: Option<habits::Moment>| {
        moment.map(|moment| slices::id_of(tenant, &moment).to_string())
    };
    json!({
        "lastSignInDateTime": time(last[0]),
        "lastSignInRequestId": id(last[0]),
        "lastNonInteractiveSignInDateTime": time(last[1]),
        "lastNonInteractiveSignInRequestId": id(last[1]),
        "lastSuccessfulSignInDateTime": time(last[2]),
        "lastSuccessfulSignInRequestId": id(last[2]),
    })
}

fn next_link(request: &Request, last: Cursor) -> String {
    let path = request.segments.join("/");
    let Ok(mut url) = Url::parse(&format!("{}/{path}", request.root())) else {
        return String::new();
    };
    let issued = Timestamp::now().as_second();
    let (at, who, day, n) = last;
    let who = match who {
        habits::Who::Player(at) => format!("0.{at}"),
        habits::Who::Person(index) => format!("1.{index}"),
        habits::Who::Workload(number) => format!("2.{number}"),
    };
    let token = format!("signins.{issued}.{at}.{who}.{day}.{n}");
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in request
            .options()
            .iter()
            .filter(|(name, _)| name != "skiptoken")
        {
            pairs.append_pair(&format!("${name}"), value);
        }
        pairs.append_pair("$skiptoken", &URL_SAFE_NO_PAD.encode(token));
    }
    url.to_string()
}

fn read_token(token: &str) -> Result<Cursor, Failure> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text
            .strip_prefix("signins.")?
            .split('.')
            .map(str::parse::<i64>);
        let mut next = || parts.next()?.ok();
        let (issued, at, kind, number, day, n) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let number = u32::try_from(number).ok()?;
        let who = match kind {
            0 => habits::Who::Player(number),
            1 => habits::Who::Person(number),
            _ => habits::Who::Workload(number),
        };
        let age = Timestamp::now().as_second() - issued;
        (0..TOKEN_LIFETIME).contains(&age).then_some((
            at,
            who,
            i32::try_from(day).ok()?,
            u16::try_from(n).ok()?,
        ))
    };
    // synthetic: the contract says that tokens expire, and has no text for it.
    read().ok_or_else(|| {
        Failure::new(
            400,
            "BadRequest",
            "Invalid skip token: the page token has expired or was not issued here.",
        )
    })
}
