//! The token in use: kept in memory, shown to nobody, replaced when it ends or is refused.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret};
use azure_core::time::OffsetDateTime;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::model::Id;
use crate::tenant::{TenantError, TenantErrorKind};

/// A token is replaced this long before it ends.
const MARGIN: Duration = Duration::from_secs(300);

/// Where tokens come from.
#[async_trait]
pub(super) trait TokenSource: fmt::Debug + Send + Sync {
    /// A new token, never one that was given before; `claims` is what a challenge asked for.
    async fn fetch(&self, claims: Option<&str>) -> Result<AccessToken, TenantError>;

    /// What a person can do when a new token is refused like the old one.
    fn remedy(&self) -> &'static str;
}

/// The token of `PORTCULLIS_ACCESS_TOKEN`.
#[derive(Debug)]
pub(super) struct FixedToken(pub(super) Secret);

#[async_trait]
impl TokenSource for FixedToken {
    async fn fetch(&self, _claims: Option<&str>) -> Result<AccessToken, TenantError> {
        let ends = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(24);
        Ok(AccessToken::new(self.0.secret().trim().to_owned(), ends))
    }

    fn remedy(&self) -> &'static str {
        "PORTCULLIS_ACCESS_TOKEN cannot be renewed from here: set it to a new token"
    }
}

/// The signed-in identity of one tenant.
pub(in crate::graph) struct SignIn {
    source: Arc<dyn TokenSource>,
    declared: Option<Id>,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Secret,
    until: Instant,
    tenant: Id,
    granted: Option<BTreeSet<String>>,
    challenged: bool,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Tokens from `source`, which must belong to the `declared` tenant when there is one.
    pub(super) fn new(source: Arc<dyn TokenSource>, declared: Option<Id>) -> Self {
        Self {
            source,
            declared,
            held: Mutex::new(None),
        }
    }

    /// A token for the next request. Callers that come together cause one sign-in.
    pub(in crate::graph) async fn token(&self) -> Result<Secret, TenantError> {
        let mut held = self.held.lock().await;
        self.fresh(&mut held).await.map(|held| held.token.clone())
    }

    /// A token in place of one that the service refused.
    pub(in crate::graph) async fn renewed(
        &self,
        refused: &Secret,
        claims: Option<&str>,
    ) -> Result<Secret, TenantError> {
        let mut held = self.held.lock().await;
        // Another request may have renewed it while this one waited; nobody should sign in twice.
        if let Some(held) = held.as_ref()
            && held.token != *refused
            && (claims.is_none() || held.challenged)
        {
            return Ok(held.token.clone());
        }
        *held = None;
        tracing::debug!(challenged = claims.is_some(), "the token was refused");
        self.fetch(&mut held, claims)
            .await
            .map(|held| held.token.clone())
    }

    /// The tenant that the token is for.
    pub(in crate::graph) async fn tenant(&self) -> Result<Id, TenantError> {
        let mut held = self.held.lock().await;
        self.fresh(&mut held).await.map(|held| held.tenant.clone())
    }

    /// The permissions of the token in use; `None` when there is none or it cannot be read.
    pub(in crate::graph) async fn granted(&self) -> Option<BTreeSet<String>> {
        let held = self.held.lock().await;
        held.as_ref().and_then(|held| held.granted.clone())
    }

    /// What to do when a new token is refused as well.
    pub(in crate::graph) fn remedy(&self) -> &'static str {
        self.source.remedy()
    }

    async fn fresh<'a>(&self, held: &'a mut Option<Held>) -> Result<&'a Held, TenantError> {
        if held
            .as_ref()
            .is_some_and(|held| held.until <= Instant::now())
        {
            *held = None;
        }
        match held {
            Some(held) => Ok(held),
            none => self.fetch(none, None).await,
        }
    }

    async fn fetch<'a>(
        &self,
        held: &'a mut Option<Held>,
        claims: Option<&str>,
    ) -> Result<&'a Held, TenantError> {
        let answer = self.source.fetch(claims).await?;
        let content = content(answer.token.secret());
        let tenant = self.tenant_of(content.as_ref())?;
        let left = answer.expires_on - OffsetDateTime::now_utc();
        let left = Duration::from_secs(u64::try_from(left.whole_seconds()).unwrap_or(0));
        Ok(held.insert(Held {
            token: answer.token,
            until: Instant::now() + left.saturating_sub(MARGIN.min(left / 2)),
            tenant,
            granted: content.as_ref().map(permissions),
            challenged: claims.is_some(),
        }))
    }

    fn tenant_of(&self, content: Option<&Value>) -> Result<Id, TenantError> {
        let named = content
            .and_then(|content| content.get("tid"))
            .and_then(Value::as_str)
            .map(Id::new);
        match (named, &self.declared) {
            (Some(named), Some(declared)) if named != *declared => Err(TenantError::new(
                TenantErrorKind::SignIn,
                format!(
                    "The token is for the tenant {named}, but {declared} is declared; nothing was sent to Graph"
                ),
            )
            .hint("Sign in to the declared tenant, or choose another one with --tenant")),
            (Some(named), _) => Ok(named),
            (None, Some(declared)) => Ok(declared.clone()),
            (None, None) => Err(TenantError::new(
                TenantErrorKind::SignIn,
                "The token does not say which tenant it is for",
            )
            .hint("Declare tenant_id in portcullis.yaml, or set AZURE_TENANT_ID")),
        }
    }
}

/// What a JWT says. Its signature is not checked: the service does that, this is only for messages and
/// for refusing the wrong tenant early.
fn content(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .filter(Value::is_object)
}

fn permissions(content: &Value) -> BTreeSet<String> {
    let delegated = content
        .get("scp")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split_whitespace();
    let application = content
        .get("roles")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    delegated.chain(application).map(str::to_owned).collect()
}
