//! `portcullis sandbox fault`

use serde_json::{Map, Value, json};

use super::super::error::CommandError;
use super::super::ui::Ui;
use super::super::{Global, Success};
use super::{Where, state_directory};
use crate::sandbox::{self, FAULT_KINDS};

/// Script what goes wrong with the next requests to a sandbox that is being served.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is left out matches every request. The kinds:
  status              another status, with --status; the request is not carried out
  reset-before        the connection is reset before the request is carried out
  reset-after         it is carried out, and the connection is reset without an answer
  half-body           it is carried out, and half of the answer arrives
  slow-body           the answer drips, over --for
  stall               it is carried out, and the answer is held back, --for so long
  garbage             it is carried out, and the answer is no JSON
  wrong-content-type  the answer calls itself HTML
  expired-page-token  the token of a nextLink has expired
  expired-token       the access token has expired
  stale               a read shows the tenant as it was before the last write

  portcullis sandbox fault --method GET --path 'identity/conditionalAccess/policies*' --times 2 --status 429")]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
    /// Show what is scripted and has not struck yet.
    #[arg(long, group = "instead", conflicts_with = "fault")]
    list: bool,
    /// Forget what is scripted.
    #[arg(long, group = "instead", conflicts_with = "fault")]
    clear: bool,
    #[command(flatten)]
    fault: Fault,
}

#[derive(Debug, clap::Args)]
#[group(id = "fault", multiple = true)]
struct Fault {
    /// What goes wrong [default: status].
    #[arg(long, value_name = "KIND", value_parser = FAULT_KINDS, hide_possible_values = true)]
    kind: Option<String>,
    /// The status that is answered, 400 to 599.
    #[arg(long, value_name = "CODE")]
    status: Option<u16>,
    /// The code in the error, instead of the usual one of the status.
    #[arg(long, value_name = "TEXT")]
    code: Option<String>,
    /// The sentence in the error.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// The seconds in a Retry-After; without it there is none.
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u32>,
    /// How long a stall or a slow body takes, e.g. 2s [default: 5s].
    #[arg(long = "for", value_name = "DURATION")]
    time: Option<String>,
    /// Only requests of this method.
    #[arg(long)]
    method: Option<String>,
    /// Only requests to this path and below it, without version; or a glob with `*`.
    #[arg(long)]
    path: Option<String>,
    /// Only requests to v1.0, or to beta.
    #[arg(long, value_name = "v1.0|beta")]
    version: Option<String>,
    /// Only requests for the tenant of this id.
    #[arg(long, value_name = "GUID")]
    tenant_id: Option<String>,
    /// Only requests whose body holds this text.
    #[arg(long, value_name = "TEXT")]
    body_contains: Option<String>,
    /// Let so many pass first.
    #[arg(long, value_name = "N")]
    skip: Option<u32>,
    /// Strike so many [default: 1].
    #[arg(long, value_name = "N")]
    times: Option<u32>,
}

impl Fault {
    /// The body of `POST /sandbox/faults`.
    fn script(&self) -> Value {
        let fields = [
            ("kind", json!(self.kind)),
            ("status", json!(self.status)),
            ("code", json!(self.code)),
            ("message", json!(self.message)),
            ("retry_after", json!(self.retry_after)),
            ("for", json!(self.time)),
            ("method", json!(self.method)),
            ("path", json!(self.path)),
            ("version", json!(self.version)),
            ("tenant_id", json!(self.tenant_id)),
            ("body_contains", json!(self.body_contains)),
            ("skip", json!(self.skip)),
            ("times", json!(self.times)),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        Value::Object(
            given
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Map<_, _>>(),
        )
    }
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let url = served(&args.place, global)?;
    let (key, answer) = if args.list {
        ("faults", sandbox::faults(&url).await?)
    } else if args.clear {
        let answer = sandbox::clear_faults(&url).await?;
        ("cleared", answer["cleared"].clone())
    } else {
        let script = args.fault.script();
        (
            "fault",
            sandbox::control(&url, None, "faults", &script).await?,
        )
    };
    if global.json {
        ui.json(&json!({"format_version": "1.0", key: answer}))?;
        return Ok(Success::Done);
    }
    let sentence = |fault: &Value| fault["sentence"].as_str().unwrap_or_default().to_owned();
    let text = match &answer {
        Value::Array(faults) if faults.is_empty() => "Nothing is scripted.".to_owned(),
        Value::Array(faults) => faults.iter().map(sentence).collect::<Vec<_>>().join("\n"),
        Value::Number(number) => format!("Forgotten: {number}."),
        fault => sentence(fault),
    };
    ui.result(&text);
    Ok(Success::Done)
}

/// The sandbox that is being served; a script would not outlive one opened for this command.
fn served(place: &Where, global: &Global) -> Result<String, CommandError> {
    if let Some(url) = &place.url {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let state = state_directory(place.state.as_ref(), global);
    sandbox::served_at(&state).ok_or_else(|| {
        CommandError::new(format!("no sandbox is being served from {}", state.display()))
            .hint("faults live as long as the process that serves: start `portcullis sandbox serve` first")
    })
}
