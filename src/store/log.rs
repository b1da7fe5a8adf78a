//! A log that only grows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// An append-only file of lines, each synced to disk before [`Log::append`] returns.
#[derive(Debug)]
pub struct Log {
    file: File,
}

impl Log {
    /// Opens the log at `path`, creating it when there is none, and returns the lines it holds.
    ///
    /// A last line without its line feed is what a kill in the middle of a write leaves behind. Nobody
    /// was told that it was written, so it is cut off.
    ///
    /// # Errors
    /// Any error of the file system, and content that is not UTF-8.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<String>)> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // `demote` writes the journal of a run that is going on, so a line goes wherever the end is then.
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // What is logged names people, by their ids.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        if whole < bytes.len() {
            // Where a handle can only append, as on Windows, it cannot cut off either.
            let torn = OpenOptions::new().write(true).open(path)?;
            torn.set_len(whole as u64)?;
            torn.sync_data()?;
            bytes.truncate(whole);
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let lines = text.lines().map(str::to_owned).collect();
        Ok((Self { file }, lines))
    }

    /// Reads the whole lines of the log at `path` without creating or changing it.
    ///
    /// # Errors
    /// Any error of the file system but "not found", which is an empty log.
    pub fn read(path: &Path) -> io::Result<Vec<String>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Ok(whole.lines().map(str::to_owned).collect())
    }

    /// Appends one line and syncs it to disk.
    ///
    /// # Errors
    /// Any error of the file system; the line may then be there in part, and the next
    /// [`Log::open`] cuts it off.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        debug_assert!(!line.contains('\n'), "a log entry is one line");
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_log_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/journal.jsonl");
        let (mut log, lines) = Log::open(&path).unwrap();
        assert!(lines.is_empty());
        log.append("one").unwrap();
        drop(log);
        let mut raw = std::fs::read(&path).unwrap();
        raw.extend_from_slice(b"tw");
        std::fs::write(&path, raw).unwrap();
        assert_eq!(Log::read(&path).unwrap(), ["one"]);

        let (mut log, lines) = Log::open(&path).unwrap();
        assert_eq!(lines, ["one"]);
        log.append("two").unwrap();
        assert_eq!(Log::read(&path).unwrap(), ["one", "two"]);
    }

    #[test]
    fn two_writers_lose_nothing_of_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        let (mut apply, _) = Log::open(&path).unwrap();
        apply
            .append("the intent of an apply, which is long")
            .unwrap();
        let (mut demote, lines) = Log::open(&path).unwrap();
        assert_eq!(lines, ["the intent of an apply, which is long"]);
        demote.append("the intent of a demote").unwrap();
        apply.append("done").unwrap();
        demote.append("done too").unwrap();
        assert_eq!(
            Log::read(&path).unwrap(),
            [
                "the intent of an apply, which is long",
                "the intent of a demote",
                "done",
                "done too"
            ]
        );
    }
}
