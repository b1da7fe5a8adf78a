//! Reading back: a write is done when the service says so twice.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::error::ApplyError;
use super::pause;
use super::prepare::Run;
use crate::diff;
use crate::model::{Id, LivePolicy};
use crate::tenant::TenantError;

/// What has to be read back: the fingerprint a policy is to have, or `None` when it is to be gone.
pub(super) type Expected = BTreeMap<Id, (String, Option<String>)>;

/// Lists the policies until everything expected is there twice in a row; returns the last list.
///
/// Compares by meaning, for the service fills fields in (contract section 3.7). Gives up after three
/// times `settle` and says which policy is not as it should be.
pub(super) async fn read_back(
    run: &Run<'_>,
    expected: &Expected,
) -> Result<Vec<LivePolicy>, ReadBackError> {
    let start = Instant::now();
    let mut agreed = 0;
    let mut said = false;
    if pause(run.settle) >= Duration::from_secs(1) {
        (run.progress)("reading back what was written");
    }
    loop {
        let list = run.tenant.policies().await?;
        let policies = &list.policies;
        let missing: Vec<&str> = expected
            .iter()
            .filter(|(id, (_, outcome))| {
                let live = policies.iter().find(|live| live.id == **id);
                let is = live.map(|live| diff::outcome_fingerprint(&live.policy, live.state));
                is != *outcome || list.is_unreadable(id)
            })
            .map(|(_, (key, _))| key.as_str())
            .collect();
        if missing.is_empty() {
            agreed += 1;
            if agreed == 2 {
                return Ok(list.policies);
            }
        } else {
            if !said && start.elapsed() >= run.settle / 4 {
                said = true;
                (run.progress)(&format!(
                    "waiting until the service shows the change of {}",
                    missing.join(", ")
                ));
            }
            agreed = 0;
            if start.elapsed() >= run.settle * 3 {
                return Err(ReadBackError::NotSeen(
                    missing.iter().map(|key| (*key).to_owned()).collect(),
                ));
            }
        }
        tokio::time::sleep(pause(run.settle)).await;
    }
}

/// Why a write could not be confirmed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadBackError {
    /// The tenant could not be read.
    #[error("what was written could not be read back: {0}")]
    Tenant(#[from] TenantError),
    /// The service still shows something else.
    #[error("the service accepted the change of {} and still shows something else", .0.join(", "))]
    NotSeen(Vec<String>),
}

impl ReadBackError {
    /// The error of a run that already wrote something.
    pub(super) fn partly(self, done: Vec<String>) -> ApplyError {
        let hints = match &self {
            Self::Tenant(error) => error.hints.clone(),
            Self::NotSeen(_) => vec!["wait a minute and run `portcullis plan`".to_owned()],
        };
        ApplyError::Partly {
            reason: self.to_string(),
            done,
            hints,
        }
    }
}
