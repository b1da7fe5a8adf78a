//! The shape of a Conditional Access policy, as tables (sections 1.1 to 1.7 of the contract): what v1.0
//! declares, what only beta declares, and what may be left out.

use super::schema::{Field, Shape, always, beta, nullable, optional};

const TEXTS: Shape = Shape::List(&Shape::Text);
/// The three states.
const STATES: [&str; 3] = ["enabled", "disabled", "enabledForReportingButNotEnforced"];
const RISKS: [&str; 5] = ["low", "medium", "high", "hidden", "none"];
const FILTER: [Field; 2] = [
    always("mode", Shape::Enum(&["include", "exclude"])),
    always("rule", Shape::Text),
];

const EXTERNAL_TENANTS: [Field; 2] = [
    always("membershipKind", Shape::Enum(&["all", "enumerated"])),
    optional("members", TEXTS),
];

const GUESTS: [Field; 2] = [
    always(
        "guestOrExternalUserTypes",
        Shape::Flags(&[
            "none",
            "internalGuest",
            "b2bCollaborationGuest",
            "b2bCollaborationMember",
            "b2bDirectConnectUser",
            "otherExternalUser",
            "serviceProvider",
        ]),
    ),
    nullable("externalTenants", Shape::Object(&EXTERNAL_TENANTS)),
];

const USERS: [Field; 8] = [
    always("includeUsers", TEXTS),
    always("excludeUsers", TEXTS),
    always("includeGroups", TEXTS),
    always("excludeGroups", TEXTS),
    always("includeRoles", TEXTS),
    always("excludeRoles", TEXTS),
    nullable("includeGuestsOrExternalUsers", Shape::Object(&GUESTS)),
    nullable("excludeGuestsOrExternalUsers", Shape::Object(&GUESTS)),
];

const TRAFFIC: [Field; 1] = [optional("includeTrafficProfiles", Shape::Text)];

const APPLICATIONS: [Field; 7] = [
    always("includeApplications", TEXTS),
    always("excludeApplications", TEXTS),
    always("includeUserActions", TEXTS),
    always("includeAuthenticationContextClassReferences", TEXTS),
    nullable("applicationFilter", Shape::Object(&FILTER)),
    beta("networkAccess", Shape::Object(&TRAFFIC)),
    beta("globalSecureAccess", Shape::Object(&TRAFFIC)),
];

const CLIENT_APPLICATIONS: [Field; 6] = [
    always("includeServicePrincipals", TEXTS),
    always("excludeServicePrincipals", TEXTS),
    nullable("servicePrincipalFilter", Shape::Object(&FILTER)),
    beta("includeAgentIdServicePrincipals", TEXTS),
    beta("excludeAgentIdServicePrincipals", TEXTS),
    beta("agentIdServicePrincipalFilter", Shape::Object(&FILTER)),
];

const PLATFORM: Shape = Shape::Enum(&[
    "android",
    "iOS",
    "windows",
    "windowsPhone",
    "macOS",
    "linux",
    "all",
]);
const PLATFORMS: [Field; 2] = [
    always("includePlatforms", Shape::List(&PLATFORM)),
    always("excludePlatforms", Shape::List(&PLATFORM)),
];

const LOCATIONS: [Field; 2] = [
    always("includeLocations", TEXTS),
    always("excludeLocations", TEXTS),
];

const ALL_DEVICES: Shape = Shape::List(&Shape::Enum(&["All"]));
const DEVICE_STATES: Shape = Shape::List(&Shape::Enum(&["Compliant", "DomainJoined"]));
const DEVICES: [Field; 5] = [
    nullable("deviceFilter", Shape::Object(&FILTER)),
    beta("includeDevices", ALL_DEVICES),
    beta("excludeDevices", DEVICE_STATES),
    beta("includeDeviceStates", ALL_DEVICES),
    beta("excludeDeviceStates", DEVICE_STATES),
];

const CONDITIONS: [Field; 14] = [
    always(
        "clientAppTypes",
        Shape::List(&Shape::Enum(&[
            "all",
            "browser",
            "mobileAppsAndDesktopClients",
            "exchangeActiveSync",
            "easSupported",
            "other",
        ])),
    ),
    always("userRiskLevels", Shape::List(&Shape::Enum(&RISKS))),
    always("signInRiskLevels", Shape::List(&Shape::Enum(&RISKS))),
    always(
        "servicePrincipalRiskLevels",
        Shape::List(&Shape::Enum(&["low", "medium", "high", "none"])),
    ),
    nullable(
        "insiderRiskLevels",
        Shape::Flags(&["minor", "moderate", "elevated"]),
    ),
    always("applications", Shape::Object(&APPLICATIONS)),
    nullable("users", Shape::Object(&USERS)),
    nullable("clientApplications", Shape::Object(&CLIENT_APPLICATIONS)),
    nullable("platforms", Shape::Object(&PLATFORMS)),
    nullable("locations", Shape::Object(&LOCATIONS)),
    nullable("devices", Shape::Object(&DEVICES)),
    nullable(
        "authenticationFlows",
        Shape::Object(&[always(
            "transferMethods",
            Shape::Flags(&["none", "deviceCodeFlow", "authenticationTransfer"]),
        )]),
    ),
    beta(
        "agentIdRiskLevels",
        Shape::Flags(&["low", "medium", "high"]),
    ),
    beta(
        "deviceStates",
        Shape::Object(&[
            optional("includeStates", ALL_DEVICES),
            optional("excludeStates", DEVICE_STATES),
        ]),
    ),
];

const STRENGTH: [Field; 9] = [
    always("id", Shape::Text),
    optional("displayName", Shape::Text),
    optional("description", Shape::Text),
    optional("policyType", Shape::Text),
    optional("requirementsSatisfied", Shape::Text),
    optional("allowedCombinations", TEXTS),
    optional("createdDateTime", Shape::Text),
    optional("modifiedDateTime", Shape::Text),
    optional(
        "combinationConfigurations",
        Shape::List(&Shape::Object(&[])),
    ),
];

const GRANT_CONTROLS: [Field; 5] = [
    nullable("operator", Shape::Enum(&["AND", "OR"])),
    always(
        "builtInControls",
        Shape::List(&Shape::Enum(&[
            "block",
            "mfa",
            "compliantDevice",
            "domainJoinedDevice",
            "approvedApplication",
            "compliantApplication",
            "passwordChange",
            "riskRemediation",
        ])),
    ),
    always("customAuthenticationFactors", TEXTS),
    always("termsOfUse", TEXTS),
    nullable("authenticationStrength", Shape::Object(&STRENGTH)),
];

const SWITCH: [Field; 1] = [nullable("isEnabled", Shape::Bool)];
const SESSION_CONTROLS: [Field; 8] = [
    nullable("disableResilienceDefaults", Shape::Bool),
    nullable("applicationEnforcedRestrictions", Shape::Object(&SWITCH)),
    nullable(
        "cloudAppSecurity",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable(
                "cloudAppSecurityType",
                Shape::Enum(&["mcasConfigured", "monitorOnly", "blockDownloads"]),
            ),
        ]),
    ),
    nullable(
        "persistentBrowser",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable("mode", Shape::Enum(&["always", "never"])),
        ]),
    ),
    nullable("secureSignInSession", Shape::Object(&SWITCH)),
    nullable(
        "signInFrequency",
        Shape::Object(&[
            nullable("isEnabled", Shape::Bool),
            nullable("value", Shape::Int),
            nullable("type", Shape::Enum(&["days", "hours"])),
            nullable(
                "authenticationType",
                Shape::Enum(&[
                    "primaryAndSecondaryAuthentication",
                    "secondaryAuthentication",
                ]),
            ),
            nullable(
                "frequencyInterval",
                Shape::Enum(&["timeBased", "everyTime"]),
            ),
        ]),
    ),
    beta(
        "continuousAccessEvaluation",
        Shape::Object(&[optional(
            "mode",
            Shape::Enum(&["strictEnforcement", "disabled", "strictLocation"]),
        )]),
    ),
    beta(
        "globalSecureAccessFilteringProfile",
        Shape::Object(&[
            optional("isEnabled", Shape::Bool),
            optional("profileId", Shape::Text),
        ]),
    ),
];

/// What a POST or PATCH of a policy may carry.
pub(super) const POLICY: Shape = Shape::Object(&[
    optional("displayName", Shape::Text),
    optional("description", Shape::Text),
    optional("state", Shape::Enum(&STATES)),
    optional("conditions", Shape::Object(&CONDITIONS)),
    nullable("grantControls", Shape::Object(&GRANT_CONTROLS)),
    nullable("sessionControls", Shape::Object(&SESSION_CONTROLS)),
]);
