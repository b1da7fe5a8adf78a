//! portcullis: Conditional Access policies as reviewed YAML, planned, applied and promoted safely.
//!
//! The rooms, and which room may use which, are in `ARCHITECTURE.md`; `tests/suite/architecture.rs`
//! reads the imports and fails when one of them crosses a border.

pub mod diagnostic;
pub mod graph;
pub mod model;
pub mod store;
pub mod tenant;
