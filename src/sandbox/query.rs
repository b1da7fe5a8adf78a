//! Collections: filtered, ordered, counted, cut into pages, and reduced to the selected properties.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::filter::Condition;
use super::request::{Reply, Request};
use super::tenant::{Row, text};

/// The largest page that a caller may ask for.
const LARGEST_PAGE: usize = 999;

/// How many of the rows of a page its link remembers.
const REMEMBERED: usize = 20;

/// What the sandbox knows of a collection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collection<'a> {
    /// What stands after `$metadata#`.
    pub(super) context: &'a str,
    /// Its name in error texts.
    pub(super) resource: &'a str,
    /// The properties that may stand in `$filter`.
    pub(super) filterable: &'a [&'a str],
    /// The rows of a page when the caller does not say.
    pub(super) page_size: usize,
    /// Whether the rule of advanced queries holds (2.9 of the contract).
    pub(super) advanced: bool,
    /// The properties shown without `$select`; all of them when empty.
    pub(super) shown: &'a [&'a str],
}

/// A page of a collection; `render` turns a row into what the caller sees.
pub(super) fn page<R: AsRef<Value>>(
    request: &Request,
    rows: impl Iterator<Item = R> + Clone,
    collection: &Collection<'_>,
    render: impl Fn(&R) -> Value,
) -> Result<Reply, Failure> {
    let query = Query::of(request, collection)?;
    let top = match request.option("top") {
        None => None,
        Some(top) => Some(
            top.parse::<usize>()
                .ok()
                .filter(|top| (1..=LARGEST_PAGE.max(collection.page_size)).contains(top))
                .ok_or_else(|| {
                    // synthetic: the contract has no text for a `$top` out of range.
                    Failure::bad_request(format!("Invalid page size specified: '{top}'."))
                })?,
        ),
    };
    let start = match request.option("skiptoken") {
        Some(token) => Bookmark::read(token, request).ok_or_else(|| {
            // synthetic: the contract has no text for a skiptoken that is not ours.
            Failure::expired_page_token()
        })?,
        None => match request.option("skip") {
            // synthetic: the contract has no text for a `$skip` that is no number.
            Some(skip) => skip
                .parse()
                .map(|rows| Bookmark::after(request, rows))
                .map_err(|_| Failure::bad_request(format!("Invalid value '{skip}' for $skip.")))?,
            None => Bookmark::after(request, 0),
        },
    };
    let size = top.unwrap_or(collection.page_size);
    let size = request
        .page_limit
        .map_or(size, |limit| size.min(limit.get()));
    let counts = request
        .option("count")
        .is_some_and(|count| count.eq_ignore_ascii_case("true"))
        && (!collection.advanced || request.is_eventual());
    let Cut {
        rows,
        start,
        has_more,
        total,
    } = query.cut(rows, &start, size, counts);
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| selected(request, render(row), collection.shown))
        .collect();
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        json!(format!(
            "{}/$metadata#{}",
            request.root(),
            collection.context
        )),
    );
    if let Some(total) = total {
        body.insert("@odata.count".into(), json!(total));
    }
    if has_more {
        let seen = rows.iter().rev().take(REMEMBERED);
        let bookmark = Bookmark {
            seen: seen
                .map(|row| text(row.as_ref(), "id").to_owned())
                .collect(),
            ..Bookmark::after(request, start.saturating_add(size))
        };
        body.insert(
            "@odata.nextLink".into(),
            json!(next_link(request, &bookmark)),
        );
    }
    body.insert("value".into(), Value::Array(shown));
    Ok(Reply::ok(Value::Object(body)))
}

/// A row as it is kept, for a collection that shows all of it.
pub(super) fn whole(row: &Row) -> Value {
    Value::clone(row)
}

/// How many rows there are, as the plain text of `/$count`.
pub(super) fn count<R: AsRef<Value>>(
    request: &Request,
    rows: impl Iterator<Item = R> + Clone,
    collection: &Collection<'_>,
) -> Result<Reply, Failure> {
    if collection.advanced && !request.is_eventual() {
        return Err(Failure::bad_directory_request(
            "$count is not currently supported.",
        ));
    }
    let query = Query::of(request, collection)?;
    let found = query.count(rows);
    Ok(Reply::text(found.to_string()))
}

/// One row, reduced to what was selected, with its context.
pub(super) fn single(request: &Request, context: &str, row: Value, shown: &[&str]) -> Reply {
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        json!(format!("{}/$metadata#{context}/$entity", request.root())),
    );
    if let Value::Object(row) = selected(request, row, shown) {
        body.extend(row);
    }
    Reply::ok(Value::Object(body))
}

/// What a caller asks of the rows of a collection.
struct Query {
    filter: Option<Condition>,
    /// A property and the words in it, in lower case.
    search: Option<(String, String)>,
    /// A property, and whether it descends.
    order: Option<(String, bool)>,
}

/// The rows of a page.
struct Cut<R> {
    rows: Vec<R>,
    /// How many rows stand before them.
    start: usize,
    has_more: bool,
    /// How many rows there are on all pages, when that was asked.
    total: Option<usize>,
}

impl Query {
    fn of(request: &Request, collection: &Collection<'_>) -> Result<Self, Failure> {
        if request.option("expand").is_some() {
            // synthetic: `$expand` is not allowed on policies; on the rest the sandbox does not know it.
            return Err(Failure::bad_request(
                "Parsing OData Select and Expand failed: $expand is not supported.",
            ));
        }
        let filter = request
            .option("filter")
            .map(|filter| {
                // synthetic: the text for a filter that cannot be parsed.
                Condition::parse(filter)
                    .ok_or_else(|| Failure::bad_request("Invalid filter clause"))
            })
            .transpose()?;
        let ordered = request.option("orderby").filter(|order| !order.is_empty());
        let search = request.option("search");
        let is_full = request.is_eventual()
            && request
                .option("count")
                .is_some_and(|count| count.eq_ignore_ascii_case("true"));
        if collection.advanced {
            let advanced_filter = filter.as_ref().is_some_and(Condition::is_advanced);
            if !is_full && (advanced_filter || (filter.is_some() && ordered.is_some())) {
                return Err(unsupported(collection, filter.as_ref()));
            }
            if search.is_some() && !request.is_eventual() {
                // synthetic: that the header is needed is documented, the sentence is not.
                return Err(Failure::bad_directory_request(
                    "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
                ));
            }
        }
        if let Some(filter) = &filter
            && filter
                .properties()
                .iter()
                .any(|name| !collection.filterable.contains(name))
        {
            return Err(unsupported(collection, Some(filter)));
        }
        let search = search
            .map(|search| {
                // "property:words", as Graph writes it.
                let (property, words) = search
                    .trim_matches('"')
                    .split_once(':')
                    // synthetic: the text for a search that cannot be parsed.
                    .ok_or_else(|| Failure::bad_request("Syntax error in $search."))?;
                Ok((property.to_owned(), words.to_lowercase()))
            })
            .transpose()?;
        let order = ordered.map(|order| {
            let (property, direction) = order
                .trim()
                .split_once(' ')
                .unwrap_or((order.trim(), "asc"));
            let descends = direction.trim().eq_ignore_ascii_case("desc");
            (property.to_owned(), descends)
        });
        Ok(Self {
            filter,
            search,
            order,
        })
    }

    fn holds(&self, row: &Value) -> bool {
        let found = |(property, words): &(String, String)| {
            text(row, property).to_lowercase().contains(words)
        };
        self.filter.as_ref().is_none_or(|filter| filter.holds(row))
            && self.search.as_ref().is_none_or(found)
    }

    fn is_everything(&self) -> bool {
        self.filter.is_none() && self.search.is_none()
    }

    fn count<R: AsRef<Value>>(&self, rows: impl Iterator<Item = R>) -> usize {
        if self.is_everything() {
            return rows.count();
        }
        rows.filter(|row| self.holds(row.as_ref())).count()
    }

    /// Takes the rows of one page, and no more of them into memory than that.
    fn cut<R: AsRef<Value>>(
        &self,
        rows: impl Iterator<Item = R> + Clone,
        bookmark: &Bookmark,
        size: usize,
        counts: bool,
    ) -> Cut<R> {
        if let Some((property, descends)) = &self.order {
            return self.cut_in_order(rows, bookmark, size, property, *descends, counts);
        }
        let from = |start: usize| -> Box<dyn Iterator<Item = R> + '_> {
            if self.is_everything() {
                Box::new(rows.clone().skip(start))
            } else {
                let holds = |row: &R| self.holds(row.as_ref());
                Box::new(rows.clone().filter(holds).skip(start))
            }
        };
        let is_last = |row: &R| bookmark.seen.first().is_some_and(|id| id == id_of(row));
        let mut start = bookmark.rows;
        // As a rule nothing has changed, and the row before the page is still the last that was shown.
        if !bookmark.seen.is_empty()
            && !from(start.saturating_sub(1))
                .next()
                .as_ref()
                .is_some_and(is_last)
        {
            start = bookmark.found(from(0).map(|row| id_of(&row).to_owned()));
        }
        let mut matching = from(start);
        let page: Vec<R> = matching.by_ref().take(size).collect();
        let has_more = matching.next().is_some();
        drop(matching);
        let total = counts.then(|| self.count(rows));
        Cut {
            rows: page,
            start,
            has_more,
            total,
        }
    }

    fn cut_in_order<R: AsRef<Value>>(
        &self,
        rows: impl Iterator<Item = R> + Clone,
        bookmark: &Bookmark,
        size: usize,
        property: &str,
        descends: bool,
        counts: bool,
    ) -> Cut<R> {
        // The keys only: the rows of a large tenant are made when they are asked for.
        let mut keys: Vec<(String, usize, String)> = rows
            .clone()
            .enumerate()
            .filter(|(_, row)| self.holds(row.as_ref()))
            .map(|(at, row)| {
                let key = text(row.as_ref(), property).to_lowercase();
                (key, at, id_of(&row).to_owned())
            })
            .collect();
        keys.sort();
        if descends {
            keys.reverse();
        }
        let total = keys.len();
        let start = match bookmark.seen.is_empty() {
            true => bookmark.rows,
            false => bookmark.found(keys.iter().map(|(_, _, id)| id.clone())),
        };
        let page: BTreeMap<usize, usize> = keys
            .into_iter()
            .skip(start)
            .take(size)
            .enumerate()
            .map(|(place, (_, at, _))| (at, place))
            .collect();
        let mut found: Vec<(usize, R)> = rows
            .enumerate()
            .filter_map(|(at, row)| Some((*page.get(&at)?, row)))
            .collect();
        found.sort_by_key(|(place, _)| *place);
        Cut {
            rows: found.into_iter().map(|(_, row)| row).collect(),
            start,
            has_more: start.saturating_add(size) < total,
            total: counts.then_some(total),
        }
    }
}

fn unsupported(collection: &Collection<'_>, filter: Option<&Condition>) -> Failure {
    let property = filter
        .and_then(|filter| filter.properties().first().map(ToString::to_string))
        .unwrap_or_default();
    // synthetic: the code is Graph's, the contract does not give the sentence.
    Failure::new(
        400,
        "Request_UnsupportedQuery",
        format!(
            "Unsupported or invalid query filter clause specified for property '{property}' of resource '{}'.",
            collection.resource
        ),
    )
}

fn selected(request: &Request, row: Value, shown: &[&str]) -> Value {
    let select: Vec<&str> = match request.option("select").filter(|select| !select.is_empty()) {
        Some(select) => select.split(',').map(str::trim).collect(),
        None if shown.is_empty() => return row,
        None => shown.to_vec(),
    };
    let Value::Object(mut row) = row else {
        return row;
    };
    // Annotations stay: `@odata.type` tells the members of a mixed collection apart.
    row.retain(|key, _| {
        key.starts_with('@') || select.contains(&key.as_str()) || select.contains(&"*")
    });
    Value::Object(row)
}

/// Where a page begins: so many rows into the list, after these.
///
/// Rows that come and go between two pages move the others, so that the number alone would skip some or
/// show some again.
#[derive(Debug, Serialize, Deserialize)]
struct Bookmark {
    /// Of which list; a token is good for no other.
    path: String,
    rows: usize,
    /// The last rows that were shown, the very last one first.
    seen: Vec<String>,
}

impl Bookmark {
    fn after(request: &Request, rows: usize) -> Self {
        Self {
            path: request.segments.join("/").to_ascii_lowercase(),
            rows,
            seen: Vec::new(),
        }
    }

    fn read(token: &str, request: &Request) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let bookmark: Self = serde_json::from_slice(&bytes).ok()?;
        (bookmark.path == Self::after(request, 0).path).then_some(bookmark)
    }

    /// How many of the rows stand before the page, going by the last one that is still there.
    fn found(&self, ids: impl Iterator<Item = String>) -> usize {
        let mut best: Option<(usize, usize)> = None;
        for (at, id) in ids.enumerate() {
            if let Some(rank) = self.seen.iter().position(|seen| *seen == id)
                && best.is_none_or(|(known, _)| rank < known)
            {
                best = Some((rank, at + 1));
                if rank == 0 {
                    break;
                }
            }
        }
        best.map_or(self.rows.saturating_sub(self.seen.len()), |(_, after)| {
            after
        })
    }
}

fn id_of<R: AsRef<Value>>(row: &R) -> &str {
    text(row.as_ref(), "id")
}

fn next_link(request: &Request, bookmark: &Bookmark) -> String {
    let path = request.segments.join("/");
    let Ok(mut url) = Url::parse(&format!("{}/{path}", request.root())) else {
        return String::new();
    };
    let token = serde_json::to_vec(bookmark).unwrap_or_default();
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in request.options() {
            if name != "skiptoken" && name != "skip" {
                pairs.append_pair(&format!("${name}"), value);
            }
        }
        pairs.append_pair("$skiptoken", &URL_SAFE_NO_PAD.encode(token));
    }
    url.to_string()
}
