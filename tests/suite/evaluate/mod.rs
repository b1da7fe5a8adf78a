//! What policies do with a sign-in: tables made by hand, a second evaluator, laws, published policies.

#![allow(clippy::print_stdout)]

mod agreement;
mod corpus;
mod grants;
mod laws;
mod random;
mod second;
mod tables;
mod universe;
