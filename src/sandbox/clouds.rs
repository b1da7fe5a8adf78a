//! The clouds, and what each of them does not have (section 5 of the contract).

use serde::{Deserialize, Serialize};

use super::errors::Failure;
use super::request::Request;

/// A Microsoft cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cloud {
    #[default]
    Global,
    UsGov,
    UsGovDod,
    China,
    Bleu,
    Delos,
    Usnat,
    Ussec,
}

use Cloud::{Bleu, China, Delos, UsGov, UsGovDod, Usnat, Ussec};

/// The properties and members of a policy that a cloud's schema does not declare.
const UNDECLARED: [(&str, &[Cloud]); 7] = [
    ("authenticationStrength", &[China, Delos]),
    ("userRiskLevels", &[China]),
    ("signInRiskLevels", &[China]),
    ("servicePrincipalRiskLevels", &[China]),
    ("insiderRiskLevels", &[China, Bleu, Delos, Usnat, Ussec]),
    ("passwordChange", &[UsGov, UsGovDod, Usnat, Ussec]),
    ("riskRemediation", &[China, Usnat, Ussec]),
];

/// The segments of a path, in lower case, that a cloud does not serve.
const UNSERVED: [(&str, &[Cloud]); 5] = [
    (
        "deleteditems",
        &[UsGov, UsGovDod, China, Bleu, Delos, Usnat, Ussec],
    ),
    (
        "restore",
        &[UsGov, UsGovDod, China, Bleu, Delos, Usnat, Ussec],
    ),
    ("authenticationstrengthpolicies", &[China, Bleu, Delos]),
    ("authenticationstrength", &[China, Bleu, Delos]),
    ("signins", &[China]),
];

impl Cloud {
    /// The cloud of a name, such as `us-gov`.
    pub(super) fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// Whether the schema of this cloud has a property or a member of a policy.
    pub(super) fn declares(self, name: &str) -> bool {
        !UNDECLARED
            .iter()
            .any(|(member, clouds)| *member == name && clouds.contains(&self))
    }

    /// The application that stands for Azure management, when it is not the global one.
    pub(super) fn azure_management(self) -> Option<(&'static str, &'static str)> {
        matches!(self, UsGov | UsGovDod).then_some((
            "40a69793-8fe6-4db1-9591-dbc5c57b17d8",
            "Azure Government Cloud Management API",
        ))
    }

    /// The refusal of a path that this cloud does not serve.
    pub(super) fn serves(self, request: &Request) -> Result<(), Failure> {
        let unserved = request.segments.iter().find(|segment| {
            UNSERVED
                .iter()
                .any(|(name, clouds)| segment.eq_ignore_ascii_case(name) && clouds.contains(&self))
        });
        match unserved {
            Some(segment) => Err(Failure::no_such_segment(segment)),
            None => Ok(()),
        }
    }
}
