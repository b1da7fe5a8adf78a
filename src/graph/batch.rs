//! Many reads in one request (`POST /v1.0/$batch`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::concurrent::join_all;
use super::error::{self, shape};
use super::http::Reply;
use super::page::Collection;
use super::retry::{self, Failed};
use super::service::{Call, Service, is_conditional_access};
use crate::tenant::{TenantError, TenantErrorKind};

/// More parts a batch does not take (contract section 2.9).
const MOST_PARTS: usize = 20;

/// The answer to one part.
pub(super) type Answer = Result<Value, TenantError>;

impl Service {
    /// Reads paths such as `/users?$top=1`; the answers come in the order of the paths.
    ///
    /// An error in the outer place means that a whole batch failed.
    pub(super) async fn batch(&self, paths: &[String]) -> Result<Vec<Answer>, TenantError> {
        let batches = paths.chunks(MOST_PARTS).map(|paths| self.one_batch(paths));
        let answers: Result<Vec<Vec<Answer>>, TenantError> =
            join_all(batches.collect()).await.into_iter().collect();
        Ok(answers?.into_iter().flatten().collect())
    }

    /// The same with the entries of each answer: one object, or a collection with all its pages.
    pub(super) async fn batch_entries(
        &self,
        paths: &[String],
    ) -> Result<Vec<Result<Collection, TenantError>>, TenantError> {
        let answers = self.batch(paths).await?;
        let entries = answers.into_iter().map(async |answer| match answer? {
            page if page.get("value").is_some_and(Value::is_array) => Ok(self.rest(&page).await),
            object => Ok(Collection {
                entries: vec![object],
                ..Collection::default()
            }),
        });
        Ok(join_all(entries.collect()).await)
    }

    async fn one_batch(&self, paths: &[String]) -> Result<Vec<Answer>, TenantError> {
        let done: Mutex<BTreeMap<usize, Answer>> = Mutex::default();
        retry::repeat(self.shortest_wait(), &self.callbacks, || async {
            let open: Vec<usize> = {
                let done = lock(&done);
                (0..paths.len())
                    .filter(|at| !done.contains_key(at))
                    .collect()
            };
            let mut replies = self.parts(paths, &open).await.map_err(Failed::finally)?;
            let mut wait: Option<Duration> = None;
            let mut passing = None;
            for at in open {
                let (Some(path), Some(reply)) = (paths.get(at), replies.remove(&at)) else {
                    return Err(Failed::finally(shape("a batch without one of its parts")));
                };
                if retry::is_passing(reply.status) {
                    wait = wait.max(reply.retry_after());
                    passing = Some(self.part_refusal(path, &reply).await);
                } else {
                    let answer = self.answer(path, &reply).await;
                    lock(&done).insert(at, answer);
                }
            }
            match passing {
                None => Ok(()),
                Some(error) => Err(Failed {
                    error,
                    again: true,
                    retry_after: wait,
                }),
            }
        })
        .await?;
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(done.into_values().collect())
    }

    async fn answer(&self, path: &str, reply: &Reply) -> Answer {
        if !reply.is_success() {
            return Err(self.part_refusal(path, reply).await);
        }
        reply.json().ok_or_else(|| error::unreadable(reply))
    }

    async fn part_refusal(&self, path: &str, reply: &Reply) -> TenantError {
        let path = path.split('?').next().unwrap_or_default();
        error::refusal(&Method::GET, path, reply, &self.sign_in.granted().await)
    }

    async fn parts(
        &self,
        paths: &[String],
        open: &[usize],
    ) -> Result<BTreeMap<usize, Reply>, TenantError> {
        let chosen = || open.iter().filter_map(|at| Some((at, paths.get(*at)?)));
        let requests: Vec<Value> = chosen()
            .map(|(at, path)| {
                json!({
                    "id": at.to_string(),
                    "method": "GET",
                    "url": path,
                    "headers": {"Prefer": "include-unknown-enum-members"},
                })
            })
            .collect();
        let mut call = Call::new(
            Method::POST,
            self.endpoints.graph_url("/v1.0/$batch")?,
            Some(json!({ "requests": requests })),
        );
        call.conditional_access = chosen()
            .filter(|(_, path)| is_conditional_access(path))
            .count();
        let (_, body) = self.read_json(&call).await?;
        let responses = body
            .get("responses")
            .and_then(Value::as_array)
            .ok_or_else(|| shape("a batch without `responses`"))?;
        Ok(responses.iter().filter_map(part).collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn part(response: &Value) -> Option<(usize, Reply)> {
    let at = response.get("id")?.as_str()?.parse().ok()?;
    let status = u16::try_from(response.get("status")?.as_u64()?).ok()?;
    let mut headers = HeaderMap::new();
    let given = response.get("headers").and_then(Value::as_object);
    for (name, value) in given.into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            headers.insert(name, value);
        }
    }
    let body = match response.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(json) => json.to_string().into_bytes(),
    };
    Some((
        at,
        Reply {
            status,
            headers,
            body,
        },
    ))
}

/// Whether an error says that the object is not there.
pub(super) fn is_absent(error: &TenantError) -> bool {
    error.kind == TenantErrorKind::NotFound
        || (error.kind == TenantErrorKind::Rejected
            && error.message.contains("does not exist in the directory"))
}
