//! One policy file: lowered once, then made for each tenant.

use std::collections::BTreeMap;

use super::config::Config;
use super::policy_users::{self, UsersRead};
use super::read::{self, Findings, Table, listed, nearest};
use super::tree::Node;
use super::{policy_conditions, policy_controls, rollout};
use crate::diagnostic::{At, Diagnostic, Source};
use crate::model::{
    Conditions, DesiredPolicy, Id, Kind, Name, Owner, Policy, Principal, Rollout, UserSet,
    WantedState,
};

/// A policy file, not yet for any tenant.
#[derive(Debug, Clone)]
pub(super) struct PolicyFile {
    /// The policy without the declared principals.
    base: DesiredPolicy,
    include: Vec<At<String>>,
    exclude: Vec<At<String>>,
    tenants: BTreeMap<String, Override>,
}

#[derive(Debug, Clone, Default)]
struct Override {
    state: Option<At<WantedState>>,
    id: Option<At<Id>>,
}

const KEYS: &[&str] = &[
    "policy",
    "name",
    "state",
    "users",
    "target_resources",
    "conditions",
    "grant",
    "session",
    "workload_identities",
    "rollout",
    "id",
    "renamed_from",
    "weaken",
    "break_glass",
    "owner",
    "tenants",
];
/// What a policy may say for one tenant later, and must not be silently ignored until then.
const OVERRIDE_LATER: &[&str] = &[
    "name",
    "users",
    "target_resources",
    "conditions",
    "grant",
    "session",
    "workload_identities",
    "rollout",
    "renamed_from",
    "weaken",
    "break_glass",
    "owner",
];

impl PolicyFile {
    /// The key.
    pub(super) fn key(&self) -> &At<String> {
        &self.base.key
    }

    /// The display name with its place.
    pub(super) fn name(&self) -> (&str, &Source) {
        (&self.base.policy.name, &self.base.name_source)
    }

    /// Earlier names.
    pub(super) fn renamed_from(&self) -> &[At<String>] {
        &self.base.renamed_from
    }

    /// The id it is pinned to in a tenant.
    pub(super) fn id_in(&self, tenant: &str) -> Option<&At<Id>> {
        let own = self.tenants.get(tenant).and_then(|of| of.id.as_ref());
        own.or(self.base.id.as_ref())
    }

    /// Whether a tenant has a state of its own, which hides the policy's.
    pub(super) fn has_state_in(&self, tenant: &str) -> bool {
        self.tenants
            .get(tenant)
            .is_some_and(|of| of.state.is_some())
    }

    /// The policy as it is for one tenant; a principal that stands for nothing there is reported and left out.
    pub(super) fn for_tenant(
        &self,
        tenant: &str,
        principals: &BTreeMap<String, Principal>,
        out: &mut Findings,
    ) -> DesiredPolicy {
        let mut policy = self.base.clone();
        if let Some(Override { state, id }) = self.tenants.get(tenant) {
            policy.state = state.clone().or(policy.state);
            policy.id = id.clone().or(policy.id);
        }
        let users = &mut policy.policy.conditions.users;
        for (uses, set) in [
            (&self.include, &mut users.include),
            (&self.exclude, &mut users.exclude),
        ] {
            for used in uses {
                let Some(principal) = principals.get(&used.value) else {
                    continue;
                };
                match &principal.target {
                    Some(target) => insert(set, target.kind, &target.name.text, used),
                    None => out.push(
                        Diagnostic::error(
                            "unbound-principal",
                            format!("`{}` stands for nothing in tenant `{tenant}`", used.value),
                            used.source.clone(),
                        )
                        .label(principal.source.clone(), "declared here")
                        .help(format!(
                            "add it to `tenants.{tenant}.principals` in portcullis.yaml"
                        )),
                    ),
                }
            }
        }
        policy
    }
}

fn insert(set: &mut UserSet<Name>, kind: Kind, text: &str, used: &At<String>) {
    let mut name = Name::new(text, used.source.clone());
    name.principal = Some(used.value.clone());
    match kind {
        Kind::Group => set.groups.insert(name),
        Kind::Role => set.roles.insert(name),
        _ => set.users.insert(name),
    };
}

/// Lowers one file; what is usable comes back even when there are findings.
///
/// Without a readable `portcullis.yaml` nothing is said about principals and tenants.
pub(super) fn lower(
    root: &Node,
    config: Option<&Config>,
    out: &mut Findings,
) -> Option<PolicyFile> {
    let table = Table::open(root, "the policy", KEYS, &[], out)?;
    let key = table
        .require("policy", out)
        .and_then(|node| policy_key(node, out));
    let name = table
        .require("name", out)
        .and_then(|node| display_name(node, out));
    let state = table.get("state").and_then(|node| wanted_state(node, out));
    let tenants = table
        .get("tenants")
        .map(|node| overrides(node, config, out))
        .unwrap_or_default();
    let mut conditions = Conditions::default();
    let owner = table.get("owner").and_then(|node| {
        let read = |word: &str| (word == "microsoft").then_some(Owner::Microsoft);
        read::word(node, "`owner`", &["microsoft"], read, out)
    });
    let owner = owner.map_or(Owner::Workspace, |owner| owner.value);
    let mut users = table.pair("users").map(|(key, node)| {
        let principals = config.map(|config| &config.principals);
        policy_users::users(&key.source, node, owner, principals, out)
    });
    if let Some(node) = table.get("target_resources") {
        conditions.targets = policy_conditions::targets(node, out);
    }
    if let Some(node) = table.get("conditions") {
        policy_conditions::conditions(node, &mut conditions, out);
    }
    if let Some((key, node)) = table.pair("workload_identities") {
        conditions.workload = policy_users::workload(node, out);
        // This is how the service answers such a policy (contract section 1.5).
        conditions.users.include.none = true;
        if let Some((users, _)) = table.pair("users") {
            out.push(
                Diagnostic::error(
                    "bad-combination",
                    "a policy is about users or about workload identities, not both",
                    key.source.clone(),
                )
                .label(users.source.clone(), "the other one")
                .help("make two policies of it"),
            );
        }
    } else if let Some((key, _)) = table
        .get("conditions")
        .and_then(|node| node.entry("service_principal_risk"))
    {
        out.push(
            Diagnostic::error(
                "bad-combination",
                "`service_principal_risk` is about workload identities, and the policy names none",
                key.source.clone(),
            )
            .help("add `workload_identities`, or use `sign_in_risk` or `user_risk`"),
        );
    }
    if let Some(read) = &mut users {
        conditions.users = std::mem::take(&mut read.users);
    }
    let grant = table
        .pair("grant")
        .and_then(|(key, node)| policy_controls::grant(&key.source, node, out));
    let session = table
        .pair("session")
        .and_then(|(key, node)| policy_controls::session(&key.source, node, out));
    let defaults = config.map_or_else(Rollout::default, |config| config.rollout.clone());
    let rollout = table.get("rollout").map_or(defaults.clone(), |node| {
        rollout::rollout(node, &defaults, out)
    });
    let id = table
        .get("id")
        .and_then(|node| read::guid(node, "`id`", out));
    if let Some((key, _)) = table
        .pair("id")
        .filter(|_| config.is_some_and(|config| config.tenants.len() > 1))
    {
        out.push(
            Diagnostic::error(
                "misplaced-key",
                "an id belongs to one tenant, and several are declared",
                key.source.clone(),
            )
            .help("move it: `tenants: {TENANT: {id: …}}`"),
        );
    }
    let renamed_from = table.get("renamed_from").map_or_else(Vec::new, |node| {
        policy_users::names(read::some_items(node, "`renamed_from`", out), out)
    });
    let weaken = table
        .get("weaken")
        .and_then(|node| rollout::weaken(node, out));
    let break_glass = table
        .get("break_glass")
        .and_then(|node| rollout::break_glass(node, out));

    let gone = absent_everywhere(&table, &tenants, state.as_ref(), config);
    if !gone && owner == Owner::Workspace {
        required(&table, out);
    }
    let (key, name) = (key?, name?);
    let exclude_source = users
        .as_ref()
        .map_or(key.source.clone(), |read| read.exclude_source.clone());
    let (include, exclude, exclusions) = users.map_or_else(Default::default, |read| {
        let UsersRead {
            include,
            exclude,
            exclusions,
            ..
        } = read;
        (include, exclude, exclusions)
    });
    let policy = Policy {
        name: name.value,
        conditions,
        grant,
        session,
    };
    let place = |key: &str| table.pair(key).map(|(key, _)| key.source.clone());
    policy_controls::check(
        &policy,
        place("grant").as_ref(),
        place("session").as_ref(),
        out,
    );
    let base = DesiredPolicy {
        key,
        policy,
        state,
        id,
        renamed_from,
        weaken,
        break_glass,
        owner,
        exclusions,
        rollout,
        name_source: name.source,
        exclude_source,
    };
    Some(PolicyFile {
        base,
        include,
        exclude,
        tenants,
    })
}

/// A policy that is absent in every tenant needs no content.
fn absent_everywhere(
    table: &Table<'_>,
    tenants: &BTreeMap<String, Override>,
    state: Option<&At<WantedState>>,
    config: Option<&Config>,
) -> bool {
    let absent =
        |state: Option<&At<WantedState>>| state.is_some_and(|at| at.value == WantedState::Absent);
    // A state that could not be read says nothing about what is needed.
    let unread = table.get("state").is_some() && state.is_none();
    let everywhere = |of: &Override| absent(of.state.as_ref().or(state));
    let all_named =
        config.is_some_and(|config| config.tenants.keys().all(|name| tenants.contains_key(name)));
    !unread
        && tenants.values().all(everywhere)
        && (absent(state) || (all_named && !tenants.is_empty()))
}

fn required(table: &Table<'_>, out: &mut Findings) {
    let what = "the policy";
    let source = table
        .pair("policy")
        .map_or(table.source(), |(key, _)| &key.source);
    let mut need = |given: bool, key: &str, help: &str| {
        if !given {
            out.push(read::missing(key, what, source.clone()).help(help));
        }
    };
    let has = |key: &str| table.get(key).is_some();
    need(
        has("users") || has("workload_identities"),
        "users",
        "add `users: {include: [all]}`, or `workload_identities`",
    );
    need(
        has("target_resources"),
        "target_resources",
        "add `target_resources: {include: [azure-management]}`",
    );
    need(
        has("grant") || has("session"),
        "grant",
        "add `grant: {controls: [mfa]}`, or `session`",
    );
}

fn policy_key(node: &Node, out: &mut Findings) -> Option<At<String>> {
    let key = read::text(node, "`policy`", out)?;
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let text = key.value.as_str();
    let good = text.len() <= 64
        && text.bytes().all(|b| letter(b) || b == b'-')
        && text.bytes().next().is_some_and(letter);
    if good {
        return Some(key);
    }
    let message = format!("`{text}` cannot be the key of a policy");
    out.push(Diagnostic::error("bad-value", message, key.source).help(
        "use lower-case letters, digits and `-`, at most 64, beginning with a letter or digit: azure-management-mfa",
    ));
    None
}

fn display_name(node: &Node, out: &mut Findings) -> Option<At<String>> {
    let name = read::text(node, "`name`", out)?;
    let length = name.value.chars().count();
    let problem = if length > 256 {
        format!("`name` has {length} characters; the portal allows 256")
    } else if name.value.contains('\n') {
        "`name` has several lines".to_owned()
    } else {
        // Such names exist, and the service tells them apart.
        if name.value.trim() != name.value {
            let message = "`name` begins or ends with a blank";
            out.push(
                Diagnostic::warning("blank-in-name", message, name.source.clone())
                    .help("take it out here and in the tenant, unless it is meant"),
            );
        }
        return Some(name);
    };
    out.push(
        Diagnostic::error("bad-value", problem, name.source)
            .help("write one line of 1 to 256 characters"),
    );
    None
}

fn wanted_state(node: &Node, out: &mut Findings) -> Option<At<WantedState>> {
    let text = read::text(node, "`state`", out)?;
    if let Some(state) = WantedState::from_word(&text.value) {
        return Some(At::new(state, text.source));
    }
    let folded = text.value.to_ascii_lowercase().replace(['_', ' '], "-");
    let meant = match folded.as_str() {
        "true" | "yes" | "y" | "enabled" | "enable" | "enforced" | "1" => Some("on"),
        "false" | "no" | "n" | "disabled" | "disable" | "0" => Some("off"),
        "enabledforreportingbutnotenforced" | "report" | "reportonly" | "audit" => {
            Some("report-only")
        }
        "deleted" | "delete" | "removed" => Some("absent"),
        other => nearest(other, WantedState::WORDS.iter().copied()),
    };
    let allowed = listed(WantedState::WORDS);
    let help = match meant {
        Some(meant) => format!("write `{meant}`; allowed: {allowed}"),
        None => format!("allowed: {allowed}"),
    };
    let message = format!("`{}` is not a state", text.value);
    out.push(Diagnostic::error("bad-value", message, text.source).help(help));
    None
}

fn overrides(
    node: &Node,
    config: Option<&Config>,
    out: &mut Findings,
) -> BTreeMap<String, Override> {
    let mut tenants = BTreeMap::new();
    for (key, node) in super::config::mapping(node, "`tenants`", out) {
        if let Some(config) = config.filter(|config| !config.tenants.contains_key(&key.text)) {
            let names: Vec<_> = config.tenants.keys().map(String::as_str).collect();
            let message = format!("tenant `{}` is not declared in portcullis.yaml", key.text);
            let finding = Diagnostic::error("undeclared-tenant", message, key.source.clone());
            out.push(match nearest(&key.text, names.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("declared: {}", listed(&names))),
            });
        }
        let what = format!("tenant `{}`", key.text);
        if let Some(table) = Table::open(node, &what, &["state", "id"], OVERRIDE_LATER, out) {
            let state = table.get("state").and_then(|node| wanted_state(node, out));
            let id = table
                .get("id")
                .and_then(|node| read::guid(node, "`id`", out));
            tenants.insert(key.text.clone(), Override { state, id });
        }
    }
    tenants
}
