//! A tenant in memory that fails when it is told to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::model::{Id, LivePolicy};
use crate::tenant::fixture::{found, id, members, now, object, snapshot, tenant_id};
use crate::tenant::{
    AuditEvent, Lookups, PolicyList, ReadTenant, Snapshot, TenantError, TenantErrorKind,
    WriteError, WriteTenant, service_plan,
};

/// What becomes of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is carried out and answered.
    Nothing,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It is not carried out, and nobody says so: a 5xx, a connection that broke.
    NotCarriedOut,
    /// It is not carried out: the service takes no more requests for now.
    Throttled,
    /// The same, and it says how many seconds to wait.
    ThrottledFor(u64),
    /// It is carried out, and the writer is killed before the answer.
    KilledAfter,
    /// The writer is killed before it is carried out.
    KilledBefore,
    /// The service says no.
    Refused,
    /// Somebody else creates the same at the same time.
    Twin,
    /// Somebody else renames the policy at the same time, and the answer is lost.
    SomebodyElse,
}

#[derive(Default)]
struct World {
    policies: BTreeMap<Id, Value>,
    bin: BTreeMap<Id, Value>,
    /// What reads show while the service lags behind.
    seen: BTreeMap<Id, Value>,
    /// How many reads after a write still show what was before.
    lag: usize,
    lagging: usize,
    ticks: i64,
    faults: VecDeque<Fault>,
    unreadable_from: Option<usize>,
    reads: usize,
    empty_read: Option<usize>,
    sent: Vec<String>,
    knows_every_id: bool,
}

#[derive(Default)]
pub(super) struct Tenant {
    world: Mutex<World>,
}

impl Tenant {
    pub(super) fn new(policies: impl IntoIterator<Item = LivePolicy>) -> Self {
        let tenant = Self::default();
        for live in policies {
            tenant.put(live.raw);
        }
        tenant
    }

    /// Puts a policy there, as somebody else would.
    pub(super) fn put(&self, policy: Value) {
        let mut world = self.world.lock().unwrap();
        let id = Id::new(policy["id"].as_str().unwrap());
        world.policies.insert(id.clone(), policy.clone());
        world.seen.insert(id, policy);
    }

    /// Lets every id be somebody's, everybody be known and every licence be there; the clock goes on with
    /// each write.
    pub(super) fn know_every_id(&self) {
        self.world.lock().unwrap().knows_every_id = true;
    }

    /// Every policy that really is there.
    pub(super) fn policies_there_are(&self) -> Vec<LivePolicy> {
        let world = self.world.lock().unwrap();
        let policies = world.policies.values().cloned();
        policies
            .map(|policy| LivePolicy::try_from(policy).unwrap())
            .collect()
    }

    /// What becomes of the next writes; those after them are carried out.
    pub(super) fn faults(&self, faults: &[Fault]) {
        self.world.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// Lets each write stay unseen for as many reads.
    pub(super) fn lag(&self, reads: usize) {
        self.world.lock().unwrap().lag = reads;
    }

    /// Lets every read fail after as many more.
    pub(super) fn unreadable_after(&self, reads: Option<usize>) {
        let mut world = self.world.lock().unwrap();
        world.unreadable_from = reads.map(|reads| world.reads + reads);
    }

    /// Lets one read show nothing at all, as a replica that is behind does.
    pub(super) fn empty_at(&self, read: usize) {
        self.world.lock().unwrap().empty_read = Some(read);
    }

    /// How often it was read.
    pub(super) fn reads(&self) -> usize {
        self.world.lock().unwrap().reads
    }

    /// The requests that were sent, in order.
    pub(super) fn sent(&self) -> Vec<String> {
        self.world.lock().unwrap().sent.clone()
    }

    /// The name and state of each policy that really is there.
    pub(super) fn holds(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let world = self.world.lock().unwrap();
        let policies = world.policies.values();
        policies
            .map(|policy| (text(&policy["displayName"]), text(&policy["state"])))
            .collect()
    }

    fn read(&self) -> Result<Vec<LivePolicy>, TenantError> {
        let mut world = self.world.lock().unwrap();
        world.reads += 1;
        if world.unreadable_from.is_some_and(|from| world.reads > from) {
            return Err(TenantError::new(
                TenantErrorKind::Service,
                "the service is down",
            ));
        }
        if world.empty_read == Some(world.reads) {
            return Ok(Vec::new());
        }
        if world.lagging > 0 {
            world.lagging -= 1;
        } else {
            world.seen = world.policies.clone();
        }
        let policies = world.seen.values().cloned();
        Ok(policies
            .map(|policy| LivePolicy::try_from(policy).unwrap())
            .collect())
    }

    /// Carries a write out, or fails it, as the next fault says.
    async fn write(
        &self,
        request: String,
        carry_out: impl FnOnce(&mut World, Timestamp) -> Id,
    ) -> Result<Id, WriteError> {
        let fault = {
            let mut world = self.world.lock().unwrap();
            world.sent.push(request);
            world.faults.pop_front().unwrap_or(Fault::Nothing)
        };
        let error = |text: &str| TenantError::new(TenantErrorKind::Service, text);
        match fault {
            Fault::Refused => return Err(WriteError::Refused(error("1007: no"))),
            Fault::NotCarriedOut => return Err(WriteError::Uncertain(error("503"))),
            Fault::Throttled => {
                let error = TenantError::new(TenantErrorKind::Throttled, "429");
                return Err(WriteError::Uncertain(error));
            }
            Fault::ThrottledFor(seconds) => {
                return Err(WriteError::Uncertain(TenantError {
                    retry_after: Some(Duration::from_secs(seconds)),
                    ..TenantError::new(TenantErrorKind::Throttled, "429")
                }));
            }
            Fault::KilledBefore => std::future::pending().await,
            _ => {}
        }
        let id = {
            let mut world = self.world.lock().unwrap();
            world.ticks += 1;
            let at = now() + SignedDuration::from_secs(world.ticks);
            let id = carry_out(&mut world, at);
            world.lagging = world.lag;
            match fault {
                Fault::Twin => {
                    let mut twin = world.policies[&id].clone();
                    twin["id"] = json!("ffffffff-0000-4000-8000-000000000000");
                    world
                        .policies
                        .insert(Id::new("ffffffff-0000-4000-8000-000000000000"), twin);
                }
                Fault::SomebodyElse => {
                    world.policies.get_mut(&id).unwrap()["displayName"] = json!("Mine now");
                }
                _ => {}
            }
            id
        };
        match fault {
            Fault::KilledAfter => std::future::pending().await,
            Fault::AnswerLost | Fault::SomebodyElse => {
                Err(WriteError::Uncertain(error("no answer")))
            }
            _ => Ok(id),
        }
    }
}

#[async_trait]
impl ReadTenant for Tenant {
    async fn tenant_id(&self) -> Result<Id, TenantError> {
        Ok(tenant_id())
    }

    async fn snapshot(&self, lookups: &Lookups) -> Result<Snapshot, TenantError> {
        let mut snapshot = snapshot(self.read()?);
        if lookups.bin {
            let world = self.world.lock().unwrap();
            let bin = world.bin.values().cloned();
            snapshot.deleted = Some(
                bin.map(|json| LivePolicy::try_from(json).unwrap())
                    .collect(),
            );
        }
        let world = self.world.lock().unwrap();
        if world.knows_every_id {
            snapshot.taken_at = now() + SignedDuration::from_secs(world.ticks);
            snapshot.service_plans = Some(
                [
                    service_plan::P1,
                    service_plan::P2,
                    service_plan::WORKLOAD_P1,
                ]
                .map(str::to_owned)
                .into(),
            );
            for reference in &lookups.references {
                if Id::looks_like_guid(&reference.text) {
                    let id = Id::new(&*reference.text);
                    snapshot
                        .members
                        .entry(id.clone())
                        .or_insert_with(|| members(true, Vec::new()));
                    let object = object(reference.kind, id, &reference.text);
                    let known = found(&reference.text, vec![object], reference.kind);
                    snapshot.found.push(known);
                }
            }
        }
        drop(world);
        Ok(snapshot)
    }

    async fn policies(&self) -> Result<PolicyList, TenantError> {
        Ok(PolicyList {
            taken_at: now(),
            policies: self.read()?,
            unreadable: Vec::new(),
        })
    }

    async fn policy(&self, id: &Id) -> Result<Option<LivePolicy>, TenantError> {
        Ok(self.read()?.into_iter().find(|live| live.id == *id))
    }

    async fn audit(&self, _: &BTreeSet<Id>) -> Result<BTreeMap<Id, Vec<AuditEvent>>, TenantError> {
        Ok(BTreeMap::new())
    }
}

#[async_trait]
impl WriteTenant for Tenant {
    async fn create_policy(&self, body: &Value) -> Result<Id, WriteError> {
        let request = format!("POST {}", body["displayName"].as_str().unwrap());
        self.write(request, |world, at| {
            let id = id(400 + u32::try_from(world.ticks).unwrap());
            let mut policy = body.clone();
            policy["id"] = json!(id);
            policy["createdDateTime"] = json!(at.to_string());
            world.policies.insert(id.clone(), policy);
            id
        })
        .await
    }

    async fn update_policy(&self, id: &Id, body: &Value) -> Result<(), WriteError> {
        let keys: Vec<_> = body
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let state = body["state"]
            .as_str()
            .map_or_else(String::new, |state| format!("={state}"));
        let request = format!("PATCH {}{state}", keys.join("+"));
        self.write(request, |world, at| {
            let policy = world.policies.get_mut(id).unwrap();
            merge(policy, body);
            policy["modifiedDateTime"] = json!(at.to_string());
            id.clone()
        })
        .await
        .map(drop)
    }

    async fn delete_policy(&self, id: &Id) -> Result<(), WriteError> {
        self.write("DELETE".to_owned(), |world, _| {
            let deleted = world.policies.remove(id);
            world.bin.extend(deleted.map(|policy| (id.clone(), policy)));
            id.clone()
        })
        .await
        .map(drop)
    }

    async fn restore_policy(&self, id: &Id) -> Result<(), WriteError> {
        self.write("RESTORE".to_owned(), |world, _| {
            let restored = world.bin.remove(id).unwrap();
            world.policies.insert(id.clone(), restored);
            id.clone()
        })
        .await
        .map(drop)
    }
}

/// Objects merge, everything else is replaced (contract section 3.1).
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}
