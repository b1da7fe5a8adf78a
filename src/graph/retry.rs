//! Repeating reads, and nothing but reads (rule 9).

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::service::Callbacks;
use crate::tenant::TenantError;

/// How often a read is tried altogether.
const TRIES: usize = 6;

/// The longest wait that a service may ask for.
const LONGEST: Duration = Duration::from_secs(120);

/// A try that failed.
#[derive(Debug)]
pub(super) struct Failed {
    /// Why.
    pub(super) error: TenantError,
    /// Whether another try may help.
    pub(super) again: bool,
    /// How long the service asked to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Failed {
    /// A failure that no repetition will change.
    pub(super) fn finally(error: TenantError) -> Self {
        Self {
            error,
            again: false,
            retry_after: None,
        }
    }
}

/// Whether an answer of that status may be another one later.
pub(super) fn is_passing(status: u16) -> bool {
    status == 429 || status == 408 || (500..600).contains(&status)
}

/// The pause before the next try: what the service asks for, within reason, else what was planned.
fn pause(planned: Duration, asked: Option<Duration>) -> Duration {
    asked.map_or(planned, |asked| asked.min(LONGEST))
}

/// Tries until it succeeds, fails for good, or [`TRIES`] are used up.
pub(super) async fn repeat<T, F, Fut>(
    shortest: Duration,
    callbacks: &Callbacks,
    attempt: F,
) -> Result<T, TenantError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Failed>>,
{
    let schedule = ExponentialBuilder::default()
        .with_min_delay(shortest)
        .with_max_delay(shortest * 16)
        .with_max_times(TRIES - 1)
        .with_jitter();
    attempt
        .retry(schedule)
        .when(|failed: &Failed| failed.again)
        .adjust(|failed, planned| {
            // `None` says that the tries are used up.
            planned.map(|planned| pause(planned, failed.retry_after))
        })
        .notify(|failed: &Failed, wait| {
            let why = if failed.retry_after.is_some() {
                "the service asked for it".to_owned()
            } else {
                failed.error.message.clone()
            };
            if wait >= Duration::from_secs(1) {
                callbacks.progress(&format!("waiting {} s: {why}", wait.as_secs()));
            }
        })
        .await
        .map_err(|failed| failed.error)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::tenant::TenantErrorKind;

    fn failed(retry_after: Option<u64>) -> Failed {
        Failed {
            error: TenantError::new(TenantErrorKind::Throttled, "too many"),
            again: true,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn the_service_says_how_long_to_wait_but_not_without_limit() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(seconds(2), None), seconds(2));
        assert_eq!(pause(seconds(2), Some(seconds(17))), seconds(17));
        assert_eq!(pause(seconds(2), Some(seconds(0))), seconds(0));
        assert_eq!(pause(seconds(2), Some(seconds(100_000))), LONGEST);
    }

    #[tokio::test]
    async fn it_gives_up_after_six_tries() {
        let tries = Cell::new(0);
        let shortest = Duration::from_millis(1);
        let result: Result<(), _> = repeat(shortest, &Callbacks::silent(), || {
            tries.set(tries.get() + 1);
            async { Err(failed(None)) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(tries.get(), 6);
    }

    #[tokio::test]
    async fn it_stops_when_no_repetition_helps() {
        let tries = Cell::new(0);
        let shortest = Duration::from_millis(1);
        let result: Result<(), _> = repeat(shortest, &Callbacks::silent(), || {
            tries.set(tries.get() + 1);
            async { Err(Failed::finally(failed(None).error)) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(tries.get(), 1);
    }
}
