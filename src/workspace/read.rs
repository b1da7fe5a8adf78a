//! Reading typed values out of the tree: every reader says what is wrong and lets the caller go on.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::tree::{Key, Node, NodeKind, Style};
use crate::diagnostic::{At, Diagnostic, Source};
use crate::model::Id;

/// Where readers put what they find wrong.
pub(super) type Findings = Vec<Diagnostic>;

/// A mapping whose keys have been checked against the known ones.
pub(super) struct Table<'a> {
    entries: &'a [(Key, Node)],
    source: Source,
    what: String,
}

impl<'a> Table<'a> {
    /// Opens a mapping; unknown keys are reported with the nearest known one, keys of `later` as not
    /// supported yet.
    pub(super) fn open(
        node: &'a Node,
        what: &str,
        known: &[&str],
        later: &[&str],
        out: &mut Findings,
    ) -> Option<Self> {
        let Some(entries) = node.entries() else {
            let message = format!("{what} must be a mapping, not {}", node.what());
            out.push(
                Diagnostic::error("bad-value", message, node.source.clone())
                    .help(format!("its keys are {}", listed(known))),
            );
            return None;
        };
        for (key, _) in entries {
            let name = key.text.as_str();
            if known.contains(&name) {
                continue;
            }
            let source = key.source.clone();
            out.push(if later.contains(&name) {
                let message = format!("`{name}` in {what} is not supported yet");
                Diagnostic::error("not-supported-yet", message, source)
                    .help("leave it out, and keep such a policy out of this workspace until it is supported")
            } else {
                let message = format!("unknown key `{name}` in {what}");
                let finding = Diagnostic::error("unknown-key", message, source);
                match nearest(name, known.iter().chain(later).copied()) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!("its keys are {}", listed(known))),
                }
            });
        }
        Some(Self {
            entries,
            source: node.source.clone(),
            what: what.to_owned(),
        })
    }

    /// The value of a key, unless it is missing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.pair(key).map(|(_, node)| node)
    }

    /// A key and its value.
    pub(super) fn pair(&self, key: &str) -> Option<(&'a Key, &'a Node)> {
        let (key, node) = self.entries.iter().find(|(k, _)| k.text == key)?;
        Some((key, node))
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str, out: &mut Findings) -> Option<&'a Node> {
        let node = self.get(key);
        if node.is_none() {
            out.push(missing(key, &self.what, self.source.clone()));
        }
        node
    }

    /// Where the mapping begins.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }
}

/// The finding for a key that must be there.
pub(super) fn missing(key: &str, what: &str, source: Source) -> Diagnostic {
    Diagnostic::error("missing-key", format!("{what} has no `{key}`"), source)
        .help(format!("add `{key}:`"))
}

/// A text; a missing or structured value is reported.
pub(super) fn text(node: &Node, what: &str, out: &mut Findings) -> Option<At<String>> {
    match &node.kind {
        NodeKind::Scalar { text, style } if !node.is_null() => {
            let blank = text.trim().is_empty();
            if blank
                || text
                    .chars()
                    .any(|c| c.is_control() && !(c == '\n' && *style == Style::Block))
            {
                let message = format!(
                    "{what} {}",
                    if blank {
                        "is empty"
                    } else {
                        "has control characters"
                    }
                );
                out.push(
                    Diagnostic::error("bad-value", message, node.source.clone())
                        .help("write some text"),
                );
                return None;
            }
            Some(At::new(
                text.trim_end_matches('\n').to_owned(),
                node.source.clone(),
            ))
        }
        _ => {
            let (message, help) = if node.is_null() {
                (
                    format!("{what} has no value"),
                    "write one, or remove the key",
                )
            } else {
                (
                    format!("{what} must be a single value, not {}", node.what()),
                    "write a single value",
                )
            };
            out.push(Diagnostic::error("bad-value", message, node.source.clone()).help(help));
            None
        }
    }
}

/// The text of a required key, without its place.
pub(super) fn required_text(
    table: &Table<'_>,
    key: &str,
    what: &str,
    out: &mut Findings,
) -> Option<String> {
    let node = table.require(key, out)?;
    Some(text(node, &format!("`{key}` of {what}"), out)?.value)
}

/// The text of a key that may be missing, without its place.
pub(super) fn optional_text(
    table: &Table<'_>,
    key: &str,
    what: &str,
    out: &mut Findings,
) -> Option<String> {
    Some(text(table.get(key)?, &format!("`{key}` of {what}"), out)?.value)
}

/// A value out of a list of words.
pub(super) fn word<T>(
    node: &Node,
    what: &str,
    words: &[&str],
    read: impl Fn(&str) -> Option<T>,
    out: &mut Findings,
) -> Option<At<T>> {
    let text = text(node, what, out)?;
    if let Some(value) = read(&text.value) {
        return Some(At::new(value, text.source));
    }
    let message = format!("`{}` is not a value of {what}", text.value);
    let finding = Diagnostic::error("bad-value", message, text.source);
    let folded = text.value.to_ascii_lowercase().replace(['_', ' '], "-");
    out.push(match nearest(&folded, words.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`? allowed: {}", listed(words))),
        None => finding.help(format!("allowed: {}", listed(words))),
    });
    None
}

/// `true` or `false`.
pub(super) fn flag(node: &Node, what: &str, out: &mut Findings) -> Option<At<bool>> {
    let read = |word: &str| match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    word(node, what, &["true", "false"], read, out)
}

/// A day, as `2027-03-31`.
pub(super) fn date(node: &Node, what: &str, out: &mut Findings) -> Option<At<Date>> {
    let text = text(node, what, out)?;
    let iso = text.value.len() == 10 && text.value.as_bytes()[4] == b'-';
    match text.value.parse() {
        Ok(date) if iso => Some(At::new(date, text.source)),
        _ => {
            let message = format!("`{}` is not a day", text.value);
            out.push(
                Diagnostic::error("bad-value", message, text.source)
                    .help(format!("write {what} as a date: 2027-03-31")),
            );
            None
        }
    }
}

/// A GUID.
pub(super) fn guid(node: &Node, what: &str, out: &mut Findings) -> Option<At<Id>> {
    let text = text(node, what, out)?;
    if Id::looks_like_guid(&text.value) {
        return Some(At::new(Id::new(text.value), text.source));
    }
    let message = format!("`{}` is not a GUID", text.value);
    out.push(
        Diagnostic::error("bad-value", message, text.source)
            .help(format!("{what} is a GUID: 8-4-4-4-12 hexadecimal digits")),
    );
    None
}

/// A length of time, as `7d`, `1d 6h`, `72h`, `30m`, `1s` or `0`.
pub(super) fn duration(node: &Node, what: &str, out: &mut Findings) -> Option<At<SignedDuration>> {
    let text = text(node, what, out)?;
    if let Some(value) = parse_duration(&text.value) {
        return Some(At::new(value, text.source));
    }
    let message = format!("`{}` is not a length of time", text.value);
    out.push(
        Diagnostic::error("bad-value", message, text.source).help(format!(
            "write {what} in days, hours, minutes and seconds: 7d, 1d 6h, 30m, 0"
        )),
    );
    None
}

fn parse_duration(text: &str) -> Option<SignedDuration> {
    /// Ten years; anything longer is a slip.
    const MOST: i64 = 3650 * 86_400;
    if text == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut seconds = 0_i64;
    for part in text
        .split_ascii_whitespace()
        .flat_map(|part| part.split_inclusive(|c: char| !c.is_ascii_digit()))
    {
        let unit = match part.chars().last()? {
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let number: i64 = part[..part.len() - 1].parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
    }
    (seconds <= MOST && !text.trim().is_empty()).then(|| SignedDuration::from_secs(seconds))
}

/// A count of at least one.
pub(super) fn number(node: &Node, what: &str, out: &mut Findings) -> Option<At<u32>> {
    let text = text(node, what, out)?;
    match text.value.parse::<u32>() {
        Ok(value) if value > 0 => Some(At::new(value, text.source)),
        _ => {
            let message = format!("`{}` is not a number for {what}", text.value);
            out.push(
                Diagnostic::error("bad-value", message, text.source)
                    .help("write a whole number of at least 1"),
            );
            None
        }
    }
}

/// The items of a list; a single value is a list of one.
pub(super) fn items<'a>(node: &'a Node, what: &str, out: &mut Findings) -> &'a [Node] {
    match &node.kind {
        NodeKind::Sequence(items) => items,
        _ if node.is_null() => {
            let message = format!("{what} is empty");
            out.push(
                Diagnostic::error("bad-value", message, node.source.clone())
                    .help("give a list, or remove the key"),
            );
            &[]
        }
        _ => std::slice::from_ref(node),
    }
}

/// Like [`items`], for a list that must name something.
pub(super) fn some_items<'a>(node: &'a Node, what: &str, out: &mut Findings) -> &'a [Node] {
    let items = items(node, what, out);
    if items.is_empty() && !node.is_null() {
        let message = format!("{what} is an empty list");
        out.push(
            Diagnostic::error("empty-list", message, node.source.clone()).help(
                "name at least one entry, or remove the key: what is not configured is left out",
            ),
        );
    }
    items
}

/// A list of words, as a set; duplicates are reported.
pub(super) fn words<T: Ord + Clone>(
    node: &Node,
    what: &str,
    words: &[&str],
    read: impl Fn(&str) -> Option<T>,
    out: &mut Findings,
) -> std::collections::BTreeSet<T> {
    let mut seen: Vec<At<T>> = Vec::new();
    for item in some_items(node, what, out) {
        if let Some(value) = word(item, what, words, &read, out) {
            unique(value, &mut seen, |_| scalar(item).to_owned(), out);
        }
    }
    seen.into_iter().map(|at| at.value).collect()
}

/// Adds a value to a list unless it is there already, which is reported.
pub(super) fn unique<T: PartialEq>(
    value: At<T>,
    seen: &mut Vec<At<T>>,
    shown: impl Fn(&T) -> String,
    out: &mut Findings,
) {
    match seen.iter().find(|old| **old == value) {
        Some(old) => out.push(
            Diagnostic::error(
                "duplicate-entry",
                format!("`{}` is listed twice", shown(&value.value)),
                value.source,
            )
            .label(old.source.clone(), "first listed here")
            .help("remove one of them"),
        ),
        None => seen.push(value),
    }
}

/// The text of a scalar, or nothing.
pub(super) fn scalar(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Scalar { text, .. } => text,
        _ => "",
    }
}

/// Words in backticks with commas.
pub(super) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    words.join(", ")
}

/// The known word that was probably meant, if one is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let most = word.chars().count().max(3) / 3;
    known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be added, removed or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
