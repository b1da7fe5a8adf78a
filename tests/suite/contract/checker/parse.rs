//! Reads the tables. How they are written is said in `tests/contract/README.md`.

use super::operations::{Answer, Operation};
use super::tables::{Kind, Marks, Property, Tables, Type, Words};

/// Reads tables; each is a file's name and its text. What cannot be read is a mistake in the file.
pub(crate) fn tables(files: &[(&str, &str)]) -> Tables {
    let mut tables = Tables::default();
    for (file, text) in files {
        Reader::default().read(file, text, &mut tables);
    }
    let named = |kind: &Kind| {
        let mut kind = kind;
        while let Kind::List(element) = kind {
            kind = element;
        }
        match kind {
            Kind::Named(name) => Some(name.clone()),
            _ => None,
        }
    };
    let properties = tables.types.values().flat_map(|found| &found.properties);
    let mut mentioned: Vec<String> = properties
        .flat_map(|property| [Some(&property.kind), property.written_as.as_ref()])
        .flatten()
        .filter_map(named)
        .collect();
    mentioned.extend(tables.types.values().filter_map(|found| found.base.clone()));
    for operation in &tables.operations {
        mentioned.extend(operation.body.clone());
        for (_, answer) in &operation.answers {
            if let Answer::One(name) | Answer::Many(name) = answer {
                mentioned.push(name.clone());
            }
        }
    }
    for name in mentioned {
        let known = tables.types.contains_key(&name) || tables.words.contains_key(&name);
        assert!(known, "`{name}` is used in the tables and stands in none");
    }
    tables.inherit();
    tables
}

/// What the indented lines belong to.
#[derive(Debug, Default)]
enum Under {
    #[default]
    Nothing,
    Type(String),
    Words(String),
    Path {
        path: String,
        beta: bool,
        bare: bool,
        advanced: bool,
        source: String,
    },
}

#[derive(Debug, Default)]
struct Reader {
    under: Under,
}

impl Reader {
    fn read(&mut self, file: &str, text: &str, tables: &mut Tables) {
        for (number, line) in text.lines().enumerate() {
            let place = format!("tests/contract/{file} line {}: {line}", number + 1);
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let (rest, note) = match line.split_once("--") {
                Some((rest, note)) => (rest, note.trim()),
                None => (line, ""),
            };
            let words: Vec<&str> = rest.split_whitespace().collect();
            if line.starts_with(' ') {
                self.entry(&words, note, &place, tables);
            } else {
                assert!(!note.is_empty(), "{place}: from where is this known?");
                self.head(&words, note, &place, tables);
            }
        }
    }

    fn head(&mut self, words: &[&str], note: &str, place: &str, tables: &mut Tables) {
        self.under = match words {
            ["type", name, rest @ ..] => {
                let (base, marks) = match rest {
                    [":", base, marks @ ..] => (Some((*base).to_owned()), marks),
                    marks => (None, marks),
                };
                for mark in marks {
                    assert!(["abstract", "open"].contains(mark), "{place}: `{mark}`?");
                }
                let new = Type {
                    base,
                    properties: Vec::new(),
                    is_abstract: marks.contains(&"abstract"),
                    is_open: marks.contains(&"open"),
                    source: note.to_owned(),
                };
                let old = tables.types.insert((*name).to_owned(), new);
                assert!(old.is_none(), "{place}: `{name}` stands twice");
                Under::Type((*name).to_owned())
            }
            [kind @ ("enum" | "flags"), name] => {
                let new = Words {
                    flags: *kind == "flags",
                    source: note.to_owned(),
                    ..Words::default()
                };
                let old = tables.words.insert((*name).to_owned(), new);
                assert!(old.is_none(), "{place}: `{name}` stands twice");
                Under::Words((*name).to_owned())
            }
            ["path", path, marks @ ..] => {
                for mark in marks {
                    assert!(
                        ["beta", "bare", "advanced"].contains(mark),
                        "{place}: `{mark}`?"
                    );
                }
                Under::Path {
                    path: (*path).to_owned(),
                    beta: marks.contains(&"beta"),
                    bare: marks.contains(&"bare"),
                    advanced: marks.contains(&"advanced"),
                    source: note.to_owned(),
                }
            }
            ["alias", other, "=", path] => {
                let alias = ((*other).to_owned(), (*path).to_owned());
                tables.aliases.push(alias);
                Under::Nothing
            }
            _ => panic!("{place}: what is this?"),
        };
    }

    fn entry(&self, words: &[&str], note: &str, place: &str, tables: &mut Tables) {
        match &self.under {
            Under::Nothing => panic!("{place}: belongs to nothing"),
            Under::Type(name) => {
                if let Some(found) = tables.types.get_mut(name) {
                    let source = if note.is_empty() { &found.source } else { note };
                    let new = property(words, source, place);
                    let twice = found.properties.iter().any(|old| old.name == new.name);
                    assert!(!twice, "{place}: stands twice");
                    found.properties.push(new);
                }
            }
            Under::Words(name) => {
                if let Some(found) = tables.words.get_mut(name) {
                    let words = words.iter().map(ToString::to_string);
                    let mut words = words.collect::<Vec<String>>();
                    if words.first().is_some_and(|word| word == "later") {
                        found.later.extend(words.split_off(1));
                    } else {
                        found.members.extend(words);
                    }
                }
            }
            Under::Path {
                path,
                beta,
                bare,
                advanced,
                source,
            } => {
                let (asked, answered) = split_at(words, "->", place);
                let (answered, options) = match answered.iter().position(|word| *word == "?") {
                    Some(at) => (&answered[..at], &answered[at + 1..]),
                    None => (answered, &[][..]),
                };
                let (method, body, complete) = match asked {
                    [method] => (method, None, false),
                    [method, body] => (method, Some(*body), false),
                    [method, body, "complete"] => (method, Some(*body), true),
                    _ => panic!("{place}: METHOD TYPE -> STATUS TYPE"),
                };
                let answer = match answered {
                    [status] => (*status, Answer::Nothing),
                    [status, "count"] => (*status, Answer::Count),
                    [status, list] if list.starts_with('[') => (
                        *status,
                        Answer::Many(list.trim_matches(['[', ']']).to_owned()),
                    ),
                    [status, one] => (*status, Answer::One((*one).to_owned())),
                    _ => panic!("{place}: METHOD TYPE -> STATUS TYPE"),
                };
                let status = answer.0.parse().unwrap_or_else(|_| panic!("{place}"));
                tables.operations.push(Operation {
                    method: (*method).to_owned(),
                    path: path.clone(),
                    body: body.map(str::to_owned),
                    complete,
                    answers: vec![(status, answer.1)],
                    options: options.iter().map(ToString::to_string).collect(),
                    beta: *beta,
                    bare: *bare,
                    advanced: *advanced,
                    source: if note.is_empty() { source } else { note }.to_owned(),
                });
            }
        }
    }
}

fn split_at<'a>(words: &'a [&'a str], mark: &str, place: &str) -> (&'a [&'a str], &'a [&'a str]) {
    let at = words.iter().position(|word| *word == mark);
    let at = at.unwrap_or_else(|| panic!("{place}: where is `{mark}`?"));
    (&words[..at], &words[at + 1..])
}

fn property(words: &[&str], source: &str, place: &str) -> Property {
    let [name, kind, marks @ ..] = words else {
        panic!("{place}: NAME TYPE MARKS");
    };
    let mut property = Property {
        name: (*name).to_owned(),
        kind: self::kind(kind.trim_end_matches('?'), place),
        nullable: kind.ends_with('?'),
        written_as: None,
        marks: Marks::default(),
        source: source.to_owned(),
    };
    for mark in marks {
        match *mark {
            "create" => property.marks.needed = true,
            "read-only" => property.marks.read_only = true,
            "never" => property.marks.never = true,
            "maybe" => property.marks.maybe = true,
            "beta" => property.marks.beta = true,
            other => match other.strip_prefix("write=") {
                Some(kind) => property.written_as = Some(self::kind(kind, place)),
                None => panic!("{place}: `{other}`?"),
            },
        }
    }
    property
}

fn kind(text: &str, place: &str) -> Kind {
    if let Some(element) = text.strip_prefix('[') {
        let element = element.strip_suffix(']');
        let element = element.unwrap_or_else(|| panic!("{place}: `{text}`?"));
        return Kind::List(Box::new(kind(element, place)));
    }
    match text {
        "text" => Kind::Text,
        "guid" => Kind::Guid,
        "bool" => Kind::Bool,
        "int" => Kind::Int,
        "number" => Kind::Number,
        "time" => Kind::Time,
        "any" => Kind::Any,
        name => Kind::Named(name.to_owned()),
    }
}
