//! Rule: the root shows only what a reader looks for; files of tools are dotfiles.

use super::Problem;
use super::tree::Tree;
use std::collections::BTreeSet;

const VISIBLE: [&str; 9] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "docs",
    "protocol-tests",
];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let entries: BTreeSet<&str> = tree
        .iter()
        .filter_map(|(path, _)| path.split('/').next())
        .collect();
    entries
        .into_iter()
        .filter(|entry| !entry.starts_with('.') && !VISIBLE.contains(entry))
        .map(|entry| {
            let listed = VISIBLE.join(", ");
            Problem::new(
                entry,
                1,
                format!("does not belong in the root, which shows only {listed}"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    #[test]
    fn keeps_the_root_clean() {
        assert_problems(
            &check(&Tree::of(&[
                ("README.md", ""),
                ("crates/a/notes.txt", ""),
                (".ci/run", ""),
            ])),
            &[],
        );
        assert_problems(
            &check(&Tree::of(&[("tools/a", ""), ("tools/b", "")])),
            &[
                "tools:1: does not belong in the root, which shows only CHANGELOG.md, Cargo.lock, \
               Cargo.toml, LICENSE, README.md, crates, deploy, docs, protocol-tests",
            ],
        );
    }
}
