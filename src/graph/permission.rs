//! Which permissions a request needs, and which of them a token lacks (contract section 4, trap 27).

use std::collections::BTreeSet;

use reqwest::Method;

/// A permission, with the greater ones that hold it too.
type Needed = (&'static str, &'static [&'static str]);

const POLICY_READ: Needed = ("Policy.Read.All", &[]);
const CA_READ: Needed = ("Policy.Read.All", &["Policy.Read.ConditionalAccess"]);
const CA_WRITE: Needed = ("Policy.ReadWrite.ConditionalAccess", &[]);
const APPS: Needed = (
    "Application.Read.All",
    &["Application.ReadWrite.All", "Directory.Read.All"],
);
const USERS: Needed = (
    "User.ReadBasic.All",
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All"],
);
const MEMBERS: Needed = (
    "GroupMember.Read.All",
    &[
        "Group.Read.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
    ],
);
const ROLES: Needed = (
    "RoleManagement.Read.Directory",
    &["RoleManagement.Read.All", "Directory.Read.All"],
);
const ORGANISATION: Needed = (
    "Organization.Read.All",
    &["Organization.ReadWrite.All", "Directory.Read.All"],
);
const AUDIT: Needed = ("AuditLog.Read.All", &[]);
const DIRECTORY: Needed = ("Directory.Read.All", &["Directory.ReadWrite.All"]);

fn needed(method: &Method, path: &str) -> &'static [Needed] {
    let path = path
        .trim_start_matches("/v1.0")
        .trim_start_matches("/beta")
        .trim_start_matches('/');
    let is_write = !matches!(*method, Method::GET | Method::HEAD);
    let first = path.split(['/', '?', '(']).next().unwrap_or_default();
    match first {
        "identity" if is_write => &[POLICY_READ, CA_WRITE, APPS],
        "identity" => &[CA_READ],
        "policies" => &[POLICY_READ],
        "users" => &[USERS],
        "groups" => &[MEMBERS],
        "roleManagement" => &[ROLES],
        "servicePrincipals" => &[APPS],
        "directoryObjects" => &[USERS, MEMBERS, APPS],
        "subscribedSkus" | "organization" => &[ORGANISATION],
        "auditLogs" if path.contains("signIns") => &[AUDIT, CA_READ],
        "auditLogs" => &[AUDIT, DIRECTORY],
        _ => &[],
    }
}

/// The permissions that a request needs and `granted` does not hold.
pub(super) fn missing(
    method: &Method,
    path: &str,
    granted: &BTreeSet<String>,
) -> Vec<&'static str> {
    needed(method, path)
        .iter()
        .filter(|(name, greater)| {
            !granted.contains(*name) && !greater.iter().any(|name| granted.contains(*name))
        })
        .map(|(name, _)| *name)
        .collect()
}

/// Every permission that a request needs.
pub(super) fn all(method: &Method, path: &str) -> Vec<&'static str> {
    missing(method, path, &BTreeSet::new())
}
