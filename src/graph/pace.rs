//! The pace the service asks for, on the process's monotonic clock (rule 9, "Two clocks").

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets at most so many calls start within a time; the others wait their turn.
#[derive(Debug)]
pub(super) struct Pacer {
    calls: usize,
    per: Duration,
    starts: Mutex<VecDeque<Instant>>,
}

impl Pacer {
    /// At most `calls` starts in any `per`; a `per` of zero never waits.
    pub(super) fn new(calls: usize, per: Duration) -> Self {
        Self {
            calls,
            per,
            starts: Mutex::new(VecDeque::new()),
        }
    }

    /// Books `number` starts and returns how long to wait, from `now`, until the last of them.
    pub(super) fn book(&self, number: usize, now: Instant) -> Duration {
        if self.per.is_zero() {
            return Duration::ZERO;
        }
        // A poisoned lock still holds a usable list.
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = now;
        for _ in 0..number {
            if starts.len() >= self.calls
                && let Some(first) = starts.pop_front()
            {
                last = last.max(first + self.per);
            }
            starts.push_back(last);
        }
        last - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(pacer: &Pacer, number: usize, now: Instant) -> Vec<u64> {
        let book = |_| pacer.book(1, now).as_secs();
        (0..number).map(book).collect()
    }

    #[test]
    fn one_call_a_second() {
        let pacer = Pacer::new(1, Duration::from_secs(1));
        let now = Instant::now();
        assert_eq!(waits(&pacer, 3, now), [0, 1, 2]);
        let later = now + Duration::from_secs(10);
        assert_eq!(pacer.book(1, later), Duration::ZERO);
        assert_eq!(pacer.book(2, later).as_secs(), 2);
    }

    #[test]
    fn five_calls_in_ten_seconds() {
        let pacer = Pacer::new(5, Duration::from_secs(10));
        let waits = waits(&pacer, 11, Instant::now());
        assert_eq!(waits, [0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 20]);
    }

    #[test]
    fn no_pace_never_waits() {
        let pacer = Pacer::new(1, Duration::ZERO);
        assert_eq!(pacer.book(100, Instant::now()), Duration::ZERO);
    }
}
