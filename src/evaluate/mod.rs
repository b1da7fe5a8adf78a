//! What policies do with one sign-in: the one semantics of the house.
//!
//! Three-valued throughout: a fact that is missing makes an answer unknown only where it decides, and
//! learning a fact never turns a yes into a no or back. The rules are named after section 2.2 of the audit
//! reference (E1 to G7). [`applies`] and [`holds`] allocate nothing; [`explain`] and [`evaluate`] say why.
//!
//! Facts come in two parts: the [`SignIn`], and the [`Facts`] of the tenant.

mod condition;
mod decision;
mod explain;
mod facts;
mod grant;
mod prepared;
pub mod resource;
mod rule;
mod sign_in;
mod truth;

pub use condition::{Condition, analysis_reason, applies};
pub use decision::{AppliedResult, Decision, Outcome, Verdict, evaluate, outcome, result};
pub use explain::{Explanation, Missing, Reason, explain};
pub use facts::{Facts, Holders, KnownFacts, NoFacts};
pub use grant::{Requirement, could_hold, holds, requirements};
pub use prepared::Prepared;
pub use rule::{Attributes, Rule, RuleError, Value};
pub use sign_in::{
    Country, Device, Insider, Person, Place, Presented, SignIn, Standing, Step, Subject, Target,
    WorkloadIdentity,
};
pub use truth::Truth;
