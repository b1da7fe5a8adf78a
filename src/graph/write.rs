//! Changing a tenant: every write is sent once, and its outcome is told apart (rule 9).

use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value;

use super::GraphTenant;
use super::batch::is_absent;
use super::error;
use super::http::Reply;
use super::read::{binned_path, policy_path};
use super::retry;
use super::service::Call;
use crate::model::Id;
use crate::tenant::{TenantError, WriteError, WriteTenant};

#[async_trait]
impl WriteTenant for GraphTenant {
    async fn create_policy(&self, body: &Value) -> Result<Id, WriteError> {
        let path = super::read::POLICIES;
        let reply = self.write(Method::POST, path, Some(body)).await?;
        let answer = reply.json();
        answer
            .as_ref()
            .and_then(|policy| policy.get("id"))
            .and_then(Value::as_str)
            .filter(|id| Id::looks_like_guid(id))
            .map(Id::new)
            .ok_or_else(|| {
                WriteError::Uncertain(if answer.is_some() {
                    error::shape("a created policy without an id")
                } else {
                    error::unreadable(&reply)
                })
            })
    }

    async fn update_policy(&self, id: &Id, body: &Value) -> Result<(), WriteError> {
        let path = policy_path(id).map_err(WriteError::Refused)?;
        self.write(Method::PATCH, &path, Some(body)).await?;
        Ok(())
    }

    async fn delete_policy(&self, id: &Id) -> Result<(), WriteError> {
        let path = policy_path(id).map_err(WriteError::Refused)?;
        match self.write(Method::DELETE, &path, None).await {
            // Gone is what was asked for: an earlier try of ours arrived late, or somebody was faster.
            Err(WriteError::Refused(error)) if is_absent(&error) => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn restore_policy(&self, id: &Id) -> Result<(), WriteError> {
        let path = binned_path(id).map_err(WriteError::Refused)?;
        self.write(Method::POST, &format!("{path}/restore"), None)
            .await?;
        Ok(())
    }
}

impl GraphTenant {
    async fn write(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, WriteError> {
        let url = self
            .service
            .endpoints
            .graph_url(path)
            .map_err(WriteError::Refused)?;
        let call = Call::new(method, url, body.cloned());
        let reply = self.service.call(&call).await.map_err(|no_reply| {
            if no_reply.sent {
                WriteError::Uncertain(unseen(no_reply.error))
            } else {
                WriteError::Refused(no_reply.error)
            }
        })?;
        if reply.is_success() {
            // A proxy's page in Graph's place says nothing about the policy.
            if reply.body.is_empty() || reply.json().is_some() {
                return Ok(reply);
            }
            return Err(WriteError::Uncertain(error::unreadable(&reply)));
        }
        let error = self.service.refusal(&call, &reply).await;
        if (400..500).contains(&reply.status) && !retry::is_passing(reply.status) {
            Err(WriteError::Refused(error))
        } else {
            Err(WriteError::Uncertain(TenantError {
                retry_after: reply.retry_after(),
                ..error
            }))
        }
    }
}

fn unseen(mut error: TenantError) -> TenantError {
    error
        .message
        .push_str("; whether the policy was written is not known");
    error
}
