//! portcullis: Conditional Access policies as reviewed YAML, planned, applied and promoted safely.
//!
//! The rooms, and which room may use which, are in `ARCHITECTURE.md`; `tests/suite/architecture.rs`
//! reads the imports and fails when one of them crosses a border.

pub mod apply;
pub mod cli;
pub mod diagnostic;
pub mod diff;
pub mod evaluate;
pub mod evidence;
pub mod graph;
pub mod guard;
pub mod model;
pub mod plan;
pub mod report;
pub mod rollout;
pub mod sandbox;
pub mod store;
pub mod tenant;
pub mod workspace;
