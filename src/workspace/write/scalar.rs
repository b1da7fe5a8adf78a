//! One text as a YAML scalar: plain where every reader takes it for that text, else in quotes.

use std::fmt::Write as _;

use crate::model::Id;

/// Words that some reader of YAML takes for something else than a text.
const TAKEN: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// The scalar that stands for a text, in a flow collection too.
pub(in crate::workspace) fn scalar(text: &str) -> String {
    if is_plain(text) || Id::looks_like_guid(text) {
        return text.to_owned();
    }
    let printable = |c: char| !c.is_control() && !is_treacherous(c);
    if text.contains(['"', '\\']) && text.chars().all(printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    quoted(text)
}

/// Whether a text can stand without quotes.
fn is_plain(text: &str) -> bool {
    let number = |c: char| c.is_ascii_digit() || "+-._:eExXoTZ".contains(c);
    let begins = |c: char| c.is_alphanumeric() || c == '(' || c == '/';
    let goes_on = |c: char| c.is_alphanumeric() || " -_.@/()+&=$;~'\"<>*%!?^|".contains(c);
    text.chars().next().is_some_and(begins)
        && text.chars().all(goes_on)
        && !text.ends_with(' ')
        && !text.chars().all(number)
        && text.parse::<f64>().is_err()
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

/// What a reader would fold, and what would be invisible or reorder the line.
fn is_treacherous(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text in double quotes.
pub(in crate::workspace) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_treacherous(c) => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as the rest of a comment: one line, and nothing in it that a reader would not see.
pub(in crate::workspace) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_treacherous(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_until_a_reader_could_err() {
        for (text, written) in [
            ("CA010 - Require MFA", "CA010 - Require MFA"),
            ("CA010: Require MFA", "\"CA010: Require MFA\""),
            ("<RING> all", "\"<RING> all\""),
            ("on", "\"on\""),
            ("No", "\"No\""),
            ("0123", "\"0123\""),
            ("1e3", "\"1e3\""),
            ("2027-01-31", "\"2027-01-31\""),
            ("a, b", "\"a, b\""),
            ("a #1", "\"a #1\""),
            (" a", "\" a\""),
            ("a ", "\"a \""),
            ("", "\"\""),
            ("O'Neil", "O'Neil"),
            ("'quoted'", "\"'quoted'\""),
            ("device.a -eq \"b\"", "device.a -eq \"b\""),
            ("(device.a -eq \"b, c\")", "'(device.a -eq \"b, c\")'"),
            ("it's \"x\", y", "'it''s \"x\", y'"),
            ("Zürich (Büro)", "Zürich (Büro)"),
            ("a\u{202e}b", "\"a\\u202Eb\""),
            (
                "11111111-2222-4333-8444-555555555555",
                "11111111-2222-4333-8444-555555555555",
            ),
            ("a\nb", "\"a\\nb\""),
            ("ops@contoso.example", "ops@contoso.example"),
        ] {
            assert_eq!(scalar(text), written, "{text:?}");
        }
    }
}
