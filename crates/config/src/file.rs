//! The configuration file.

use std::collections::BTreeSet;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, nearest, printable};
use super::section::Section;
use super::value::Found;
use super::{Draft, Given, Notes, apps, full_key};

/// Whether a file could be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// All of it.
    Valid,
    /// Some of it is missing.
    Broken,
}

/// A file being read.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    pub(super) notes: &'a mut Notes,
}

/// A table of the file and what full keys call it.
pub(super) struct Table<'a> {
    pub(super) prefix: &'a str,
    pub(super) entries: &'a DeTable<'a>,
}

/// Reads the whole file. Where it cannot be parsed, the rest of it is still looked at.
pub(super) fn read(path: &Path, text: &str, draft: &mut Draft) -> Syntax {
    let (document, errors) = DeTable::parse_recoverable(text);
    let Draft {
        config,
        notes,
        common,
    } = draft;
    let mut reader = Reader { path, text, notes };
    let keys: Vec<String> = config.keys().collect();
    for (name, value) in document.get_ref() {
        let mut sections = config.sections_mut();
        let section = sections
            .iter_mut()
            .find(|section| section.heading() == name.get_ref());
        match (section, value.get_ref()) {
            (Some(section), DeValue::Table(entries)) => {
                let prefix = section.heading();
                reader.fill(&mut [*section], &Table { prefix, entries }, &keys);
            }
            (Some(section), _) => reader.expected(section.heading(), "a table", value),
            (None, _) if name.get_ref() == apps::HEADING => {
                config.apps = apps::read(&mut reader, value, common);
            }
            (None, _) => {
                let headings = sections.iter().map(|section| section.heading().to_owned());
                let names: Vec<_> = headings
                    .chain([apps::HEADING.to_owned()])
                    .chain(keys.iter().cloned())
                    .collect();
                reader.unknown("", name, &names);
            }
        }
    }
    reader.add_syntax(&errors);
    match errors.is_empty() {
        true => Syntax::Valid,
        false => Syntax::Broken,
    }
}

impl Reader<'_> {
    /// The place of a byte offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        Place::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: in_line.chars().count() + 1,
        }
    }

    /// Gives every entry of `table` to the first of `sections` that has such a setting. `known`
    /// are the valid full keys; those that no section has are left to the caller.
    pub(super) fn fill(
        &mut self,
        sections: &mut [&mut dyn Section],
        table: &Table<'_>,
        known: &[String],
    ) {
        for (name, value) in table.entries {
            let setting = sections
                .iter_mut()
                .find_map(|section| section.row(name.get_ref()).map(|row| (section, row)));
            if let Some((section, row)) = setting {
                let given = Given {
                    row,
                    found: Found::Typed(value.get_ref()),
                    place: self.place(value.span().start),
                };
                self.notes.assign(*section, table.prefix, given);
            } else if !known.contains(&full_key(table.prefix, name.get_ref())) {
                self.unknown(table.prefix, name, known);
            }
        }
    }

    /// Notes that `value` has the wrong kind, without showing it.
    pub(super) fn expected(&mut self, key: &str, kind: &str, value: &Spanned<DeValue<'_>>) {
        let place = self.place(value.span().start);
        let message = format!(
            "expected {kind}, found {}",
            Found::Typed(value.get_ref()).kind()
        );
        self.notes.problem(key, place, message);
    }

    fn unknown<N: AsRef<str>>(&mut self, prefix: &str, name: &Spanned<N>, known: &[String]) {
        let tail = name.get_ref().as_ref();
        let wrong = full_key(prefix, tail);
        let place = self.place(name.span().start);
        let problem = Problem::new(&printable(&wrong), place, "unknown setting");
        let suggestion = nearest(&wrong, tail, known.iter().cloned());
        self.notes.problems.push(problem.suggest(suggestion));
    }

    /// Adds what the parser said, in place of what was noted for the same lines: what is left of a
    /// broken line is not what the operator wrote.
    fn add_syntax(&mut self, errors: &[toml::de::Error]) {
        let problems: Vec<_> = errors
            .iter()
            .map(|error| {
                let place = self.place(error.span().map_or(0, |span| span.start));
                Problem::new("", place, error.message())
            })
            .collect();
        let broken: BTreeSet<_> = problems.iter().filter_map(|p| line_of(&p.place)).collect();
        let is_whole = |p: &Problem| line_of(&p.place).is_none_or(|line| !broken.contains(&line));
        self.notes.problems.retain(is_whole);
        self.notes.problems.extend(problems);
    }
}

fn line_of(place: &Place) -> Option<usize> {
    match place {
        Place::File { line, .. } => Some(*line),
        _ => None,
    }
}
