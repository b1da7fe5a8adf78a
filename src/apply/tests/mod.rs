//! Applying against a tenant that loses answers, lags behind and is written by others.
#![allow(clippy::unwrap_used)]

mod demoting;
mod journal;
mod receipts;
mod round_trip;
mod runs;
mod tenant;

use std::time::Duration;

use tempfile::TempDir;

use self::tenant::Tenant;
use super::{Applied, ApplyError, Prepared, Run, prepare};
use crate::guard::Limits;
use crate::model::Desired;
use crate::plan::PlanOptions;
use crate::store::Store;

const DIGEST: &str = "sha256:0123456789abcdef";
const SETTLE: Duration = Duration::from_secs(60);

/// A machine: a store that outlives its runs.
struct Machine {
    store: Store,
    _directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: Store::at(directory.path().join("store")),
            _directory: directory,
        }
    }

    async fn prepare<'a>(&'a self, tenant: &'a Tenant, desired: &'a Desired) -> Prepared<'a> {
        self.try_prepare(tenant, desired).await.unwrap()
    }

    async fn try_prepare<'a>(
        &'a self,
        tenant: &'a Tenant,
        desired: &'a Desired,
    ) -> Result<Prepared<'a>, ApplyError> {
        prepare(self.run(tenant, desired)).await
    }

    fn run<'a>(&'a self, tenant: &'a Tenant, desired: &'a Desired) -> Run<'a> {
        Run {
            tenant,
            desired,
            store: &self.store,
            back: None,
            settle: SETTLE,
            options: PlanOptions::default(),
            limits: Limits::default(),
            progress: &|_| {},
        }
    }

    async fn apply(&self, tenant: &Tenant, desired: &Desired) -> Result<Applied, ApplyError> {
        self.try_prepare(tenant, desired)
            .await?
            .carry_out(DIGEST)
            .await
    }

    /// The words of the journal, one an entry.
    fn journal(&self) -> Vec<String> {
        let root = self.store.root().join("journal");
        let mut files = std::fs::read_dir(root).unwrap();
        let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
        text.lines()
            .map(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap();
                entry["entry"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

/// What was certainly done, and why it ended, of a run that was only partly applied.
fn partly(result: Result<Applied, ApplyError>) -> (Vec<String>, String) {
    match result {
        Err(ApplyError::Partly { reason, done, .. }) => (done, reason),
        other => panic!("{other:?}"),
    }
}

fn stale(result: Result<Applied, ApplyError>) -> String {
    match result {
        Err(ApplyError::Stale(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
