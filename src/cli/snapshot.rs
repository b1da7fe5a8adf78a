//! `portcullis snapshot`

use std::path::PathBuf;

use super::error::CommandError;
use super::session::Session;
use super::ui::Ui;
use super::{Global, Success};
use crate::store::write_private;
use crate::tenant::Lookups;

/// Write the tenant to a file: policies, locations, strengths, and the objects the workspace names.
///
/// `plan --snapshot FILE` needs nothing else. The file names people: keep it as you keep other exports.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write.
    file: PathBuf,
}

#[derive(serde::Serialize)]
struct Document {
    format_version: &'static str,
    file: String,
    policies: usize,
    taken_at: String,
    complete: bool,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let session = Session::begin(global, ui, false)?;
    let keys: Vec<&str> = session
        .desired
        .policies
        .keys()
        .map(String::as_str)
        .collect();
    let lookups = Lookups {
        describe_all: true,
        ..Lookups::of(&session.desired, &keys)
    };
    let snapshot = session.read(&lookups, ui).await?;
    let json = serde_json::to_vec_pretty(&snapshot)
        .map_err(|error| CommandError::new(format!("the snapshot is no JSON: {error}")))?;
    write_private(&args.file, &json).map_err(|error| {
        CommandError::new(format!("cannot write {}: {error}", args.file.display()))
    })?;
    if global.json {
        ui.json(&Document {
            format_version: "1.0",
            file: args.file.display().to_string(),
            policies: snapshot.policies.len() + snapshot.unreadable.len(),
            taken_at: snapshot.taken_at.to_string(),
            complete: snapshot.complete,
        })?;
    }
    ui.progress(&format!(
        "{}: {} policies as of {}{}",
        args.file.display(),
        snapshot.policies.len() + snapshot.unreadable.len(),
        snapshot.taken_at,
        if snapshot.complete {
            ""
        } else {
            "; not everything could be read"
        }
    ));
    Ok(Success::Done)
}
