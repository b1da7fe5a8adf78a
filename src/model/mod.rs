//! What a Conditional Access policy is, and what a workspace says about one.
//!
//! [`Policy`] is generic over its references: `Policy<Name>` is what somebody wrote, `Policy<Id>` is what
//! a tenant holds. Everything that only steers a rollout (state, pins, waivers) stands beside the policy
//! in [`DesiredPolicy`], so that two policies can be compared without it.

mod authentication_context;
mod conditions;
mod controls;
mod desired;
mod fingerprint;
#[cfg(test)]
pub(crate) mod fixture;
mod graph_json;
mod id;
mod named_location;
mod policy;
mod principal;
mod promotion;
mod reference;
mod state;
mod strength;
mod tenant_declaration;
mod words;

pub use authentication_context::AuthenticationContext;
pub use conditions::{
    ClientApp, Conditions, ExternalTenants, Filter, FilterMode, GuestKind, Guests, InsiderRisk,
    LocationSet, Locations, Platform, Platforms, RiskLevel, Suite, TargetSet, Targets,
    TransferMethod, UserAction, UserSet, Users, Workload,
};
pub use controls::{
    CloudAppSecurity, Control, FrequencyAuthentication, FrequencyInterval, FrequencyUnit, Grant,
    Operator, PersistentBrowser, Session, SignInFrequency,
};
pub use desired::{
    BreakGlassRequired, Desired, DesiredPolicy, Exclusion, InPlace, Owner, Rollout, Weaken,
};
pub use fingerprint::fingerprint;
pub use graph_json::{Block, LivePolicy, ShapeError, block_json, create_json};
pub use id::Id;
pub use named_location::{AddressRange, Area, CountryLookup, NamedLocation};
pub use policy::Policy;
pub use principal::{Principal, PrincipalKind, PrincipalTarget};
pub use promotion::{Emergency, PromotionRecord};
pub use reference::{Kind, Name, Origin, Place, Side};
pub use state::{State, WantedState};
pub use strength::{Combination, Method, Strength, StrengthType};
pub use tenant_declaration::{Auth, Cloud, TenantDeclaration};
