//! The workspace: YAML on disk, read into what is wanted of each tenant, and edited in place.
//!
//! The way of a file is text -> `yaml` (a tree with places) -> one lowering pass (`config`, `policy`,
//! `record`) -> [`crate::model`]. Everything that is wrong is collected; nothing stops at the first
//! finding, and nothing is printed here.

mod config;
mod edit;
mod files;
mod load;
mod merge;
mod merge_list;
mod policy;
mod policy_conditions;
mod policy_controls;
mod policy_users;
mod principals;
mod read;
mod record;
mod rollout;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod write;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use edit::{EditError, set_state};
pub use load::{load, load_config, load_one, load_with};
pub use merge::{Merge, merge};
pub use record::{record_path, record_yaml};
pub use write::{Draft, UNEXPLAINED, UNOWNED, Write, Written, inline, policy_yaml, unknown_words};

use crate::diagnostic::{At, Diagnostic, Source};
use crate::model::{Desired, PromotionRecord, TenantDeclaration};
use config::Config;
use policy::PolicyFile;

/// What loading gave.
#[derive(Debug)]
pub struct Loaded {
    /// The workspace, when it can be used.
    pub workspace: Option<Workspace>,
    /// Everything that is wrong, by file and line.
    pub findings: Vec<Diagnostic>,
    /// The files that were read, as they are shown (relative, with forward slashes), with their texts.
    pub texts: BTreeMap<String, String>,
}

/// The files of a repository, read.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    config: Config,
    policies: BTreeMap<String, PolicyFile>,
    paths: BTreeMap<String, PathBuf>,
    records: BTreeMap<String, BTreeMap<String, At<PromotionRecord>>>,
    one_policy: bool,
}

impl Workspace {
    fn new(
        root: PathBuf,
        config: Config,
        policies: BTreeMap<String, (PathBuf, PolicyFile)>,
        records: BTreeMap<String, BTreeMap<String, At<PromotionRecord>>>,
        one_policy: bool,
    ) -> Self {
        let paths = policies
            .iter()
            .map(|(key, (path, _))| (key.clone(), root.join(path)))
            .collect();
        let policies = policies
            .into_iter()
            .map(|(key, (_, file))| (key, file))
            .collect();
        Self {
            root,
            config,
            policies,
            paths,
            records,
            one_policy,
        }
    }

    /// The folder that holds `portcullis.yaml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `store:` says the store is, relative to the root unless it is absolute.
    pub fn store(&self) -> Option<&Path> {
        self.config.store.as_deref()
    }

    /// The declared tenants, sorted.
    pub fn tenant_names(&self) -> impl Iterator<Item = &str> {
        self.config.tenants.keys().map(String::as_str)
    }

    /// The tenant that is meant when none is named: `default_tenant`, or the only one.
    pub fn default_tenant(&self) -> Option<&str> {
        let only = (self.config.tenants.len() == 1)
            .then(|| self.config.tenants.keys().next())
            .flatten();
        self.config
            .default_tenant
            .as_ref()
            .or(only)
            .map(String::as_str)
    }

    /// How a tenant is reached.
    pub fn tenant(&self, name: &str) -> Option<&TenantDeclaration> {
        Some(&self.config.tenants.get(name)?.declaration)
    }

    /// The keys of the policies, sorted.
    pub fn policy_keys(&self) -> impl Iterator<Item = &str> {
        self.policies.keys().map(String::as_str)
    }

    /// The file of a policy, below the root as it was given.
    pub fn policy_file(&self, key: &str) -> Option<&Path> {
        self.paths.get(key).map(PathBuf::as_path)
    }

    /// The tenant below which the state of a policy is to be edited, if it is not the policy's own: with
    /// several tenants declared, or where the block of the only one hides the policy's own state.
    pub fn state_below<'a>(&self, key: &str, tenant: &'a str) -> Option<&'a str> {
        let hidden = self
            .policies
            .get(key)
            .is_some_and(|file| file.has_state_in(tenant));
        (hidden || self.config.tenants.len() > 1).then_some(tenant)
    }

    /// Everything that is wanted of one tenant.
    ///
    /// A principal that is used and stands for nothing in this tenant is an error, except after [`load_one`]:
    /// lowering a policy needs no exclusions.
    pub fn desired(&self, tenant: &str) -> Result<Desired, Vec<Diagnostic>> {
        let Some(declared) = self.config.tenants.get(tenant) else {
            let names: Vec<_> = self.tenant_names().collect();
            let message = format!("tenant `{tenant}` is not declared");
            let finding = Diagnostic::error(
                "undeclared-tenant",
                message,
                Source::file("portcullis.yaml"),
            );
            return Err(vec![
                finding.help(format!("declared: {}", read::listed(&names))),
            ]);
        };
        let mut findings = Vec::new();
        let principals = self.config.principals_in(declared);
        let policies = self.policies.iter().map(|(key, file)| {
            (
                key.clone(),
                file.for_tenant(tenant, &principals, &mut findings),
            )
        });
        let policies = policies.collect();
        if !findings.is_empty() && !self.one_policy {
            return Err(findings);
        }
        Ok(Desired {
            tenant: declared.declaration.clone(),
            principals,
            policies,
            records: self.records.get(tenant).cloned().unwrap_or_default(),
        })
    }

    /// What [`Self::desired`] finds wrong in any tenant.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut findings: Vec<Diagnostic> = self
            .tenant_names()
            .filter_map(|tenant| self.desired(tenant).err())
            .flatten()
            .collect();
        findings.sort_by(|a, b| a.source.cmp(&b.source));
        findings
    }
}
