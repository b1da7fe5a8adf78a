//! Changing the state in a policy file: one scalar, and not a byte beside it.
//!
//! The edit is a splice at a known span. Because a splice can be wrong in ways that are hard to foresee
//! (anchors, block scalars, indentation), the result is parsed again and compared with what was meant.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::tree::{Key, Node, NodeKind, Style};
use super::{read, yaml};
use crate::diagnostic::{Diagnostic, Source};
use crate::model::State;

/// Why a file was not changed; the message says what to change by hand.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {message}")]
pub struct EditError {
    /// What stands in the way.
    pub message: String,
    /// Where.
    pub place: Source,
}

/// Sets the state of a policy in its text: the top-level one, or the one of a tenant.
///
/// Whatever is missing is inserted; comments, layout, quotes and line endings stay as they are, byte for byte.
pub fn set_state(
    text: &str,
    file: &str,
    tenant: Option<&str>,
    state: State,
) -> Result<String, EditError> {
    let name: Arc<str> = Arc::from(file);
    let old = document(&name, text)?;
    let edit = Edit {
        text,
        file: &name,
        state: state.word(),
    };
    let path: Vec<&str> = match tenant {
        None => vec!["state"],
        Some(tenant) => vec!["tenants", tenant, "state"],
    };
    let (at, new) = match tenant {
        None => edit.top_level(&old)?,
        Some(tenant) => edit.in_tenant(&old, tenant)?,
    };
    let changed = [&text[..at.start], &new, &text[at.end..]].concat();
    let masked = |root: &Node| with_state(Some(Value::of(root)), &path, state.word());
    let right = |root: &Node| {
        let found = path
            .iter()
            .try_fold(root, |node, key| Some(node.entry(key)?.1));
        found.is_some_and(|node| read::scalar(node) == state.word()) && masked(root) == masked(&old)
    };
    if document(&name, &changed).is_ok_and(|root| right(&root)) {
        return Ok(changed);
    }
    Err(edit.by_hand(
        "the file is laid out so that an edit would change more than the state",
        &old.source,
        &path,
    ))
}

/// A file that nothing is wrong with, as a tree.
pub(super) fn document(file: &Arc<str>, text: &str) -> Result<Node, EditError> {
    let parsed = yaml::parse(file, text);
    match (parsed.findings.into_iter().next(), parsed.root) {
        (None, Some(root)) => Ok(root),
        (finding, _) => {
            let (message, place) = finding.map_or_else(
                || ("the file is empty".to_owned(), Source::file(file.clone())),
                |Diagnostic {
                     message, source, ..
                 }| (message, source),
            );
            Err(EditError {
                message: format!("{message}; correct the file first"),
                place,
            })
        }
    }
}

/// What a document says, without places and layout. Quotes count: `"on"` and `on` differ to other readers.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Scalar(String, Style),
    Map(BTreeMap<String, Value>),
    Sequence(Vec<Value>),
    /// The state that was set; its quotes are its own affair.
    State(String),
}

impl Value {
    fn of(node: &Node) -> Self {
        match &node.kind {
            NodeKind::Scalar { text, style } => Self::Scalar(text.clone(), *style),
            NodeKind::Sequence(items) => Self::Sequence(items.iter().map(Self::of).collect()),
            NodeKind::Map { entries, .. } => Self::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), Self::of(node)))
                    .collect(),
            ),
        }
    }
}

/// The document that is meant: the same with one value set, and mappings where there was nothing.
fn with_state(value: Option<Value>, path: &[&str], state: &str) -> Value {
    let [key, rest @ ..] = path else {
        return Value::State(state.to_owned());
    };
    let mut map = match value {
        Some(Value::Map(map)) => map,
        _ => BTreeMap::new(),
    };
    let inner = with_state(map.remove(*key), rest, state);
    map.insert((*key).to_owned(), inner);
    Value::Map(map)
}

struct Edit<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    state: &'static str,
}

/// The bytes to replace, and what with.
type Splice = (Range<usize>, String);

impl Edit<'_> {
    fn by_hand(&self, why: &str, place: &Source, path: &[&str]) -> EditError {
        let message = format!(
            "{why}; set `{}` to `{}` by hand",
            path.join("."),
            self.state
        );
        EditError {
            message,
            place: Source {
                file: self.file.clone(),
                ..place.clone()
            },
        }
    }

    fn top_level(&self, root: &Node) -> Result<Splice, EditError> {
        let path = ["state"];
        let Some((entries, flow)) = open(root) else {
            return Err(self.by_hand("the file is not a mapping", &root.source, &path));
        };
        if let Some((key, node)) = root.entry("state") {
            return self.replace(key, node, &path);
        }
        let after = root.entry("name").or_else(|| root.entry("policy"));
        let Some((key, node)) = after.or_else(|| entries.first().map(|(key, node)| (key, node)))
        else {
            return Err(self.by_hand("the file has no policy", &root.source, &path));
        };
        self.insert_after(key, node, flow, &format!("state: {}", self.state), &path)
    }

    fn in_tenant(&self, root: &Node, tenant: &str) -> Result<Splice, EditError> {
        let path = ["tenants", tenant, "state"];
        let Some((entries, flow)) = open(root) else {
            return Err(self.by_hand("the file is not a mapping", &root.source, &path));
        };
        let Some((key, tenants)) = root.entry("tenants") else {
            let Some((first, _)) = entries.first() else {
                return Err(self.by_hand("the file has no policy", &root.source, &path));
            };
            if flow {
                let entry = format!("tenants: {{{tenant}: {{state: {}}}}}", self.state);
                let (key, node) = entries
                    .last()
                    .map_or((first, root), |(key, node)| (key, node));
                return self.insert_after(key, node, true, &entry, &path);
            }
            return self.append_block(root, first, tenant, &path);
        };
        if tenants.alias {
            return Err(self.by_hand("`tenants` is an alias", &tenants.source, &path));
        }
        let entry = format!("{tenant}: {{state: {}}}", self.state);
        if tenants.is_null() {
            if flow || !is_empty(tenants) {
                return self.fill(key, tenants, &format!("{{{entry}}}"), &path);
            }
            let indent = self
                .indent(key)
                .ok_or_else(|| self.by_hand("`tenants` shares its line", &key.source, &path))?;
            return Ok(self.new_line(self.colon(key, &path)?, &format!("{indent}  "), &entry));
        }
        let Some((of_tenants, flow)) = open(tenants) else {
            return Err(self.by_hand("`tenants` is not a mapping", &tenants.source, &path));
        };
        let Some((key, node)) = tenants.entry(tenant) else {
            return match of_tenants.last() {
                Some((key, node)) => self.insert_after(key, node, flow, &entry, &path),
                None => Ok((inside(tenants), entry)),
            };
        };
        if node.alias {
            return Err(self.by_hand("the tenant's entry is an alias", &node.source, &path));
        }
        if node.is_null() {
            return self.fill(key, node, &format!("{{state: {}}}", self.state), &path);
        }
        let Some((keys, flow)) = open(node) else {
            return Err(self.by_hand("the tenant's entry is not a mapping", &node.source, &path));
        };
        if let Some((key, node)) = node.entry("state") {
            return self.replace(key, node, &path);
        }
        let entry = format!("state: {}", self.state);
        match keys.last() {
            Some((key, last)) => self.insert_after(key, last, flow, &entry, &path),
            None => Ok((inside(node), entry)),
        }
    }

    /// Replaces a scalar and keeps its quotes.
    fn replace(&self, key: &Key, node: &Node, path: &[&str]) -> Result<Splice, EditError> {
        if node.alias {
            return Err(self.by_hand("the state is an alias", &node.source, path));
        }
        if is_empty(node) {
            return self.fill(key, node, self.state, path);
        }
        let quote = match &node.kind {
            NodeKind::Scalar {
                style: Style::Plain,
                ..
            } => "",
            NodeKind::Scalar {
                style: Style::Single,
                ..
            } => "'",
            NodeKind::Scalar {
                style: Style::Double,
                ..
            } => "\"",
            NodeKind::Scalar {
                style: Style::Block,
                ..
            } => {
                return Err(self.by_hand("the state is a block scalar", &node.source, path));
            }
            _ => return Err(self.by_hand("the state is not a single value", &node.source, path)),
        };
        Ok((node.extent.clone(), format!("{quote}{}{quote}", self.state)))
    }

    /// Puts a value where there is none, or `null`.
    fn fill(
        &self,
        key: &Key,
        node: &Node,
        value: &str,
        path: &[&str],
    ) -> Result<Splice, EditError> {
        if !is_empty(node) {
            return Ok((node.extent.clone(), value.to_owned()));
        }
        let colon = self.colon(key, path)?;
        Ok((colon..colon, format!(" {value}")))
    }

    /// The byte after the colon of a key.
    fn colon(&self, key: &Key, path: &[&str]) -> Result<usize, EditError> {
        let end = key.source.bytes.end;
        let rest = &self.text[end..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[blank..].starts_with(':') {
            return Ok(end + blank + 1);
        }
        Err(self.by_hand("the colon of the key was not found", &key.source, path))
    }

    /// The blanks before a key, if it begins its line.
    fn indent(&self, key: &Key) -> Option<&str> {
        indent(self.text, key)
    }

    /// Inserts an entry after another one of the same mapping.
    fn insert_after(
        &self,
        key: &Key,
        node: &Node,
        flow: bool,
        entry: &str,
        path: &[&str],
    ) -> Result<Splice, EditError> {
        let end = if is_empty(node) && !flow {
            self.colon(key, path)?
        } else {
            content_end(node).max(key.source.bytes.end)
        };
        if flow {
            let end = if is_empty(node) {
                self.colon(key, path).unwrap_or(key.source.bytes.end)
            } else {
                end
            };
            return Ok((end..end, format!(", {entry}")));
        }
        let Some(indent) = self.indent(key) else {
            return Err(self.by_hand(
                "the keys do not stand on lines of their own",
                &key.source,
                path,
            ));
        };
        Ok(self.new_line(end, indent, entry))
    }

    /// The line ending that the text uses before a place.
    fn eol(&self, at: usize) -> &'static str {
        eol(self.text, at)
    }

    /// Inserts a line after the line on which `end` is.
    fn new_line(&self, end: usize, indent: &str, entry: &str) -> Splice {
        // The span of a block scalar ends after its last line break.
        let next = if self.text[..end].ends_with('\n') {
            Some(end)
        } else {
            self.text[end..].find('\n').map(|at| end + at + 1)
        };
        match next {
            Some(at) => (at..at, format!("{indent}{entry}{}", self.eol(at))),
            None => {
                let at = self.text.len();
                (at..at, format!("{}{indent}{entry}", self.eol(at)))
            }
        }
    }

    /// Appends the `tenants:` block at the end of the document.
    fn append_block(
        &self,
        root: &Node,
        first: &Key,
        tenant: &str,
        path: &[&str],
    ) -> Result<Splice, EditError> {
        let Some(indent) = self.indent(first) else {
            return Err(self.by_hand(
                "the keys do not stand on lines of their own",
                &first.source,
                path,
            ));
        };
        let eol = self.eol(self.text.len());
        let block = format!(
            "{indent}tenants:{eol}{indent}  {tenant}: {{state: {}}}",
            self.state
        );
        let tail = root.extent.end.min(self.text.len());
        // Comments at the end stay above the block; an explicit end of the document stays below it.
        let marker = self.text[tail..]
            .match_indices("\n...")
            .map(|(at, _)| tail + at + 1)
            .next();
        Ok(match marker {
            Some(at) => (at..at, format!("{block}{eol}")),
            None if self.text.ends_with('\n') => {
                (self.text.len()..self.text.len(), format!("{block}{eol}"))
            }
            None => (self.text.len()..self.text.len(), format!("{eol}{block}")),
        })
    }
}

/// The blanks before a key, if it begins its line.
pub(super) fn indent<'t>(text: &'t str, key: &Key) -> Option<&'t str> {
    let start = key.source.bytes.start;
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line..start].trim_start_matches('\u{feff}');
    before.bytes().all(|b| b == b' ').then_some(before)
}

/// The line ending that a text uses before a place.
pub(super) fn eol(text: &str, at: usize) -> &'static str {
    let before = &text[..at];
    match before.rfind('\n').or_else(|| text.find('\n')) {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn open(node: &Node) -> Option<(&[(Key, Node)], bool)> {
    match &node.kind {
        NodeKind::Map { entries, flow } if !node.alias => Some((entries, *flow)),
        _ => None,
    }
}

/// Whether nothing at all was written.
fn is_empty(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar { text, style: Style::Plain } if text.is_empty())
}

/// The place behind the opening brace of an empty mapping.
fn inside(node: &Node) -> Range<usize> {
    node.extent.start + 1..node.extent.start + 1
}

/// Where the text of a value ends, comments after it not included.
pub(super) fn content_end(node: &Node) -> usize {
    match &node.kind {
        _ if node.alias => node.extent.end,
        NodeKind::Map {
            entries,
            flow: false,
        } => entries.last().map_or(node.extent.end, |(key, node)| {
            content_end(node).max(key.source.bytes.end)
        }),
        _ => node.extent.end,
    }
}
