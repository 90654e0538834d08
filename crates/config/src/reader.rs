//! How tables are read, whichever source has them.

use std::path::Path;

use super::problem::{Place, Problem, nearest, printable};
use super::section::Section;
use super::tree::{Entry, Node};
use super::{Given, Notes, full_key};

/// A source being read.
pub(super) struct Reader<'a> {
    source: Source<'a>,
    pub(super) notes: &'a mut Notes,
}

enum Source<'a> {
    /// The file: its name and its text.
    File(&'a Path, &'a str),
    /// A value all of which is at one place.
    Value(Place),
}

/// A table and what full keys call it.
pub(super) struct Table<'a> {
    pub(super) prefix: &'a str,
    pub(super) entries: Vec<Entry<'a>>,
}

/// What a value has to be where it is no setting's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Texts,
    Table,
    Tables,
}

impl<'a> Reader<'a> {
    /// A reader of the file.
    pub(super) fn of_file(path: &'a Path, text: &'a str, notes: &'a mut Notes) -> Self {
        let source = Source::File(path, text);
        Self { source, notes }
    }

    /// A reader of a value at this place.
    pub(super) fn of_value(place: Place, notes: &'a mut Notes) -> Self {
        let source = Source::Value(place);
        Self { source, notes }
    }

    /// The place of a byte offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let (path, text) = match &self.source {
            Source::File(path, text) => (*path, *text),
            Source::Value(place) => return place.clone(),
        };
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        Place::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: in_line.chars().count() + 1,
        }
    }

    /// Gives every entry of `table` to the first of `sections` that has such a setting. `known`
    /// are the valid full keys; those that no section has are left to the caller. What is null
    /// is not there.
    pub(super) fn fill(
        &mut self,
        sections: &mut [&mut dyn Section],
        table: &Table<'_>,
        known: &[String],
    ) {
        for entry in &table.entries {
            let setting = sections
                .iter_mut()
                .find_map(|section| section.row(entry.name).map(|row| (section, row)));
            if let Some((section, row)) = setting {
                if entry.value.is_null() {
                    continue;
                }
                let given = Given {
                    row,
                    found: entry.value.found,
                    place: self.place(entry.value.at),
                };
                self.notes.assign(*section, table.prefix, given);
            } else if !known.contains(&full_key(table.prefix, entry.name)) {
                self.unknown(table.prefix, *entry, known);
            }
        }
    }

    /// The elements of a list of tables with what full keys call them; their places are noted.
    pub(super) fn tables<'v>(&mut self, key: &str, value: Node<'v>) -> Vec<(String, Node<'v>)> {
        let Some(elements) = value.elements() else {
            self.expected(key, Shape::Tables, value);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let prefix = format!("{key}[{index}]");
            let place = self.place(element.at);
            self.notes.provenance.places.insert(prefix.clone(), place);
            match element.entries() {
                Some(_) => tables.push((prefix, element)),
                None => self.expected(&prefix, Shape::Table, element),
            }
        }
        tables
    }

    /// Notes that `value` has the wrong kind, without showing it.
    pub(super) fn expected(&mut self, key: &str, shape: Shape, value: Node<'_>) {
        let place = self.place(value.at);
        let kind = match (shape, &self.source) {
            (Shape::Text, _) => "text",
            (Shape::Texts, _) => "an array of texts",
            (Shape::Table, Source::File(..)) => "a table",
            (Shape::Tables, Source::File(..)) => "an array of tables",
            (Shape::Table, Source::Value(_)) => "an object",
            (Shape::Tables, Source::Value(_)) => "an array of objects",
        };
        let message = format!("expected {kind}, found {}", value.found.kind());
        self.notes.problem(key, place, message);
    }

    /// Notes that there is no such setting.
    pub(super) fn unknown(&mut self, prefix: &str, entry: Entry<'_>, known: &[String]) {
        let wrong = full_key(prefix, entry.name);
        let place = self.place(entry.at);
        let problem = Problem::new(&printable(&wrong), place, "unknown setting");
        let suggestion = nearest(&wrong, entry.name, known.iter().cloned());
        self.notes.problems.push(problem.suggest(suggestion));
    }
}
