//! Findings for people, in the style of rustc: the line, a caret, what is wrong, what to do.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};

use crate::diagnostic::{Diagnostic, Severity, Source};

/// Longer lines are cut to the surroundings of what is meant.
const LONG_LINE: usize = 400;
/// Longer messages are cut.
const LONG_MESSAGE: usize = 800;
/// How many bytes are kept on each side of it.
const AROUND: usize = 60;
/// Labels that are farther away than this get a frame of their own.
const NEAR_LINES: u32 = 40;
/// The width of the output; fixed, so that logs and terminals show the same.
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
    column: u32,
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
            Some(frame) => draw(frame, &mut elements),
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

fn draw<'a>(frame: Frame, elements: &mut Vec<Element<'a>>) {
    let Frame {
        path,
        line,
        column,
        text,
        marks,
    } = frame;
    let annotations: Vec<Annotation<'a>> = marks
        .into_iter()
        .map(|(span, label, kind)| {
            let annotation = kind.span(span);
            if label.is_empty() {
                annotation
            } else {
                annotation.label(visible(&label))
            }
        })
        .collect();
    let snippet = Snippet::source(masked(&text))
        .line_start(line as usize)
        .annotations(annotations);
    // The place is given apart when the line was cut, because the column would be that of the cut line.
    if column > 0 {
        let at = Origin::path(path)
            .line(line as usize)
            .char_column(column as usize);
        elements.push(Element::Origin(at));
        elements.push(Element::Cause(snippet));
    } else {
        elements.push(Element::Cause(snippet.path(path)));
    }
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
    let marks = |offset: usize| {
        let labelled = places.iter().zip(&spans);
        let mark = |((_, label, kind), span): (&(&Source, &str, AnnotationKind), &Range<usize>)| {
            (
                span.start - offset..span.end - offset,
                (*label).to_owned(),
                *kind,
            )
        };
        labelled.map(mark).collect::<Vec<_>>()
    };
    if cut.lines().all(|line| line.len() <= LONG_LINE) {
        return Some(Frame {
            path,
            line: first_line,
            column: 0,
            text: cut.to_owned(),
            marks: marks(start),
        });
    }
    // One long line: the surroundings of the first place, with dots where something is missing.
    let span = &spans[0];
    let (start, end) = (line_start(text, span.start), line_end(text, span.start));
    let from = boundary(text, span.start.saturating_sub(AROUND).max(start));
    let shown_end = span.end.min(span.start + AROUND).min(end).max(span.start);
    let to = boundary(text, (shown_end + AROUND).min(end));
    let (before, after) = (
        if from > start { "..." } else { "" },
        if to < end { "..." } else { "" },
    );
    let shift = |at: usize| boundary(text, at).clamp(from, to) - from + before.len();
    let mark = (
        shift(span.start)..shift(shown_end),
        places[0].1.to_owned(),
        places[0].2,
    );
    Some(Frame {
        path,
        line: primary.line,
        column: primary.column,
        text: format!("{before}{}{after}", &text[from..to]),
        marks: vec![mark],
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

/// Characters that a terminal would obey, or that a reader would not see.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
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
