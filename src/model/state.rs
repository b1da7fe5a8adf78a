//! The three states of a policy, and the fourth that only YAML knows.

use serde::{Deserialize, Serialize};

/// What a live policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing.
    Off,
    /// It is evaluated and logged, and stops nobody.
    ReportOnly,
    /// It is enforced.
    On,
}

impl State {
    /// Reads Graph's spelling; `None` for a state this version does not know.
    pub fn from_wire(wire: &str) -> Option<Self> {
        match wire {
            "disabled" => Some(Self::Off),
            "enabledForReportingButNotEnforced" => Some(Self::ReportOnly),
            "enabled" => Some(Self::On),
            _ => None,
        }
    }

    /// Graph's spelling.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Off => "disabled",
            Self::ReportOnly => "enabledForReportingButNotEnforced",
            Self::On => "enabled",
        }
    }

    /// The YAML spelling, which is also the portal's.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReportOnly => "report-only",
            Self::On => "on",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// What the YAML asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedState {
    /// `off`
    Off,
    /// `report-only`
    ReportOnly,
    /// `on`
    On,
    /// `absent`: the policy is to be deleted.
    Absent,
}

impl WantedState {
    /// The words that YAML may use.
    pub const WORDS: &[&str] = &["report-only", "on", "off", "absent"];

    /// Reads the YAML spelling.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "report-only" => Some(Self::ReportOnly),
            "on" => Some(Self::On),
            "absent" => Some(Self::Absent),
            _ => None,
        }
    }

    /// The YAML spelling.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReportOnly => "report-only",
            Self::On => "on",
            Self::Absent => "absent",
        }
    }
}
