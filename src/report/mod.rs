//! What people and machines read: a file for each format, each returning a string.

pub mod diagnostics;
pub mod drift;
pub mod plan_document;
pub mod plan_text;
pub mod rollback_list;
pub mod status;
mod style;
#[cfg(test)]
mod tests;
pub mod text_diff;
mod visible;

pub use style::Paint;
pub use visible::visible;
