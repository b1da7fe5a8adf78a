//! Whether what was reviewed is what would be done now (rule 5).

use serde_json::json;
use tokio::time::timeout;

use super::tenant::Fault;
use super::*;
use crate::model::{State, WantedState};
use crate::plan::{SavedOptions, SavedPlan};
use crate::tenant::fixture::*;

fn wanting() -> Desired {
    desired([desired_policy(Some(WantedState::ReportOnly))])
}

fn receipt(prepared: &Prepared<'_>, desired: &Desired) -> SavedPlan {
    SavedPlan::new(&prepared.plan, desired, SavedOptions::default(), json!({}))
}

/// What a later run against `tenant` and `desired` says of a plan that was saved.
async fn says(
    machine: &Machine,
    tenant: &Tenant,
    desired: &Desired,
    saved: &SavedPlan,
) -> Result<bool, String> {
    let mut prepared = machine.prepare(tenant, desired).await;
    let now = receipt(&prepared, desired);
    prepared
        .agrees_with(saved, &now)
        .map_err(|error| match error {
            ApplyError::Stale(reason) => reason,
            other => panic!("{other:?}"),
        })
}

async fn saved(machine: &Machine, tenant: &Tenant, desired: &Desired) -> SavedPlan {
    receipt(&machine.prepare(tenant, desired).await, desired)
}

#[tokio::test(start_paused = true)]
async fn a_plan_agrees_while_nothing_changed() {
    let (machine, tenant, desired) = (Machine::new(), Tenant::new([]), wanting());
    let plan = saved(&machine, &tenant, &desired).await;
    assert_eq!(says(&machine, &tenant, &desired, &plan).await, Ok(false));
    // Somebody else's policy is nobody's concern.
    tenant.put(
        live_with(302, State::On, |json| {
            json["displayName"] = json!("Another")
        })
        .raw,
    );
    assert_eq!(says(&machine, &tenant, &desired, &plan).await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_stale_and_says_why() {
    let (machine, tenant, desired) = (Machine::new(), Tenant::new([]), wanting());
    let plan = saved(&machine, &tenant, &desired).await;

    let mut elsewhere = plan.clone();
    elsewhere.tenant_id = id(1);
    assert_eq!(
        says(&machine, &tenant, &desired, &elsewhere).await,
        Err(format!(
            "the plan was made for tenant {}, and this is {}",
            id(1),
            tenant_id()
        ))
    );

    let mut edited = desired.clone();
    edited.policies.get_mut(KEY).unwrap().policy.name = "New name".into();
    assert_eq!(
        says(&machine, &tenant, &edited, &plan).await,
        Err("the YAML changed since the plan was made".into())
    );

    // What was to be created is there, and as wanted.
    tenant.put(live_json(LIVE, State::ReportOnly));
    assert_eq!(
        says(&machine, &tenant, &desired, &plan).await,
        Err("nothing of the plan is left to do".into())
    );
    // It is there, and not as wanted.
    tenant.put(live_json(LIVE, State::Off));
    assert_eq!(
        says(&machine, &tenant, &desired, &plan).await,
        Err("the tenant changed since the plan was made: azure-mfa: somebody changed the live policy".into())
    );

    tenant.put(live_json(LIVE, State::ReportOnly));
    let empty = saved(&machine, &tenant, &desired).await;
    assert_eq!(
        says(&machine, &tenant, &desired, &empty).await,
        Err("the plan has nothing to apply".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_stale_when_a_name_means_somebody_else() {
    let machine = Machine::new();
    let (tenant, desired) = (Tenant::new([]), wanting());
    let mut plan = saved(&machine, &tenant, &desired).await;
    plan.changes[0].resolved = "sha256:other".into();
    let reason = says(&machine, &tenant, &desired, &plan).await.unwrap_err();
    assert!(
        reason.ends_with(
            "azure-mfa: a name stands for something else, or the members of a group changed"
        ),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_an_earlier_run_carried_out_is_done() {
    let (machine, tenant, desired) = (Machine::new(), Tenant::new([]), wanting());
    let plan = saved(&machine, &tenant, &desired).await;
    tenant.faults(&[Fault::KilledAfter]);
    let prepared = machine.prepare(&tenant, &desired).await;
    let killed = timeout(SETTLE * 60, prepared.carry_out(&plan.digest)).await;
    assert!(killed.is_err());
    assert_eq!(says(&machine, &tenant, &desired, &plan).await, Ok(true));
    // The next time nothing was settled: there is just nothing to do.
    assert_eq!(
        says(&machine, &tenant, &desired, &plan).await,
        Err("nothing of the plan is left to do".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_run_ended_in_its_read_back_is_done() {
    let (machine, tenant, desired) = (Machine::new(), Tenant::new([]), wanting());
    let plan = saved(&machine, &tenant, &desired).await;
    // The snapshot and the list before the creation; the read-back fails.
    tenant.unreadable_after(Some(2));
    let prepared = machine.prepare(&tenant, &desired).await;
    partly(prepared.carry_out(&plan.digest).await);
    assert_eq!(machine.journal(), ["intent", "done"]);
    tenant.unreadable_after(None);
    assert_eq!(says(&machine, &tenant, &desired, &plan).await, Ok(true));
    assert_eq!(
        says(&machine, &tenant, &desired, &plan).await,
        Err("nothing of the plan is left to do".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_goes_on_where_an_earlier_run_stopped() {
    let machine = Machine::new();
    let tenant = Tenant::new([]);
    let mut second = desired_policy(Some(WantedState::ReportOnly));
    second.key = at("second".to_owned());
    second.policy.name = "Second".into();
    let desired = desired([desired_policy(Some(WantedState::ReportOnly)), second]);
    let plan = saved(&machine, &tenant, &desired).await;

    tenant.faults(&[Fault::Nothing, Fault::Refused]);
    let prepared = machine.prepare(&tenant, &desired).await;
    partly(prepared.carry_out(&plan.digest).await);
    assert_eq!(says(&machine, &tenant, &desired, &plan).await, Ok(false));

    // But not when somebody undid what it did.
    let created = machine.prepare(&tenant, &desired).await.snapshot.policies[0].clone();
    let mut undone = created.raw.clone();
    undone["displayName"] = json!("Undone");
    tenant.put(undone);
    let reason = says(&machine, &tenant, &desired, &plan).await.unwrap_err();
    assert!(
        reason.ends_with("azure-mfa: there is something to do that was not in the plan"),
        "{reason}"
    );
}
