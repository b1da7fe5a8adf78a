//! Why a policy applies or not, in words.

mod assignments;
mod words;

use super::{Condition, Facts, Prepared, SignIn, Truth};
use crate::model::Id;

/// Whether a policy applies, condition by condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it applies.
    pub applies: Truth,
    /// Each condition that is configured, in Graph's order.
    pub reasons: Vec<Reason>,
    /// The facts that would decide; none unless `applies` is unknown.
    pub missing: Vec<Missing>,
}

impl Explanation {
    /// The first condition that is not fulfilled, in Graph's order.
    pub fn first_unmet(&self) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.truth.is_no())
    }
}

/// What became of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which condition.
    pub condition: Condition,
    /// Whether it is fulfilled.
    pub truth: Truth,
    /// Why, as a clause without a full stop.
    pub why: String,
}

/// A fact that is not known and would decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Whether the user is in a group.
    Group(Id),
    /// Whether the user holds a role.
    Role(Id),
    /// Whether the user is a guest, of which kind, from which tenant.
    Guest,
    /// Whether the service principal is a single-tenant one of this tenant and no managed identity.
    Ownership,
    /// What is asked for.
    Target,
    /// Whether the app belongs to a suite, by the suite's name.
    Suite(String),
    /// A custom security attribute.
    Attribute(String),
    /// The platform.
    Platform,
    /// An attribute of the device, or whether it is registered.
    Device(String),
    /// The kind of client.
    Client,
    /// Whether the sign-in comes from a named location.
    Location(Id),
    /// Whether it comes from a trusted place.
    Trusted,
    /// The sign-in risk.
    SignInRisk,
    /// The risk of the service principal.
    ServicePrincipalRisk,
    /// The user risk.
    UserRisk,
    /// The insider risk.
    InsiderRisk,
    /// The authentication flow.
    Flow,
    /// What a part of the policy means that this version cannot read.
    Meaning(String),
}

/// Whether a policy applies, and why.
pub fn explain<F: Facts + ?Sized>(policy: &Prepared, sign_in: &SignIn, facts: &F) -> Explanation {
    let mut applies = Truth::Yes;
    let (mut reasons, mut missing) = (Vec::new(), Vec::new());
    for condition in Condition::ALL {
        let truth = condition.fulfilled(policy, sign_in, facts);
        applies = applies.and(truth);
        let Some((why, unknown)) = words::why(condition, truth, policy, sign_in, facts) else {
            continue;
        };
        missing.extend(unknown);
        reasons.push(Reason {
            condition,
            truth,
            why,
        });
    }
    if !applies.is_unknown() {
        missing.clear();
    }
    missing.sort();
    missing.dedup();
    Explanation {
        applies,
        reasons,
        missing,
    }
}
