//! The counts that were accepted, and by how much others may differ from them.

use crate::compiler::Compiler;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use toml::Table;

const FILE: &str = "crates/scenarios/baseline.toml";

/// Percent by which counts of one compiler may differ.
const TOLERANCE: f64 = 5.0;
/// The same for another version of the compiler, which makes other code of the same source.
const TOLERANCE_OF_VERSIONS: f64 = 25.0;

/// Instructions per unit of work, by scenario.
pub(super) type Counts = BTreeMap<String, u64>;

/// Counts, and the compiler of which they are true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Baseline {
    pub(super) compiler: Compiler,
    pub(super) counts: Counts,
}

/// What is to be said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is within the tolerance, or cannot be judged.
    Fine,
    /// It is worse than the tolerance allows.
    More,
    /// It is so much better that the baseline does not guard it.
    Fewer,
}

/// By how many percent `found` is more than `known`.
#[expect(clippy::cast_precision_loss, reason = "percents have few digits")]
pub(super) fn change(known: u64, found: u64) -> f64 {
    100.0 * (found as f64 - known as f64) / known as f64
}

impl Baseline {
    /// Reads the committed file.
    ///
    /// # Errors
    /// When there is none, or it does not have its form.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("no {FILE}"))?;
        Self::parse(&text).with_context(|| format!("{FILE} is none of `cargo xtask counts`"))
    }

    /// Writes the file that is to be committed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        fs::write(root.join(FILE), self.to_string()).with_context(|| format!("cannot write {FILE}"))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let document: Table = text.parse().ok()?;
        let compiler = document.get("compiler")?;
        let field = |name| Some(compiler.get(name)?.as_str()?.to_owned());
        let count = |(name, count): (&String, &toml::Value)| {
            let count = u64::try_from(count.as_integer()?).ok()?;
            Some((name.clone(), count))
        };
        Some(Self {
            compiler: Compiler {
                release: field("release")?,
                host: field("host")?,
            },
            counts: document
                .get("instructions")?
                .as_table()?
                .iter()
                .map(count)
                .collect::<Option<_>>()?,
        })
    }

    /// What is to be said of a change by `percent` under `compiler`.
    pub(super) fn verdict(&self, compiler: &Compiler, percent: f64) -> Verdict {
        match self.tolerance(compiler) {
            Some(tolerance) if percent > tolerance => Verdict::More,
            Some(tolerance) if percent < -tolerance => Verdict::Fewer,
            _ => Verdict::Fine,
        }
    }

    /// What readers of the comparison have to know about `compiler`.
    pub(super) fn note(&self, compiler: &Compiler) -> Option<String> {
        let Compiler { release, host } = &self.compiler;
        let tolerance = match self.tolerance(compiler) {
            _ if self.compiler == *compiler => return None,
            Some(percent) => format!("±{percent} % are allowed"),
            None => "nothing is compared".to_owned(),
        };
        Some(format!(
            "the baseline is of rustc {release} for {host}, so {tolerance}"
        ))
    }

    /// Percent; `None` for another instruction set or system, whose counts say nothing about ours.
    fn tolerance(&self, compiler: &Compiler) -> Option<f64> {
        if self.compiler == *compiler {
            return Some(TOLERANCE);
        }
        (self.compiler.host == compiler.host).then_some(TOLERANCE_OF_VERSIONS)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compiler { release, host } = &self.compiler;
        writeln!(out, "# Written by `cargo xtask counts --accept`.")?;
        writeln!(
            out,
            "[compiler]\nrelease = \"{release}\"\nhost = \"{host}\"\n"
        )?;
        writeln!(
            out,
            "# Per unit of work; crates/scenarios says what a unit is."
        )?;
        writeln!(out, "[instructions]")?;
        for (name, count) in &self.counts {
            writeln!(out, "{name} = {count}")?;
        }
        Ok(())
    }
}
