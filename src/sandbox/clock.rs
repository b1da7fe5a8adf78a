//! The tenant's clock: how its times are written, and how far `advance` may move it.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

/// The moment at which every sandbox begins.
pub(super) const START: &str = "2026-11-02T08:00:00Z";

/// Nothing may be later than this; beyond it the arithmetic of dates gets thin.
const END: &str = "2100-01-01T00:00:00Z";

/// Reads a literal of this room; the epoch if it were wrong, which the tests rule out.
pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// One tick later: the stamp of the next accepted write.
pub(super) fn tick(now: Timestamp) -> Timestamp {
    now.checked_add(1.second()).unwrap_or(now)
}

/// The retention of the recycle bin and of the audit log: whether `then` is within 30 days of `now`.
pub(super) fn within_retention(now: Timestamp, then: Timestamp) -> bool {
    now.duration_since(then).as_secs() <= 30 * 24 * 3600
}

/// A time as Graph writes it in bodies, with seven digits.
pub(super) fn graph_time(time: Timestamp) -> String {
    format!(
        "{}.{:07}Z",
        time.strftime("%Y-%m-%dT%H:%M:%S"),
        time.subsec_nanosecond() / 100
    )
}

/// A time as Graph writes it inside `innerError`.
pub(super) fn error_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A time as HTTP writes it in `Date`.
pub(super) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The time that is `span` (`8d`, `P8D`, `1d 6h`) after `now`, or a sentence that says why not.
pub(super) fn advanced(now: Timestamp, span: &str) -> Result<Timestamp, String> {
    let parsed: Span = span.parse().map_err(|_| {
        format!("`{span}` is not a span of time; write one like `8d`, `12h` or `P8D`")
    })?;
    if parsed.is_negative() {
        return Err(format!(
            "`{span}` is negative; the clock only moves forward"
        ));
    }
    let target = now
        .to_zoned(TimeZone::UTC)
        .checked_add(parsed)
        .map_err(|_| format!("`{span}` is too long"))?
        .timestamp();
    if target > at(END) {
        return Err(format!("`{span}` would move the clock past the year 2099"));
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_written_as_graph_and_http_write_them() {
        let time = tick(at(START));
        assert_eq!(graph_time(time), "2026-11-02T08:00:01.0000000Z");
        assert_eq!(http_date(time), "Mon, 02 Nov 2026 08:00:01 GMT");
        assert_eq!(error_time(time), "2026-11-02T08:00:01");
    }

    #[test]
    fn spans_are_taken_in_both_notations_and_only_forward() {
        let now = at(START);
        for (span, then) in [
            ("8d", "2026-11-10T08:00:00Z"),
            ("P8D", "2026-11-10T08:00:00Z"),
            ("12h", "2026-11-02T20:00:00Z"),
            ("1d 6h", "2026-11-03T14:00:00Z"),
            ("1mo", "2026-12-02T08:00:00Z"),
        ] {
            assert_eq!(advanced(now, span).unwrap(), at(then), "{span}");
        }
        for span in ["-1d", "tomorrow", "", "9999y", "8"] {
            assert!(advanced(now, span).is_err(), "{span}");
        }
    }
}
