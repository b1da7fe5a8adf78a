//! The operations, and which one a request is.

use super::exchange::Exchange;
use super::tables::Tables;

/// One verb on one path.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// The path after the version; `{...}` stands for any segment or part of one.
    pub(crate) path: String,
    /// The type of the body that it takes.
    pub(crate) body: Option<String>,
    /// Whether a block that is sent in part must be sent complete.
    pub(crate) complete: bool,
    /// What it answers when it succeeds, by status.
    pub(crate) answers: Vec<(u16, Answer)>,
    /// The query options that it takes, without the `$`.
    pub(crate) options: Vec<String>,
    /// Whether it is in beta only.
    pub(crate) beta: bool,
    /// Whether no version stands before the path: it is not Graph's.
    pub(crate) bare: bool,
    /// Whether the rule of advanced queries holds.
    pub(crate) advanced: bool,
    /// Where this is known from.
    pub(crate) source: String,
}

/// What comes with a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// No body.
    Nothing,
    /// A number in plain text.
    Count,
    /// One object.
    One(String),
    /// A collection.
    Many(String),
}

/// What a request is.
#[derive(Debug)]
pub(super) enum Asked<'a> {
    Operation(&'a Operation),
    /// Another verb is listed for the path.
    OtherVerb,
    Unknown,
}

/// Finds the operation of an exchange.
pub(super) fn find<'a>(tables: &'a Tables, exchange: &Exchange) -> Asked<'a> {
    let given = exchange.segments();
    let (version, rest) = match given.split_first() {
        Some((version @ (&"v1.0" | &"beta"), rest)) => (Some(*version), rest),
        _ => (None, &given[..]),
    };
    let rest = resolved(tables, rest);
    let mut asked = Asked::Unknown;
    for operation in &tables.operations {
        if operation.bare != version.is_none()
            || (operation.beta && version != Some("beta"))
            || !matches(&operation.path, &rest)
        {
            continue;
        }
        if operation.method.eq_ignore_ascii_case(&exchange.method) {
            // A literal segment is meant before one that may be anything.
            match asked {
                Asked::Operation(other) if holes(other) <= holes(operation) => {}
                _ => asked = Asked::Operation(operation),
            }
        } else if matches!(asked, Asked::Unknown) {
            asked = Asked::OtherVerb;
        }
    }
    asked
}

fn holes(operation: &Operation) -> usize {
    operation.path.matches('{').count()
}

/// The segments, an alias at their beginning replaced.
fn resolved(tables: &Tables, given: &[&str]) -> Vec<String> {
    let split = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect()
    };
    for (other, path) in &tables.aliases {
        let other = split(other);
        let same = |(a, b): (&String, &&str)| a.eq_ignore_ascii_case(b);
        if given.len() >= other.len() && other.iter().zip(given).all(same) {
            let mut segments = split(path);
            segments.extend(given[other.len()..].iter().map(ToString::to_string));
            return segments;
        }
    }
    given.iter().map(ToString::to_string).collect()
}

fn matches(path: &str, given: &[String]) -> bool {
    let wanted: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(given)
            .all(|(wanted, given)| fits(wanted, given))
}

/// Whether a segment fits, in any case: other people's clients write some in lower case.
fn fits(wanted: &str, given: &str) -> bool {
    let (wanted, given) = (wanted.to_ascii_lowercase(), given.to_ascii_lowercase());
    match wanted.split_once('{') {
        None => wanted == given,
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            given.len() > before.len() + after.len()
                && given.starts_with(before)
                && given.ends_with(after)
                && (!before.is_empty() || !given.starts_with('$'))
        }
    }
}
