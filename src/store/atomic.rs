//! Replacing a file as a whole.

use std::io::{self, Write as _};
use std::path::Path;

/// Replaces the file at `path` by `content`, or creates it: after a crash there is the old file or the
/// new one, never a part of either.
///
/// The content is synced before the rename and the directory after it. The permissions of an existing
/// file are kept; a new one may be read by whomever the umask allows.
///
/// # Errors
/// Any error of the file system; the old file is then untouched.
pub fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(shared());
    replace(path, content, &mut builder)
}

/// Like [`write_atomic`], for files that name people: a new one belongs to its owner alone.
///
/// # Errors
/// Any error of the file system; the old file is then untouched.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, &mut tempfile::Builder::new())
}

#[cfg(unix)]
fn shared() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o666)
}

fn replace(path: &Path, content: &[u8], builder: &mut tempfile::Builder<'_, '_>) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    if let Ok(existing) = std::fs::metadata(path) {
        file.as_file().set_permissions(existing.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // Windows cannot open a directory to sync it; there the rename alone has to do.
    if let Ok(directory) = std::fs::File::open(directory) {
        let _ = directory.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_names_people_is_private_and_what_is_reviewed_is_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let mode = |name: &str, write: fn(&Path, &[u8]) -> io::Result<()>| {
            let path = directory.path().join(name);
            write(&path, b"x").unwrap();
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("private", write_private), 0o600);
        // Whatever the umask takes away, the owner's bits are those of an ordinary file.
        assert_eq!(mode("shared", write_atomic) & 0o700, 0o600);
        assert_eq!(mode("shared", write_atomic) & 0o111, 0);
    }

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        write_atomic(&path, b"first, and longer").unwrap();
        write_atomic(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
