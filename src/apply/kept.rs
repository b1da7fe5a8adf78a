//! The snapshots that applies kept before they wrote.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::journal::{JournalError, file_name};
use crate::model::Id;
use crate::store::Store;
use crate::tenant::Snapshot;

/// How a file names the moment of its snapshot.
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// A snapshot in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file.
    pub file: PathBuf,
    /// The tenant's clock when it was taken, to the second.
    pub taken_at: Timestamp,
    digest: String,
}

impl Kept {
    /// Whether it was kept before the plan with that digest was applied.
    pub fn is_before(&self, digest: &str) -> bool {
        !digest.is_empty() && short(digest) == self.digest
    }
}

/// The snapshots of a tenant, newest first.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn kept_snapshots(store: &Store, tenant: &Id) -> Result<Vec<Kept>, JournalError> {
    let folder = store.root().join(folder(tenant));
    let unreadable = |source| JournalError::io(&folder, source);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut kept = Vec::new();
    for entry in entries {
        let file = entry.map_err(unreadable)?.path();
        kept.extend(named(file));
    }
    kept.sort_by(|a, b| (b.taken_at, &b.file).cmp(&(a.taken_at, &a.file)));
    Ok(kept)
}

/// What the name of a file says; anything else in the folder is no snapshot of ours.
fn named(file: PathBuf) -> Option<Kept> {
    let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
    let (moment, digest) = name.split_once('-')?;
    let taken_at = DateTime::strptime(MOMENT, moment).ok()?;
    let taken_at = taken_at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let digest = digest.to_owned();
    Some(Kept {
        file,
        taken_at,
        digest,
    })
}

/// Keeps what was live before a plan is applied.
pub(super) fn keep(store: &Store, snapshot: &Snapshot, digest: &str) -> Result<(), JournalError> {
    let failed = |source| JournalError::io(store.root(), source);
    let name = format!(
        "{}/{}-{}.json",
        folder(&snapshot.tenant.id),
        snapshot.taken_at.strftime(MOMENT),
        short(digest)
    );
    let json = serde_json::to_vec_pretty(snapshot)
        .map_err(|error| failed(std::io::Error::other(error)))?;
    store.write(name, &json).map_err(failed)?;
    Ok(())
}

fn folder(tenant: &Id) -> String {
    format!("snapshots/{}", file_name(tenant))
}

fn short(digest: &str) -> &str {
    digest.trim_start_matches("sha256:").get(..12).unwrap_or("")
}
