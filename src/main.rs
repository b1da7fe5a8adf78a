//! The `portcullis` binary: parse, run, exit code.

fn main() {}
