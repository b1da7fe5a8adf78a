//! What a server can be switched to: its paging, its pace and how far its reads lie behind.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::contexts::is_context;

/// No answer waits longer: a client would have given up.
const LONGEST_LATENCY: Duration = Duration::from_mins(2);
/// No read lies further behind.
const LONGEST_LAG: Duration = Duration::from_hours(1);

/// How a sandbox behaves; nothing of it is in the log, so that it goes with the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The rows of a page, whatever is asked; the collection's own number when not set.
    pub page_size: Option<NonZeroUsize>,
    /// How long every answer is late.
    pub latency: Latency,
    /// How far reads lie behind writes.
    pub read_lag: ReadLag,
    /// Whether a policy may only name what a read would show already (trap 12 of the contract).
    pub lagging_references: bool,
    /// Whether requests beyond the documented limits are refused.
    pub throttle: Throttle,
    /// Whether Log Analytics answers 200 with an error beside its tables.
    pub partial_queries: bool,
    /// The authentication context that protects writes to policies; none when not set.
    pub protected_actions: Option<String>,
    /// How many requests for Conditional Access the throttle lets through in a second.
    pub throttle_rate: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: None,
            latency: Latency::default(),
            read_lag: ReadLag::default(),
            lagging_references: false,
            throttle: Throttle::default(),
            partial_queries: false,
            protected_actions: None,
            throttle_rate: NonZeroU32::MIN,
        }
    }
}

/// A pause before every answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency(pub Duration);

/// How far reads lie behind writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadLag {
    /// A read shows every write.
    #[default]
    None,
    /// A write is seen after so many reads that do not show it.
    Reads(u32),
    /// A write is seen after so much time.
    Time(Duration),
}

/// Which limits are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Throttle {
    /// None.
    #[default]
    Off,
    /// Those of Graph, whose 429 for Conditional Access has no `Retry-After`.
    Graph,
    /// The same, and every 429 has a `Retry-After`.
    GraphWithRetryAfter,
}

impl Throttle {
    /// The words for it.
    pub const WORDS: [&str; 3] = ["off", "graph", "graph-with-retry-after"];
}

impl FromStr for Throttle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "graph" => Ok(Self::Graph),
            "graph-with-retry-after" => Ok(Self::GraphWithRetryAfter),
            _ => Err(format!("throttle is one of {}", Self::WORDS.join(", "))),
        }
    }
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Graph => "graph",
            Self::GraphWithRetryAfter => "graph-with-retry-after",
        })
    }
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        duration(text, LONGEST_LATENCY).map(Self)
    }
}

impl FromStr for ReadLag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(reads) = text.parse() {
            return Ok(Self::Reads(reads).or_none());
        }
        duration(text, LONGEST_LAG)
            .map(|time| Self::Time(time).or_none())
            .map_err(|why| format!("a number of reads, or a time: {why}"))
    }
}

impl ReadLag {
    fn or_none(self) -> Self {
        match self {
            Self::Reads(0) | Self::Time(Duration::ZERO) => Self::None,
            other => other,
        }
    }
}

/// A time such as `200ms` or `1m 30s`, at most `longest`.
pub(super) fn duration(text: &str, longest: Duration) -> Result<Duration, String> {
    let time = text
        .parse::<SignedDuration>()
        .ok()
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| format!("`{text}` is not a time; write one like `200ms` or `2s`"))?;
    if time > longest {
        return Err(format!(
            "`{text}` is too long; {} is the most",
            spoken(longest)
        ));
    }
    Ok(time)
}

/// A time as it is written on a command line.
pub(super) fn spoken(time: Duration) -> String {
    SignedDuration::try_from(time).map_or_else(|_| format!("{time:?}"), |time| format!("{time:#}"))
}

impl Settings {
    /// The settings with those of a JSON object changed; `null` is back to where it was at the start.
    pub(super) fn with(&self, changes: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = self.clone();
        let usual = Self::default();
        for (name, value) in changes {
            let wrong = |what: &str| format!("{name} is {what}, or null");
            let number = || value.as_u64().and_then(|number| u32::try_from(number).ok());
            let said = || -> Result<String, String> {
                match value {
                    Value::String(text) => Ok(text.clone()),
                    Value::Number(number) => Ok(number.to_string()),
                    _ => Err(wrong("a text")),
                }
            };
            match (name.as_str(), value.is_null()) {
                ("page_size", true) => settings.page_size = usual.page_size,
                ("page_size", false) => {
                    let size = number().and_then(|size| NonZeroUsize::new(size as usize));
                    settings.page_size = Some(size.ok_or_else(|| wrong("a number from 1"))?);
                }
                ("latency", true) => settings.latency = usual.latency,
                ("latency", false) => settings.latency = said()?.parse()?,
                ("read_lag", true) => settings.read_lag = usual.read_lag,
                ("read_lag", false) => settings.read_lag = said()?.parse()?,
                ("lagging_references", true) => {
                    settings.lagging_references = usual.lagging_references;
                }
                ("lagging_references", false) => {
                    settings.lagging_references =
                        value.as_bool().ok_or_else(|| wrong("true or false"))?;
                }
                ("partial_queries", true) => settings.partial_queries = usual.partial_queries,
                ("partial_queries", false) => {
                    settings.partial_queries =
                        value.as_bool().ok_or_else(|| wrong("true or false"))?;
                }
                ("throttle", true) => settings.throttle = usual.throttle,
                ("throttle", false) => settings.throttle = said()?.parse()?,
                ("protected_actions", true) => settings.protected_actions = None,
                ("protected_actions", false) => {
                    let context = value.as_str().filter(|context| is_context(context));
                    let context =
                        context.ok_or_else(|| wrong("an authentication context like c1"))?;
                    settings.protected_actions = Some(context.to_owned());
                }
                ("throttle_rate", true) => settings.throttle_rate = usual.throttle_rate,
                ("throttle_rate", false) => {
                    let rate = number().and_then(NonZeroU32::new);
                    settings.throttle_rate = rate.ok_or_else(|| wrong("a number from 1"))?;
                }
                _ => return Err(format!("there is no setting `{name}`")),
            }
        }
        Ok(settings)
    }

    /// All of them, as [`Settings::with`] takes them.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "page_size": self.page_size,
            "latency": (!self.latency.0.is_zero()).then(|| spoken(self.latency.0)),
            "read_lag": match self.read_lag {
                ReadLag::None => Value::Null,
                ReadLag::Reads(reads) => json!(reads),
                ReadLag::Time(time) => json!(spoken(time)),
            },
            "lagging_references": self.lagging_references,
            "throttle": self.throttle.to_string(),
            "protected_actions": self.protected_actions,
            "throttle_rate": self.throttle_rate,
            "partial_queries": self.partial_queries,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(changes: Value) -> Result<Settings, String> {
        Settings::default().with(changes.as_object().unwrap())
    }

    #[test]
    fn settings_are_taken_as_they_are_shown() {
        let shown = json!({
            "page_size": 5, "latency": "200ms", "read_lag": "1m 30s", "lagging_references": true,
            "throttle": "graph-with-retry-after", "throttle_rate": 20, "protected_actions": "c1",
            "partial_queries": true,
        });
        let settings = with(shown.clone()).unwrap();
        assert_eq!(settings.latency.0, Duration::from_millis(200));
        assert_eq!(settings.read_lag, ReadLag::Time(Duration::from_secs(90)));
        assert_eq!(settings.to_json(), shown);
        let usual = settings.with(
            json!({"page_size": null, "latency": null, "read_lag": null,
                "lagging_references": null, "throttle": null, "throttle_rate": null,
                "protected_actions": null, "partial_queries": null})
            .as_object()
            .unwrap(),
        );
        assert_eq!(usual.unwrap(), Settings::default());
        for (lag, is) in [
            (json!(3), ReadLag::Reads(3)),
            (json!("3"), ReadLag::Reads(3)),
            (json!(0), ReadLag::None),
            (json!("0s"), ReadLag::None),
        ] {
            assert_eq!(with(json!({ "read_lag": lag })).unwrap().read_lag, is);
        }
    }

    #[test]
    fn what_is_no_setting_is_refused_in_a_sentence() {
        for (changes, sentence) in [
            (
                json!({"page_size": 0}),
                "page_size is a number from 1, or null",
            ),
            (
                json!({"throttle_rate": -1}),
                "throttle_rate is a number from 1, or null",
            ),
            (
                json!({"latency": "soon"}),
                "`soon` is not a time; write one like `200ms` or `2s`",
            ),
            (
                json!({"latency": "-1s"}),
                "`-1s` is not a time; write one like `200ms` or `2s`",
            ),
            (json!({"latency": "3m"}), "`3m` is too long; 2m is the most"),
            (json!({"read_lag": {}}), "read_lag is a text, or null"),
            (
                json!({"throttle": "much"}),
                "throttle is one of off, graph, graph-with-retry-after",
            ),
            (json!({"weather": "bad"}), "there is no setting `weather`"),
        ] {
            assert_eq!(with(changes).unwrap_err(), sentence);
        }
    }
}
