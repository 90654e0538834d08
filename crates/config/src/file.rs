//! The configuration file.

use std::collections::BTreeSet;
use std::path::Path;

use toml::de::DeTable;

use super::problem::{Place, Problem};
use super::reader::{Reader, Shape, Table};
use super::tree::{Entry, Node};
use super::{Draft, apps};

/// Whether a file could be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// All of it.
    Valid,
    /// Some of it is missing.
    Broken,
}

/// Reads the whole file. Where it cannot be parsed, the rest of it is still looked at.
pub(super) fn read(path: &Path, text: &str, draft: &mut Draft) -> Syntax {
    let (document, errors) = DeTable::parse_recoverable(text);
    let Draft {
        config,
        notes,
        common,
    } = draft;
    let mut reader = Reader::of_file(path, text, notes);
    let keys: Vec<String> = config.keys().collect();
    for (name, value) in document.get_ref() {
        let entry = Entry {
            name: name.get_ref(),
            at: name.span().start,
            value: Node::of_file(value),
        };
        let mut sections = config.sections_mut();
        let section = sections
            .iter_mut()
            .find(|section| section.heading() == entry.name);
        match (section, entry.value.entries()) {
            (Some(section), Some(entries)) => {
                let prefix = section.heading();
                reader.fill(&mut [*section], &Table { prefix, entries }, &keys);
            }
            (Some(section), None) => reader.expected(section.heading(), Shape::Table, entry.value),
            (None, _) if entry.name == apps::HEADING => {
                config.apps = apps::read(&mut reader, entry.value, common);
            }
            (None, _) => {
                let headings = sections.iter().map(|section| section.heading().to_owned());
                let names: Vec<_> = headings
                    .chain([apps::HEADING.to_owned()])
                    .chain(keys.iter().cloned())
                    .collect();
                reader.unknown("", entry, &names);
            }
        }
    }
    add_syntax(&mut reader, &errors);
    match errors.is_empty() {
        true => Syntax::Valid,
        false => Syntax::Broken,
    }
}

/// Adds what the parser said, in place of what was noted for the same lines: what is left of a
/// broken line is not what the operator wrote.
fn add_syntax(reader: &mut Reader<'_>, errors: &[toml::de::Error]) {
    let problems: Vec<_> = errors
        .iter()
        .map(|error| {
            let place = reader.place(error.span().map_or(0, |span| span.start));
            Problem::new("", place, error.message())
        })
        .collect();
    let broken: BTreeSet<_> = problems.iter().filter_map(|p| line_of(&p.place)).collect();
    let is_whole = |p: &Problem| line_of(&p.place).is_none_or(|line| !broken.contains(&line));
    reader.notes.problems.retain(is_whole);
    reader.notes.problems.extend(problems);
}

fn line_of(place: &Place) -> Option<usize> {
    match place {
        Place::File { line, .. } => Some(*line),
        _ => None,
    }
}
