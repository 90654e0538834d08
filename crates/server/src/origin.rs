//! Where the configuration is from: the command line, the environment and a file. They can be asked
//! again while the server runs.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use foghorn_config::{Config, Loaded, Sources, file_variable};

/// What tells one state of the file from another without reading it; `None` if there is no file. A
/// file that is swapped through a link, as Kubernetes does, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(u64, u64, i64, i64)>);

/// Where the configuration is from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The file, if one is named.
    file: Option<PathBuf>,
    /// Its state before it was read for the first time.
    first: Stamp,
    environment: Vec<(String, String)>,
    flags: Vec<(&'static str, String)>,
}

impl Origin {
    /// Settings of the command line, with the file that it names, if it names one.
    ///
    /// # Errors
    /// A variable is no text.
    pub(crate) fn new(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Result<Self> {
        let environment = environment()?;
        let file = file.or_else(|| file_variable(&environment));
        Ok(Self {
            first: Stamp::of(file.as_ref()),
            file,
            environment,
            flags,
        })
    }

    /// The file's state before it was read for the first time. What is written after that may have
    /// been read, and may not.
    pub(crate) fn first_stamp(&self) -> Stamp {
        self.first
    }

    /// The file's state now.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::of(self.file.as_ref())
    }

    /// The configuration as it is now: the file is read again each time.
    ///
    /// # Errors
    /// Its problems, all of them.
    pub(crate) fn load(&self) -> Result<Loaded> {
        let file = self.file.clone();
        let sources = Sources {
            file: file.map(|path| (path.clone(), std::fs::read_to_string(&path))),
            environment: self.environment.clone(),
            flags: self.flags.clone(),
        };
        match Config::load(sources) {
            Ok(loaded) => Ok(loaded),
            Err(problems) => bail!("{problems}"),
        }
    }
}

impl Stamp {
    fn of(file: Option<&PathBuf>) -> Self {
        let found = file.and_then(|path| std::fs::metadata(path).ok());
        Self(found.map(|found| (found.ino(), found.len(), found.mtime(), found.mtime_nsec())))
    }
}

/// The variables that concern this program.
fn environment() -> Result<Vec<(String, String)>> {
    let mut ours = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        if name.starts_with("FOGHORN_") || name.starts_with("SOKETI_") {
            match value.into_string() {
                Ok(value) => ours.push((name, value)),
                Err(_) => bail!("environment variable {name} is not valid UTF-8"),
            }
        }
    }
    Ok(ours)
}
