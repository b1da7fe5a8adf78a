//! The integration tests, a module per subject: `cargo test SUBJECT::` runs one of them.
#![allow(clippy::unwrap_used)]

mod architecture;
mod complaints;
mod contract;
mod examples;
mod graph_contract;
mod main_job;
mod population;
mod requests;
mod sandbox_faults;
mod support;
mod trial;
