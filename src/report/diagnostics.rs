//! Findings for people, in the style of rustc: the line, a caret, what is wrong, what to do.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};

use super::visible::hidden;
use crate::diagnostic::{Diagnostic, Severity, Source};

/// Longer messages are cut.
const LONG_MESSAGE: usize = 800;
/// Labels that are farther away than this get a frame of their own.
const NEAR_LINES: u32 = 40;
/// The width of the output; fixed, so that logs and terminals show the same. Longer lines are cut by the renderer.
const WIDTH: usize = 140;

/// Renders findings, with the lines they are about where their texts are known.
///
/// `texts` are the files by the name that is shown. Control characters in files and messages are made
/// visible, never sent to the terminal.
pub fn render(findings: &[Diagnostic], texts: &BTreeMap<String, String>, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    let mut out = String::new();
    for finding in findings {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level
            .primary_title(visible(&finding.message))
            .id(finding.code);
        let mut group = Group::with_title(title).elements(frames(finding, texts));
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// A part of a file, ready to be drawn.
struct Frame {
    path: String,
    line: u32,
    text: String,
    marks: Vec<(Range<usize>, String, AnnotationKind)>,
}

fn frames<'a>(finding: &Diagnostic, texts: &BTreeMap<String, String>) -> Vec<Element<'a>> {
    let mut elements = Vec::new();
    let mut rest: Vec<(&Source, &str)> = finding
        .labels
        .iter()
        .map(|l| (&l.source, l.text.as_str()))
        .collect();
    let near = |source: &Source| {
        source.file == finding.source.file
            && source.line.abs_diff(finding.source.line) <= NEAR_LINES
    };
    let mut places = vec![(
        &finding.source,
        finding.caret.as_str(),
        AnnotationKind::Primary,
    )];
    rest.retain(|(source, text)| {
        let keep = near(source);
        if keep {
            places.push((source, text, AnnotationKind::Context));
        }
        !keep
    });
    let mut groups = vec![places];
    groups.extend(
        rest.into_iter()
            .map(|(source, text)| vec![(source, text, AnnotationKind::Context)]),
    );
    for places in groups {
        let source = places[0].0;
        match texts
            .get(source.file.as_ref())
            .and_then(|text| frame(text, &places))
        {
            Some(frame) => elements.push(draw(frame)),
            None => {
                let path = visible(&source.file);
                let origin = Origin::path(path)
                    .line(source.line as usize)
                    .char_column(source.column as usize);
                elements.push(Element::Origin(origin));
            }
        }
    }
    elements
}

fn draw<'a>(frame: Frame) -> Element<'a> {
    let Frame {
        path,
        line,
        text,
        marks,
    } = frame;
    let annotations = marks.into_iter().map(|(span, label, kind)| {
        let annotation: Annotation<'a> = kind.span(span);
        if label.is_empty() {
            annotation
        } else {
            annotation.label(visible(&label))
        }
    });
    Element::Cause(
        Snippet::source(text)
            .line_start(line as usize)
            .path(path)
            .annotations(annotations),
    )
}

/// Cuts the lines out of a text that the places are on; `None` when they are not in it.
fn frame(text: &str, places: &[(&Source, &str, AnnotationKind)]) -> Option<Frame> {
    let primary = places.first()?.0;
    let path = visible(&primary.file);
    let spans: Vec<Range<usize>> = places
        .iter()
        .map(|(source, ..)| span(text, source))
        .collect::<Option<_>>()?;
    let start = line_start(text, spans.iter().map(|span| span.start).min()?);
    let end = line_end(text, spans.iter().map(|span| span.end).max()?);
    let first_line = places.iter().map(|(source, ..)| source.line).min()?;
    let cut = &text[start..end];
    let marks = places
        .iter()
        .zip(&spans)
        .map(|((_, label, kind), span)| {
            (
                span.start - start..span.end - start,
                (*label).to_owned(),
                *kind,
            )
        })
        .collect();
    Some(Frame {
        path,
        line: first_line,
        text: masked(cut),
        marks,
    })
}

/// The bytes that are meant, inside the text: a whole line when the source names none.
fn span(text: &str, source: &Source) -> Option<Range<usize>> {
    let (start, end) = (source.bytes.start, source.bytes.end);
    if (start, end) == (0, 0) {
        let mut begin = 0;
        let mut lines = text.split_inclusive('\n');
        for _ in 1..source.line {
            begin += lines.next()?.len();
        }
        let line = lines.next().unwrap_or("");
        let line = line.trim_end_matches(['\n', '\r']);
        let bom = line.len() - line.trim_start_matches('\u{feff}').len();
        return Some(begin + bom..begin + line.len());
    }
    if start > text.len() {
        return None;
    }
    let start = boundary(text, start);
    let end = boundary(text, end.clamp(start, text.len()));
    // A finding is about one line; a value that goes on is marked to the end of its first.
    Some(start..end.min(line_end(text, start)).max(start))
}

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    if text[start..at].starts_with('\u{feff}') {
        start + '\u{feff}'.len_utf8()
    } else {
        start
    }
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    if text[at..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// A message without anything hidden, and not longer than anybody reads.
fn visible(text: &str) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at >= LONG_MESSAGE {
            out.push_str("...");
            break;
        }
        if hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A part of a file without anything hidden; every byte stays where it is, for the carets.
fn masked(text: &str) -> String {
    // The renderer itself shows the characters below U+0020 by their pictures.
    let mask = |c: char| match c.len_utf8() {
        2 if hidden(c) => '\u{b7}',
        3 if hidden(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    text.chars().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::diagnostic::{Diagnostic, Source};

    fn at(line: u32, column: u32, bytes: std::ops::Range<usize>) -> Source {
        Source {
            file: "policies/p.yaml".into(),
            line,
            column,
            bytes: bytes.into(),
        }
    }

    fn shown(text: Option<&str>, finding: Diagnostic) -> String {
        let texts = text.map(|text| ("policies/p.yaml".to_owned(), text.to_owned()));
        render(&[finding], &texts.into_iter().collect(), false)
    }

    fn finding(source: Source) -> Diagnostic {
        Diagnostic::error("bad-value", "`x` is not a state", source)
            .caret("here")
            .help("write `on`")
    }

    #[test]
    fn every_kind_of_place_is_drawn() {
        let long = format!(
            "a: 1\nname: {}x{}\n",
            "l".repeat(600_000),
            "r".repeat(400_000)
        );
        let far = format!("state: on\n{}state: off\n", "# c\n".repeat(100));
        let mut all = String::new();
        for (title, text, finding) in [
            (
                "a word",
                Some("a: 1\nstate: x # c\n"),
                finding(at(2, 8, 12..13)),
            ),
            (
                "windows line endings",
                Some("a: 1\r\nstate: x\r\n"),
                finding(at(2, 8, 13..14)),
            ),
            (
                "a byte-order mark",
                Some("\u{feff}state: x\n"),
                finding(at(1, 8, 10..11)),
            ),
            (
                "wide characters and a tab",
                Some("漢: é\n\tstate: x\n"),
                finding(at(2, 9, 15..16)),
            ),
            (
                "a whole line",
                Some("a: 1\nstate: x\n"),
                finding(at(2, 1, 0..0)),
            ),
            (
                "the end of the file",
                Some("a: [\n"),
                finding(at(2, 1, 5..5)),
            ),
            (
                "several lines",
                Some("state: >\n  x\n  y\n"),
                finding(at(1, 8, 7..17)),
            ),
            ("no text", None, finding(at(2, 8, 12..13))),
            ("past the end", Some("a: 1\n"), finding(at(9, 8, 120..130))),
            (
                "a line past the end",
                Some("a: 1\n"),
                finding(at(9, 1, 0..0)),
            ),
            (
                "in the middle of a character",
                Some("é: é\n"),
                finding(at(1, 1, 1..5)),
            ),
            (
                "a very long line",
                Some(long.as_str()),
                finding(at(2, 600_007, 600_011..600_012)),
            ),
            (
                "two places far apart",
                Some(far.as_str()),
                finding(at(102, 1, 410..415)).label(at(1, 1, 0..5), "first given here"),
            ),
            (
                "another file",
                Some("state: x\n"),
                finding(at(1, 8, 7..8)).label(Source::file("portcullis.yaml"), "declared here"),
            ),
            (
                "a message with commands",
                Some("state: x\u{9b}31m\u{200b}\n"),
                Diagnostic::warning("bad-value", "`\u{1b}[31m` is\nno state", at(1, 8, 7..8)),
            ),
        ] {
            all.push_str(&format!("## {title}\n\n{}\n", shown(text, finding)));
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn colors_are_only_there_when_asked_for() {
        let texts = [("policies/p.yaml".to_owned(), "state: x\n".to_owned())].into();
        let findings = [finding(at(1, 8, 7..8))];
        assert!(render(&findings, &texts, true).contains("\u{1b}["));
        assert!(!render(&findings, &texts, false).contains('\u{1b}'));
        assert_eq!(render(&[], &texts, true), "");
    }
}
