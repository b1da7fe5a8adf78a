//! A tenant's policies as files of a workspace, and the exports of other tools as policies.
//!
//! What is composed is planned before anybody writes it: only a file whose plan is empty is worth having.
//! Everything here is a function of a snapshot, a workspace and texts; `cli` reads and writes.

mod compose;
mod exports;
mod key;
mod propose;
mod spelling;
mod terraform;

pub use compose::{Composed, LeftAlone, Task, compose};
pub use exports::{Export, Exports, export_drafts, graph_exports};
pub use propose::propose;
pub use spelling::{Spelling, candidates};
pub use terraform::terraform_exports;
