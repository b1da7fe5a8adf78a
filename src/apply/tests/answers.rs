//! Against a tenant that is played: what no server can be made to do at the right moment.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::journal::Intent;
use super::super::open_write::{Seen, look_for};
use super::super::*;
use crate::diagnostic::Source;
use crate::guard::Limits;
use crate::model::{Cloud, Desired, Id, LivePolicy, State, TenantDeclaration};
use crate::plan::{PlanOptions, Verb, Write};
use crate::store::Store;
use crate::tenant::{
    Lookups, PolicyList, ReadTenant, Snapshot, TenantError, TenantErrorKind, Unreadable,
    WriteError, WriteTenant,
};

const ID: &str = "6f1c0f0e-0000-4000-8000-000000000001";

/// A tenant without policies that answers writes as it is told to.
#[derive(Default)]
struct Played {
    answers: Mutex<VecDeque<WriteError>>,
}

impl Played {
    fn answering(answers: impl IntoIterator<Item = WriteError>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
        }
    }

    fn next(&self) -> Result<(), WriteError> {
        self.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl ReadTenant for Played {
    async fn tenant_id(&self) -> Result<Id, TenantError> {
        Ok(Id::new(ID))
    }
    async fn snapshot(&self, _: &Lookups) -> Result<Snapshot, TenantError> {
        Ok(serde_json::from_value(json!({"policies": []})).unwrap())
    }
    async fn policies(&self) -> Result<PolicyList, TenantError> {
        Ok(list(Vec::new()))
    }
    async fn policy(&self, _: &Id) -> Result<Option<LivePolicy>, TenantError> {
        Ok(None)
    }
}

#[async_trait]
impl WriteTenant for Played {
    async fn create_policy(&self, _: &Value) -> Result<Id, WriteError> {
        self.next().map(|()| Id::new(ID))
    }
    async fn update_policy(&self, _: &Id, _: &Value) -> Result<(), WriteError> {
        self.next()
    }
    async fn delete_policy(&self, _: &Id) -> Result<(), WriteError> {
        self.next()
    }
}

fn list(unreadable: Vec<Unreadable>) -> PolicyList {
    PolicyList {
        taken_at: Timestamp::UNIX_EPOCH,
        policies: Vec::new(),
        unreadable,
    }
}

fn error() -> TenantError {
    TenantError::new(TenantErrorKind::Service, "no")
}

fn desired() -> Desired {
    Desired {
        tenant: TenantDeclaration {
            name: "played".into(),
            sandbox: false,
            tenant_id: None,
            cloud: Cloud::Global,
            auth: None,
            client_id: None,
            pace: None,
            settle: None,
            source: Source::file("portcullis.yaml"),
        },
        principals: BTreeMap::new(),
        policies: BTreeMap::new(),
        records: BTreeMap::new(),
    }
}

fn intent(verb: Verb) -> Intent {
    Intent {
        intent: Uuid::new_v4(),
        digest: "sha256:0".into(),
        policy: "azure-management-mfa".into(),
        name: "CA010".into(),
        verb,
        id: Some(Id::new(ID)),
        body: String::new(),
        before: None,
        outcome: None,
        state: None,
        exclusions: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_refusal_after_an_uncertain_answer_says_nothing_about_the_first_try() {
    for (answers, partly) in [
        (vec![WriteError::Refused(error())], false),
        (
            vec![WriteError::Uncertain(error()), WriteError::Refused(error())],
            true,
        ),
    ] {
        let tenant = Played::answering(answers);
        let settle = Duration::from_millis(400);
        let failed = demote(&tenant, &Id::new(ID), "key", None, settle, &|_| {})
            .await
            .unwrap_err();
        match failed {
            ApplyError::Partly { .. } => assert!(partly),
            ApplyError::Rejected { .. } => assert!(!partly),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_read_any_more_is_not_deleted() {
    let there = Unreadable {
        id: Some(Id::new(ID)),
        name: None,
        problem: "preview".into(),
        raw: Value::Null,
    };
    let intent = intent(Verb::Delete);
    assert_eq!(look_for(&intent, &list(vec![there])), Seen::Otherwise);
    assert_eq!(
        look_for(&intent, &list(Vec::new())),
        Seen::Done(Some(Id::new(ID)))
    );
}

/// `/dev/null` takes every line and cannot be synced.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_journal_that_fails_after_the_first_write_leaves_the_plan_partly_applied() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::at(directory.path());
    let journal = store.path(format!("journal/{ID}.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/null", journal).unwrap();
    let (tenant, desired) = (Played::default(), desired());
    for (done, partly) in [(Vec::new(), false), (vec!["another".to_owned()], true)] {
        let mut prepared = prepare(Run {
            tenant: &tenant,
            desired: &desired,
            store: &store,
            settle: Duration::ZERO,
            options: PlanOptions::default(),
            limits: Limits::default(),
            progress: &|_| {},
        })
        .await
        .unwrap();
        let write = Write {
            verb: Verb::Update,
            body: json!({"state": State::ReportOnly.wire()}),
            outcome: None,
            state: Some(State::ReportOnly),
        };
        let failed = prepared
            .send(&intent(Verb::Update), &write, &done)
            .await
            .unwrap_err();
        match failed {
            ApplyError::Partly { done: said, .. } => assert!(partly && said == done),
            ApplyError::Journal(_) => assert!(!partly),
            other => panic!("{other:?}"),
        }
    }
}
