//! What a policy asks for: grant and session controls (contract sections 1.6 and 1.7).

use std::collections::BTreeSet;

use serde::Serialize;

use super::words::words;

/// What has to be fulfilled before access is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(bound = "R: Serialize + Ord")]
pub struct Grant<R> {
    /// Whether all of the controls are asked for or any one of them.
    pub operator: Operator,
    /// Built-in controls.
    pub controls: BTreeSet<Control>,
    /// An authentication strength; never beside the `mfa` control (error 1108).
    pub strength: Option<R>,
    /// Terms of use.
    pub terms_of_use: BTreeSet<R>,
    /// Custom authentication factors, by id.
    pub custom_factors: BTreeSet<String>,
}

impl<R> Grant<R> {
    /// How many separate things the grant asks for.
    pub fn requirements(&self) -> usize {
        let Self {
            operator: _,
            controls,
            strength,
            terms_of_use,
            custom_factors,
        } = self;
        controls.len() + usize::from(strength.is_some()) + terms_of_use.len() + custom_factors.len()
    }
}

words! {
    /// How several controls are joined.
    Operator {
        /// Every one is asked for.
        All = "AND" / "all",
        /// One of them is enough.
        Any = "OR" / "any",
    }
}

words! {
    /// A built-in grant control.
    Control {
        /// Access is blocked; stands alone.
        Block = "block" / "block",
        /// Multifactor authentication.
        Mfa = "mfa" / "mfa",
        /// A device marked as compliant.
        CompliantDevice = "compliantDevice" / "compliant-device",
        /// A hybrid joined device.
        HybridJoinedDevice = "domainJoinedDevice" / "hybrid-joined-device",
        /// An approved client app.
        ApprovedApp = "approvedApplication" / "approved-client-app",
        /// An app under an app protection policy.
        AppProtection = "compliantApplication" / "app-protection-policy",
        /// A password change.
        PasswordChange = "passwordChange" / "password-change",
        /// Risk remediation; evolvable, see contract section 1.8.
        RiskRemediation = "riskRemediation" / "risk-remediation",
    }
}

/// What is limited after access was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Session {
    /// How often people sign in again.
    pub sign_in_frequency: Option<SignInFrequency>,
    /// Whether a browser session survives closing the browser.
    pub persistent_browser: Option<PersistentBrowser>,
    /// Restrictions that the application itself enforces.
    pub app_enforced_restrictions: bool,
    /// Conditional Access App Control.
    pub cloud_app_security: Option<CloudAppSecurity>,
    /// Whether the resilience defaults are switched off.
    pub resilience_defaults_disabled: bool,
    /// Token protection (`secureSignInSession`).
    pub token_protection: bool,
}

impl Session {
    /// Whether nothing is limited; the service turns such a block into `null` (contract section 1.7).
    pub fn is_ineffectual(&self) -> bool {
        *self == Self::default()
    }
}

/// How often people sign in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInFrequency {
    /// Every time, or after a while.
    pub interval: FrequencyInterval,
    /// The while, in `unit`; `None` for every time.
    pub value: Option<i32>,
    /// The unit of `value`; `None` for every time.
    pub unit: Option<FrequencyUnit>,
    /// Which authentication is repeated.
    pub authentication: FrequencyAuthentication,
}

words! {
    /// Whether a sign-in frequency is a time.
    FrequencyInterval {
        /// After a time.
        TimeBased = "timeBased" / "time-based",
        /// Every time.
        EveryTime = "everyTime" / "every-time",
    }
}

words! {
    /// The unit of a sign-in frequency.
    FrequencyUnit {
        /// Days.
        Days = "days" / "days",
        /// Hours.
        Hours = "hours" / "hours",
    }
}

words! {
    /// Which authentication a sign-in frequency repeats.
    FrequencyAuthentication {
        /// Both factors.
        PrimaryAndSecondary = "primaryAndSecondaryAuthentication" / "primary-and-secondary",
        /// The second factor.
        Secondary = "secondaryAuthentication" / "secondary",
    }
}

words! {
    /// Whether a browser session persists.
    PersistentBrowser {
        /// It always does.
        Always = "always" / "always",
        /// It never does.
        Never = "never" / "never",
    }
}

words! {
    /// What Conditional Access App Control does.
    CloudAppSecurity {
        /// What is configured there.
        Configured = "mcasConfigured" / "configured",
        /// It watches.
        MonitorOnly = "monitorOnly" / "monitor-only",
        /// It blocks downloads.
        BlockDownloads = "blockDownloads" / "block-downloads",
    }
}
