//! A policy made ready for many evaluations.

use serde_json::Value;

use super::rule::{Rule, RuleError};
use crate::model::{Filter, FilterMode, Id, LivePolicy, Policy, State};

/// A policy with its rules parsed once, so that weighing a sign-in allocates nothing.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its id; `None` for one that is only wanted.
    pub id: Option<Id>,
    /// What it does.
    pub state: State,
    /// Its content.
    pub policy: Policy<Id>,
    pub(super) device_filter: Option<PreparedFilter>,
    pub(super) app_filter: Option<PreparedFilter>,
    pub(super) workload_filter: Option<PreparedFilter>,
    /// Paths of conditions that the model does not know; each may keep the policy from applying.
    pub(super) unknown_conditions: Vec<String>,
    /// Paths of controls that the model does not know; each may ask for something more.
    pub(super) unknown_controls: Vec<String>,
}

/// A filter with its rule, or with the reason why it has none.
#[derive(Debug, Clone)]
pub(super) struct PreparedFilter {
    pub(super) mode: FilterMode,
    pub(super) text: String,
    pub(super) rule: Result<Rule, RuleError>,
}

impl PreparedFilter {
    fn new(kind: &str, filter: &Filter) -> Self {
        Self {
            mode: filter.mode.clone(),
            text: filter.rule.clone(),
            rule: Rule::parse(kind, &filter.rule),
        }
    }
}

impl Prepared {
    /// A policy that is wanted, in ids.
    pub fn new(state: State, policy: Policy<Id>) -> Self {
        let filter = |kind, filter: &Option<Filter>| {
            let filter = filter.as_ref();
            filter.map(|filter| PreparedFilter::new(kind, filter))
        };
        let conditions = &policy.conditions;
        let workload = conditions.workload.as_ref();
        Self {
            id: None,
            state,
            device_filter: filter("device", &conditions.device_filter),
            app_filter: filter("CustomSecurityAttribute", &conditions.targets.filter),
            workload_filter: workload
                .and_then(|workload| filter("CustomSecurityAttribute", &workload.filter)),
            unknown_conditions: Vec::new(),
            unknown_controls: Vec::new(),
            policy,
        }
    }

    /// A policy of a tenant.
    pub fn live(live: &LivePolicy) -> Self {
        let under = |root: &str| {
            let says =
                |(path, value): &(&String, &Value)| path.starts_with(root) && says_something(value);
            let paths = live.unmodelled.iter().filter(says);
            paths.map(|(path, _)| path.clone()).collect()
        };
        Self {
            id: Some(live.id.clone()),
            unknown_conditions: under("conditions."),
            unknown_controls: under("grantControls."),
            ..Self::new(live.state, live.policy.clone())
        }
    }
}

/// Whether a property that nobody knows can mean anything: empty lists and objects do not.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(properties) => properties.values().any(says_something),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
