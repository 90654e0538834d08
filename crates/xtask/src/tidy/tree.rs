//! The files of the project as a value: path to text.

use crate::process;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Every file that git tracks or would add, by its path from the root, with `/` between folders.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the work tree. Files that git ignores are not part of the project.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut list = Command::new("git");
        list.current_dir(root).args(["ls-files", "-z"]);
        list.args(["--cached", "--others", "--exclude-standard"]);
        let names = process::capture(&mut list).context("tidy reads the files of a git clone")?;
        let mut files = BTreeMap::new();
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            match std::fs::read(root.join(name)) {
                Ok(bytes) => {
                    files.insert(
                        name.to_owned(),
                        String::from_utf8_lossy(&bytes).into_owned(),
                    );
                }
                // Deleted in the work tree and not yet in the index.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
            }
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let owned = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self {
            files: owned.collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether `path` is a file of the project, or a folder that has one.
    pub(super) fn has(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(inside.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_files_and_folders() {
        let tree = Tree::of(&[("docs/adr/0001.md", ""), ("docs-old.md", "")]);
        for (path, expect) in [
            ("docs/adr/0001.md", true),
            ("docs/adr", true),
            ("docs", true),
            ("", true),
            ("doc", false),
            ("docs/adr/0001", false),
        ] {
            assert_eq!(tree.has(path), expect, "{path}");
        }
    }
}
