//! Which compiler builds.

use crate::process;
use anyhow::{Context, Result};
use std::process::Command;

/// What a compiler says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// As in `1.95.0`.
    pub(crate) release: String,
    /// What it builds for unless told otherwise, as in `x86_64-unknown-linux-gnu`.
    pub(crate) host: String,
}

impl Compiler {
    /// The compiler that cargo uses.
    ///
    /// # Errors
    /// When it cannot be asked, or says something else than ever.
    pub(crate) fn ask() -> Result<Self> {
        let about = process::capture(Command::new("rustc").arg("-vV"))?;
        Self::read(&about).context("`rustc -vV` names no release or no host")
    }

    fn read(about: &str) -> Option<Self> {
        let field = |name: &str| about.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            release: field("release: ")?.to_owned(),
            host: field("host: ")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_compiler_says() {
        let about = "rustc 1.95.0 (x)\nbinary: rustc\nhost: a-b-c\nrelease: 1.95.0\n";
        let expect = Compiler {
            release: "1.95.0".to_owned(),
            host: "a-b-c".to_owned(),
        };
        assert_eq!(Compiler::read(about), Some(expect));
        assert_eq!(Compiler::read("rustc 1.95.0\nrelease: 1.95.0\n"), None);
    }
}
