//! Reads that lie behind writes: the tenant as it was a while ago (3.2 of the contract).

use std::collections::VecDeque;
use std::time::Instant;

use super::request::Request;
use super::settings::ReadLag;
use super::tenant::Tenant;

/// No read lies more than so many writes behind.
const DEEPEST: usize = 1_000;

/// The tenants of a while ago, and how far the request in progress sees.
#[derive(Debug)]
pub(super) struct Lag {
    past: VecDeque<Past>,
    reach: ReadLag,
    now: Instant,
}

/// The tenant before a write that not everybody sees yet.
#[derive(Debug)]
struct Past {
    tenant: Tenant,
    written: Instant,
    /// How many requests read since.
    reads: u32,
}

/// Whether a request only reads; `$batch` counts once, for its parts see the same tenant.
pub(super) fn is_read(request: &Request) -> bool {
    let asks = |segment: &String| {
        ["$batch", "getbyids", "evaluate"].contains(&segment.to_ascii_lowercase().as_str())
    };
    request.method == "GET" || request.segments.last().is_some_and(asks)
}

impl Lag {
    /// Nothing was written yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            past: VecDeque::new(),
            reach: ReadLag::None,
            now,
        }
    }

    /// A request begins: what it sees is decided here, once.
    pub(super) fn begin(&mut self, request: &Request, reach: ReadLag, now: Instant) {
        (self.reach, self.now) = (reach, now);
        // Who signs in or discovers does not see the tenant.
        if request.versioned && is_read(request) {
            for past in &mut self.past {
                past.reads = past.reads.saturating_add(1);
            }
        }
        // The last one stays: a fault may ask for it.
        while self.past.len() > 1 && self.past.front().is_some_and(|past| self.is_over(past)) {
            self.past.pop_front();
        }
    }

    fn is_over(&self, past: &Past) -> bool {
        match self.reach {
            ReadLag::None => true,
            ReadLag::Reads(reads) => past.reads > reads,
            ReadLag::Time(time) => self.now.duration_since(past.written) >= time,
        }
    }

    /// Keeps the tenant as it was before a write.
    pub(super) fn keep(&mut self, before: Tenant) {
        if self.past.len() == DEEPEST || self.reach == ReadLag::None {
            self.past.pop_front();
        }
        self.past.push_back(Past {
            tenant: before,
            written: self.now,
            reads: 0,
        });
    }

    /// Forgets everything: what was written is seen.
    pub(super) fn forget(&mut self) {
        self.past.clear();
    }

    /// The tenant that a read sees.
    pub(super) fn seen<'a>(&'a self, truth: &'a Tenant) -> &'a Tenant {
        let hidden = self.past.iter().find(|past| !self.is_over(past));
        hidden.map_or(truth, |past| &past.tenant)
    }

    /// The tenant as it was before the last write.
    pub(super) fn stale<'a>(&'a self, truth: &'a Tenant) -> &'a Tenant {
        self.past.back().map_or(truth, |past| &past.tenant)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use serde_json::json;

    use super::super::identity::Identity;
    use super::super::tenant::{Change, Table};
    use std::collections::BTreeMap;

    use super::*;
    use crate::sandbox::cast::Cast;
    use crate::sandbox::crowd::Crowd;
    use crate::sandbox::recipe::Recipe;

    fn request(method: &str, target: &str) -> Request {
        Request::new(method, target, Vec::new(), Vec::new(), "http://h")
    }

    /// Adds a row, as a write does.
    fn write(lag: &mut Lag, truth: &mut Tenant, id: &str) {
        lag.keep(truth.clone());
        truth.change(&Change::Put {
            table: Table::Policies,
            row: json!({ "id": id }),
        });
    }

    fn rows(tenant: &Tenant) -> usize {
        tenant.rows(Table::Policies).count()
    }

    fn empty() -> Tenant {
        let identity = Identity::of(1);
        let nobody = Crowd::of(&identity, 1, 0, BTreeMap::new());
        Tenant::empty(identity, Recipe::default(), Cast::default(), nobody)
    }

    #[test]
    fn each_write_is_seen_after_its_own_number_of_reads() {
        let now = Instant::now();
        let (mut lag, mut truth) = (Lag::new(now), empty());
        let mut asked = |method: &str, truth: &mut Tenant, makes: Option<&str>| {
            lag.begin(&request(method, "/v1.0/users"), ReadLag::Reads(2), now);
            if let Some(id) = makes {
                write(&mut lag, truth, id);
            }
            rows(lag.seen(truth))
        };
        assert_eq!(asked("GET", &mut truth, None), 0);
        asked("POST", &mut truth, Some("a"));
        assert_eq!(asked("GET", &mut truth, None), 0);
        asked("POST", &mut truth, Some("b"));
        assert_eq!(asked("GET", &mut truth, None), 0, "neither a nor b");
        assert_eq!(asked("GET", &mut truth, None), 1, "a had its two reads");
        assert_eq!(asked("GET", &mut truth, None), 2);
    }

    #[test]
    fn signing_in_is_not_a_read_of_the_tenant() {
        let now = Instant::now();
        let (mut lag, mut truth) = (Lag::new(now), empty());
        lag.begin(&request("POST", "/v1.0/users"), ReadLag::Reads(1), now);
        write(&mut lag, &mut truth, "a");
        for target in [
            "/common/discovery/instance",
            "/t/v2.0/.well-known/openid-configuration",
            "/v1.0/users",
        ] {
            lag.begin(&request("GET", target), ReadLag::Reads(1), now);
            assert_eq!(rows(lag.seen(&truth)), 0, "{target}");
        }
        lag.begin(&request("GET", "/v1.0/users"), ReadLag::Reads(1), now);
        assert_eq!(rows(lag.seen(&truth)), 1);
    }

    #[test]
    fn a_write_is_seen_after_its_time() {
        let start = Instant::now();
        let (mut lag, mut truth) = (Lag::new(start), empty());
        let reach = ReadLag::Time(Duration::from_secs(2));
        let get = request("GET", "/v1.0/users");
        lag.begin(&request("POST", "/v1.0/users"), reach, start);
        write(&mut lag, &mut truth, "a");
        for (after, seen) in [(1_999, 0), (2_000, 1)] {
            lag.begin(&get, reach, start + Duration::from_millis(after));
            assert_eq!(rows(lag.seen(&truth)), seen, "{after} ms");
        }
        lag.begin(&get, reach, start);
        assert_eq!(rows(lag.seen(&truth)), 0, "it was kept");
        lag.forget();
        assert_eq!(rows(lag.seen(&truth)), 1);
    }

    #[test]
    fn without_a_lag_only_a_stale_read_lies_behind() {
        let now = Instant::now();
        let (mut lag, mut truth) = (Lag::new(now), empty());
        for id in ["a", "b", "c"] {
            lag.begin(&request("POST", "/v1.0/users"), ReadLag::None, now);
            write(&mut lag, &mut truth, id);
        }
        assert_eq!(rows(lag.seen(&truth)), 3);
        assert_eq!(rows(lag.stale(&truth)), 2);
        assert_eq!(lag.past.len(), 1);
    }

    #[test]
    fn what_only_asks_is_a_read() {
        assert!(is_read(&request("POST", "/v1.0/directoryObjects/getByIds")));
        assert!(is_read(&request("POST", "/v1.0/$batch")));
        assert!(!is_read(&request("POST", "/v1.0/groups")));
        assert!(!is_read(&request("DELETE", "/v1.0/groups/1")));
    }
}
