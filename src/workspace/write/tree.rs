//! YAML that is about to be written: a small tree and its one layout.

use std::fmt::Write as _;

use super::scalar::{comment, scalar};
use crate::model::{Id, Kind};

/// A line may be as long as this before a list is broken.
const WIDTH: usize = 100;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::workspace) enum Value {
    /// A text, quoted when it has to be.
    Text(String),
    /// A word of the file's own language, which is never quoted.
    Word(&'static str),
    /// A list.
    List(Vec<Item>),
    /// A mapping, a line a key.
    Map(Vec<Entry>),
    /// A mapping on one line.
    Inline(Vec<(&'static str, Value)>),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::workspace) struct Item {
    /// How it is written.
    pub(in crate::workspace) value: Value,
    /// What it stands for, however it is written.
    pub(in crate::workspace) meaning: Meaning,
    /// What a reader should know beside it.
    pub(in crate::workspace) comment: Option<String>,
}

/// What an entry of a list stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::workspace) enum Meaning {
    /// Another object.
    Object(Kind, Id),
    /// A word of the language.
    Word(String),
    /// Guests; a list has one such entry at most.
    Guests,
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::workspace) struct Entry {
    /// The key.
    pub(in crate::workspace) key: String,
    /// The value.
    pub(in crate::workspace) value: Value,
    /// What a reader should know beside it.
    pub(in crate::workspace) comment: Option<String>,
    /// Lines of comment above it.
    pub(in crate::workspace) above: Vec<String>,
}

impl Entry {
    /// An entry without comments.
    pub(in crate::workspace) fn new(key: &str, value: Value) -> Self {
        Self {
            key: key.to_owned(),
            value,
            comment: None,
            above: Vec::new(),
        }
    }
}

impl Value {
    /// A text.
    pub(in crate::workspace) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The value at a path of keys.
    pub(in crate::workspace) fn at(&self, path: &[&str]) -> Option<&Self> {
        let [key, rest @ ..] = path else {
            return Some(self);
        };
        match self {
            Self::Map(entries) => {
                let entry = entries.iter().find(|entry| entry.key == *key)?;
                entry.value.at(rest)
            }
            Self::Inline(entries) => entries.iter().find(|(own, _)| own == key)?.1.at(rest),
            // The short form of a condition: a list alone is what is included.
            Self::List(_) if *key == "include" => self.at(rest),
            _ => None,
        }
    }

    /// The value on one line, if it can stand on one.
    pub(in crate::workspace) fn inline(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(scalar(text)),
            Self::Word(word) => Some((*word).to_owned()),
            Self::List(items) => {
                if items.iter().any(|item| item.comment.is_some()) {
                    return None;
                }
                let items: Option<Vec<_>> = items.iter().map(|item| item.value.inline()).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Self::Inline(entries) => {
                let entries: Option<Vec<_>> = entries
                    .iter()
                    .map(|(key, value)| Some(format!("{key}: {}", value.inline()?)))
                    .collect();
                Some(format!("{{{}}}", entries?.join(", ")))
            }
            Self::Map(_) => None,
        }
    }

    /// The value on one line whatever it is, for a mapping that is written in braces; comments are left out.
    pub(in crate::workspace) fn flow(&self) -> String {
        match self {
            Self::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}: {}", entry.key, entry.value.flow()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value.flow()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Text(_) | Self::Word(_) | Self::Inline(_) => self.inline().unwrap_or_default(),
        }
    }

    /// Whether the value is written behind its key, on the same line of `used` letters so far.
    fn fits(&self, used: usize) -> Option<String> {
        let inline = self.inline()?;
        let structured = matches!(self, Self::List(items)
            if items.iter().any(|item| matches!(item.value, Self::Inline(_))));
        let broken =
            matches!(self, Self::List(_)) && (structured || used + inline.chars().count() > WIDTH);
        (!broken).then_some(inline)
    }
}

/// The entries of a mapping, indented by `indent` blanks; every line ends with a line break.
pub(in crate::workspace) fn render_entries(entries: &[Entry], indent: usize, out: &mut String) {
    for entry in entries {
        render_entry(entry, indent, out);
    }
}

/// One entry with its comments.
pub(in crate::workspace) fn render_entry(entry: &Entry, indent: usize, out: &mut String) {
    let blanks = " ".repeat(indent);
    for line in &entry.above {
        let _ = writeln!(out, "{blanks}# {}", comment(line));
    }
    let head = format!("{blanks}{}:", entry.key);
    let beside = entry
        .comment
        .as_ref()
        .map_or_else(String::new, |text| format!("  # {}", comment(text)));
    match entry.value.fits(head.len() + 1) {
        Some(inline) => {
            let _ = writeln!(out, "{head} {inline}{beside}");
        }
        None => {
            let _ = writeln!(out, "{head}{beside}");
            render_block(&entry.value, indent + 2, out);
        }
    }
}

/// A value on lines of its own.
fn render_block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Map(entries) => render_entries(entries, indent, out),
        Value::List(items) => {
            for item in items {
                let _ = writeln!(out, "{}{}", " ".repeat(indent), render_item(item));
            }
        }
        Value::Text(_) | Value::Word(_) | Value::Inline(_) => {
            let inline = value.inline().unwrap_or_default();
            let _ = writeln!(out, "{}{inline}", " ".repeat(indent));
        }
    }
}

/// One entry of a list that is written a line an entry, without its indentation.
pub(in crate::workspace) fn render_item(item: &Item) -> String {
    let inline = item.value.inline().unwrap_or_default();
    match &item.comment {
        Some(text) => format!("- {inline}  # {}", comment(text)),
        None => format!("- {inline}"),
    }
}
