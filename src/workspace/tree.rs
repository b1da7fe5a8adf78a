//! The tree of a file: scalars, mappings and lists, each with its place.

use std::ops::Range;

use crate::diagnostic::Source;

/// One value of a file, with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it is.
    pub(super) kind: NodeKind,
    /// Where to point at it: the scalar, the flow collection, or the first line of a block collection.
    pub(super) source: Source,
    /// All its bytes; of a block collection, from its first key to the end of its last value.
    pub(super) extent: Range<usize>,
    /// Whether it stands for an anchored value elsewhere.
    pub(super) alias: bool,
}

/// The three kinds of value.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    /// A word, a number, nothing: kept as its text.
    Scalar {
        /// The text, after quotes and escapes.
        text: String,
        /// How it was written.
        style: Style,
    },
    /// A mapping, in the order of the file; keys are unique.
    Map {
        /// The entries.
        entries: Vec<(Key, Node)>,
        /// Whether it is written with braces.
        flow: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// As a block, after `|` or `>`.
    Block,
}

/// A key with its place.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The key.
    pub(super) text: String,
    /// Where it stands.
    pub(super) source: Source,
}

impl Node {
    /// Whether nothing was written, or `null` or `~`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, style: Style::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The entries of a mapping.
    pub(super) fn entries(&self) -> Option<&[(Key, Self)]> {
        match &self.kind {
            NodeKind::Map { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The entry of a mapping with this key.
    pub(super) fn entry(&self, key: &str) -> Option<(&Key, &Self)> {
        let found = self.entries()?.iter().find(|(k, _)| k.text == key)?;
        Some((&found.0, &found.1))
    }

    /// What it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::Map { .. } => "a mapping",
            NodeKind::Sequence(_) => "a list",
        }
    }

    /// How many values it holds, itself included.
    pub(super) fn size(&self) -> usize {
        1 + match &self.kind {
            NodeKind::Scalar { .. } => 0,
            NodeKind::Map { entries, .. } => entries.iter().map(|(_, n)| 1 + n.size()).sum(),
            NodeKind::Sequence(items) => items.iter().map(Self::size).sum(),
        }
    }

    /// How deep it nests; a scalar does not.
    pub(super) fn depth(&self) -> usize {
        match &self.kind {
            NodeKind::Scalar { .. } => 0,
            NodeKind::Map { entries, .. } => {
                1 + entries.iter().map(|(_, n)| n.depth()).max().unwrap_or(0)
            }
            NodeKind::Sequence(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}
