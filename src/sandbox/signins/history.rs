//! The tenant as it was: what a sign-in met is the tenant of its own time.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::super::clock;
use super::super::tenant::Tenant;
use super::standing::Standing;

/// The tenant as it was until a write.
#[derive(Debug, Clone)]
pub(in super::super) struct Past {
    /// When it ended.
    until: Timestamp,
    tenant: Tenant,
}

impl Past {
    /// Notes what a tenant was until now, and forgets what no sign-in that is kept can have met.
    pub(in super::super) fn note(past: &mut Arc<Vec<Self>>, tenant: Tenant, until: Timestamp) {
        let past = Arc::make_mut(past);
        if past
            .first()
            .is_some_and(|first| !clock::within_retention(until, first.until))
        {
            // Sessions begin up to a day before the sign-ins that they are refreshed by.
            past.retain(|old| clock::within_retention(until, old.until));
        }
        past.push(Self { until, tenant });
    }
}

/// What the tenant was at any time of the last month.
#[derive(Debug)]
pub(in super::super) struct History {
    past: Arc<Vec<Past>>,
    present: Tenant,
    /// As far as they were asked for; the last one is the present.
    standings: Vec<OnceLock<Standing>>,
}

impl History {
    /// The history of a tenant, the present included.
    pub(in super::super) fn of(past: &Arc<Vec<Past>>, present: &Tenant) -> Self {
        Self {
            past: Arc::clone(past),
            present: present.clone(),
            standings: (0..=past.len()).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The tenant of now.
    pub(super) fn present(&self) -> &Tenant {
        &self.present
    }

    /// The tenant of a time, in seconds of the epoch.
    pub(super) fn at(&self, second: i64) -> &Standing {
        let place = self
            .past
            .partition_point(|past| past.until.as_second() <= second);
        self.standings[place].get_or_init(|| {
            let tenant = self
                .past
                .get(place)
                .map_or(&self.present, |past| &past.tenant);
            Standing::of(tenant.clone())
        })
    }

    /// The tenant of a time that is another one than that of `other`.
    pub(super) fn before(&self, second: i64, other: i64) -> Option<&Standing> {
        (second < other).then(|| self.at(second))
    }
}
