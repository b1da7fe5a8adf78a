//! Bringing one list up to date: entries go, stay and come by what they stand for.
//!
//! An entry whose name is nobody's any more goes, with its reason, owner and dates: who came instead may be
//! somebody else.

use std::collections::BTreeSet;
use std::ops::Range;

use super::edit::{content_end, eol};
use super::merge::{Merge, line_end, line_start};
use super::policy_users::read_guests;
use super::read;
use super::tree::{Node, NodeKind};
use super::write::{Item, Meaning, render_item};
use crate::model::{Guests, Id, Kind, Suite};

/// A list in a file, and what it is compared with.
pub(super) struct List<'a> {
    pub(super) text: &'a str,
    pub(super) keys: &'a [&'a str],
    pub(super) node: &'a Node,
    pub(super) with: &'a Merge<'a>,
}

impl List<'_> {
    /// The text with the list brought up to date; `None` when nothing of it would stay.
    pub(super) fn merged(&self, wanted: &[Item], held: &BTreeSet<Meaning>) -> Option<String> {
        let NodeKind::Sequence(items) = &self.node.kind else {
            return None;
        };
        let meanings: Vec<Option<Meaning>> = items.iter().map(|item| self.meaning(item)).collect();
        let stays = |at: usize| matches!(&meanings[at], Some(meaning) if held.contains(meaning));
        let mut splices: Vec<(Range<usize>, String)> = Vec::new();
        let gone: Vec<usize> = (0..items.len()).filter(|at| !stays(*at)).collect();
        let come: Vec<&Item> = wanted
            .iter()
            .filter(|item| !meanings.contains(&Some(item.meaning.clone())))
            .collect();
        splices.extend(self.guests(items));
        let first = (0..items.len()).find(|at| !gone.contains(at))?;
        let last = (0..items.len()).rfind(|at| !gone.contains(at))?;
        let flow = self.text[self.node.extent.start..].starts_with('[');
        for at in gone {
            let range = if flow {
                // With the comma towards what stays.
                if at < first {
                    items[at].extent.start..items[at + 1].extent.start
                } else {
                    items[at - 1].extent.end..items[at].extent.end
                }
            } else {
                let end = line_end(self.text, content_end(&items[at]));
                line_start(self.text, items[at].extent.start)..end
            };
            splices.push((range, String::new()));
        }
        if !come.is_empty() {
            splices.push(self.appended(&items[last], &come, flow));
        }
        let mut text = self.text.to_owned();
        // From the end, so that no place moves before it is used.
        splices.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, by) in splices {
            text.replace_range(range, &by);
        }
        Some(text)
    }

    /// The guests of an entry that stays, when they are others now.
    fn guests(&self, items: &[Node]) -> Option<(Range<usize>, String)> {
        let live = self.live_guests()?;
        let (_, node) = items.iter().find_map(|item| item.entry("guests"))?;
        let old = read_guests(node, &mut Vec::new());
        if old.is_some_and(|old| old.means(live)) {
            return None;
        }
        let users = &self.with.live.conditions.users;
        let include = self.keys.last() == Some(&"include");
        let set = if include {
            &users.include
        } else {
            &users.exclude
        };
        let entry = super::write::guests_value(set.guests.as_ref()?);
        Some((node.extent.clone(), entry.inline()?))
    }

    fn live_guests(&self) -> Option<&Guests> {
        let users = &self.with.live.conditions.users;
        match self.keys {
            ["users", "include"] => users.include.guests.as_ref(),
            ["users", "exclude"] => users.exclude.guests.as_ref(),
            _ => None,
        }
    }

    fn appended(&self, after: &Node, come: &[&Item], flow: bool) -> (Range<usize>, String) {
        if flow {
            let end = after.extent.end;
            let added: String = come
                .iter()
                .map(|item| format!(", {}", item.value.inline().unwrap_or_default()))
                .collect();
            return (end..end, added);
        }
        let start = line_start(self.text, after.extent.start);
        let indent: String = self.text[start..]
            .chars()
            .take_while(|c| *c == ' ')
            .collect();
        let eol = eol(self.text, after.extent.start);
        let at = line_end(self.text, content_end(after));
        let mut added: String = come
            .iter()
            .map(|item| format!("{indent}{}{eol}", render_item(item)))
            .collect();
        if !self.text[..at].ends_with('\n') {
            added = format!("{eol}{}", added.trim_end_matches(['\r', '\n']));
        }
        (at..at, added)
    }

    /// What an entry of the file stands for; `None` when that is nothing any more.
    fn meaning(&self, item: &Node) -> Option<Meaning> {
        let text = read::scalar(item);
        let object = |kind: Kind, text: &str| {
            let found = (self.with.resolve)(kind, text);
            let own = || Id::looks_like_guid(text).then(|| Id::new(text));
            Some(Meaning::Object(kind, found.or_else(own)?))
        };
        let word = || Some(Meaning::Word(text.to_owned()));
        match self.keys {
            ["users", ..] => {
                for (kind, who) in [
                    (Kind::User, "user"),
                    (Kind::Group, "group"),
                    (Kind::Role, "role"),
                ] {
                    if let Some((_, name)) = item.entry(who) {
                        return object(kind, read::scalar(name));
                    }
                }
                if item.entry("guests").is_some() {
                    return Some(Meaning::Guests);
                }
                if matches!(text, "all" | "none") {
                    return word();
                }
                let (kind, id) = (self.with.principal)(text)?;
                Some(Meaning::Object(kind, id))
            }
            ["workload_identities", ..] if text != "all-owned" => {
                object(Kind::ServicePrincipal, text)
            }
            ["target_resources", "include" | "exclude"] => {
                if matches!(text, "all" | "none") || Suite::from_word(text).is_some() {
                    return word();
                }
                object(Kind::App, text)
            }
            ["conditions", "locations", ..] => match text {
                "all" | "all-trusted" => word(),
                "mfa-trusted-ips" | super::policy_conditions::MFA_TRUSTED_IPS => {
                    Some(Meaning::Word("mfa-trusted-ips".into()))
                }
                _ => object(Kind::Location, text),
            },
            ["grant", "terms_of_use"] => Some(Meaning::Object(Kind::TermsOfUse, Id::new(text))),
            _ => word(),
        }
    }
}
