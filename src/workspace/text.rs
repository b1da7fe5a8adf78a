//! What can be said about a file before it is YAML: its size, its encoding, its characters.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};

/// The largest file that is read, in bytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// Turns the bytes of a file into text, or says where they stop being text.
pub(super) fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..at]);
        let source = place(&Arc::from(file), &good, good.len());
        let what = if utf16 {
            "is UTF-16"
        } else {
            "is not valid UTF-8"
        };
        let message = format!("{file} {what} (byte {at}, line {})", source.line);
        Box::new(Diagnostic::error("not-utf8", message, source).help("save the file as UTF-8"))
    })
}

/// The finding for a file above [`MAX_BYTES`].
pub(super) fn too_large(file: &str, bytes: u64) -> Diagnostic {
    Diagnostic::error(
        "too-large",
        format!("{file} has {bytes} bytes; the limit is {MAX_BYTES}"),
        Source::file(file),
    )
    .help("a policy needs a few kilobytes: is this the right file?")
}

/// Characters that YAML forbids, and those that make a reviewed line read differently from what it says.
pub(super) fn bad_character(file: &Arc<str>, text: &str) -> Option<Diagnostic> {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let (at, c) = text.char_indices().find(|(_, c)| control(*c) || bidi(*c))?;
    let mut source = place(file, text, at);
    source.bytes = (at..at + c.len_utf8()).into();
    let code = u32::from(c);
    let finding = if control(c) {
        let message = format!("the control character U+{code:04X} is not allowed in YAML");
        Diagnostic::error("control-character", message, source)
    } else {
        let message = format!("the invisible character U+{code:04X} reorders the text around it");
        Diagnostic::error("hidden-character", message, source)
    };
    Some(finding.help("remove it"))
}

/// The place of a byte offset, found by counting.
fn place(file: &Arc<str>, text: &str, at: usize) -> Source {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let column = before[line_start..]
        .trim_start_matches('\u{feff}')
        .chars()
        .count()
        + 1;
    Source {
        file: file.clone(),
        line: count(before.matches('\n').count() + 1),
        column: count(column),
        bytes: (at..at).into(),
    }
}

/// A line or column as it is kept.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
