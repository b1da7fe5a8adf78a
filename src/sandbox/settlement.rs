//! What the directory holds for the crowd and for those who are planted: groups, roles and workloads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::crowd::{Class, Kin};
use super::identity::Identity;
use super::population::{blank, clicked, role_id, service_principal, user, user_id};
use super::tenant::{Change, Table, Tenant};

/// A group of the crowd, by name: its description, and whom it holds.
const GROUPS: [(&str, &str, Kin); 9] = [
    (
        "Azure-Developers",
        "Contributors of the development subscriptions",
        Kin::Of(&[Class::Developer]),
    ),
    (
        "Azure-Operators",
        "Contributors of the production subscriptions",
        Kin::Of(&[Class::Operator]),
    ),
    (
        "Azure-Data",
        "Contributors of the data subscriptions",
        Kin::Of(&[Class::Analyst]),
    ),
    (
        "Azure-Readers",
        "Readers of every subscription",
        Kin::Of(&[Class::Reader]),
    ),
    (
        "Azure-Owners",
        "Owners of a subscription",
        Kin::Of(&[Class::Administrator, Class::Owner, Class::Eligible]),
    ),
    (
        "Azure-Guests",
        "Partners who work in a subscription",
        Kin::Of(&[Class::TrustedGuest, Class::OtherGuest]),
    ),
    ("Staff", "Everybody who is employed", Kin::Employees),
    (
        "Staff-Germany",
        "Everybody in Germany",
        Kin::Where("usageLocation", "DE"),
    ),
    (
        "Manufacturing",
        "The factories",
        Kin::Where("department", "Manufacturing"),
    ),
];
/// A group that holds groups.
const EVERYBODY_ON_AZURE: &str = "Azure-Everybody";
/// The roles of the crowd's administrators; the highest ones are held by people with names of their own.
const ROLES: [&str; 3] = [
    "User Administrator",
    "Exchange Administrator",
    "Security Administrator",
];

/// Whom the groups hold by what people are, by the group's id.
pub(super) fn kin(of: &Identity) -> BTreeMap<String, Kin> {
    GROUPS
        .iter()
        .map(|(name, _, kin)| (of.id_of(&format!("group {name}")), *kin))
        .chain([(
            of.id_of("group Sales-Dynamic"),
            Kin::Where("department", "Sales"),
        )])
        .collect()
}

/// Puts all of it into the directory.
pub(super) fn settle(of: &Identity, tenant: &mut Tenant) {
    planted(of, tenant);
    groups(of, tenant);
    roles(of, tenant);
    workloads(of, tenant);
}

fn planted(of: &Identity, tenant: &mut Tenant) {
    let cast = tenant.cast().clone();
    let mut put = |table: Table, row: Value| tenant.change(&Change::Put { table, row });
    for player in cast
        .players()
        .iter()
        .filter(|player| player.plant.is_some())
    {
        let mut row = user(of, &player.nickname, &player.name);
        if player.class.is_guest() {
            row["userType"] = json!("Guest");
        }
        put(Table::Users, row);
        if let Some(role) = player.role {
            put(
                Table::RoleAssignments,
                assignment(of, &player.nickname, &player.id, role),
            );
        }
    }
    if tenant.recipe().has("A07") {
        group(
            of,
            tenant,
            "CA-Exclude-Temporary",
            "Exception until 2026-10-21, OPS-3107",
        );
        join(
            of,
            tenant,
            "CA-Exclude-Temporary",
            user_id(of, "temp.engineer"),
        );
    }
    if tenant.recipe().has("A14") {
        let policy = json!({
            "displayName": "Register security information at the office only",
            "state": "enabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includeUserActions": ["urn:user:registersecurityinfo"]},
                "users": {
                    "includeUsers": ["All"],
                    "excludeUsers": [user_id(of, "emergency1"), user_id(of, "emergency2")],
                },
                "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        });
        tenant.change(&Change::Put {
            table: Table::Policies,
            row: clicked(of, policy, "2026-05-11T10:02:31.8140270Z", None),
        });
    }
}

fn group(of: &Identity, tenant: &mut Tenant, name: &str, description: &str) {
    let mut row = blank(of, Table::Groups, name, "");
    row["id"] = json!(of.id_of(&format!("group {name}")));
    row["description"] = json!(description);
    row["mailNickname"] = json!(name);
    row["createdDateTime"] = json!("2026-02-09T08:40:00Z");
    if let Some((_, _, Kin::Where(property, value))) =
        GROUPS.iter().find(|(other, ..)| *other == name)
    {
        row["groupTypes"] = json!(["DynamicMembership"]);
        row["membershipRule"] = json!(format!("(user.{property} -eq \"{value}\")"));
        row["membershipRuleProcessingState"] = json!("On");
    }
    tenant.change(&Change::Put {
        table: Table::Groups,
        row,
    });
}

fn join(of: &Identity, tenant: &mut Tenant, name: &str, member: String) {
    tenant.change(&Change::Join {
        group: of.id_of(&format!("group {name}")),
        member,
    });
}

fn groups(of: &Identity, tenant: &mut Tenant) {
    for (name, description, _) in GROUPS {
        group(of, tenant, name, description);
    }
    group(of, tenant, EVERYBODY_ON_AZURE, "Everybody who uses Azure");
    for (name, ..) in GROUPS
        .iter()
        .filter(|(name, ..)| name.starts_with("Azure-"))
    {
        let nested = of.id_of(&format!("group {name}"));
        join(of, tenant, EVERYBODY_ON_AZURE, nested);
    }
}

fn roles(of: &Identity, tenant: &mut Tenant) {
    let crowd = tenant.present().crowd().clone();
    for (class, table) in [
        (Class::Administrator, Table::RoleAssignments),
        (Class::Eligible, Table::RoleEligibilities),
    ] {
        for (index, role) in crowd.range(class).zip(ROLES.into_iter().cycle()) {
            let id = crowd.id(index).to_string();
            let row = assignment(of, &id, &id, role);
            tenant.change(&Change::Put { table, row });
        }
    }
    // Somebody with a name of their own who takes a role only when it is needed.
    let row = assignment(
        of,
        "elif.yildirim",
        &user_id(of, "elif.yildirim"),
        "Exchange Administrator",
    );
    tenant.change(&Change::Put {
        table: Table::RoleEligibilities,
        row,
    });
}

fn assignment(of: &Identity, name: &str, principal: &str, role: &str) -> Value {
    json!({
        "id": of.id_of(&format!("assignment {name} {role}")),
        "principalId": principal,
        "roleDefinitionId": role_id(role),
        "directoryScopeId": "/",
    })
}

fn workloads(of: &Identity, tenant: &mut Tenant) {
    for number in 1..=tenant.recipe().workloads() {
        let name = format!("workload-{number:04}");
        let mut row = service_principal(of, &of.id_of(&format!("app {name}")), &name, &of.id);
        if number % 3 == 0 {
            row["servicePrincipalType"] = json!("ManagedIdentity");
        }
        tenant.change(&Change::Put {
            table: Table::ServicePrincipals,
            row,
        });
    }
}
