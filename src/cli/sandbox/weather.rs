//! The options of `sandbox serve` that make a tenant as unpleasant as a real one can be.

use std::num::{NonZeroU32, NonZeroUsize};

use crate::sandbox::{Latency, ReadLag, Settings, Throttle};

/// How the tenant behaves; `POST /sandbox/settings` switches the same while it is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Weather")]
pub(super) struct Weather {
    /// At most so many rows on a page of every collection.
    #[arg(long, value_name = "N")]
    page_size: Option<NonZeroUsize>,
    /// Every answer is so late, e.g. 200ms.
    #[arg(long, value_name = "DURATION")]
    latency: Option<Latency>,
    /// A write is seen only after so many reads, or so much time: 3, 2s.
    #[arg(long, value_name = "N|DURATION")]
    read_lag: Option<ReadLag>,
    /// A policy cannot name what reads do not show yet (1040 and the like).
    #[arg(long)]
    lagging_references: bool,
    /// Keep Graph's limits: off, graph, graph-with-retry-after.
    #[arg(long, value_name = "WORD")]
    throttle: Option<Throttle>,
    /// The requests for Conditional Access that the throttle lets through in a second [default: 1].
    #[arg(long, value_name = "N", requires = "throttle")]
    throttle_rate: Option<NonZeroU32>,
}

impl Weather {
    /// What was asked for, and fair weather for the rest.
    pub(super) fn settings(&self) -> Settings {
        let fair = Settings::default();
        Settings {
            page_size: self.page_size,
            latency: self.latency.unwrap_or(fair.latency),
            read_lag: self.read_lag.unwrap_or(fair.read_lag),
            lagging_references: self.lagging_references,
            throttle: self.throttle.unwrap_or(fair.throttle),
            throttle_rate: self.throttle_rate.unwrap_or(fair.throttle_rate),
            protected_actions: fair.protected_actions,
            partial_queries: fair.partial_queries,
        }
    }
}
