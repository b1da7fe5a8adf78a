//! A sign-in: who, to what, from where, with what in hand. `None` is a fact that is not known.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use super::Truth;
use super::rule::{Attributes, Value};
use crate::model::{
    ClientApp, Combination, GuestKind, Id, InsiderRisk, Platform, RiskLevel, TransferMethod,
    UserAction,
};

/// One sign-in.
///
/// Every optional fact may be missing: `None` says that it is not known, never that there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// Who signs in.
    pub subject: Subject,
    /// What is asked for.
    pub target: Option<Target>,
    /// With which kind of client; never [`ClientApp::All`].
    pub client: Option<ClientApp>,
    /// From which platform; [`Platform::Unknown`] is one that no policy names, never [`Platform::All`].
    pub platform: Option<Platform>,
    /// From where.
    pub place: Place,
    /// How risky the sign-in is.
    pub sign_in_risk: Option<RiskLevel>,
    /// How risky the user is.
    pub user_risk: Option<RiskLevel>,
    /// How risky the service principal is.
    pub service_principal_risk: Option<RiskLevel>,
    /// The user's insider risk.
    pub insider_risk: Option<Insider>,
    /// How the sign-in is carried to another device; [`TransferMethod::None`] for an ordinary one.
    pub flow: Option<TransferMethod>,
    /// On which device.
    pub device: Device,
    /// What was presented, and what could be.
    pub presented: Presented,
}

impl SignIn {
    /// A sign-in of which nothing else is known.
    pub fn new(subject: Subject, target: Target) -> Self {
        Self {
            subject,
            target: Some(target),
            client: None,
            platform: None,
            place: Place::default(),
            sign_in_risk: None,
            user_risk: None,
            service_principal_risk: None,
            insider_risk: None,
            flow: None,
            device: Device::default(),
            presented: Presented::default(),
        }
    }
}

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A human user.
    Person(Person),
    /// A service principal or a managed identity.
    Workload(WorkloadIdentity),
}

/// A human user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The object id; `None` for an external user who has no object in the tenant.
    pub id: Option<Id>,
    /// Member or guest.
    pub standing: Option<Standing>,
}

impl Person {
    /// A member of the directory.
    pub fn member(id: Id) -> Self {
        Self {
            id: Some(id),
            standing: Some(Standing::Member),
        }
    }
}

/// Whether somebody belongs to the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A member.
    Member,
    /// A guest or an external user.
    External {
        /// Of which kind.
        kind: GuestKind,
        /// From which tenant.
        home: Option<Id>,
    },
}

/// A service principal or a managed identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadIdentity {
    /// The object id of the service principal.
    pub id: Id,
    /// Whether it is a single-tenant one that this tenant owns.
    pub owned: Option<bool>,
    /// Whether it is a managed identity.
    pub managed: Option<bool>,
    /// Its custom security attributes, as `Set_Name`.
    pub attributes: Attributes,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A resource, by its appId.
    App(Id),
    /// Something a user does that is no application.
    UserAction(UserAction),
    /// An authentication context, `c1` to `c99`.
    AuthenticationContext(String),
}

/// From where somebody signs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: Option<IpAddr>,
    /// The country by the address.
    pub country: Option<Country>,
    /// The country by the position of the Authenticator app.
    pub position: Option<Country>,
    /// Named locations that it is known to lie in or not, whatever the tenant says of them.
    pub within: BTreeMap<Id, bool>,
    /// Whether it is trusted at all.
    pub trusted: Option<bool>,
    /// Whether it is among the old MFA trusted addresses, which Graph does not show.
    pub mfa_trusted: Option<bool>,
}

/// A country, or none that could be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Country {
    /// By its two-letter code in upper case.
    Code(String),
    /// The address or the position belongs to no known country.
    NotFound,
}

/// An insider risk, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insider {
    /// No risk.
    None,
    /// A level.
    Level(InsiderRisk),
}

impl Insider {
    /// The YAML spelling.
    pub fn word(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Level(level) => level.word(),
        }
    }
}

/// On which device somebody signs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Whether the directory knows it.
    pub registered: Option<bool>,
    /// Whether Intune manages it.
    pub managed: Option<bool>,
    /// What filters ask for, `isCompliant` and `trustType` too; null on a device that is not registered.
    pub attributes: Attributes,
}

impl Device {
    /// A device that the directory does not know.
    pub fn unregistered() -> Self {
        Self {
            registered: Some(false),
            ..Self::default()
        }
    }

    /// Whether it is marked as compliant.
    pub fn compliant(&self) -> Truth {
        self.has("iscompliant", |value| match value {
            Value::Flag(flag) => *flag,
            Value::Text(text) => text.eq_ignore_ascii_case("true"),
            Value::Null | Value::Texts(_) => false,
        })
    }

    /// Whether it is hybrid joined.
    pub fn hybrid_joined(&self) -> Truth {
        self.has(
            "trusttype",
            |value| matches!(value, Value::Text(text) if text.eq_ignore_ascii_case("ServerAD")),
        )
    }

    /// Whether the directory knows it: that is given too by a state that only a registered device has.
    pub fn is_registered(&self) -> Truth {
        let says = |name| !matches!(self.attributes.get(name), None | Some(Value::Null));
        match self.registered {
            None if says("trusttype") || says("iscompliant") => Truth::Yes,
            registered => registered.into(),
        }
    }

    fn has(&self, attribute: &str, test: fn(&Value) -> bool) -> Truth {
        let holds = self.attributes.get(attribute).map(test);
        Truth::from(holds).and(self.is_registered())
    }
}

/// What was presented at a sign-in, and what could be presented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presented {
    /// MFA: done here, in the claim of the token, in a trusted home tenant or by a federated provider.
    pub mfa: Step,
    /// The combination of methods that was used.
    pub combination: Option<Combination>,
    /// The combinations the user could use.
    pub available: Option<BTreeSet<Combination>>,
    /// Whether the client is an approved one.
    pub approved_app: Option<bool>,
    /// Whether the client is under an app protection policy.
    pub protected_app: Option<bool>,
    /// The password was changed.
    pub password_change: Step,
    /// The risk was remediated.
    pub risk_remediation: Step,
    /// Terms of use, by id.
    pub terms_of_use: BTreeMap<Id, Step>,
    /// Custom factors, by id.
    pub custom_factors: BTreeMap<String, Step>,
}

/// Something a user can be asked to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Whether it was done.
    pub done: Option<bool>,
    /// Whether the user could do it when asked.
    pub able: Option<bool>,
}

impl Step {
    /// It was done.
    pub const DONE: Self = Self {
        done: Some(true),
        able: Some(true),
    };
    /// It was not done; the user could do it.
    pub const ABLE: Self = Self {
        done: Some(false),
        able: Some(true),
    };
    /// It was not done, and the user could not.
    pub const UNABLE: Self = Self {
        done: Some(false),
        able: Some(false),
    };
}
