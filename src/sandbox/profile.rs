//! What kind of tenant it is: its cloud and its licences. They are set from outside and kept in the log.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clouds::Cloud;
use super::people::AZURE_MANAGEMENT;
use super::population;
use super::tenant::{Change, Table, Tenant, text};

/// The licence for Conditional Access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Licence {
    None,
    P1,
    #[default]
    P2,
}

/// The cloud and the licences of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Profile {
    pub(super) cloud: Cloud,
    pub(super) licence: Licence,
    /// Whether the plans for workload identities are there.
    pub(super) workload_identities: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            cloud: Cloud::default(),
            licence: Licence::default(),
            workload_identities: true,
        }
    }
}

impl Profile {
    /// The profile of a tenant; the default one until another is set.
    pub(super) fn of(tenant: &Tenant) -> Self {
        tenant
            .row(Table::Profile, "profile")
            .and_then(|row| serde_json::from_value(row["profile"].clone()).ok())
            .unwrap_or_default()
    }

    /// This profile with what a control request says of it, or a sentence that says what is wrong.
    pub(super) fn with(&self, said: &Value) -> Result<Self, String> {
        let mut profile = self.clone();
        for (name, value) in said.as_object().into_iter().flatten() {
            let word = value.as_str().unwrap_or_default();
            match name.as_str() {
                "cloud" => {
                    profile.cloud = Cloud::named(word).ok_or(
                        "`cloud` is global, us-gov, us-gov-dod, china, bleu, delos, usnat or ussec",
                    )?;
                }
                "licence" => {
                    profile.licence = serde_json::from_value(value.clone())
                        .map_err(|_| "`licence` is none, p1 or p2")?;
                }
                "workload_identities" => {
                    profile.workload_identities = value
                        .as_bool()
                        .ok_or("`workload_identities` is true or false")?;
                }
                _ => return Err(format!("a tenant has no `{name}`")),
            }
        }
        Ok(profile)
    }

    /// What makes a tenant one of this profile.
    pub(super) fn changes(&self, tenant: &Tenant) -> Vec<Change> {
        let mut changes = vec![Change::Put {
            table: Table::Profile,
            row: json!({"id": "profile", "profile": self}),
        }];
        let wanted = self.cloud.azure_management().unwrap_or(AZURE_MANAGEMENT);
        let government = Cloud::UsGov.azure_management().map(|(app_id, _)| app_id);
        let mut has_wanted = false;
        for row in tenant.rows(Table::ServicePrincipals) {
            let app_id = text(&row, "appId");
            if app_id == wanted.0 {
                has_wanted = true;
            } else if app_id == AZURE_MANAGEMENT.0 || Some(app_id) == government {
                changes.push(Change::Remove {
                    table: Table::ServicePrincipals,
                    id: text(&row, "id").to_owned(),
                });
            }
        }
        if !has_wanted {
            let (app_id, name) = wanted;
            let mut row =
                population::blank(tenant.identity(), Table::ServicePrincipals, name, app_id);
            row["id"] = json!(tenant.id_of(&format!("service principal {app_id}")));
            changes.push(Change::Put {
                table: Table::ServicePrincipals,
                row,
            });
        }
        changes
    }
}
