//! The Rust files under `crates/`, read by line, with the files that only a test build has marked.

use super::source::{self, Line, Place};
use super::tree::Tree;
use std::collections::BTreeSet;

pub(super) struct RustFile<'a> {
    pub(super) path: &'a str,
    pub(super) lines: Vec<Line>,
}

impl RustFile<'_> {
    /// The folder under `crates/` that the file is in.
    pub(super) fn crate_name(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    pub(super) fn is_under_src(&self) -> bool {
        self.path.split('/').nth(2) == Some("src")
    }

    /// The lines with their numbers, counted from one.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(number, line)| (number + 1, line))
    }
}

pub(super) struct RustFiles<'a>(Vec<RustFile<'a>>);

impl<'a> RustFiles<'a> {
    pub(super) fn of(tree: &'a Tree) -> Self {
        let is_rust = |path: &str| path.starts_with("crates/") && path.ends_with(".rs");
        let mut files = Vec::new();
        let mut test_modules = BTreeSet::new();
        for (path, text) in tree.iter().filter(|(path, _)| is_rust(path)) {
            let (lines, outlined) = source::read(text);
            let folder = module_folder(path);
            test_modules.extend(outlined.iter().map(|name| format!("{folder}/{name}")));
            files.push(RustFile { path, lines });
        }
        for file in &mut files {
            if is_test_file(file.path, &test_modules) {
                file.lines
                    .iter_mut()
                    .for_each(|line| line.place = Place::Test);
            }
        }
        Self(files)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RustFile<'a>> {
        self.0.iter()
    }
}

/// Where the modules that the file at `path` declares have their files.
fn module_folder(path: &str) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => stem,
    }
}

fn is_test_file(path: &str, test_modules: &BTreeSet<String>) -> bool {
    let in_test_folder = matches!(
        path.split('/').nth(2),
        Some("tests" | "benches" | "examples")
    );
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    in_test_folder
        || test_modules.iter().any(|module| {
            stem.strip_prefix(module.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_files_that_only_a_test_build_has() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod cases;\nmod view;"),
            ("crates/a/src/cases.rs", "fn a() {}"),
            ("crates/a/src/cases/deep.rs", "fn a() {}"),
            ("crates/a/src/view.rs", "#[cfg(test)]\nmod tests;\n"),
            ("crates/a/src/view/tests.rs", "fn a() {}"),
            ("crates/a/src/casesque.rs", "fn a() {}"),
            ("crates/a/tests/model.rs", "fn a() {}"),
            ("protocol-tests/other.rs", "fn a() {}"),
        ]);
        let rust = RustFiles::of(&tree);
        let of_test = |file: &&RustFile<'_>| file.lines.iter().all(|l| l.place == Place::Test);
        let marked: Vec<&str> = rust.iter().filter(of_test).map(|file| file.path).collect();
        assert_eq!(
            marked,
            [
                "crates/a/src/cases.rs",
                "crates/a/src/cases/deep.rs",
                "crates/a/src/view/tests.rs",
                "crates/a/tests/model.rs",
            ]
        );
        assert_eq!(rust.iter().count(), 7);
    }
}
