//! The contract: every answer that a test gets, and every request that the tool sends in one, is checked
//! against the tables of `tests/contract`, and against the official OpenAPI subset where that is at hand.

mod agreement;
mod checker;
mod openapi;
mod recorded;
mod rules;
mod surface;

pub(crate) use recorded::assert_holds;
