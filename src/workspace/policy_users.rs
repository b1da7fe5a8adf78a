//! `users` and `workload_identities`: who a policy is about.

use std::collections::{BTreeMap, BTreeSet};

use super::policy_conditions::filter;
use super::principals::{Declared, folded};
use super::read::{self, Findings, Table, listed, nearest, unique};
use super::tree::{Node, NodeKind};
use crate::diagnostic::{At, Diagnostic, Severity, Source};
use crate::model::{
    Exclusion, ExternalTenants, GuestKind, Guests, Id, Kind, Name, Owner, UserSet, Users, Workload,
};

/// `users` as it stands in the file: declared principals are still names, for each tenant to replace.
#[derive(Debug, Clone)]
pub(super) struct UsersRead {
    /// Everything that is written out.
    pub(super) users: Users<Name>,
    /// Declared principals that are included.
    pub(super) include: Vec<At<String>>,
    /// Declared principals that are excluded.
    pub(super) exclude: Vec<At<String>>,
    /// What the inline exclusions say for themselves.
    pub(super) exclusions: Vec<Exclusion>,
    /// Where the exclusions stand, or `users` when there are none.
    pub(super) exclude_source: Source,
}

/// The declared principals, or `None` when `portcullis.yaml` could not be read and nothing can be said.
pub(super) type Principals<'a> = Option<&'a BTreeMap<String, Declared>>;

const WHO: &[&str] = &["user", "group", "role", "guests"];
const INLINE: &[&str] = &[
    "user",
    "group",
    "role",
    "guests",
    "reason",
    "owner",
    "review_by",
    "expires",
];

/// How an entry of guests is remembered; no principal can be named so.
const GUESTS: &str = "guests:";

/// Reads `users`; of a policy that Microsoft maintains, the exclusions may be all that is said.
pub(super) fn users(
    key: &Source,
    node: &Node,
    owner: Owner,
    principals: Principals<'_>,
    out: &mut Findings,
) -> UsersRead {
    let mut read = UsersRead {
        users: Users::default(),
        include: Vec::new(),
        exclude: Vec::new(),
        exclusions: Vec::new(),
        exclude_source: key.clone(),
    };
    let Some(table) = Table::open(node, "`users`", &["include", "exclude"], &[], out) else {
        return read;
    };
    let mut all = Vec::new();
    let include = match owner {
        Owner::Workspace => table.require("include", out),
        Owner::Microsoft => table.get("include"),
    };
    if let Some(node) = include {
        let mut side = Side {
            exclude: false,
            principals,
            set: UserSet::default(),
            named: vec![],
            seen: vec![],
            exclusions: vec![],
        };
        for item in read::some_items(node, "`users.include`", out) {
            side.entry(item, out);
        }
        // `none` beside roles or groups is what the portal writes for "select users and groups". The service
        // takes `all` beside others too, so a tenant may hold it.
        let before = out.len();
        alone(&side.seen, &["all"], "`users.include`", out);
        for finding in &mut out[before..] {
            finding.severity = Severity::Warning;
        }
        all.extend(side.seen);
        (read.users.include, read.include) = (side.set, side.named);
    }
    if let Some((key, node)) = table.pair("exclude") {
        read.exclude_source = key.source.clone();
        let mut side = Side {
            exclude: true,
            principals,
            set: UserSet::default(),
            named: vec![],
            seen: vec![],
            exclusions: vec![],
        };
        for item in read::items(node, "`users.exclude`", out) {
            side.entry(item, out);
        }
        // Some guests may be excluded from others.
        for entry in side.seen.iter().filter(|entry| entry.value != GUESTS) {
            if let Some(included) = all.iter().find(|included| *included == entry) {
                let message = format!("`{}` is both included and excluded", entry.value);
                out.push(
                    // The service takes it, so a tenant may hold it.
                    Diagnostic::warning("included-and-excluded", message, entry.source.clone())
                        .label(included.source.clone(), "included here")
                        .help("remove one of them; an exclusion always wins"),
                );
            }
        }
        (read.users.exclude, read.exclude, read.exclusions) =
            (side.set, side.named, side.exclusions);
    }
    read
}

/// Reports a word that must stand alone and does not.
pub(super) fn alone(seen: &[At<String>], words: &[&str], what: &str, out: &mut Findings) {
    if seen.len() > 1
        && let Some(entry) = seen
            .iter()
            .find(|entry| words.contains(&entry.value.as_str()))
    {
        let message = format!("`{}` stands beside other entries in {what}", entry.value);
        out.push(
            Diagnostic::error("bad-combination", message, entry.source.clone())
                .help(format!("keep only `{}`, or only the others", entry.value)),
        );
    }
}

/// One list of `users` while it is read.
struct Side<'a> {
    exclude: bool,
    principals: Principals<'a>,
    set: UserSet<Name>,
    named: Vec<At<String>>,
    seen: Vec<At<String>>,
    exclusions: Vec<Exclusion>,
}

impl Side<'_> {
    fn entry(&mut self, node: &Node, out: &mut Findings) {
        match &node.kind {
            NodeKind::Map { .. } => self.inline(node, out),
            _ => self.word(node, out),
        }
    }

    fn see(&mut self, shown: &str, source: &Source, out: &mut Findings) {
        unique(
            At::new(shown.to_owned(), source.clone()),
            &mut self.seen,
            Clone::clone,
            out,
        );
    }

    fn word(&mut self, node: &Node, out: &mut Findings) {
        let Some(text) = read::text(node, "an entry of `users`", out) else {
            return;
        };
        let At {
            value: word,
            source,
        } = text;
        match word.as_str() {
            "all" | "none" if self.exclude => {
                let message = format!("`{word}` cannot be excluded");
                out.push(
                    Diagnostic::error("bad-value", message, source)
                        .help("name a declared principal, or write an inline entry"),
                );
                return;
            }
            "all" => self.set.all = true,
            "none" => self.set.none = true,
            _ => match self.principals {
                Some(principals) if !principals.contains_key(&word) => {
                    out.push(self.undeclared(&word, source, principals));
                    return;
                }
                _ => {
                    let named = At::new(word.clone(), source.clone());
                    if !self.named.contains(&named) {
                        self.named.push(named);
                    }
                }
            },
        }
        self.see(&word, &source, out);
    }

    fn undeclared(
        &self,
        word: &str,
        source: Source,
        principals: &BTreeMap<String, Declared>,
    ) -> Diagnostic {
        let message = format!("`{word}` is not a declared principal");
        let finding = Diagnostic::error("undeclared-principal", message, source);
        let rest = if self.exclude {
            ", reason: …, owner: …"
        } else {
            ""
        };
        let words = ["all", "none"].into_iter().filter(|_| !self.exclude);
        if word.contains('@') {
            finding.help(format!(
                "it looks like a user: write `{{user: {word}{rest}}}`"
            ))
        } else if Id::looks_like_guid(word) {
            finding.help(format!(
                "say what the id is: `{{user: {word}{rest}}}`, or `group:` or `role:` in its place"
            ))
        } else if let Some(near) = nearest(
            &word.to_ascii_lowercase(),
            principals.keys().map(String::as_str).chain(words),
        ) {
            finding.help(format!("did you mean `{near}`?"))
        } else {
            finding.help(format!(
                "declare it under `principals` in portcullis.yaml, or write it inline: `{{group: {word}{rest}}}`"
            ))
        }
    }

    fn inline(&mut self, node: &Node, out: &mut Findings) {
        let what = if self.exclude {
            "an inline exclusion"
        } else {
            "an inline entry"
        };
        let Some(table) = Table::open(node, what, INLINE, &[], out) else {
            return;
        };
        let given: Vec<_> = WHO.iter().filter_map(|key| table.pair(key)).collect();
        let [(key, value)] = given.as_slice() else {
            let message = format!(
                "{what} names {} things",
                if given.is_empty() { "no" } else { "several" }
            );
            out.push(
                Diagnostic::error("bad-combination", message, node.source.clone())
                    .help(format!("give exactly one of {}", listed(WHO))),
            );
            return;
        };
        let guests = key.text == "guests";
        for extra in ["reason", "owner", "review_by", "expires"]
            .iter()
            .filter_map(|key| table.pair(key))
        {
            let (name, source) = (&extra.0.text, extra.0.source.clone());
            if !self.exclude {
                let message = format!("`{name}` belongs to exclusions only");
                out.push(Diagnostic::error("misplaced-key", message, source).help("remove it"));
            } else if guests && matches!(name.as_str(), "review_by" | "expires") {
                let message = format!("`{name}` on excluded guests is not supported yet");
                out.push(Diagnostic::error("not-supported-yet", message, source).help("remove it"));
            }
        }
        if guests {
            if let Some(guests) = read_guests(value, out) {
                self.set.guests = Some(guests);
            }
            self.see(GUESTS, &node.source, out);
            if self.exclude {
                read::required_text(&table, "reason", what, out);
                read::required_text(&table, "owner", what, out);
            }
            return;
        }
        let Some(text) = read::text(value, &format!("`{}` of {what}", key.text), out) else {
            return;
        };
        let name = Name::new(folded(text.value), text.source);
        let (kind, set) = match key.text.as_str() {
            "user" => (Kind::User, &mut self.set.users),
            "group" => (Kind::Group, &mut self.set.groups),
            _ => (Kind::Role, &mut self.set.roles),
        };
        if name.text.eq_ignore_ascii_case("all") {
            let message = format!("`{}: {}` is not possible", key.text, name.text);
            out.push(
                Diagnostic::error("bad-value", message, name.source).help(format!(
                    "name one {}, or write the entry `all` for everybody",
                    kind.word()
                )),
            );
            return;
        }
        set.insert(name.clone());
        let shown = format!("{}: {}", key.text, name.text);
        self.see(&shown, &name.source, out);
        if self.exclude {
            let reason = read::required_text(&table, "reason", what, out);
            let owner = read::required_text(&table, "owner", what, out);
            let mut date = |key: &str| read::date(table.get(key)?, &format!("`{key}`"), out);
            let (review_by, expires) = (date("review_by"), date("expires"));
            if let (Some(reason), Some(owner)) = (reason, owner) {
                self.exclusions.push(Exclusion {
                    kind,
                    name,
                    reason,
                    owner,
                    review_by,
                    expires,
                });
            }
        }
    }
}

/// Reads kinds of guests and their home tenants.
pub(super) fn read_guests(node: &Node, out: &mut Findings) -> Option<Guests> {
    let kinds = |node: &Node, out: &mut Findings| {
        if read::scalar(node) == "all" {
            GuestKind::every()
        } else {
            let mut allowed = vec!["all"];
            allowed.extend(GuestKind::WORDS);
            read::words(node, "`guests`", &allowed, GuestKind::from_word, out)
        }
    };
    if node.entries().is_none() {
        let kinds = kinds(node, out);
        return Some(Guests {
            kinds,
            tenants: Some(ExternalTenants::All),
            legacy: false,
        });
    }
    let table = Table::open(node, "`guests`", &["kinds", "tenants"], &[], out)?;
    let kinds = kinds(table.require("kinds", out)?, out);
    let tenants = match table.get("tenants") {
        Some(node) if read::scalar(node) != "all" => {
            let mut seen = Vec::new();
            for item in read::some_items(node, "`guests.tenants`", out) {
                if let Some(id) = read::guid(item, "the id of a tenant", out) {
                    unique(id, &mut seen, ToString::to_string, out);
                }
            }
            ExternalTenants::Enumerated(seen.into_iter().map(|id| id.value.into()).collect())
        }
        _ => ExternalTenants::All,
    };
    Some(Guests {
        kinds,
        tenants: Some(tenants),
        legacy: false,
    })
}

/// Reads `workload_identities`.
pub(super) fn workload(node: &Node, out: &mut Findings) -> Option<Workload<Name>> {
    let what = "`workload_identities`";
    let table = Table::open(node, what, &["include", "exclude", "filter"], &[], out)?;
    let mut workload = Workload::default();
    let include = if table.get("filter").is_some() {
        table.get("include")
    } else {
        table.require("include", out)
    };
    if let Some(node) = include {
        let seen = names(
            read::some_items(node, "`workload_identities.include`", out),
            out,
        );
        let all = seen.iter().find(|entry| entry.value == "all-owned");
        if let Some(all) = all.filter(|_| seen.len() > 1) {
            let message = "`all-owned` stands beside other workload identities";
            out.push(
                Diagnostic::error("bad-combination", message, all.source.clone())
                    .help("keep only `all-owned`, or only the others"),
            );
        }
        workload.include_all = all.is_some();
        workload.include = named(seen, "all-owned");
    }
    if let Some(node) = table.get("exclude") {
        let seen = names(read::items(node, "`workload_identities.exclude`", out), out);
        workload.exclude = named(seen, "");
    }
    workload.filter = table.get("filter").and_then(|node| filter(node, out));
    Some(workload)
}

/// Reads display names and GUIDs, each once.
pub(super) fn names(items: &[Node], out: &mut Findings) -> Vec<At<String>> {
    let mut seen = Vec::new();
    for item in items {
        if let Some(At { value, source }) = read::text(item, "an entry", out) {
            unique(At::new(folded(value), source), &mut seen, Clone::clone, out);
        }
    }
    seen
}

/// Makes references of all entries but one word.
pub(super) fn named(entries: Vec<At<String>>, but: &str) -> BTreeSet<Name> {
    let entries = entries.into_iter().filter(|entry| entry.value != but);
    entries
        .map(|entry| Name::new(entry.value, entry.source))
        .collect()
}
