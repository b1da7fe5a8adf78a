//! What can be said about a user's file, and where: findings as plain data.
//!
//! A finding is made where the rule is known and rendered where the terminal is (`report`), so nothing
//! here prints. [`At`] carries a value together with the place it was read from.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A place in a user's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Source {
    /// The file as the user would name it, relative to the workspace.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    #[serde(skip)]
    pub column: u32,
    /// The bytes of the file that are meant; empty when the whole line is.
    #[serde(skip)]
    pub bytes: SourceBytes,
}

/// A byte range that orders and hashes, which [`Range`] does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceBytes {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl From<Range<usize>> for SourceBytes {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

impl Source {
    /// A place that is only known to be in `file`.
    pub fn file(file: impl Into<Arc<str>>) -> Self {
        Self {
            file: file.into(),
            line: 1,
            column: 1,
            bytes: SourceBytes::default(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value with the place it was read from; two are equal when their values are, wherever they stand.
#[derive(Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was read.
    pub source: Source,
}

impl<T> At<T> {
    /// Joins a value and its place.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

impl<T: fmt::Debug> fmt::Debug for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing stops.
    Note,
    /// Probably a mistake; nothing stops.
    Warning,
    /// The files cannot be used as they are.
    Error,
}

/// A second place that helps to understand a finding, with a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where.
    pub source: Source,
    /// What is there, e.g. "first declared here".
    pub text: String,
}

/// One finding about a user's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// A stable word for the rule, in kebab-case, e.g. `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where.
    pub source: Source,
    /// A few words at the caret; empty for none.
    pub caret: String,
    /// Other places that matter.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, source: Source) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            source,
            caret: String::new(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, source: Source) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, source)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a few words at the caret.
    #[must_use]
    pub fn caret(mut self, caret: impl Into<String>) -> Self {
        self.caret = caret.into();
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn label(mut self, source: Source, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            source,
            text: text.into(),
        });
        self
    }
}
