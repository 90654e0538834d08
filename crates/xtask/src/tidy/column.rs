//! Rule: a line has at most 100 columns, comments included; text in tests may be longer.

use super::Problem;
use super::rust_files::RustFiles;
use super::source::{Line, Place};

const LIMIT: usize = 100;

pub(super) fn check(rust: &RustFiles<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in rust.iter() {
        for (number, line) in file.numbered() {
            let columns = line.text.chars().count();
            if columns > LIMIT && !is_test_text(line) {
                let message = format!("{columns} columns, at most {LIMIT} are allowed");
                problems.push(Problem::new(file.path, number, message));
            }
        }
    }
    problems
}

/// What a test feeds and expects is easier to read in one piece.
fn is_test_text(line: &Line) -> bool {
    line.place == Place::Test && line.has_text_literal()
}

#[cfg(test)]
mod tests {
    use super::super::{assert_problems, tree::Tree};
    use super::*;

    fn check_text(text: &str, expect: &[&str]) {
        let tree = Tree::of(&[("crates/a/src/lib.rs", text)]);
        assert_problems(&check(&RustFiles::of(&tree)), expect);
    }

    #[test]
    fn limits_the_columns_of_code_and_comments() {
        let long = "x".repeat(98);
        check_text(&format!("// {}\n", "é".repeat(97)), &[]);
        check_text(
            &format!("\n// {long}\n"),
            &["crates/a/src/lib.rs:2: 101 columns, at most 100 are allowed"],
        );
        check_text(
            &format!("let a = \"{long}\";"),
            &["crates/a/src/lib.rs:1: 109 columns, at most 100 are allowed"],
        );
    }

    #[test]
    fn allows_long_text_in_tests() {
        let long = "x".repeat(98);
        check_text(
            &format!("#[cfg(test)]\nmod tests {{\n  let a = \"{long}\";\n}}"),
            &[],
        );
        check_text(
            &format!("#[cfg(test)]\nmod tests {{\n  // \"{long}\"\n}}"),
            &["crates/a/src/lib.rs:3: 105 columns, at most 100 are allowed"],
        );
    }
}
