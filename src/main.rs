//! The `portcullis` binary: parse, run, exit code.

use std::process::ExitCode;

use portcullis::cli::{self, ErrorKind, Success};

fn main() -> ExitCode {
    ExitCode::from(match cli::run() {
        Ok(Success::Done) => 0,
        Err(ErrorKind::Error) => 1,
        Ok(Success::Findings) => 2,
        Err(ErrorKind::Refused) => 3,
        Err(ErrorKind::Stale) => 4,
        Err(ErrorKind::Partly) => 5,
    })
}
