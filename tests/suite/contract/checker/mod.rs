//! Whether an exchange with Graph holds to the contract, by the tables of `tests/contract`.
//!
//! The tests of the sandbox inside the library include this folder by its path, so that their answers are
//! checked as well.

pub(crate) mod exchange;
pub(crate) mod operations;
pub(crate) mod parse;
pub(crate) mod requests;
pub(crate) mod responses;
pub(crate) mod tables;
pub(crate) mod values;

use std::fmt;

use exchange::Exchange;
use tables::Tables;

/// Something that the contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The request and its answer, as one line.
    exchange: String,
    /// Where it is: `request` or `response`, and the JSON path.
    place: String,
    /// The name of the rule.
    rule: &'static str,
    /// What the table says, and what is there instead.
    sentence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exchange,
            place,
            rule,
            sentence,
        } = self;
        write!(f, "{exchange}\n  {place}: {sentence} ({rule})")
    }
}

/// What is wrong with an exchange: with the answer, and with the request when the tool itself sent it.
pub(crate) fn violations(tables: &Tables, exchange: &Exchange) -> Vec<Violation> {
    let mut found = responses::check(tables, exchange);
    if exchange.is_the_tools() {
        found.extend(requests::check(tables, exchange));
    }
    found
}
