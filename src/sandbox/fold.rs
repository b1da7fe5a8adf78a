//! The fold: from the log of a tenant to the tenant, and to what it was on the way.

use std::path::Path;
use std::sync::Arc;

use super::identity::Identity;
use super::recipe::Recipe;
use super::signins::Past;
use super::tenant::{Event, Happening, Tenant};
use super::{SandboxError, population};
use crate::store::Log;

/// A log, the tenant that it folds into, and what the tenant was on the way.
pub(super) type Replayed = (Log, Tenant, Arc<Past>);

/// Takes one event in, and notes it for whoever asks what the tenant was.
pub(super) fn step(tenant: &mut Tenant, past: &mut Arc<Past>, event: &Event) {
    match &event.what {
        Happening::Write { changes, .. } => Arc::make_mut(past).note(changes, event.at),
        Happening::Arrange { changes } => Arc::make_mut(past).arrange(changes),
        Happening::Populate(_) | Happening::Advance { .. } => {}
    }
    tenant.apply(event);
    if matches!(event.what, Happening::Populate(_)) {
        *past = Arc::new(Past::of(tenant.clone()));
    }
}

/// Reads a log, which is made when it is missing, and folds it.
pub(super) fn replay(identity: &Identity, path: &Path) -> Result<Replayed, SandboxError> {
    let (log, lines) = Log::open(path).map_err(|source| SandboxError::State {
        path: path.to_owned(),
        source,
    })?;
    let mut tenant = population::tenant(identity.clone(), Recipe::default());
    let mut past = Arc::new(Past::of(tenant.clone()));
    for (index, line) in lines.iter().enumerate() {
        let wrong = |message: String| SandboxError::Log {
            path: path.to_owned(),
            line: index + 1,
            message,
        };
        let event: Event = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if event.n != tenant.events() + 1 {
            return Err(wrong(format!(
                "event {} follows event {}",
                event.n,
                tenant.events()
            )));
        }
        step(&mut tenant, &mut past, &event);
    }
    Ok((log, tenant, past))
}
