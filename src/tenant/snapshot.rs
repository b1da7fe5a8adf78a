//! A tenant as it was at one moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lookups::Reference;
use crate::model::{Id, Kind, LivePolicy, NamedLocation, State, Strength};

/// The service plans that Conditional Access needs (contract section 2.9).
pub mod service_plan {
    /// Entra ID P1, `AAD_PREMIUM`.
    pub const P1: &str = "41781fb2-bc02-4b7c-bd55-b576c07bb09d";
    /// Entra ID P2, `AAD_PREMIUM_P2`.
    pub const P2: &str = "eec0eb4f-6444-4f95-aba0-50c24d67f998";
    /// Workload identities, P1.
    pub const WORKLOAD_P1: &str = "84c289f0-efcb-486f-8581-07f44fc9efad";
    /// Workload identities, P2.
    pub const WORKLOAD_P2: &str = "7dc0e92d-bf15-401d-907e-0884efe7c760";
}

/// A tenant as a file: all that a plan needs and nothing that needs a credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of this format.
    #[serde(default = "format_version")]
    pub format_version: String,
    /// Which tenant it is.
    #[serde(default)]
    pub tenant: TenantFacts,
    /// The tenant's clock when the first page of the policies was read.
    #[serde(default)]
    pub taken_at: Timestamp,
    /// Whether everything that was asked for was read.
    #[serde(default)]
    pub complete: bool,
    /// The policies, in Graph JSON.
    pub policies: Vec<LivePolicy>,
    /// Policies that do not have the documented shape.
    #[serde(default)]
    pub unreadable: Vec<Unreadable>,
    /// The named locations, in Graph JSON.
    #[serde(default)]
    pub locations: Vec<NamedLocation>,
    /// The authentication strengths, in Graph JSON.
    #[serde(default)]
    pub strengths: Vec<Strength>,
    /// What each reference was found to mean.
    #[serde(default)]
    pub found: Vec<Found>,
    /// Objects by id: what the ids in the policies are called.
    #[serde(default)]
    pub objects: BTreeMap<Id, Object>,
    /// Transitive members by group id.
    #[serde(default)]
    pub members: BTreeMap<Id, Members>,
    /// Whether security defaults are on; `None` when that could not be read.
    #[serde(default)]
    pub security_defaults: Option<bool>,
    /// The service plans of the enabled subscriptions; `None` when they could not be read.
    #[serde(default)]
    pub service_plans: Option<BTreeSet<String>>,
    /// The directory audit by object id, newest first; an object that is not there was not read.
    #[serde(default)]
    pub history: BTreeMap<Id, Vec<AuditEvent>>,
}

fn format_version() -> String {
    Snapshot::FORMAT_VERSION.to_owned()
}

impl Snapshot {
    /// The version that this program writes.
    pub const FORMAT_VERSION: &str = "1.0";

    /// The live policy of that id.
    pub fn policy(&self, id: &Id) -> Option<&LivePolicy> {
        self.policies.iter().find(|policy| policy.id == *id)
    }

    /// Every live policy of exactly that name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a LivePolicy> {
        self.policies
            .iter()
            .filter(move |policy| policy.policy.name == name)
    }

    /// What a reference was found to mean; `None` when it was not looked up.
    pub fn found(&self, kind: Kind, text: &str) -> Option<&[Object]> {
        self.found
            .iter()
            .find(|found| found.reference.kind == kind && found.reference.text == text)
            .map(|found| found.objects.as_slice())
    }
}

/// Which tenant a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Its id.
    pub id: Id,
    /// The organisation's display name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its initial or default domain.
    #[serde(default)]
    pub domain: Option<String>,
}

impl Default for TenantFacts {
    fn default() -> Self {
        Self {
            id: Id::new(""),
            name: None,
            domain: None,
        }
    }
}

/// A policy that this version cannot read; it is listed and never touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Its id, when at least that can be read.
    pub id: Option<Id>,
    /// Its name, when at least that can be read.
    pub name: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// The JSON as it was read.
    pub raw: Value,
}

/// What a reference was found to mean: nothing, one object, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What was asked for.
    pub reference: Reference,
    /// What was found.
    pub objects: Vec<Object>,
}

/// An object of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// The id that a policy would hold: for an app its appId, for a role its template id.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// Its display name.
    pub name: String,
    /// A user's principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_name: Option<String>,
    /// Whether a user can sign in; `None` when that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The transitive members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Whether all of them were read.
    pub complete: bool,
    /// Users, and the groups in between.
    pub members: Vec<Object>,
}

impl Members {
    /// Everybody in it who is no group.
    pub fn people(&self) -> impl Iterator<Item = &Object> {
        self.members
            .iter()
            .filter(|member| member.kind != Kind::Group)
    }
}

/// One entry of the directory audit about an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// What, in the service's words, e.g. `Update conditional access policy`.
    pub activity: String,
    /// Who, as a principal name or an application's name.
    pub by: Option<String>,
    /// The state a policy had before, when the entry says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_before: Option<State>,
    /// The state a policy had afterwards, when the entry says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_after: Option<State>,
}
