//! The integration tests, a module per subject: `cargo test SUBJECT::` runs one of them.
#![allow(clippy::unwrap_used)]

mod architecture;
mod clients;
mod complaints;
mod contract;
mod corpus;
mod evaluate;
mod examples;
mod graph_contract;
mod main_job;
mod population;
mod requests;
mod round_trip;
mod sandbox_faults;
mod sandbox_kinds;
mod support;
mod trial;
mod undo;
