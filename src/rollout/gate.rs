//! Gates: pure functions of an evidence bundle.

use jiff::Timestamp;
use serde::Serialize;

use super::instant;
use crate::evidence::Bundle;

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing stands in the way.
    Pass,
    /// Worth a look; nothing stands in the way.
    Warn,
    /// Something stands in the way.
    Fail,
    /// It cannot be told, which stands in the way just as well (rule 7).
    Unknown,
    /// This version does not measure it; it says so and holds nothing.
    NotMeasured,
}

impl Verdict {
    /// The verdict as it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotMeasured => "not-measured",
        }
    }

    /// Whether it keeps a policy from being turned on.
    pub fn holds(self) -> bool {
        matches!(self, Self::Fail | Self::Unknown)
    }
}

/// One gate and what it says about one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// The gate's id, a word.
    pub gate: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// Why, as a sentence without a full stop.
    pub reason: String,
    /// When it is going to pass if nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Gate {
    pub(super) fn new(gate: &'static str, verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            gate,
            verdict,
            reason: reason.into(),
            until: None,
        }
    }
}

/// The gates that need sign-in evidence, with what each is going to say.
pub const NOT_MEASURED: &[(&str, &str)] = &[
    ("evidence", "sign-in evidence is complete and fresh"),
    ("coverage", "enough of the people concerned were seen"),
    ("would-be-blocked", "nobody would be locked out"),
    (
        "registration",
        "nobody would have to register a method first",
    ),
    ("mfa-capable", "everybody concerned can do MFA"),
    ("prompt-load", "the help desk can carry the new prompts"),
    (
        "deployer",
        "the identity that runs the tool keeps its way back",
    ),
    ("automation", "no automation signs in as a user"),
    ("clients", "no outdated client is in use"),
    ("what-if", "the service's own evaluation agrees"),
    ("guests", "guests can satisfy the policy"),
    (
        "conflicts",
        "no other policy stands in the way of registration",
    ),
    ("change-control", "somebody else approved the change"),
];

/// Every gate of a policy, the ones that are not measured yet at the end.
pub fn weigh(bundle: &Bundle) -> Vec<Gate> {
    let mut gates = vec![
        instant::soak(bundle),
        instant::intent(bundle),
        instant::unchanged(bundle),
        instant::break_glass(bundle),
        instant::exclusions(bundle),
        instant::security_defaults(bundle),
        instant::licence(bundle),
    ];
    gates.extend(NOT_MEASURED.iter().map(|(gate, what)| {
        Gate::new(
            gate,
            Verdict::NotMeasured,
            format!("not measured yet: whether {what}"),
        )
    }));
    gates
}

/// The gates that keep the policy from being turned on.
pub fn holding(gates: &[Gate]) -> impl Iterator<Item = &Gate> {
    gates.iter().filter(|gate| gate.verdict.holds())
}
