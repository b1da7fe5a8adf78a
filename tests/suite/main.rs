//! The built binary against its own sandbox, over real HTTP.
#![allow(clippy::unwrap_used)]

mod examples;
mod main_job;
mod requests;
mod support;
