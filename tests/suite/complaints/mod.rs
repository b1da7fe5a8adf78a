//! What people complain about in the tools they have: each test is named after the thread that says it.

mod clearing;
mod diffs;
mod names;
