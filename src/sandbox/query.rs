//! Collections: filtered, ordered, counted, cut into pages, and reduced to the selected properties.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::filter::Condition;
use super::request::{Reply, Request};
use super::tenant::text;

/// The largest page that a caller may ask for.
const LARGEST_PAGE: usize = 999;

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
pub(super) fn page(
    request: &Request,
    rows: Vec<&Value>,
    collection: &Collection<'_>,
    render: impl Fn(&Value) -> Value,
) -> Result<Reply, Failure> {
    let rows = matching(request, rows, collection)?;
    let total = rows.len();
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
    let offset = match request.option("skiptoken") {
        Some(token) => token_offset(token).ok_or_else(|| {
            // synthetic: the contract has no text for a skiptoken that is not ours.
            Failure::expired_page_token()
        })?,
        None => match request.option("skip") {
            // synthetic: the contract has no text for a `$skip` that is no number.
            Some(skip) => skip
                .parse()
                .map_err(|_| Failure::bad_request(format!("Invalid value '{skip}' for $skip.")))?,
            None => 0,
        },
    };
    let size = top.unwrap_or(collection.page_size);
    let size = request
        .page_limit
        .map_or(size, |limit| size.min(limit.get()));
    let shown: Vec<Value> = rows
        .iter()
        .skip(offset)
        .take(size)
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
    let counts = request
        .option("count")
        .is_some_and(|count| count.eq_ignore_ascii_case("true"));
    if counts && (!collection.advanced || request.is_eventual()) {
        body.insert("@odata.count".into(), json!(total));
    }
    let end = offset.saturating_add(size);
    if end < total {
        body.insert("@odata.nextLink".into(), json!(next_link(request, end)));
    }
    body.insert("value".into(), Value::Array(shown));
    Ok(Reply::ok(Value::Object(body)))
}

/// How many rows there are, as the plain text of `/$count`.
pub(super) fn count(
    request: &Request,
    rows: Vec<&Value>,
    collection: &Collection<'_>,
) -> Result<Reply, Failure> {
    if collection.advanced && !request.is_eventual() {
        return Err(Failure::bad_directory_request(
            "$count is not currently supported.",
        ));
    }
    let rows = matching(request, rows, collection)?;
    Ok(Reply::text(rows.len().to_string()))
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

fn matching<'a>(
    request: &Request,
    mut rows: Vec<&'a Value>,
    collection: &Collection<'_>,
) -> Result<Vec<&'a Value>, Failure> {
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
            Condition::parse(filter).ok_or_else(|| Failure::bad_request("Invalid filter clause"))
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
    if let Some(filter) = &filter {
        if filter
            .properties()
            .iter()
            .any(|name| !collection.filterable.contains(name))
        {
            return Err(unsupported(collection, Some(filter)));
        }
        rows.retain(|row| filter.holds(row));
    }
    if let Some(search) = search {
        // "property:words", as Graph writes it.
        let (property, words) = search
            .trim_matches('"')
            .split_once(':')
            // synthetic: the text for a search that cannot be parsed.
            .ok_or_else(|| Failure::bad_request("Syntax error in $search."))?;
        let words = words.to_lowercase();
        rows.retain(|row| text(row, property).to_lowercase().contains(&words));
    }
    if let Some(order) = ordered {
        let (property, direction) = order
            .trim()
            .split_once(' ')
            .unwrap_or((order.trim(), "asc"));
        rows.sort_by_key(|row| text(row, property).to_lowercase());
        if direction.trim().eq_ignore_ascii_case("desc") {
            rows.reverse();
        }
    }
    Ok(rows)
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

fn next_link(request: &Request, offset: usize) -> String {
    let path = request.segments.join("/");
    let Ok(mut url) = Url::parse(&format!("{}/{path}", request.root())) else {
        return String::new();
    };
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in request.options() {
            if name != "skiptoken" && name != "skip" {
                pairs.append_pair(&format!("${name}"), value);
            }
        }
        pairs.append_pair(
            "$skiptoken",
            &URL_SAFE_NO_PAD.encode(format!("page:{offset}")),
        );
    }
    url.to_string()
}

fn token_offset(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix("page:")?
        .parse()
        .ok()
}
