//! Text to a tree in which every value knows its place; the only file that names the YAML crate.
//!
//! The tree is built from the parser's events rather than through serde: only so are quoted and plain words
//! told apart (`on` stays a word), all duplicate keys found in one run, and the bytes of a scalar known to
//! the editor. Budgets keep a hostile file cheap; they are far above what a policy needs.

use std::collections::HashMap;
use std::sync::Arc;

use serde_yaml::granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StructureStyle, options,
};

use super::text::{MAX_BYTES, bad_character, count, too_large};
use super::tree::{Key, Node, NodeKind, Style};
use crate::diagnostic::{Diagnostic, Source};

/// The most nodes a file may have, aliases counted as what they stand for.
const MAX_NODES: usize = 20_000;
/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 32;
/// The most aliases a file may use.
const MAX_ALIASES: usize = 100;
/// After so many findings about one file's YAML the rest would only be noise.
const MAX_FINDINGS: usize = 50;

/// A parsed file: a tree unless nothing could be made of it, and everything wrong with its YAML.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The document; none when parts of it could not be read.
    pub(super) root: Option<Node>,
    /// What is wrong with its YAML.
    pub(super) findings: Vec<Diagnostic>,
}

/// Parses one file. Never panics and never takes long, whatever the text is.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Parsed {
    if text.len() as u64 > MAX_BYTES {
        return only(too_large(file, text.len() as u64));
    }
    if let Some(finding) = bad_character(file, text) {
        return only(finding);
    }
    let bom = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut tree = Tree {
        file,
        text,
        bom,
        ..Tree::default_for(file)
    };
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: 2 * MAX_DEPTH,
        block_nesting_limit: 2 * MAX_DEPTH,
    };
    for next in Parser::new_from_str_with_options(&text[bom..], options) {
        let going = match next {
            Ok((event, span)) => tree.event(event, span),
            Err(error) => {
                tree.syntax(&error);
                false
            }
        };
        if !going {
            break;
        }
    }
    if tree.findings.is_empty() && tree.root.as_ref().is_none_or(Node::is_null) {
        tree.findings.push(
            Diagnostic::error(
                "empty-file",
                format!("{file} is empty"),
                Source::file(file.clone()),
            )
            .help("write the file, or delete it"),
        );
    }
    // A tree that lacks parts would only bring findings about what is missing.
    let whole = |finding: &Diagnostic| matches!(finding.code, "duplicate-key" | "tag");
    let complete = tree.findings.iter().all(whole);
    Parsed {
        root: tree.root.filter(|root| complete && !root.is_null()),
        findings: tree.findings,
    }
}

fn only(finding: Diagnostic) -> Parsed {
    Parsed {
        root: None,
        findings: vec![finding],
    }
}

enum Open {
    Map {
        entries: Vec<(Key, Node)>,
        seen: HashMap<String, Source>,
        /// The key whose value comes next; `Some(None)` when that value is to be thrown away.
        key: Option<Option<Key>>,
        flow: bool,
    },
    Sequence {
        items: Vec<Node>,
        flow: bool,
    },
}

struct Frame {
    open: Open,
    source: Source,
    anchor: usize,
}

struct Tree<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    bom: usize,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliases: usize,
    documents: usize,
    root: Option<Node>,
    findings: Vec<Diagnostic>,
}

impl<'a> Tree<'a> {
    fn default_for(file: &'a Arc<str>) -> Self {
        Self {
            file,
            text: "",
            bom: 0,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            aliases: 0,
            documents: 0,
            root: None,
            findings: Vec::new(),
        }
    }

    fn offset(&self, marker: Marker) -> Option<usize> {
        let at = marker.byte_offset()? + self.bom;
        (at <= self.text.len() && self.text.is_char_boundary(at)).then_some(at)
    }

    fn source(&self, span: Span) -> Source {
        let start = self.offset(span.start).unwrap_or(0);
        let end = self.offset(span.end).unwrap_or(start).max(start);
        Source {
            file: self.file.clone(),
            line: count(span.start.line()),
            column: count(span.start.col() + 1),
            bytes: (start..end).into(),
        }
    }

    /// Takes one event; `false` ends the parse.
    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        let source = self.source(span);
        if event.is_node() || matches!(event, Event::Alias(_)) {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return self.stop("too-many-nodes", "the file has too many values", source);
            }
        }
        if let Some(tag) = event
            .tag()
            .map(|tag| (tag.original(), tag.core_suffix().map(str::to_owned)))
        {
            let plain = matches!(tag.1.as_deref(), Some("str" | "map" | "seq")) || tag.0 == "!";
            if !plain {
                let message = format!("the tag {} means nothing here", tag.0);
                self.report(
                    Diagnostic::error("tag", message, source.clone()).help("remove the tag"),
                );
            }
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second YAML document begins here";
                    return self.stop("several-documents", message, source);
                }
            }
            Event::Alias(id) => return self.alias(id, source),
            Event::Scalar(text, style, anchor, _) => {
                let node = Node {
                    extent: source.bytes.start..source.bytes.end,
                    alias: false,
                    kind: NodeKind::Scalar {
                        // The parser stands a tilde for nothing.
                        text: if source.bytes.start == source.bytes.end && &*text == "~" {
                            String::new()
                        } else {
                            text.into_owned()
                        },
                        style: match style {
                            ScalarStyle::Plain => Style::Plain,
                            ScalarStyle::SingleQuoted => Style::Single,
                            ScalarStyle::DoubleQuoted => Style::Double,
                            _ => Style::Block,
                        },
                    },
                    source,
                };
                self.attach(node, anchor);
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                return self.open(
                    Open::Sequence {
                        items: Vec::new(),
                        flow,
                    },
                    source,
                    anchor,
                );
            }
            Event::MappingStart(style, anchor, _) => {
                let open = Open::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                    flow: style == StructureStyle::Flow,
                };
                return self.open(open, source, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(source.bytes.end),
            _ => {}
        }
        true
    }

    fn open(&mut self, open: Open, source: Source, anchor: usize) -> bool {
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("lists and mappings nest deeper than {MAX_DEPTH}");
            return self.stop("too-deep", &message, source);
        }
        self.stack.push(Frame {
            open,
            source,
            anchor,
        });
        true
    }

    fn close(&mut self, end: usize) {
        let Some(Frame {
            open,
            mut source,
            anchor,
        }) = self.stack.pop()
        else {
            return;
        };
        let start = source.bytes.start;
        let (kind, flow, first, last) = match open {
            Open::Map { entries, flow, .. } => {
                let first = entries.first().map(|(key, _)| key.source.clone());
                let last = entries
                    .last()
                    .map(|(k, v)| v.extent.end.max(k.source.bytes.end));
                (NodeKind::Map { entries, flow }, flow, first, last)
            }
            Open::Sequence { items, flow } => {
                let first = items.first().map(|item| item.source.clone());
                let last = items.last().map(|item| item.extent.end);
                (NodeKind::Sequence(items), flow, first, last)
            }
        };
        let extent = if flow {
            start..end.max(start)
        } else {
            let start = first
                .as_ref()
                .map_or(start, |first| first.bytes.start.min(start));
            start..last.unwrap_or(start).max(start)
        };
        if flow {
            source.bytes = extent.clone().into();
        } else if let Some(first) = first {
            source = first;
        }
        self.attach(
            Node {
                kind,
                source,
                extent,
                alias: false,
            },
            anchor,
        );
    }

    fn alias(&mut self, id: usize, source: Source) -> bool {
        self.aliases += 1;
        let Some(target) = self.anchors.get(&id) else {
            return self.stop(
                "alias-to-itself",
                "an alias stands inside what it stands for",
                source,
            );
        };
        let (size, depth) = (target.size(), target.depth());
        self.nodes += size;
        if self.aliases > MAX_ALIASES
            || self.nodes > MAX_NODES
            || self.stack.len() + depth > MAX_DEPTH
        {
            return self.stop("too-many-aliases", "the aliases expand to too much", source);
        }
        let node = Node {
            kind: target.kind.clone(),
            extent: source.bytes.start..source.bytes.end,
            source,
            alias: true,
        };
        self.attach(node, 0);
        true
    }

    fn attach(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let mut finding = None;
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Map {
                entries, seen, key, ..
            }) => match key.take() {
                Some(Some(key)) => entries.push((key, node)),
                Some(None) => {}
                None => match as_key(node, seen) {
                    Ok(new) => *key = Some(Some(new)),
                    Err(why) => {
                        finding = Some(why);
                        *key = Some(None);
                    }
                },
            },
        }
        if let Some(finding) = finding {
            self.report(*finding);
        }
    }

    fn report(&mut self, finding: Diagnostic) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn stop(&mut self, code: &'static str, message: &str, source: Source) -> bool {
        let help = match code {
            "several-documents" => "put one document in a file",
            "alias-to-itself" => "write the value out",
            _ => "a policy is a page or two: is this the right file?",
        };
        self.findings
            .push(Diagnostic::error(code, message, source).help(help));
        false
    }

    fn syntax(&mut self, error: &ScanError) {
        let marker = *error.marker();
        let at = self.offset(marker).unwrap_or_else(|| {
            let line = self
                .text
                .split_inclusive('\n')
                .take(marker.line().saturating_sub(1));
            let start: usize = line.map(str::len).sum();
            let rest = &self.text[start.max(self.bom)..];
            let column = rest
                .char_indices()
                .nth(marker.col())
                .map_or(rest.len(), |(at, _)| at);
            start.max(self.bom) + column
        });
        let here = self.text[at..]
            .chars()
            .next()
            .filter(|c| !matches!(c, '\n' | '\r'));
        let source = Source {
            file: self.file.clone(),
            line: count(marker.line()),
            column: count(marker.col() + 1),
            bytes: (at..at + here.map_or(0, char::len_utf8)).into(),
        };
        let (code, help) = match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                let message = format!("lists and mappings nest deeper than {MAX_DEPTH}");
                self.stop("too-deep", &message, source);
                return;
            }
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart => ("tab", "indent with spaces"),
            ErrorKind::UnknownAnchor => (
                "unknown-anchor",
                "write the value out, or define the anchor above",
            ),
            ErrorKind::MappingValueNotAllowed => (
                "syntax",
                "quote a text that contains a colon and a blank: \"CA010: MFA\"",
            ),
            _ => (
                "syntax",
                "look at the line and the one above: indentation, colons, quotes, brackets",
            ),
        };
        let text = error.kind().to_string();
        let message = text.trim_end_matches('.').to_owned();
        let message = if message.is_empty() {
            "this is not valid YAML".to_owned()
        } else {
            message
        };
        self.findings
            .push(Diagnostic::error(code, message, source).help(help));
    }
}

/// Takes a node as a key, or says why it is none.
fn as_key(node: Node, seen: &mut HashMap<String, Source>) -> Result<Key, Box<Diagnostic>> {
    let source = node.source.clone();
    let (text, style) = match node.kind {
        NodeKind::Scalar { text, style } if !node.alias => (text, style),
        _ => {
            return Err(Box::new(
                Diagnostic::error("bad-key", "a key must be a plain word", source)
                    .help("write the key out"),
            ));
        }
    };
    if text == "<<" && style == Style::Plain {
        return Err(Box::new(
            Diagnostic::error("merge-key", "merge keys are not supported", source)
                .help("write the keys out, so that a reviewer sees them"),
        ));
    }
    if text.is_empty() {
        return Err(Box::new(
            Diagnostic::error("bad-key", "a key is missing before the colon", source)
                .help("write a key"),
        ));
    }
    if let Some(first) = seen.get(&text) {
        return Err(Box::new(
            Diagnostic::error(
                "duplicate-key",
                format!("the key `{text}` is given twice"),
                source,
            )
            .caret("given again here")
            .label(first.clone(), "first given here")
            .help("keep one of them"),
        ));
    }
    seen.insert(text.clone(), source.clone());
    Ok(Key { text, source })
}
