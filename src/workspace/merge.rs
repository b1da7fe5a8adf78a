//! Bringing a policy file up to date with the live policy: what differs is changed, every other byte stays.
//!
//! Each field that differs is one edit, and the file is parsed again after each. Entries of lists are told
//! apart by what they stand for, so that a reviewed exclusion keeps its owner, its comment and its place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::edit::{EditError, content_end, document, eol, indent};
use super::merge_list::List;
use super::tree::{Key, Node, NodeKind};
use super::write::{Draft, Entry, Meaning, Value, Write, entries, is_section, render_entry};
use crate::diagnostic::Source;
use crate::model::{Id, Kind, Policy};

/// What a file is to be brought up to date with.
pub struct Merge<'a> {
    /// The live policy as it would be written anew.
    pub draft: &'a Draft<'a>,
    /// The live policy with what declarations imply.
    pub live: &'a Policy<Id>,
    /// How ids are written.
    pub write: Write<'a>,
    /// What a name in the file stands for.
    pub resolve: &'a dyn Fn(Kind, &str) -> Option<Id>,
    /// What a declared principal stands for.
    pub principal: &'a dyn Fn(&str) -> Option<(Kind, Id)>,
}

/// Keys in the order of a policy file, those of every level in one list: an inserted key finds its place.
const ORDER: &[&str] = &[
    "policy",
    "name",
    "state",
    "id",
    "owner",
    "renamed_from",
    "users",
    "workload_identities",
    "target_resources",
    "conditions",
    "grant",
    "session",
    "include",
    "exclude",
    "user_actions",
    "authentication_contexts",
    "filter",
    "mode",
    "rule",
    "client_apps",
    "platforms",
    "locations",
    "sign_in_risk",
    "user_risk",
    "service_principal_risk",
    "insider_risk",
    "device_filter",
    "authentication_flows",
    "operator",
    "controls",
    "authentication_strength",
    "terms_of_use",
    "custom_factors",
    "sign_in_frequency",
    "every",
    "authentication",
    "persistent_browser",
    "app_enforced_restrictions",
    "cloud_app_security",
    "resilience_defaults",
    "token_protection",
    "break_glass",
    "rollout",
    "weaken",
    "tenants",
];

/// Changes the fields at `paths` (as the comparison of policies names them) in the text of a file.
pub fn merge(
    text: &str,
    file: &str,
    paths: &[&str],
    with: &Merge<'_>,
) -> Result<String, EditError> {
    let new = Value::Map(entries(with.draft, with.write));
    let whole = Draft {
        policy: with.live,
        ..with.draft.clone()
    };
    let whole = Value::Map(entries(&whole, with.write));
    let mut text = text.to_owned();
    for path in paths {
        let keys: Vec<&str> = path.split('.').collect();
        text = Edit {
            file: Arc::from(file),
            with,
            new: &new,
            whole: &whole,
        }
        .set(&text, &keys)?;
    }
    Ok(text)
}

struct Edit<'a> {
    file: Arc<str>,
    with: &'a Merge<'a>,
    new: &'a Value,
    whole: &'a Value,
}

/// A key on the way to a value, with the value.
type Step<'n> = (&'n Key, &'n Node);

impl Edit<'_> {
    fn by_hand(&self, keys: &[&str], place: &Source) -> EditError {
        EditError {
            message: format!(
                "`{}` is laid out so that it cannot be edited; bring it up to date by hand",
                keys.join(".")
            ),
            place: place.clone(),
        }
    }

    fn set(&self, text: &str, keys: &[&str]) -> Result<String, EditError> {
        let root = document(&self.file, text)?;
        let new = self.new.at(keys);
        let mut way: Vec<Step<'_>> = Vec::new();
        let mut parent = &root;
        for (depth, key) in keys.iter().enumerate() {
            match parent.entry(key) {
                Some((key, node)) if !node.alias => {
                    way.push((key, node));
                    parent = node;
                }
                Some((_, node)) => return Err(self.by_hand(keys, &node.source)),
                // The short form: a list alone is what is included.
                None if parent.entries().is_none() && keys[depth..] == ["include"] => break,
                None if new.is_none() => return Ok(text.to_owned()),
                None => return self.insert(text, &root, &way, &keys[..=depth], keys),
            }
        }
        let (key, node) = *way.last().ok_or_else(|| self.by_hand(keys, &root.source))?;
        match new {
            Some(Value::Map(entries)) if node.entries().is_some() => {
                let old = node.entries().unwrap_or_default();
                let new = entries.iter().map(|entry| entry.key.clone());
                let under: BTreeSet<String> = new
                    .chain(old.iter().map(|(key, _)| key.text.clone()))
                    .collect();
                let mut text = text.to_owned();
                for name in under {
                    let keys = [keys, &[name.as_str()]].concat();
                    text = self.set(&text, &keys)?;
                }
                Ok(text)
            }
            Some(Value::List(_)) | None if matches!(node.kind, NodeKind::Sequence(_)) => {
                self.list(text, &root, &way, keys)
            }
            None => self.remove(text, &root, &way, keys),
            Some(value) => self.replace(text, key, node, value, keys),
        }
    }

    fn list(
        &self,
        text: &str,
        root: &Node,
        way: &[Step<'_>],
        keys: &[&str],
    ) -> Result<String, EditError> {
        let items = |value: Option<&Value>| match value {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let wanted = items(self.new.at(keys));
        let held: BTreeSet<Meaning> = items(self.whole.at(keys))
            .into_iter()
            .map(|item| item.meaning)
            .collect();
        let Some((key, node)) = way.last() else {
            return Err(self.by_hand(keys, &root.source));
        };
        let list = List {
            text,
            keys,
            node,
            with: self.with,
        };
        match list.merged(&wanted, &held) {
            Some(text) => Ok(text),
            None if wanted.is_empty() => self.remove(text, root, way, keys),
            None => self.replace(text, key, node, &Value::List(wanted), keys),
        }
    }

    /// Replaces a value; a scalar by a scalar in place, anything else with its key.
    fn replace(
        &self,
        text: &str,
        key: &Key,
        node: &Node,
        value: &Value,
        keys: &[&str],
    ) -> Result<String, EditError> {
        let scalar = matches!(node.kind, NodeKind::Scalar { .. }) && !node.extent.is_empty();
        if let (true, Some(inline)) = (scalar, value.inline()) {
            return Ok(spliced(text, node.extent.clone(), &inline));
        }
        let Some(indent) = indent(text, key) else {
            return match value.flow() {
                inline if !node.extent.is_empty() => {
                    Ok(spliced(text, node.extent.clone(), &inline))
                }
                _ => Err(self.by_hand(keys, &key.source)),
            };
        };
        let entry = Entry::new(&key.text, value.clone());
        let rendered = lines(&entry, indent.len(), eol(text, key.source.bytes.start));
        let rendered = rendered.trim_start().trim_end_matches(['\r', '\n']);
        let end = content_end(node).max(key.source.bytes.end + 1);
        Ok(spliced(text, key.source.bytes.start..end, rendered))
    }

    /// Takes a key out, and the mapping around it when nothing is left in that.
    fn remove(
        &self,
        text: &str,
        root: &Node,
        way: &[Step<'_>],
        keys: &[&str],
    ) -> Result<String, EditError> {
        let mut depth = way.len().saturating_sub(1);
        while depth > 0 && way[depth - 1].1.entries().is_some_and(|all| all.len() == 1) {
            depth -= 1;
        }
        let parent = if depth == 0 { root } else { way[depth - 1].1 };
        let (key, node) = way[depth];
        let end = content_end(node).max(key.source.bytes.end + 1);
        if indent(text, key).is_some() {
            let mut start = line_start(text, key.source.bytes.start);
            let end = line_end(text, end);
            // One of the blank lines around a section goes with it.
            if text[..start].ends_with("\n\n")
                && (text[end..].starts_with('\n') || end == text.len())
            {
                start -= 1;
            }
            return Ok(spliced(text, start..end, ""));
        }
        let siblings = parent.entries().unwrap_or_default();
        let at = siblings.iter().position(|(own, _)| own.text == key.text);
        let range = match at {
            Some(0) => {
                let next = siblings
                    .get(1)
                    .map_or(end, |(key, _)| key.source.bytes.start);
                key.source.bytes.start..next
            }
            Some(at) => content_end(&siblings[at - 1].1)..end,
            None => return Err(self.by_hand(keys, &key.source)),
        };
        Ok(spliced(text, range, ""))
    }

    /// Puts in a key that is not there, after the keys that come before it in a policy file.
    fn insert(
        &self,
        text: &str,
        root: &Node,
        way: &[Step<'_>],
        missing: &[&str],
        keys: &[&str],
    ) -> Result<String, EditError> {
        let (Some(value), Some(name)) = (self.new.at(missing), missing.last()) else {
            return Ok(text.to_owned());
        };
        let parent = way.last().map_or(root, |(_, node)| node);
        let Some(siblings) = parent.entries().filter(|siblings| !siblings.is_empty()) else {
            // The short form holds nothing but what is included: the whole is written out.
            let outer = &missing[..missing.len() - 1];
            return match (way.last(), self.new.at(outer)) {
                (Some((key, node)), Some(value)) => self.replace(text, key, node, value, outer),
                _ => Err(self.by_hand(keys, &parent.source)),
            };
        };
        let rank = |key: &str| ORDER.iter().position(|own| *own == key);
        let before = siblings
            .iter()
            .rfind(|(key, _)| rank(&key.text) < rank(name));
        if matches!(parent.kind, NodeKind::Map { flow: true, .. }) {
            let (_, last) = &siblings[siblings.len() - 1];
            let at = content_end(last);
            return Ok(spliced(
                text,
                at..at,
                &format!(", {name}: {}", value.flow()),
            ));
        }
        let Some(indent) = indent(text, &siblings[0].0) else {
            return Err(self.by_hand(keys, &siblings[0].0.source));
        };
        let eol = eol(text, text.len());
        let mut block = lines(&Entry::new(name, value.clone()), indent.len(), eol);
        let at = match before {
            Some((key, node)) => line_end(text, content_end(node).max(key.source.bytes.end + 1)),
            None => line_start(text, siblings[0].0.source.bytes.start),
        };
        if way.is_empty() && is_section(value) {
            block.insert_str(0, eol);
        }
        if !text[..at].ends_with('\n') {
            block.insert_str(0, eol);
        }
        Ok(spliced(text, at..at, &block))
    }
}

/// An entry as lines with the line ending of the file.
fn lines(entry: &Entry, indent: usize, eol: &str) -> String {
    let mut out = String::new();
    render_entry(entry, indent, &mut out);
    out.replace('\n', eol)
}

/// A text with a part replaced.
pub(super) fn spliced(text: &str, range: Range<usize>, by: &str) -> String {
    [&text[..range.start], by, &text[range.end..]].concat()
}

/// Where the line of a byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after that of a byte begins.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    if at > 0 && text[..at].ends_with('\n') {
        return at;
    }
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1)
}
