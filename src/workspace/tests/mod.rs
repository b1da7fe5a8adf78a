//! Tests of the room: whole files in, findings or model out.
#![allow(clippy::unwrap_used)]

mod edit;
mod findings;
mod hostile;
mod loading;
mod lowering;
mod round_trip;

use std::fs;
use std::path::Path;

use super::{Loaded, load};

/// The configuration that most tests share.
const CONFIG: &str = "\
version: 1
tenants:
  sandbox:
    sandbox: true
    principals:
      emergency-access-1: {user: emergency1@sandbox.onmicrosoft.example, last_drill: 2026-10-12}
      backup-automation: {group: CA-Exclude-Backup-Automation, max_members: 2, expires: 2027-03-31}
principals:
  emergency-access-1: {kind: break-glass, owner: identity-team@contoso.example}
  backup-automation: {kind: service-account, owner: platform-team@contoso.example, reason: nightly backup}
";

/// A policy that is right; tests replace one of its lines.
const POLICY: &str = "\
policy: azure-mfa
name: CA010 - Require MFA for Azure management
state: report-only
users:
  include: [all]
  exclude: [backup-automation]
target_resources:
  include: [azure-management]
grant:
  controls: [mfa]
";

/// Writes files into a folder.
fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Loads a workspace of these files.
fn loaded(files: &[(&str, &str)]) -> Loaded {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), files);
    load(&root.path().join("portcullis.yaml"))
}

/// Loads the shared configuration with one policy.
fn with_policy(policy: &str) -> Loaded {
    loaded(&[("portcullis.yaml", CONFIG), ("policies/p.yaml", policy)])
}

/// Loads the shared configuration and policy with something replaced in the policy.
fn changed(from: &str, to: &str) -> Loaded {
    assert!(POLICY.contains(from), "{from} is not in the policy");
    with_policy(&POLICY.replace(from, to))
}
