//! When a policy applies: assignments and conditions (contract sections 1.2 to 1.5).

use std::collections::BTreeSet;

use serde::Serialize;

use super::reference::Kind;
use super::words::words;

/// Everything that decides whether a policy applies to a sign-in.
///
/// An empty set or `None` means that the condition is not configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Conditions<R> {
    /// Which people.
    pub users: Users<R>,
    /// Which workload identities; a policy is about people or about workloads, never both.
    pub workload: Option<Workload<R>>,
    /// Which resources.
    pub targets: Targets<R>,
    /// Which kinds of client; never empty on the wire (error 1064).
    pub client_apps: BTreeSet<ClientApp>,
    /// Which device platforms.
    pub platforms: Option<Platforms>,
    /// Which locations.
    pub locations: Option<Locations<R>>,
    /// Sign-in risk levels.
    pub sign_in_risk: BTreeSet<RiskLevel>,
    /// User risk levels.
    pub user_risk: BTreeSet<RiskLevel>,
    /// Risk levels of workload identities.
    pub service_principal_risk: BTreeSet<RiskLevel>,
    /// Insider risk levels.
    pub insider_risk: BTreeSet<InsiderRisk>,
    /// Authentication flows.
    pub flows: BTreeSet<TransferMethod>,
    /// A rule over device properties.
    pub device_filter: Option<Filter>,
}

impl<R> Default for Conditions<R> {
    fn default() -> Self {
        Self {
            users: Users::default(),
            workload: None,
            targets: Targets::default(),
            client_apps: BTreeSet::from([ClientApp::All]),
            platforms: None,
            locations: None,
            sign_in_risk: BTreeSet::new(),
            user_risk: BTreeSet::new(),
            service_principal_risk: BTreeSet::new(),
            insider_risk: BTreeSet::new(),
            flows: BTreeSet::new(),
            device_filter: None,
        }
    }
}

/// The people a policy is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Users<R> {
    /// Who is included.
    pub include: UserSet<R>,
    /// Who is excluded; exclusion wins over inclusion.
    pub exclude: UserSet<R>,
}

impl<R> Default for Users<R> {
    fn default() -> Self {
        Self {
            include: UserSet::default(),
            exclude: UserSet::default(),
        }
    }
}

/// One side of a user assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct UserSet<R> {
    /// `All`: everybody, guests too.
    pub all: bool,
    /// `None`: explicitly nobody.
    pub none: bool,
    /// Single users.
    pub users: BTreeSet<R>,
    /// Groups, with everybody in them at any depth.
    pub groups: BTreeSet<R>,
    /// Directory roles, by role template.
    pub roles: BTreeSet<R>,
    /// Guests and external users.
    pub guests: Option<Guests>,
}

impl<R> Default for UserSet<R> {
    fn default() -> Self {
        Self {
            all: false,
            none: false,
            users: BTreeSet::new(),
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            guests: None,
        }
    }
}

impl<R> UserSet<R> {
    /// The groups, the roles, or else the single users.
    pub fn of_kind_mut(&mut self, kind: Kind) -> &mut BTreeSet<R> {
        match kind {
            Kind::Group => &mut self.groups,
            Kind::Role => &mut self.roles,
            _ => &mut self.users,
        }
    }

    /// Whether nothing at all is configured.
    pub fn is_empty(&self) -> bool {
        !self.all
            && !self.none
            && self.users.is_empty()
            && self.groups.is_empty()
            && self.roles.is_empty()
            && self.guests.is_none()
    }
}

/// Guests and external users, by kind and by home tenant.
///
/// The service also knows the older word `GuestsOrExternalUsers`; it reads as every kind from every
/// tenant, with [`Guests::legacy`] set (contract section 1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guests {
    /// Which kinds.
    pub kinds: BTreeSet<GuestKind>,
    /// From which tenants; `None` when the service did not say.
    pub tenants: Option<ExternalTenants>,
    /// Whether the live policy holds the older one-word form.
    pub legacy: bool,
}

impl Guests {
    /// Every kind of guest from every tenant, in the older form.
    pub fn legacy() -> Self {
        Self {
            kinds: GuestKind::every(),
            tenants: Some(ExternalTenants::All),
            legacy: true,
        }
    }

    /// Whether two mean the same people, in whichever form they are held.
    pub fn means(&self, other: &Self) -> bool {
        let Self {
            kinds,
            tenants,
            legacy: _,
        } = self;
        let everywhere = ExternalTenants::All;
        *kinds == other.kinds
            && tenants.as_ref().unwrap_or(&everywhere)
                == other.tenants.as_ref().unwrap_or(&everywhere)
    }
}

/// The home tenants of external users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ExternalTenants {
    /// Any tenant.
    All,
    /// These tenants, by id.
    Enumerated(BTreeSet<String>),
}

words! {
    /// A kind of guest or external user.
    GuestKind {
        /// A guest account of this directory.
        InternalGuest = "internalGuest" / "internal-guest",
        /// A guest through B2B collaboration.
        B2bCollaborationGuest = "b2bCollaborationGuest" / "b2b-collaboration-guest",
        /// A member through B2B collaboration.
        B2bCollaborationMember = "b2bCollaborationMember" / "b2b-collaboration-member",
        /// A user of B2B direct connect; has no object in the tenant.
        B2bDirectConnectUser = "b2bDirectConnectUser" / "b2b-direct-connect-user",
        /// Any other external user.
        OtherExternalUser = "otherExternalUser" / "other-external-user",
        /// Somebody of a service provider.
        ServiceProvider = "serviceProvider" / "service-provider",
    }
}

impl GuestKind {
    /// Every kind there is.
    pub fn every() -> BTreeSet<Self> {
        Self::WORDS
            .iter()
            .filter_map(|word| Self::from_word(word))
            .collect()
    }
}

/// The workload identities a policy is about (contract section 1.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Workload<R> {
    /// `ServicePrincipalsInMyTenant`: all that this tenant owns.
    pub include_all: bool,
    /// Single service principals.
    pub include: BTreeSet<R>,
    /// Excluded service principals.
    pub exclude: BTreeSet<R>,
    /// A rule over custom security attributes.
    pub filter: Option<Filter>,
}

impl<R> Default for Workload<R> {
    fn default() -> Self {
        Self {
            include_all: false,
            include: BTreeSet::new(),
            exclude: BTreeSet::new(),
            filter: None,
        }
    }
}

/// The resources a policy is about (contract section 1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Targets<R> {
    /// Included applications.
    pub include: TargetSet<R>,
    /// Excluded applications.
    pub exclude: TargetSet<R>,
    /// User actions; they exclude applications (error 1012).
    pub user_actions: BTreeSet<UserAction>,
    /// Authentication contexts, `c1` to `c99`.
    pub authentication_contexts: BTreeSet<String>,
    /// A rule over custom security attributes of applications.
    pub filter: Option<Filter>,
}

impl<R> Default for Targets<R> {
    fn default() -> Self {
        Self {
            include: TargetSet::default(),
            exclude: TargetSet::default(),
            user_actions: BTreeSet::new(),
            authentication_contexts: BTreeSet::new(),
            filter: None,
        }
    }
}

/// One side of an application assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct TargetSet<R> {
    /// `All`: every resource.
    pub all: bool,
    /// `None`: explicitly nothing.
    pub none: bool,
    /// Named suites of applications.
    pub suites: BTreeSet<Suite>,
    /// Single applications, by appId.
    pub apps: BTreeSet<R>,
}

impl<R> Default for TargetSet<R> {
    fn default() -> Self {
        Self {
            all: false,
            none: false,
            suites: BTreeSet::new(),
            apps: BTreeSet::new(),
        }
    }
}

impl<R> TargetSet<R> {
    /// Whether nothing at all is configured.
    pub fn is_empty(&self) -> bool {
        !self.all && !self.none && self.suites.is_empty() && self.apps.is_empty()
    }
}

words! {
    /// A reserved word that stands for several applications.
    Suite {
        /// Office 365.
        Office365 = "Office365" / "office-365",
        /// The portals for administrators; interactive sign-in only (contract section 5).
        AdminPortals = "MicrosoftAdminPortals" / "admin-portals",
        /// Every resource of agent identities.
        AgentResources = "AllAgentIdResources" / "all-agent-resources",
    }
}

words! {
    /// Something a user does that is no application.
    UserAction {
        /// Registers security information.
        RegisterSecurityInformation = "urn:user:registersecurityinfo" / "register-security-information",
        /// Registers or joins a device.
        RegisterDevice = "urn:user:registerdevice" / "register-or-join-devices",
    }
}

words! {
    /// A kind of client.
    ClientApp {
        /// Every kind.
        All = "all" / "all",
        /// Browsers.
        Browser = "browser" / "browser",
        /// Mobile apps and desktop clients.
        MobileAndDesktop = "mobileAppsAndDesktopClients" / "mobile-apps-and-desktop-clients",
        /// Exchange ActiveSync.
        ExchangeActiveSync = "exchangeActiveSync" / "exchange-active-sync",
        /// Exchange ActiveSync on supported platforms.
        EasSupported = "easSupported" / "eas-supported",
        /// Other, that is legacy, clients.
        Other = "other" / "other",
    }
}

words! {
    /// A device platform.
    Platform {
        /// Every platform.
        All = "all" / "all",
        /// Android.
        Android = "android" / "android",
        /// iOS and iPadOS.
        Ios = "iOS" / "ios",
        /// Windows.
        Windows = "windows" / "windows",
        /// Windows Phone.
        WindowsPhone = "windowsPhone" / "windows-phone",
        /// macOS.
        MacOs = "macOS" / "macos",
        /// Linux; evolvable, see contract section 1.8.
        Linux = "linux" / "linux",
    }
}

/// The device platform condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Platforms {
    /// Included platforms.
    pub include: BTreeSet<Platform>,
    /// Excluded platforms.
    pub exclude: BTreeSet<Platform>,
}

/// The location condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Locations<R> {
    /// Included locations.
    pub include: LocationSet<R>,
    /// Excluded locations.
    pub exclude: LocationSet<R>,
}

impl<R> Default for Locations<R> {
    fn default() -> Self {
        Self {
            include: LocationSet::default(),
            exclude: LocationSet::default(),
        }
    }
}

/// One side of the location condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct LocationSet<R> {
    /// `All`: any location.
    pub all: bool,
    /// `AllTrusted`: every trusted location.
    pub all_trusted: bool,
    /// The pseudo-location `00000000-…` of the old MFA trusted addresses; no object stands behind it.
    pub mfa_trusted_ips: bool,
    /// Named locations.
    pub named: BTreeSet<R>,
}

impl<R> Default for LocationSet<R> {
    fn default() -> Self {
        Self {
            all: false,
            all_trusted: false,
            mfa_trusted_ips: false,
            named: BTreeSet::new(),
        }
    }
}

words! {
    /// How risky something is judged to be.
    RiskLevel {
        /// Low.
        Low = "low" / "low",
        /// Medium.
        Medium = "medium" / "medium",
        /// High.
        High = "high" / "high",
        /// Hidden for want of a licence.
        Hidden = "hidden" / "hidden",
        /// No risk.
        None = "none" / "none",
    }
}

words! {
    /// An insider risk level.
    InsiderRisk {
        /// Minor.
        Minor = "minor" / "minor",
        /// Moderate.
        Moderate = "moderate" / "moderate",
        /// Elevated.
        Elevated = "elevated" / "elevated",
    }
}

words! {
    /// How a sign-in is carried to another device.
    TransferMethod {
        /// None.
        None = "none" / "none",
        /// Device code flow.
        DeviceCode = "deviceCodeFlow" / "device-code-flow",
        /// Authentication transfer.
        Transfer = "authenticationTransfer" / "authentication-transfer",
    }
}

words! {
    /// Whether a filter lets in or keeps out what it matches.
    FilterMode {
        /// What matches is included.
        Include = "include" / "include",
        /// What matches is excluded.
        Exclude = "exclude" / "exclude",
    }
}

/// A rule in Entra's rule language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Whether matches are included or excluded.
    pub mode: FilterMode,
    /// The rule as the service takes it.
    pub rule: String,
}
