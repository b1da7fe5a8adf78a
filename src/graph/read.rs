//! Reading a tenant: the policies, and the snapshot in two rounds.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::Value;

use super::GraphTenant;
use super::batch::is_absent;
use super::describe::Describe;
use super::error::{self, shape};
use super::history;
use super::lookup::{self, Ask};
use super::page::Collection;
use crate::model::{Cloud, Id, LivePolicy, NamedLocation, Strength};
use crate::tenant::{
    Found, Handle, Lookups, PolicyList, Query, ReadTenant, Reference, Snapshot, TenantError,
    TenantErrorKind, TenantFacts, Unreadable,
};

/// The policies of a tenant.
pub(super) const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";

/// The path of one policy.
pub(super) fn policy_path(id: &Id) -> Result<String, TenantError> {
    if !Id::looks_like_guid(id.as_str()) {
        return Err(TenantError::new(
            TenantErrorKind::Rejected,
            format!("\"{id}\" is no policy id; nothing was sent"),
        )
        .hint("A policy id is a GUID, as the portal's address bar shows it"));
    }
    Ok(format!("{POLICIES}/{id}"))
}

#[async_trait]
impl ReadTenant for GraphTenant {
    async fn tenant_id(&self) -> Result<Id, TenantError> {
        self.service.sign_in.tenant().await
    }

    async fn snapshot(&self, lookups: &Lookups) -> Result<Snapshot, TenantError> {
        let tenant = self.tenant_id().await?;
        let cloud = lookups.cloud.as_ref().unwrap_or(&self.cloud);
        let (mut first, questions) = First::new(tenant, lookups, cloud);
        let paths: Vec<String> = questions.iter().map(|(_, path)| path.clone()).collect();
        let (list, answers) =
            tokio::try_join!(self.policies(), self.service.batch_entries(&paths))?;
        for ((question, _), answer) in questions.into_iter().zip(answers) {
            if let Some(notice) = first.take(question, answer)? {
                self.service.callbacks.progress(&notice);
            }
        }
        let Snapshot { found, .. } = &mut first.snapshot;
        let (locations, strengths) = (&first.locations, &first.strengths);
        for (reference, query) in first.in_lists {
            let objects = lookup::in_lists(reference.kind, &query, locations, strengths);
            found.push(Found { reference, objects });
        }
        let mut snapshot = Snapshot {
            taken_at: list.taken_at,
            policies: list.policies,
            unreadable: list.unreadable,
            locations: first.locations,
            strengths: first.strengths,
            ..first.snapshot
        };
        self.second_round(&mut snapshot, lookups).await;
        Ok(snapshot)
    }

    async fn policies(&self) -> Result<PolicyList, TenantError> {
        let list = self.service.collection(POLICIES).await.complete()?;
        let taken_at = list.date.ok_or_else(|| {
            shape("the policies came without a `Date`, so the tenant's clock is not known")
        })?;
        let mut policies = Vec::new();
        let mut unreadable = Vec::new();
        for json in list.entries {
            match LivePolicy::try_from(json.clone()) {
                Ok(policy) => policies.push(policy),
                Err(problem) => unreadable.push(not_read(json, &problem)),
            }
        }
        Ok(PolicyList {
            taken_at,
            policies,
            unreadable,
        })
    }

    async fn policy(&self, id: &Id) -> Result<Option<LivePolicy>, TenantError> {
        let call = self.service.get(&policy_path(id)?)?;
        let json = match self.service.read_json(&call).await {
            Ok((_, json)) => json,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        LivePolicy::try_from(json)
            .map(Some)
            .map_err(|problem| error::shape(&format!("the policy {id}: {problem}")))
    }
}

fn not_read(raw: Value, problem: &impl ToString) -> Unreadable {
    let text = |key: &str| raw.get(key).and_then(Value::as_str).map(str::to_owned);
    Unreadable {
        id: text("id").map(Id::new),
        name: text("displayName"),
        problem: problem.to_string(),
        raw,
    }
}

/// What a part of the first round asks.
enum Question {
    Locations,
    Strengths,
    SecurityDefaults,
    Licences,
    Organisation,
    Reference(Reference),
}

/// The first round, as its answers come in.
struct First {
    snapshot: Snapshot,
    locations: Vec<NamedLocation>,
    strengths: Vec<Strength>,
    in_lists: Vec<(Reference, Query)>,
}

impl First {
    fn new(tenant: Id, lookups: &Lookups, cloud: &Cloud) -> (Self, Vec<(Question, String)>) {
        let mut first = Self {
            snapshot: empty(tenant),
            locations: Vec::new(),
            strengths: Vec::new(),
            in_lists: Vec::new(),
        };
        let mut questions = vec![
            (
                Question::Locations,
                "/identity/conditionalAccess/namedLocations".to_owned(),
            ),
            (
                Question::SecurityDefaults,
                "/policies/identitySecurityDefaultsEnforcementPolicy".to_owned(),
            ),
            (Question::Licences, "/subscribedSkus".to_owned()),
            (
                Question::Organisation,
                "/organization?$select=id,displayName,verifiedDomains".to_owned(),
            ),
        ];
        // The cloud in China has no authentication strengths (contract section 5).
        if *cloud != Cloud::China {
            questions.push((
                Question::Strengths,
                "/policies/authenticationStrengthPolicies".to_owned(),
            ));
        }
        for reference in &lookups.references {
            match lookup::ask(reference, cloud) {
                Ask::Part(path) => questions.push((Question::Reference(reference.clone()), path)),
                Ask::List(query) => first.in_lists.push((reference.clone(), query)),
                Ask::Nothing(object) => first.snapshot.found.push(Found {
                    reference: reference.clone(),
                    objects: object.into_iter().collect(),
                }),
            }
        }
        (first, questions)
    }

    /// Takes an answer; `Some` is a failure that the reader should hear of and that does not stop.
    fn take(
        &mut self,
        question: Question,
        answer: Result<Collection, TenantError>,
    ) -> Result<Option<String>, TenantError> {
        let entries = answer
            .and_then(Collection::complete)
            .map(|collection| collection.entries);
        match question {
            Question::Locations => self.locations = lookup::all_of("named location", entries?)?,
            Question::Strengths => {
                self.strengths = lookup::all_of("authentication strength", entries?)?
            }
            Question::Reference(reference) => {
                let objects = match entries {
                    Err(error) if is_absent(&error) => Ok(Vec::new()),
                    entries => entries.and_then(|found| lookup::objects(reference.kind, &found)),
                };
                match objects {
                    Ok(objects) => self.snapshot.found.push(Found { reference, objects }),
                    Err(error) => {
                        self.snapshot.complete = false;
                        return Ok(Some(format!(
                            "the {} could not be looked up: {error}",
                            reference.kind.word()
                        )));
                    }
                }
            }
            Question::SecurityDefaults | Question::Licences | Question::Organisation => {
                match (question, entries) {
                    (Question::SecurityDefaults, Ok(entries)) => {
                        self.snapshot.security_defaults = entries
                            .first()
                            .and_then(|policy| policy.get("isEnabled"))
                            .and_then(Value::as_bool);
                    }
                    (Question::Licences, Ok(entries)) => {
                        self.snapshot.service_plans = Some(service_plans(&entries));
                    }
                    (_, Ok(entries)) => self.organisation(entries.first()),
                    // Not to be allowed to see them is an answer: they stay unknown.
                    (_, Err(error)) if error.kind == TenantErrorKind::Forbidden => {}
                    (_, Err(error)) => {
                        self.snapshot.complete = false;
                        return Ok(Some(error.to_string()));
                    }
                }
            }
        }
        Ok(None)
    }

    fn organisation(&mut self, organisation: Option<&Value>) {
        let Some(organisation) = organisation else {
            return;
        };
        let text =
            |json: &Value, key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        self.snapshot.tenant.name = text(organisation, "displayName");
        let domains = || {
            organisation
                .get("verifiedDomains")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let is = |domain: &Value, key: &str| domain.get(key).and_then(Value::as_bool) == Some(true);
        self.snapshot.tenant.domain = domains()
            .find(|domain| is(domain, "isInitial"))
            .or_else(|| domains().find(|domain| is(domain, "isDefault")))
            .and_then(|domain| text(domain, "name"));
    }
}

/// The service plans of the subscriptions that are in force (contract section 2.9).
fn service_plans(subscriptions: &[Value]) -> BTreeSet<String> {
    let in_force = |subscription: &&Value| {
        let status = subscription.get("capabilityStatus").and_then(Value::as_str);
        matches!(status, Some("Enabled" | "Warning"))
    };
    subscriptions
        .iter()
        .filter(in_force)
        .filter_map(|subscription| subscription.get("servicePlans")?.as_array())
        .flatten()
        .filter_map(|plan| plan.get("servicePlanId")?.as_str())
        .map(str::to_ascii_lowercase)
        .collect()
}

fn empty(tenant: Id) -> Snapshot {
    Snapshot {
        format_version: Snapshot::FORMAT_VERSION.to_owned(),
        tenant: TenantFacts {
            id: tenant,
            name: None,
            domain: None,
        },
        taken_at: jiff::Timestamp::default(),
        complete: true,
        policies: Vec::new(),
        unreadable: Vec::new(),
        locations: Vec::new(),
        strengths: Vec::new(),
        found: Vec::new(),
        objects: BTreeMap::new(),
        members: BTreeMap::new(),
        security_defaults: None,
        service_plans: None,
        history: BTreeMap::new(),
    }
}

/// Whether a live policy is one of those meant.
pub(super) fn is_meant(policy: &LivePolicy, handles: &BTreeSet<Handle>) -> bool {
    handles.iter().any(|handle| match handle {
        Handle::Id(id) => policy.id == *id,
        Handle::Name(name) => policy.policy.name == *name,
    })
}

impl GraphTenant {
    /// What can only be asked once the policies and the names are known; one more round trip.
    async fn second_round(&self, snapshot: &mut Snapshot, lookups: &Lookups) {
        let describe = Describe::of(snapshot, lookups);
        let audited = history::audited(snapshot, lookups);
        let (described, (history, history_complete)) = tokio::join!(
            describe.ask(&self.service),
            history::read(&self.service, &audited)
        );
        snapshot.complete &= described.complete && history_complete;
        snapshot.objects = lookup::index(&snapshot.found);
        snapshot.objects.extend(described.objects);
        snapshot.members = described.members;
        snapshot.history = history;
    }
}
