//! Named exceptions in `portcullis.yaml`: who they are at the top, what stands for them in each tenant.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::config::{Tenant, is_name, mapping};
use super::read::{self, Findings, Table, missing, nearest};
use super::tree::{Key, Node};
use crate::diagnostic::{At, Diagnostic, Source};
use crate::model::{Id, Kind, Name, Principal, PrincipalKind, PrincipalTarget};

const WHO: &[&str] = &["kind", "owner", "reason"];
const WHAT: &[&str] = &[
    "user",
    "group",
    "role",
    "max_members",
    "review_by",
    "expires",
    "last_drill",
];
const BOTH: &[&str] = &[
    "kind",
    "owner",
    "reason",
    "user",
    "group",
    "role",
    "max_members",
    "review_by",
    "expires",
    "last_drill",
];

/// Who a principal is, the same in every tenant.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    kind: PrincipalKind,
    owner: String,
    reason: Option<String>,
    source: Source,
}

/// What stands for a principal in one tenant.
#[derive(Debug, Clone, Default)]
pub(super) struct Binding {
    target: Option<PrincipalTarget>,
    max_members: Option<At<u32>>,
    review_by: Option<At<Date>>,
    expires: Option<At<Date>>,
    last_drill: Option<At<Date>>,
    source: Option<Source>,
    keys: BTreeMap<String, Source>,
}

impl Declared {
    /// The principal with what stands for it.
    pub(super) fn principal(&self, name: &str, binding: Binding) -> Principal {
        let Self {
            kind,
            owner,
            reason,
            source,
        } = self.clone();
        let Binding {
            target,
            max_members,
            review_by,
            expires,
            last_drill,
            source: _,
            keys: _,
        } = binding;
        Principal {
            name: name.to_owned(),
            kind,
            owner,
            reason,
            target,
            max_members,
            review_by,
            expires,
            last_drill,
            source,
        }
    }
}

/// Reads the top-level principals and joins them with the bindings of the tenants.
pub(super) fn lower(
    node: Option<&Node>,
    tenants: &mut BTreeMap<String, Tenant>,
    out: &mut Findings,
) -> BTreeMap<String, Declared> {
    let nodes = node.map_or(&[][..], |node| mapping(node, "`principals`", out));
    let mut principals = BTreeMap::new();
    for (key, node) in nodes {
        if is_name(key, "principal", out)
            && let Some(declared) = declare(key, node, tenants, out)
        {
            principals.insert(key.text.clone(), declared);
        }
    }
    let names: Vec<&str> = nodes.iter().map(|(key, _)| key.text.as_str()).collect();
    for (tenant, of) in tenants {
        for (name, binding) in &of.bindings {
            let source = binding
                .source
                .clone()
                .unwrap_or_else(|| of.declaration.source.clone());
            if !names.contains(&name.as_str()) {
                let message = format!("principal `{name}` of tenant `{tenant}` is not declared");
                let finding = Diagnostic::error("undeclared-principal", message, source);
                out.push(match nearest(name, names.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!(
                        "add `{name}: {{kind: service-account, owner: …, reason: …}}` to the top-level `principals`"
                    )),
                });
            } else {
                check(name, tenant, binding, source, out);
            }
        }
    }
    principals
}

/// Reads what stands for a principal under `tenants.T.principals`.
pub(super) fn bind_in_tenant(key: &Key, node: &Node, what: &str, out: &mut Findings) -> Binding {
    let mut binding = Binding {
        source: Some(key.source.clone()),
        ..Binding::default()
    };
    if let Some(table) = Table::open(node, what, BOTH, &[], out) {
        for (key, _) in WHO.iter().filter_map(|key| table.pair(key)) {
            let message = format!(
                "`{}` says who the principal is, which is the same in every tenant",
                key.text
            );
            out.push(
                Diagnostic::error("misplaced-key", message, key.source.clone())
                    .help("move it to the top-level `principals`"),
            );
        }
        fill(&mut binding, &key.text, &table, what, out);
    }
    binding
}

fn declare(
    key: &Key,
    node: &Node,
    tenants: &mut BTreeMap<String, Tenant>,
    out: &mut Findings,
) -> Option<Declared> {
    let name = &key.text;
    let what = format!("principal `{name}`");
    let table = Table::open(node, &what, BOTH, &[], out)?;
    let binding: Vec<&Key> = WHAT
        .iter()
        .filter_map(|key| table.pair(key))
        .map(|(key, _)| key)
        .collect();
    match (tenants.len(), tenants.values_mut().next()) {
        _ if binding.is_empty() => {}
        (1, Some(tenant)) => {
            let bound = tenant.bindings.entry(name.clone()).or_default();
            bound.source.get_or_insert_with(|| key.source.clone());
            for key in &binding {
                if let Some(there) = bound.keys.get(&key.text) {
                    let message =
                        format!("`{}` of {what} is given here and in the tenant", key.text);
                    out.push(
                        Diagnostic::error("duplicate-key", message, key.source.clone())
                            .label(there.clone(), "also given here")
                            .help("keep one of them"),
                    );
                }
            }
            fill(bound, name, &table, &what, out);
        }
        _ => {
            for key in binding {
                let message = format!("`{}` of {what} differs from tenant to tenant", key.text);
                out.push(
                    Diagnostic::error("misplaced-key", message, key.source.clone())
                        .help(format!("move it to `tenants.TENANT.principals.{name}`")),
                );
            }
        }
    }
    let kind = table.get("kind").and_then(|node| {
        read::word(
            node,
            "`kind`",
            PrincipalKind::WORDS,
            PrincipalKind::from_word,
            out,
        )
    });
    for required in ["kind", "owner"] {
        if table.get(required).is_none() {
            out.push(missing(required, &what, key.source.clone()));
        }
    }
    let owner = read::optional_text(&table, "owner", &what, out);
    let reason = read::optional_text(&table, "reason", &what, out);
    let kind = kind.map(|kind| kind.value);
    if table.get("reason").is_none() && kind.is_some_and(|kind| kind != PrincipalKind::BreakGlass) {
        out.push(missing("reason", &what, key.source.clone()));
    }
    // A principal that is declared badly still counts as declared, so that its uses are not reported too.
    Some(Declared {
        kind: kind.unwrap_or(PrincipalKind::Temporary),
        owner: owner.unwrap_or_default(),
        reason,
        source: key.source.clone(),
    })
}

fn fill(binding: &mut Binding, name: &str, table: &Table<'_>, what: &str, out: &mut Findings) {
    for (key, node) in WHAT.iter().filter_map(|key| table.pair(key)) {
        binding.keys.insert(key.text.clone(), key.source.clone());
        let shown = format!("`{}` of {what}", key.text);
        match key.text.as_str() {
            "max_members" => binding.max_members = read::number(node, &shown, out),
            "review_by" => binding.review_by = read::date(node, &shown, out),
            "expires" => binding.expires = read::date(node, &shown, out),
            "last_drill" => binding.last_drill = read::date(node, &shown, out),
            other => {
                let kind = match other {
                    "user" => Kind::User,
                    "group" => Kind::Group,
                    _ => Kind::Role,
                };
                if let Some(text) = read::text(node, &shown, out) {
                    let mut target = Name::new(folded(text.value), text.source);
                    target.principal = Some(name.to_owned());
                    binding.target = Some(PrincipalTarget { kind, name: target });
                }
            }
        }
    }
}

/// Checks what can only be judged when both places have been read.
fn check(name: &str, tenant: &str, binding: &Binding, source: Source, out: &mut Findings) {
    let given: Vec<&str> = ["user", "group", "role"]
        .into_iter()
        .filter(|key| binding.keys.contains_key(*key))
        .collect();
    let what = format!("principal `{name}` of tenant `{tenant}`");
    if given.len() != 1 {
        let message = match given.as_slice() {
            [] => format!("{what} stands for nothing"),
            several => format!(
                "{what} stands for several things: {}",
                read::listed(several)
            ),
        };
        out.push(
            Diagnostic::error("bad-combination", message, source)
                .help("give exactly one of `user`, `group` and `role`"),
        );
    } else if let Some(source) = binding
        .keys
        .get("max_members")
        .filter(|_| given != ["group"])
    {
        let message = format!("`max_members` of {what} counts nothing: only a group has members");
        out.push(Diagnostic::error("bad-combination", message, source.clone()).help("remove it"));
    }
}

/// GUIDs in lower case, as [`Id`] has them; every other name as it was written.
pub(super) fn folded(text: String) -> String {
    if Id::looks_like_guid(&text) {
        Id::new(text).into()
    } else {
        text
    }
}
