//! `portcullis.yaml`: tenants, the people behind the exclusions, defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::principals::{self, Binding, Declared};
use super::read::{self, Findings, Table, listed, missing};
use super::tree::{Key, Node};
use crate::diagnostic::Diagnostic;
use crate::model::{Auth, Cloud, Id, Principal, Rollout, TenantDeclaration};

/// What `portcullis.yaml` says.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// The tenants, by name.
    pub(super) tenants: BTreeMap<String, Tenant>,
    /// The tenant that is meant when none is named.
    pub(super) default_tenant: Option<String>,
    /// The declared principals, by name.
    pub(super) principals: BTreeMap<String, Declared>,
    /// What a policy's rollout begins with.
    pub(super) rollout: Rollout,
    /// Where the store is, if the file says so.
    pub(super) store: Option<PathBuf>,
}

/// A tenant, and what the declared names stand for in it.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    /// How it is reached.
    pub(super) declaration: TenantDeclaration,
    /// What stands for each principal.
    pub(super) bindings: BTreeMap<String, Binding>,
}

const KEYS: &[&str] = &[
    "version",
    "default_tenant",
    "tenants",
    "principals",
    "defaults",
    "store",
];
const TENANT: &[&str] = &[
    "sandbox",
    "tenant_id",
    "cloud",
    "auth",
    "client_id",
    "pace",
    "settle",
    "principals",
];
impl Config {
    /// The declared principals as they are in one tenant.
    pub(super) fn principals_in(&self, tenant: &Tenant) -> BTreeMap<String, Principal> {
        let principal = |(name, declared): (&String, &Declared)| {
            let binding = tenant.bindings.get(name).cloned().unwrap_or_default();
            (name.clone(), declared.principal(name, binding))
        };
        self.principals.iter().map(principal).collect()
    }
}

/// Reads the file; what is usable comes back even when there are findings.
pub(super) fn lower(root: &Node, out: &mut Findings) -> Option<Config> {
    let table = Table::open(root, "portcullis.yaml", KEYS, &[], out)?;
    match table
        .require("version", out)
        .map(|node| (read::scalar(node), node))
    {
        None | Some(("1", _)) => {}
        Some((_, node)) => out.push(
            Diagnostic::error(
                "bad-value",
                "this version of portcullis reads `version: 1`",
                node.source.clone(),
            )
            .help("write `version: 1`, or update portcullis"),
        ),
    }
    let mut tenants = BTreeMap::new();
    if let Some(node) = table.require("tenants", out) {
        let none = node.is_null() || node.entries().is_some_and(<[_]>::is_empty);
        if none {
            out.push(
                Diagnostic::error("missing-key", "no tenant is declared", node.source.clone())
                    .help("declare the built-in one: `sandbox: {sandbox: true}`"),
            );
        }
        for (key, node) in if none {
            &[]
        } else {
            mapping(node, "`tenants`", out)
        } {
            if is_name(key, "tenant", out) {
                tenants.insert(key.text.clone(), tenant(key, node, out));
            }
        }
    }
    let principals = principals::lower(table.get("principals"), &mut tenants, out);
    let default_tenant = table.get("default_tenant").and_then(|node| {
        let name = read::text(node, "`default_tenant`", out)?;
        if tenants.contains_key(&name.value) || tenants.is_empty() {
            return Some(name.value);
        }
        let names: Vec<_> = tenants.keys().collect();
        let message = format!("tenant `{}` is not declared", name.value);
        out.push(
            Diagnostic::error("undeclared-tenant", message, name.source)
                .help(format!("declared: {}", listed(&names))),
        );
        None
    });
    let mut rollout = Rollout::default();
    if let Some(node) = table.get("defaults")
        && let Some(defaults) = Table::open(node, "`defaults`", &["rollout"], &[], out)
        && let Some(node) = defaults.get("rollout")
        && let Some(table) = Table::open(
            node,
            "`defaults.rollout`",
            super::rollout::DEFAULTS,
            super::rollout::LATER,
            out,
        )
    {
        super::rollout::times(&table, &mut rollout, out);
    }
    let store = table
        .get("store")
        .and_then(|node| read::text(node, "`store`", out));
    (!tenants.is_empty()).then_some(Config {
        tenants,
        default_tenant,
        principals,
        rollout,
        store: store.map(|store| PathBuf::from(store.value)),
    })
}

/// The entries of a mapping of names; nothing at all is no entries.
pub(super) fn mapping<'a>(node: &'a Node, what: &str, out: &mut Findings) -> &'a [(Key, Node)] {
    if node.is_null() {
        return &[];
    }
    node.entries().unwrap_or_else(|| {
        let message = format!("{what} must be a mapping, not {}", node.what());
        out.push(
            Diagnostic::error("bad-value", message, node.source.clone())
                .help("write `name: {…}` entries"),
        );
        &[]
    })
}

/// Tenants and principals are named in paths, in policies and on the command line.
pub(super) fn is_name(key: &Key, what: &str, out: &mut Findings) -> bool {
    let text = key.text.as_str();
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    let begins = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let taken =
        what == "principal" && (matches!(text, "all" | "none") || Id::looks_like_guid(text));
    let good = letters && begins && text.len() <= 64 && !taken;
    if !good {
        let message = format!("`{text}` cannot be the name of a {what}");
        out.push(Diagnostic::error("bad-name", message, key.source.clone()).help(
            "use lower-case letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit; `all` and `none` are taken",
        ));
    }
    good
}

fn tenant(key: &Key, node: &Node, out: &mut Findings) -> Tenant {
    let what = format!("tenant `{}`", key.text);
    let mut declaration = TenantDeclaration {
        name: key.text.clone(),
        sandbox: false,
        tenant_id: None,
        cloud: Cloud::Global,
        auth: None,
        client_id: None,
        pace: None,
        settle: None,
        source: key.source.clone(),
    };
    let mut bindings = BTreeMap::new();
    let Some(table) = Table::open(node, &what, TENANT, &[], out) else {
        return Tenant {
            declaration,
            bindings,
        };
    };
    let flag = table
        .get("sandbox")
        .and_then(|node| read::flag(node, "`sandbox`", out));
    declaration.sandbox = flag.is_some_and(|flag| flag.value);
    if declaration.sandbox {
        for key in ["tenant_id", "cloud", "auth", "client_id"]
            .iter()
            .filter_map(|key| table.pair(key))
        {
            let message = format!(
                "{what} is the built-in sandbox, which brings its own `{}`",
                key.0.text
            );
            out.push(
                Diagnostic::error("bad-combination", message, key.0.source.clone())
                    .help("remove the key"),
            );
        }
    } else {
        for required in ["tenant_id", "auth"] {
            if table.get(required).is_none() {
                out.push(missing(required, &what, key.source.clone()));
            }
        }
        declaration.tenant_id = table
            .get("tenant_id")
            .and_then(|n| read::guid(n, "`tenant_id`", out));
        declaration.auth = table
            .get("auth")
            .and_then(|n| read::word(n, "`auth`", Auth::WORDS, Auth::from_word, out));
        declaration.client_id = table
            .get("client_id")
            .and_then(|n| read::guid(n, "`client_id`", out))
            .map(|id| id.value.into());
        if let Some(cloud) = table.get("cloud").and_then(|node| cloud(node, out)) {
            declaration.cloud = cloud;
        }
    }
    let mut time = |key: &str| {
        let found = read::duration(table.get(key)?, &format!("`{key}`"), out)?;
        Some(Duration::from_secs(found.value.as_secs().unsigned_abs()))
    };
    declaration.pace = time("pace");
    declaration.settle = time("settle");
    for (key, node) in table
        .get("principals")
        .map_or(&[][..], |node| mapping(node, "`principals`", out))
    {
        let what = format!("principal `{}` of {what}", key.text);
        bindings.insert(
            key.text.clone(),
            principals::bind_in_tenant(key, node, &what, out),
        );
    }
    Tenant {
        declaration,
        bindings,
    }
}

fn cloud(node: &Node, out: &mut Findings) -> Option<Cloud> {
    if node.entries().is_none() {
        let cloud = read::word(node, "`cloud`", Cloud::WORDS, Cloud::from_word, out)?;
        return Some(cloud.value);
    }
    let table = Table::open(node, "`cloud`", &["graph", "login"], &[], out)?;
    let mut origin = |key: &str| {
        let node = table.require(key, out)?;
        let url = read::text(node, &format!("`{key}` of the cloud"), out)?;
        let rest = url
            .value
            .strip_prefix("https://")
            .or_else(|| url.value.strip_prefix("http://"));
        let host = rest.map(|rest| rest.trim_end_matches('/'));
        let good = |host: &str| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        if host.is_some_and(good) {
            return Some(url.value);
        }
        let message = format!("`{}` is not an origin", url.value);
        out.push(
            Diagnostic::error("bad-value", message, url.source)
                .help("write scheme and host: http://127.0.0.1:8080"),
        );
        None
    };
    let (graph, login) = (origin("graph"), origin("login"));
    Some(Cloud::Custom {
        graph: graph?,
        login: login?,
    })
}
