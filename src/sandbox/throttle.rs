//! The documented limits (3.8 of the contract): what a request costs, and what is said to one too many.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::errors::Failure;
use super::request::Request;
use super::settings::{Settings, Throttle};

/// How long requests for reports, and units of the directory, are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// How many requests for reports an application may make in a [`WINDOW`].
const REPORTS: usize = 5;
/// The share of the units from which on the directory warns.
const WARNING: f64 = 0.8;

/// What was asked for lately of one tenant.
#[derive(Debug, Default)]
pub(super) struct Meter {
    conditional_access: Option<Instant>,
    reports: BTreeMap<String, VecDeque<Instant>>,
    directory: BTreeMap<String, Bucket>,
}

/// What is left of the units of an application.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Who asks, and how big the tenant is.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    /// The application.
    pub(super) app: &'a str,
    /// Counts the tenant's users, which takes a while where there are many.
    pub(super) users: &'a dyn Fn() -> usize,
}

type Headers = Vec<(&'static str, String)>;

impl Meter {
    /// Lets a request through, with the headers that tell what it cost, or refuses it.
    pub(super) fn admit(
        &mut self,
        settings: &Settings,
        request: &Request,
        asker: Asker<'_>,
        now: Instant,
    ) -> Result<Headers, Failure> {
        if settings.throttle == Throttle::Off {
            return Ok(Headers::new());
        }
        let lower: Vec<String> = request
            .segments
            .iter()
            .map(|segment| segment.to_ascii_lowercase())
            .collect();
        let segments: Vec<&str> = lower.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["identity" | "identityprotection" | "conditionalaccess", ..]
            | ["policies", "conditionalaccesspolicies", ..] => {
                self.conditional_access(settings, now)
            }
            ["auditlogs" | "reports", ..] => self.reports(asker.app, now),
            [
                "users" | "groups" | "serviceprincipals" | "directoryobjects" | "directoryroles"
                | "rolemanagement" | "subscribedskus" | "organization" | "domains" | "me",
                ..,
            ] => self.directory(asker, units(request, &segments), now),
            _ => Ok(Headers::new()),
        }
    }

    /// So many requests a second for the tenant, whoever asks. A refused one does not count.
    fn conditional_access(
        &mut self,
        settings: &Settings,
        now: Instant,
    ) -> Result<Headers, Failure> {
        let gap = Duration::from_secs(1) / settings.throttle_rate.get();
        if let Some(last) = self.conditional_access {
            let left = gap.saturating_sub(now.saturating_duration_since(last));
            if !left.is_zero() {
                let refusal = too_many();
                return Err(match settings.throttle {
                    Throttle::GraphWithRetryAfter => refusal.with_retry_after(left),
                    Throttle::Graph | Throttle::Off => refusal,
                });
            }
        }
        self.conditional_access = Some(now);
        Ok(Headers::new())
    }

    fn reports(&mut self, app: &str, now: Instant) -> Result<Headers, Failure> {
        let asked = self.reports.entry(app.to_owned()).or_default();
        asked.retain(|then| now.saturating_duration_since(*then) < WINDOW);
        if asked.len() >= REPORTS
            && let Some(first) = asked.front()
        {
            let left = WINDOW.saturating_sub(now.saturating_duration_since(*first));
            // synthetic: that these limits, unlike that of Conditional Access, say when to come back.
            return Err(too_many().with_retry_after(left));
        }
        asked.push_back(now);
        Ok(Headers::new())
    }

    fn directory(
        &mut self,
        asker: Asker<'_>,
        units: u32,
        now: Instant,
    ) -> Result<Headers, Failure> {
        let limit = match (asker.users)() {
            0..50 => 3_500.0,
            50..=500 => 5_000.0,
            _ => 8_000.0,
        };
        let bucket = self
            .directory
            .entry(asker.app.to_owned())
            .or_insert(Bucket {
                left: limit,
                at: now,
            });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        let second = limit / WINDOW.as_secs_f64();
        bucket.left = (bucket.left + passed * second).min(limit);
        bucket.at = now;
        let cost = f64::from(units);
        let used = 1.0 - (bucket.left - cost) / limit;
        if bucket.left < cost {
            let wait = Duration::from_secs_f64((cost - bucket.left) / second);
            // synthetic: the values of the two headers, and that this limit says when to come back.
            return Err(too_many()
                .with_retry_after(wait)
                .with_header("x-ms-throttle-scope", "Tenant_Application".to_owned())
                .with_header(
                    "x-ms-throttle-information",
                    "ResourceUnitLimitExceeded".to_owned(),
                ));
        }
        bucket.left -= cost;
        let mut headers = vec![("x-ms-resource-unit", units.to_string())];
        if used >= WARNING {
            // synthetic: from which share on the header is sent.
            headers.push(("x-ms-throttle-limit-percentage", format!("{used:.2}")));
        }
        Ok(headers)
    }
}

/// What a request for the directory costs.
fn units(request: &Request, segments: &[&str]) -> u32 {
    let base: u32 = match segments {
        ["users"] => 2,
        ["groups", _, "members", ..] | ["directoryobjects", "getbyids"] | ["subscribedskus"] => 3,
        ["groups", _, "transitivemembers", ..] => 5,
        // synthetic: the contract names the cost of these only.
        _ => 1,
    };
    let selects = request.option("select").is_some();
    let top = request
        .option("top")
        .and_then(|top| top.parse::<u32>().ok());
    let small = top.is_some_and(|top| top < 20);
    base.saturating_sub(u32::from(selects) + u32::from(small))
        .max(1)
}

fn too_many() -> Failure {
    Failure::new(429, "TooManyRequests", "Too many requests.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: Asker<'static> = Asker {
        app: "one",
        users: &|| 12,
    };

    fn throttled(by: Throttle, rate: u32) -> Settings {
        Settings {
            throttle: by,
            throttle_rate: rate.try_into().unwrap(),
            ..Settings::default()
        }
    }

    fn get(target: &str) -> Request {
        Request::new("GET", target, Vec::new(), Vec::new(), "http://h")
    }

    /// Whether requests at these milliseconds get through.
    fn through(settings: &Settings, target: &str, at: &[u64]) -> Vec<bool> {
        let (mut meter, start) = (Meter::default(), Instant::now());
        at.iter()
            .map(|at| {
                let now = start + Duration::from_millis(*at);
                meter.admit(settings, &get(target), SMALL, now).is_ok()
            })
            .collect()
    }

    #[test]
    fn one_request_a_second_for_conditional_access_and_five_in_ten_for_reports() {
        let graph = throttled(Throttle::Graph, 1);
        let policies = "/v1.0/identity/conditionalAccess/policies";
        assert_eq!(
            through(&graph, policies, &[0, 500, 999, 1_000, 1_900, 2_000]),
            [true, false, false, true, false, true]
        );
        let alias = "/beta/policies/conditionalAccessPolicies";
        assert_eq!(through(&graph, alias, &[0, 999]), [true, false]);
        assert_eq!(
            through(&throttled(Throttle::Graph, 10), policies, &[0, 99, 100]),
            [true, false, true]
        );
        let audits = "/v1.0/auditLogs/directoryAudits";
        assert_eq!(
            through(&graph, audits, &[0, 1, 2, 3, 4, 5, 9_999, 10_000, 10_000]),
            [true, true, true, true, true, false, false, true, false]
        );
        assert_eq!(
            through(&throttled(Throttle::Off, 1), policies, &[0, 0, 0]),
            [true; 3]
        );
    }

    #[test]
    fn only_on_request_conditional_access_says_when_to_come_back() {
        let request = get("/v1.0/identity/conditionalAccess/namedLocations");
        let now = Instant::now();
        for (by, headers) in [
            (Throttle::Graph, vec![]),
            (
                Throttle::GraphWithRetryAfter,
                vec![("retry-after", "1".to_owned())],
            ),
        ] {
            let (mut meter, settings) = (Meter::default(), throttled(by, 1));
            meter.admit(&settings, &request, SMALL, now).unwrap();
            let refusal = meter.admit(&settings, &request, SMALL, now).unwrap_err();
            assert_eq!((refusal.status, &*refusal.code), (429, "TooManyRequests"));
            assert_eq!(refusal.message, "Too many requests.");
            assert_eq!(refusal.headers, headers);
        }
    }

    #[test]
    fn requests_for_the_directory_cost_their_units() {
        for (target, cost) in [
            ("/v1.0/users", 2),
            ("/v1.0/users?$select=id", 1),
            ("/v1.0/users?$select=id&$top=5", 1),
            ("/v1.0/groups/1/members?$top=999", 3),
            ("/v1.0/groups/1/members?$top=5", 2),
            ("/v1.0/groups/1/transitiveMembers?$select=id", 4),
            ("/v1.0/subscribedSkus", 3),
            ("/v1.0/organization", 1),
        ] {
            let (mut meter, settings) = (Meter::default(), throttled(Throttle::Graph, 1));
            let headers = meter
                .admit(&settings, &get(target), SMALL, Instant::now())
                .unwrap();
            assert_eq!(
                headers,
                [("x-ms-resource-unit", cost.to_string())],
                "{target}"
            );
        }
    }

    #[test]
    fn only_a_switched_on_limit_of_the_directory_counts_the_users() {
        for (by, target, counts) in [
            (Throttle::Off, "/v1.0/users", 0),
            (Throttle::Graph, "/v1.0/auditLogs/directoryAudits", 0),
            (Throttle::Graph, "/v1.0/users", 1),
        ] {
            let counted = std::cell::Cell::new(0);
            let users = &|| {
                counted.set(counted.get() + 1);
                12
            };
            let (mut meter, asker) = (Meter::default(), Asker { app: "one", users });
            let now = Instant::now();
            meter
                .admit(&throttled(by, 1), &get(target), asker, now)
                .unwrap();
            assert_eq!(counted.get(), counts, "{target}");
        }
    }

    #[test]
    fn the_units_of_a_small_tenant_run_out_and_come_back() {
        let (mut meter, settings) = (Meter::default(), throttled(Throttle::Graph, 1));
        let (request, start) = (get("/v1.0/groups/1/transitiveMembers"), Instant::now());
        let mut at = |now: Instant, app: &'static str| {
            let users = &|| 49;
            meter.admit(&settings, &request, Asker { app, users }, now)
        };
        for _ in 0..559 {
            at(start, "one").unwrap();
        }
        assert_eq!(
            at(start, "one").unwrap(),
            [
                ("x-ms-resource-unit", "5".to_owned()),
                ("x-ms-throttle-limit-percentage", "0.80".to_owned())
            ]
        );
        for _ in 560..700 {
            at(start, "one").unwrap();
        }
        let refusal = at(start, "one").unwrap_err();
        assert_eq!(refusal.status, 429);
        assert_eq!(refusal.headers[0], ("retry-after", "1".to_owned()));
        at(start, "another").unwrap();
        at(start + Duration::from_millis(15), "one").unwrap();
    }
}
