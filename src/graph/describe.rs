//! What the ids in policies are called, and who is in the groups.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::batch::is_absent;
use super::concurrent::join_all;
use super::error::shape;
use super::lookup;
use super::page::Collection;
use super::read::is_meant;
use super::service::{Call, Service};
use crate::model::{Id, Kind};
use crate::tenant::{Lookups, Members, Object, Snapshot, TenantError};

/// So many ids fit into one `getByIds`.
const MOST_IDS: usize = 1_000;

/// The questions of the second round about objects.
#[derive(Debug, Default)]
pub(super) struct Describe {
    groups: BTreeSet<Id>,
    directory: BTreeSet<Id>,
    apps: BTreeSet<Id>,
    roles: BTreeSet<Id>,
}

/// Their answers.
#[derive(Debug)]
pub(super) struct Described {
    /// Objects by id.
    pub(super) objects: BTreeMap<Id, Object>,
    /// Transitive members by group.
    pub(super) members: BTreeMap<Id, Members>,
    /// Whether nothing failed.
    pub(super) complete: bool,
}

enum Part {
    Members(Id),
    App,
    Role,
}

impl Describe {
    /// What is still to be asked after the first round.
    pub(super) fn of(snapshot: &Snapshot, lookups: &Lookups) -> Self {
        let mut describe = Self::default();
        let known: BTreeSet<(Kind, &Id)> = snapshot
            .found
            .iter()
            .flat_map(|found| &found.objects)
            .map(|object| (object.kind, &object.id))
            .collect();
        describe.groups.extend(
            known
                .iter()
                .filter(|(kind, _)| *kind == Kind::Group)
                .map(|(_, id)| (*id).clone()),
        );
        for policy in &snapshot.policies {
            let managed = is_meant(policy, &lookups.managed);
            if !managed && !lookups.describe_all {
                continue;
            }
            for (place, id) in policy.policy.references() {
                if !Id::looks_like_guid(id.as_str()) {
                    continue;
                }
                if managed && place.kind == Kind::Group {
                    describe.groups.insert(id.clone());
                }
                if known.contains(&(place.kind, id)) {
                    continue;
                }
                let open = match place.kind {
                    Kind::User | Kind::Group | Kind::ServicePrincipal => &mut describe.directory,
                    Kind::App => &mut describe.apps,
                    Kind::Role => &mut describe.roles,
                    Kind::Location | Kind::Strength | Kind::TermsOfUse => continue,
                };
                open.insert(id.clone());
            }
        }
        describe
    }

    /// Asks everything at once.
    pub(super) async fn ask(self, service: &Service) -> Described {
        let mut parts: Vec<(Part, String)> = Vec::new();
        for id in self.groups {
            let path = lookup::members_path(&id);
            parts.push((Part::Members(id), path));
        }
        parts.extend(self.apps.iter().map(|id| (Part::App, lookup::app_path(id))));
        parts.extend(
            self.roles
                .iter()
                .map(|id| (Part::Role, lookup::role_path(id))),
        );
        let paths: Vec<String> = parts.iter().map(|(_, path)| path.clone()).collect();
        let ids: Vec<Id> = self.directory.into_iter().collect();
        let (answers, named) = tokio::join!(service.batch_entries(&paths), by_ids(service, &ids));

        let mut described = Described {
            objects: BTreeMap::new(),
            members: BTreeMap::new(),
            complete: true,
        };
        described.learn(service, named);
        match answers {
            Ok(answers) => {
                for ((part, _), answer) in parts.into_iter().zip(answers) {
                    described.take(service, part, answer);
                }
            }
            Err(error) => {
                for (part, _) in parts {
                    described.take(service, part, Err(error.clone()));
                }
            }
        }
        described
    }
}

impl Described {
    fn take(&mut self, service: &Service, part: Part, answer: Result<Collection, TenantError>) {
        let kind = match part {
            Part::Members(group) => return self.group(service, group, answer),
            Part::App => Kind::App,
            Part::Role => Kind::Role,
        };
        let objects = match answer.and_then(Collection::complete) {
            // Nobody knows the id any more: it stays nameless.
            Err(error) if is_absent(&error) => return,
            answer => answer.and_then(|collection| lookup::objects(kind, &collection.entries)),
        };
        self.learn(service, objects);
    }

    fn learn(&mut self, service: &Service, objects: Result<Vec<Object>, TenantError>) {
        match objects {
            Ok(objects) => self.objects.extend(
                objects
                    .into_iter()
                    .map(|object| (object.id.clone(), object)),
            ),
            Err(error) => {
                self.complete = false;
                service
                    .callbacks
                    .progress(&format!("names could not be read: {error}"));
            }
        }
    }

    fn group(&mut self, service: &Service, group: Id, answer: Result<Collection, TenantError>) {
        let collection = match answer {
            // A group that is gone has no members to miss.
            Err(error) if is_absent(&error) => return,
            Ok(collection) => collection,
            Err(error) => Collection {
                broken: Some(error),
                ..Collection::default()
            },
        };
        let mut broken = collection.broken;
        let mut members = Vec::new();
        for entry in &collection.entries {
            let Some(kind) = lookup::kind_of(entry) else {
                continue;
            };
            match lookup::object(kind, entry) {
                Some(member) => members.push(member),
                None => broken = Some(shape("a member without its id")),
            }
        }
        if let Some(error) = &broken {
            self.complete = false;
            service.callbacks.progress(&format!(
                "the members of a group could not all be read: {error}"
            ));
        }
        let complete = broken.is_none();
        self.members.insert(group, Members { complete, members });
    }
}

/// Reads objects by id; those that do not exist are missing from the answer.
async fn by_ids(service: &Service, ids: &[Id]) -> Result<Vec<Object>, TenantError> {
    let calls = ids.chunks(MOST_IDS).map(async |ids| {
        let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
        let call = Call::new(
            Method::POST,
            service
                .endpoints
                .graph_url("/v1.0/directoryObjects/getByIds")?,
            Some(json!({"ids": ids, "types": ["user", "group", "servicePrincipal"]})),
        );
        let (_, page) = service.read_json(&call).await?;
        service.rest(&page).await.complete()
    });
    let pages: Result<Vec<Collection>, TenantError> =
        join_all(calls.collect()).await.into_iter().collect();
    let entries: Vec<Value> = pages?.into_iter().flat_map(|page| page.entries).collect();
    entries
        .iter()
        .filter_map(|entry| Some((lookup::kind_of(entry)?, entry)))
        .map(|(kind, entry)| {
            lookup::object(kind, entry).ok_or_else(|| shape("an object without its id"))
        })
        .collect()
}
