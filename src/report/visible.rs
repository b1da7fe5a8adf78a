//! Text of somebody else's, so that it can neither steer a terminal nor pass for a line of ours.

use serde_json::Value;

/// Characters that a terminal would obey, or that a reader would not see.
pub(super) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with everything hidden spelt out; line breaks too, for names and reasons have one line.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same for every text in a document.
pub(super) fn visible_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(visible(&text)),
        Value::Array(items) => items.into_iter().map(visible_value).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, visible_value(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        assert_eq!(
            visible("a\u{1b}[2J\nb\u{202e}c\u{2028}d\u{200b}"),
            "a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{2028}d\\u{200b}"
        );
        assert_eq!(visible("Größe – 日本 👩‍"), "Größe – 日本 👩\\u{200d}");
        assert_eq!(visible("plain"), "plain");
    }
}
