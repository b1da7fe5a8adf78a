//! Colours, when they are wanted; nothing is said by colour alone.

use anstyle::{AnsiColor, Style};

/// Paints words, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// Paints only when `color` is set.
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    /// Something new, or something that went well.
    pub fn green(self, text: impl std::fmt::Display) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// Something that goes, or that is wrong.
    pub fn red(self, text: impl std::fmt::Display) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    /// Something that changes, or that waits.
    pub fn yellow(self, text: impl std::fmt::Display) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// Something that matters.
    pub fn bold(self, text: impl std::fmt::Display) -> String {
        self.with(Style::new().bold(), text)
    }

    /// Something beside the point.
    pub fn dim(self, text: impl std::fmt::Display) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn with(self, style: Style, text: impl std::fmt::Display) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }
}
