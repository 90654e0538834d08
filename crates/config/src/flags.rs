//! Flags of the command line.

use super::problem::{Place, Problem, nearest};
use super::section::Row;
use super::value::Found;
use super::{Draft, Given, full_key};

/// The flag of a setting, dashes included: its short name, or its full key.
pub(super) fn flag(key: &str, row: &Row) -> String {
    flag_of(row.short.unwrap_or(key))
}

fn flag_of(name: &str) -> String {
    format!("--{}", name.replace(['.', '_'], "-"))
}

/// Reads the flags, each a full key and a text.
pub(super) fn read(flags: &[(&'static str, String)], draft: &mut Draft) {
    let keys: Vec<String> = draft.config.keys().collect();
    for (key, value) in flags {
        let (heading, name) = key.split_once('.').unwrap_or(("", key));
        let mut sections = draft.config.sections_mut();
        let setting = sections
            .iter_mut()
            .filter(|section| section.heading() == heading)
            .find_map(|section| section.row(name).map(|row| (section, row)));
        let Some((section, row)) = setting else {
            let problem = Problem::new(key, Place::Flag(flag_of(key)), "unknown setting");
            let suggestion = nearest(key, name, keys.iter().cloned());
            draft.notes.problems.push(problem.suggest(suggestion));
            continue;
        };
        let given = Given {
            row,
            found: Found::Text(value),
            place: Place::Flag(flag(&full_key(heading, name), row)),
        };
        draft.notes.assign(*section, heading, given);
    }
}
