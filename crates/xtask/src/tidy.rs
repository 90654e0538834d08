//! The project's own rules, checked over every file that a clone would have.
//!
//! Each rule is a function from the files (a [`Tree`] value) to its breaches, so that it can be
//! tested on files that exist only in the test. Only this file reads the disk and starts programs.

mod column;
mod invariants;
mod layout;
mod leaks;
mod links;
mod manifests;
mod names;
mod purity;
mod rust_files;
mod size;
mod source;
mod tree;

use crate::{process, workspace};
use anyhow::{Result, bail};
use rust_files::RustFiles;
use std::fmt;
use std::path::Path;
use tree::Tree;

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// Counted from one.
    line: usize,
    message: String,
}

impl Problem {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks every rule and prints every breach.
///
/// # Errors
/// When a rule is broken, or the files cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let mut problems = check(&tree);
    for name in workspace::PURE {
        problems.extend(check_purity(root, name));
    }
    problems.sort();
    problems.dedup();
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files follow the rules", tree.len());
            Ok(())
        }
        count => bail!("tidy: {count} problems"),
    }
}

fn check(tree: &Tree) -> Vec<Problem> {
    let rust = RustFiles::of(tree);
    [
        size::check(tree, &rust),
        column::check(&rust),
        names::check(tree, &rust),
        manifests::check(tree),
        invariants::check(tree, &rust),
        layout::check(tree),
        leaks::check(tree),
        links::check(tree),
    ]
    .concat()
}

/// The only rule that needs cargo: which packages a pure crate brings in by way of others.
fn check_purity(root: &Path, name: &str) -> Vec<Problem> {
    let package = format!("{}{name}", workspace::PREFIX);
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut tree = process::cargo();
    tree.current_dir(root)
        .args(["tree", "--locked", "--edges", "normal,no-proc-macro"]);
    tree.args([
        "--prefix",
        "depth",
        "--format",
        " {p}",
        "--package",
        &package,
    ]);
    match process::capture(&mut tree) {
        Ok(text) => purity::check(&manifest, &text),
        Err(error) => vec![Problem::new(
            &manifest,
            1,
            format!("{error:#}").replace('\n', " "),
        )],
    }
}

/// Compares what a rule says, one `path:line: message` each, with what the test expects it to say.
#[cfg(test)]
fn assert_problems(found: &[Problem], expect: &[&str]) {
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expect);
}
