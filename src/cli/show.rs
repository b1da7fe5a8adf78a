//! `portcullis show`

use std::path::PathBuf;

use super::error::CommandError;
use super::ui::Ui;
use super::{Global, Success};
use crate::plan::SavedPlan;
use crate::report::plan_document::PlanDocument;
use crate::report::plan_text;

/// Print a saved plan, also a stale one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file that `plan --out` wrote.
    file: PathBuf,
}

pub(super) fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let text = read(&args.file)?;
    let not_a_plan =
        |why: String| CommandError::new(format!("cannot show {}: {why}", args.file.display()));
    let saved = SavedPlan::read_unchecked(&text).map_err(|error| not_a_plan(error.to_string()))?;
    if let Err(error) = SavedPlan::read(&text) {
        ui.aside(&format!("warning: this file cannot be applied: {error}"));
    }
    let document: PlanDocument = serde_json::from_value(saved.plan)
        .map_err(|error| not_a_plan(format!("what it would print is unreadable: {error}")))?;
    if global.json {
        ui.json(&document)?;
        return Ok(Success::Done);
    }
    ui.result(&plan_text::render(&document, "", ui.color()));
    Ok(Success::Done)
}

/// Reads a plan file as text.
pub(super) fn read(path: &std::path::Path) -> Result<String, CommandError> {
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::new(format!("cannot read {}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
