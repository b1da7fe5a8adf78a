//! What happens by itself as the clock moves: the anomalies that are events of the log.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::audit::{Activity, changed, target};
use super::clock::{self, graph_time, tick};
use super::errors::Failure;
use super::owner::State;
use super::people::AZURE_MANAGEMENT;
use super::population::user_id;
use super::tenant::{Change, Happening, Row, Table, Tenant, text};

/// What changes, and what the audit says of it.
type Act = (Vec<Change>, Activity);

/// Something that happens at a time.
struct Scene {
    anomaly: &'static str,
    /// Days after the start of the clock.
    day: i64,
    /// What it comes to, when there is anything to do it to.
    act: fn(&Tenant, Timestamp) -> Option<Act>,
}

const SCENES: [Scene; 2] = [
    Scene {
        anomaly: "A08",
        day: 3,
        act: grow,
    },
    Scene {
        anomaly: "A11",
        day: 4,
        act: edit,
    },
];

/// Moves the clock, and lets happen what falls into that time.
pub(super) fn advance(state: &mut State, to: Timestamp) -> Result<Timestamp, Failure> {
    let from = state.tenant.now();
    for scene in &SCENES {
        let start = clock::at(clock::START).as_second();
        let at = Timestamp::from_second(start + scene.day * 86_400).unwrap_or(to);
        if !state.tenant.recipe().has(scene.anomaly) || at <= from || at >= to {
            continue;
        }
        state.record(Happening::Advance { to: at })?;
        let stamp = tick(state.tenant.now());
        if let Some((changes, activity)) = (scene.act)(&state.tenant, stamp) {
            let audit = activity.entry(&state.tenant, stamp, &by_hand(&state.tenant));
            state.record(Happening::Write { changes, audit })?;
        }
    }
    Ok(state.record(Happening::Advance { to })?.at)
}

/// Whoever does these things does them in the portal.
fn by_hand(tenant: &Tenant) -> Value {
    let identity = tenant.identity();
    json!({"app": null, "user": {
        "id": user_id(identity, "ca.admin"),
        "displayName": null,
        "userPrincipalName": format!("ca.admin@{}", identity.domain),
        "ipAddress": "203.0.113.2",
        "roles": [],
    }})
}

/// Three people join the group that is excluded.
fn grow(tenant: &Tenant, _: Timestamp) -> Option<Act> {
    let group = tenant.row(
        Table::Groups,
        &tenant.id_of("group CA-Exclude-Backup-Automation"),
    )?;
    let members: Vec<Row> = ["linh.tran", "noor.rahimi", "jelani.mwangi"]
        .iter()
        .filter_map(|nickname| tenant.row(Table::Users, &user_id(tenant.identity(), nickname)))
        .collect();
    let changes = members
        .iter()
        .map(|member| Change::Join {
            group: text(&group, "id").to_owned(),
            member: text(member, "id").to_owned(),
        })
        .collect();
    let first = members.first()?;
    let modified = [
        ("Group.ObjectID", None, Some(group["id"].clone())),
        (
            "Group.DisplayName",
            None,
            Some(group["displayName"].clone()),
        ),
    ];
    let mut targets = vec![
        target(first, "User", &modified),
        target(&group, "Group", &[]),
    ];
    targets.extend(
        members
            .iter()
            .skip(1)
            .map(|member| target(member, "User", &modified)),
    );
    let activity = Activity::directory("Add member to group", "GroupManagement", "Assign", targets);
    Some((changes, activity))
}

/// Somebody renames the policy on Azure management and takes guests out of it.
fn edit(tenant: &Tenant, stamp: Timestamp) -> Option<Act> {
    let old = tenant.rows(Table::Policies).find(|row| {
        row["conditions"]["applications"]["includeApplications"]
            .as_array()
            .is_some_and(|apps| apps.iter().any(|app| app == AZURE_MANAGEMENT.0))
    })?;
    let mut new = Value::clone(&old);
    new["displayName"] = json!(format!("{} (edited)", text(&old, "displayName")));
    new["modifiedDateTime"] = json!(graph_time(stamp));
    new["conditions"]["users"]["excludeGuestsOrExternalUsers"] = json!({
        "guestOrExternalUserTypes": "b2bCollaborationGuest",
        "externalTenants": {
            "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
            "membershipKind": "all",
        },
    });
    let activity = Activity::directory(
        "Update conditional access policy",
        "Policy",
        "Update",
        vec![changed(&new, "Policy", Some(&old), Some(&new))],
    );
    let change = Change::Put {
        table: Table::Policies,
        row: new,
    };
    Some((vec![change], activity))
}
