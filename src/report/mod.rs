//! What people and machines read: a file for each format, each returning a string.

pub mod diagnostics;
