//! The built binary against its own sandbox, over real HTTP.
#![allow(clippy::unwrap_used)]

mod main_job;
mod support;
