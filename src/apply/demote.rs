//! Back to report-only, now: without gate, guard, question, name resolution or lock.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::error::ApplyError;
use super::journal::{Intent, Journal, ReadBack};
use super::{pause, pause_asked};
use crate::diff;
use crate::model::fingerprint;
use crate::model::{Id, State};
use crate::plan::Verb;
use crate::store::Store;
use crate::tenant::{WriteError, WriteTenant};

/// What a demotion did.
#[derive(Debug)]
pub struct Demoted {
    /// The policy's name, as it was read back.
    pub name: String,
    /// Why the journal does not know of it, if it does not.
    pub unjournalled: Option<String>,
}

/// Sets a policy to report-only: the PATCH first, then its read-back until the service agrees twice.
///
/// It journals where it can and waits for no lock. An uncertain answer is asked again at once: setting a
/// state twice is the same as setting it once.
///
/// # Errors
/// [`ApplyError::Rejected`] when the service refused it, [`ApplyError::Partly`] when it is not certain,
/// also because an earlier try of the same call brought no clear answer.
pub async fn demote(
    tenant: &dyn WriteTenant,
    id: &Id,
    key: &str,
    store: Option<&Store>,
    settle: Duration,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Demoted, ApplyError> {
    let body = json!({"state": State::ReportOnly.wire()});
    let intent = Intent {
        intent: Uuid::new_v4(),
        digest: String::new(),
        policy: key.to_owned(),
        name: String::new(),
        verb: Verb::Update,
        id: Some(id.clone()),
        body: fingerprint(&body),
        before: None,
        outcome: None,
        state: Some(State::ReportOnly),
        exclusions: None,
        at: Timestamp::UNIX_EPOCH,
    };
    let mut unjournalled = None;
    let mut journal = match store {
        None => None,
        Some(store) => {
            let tenant_id = tenant.tenant_id().await?;
            let opened = Journal::open(store, &tenant_id).and_then(|mut journal| {
                journal.announce(&intent)?;
                Ok(journal)
            });
            opened
                .map_err(|error| unjournalled = Some(error.to_string()))
                .ok()
        }
    };
    let partly = |reason: String| ApplyError::Partly {
        reason,
        done: Vec::new(),
        // The edge says already that the same command is to be run again.
        hints: Vec::new(),
    };
    let start = Instant::now();
    let mut may_have_arrived = false;
    loop {
        match tenant.update_policy(id, &body).await {
            Ok(()) => break,
            Err(WriteError::Refused(error)) if may_have_arrived => {
                return Err(partly(format!(
                    "{key}: whether it is report-only now is not known: {}",
                    error.message
                )));
            }
            Err(WriteError::Refused(error)) => {
                if let Some(journal) = &mut journal {
                    let _ = journal.not_done(&intent, error.message.clone());
                }
                return Err(ApplyError::Rejected {
                    policy: key.to_owned(),
                    source: error,
                });
            }
            Err(WriteError::Uncertain(error)) => {
                may_have_arrived = true;
                if start.elapsed() >= settle {
                    return Err(partly(format!(
                        "{key}: whether it is report-only now is not known: {}",
                        error.message
                    )));
                }
                progress(&format!("{key}: no clear answer, asking again"));
                tokio::time::sleep(pause_asked(&error, pause(settle))).await;
            }
        }
    }
    let mut agreed = 0;
    let start = Instant::now();
    loop {
        let live = tenant.policy(id).await.map_err(|error| {
            partly(format!(
                "{key}: it was set to report-only and cannot be read back: {error}"
            ))
        })?;
        match live {
            Some(live) if live.state == State::ReportOnly => {
                agreed += 1;
                if agreed == 2 {
                    if let Some(journal) = &mut journal {
                        let _ = journal.done(&intent, Some(id));
                        let read_back = ReadBack {
                            policies: vec![live.clone()],
                            ..ReadBack::default()
                        };
                        let _ = journal.finish("", read_back);
                    }
                    tracing::debug!(policy = %id, content = %diff::live_fingerprint(&live), "demoted");
                    return Ok(Demoted {
                        name: live.policy.name,
                        unjournalled,
                    });
                }
            }
            _ if start.elapsed() >= settle * 3 => {
                return Err(partly(format!(
                    "{key}: the service accepted the change and does not show it yet"
                )));
            }
            _ => agreed = 0,
        }
        tokio::time::sleep(pause(settle)).await;
    }
}
