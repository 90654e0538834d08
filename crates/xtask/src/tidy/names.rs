//! Rules: no `mod.rs`, no module named after nothing, and every file says what it is for.

use super::Problem;
use super::rust_files::{RustFile, RustFiles};
use super::source::words;
use super::tree::Tree;

/// Names under which anything can be put, so that in the end everything is.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "misc", "common"];

pub(super) fn check(tree: &Tree, rust: &RustFiles<'_>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = tree.iter().flat_map(|(path, _)| check_path(path)).collect();
    for file in rust.iter() {
        problems.extend(check_modules(file));
        problems.extend(check_opening(file));
    }
    problems
}

fn check_path(path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if path.ends_with("/mod.rs") {
        problems.push(Problem::new(
            path,
            1,
            "no `mod.rs`: name the file after its module",
        ));
    }
    for part in path.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        if EMPTY_NAMES.contains(&stem) {
            problems.push(Problem::new(path, 1, empty_name(stem)));
        }
    }
    problems
}

fn check_modules(file: &RustFile<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in file.numbered() {
        let mut words = words(&line.bare).skip_while(|word| *word != "mod").skip(1);
        if let Some(name) = words.next().filter(|name| EMPTY_NAMES.contains(name)) {
            problems.push(Problem::new(file.path, number, empty_name(name)));
        }
    }
    problems
}

fn empty_name(name: &str) -> String {
    format!("`{name}` says nothing about what is inside; name what it is for")
}

fn check_opening(file: &RustFile<'_>) -> Option<Problem> {
    let opens = file
        .lines
        .first()
        .is_some_and(|line| line.text.starts_with("//!"));
    (file.is_under_src() && !opens)
        .then(|| Problem::new(file.path, 1, "the file must open with its `//!` module doc"))
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    fn check_file(path: &str, text: &str, expect: &[&str]) {
        let tree = Tree::of(&[(path, text)]);
        assert_problems(&check(&tree, &RustFiles::of(&tree)), expect);
    }

    #[test]
    fn refuses_mod_rs() {
        check_file("crates/a/src/view.rs", "//! Views.", &[]);
        check_file(
            "crates/a/src/view/mod.rs",
            "//! Views.",
            &["crates/a/src/view/mod.rs:1: no `mod.rs`: name the file after its module"],
        );
    }

    #[test]
    fn refuses_names_that_say_nothing() {
        let says = "says nothing about what is inside; name what it is for";
        check_file(
            "crates/a/src/lib.rs",
            "//! It.\nmod utilities;\n// mod utils\n",
            &[],
        );
        check_file(
            "crates/a/src/lib.rs",
            "//! It.\npub(crate) mod utils {}\n",
            &[&format!("crates/a/src/lib.rs:2: `utils` {says}")],
        );
        check_file(
            "crates/a/tests/common/bus.rs",
            "",
            &[&format!("crates/a/tests/common/bus.rs:1: `common` {says}")],
        );
        check_file(
            "protocol-tests/helpers.mjs",
            "",
            &[&format!("protocol-tests/helpers.mjs:1: `helpers` {says}")],
        );
    }

    #[test]
    fn wants_a_module_doc() {
        check_file("crates/a/tests/model.rs", "use a;", &[]);
        check_file(
            "crates/a/src/view.rs",
            "use a;\n//! Too late.",
            &["crates/a/src/view.rs:1: the file must open with its `//!` module doc"],
        );
    }
}
