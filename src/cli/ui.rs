//! The terminal: data to stdout, everything else to stderr.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::error::{CommandError, ErrorKind};
use crate::report::{Paint, visible};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything that is printed goes through here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ui {
    out: bool,
    err: bool,
    quiet: bool,
}

impl Ui {
    pub(super) fn new(when: When, quiet: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = |terminal: bool| match when {
            When::Auto => terminal && !no_color,
            When::Always => true,
            When::Never => false,
        };
        Self {
            out: color(io::stdout().is_terminal()),
            err: color(io::stderr().is_terminal()),
            quiet,
        }
    }

    /// Whether results are coloured.
    pub(super) fn color(&self) -> bool {
        self.out
    }

    /// Whether what goes to stderr is coloured.
    pub(super) fn color_err(&self) -> bool {
        self.err
    }

    /// Prints a result. A reader that went away is no failure.
    pub(super) fn result(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Prints a result as JSON.
    pub(super) fn json(&self, document: &impl serde::Serialize) -> Result<(), CommandError> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| CommandError::new(format!("the result is no JSON: {error}")))?;
        self.result(&text);
        Ok(())
    }

    /// Says what is going on.
    pub(super) fn progress(&self, text: &str) {
        if !self.quiet {
            self.aside(&Paint::new(self.err).dim(visible(text)));
        }
    }

    /// Waits for some work, and says what it is when it takes longer than a second.
    pub(super) async fn patiently<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => self.progress(what),
        }
        work.await
    }

    /// Prints something that is no result and has to be seen.
    pub(super) fn aside(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
    }

    /// Prints a failure with its hints.
    pub(super) fn error(&self, error: &CommandError) {
        let paint = Paint::new(self.err);
        if !error.message.is_empty() {
            let word = match error.kind {
                ErrorKind::Error => "error",
                ErrorKind::Refused => "refused",
                ErrorKind::Stale => "the plan is stale",
                ErrorKind::Partly => "partly applied",
            };
            let message = visible(&error.message);
            self.aside(&format!("{}: {message}", paint.red(word)));
        }
        for hint in &error.hints {
            self.aside(&format!("  {} {}", paint.yellow("hint:"), visible(hint)));
        }
    }

    /// Asks a question; `None` when there is nobody to answer.
    pub(super) fn ask(&self, question: &str) -> Option<String> {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
        drop(err);
        read_line()
    }
}

fn read_line() -> Option<String> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}
