//! What becomes of a policy, cell by cell, and the rules that bend the cells.
#![allow(clippy::unwrap_used)]

mod drifting;
mod effects;
mod finding;
mod promoting;
mod states;
mod undoing;

use super::{Change, Plan, PlanOptions, plan};
use crate::evidence::Remembered;
use crate::model::{Desired, DesiredPolicy, LivePolicy, WantedState};
use crate::tenant::Snapshot;
use crate::tenant::fixture::*;

/// The plan of one policy against these live ones.
fn planned(policy: DesiredPolicy, live: impl IntoIterator<Item = LivePolicy>) -> Plan {
    against(&desired([policy]), &snapshot(live))
}

fn against(desired: &Desired, snapshot: &Snapshot) -> Plan {
    plan(
        desired,
        snapshot,
        &Remembered::default(),
        &PlanOptions::default(),
    )
}

/// The one change of a plan that refuses nothing.
fn change(plan: Plan) -> Change {
    assert_eq!(plan.refusals, []);
    let [change] = <[Change; 1]>::try_from(plan.changes).unwrap();
    change
}

/// The guards that refuse a plan.
fn guards(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.guard).collect()
}

/// The bodies of what is written, in order.
fn bodies(change: &Change) -> Vec<&serde_json::Value> {
    change.writes.iter().map(|write| &write.body).collect()
}

fn gates(change: &Change) -> Vec<&str> {
    change.held.iter().map(|held| held.gate.as_str()).collect()
}

fn wanting(state: WantedState) -> DesiredPolicy {
    desired_policy(Some(state))
}

/// The path, the value before and after, and the origin of each row.
fn rows(change: &Change) -> Vec<String> {
    change
        .fields
        .iter()
        .map(|field| {
            format!(
                "{}: {} -> {} ({:?})",
                field.path, field.before, field.after, field.origin
            )
        })
        .collect()
}
