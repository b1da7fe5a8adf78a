//! `.portcullis/`: what the tool keeps on disk, and how it survives being killed.
//!
//! Three things live here and nothing else: files that are replaced as a whole ([`write_atomic`], [`write_private`]), logs
//! that only grow ([`Log`]), and locks ([`Lock`]). The room knows nothing of policies or tenants, so
//! that the journal of `apply` and the event log of the sandbox rest on the same few lines.

mod atomic;
mod lock;
mod log;

pub use atomic::{write_atomic, write_private};
pub use lock::{Lock, LockError};
pub use log::Log;

use std::io;
use std::path::{Path, PathBuf};

/// A directory of the store; every path it hands out lies below it.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Names the store at `root` without touching the disk.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the store; its parent directories are created.
    ///
    /// # Errors
    /// When the parent cannot be created.
    pub fn path(&self, relative: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = self.root.join(relative);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(path)
    }

    /// Replaces a file of the store as a whole, readable by its owner alone; see [`write_private`].
    ///
    /// # Errors
    /// Any error of the file system; the old content is then still there.
    pub fn write(&self, relative: impl AsRef<Path>, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path(relative)?;
        write_private(&path, content)?;
        Ok(path)
    }
}
