//! What goes wrong, in the one form that reaches the user.

use crate::apply::{ApplyError, JournalError};
use crate::sandbox::SandboxError;
use crate::store::LockError;
use crate::tenant::TenantError;

/// Which exit code a failure has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An error, usage and invalid YAML included.
    Error,
    /// A guard or a gate refused.
    Refused,
    /// The plan is not what would be done now; nothing was written in this run.
    Stale,
    /// Something was written, and not everything.
    Partly,
}

/// A failure of a command: a sentence, and what to do about it.
#[derive(Debug)]
pub struct CommandError {
    /// Which exit code it has.
    pub kind: ErrorKind,
    /// What went wrong; empty when it was printed already.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An ordinary error.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Error,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// A failure of another kind.
    pub fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            ..Self::new(message)
        }
    }

    /// Adds something to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<TenantError> for CommandError {
    fn from(error: TenantError) -> Self {
        let mut hints = error.hints;
        hints.extend(
            error
                .request_id
                .map(|id| format!("the service's id of the request is {id}")),
        );
        Self {
            kind: ErrorKind::Error,
            message: error.message,
            hints,
        }
    }
}

impl From<SandboxError> for CommandError {
    fn from(error: SandboxError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<JournalError> for CommandError {
    fn from(error: JournalError) -> Self {
        let command = Self::new(error.to_string());
        match error {
            JournalError::Io { .. } => command,
            JournalError::Entry { .. } => command.hint(
                "if nobody can repair it, move the file away: without it the next apply waits before it creates anything",
            ),
        }
    }
}

impl From<ApplyError> for CommandError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Locked(error @ LockError::Held { .. }) => Self::new(error.to_string())
                .hint("another run works on this store: wait until it is done"),
            ApplyError::Locked(error @ LockError::Io { .. }) => Self::new(error.to_string()),
            ApplyError::Journal(error) => error.into(),
            ApplyError::Tenant(error) => error.into(),
            ApplyError::Rejected { policy, source } => {
                let mut error = Self::from(source);
                error.message = format!("{policy}: {}", error.message);
                error.hint("nothing was written")
            }
            ApplyError::Refused(_) => Self::of(ErrorKind::Refused, "the plan is refused"),
            ApplyError::Stale(why) => Self::of(ErrorKind::Stale, why)
                .hint("nothing was written; make and review a new plan"),
            ApplyError::Partly {
                reason,
                done,
                hints,
            } => {
                let done = if done.is_empty() {
                    "nothing else was written".to_owned()
                } else {
                    format!("written before that: {}", done.join(", "))
                };
                let mut error = Self::of(ErrorKind::Partly, reason).hint(done);
                error.hints.extend(hints);
                error.hint(
                    "run it again: it finds out what arrived and goes on from there; a saved plan may be stale by then",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_waits_for_somebody_is_told_to_wait() {
        let path = std::path::PathBuf::from("store/lock");
        let held = CommandError::from(ApplyError::Locked(LockError::Held {
            path: path.clone(),
            holder: Some(7),
        }));
        assert!(held.message.contains("process 7"), "{}", held.message);
        assert!(held.hints.iter().any(|hint| hint.contains("wait")));
        let source = std::io::Error::other("read-only file system");
        let broken = CommandError::from(ApplyError::Locked(LockError::Io { path, source }));
        assert!(broken.message.contains("read-only"), "{}", broken.message);
        assert_eq!(broken.hints, Vec::<String>::new());
    }
}
