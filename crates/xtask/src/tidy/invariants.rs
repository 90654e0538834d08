//! Rule: an invariant has a name that is defined once, kept in code and shown in a test.

use super::Problem;
use super::rust_files::RustFiles;
use super::source::Place;
use super::tree::Tree;
use std::collections::BTreeMap;

/// Where invariants are defined.
const DEFINITIONS: &str = "docs/architecture.md";
/// Its own tests are full of invariants that do not exist.
const EXEMPT: &str = "xtask";

/// Where a name was first seen in each of the three places, and anywhere at all.
#[derive(Default)]
struct Seen {
    first: Option<(String, usize)>,
    defined: usize,
    kept: usize,
    shown: usize,
}

enum Role {
    Defined,
    Kept,
    Shown,
    Mentioned,
}

pub(super) fn check(tree: &Tree, rust: &RustFiles<'_>) -> Vec<Problem> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut note = |path: &str, line: usize, text: &str, role: &Role| {
        for name in names(text) {
            let entry = seen.entry(name).or_default();
            entry.first.get_or_insert_with(|| (path.to_owned(), line));
            match role {
                Role::Defined => entry.defined += 1,
                Role::Kept => entry.kept += 1,
                Role::Shown => entry.shown += 1,
                Role::Mentioned => {}
            }
        }
    };
    for file in rust.iter().filter(|file| file.crate_name() != EXEMPT) {
        for (number, line) in file.numbered() {
            let role = if line.place == Place::Test {
                Role::Shown
            } else {
                Role::Kept
            };
            note(file.path, number, &line.text, &role);
        }
    }
    for (path, text) in tree.iter().filter(|(path, _)| !path.starts_with("crates/")) {
        let role = match path {
            DEFINITIONS => Role::Defined,
            _ if path.starts_with("protocol-tests/") => Role::Shown,
            _ => Role::Mentioned,
        };
        for (number, line) in text.lines().enumerate() {
            note(path, number + 1, line, &role);
        }
    }
    let mut problems: Vec<Problem> = seen
        .iter()
        .flat_map(|(name, seen)| gaps(name, seen))
        .collect();
    if tree.get(DEFINITIONS).is_none() {
        problems.push(Problem::new(
            DEFINITIONS,
            1,
            "is not there; it defines the invariants",
        ));
    }
    problems
}

fn gaps(name: &str, seen: &Seen) -> Vec<Problem> {
    let places = [
        (seen.defined, "is not defined in docs/architecture.md"),
        (
            seen.kept,
            "is named in no crate's source: say where it is kept",
        ),
        (seen.shown, "is named in no test: say what shows it"),
    ];
    let (path, line) = seen.first.clone().unwrap_or_default();
    let missing = places.into_iter().filter(|(count, _)| *count == 0);
    missing
        .map(|(_, gap)| Problem::new(&path, line, format!("{name} {gap}")))
        .collect()
}

/// Every `INV-LETTERS-DIGITS` in `text`.
fn names(text: &str) -> Vec<String> {
    let pieces = text.match_indices("INV-").filter_map(|(at, prefix)| {
        let rest = text.get(at + prefix.len()..)?;
        let (area, rest) = rest.split_once('-')?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let named = !area.is_empty() && area.chars().all(|c| c.is_ascii_uppercase());
        (named && !digits.is_empty()).then(|| format!("INV-{area}-{digits}"))
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    const SOURCE: &str = "crates/channels/src/audience.rs";

    fn check_files(files: &[(&str, &str)], expect: &[&str]) {
        let tree = Tree::of(files);
        assert_problems(&check(&tree, &RustFiles::of(&tree)), expect);
    }

    #[test]
    fn reads_names() {
        let found = names("INV-ORDER-1, INV-ORDER-12: INV--1 INV-order-1 INV-ACK-x INV-ACK-");
        assert_eq!(found, ["INV-ORDER-1", "INV-ORDER-12"]);
    }

    #[test]
    fn accepts_a_name_in_all_three_places() {
        let in_module = "// INV-ACK-1\n#[cfg(test)]\nmod tests {\n// INV-ACK-1\n}";
        check_files(&[(DEFINITIONS, "INV-ACK-1"), (SOURCE, in_module)], &[]);
        check_files(
            &[
                (DEFINITIONS, "INV-ACK-1 INV-ACK-2"),
                (SOURCE, "// INV-ACK-1 INV-ACK-2"),
                ("crates/channels/tests/model.rs", "// INV-ACK-1"),
                ("protocol-tests/ack.test.mjs", "// INV-ACK-2"),
            ],
            &[],
        );
        check_files(
            &[(DEFINITIONS, ""), ("crates/xtask/src/a.rs", "// INV-ACK-1")],
            &[],
        );
    }

    #[test]
    fn names_each_place_that_is_missing() {
        check_files(
            &[
                (DEFINITIONS, "\nINV-ACK-1"),
                (SOURCE, "// INV-ACK-1 INV-ACK-2"),
            ],
            &[
                "crates/channels/src/audience.rs:1: INV-ACK-1 is named in no test: say what shows \
                 it",
                "crates/channels/src/audience.rs:1: INV-ACK-2 is not defined in \
                 docs/architecture.md",
                "crates/channels/src/audience.rs:1: INV-ACK-2 is named in no test: say what shows \
                 it",
            ],
        );
        check_files(
            &[("README.md", "INV-ACK-1")],
            &[
                "README.md:1: INV-ACK-1 is not defined in docs/architecture.md",
                "README.md:1: INV-ACK-1 is named in no crate's source: say where it is kept",
                "README.md:1: INV-ACK-1 is named in no test: say what shows it",
                "docs/architecture.md:1: is not there; it defines the invariants",
            ],
        );
    }
}
