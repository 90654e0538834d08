//! Rule: a file has at most 400 lines of code; a listed exception may only shrink.

use super::Problem;
use super::rust_files::{RustFile, RustFiles};
use super::source::Place;
use super::tree::Tree;
use std::collections::BTreeMap;

const LIMIT: usize = 400;
/// No exception goes beyond this.
const CEILING: usize = 600;
/// Lists today's exceptions under `[code-lines]`: path to number of code lines.
const RATCHET: &str = ".tidy-ratchet.toml";

pub(super) fn check(tree: &Tree, rust: &RustFiles<'_>) -> Vec<Problem> {
    let ratchet = match read_ratchet(tree.get(RATCHET).unwrap_or_default()) {
        Ok(ratchet) => ratchet,
        Err(message) => return vec![Problem::new(RATCHET, 1, message)],
    };
    let counts: BTreeMap<&str, usize> = rust
        .iter()
        .map(|file| (file.path, code_lines(file)))
        .collect();
    let mut problems = Vec::new();
    for (path, count) in &counts {
        let message = match ratchet.get(*path) {
            _ if *count > CEILING => {
                format!("{count} code lines; more than {CEILING} are never allowed")
            }
            None if *count > LIMIT => {
                format!("{count} code lines, at most {LIMIT} are allowed; split the file")
            }
            Some(listed) if count > listed => {
                format!("grew to {count} code lines; {RATCHET} allows {listed} and may only shrink")
            }
            _ => continue,
        };
        problems.push(Problem::new(path, 1, message));
    }
    for (path, listed) in &ratchet {
        let message = match counts.get(path.as_str()) {
            None => format!("{path} is listed but does not exist; remove the line"),
            Some(count) if *count <= LIMIT => {
                format!("{path} has {count} code lines and needs no exception; remove the line")
            }
            Some(count) if count < listed => {
                format!("{path} shrank to {count} code lines; lower its number from {listed}")
            }
            _ => continue,
        };
        let line = tree
            .get(RATCHET)
            .unwrap_or_default()
            .lines()
            .position(|l| l.contains(path));
        problems.push(Problem::new(RATCHET, line.unwrap_or_default() + 1, message));
    }
    problems
}

fn code_lines(file: &RustFile<'_>) -> usize {
    file.lines
        .iter()
        .filter(|line| line.place == Place::Shipped && line.is_code())
        .count()
}

fn read_ratchet(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let document: toml::Table = text.parse().map_err(|error| format!("no TOML: {error}"))?;
    let mut listed = BTreeMap::new();
    for (section, entries) in &document {
        let Some(entries) = entries.as_table().filter(|_| section == "code-lines") else {
            return Err(format!("`{section}` is not known; only [code-lines] is"));
        };
        for (path, count) in entries {
            let number = count
                .as_integer()
                .and_then(|count| usize::try_from(count).ok());
            listed.insert(
                path.clone(),
                number.ok_or(format!("`{path}` needs a number"))?,
            );
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    const PATH: &str = "crates/a/src/lib.rs";

    fn check_with(lines: usize, ratchet: &str, expect: &[&str]) {
        let text = "// not code\n\nuse a;\n".to_owned()
            + &"use b;\n".repeat(lines - 1)
            + "#[cfg(test)]\nmod tests {\n"
            + &"use c;\n".repeat(1000)
            + "}\n";
        let tree = Tree::of(&[(PATH, &text), (RATCHET, ratchet)]);
        assert_problems(&super::check(&tree, &RustFiles::of(&tree)), expect);
    }

    #[test]
    fn limits_the_code_lines_of_a_file() {
        check_with(400, "", &[]);
        check_with(
            401,
            "",
            &["crates/a/src/lib.rs:1: 401 code lines, at most 400 are allowed; split the file"],
        );
    }

    #[test]
    fn lets_an_exception_only_shrink() {
        let listed = |count: usize| format!("[code-lines]\n\"{PATH}\" = {count}\n");
        check_with(450, &listed(450), &[]);
        check_with(
            451,
            &listed(450),
            &[
                "crates/a/src/lib.rs:1: grew to 451 code lines; .tidy-ratchet.toml allows 450 and \
               may only shrink",
            ],
        );
        check_with(
            449,
            &listed(450),
            &[
                ".tidy-ratchet.toml:2: crates/a/src/lib.rs shrank to 449 code lines; lower its \
               number from 450",
            ],
        );
        check_with(
            400,
            &listed(450),
            &[
                ".tidy-ratchet.toml:2: crates/a/src/lib.rs has 400 code lines and needs no \
               exception; remove the line",
            ],
        );
        check_with(
            601,
            &listed(601),
            &["crates/a/src/lib.rs:1: 601 code lines; more than 600 are never allowed"],
        );
    }

    #[test]
    fn reports_a_ratchet_that_says_nothing_true() {
        check_with(
            1,
            "[code-lines]\n\"crates/b/src/lib.rs\" = 450",
            &[
                ".tidy-ratchet.toml:2: crates/b/src/lib.rs is listed but does not exist; remove the \
               line",
            ],
        );
        check_with(
            1,
            "[columns]\n",
            &[".tidy-ratchet.toml:1: `columns` is not known; only [code-lines] is"],
        );
    }
}
