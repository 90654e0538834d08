//! Counts the instructions that the scenarios of `crates/scenarios` take, and compares them with
//! the committed baseline.
//!
//! Valgrind's callgrind runs a program on a processor of its own, so its counts do not depend on
//! what else the machine does. That processor lacks the instructions for SHA-256: hashes run in
//! their portable form, and weigh more here than they do in production.

mod baseline;

use crate::compiler::Compiler;
use crate::{process, workspace};
use anyhow::{Context, Result, bail};
use baseline::{Baseline, Counts, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "foghorn-scenarios";

/// Units of work by scenario: as many as outweigh chance, such as that of addresses.
const SCENARIOS: [(&str, u64); 3] = [
    ("publish", 1_000),
    ("subscribe", 1_000),
    ("client-event", 5_000),
];

const ACCEPT: &str = "to make these counts the baseline: cargo xtask counts --accept";

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compare them with the baseline.
    Check,
    /// Make them the baseline.
    Accept,
}

/// Builds the scenarios, counts and prints a table.
///
/// # Errors
/// When the build or a scenario fails, or a scenario takes more instructions than the baseline
/// allows.
pub(crate) fn run(root: &Path, purpose: Purpose) -> Result<()> {
    let bench = Bench::build(root)?;
    let counts = bench.count_all()?;
    let compiler = Compiler::ask()?;
    match purpose {
        Purpose::Accept => {
            let baseline = Baseline { compiler, counts };
            println!("{baseline}");
            baseline.write(root)
        }
        Purpose::Check => check(&Baseline::read(root)?, &compiler, &counts, &bench.profiles),
    }
}

fn check(baseline: &Baseline, compiler: &Compiler, counts: &Counts, profiles: &Path) -> Result<()> {
    println!(
        "{:<14}{:>14}{:>14}{:>10}",
        "scenario", "instructions", "baseline", "change"
    );
    let mut grown = Vec::new();
    let mut shrunk = Vec::new();
    for (name, &found) in counts {
        let known = baseline.counts.get(name);
        let known = *known.with_context(|| format!("no baseline of `{name}`; {ACCEPT}"))?;
        let change = baseline::change(known, found);
        println!("{name:<14}{found:>14}{known:>14}{change:>+8.1} %");
        match baseline.verdict(compiler, change) {
            Verdict::Fine => {}
            Verdict::More => grown.push(name.as_str()),
            Verdict::Fewer => shrunk.push(name.as_str()),
        }
    }
    if let Some(note) = baseline.note(compiler) {
        println!("note: {note}");
    }
    if !shrunk.is_empty() {
        println!(
            "note: better than the baseline: {}; {ACCEPT}",
            shrunk.join(", ")
        );
    }
    match grown.first() {
        None => Ok(()),
        Some(first) => bail!(
            "more instructions than the baseline allows: {}\n\
             To see where they go, here and in a checkout of the commit before:\n  \
             callgrind_annotate {}/{first}.callgrind | less\n\
             If they are worth it, say why in the commit; {ACCEPT}",
            grown.join(", "),
            profiles.display(),
        ),
    }
}

/// Where everything is.
struct Bench {
    binary: PathBuf,
    profiles: PathBuf,
}

impl Bench {
    fn build(root: &Path) -> Result<Self> {
        let mut build = process::cargo();
        build.current_dir(root);
        process::run(build.args(["build", "--release", "--package", PACKAGE]))?;
        let built = workspace::target_directory(root)?;
        let profiles = built.join("counts");
        fs::create_dir_all(&profiles)
            .with_context(|| format!("cannot make {}", profiles.display()))?;
        let binary = built.join("release").join(PACKAGE);
        Ok(Self { binary, profiles })
    }

    fn count_all(&self) -> Result<Counts> {
        let count = |&(name, units): &(&str, u64)| {
            // Twice the work less the work once: what comes before and after it does not count.
            let once = self.count(name, units)?;
            let twice = self.count(name, 2 * units)?;
            Ok((name.to_owned(), twice.saturating_sub(once) / units))
        };
        SCENARIOS.iter().map(count).collect()
    }

    /// Instructions of a whole run. The profile stays, in the place of the one before.
    fn count(&self, name: &str, units: u64) -> Result<u64> {
        let profile = self.profiles.join(name).with_extension("callgrind");
        let mut valgrind = Command::new("valgrind");
        valgrind
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(&self.binary)
            .args([name, &units.to_string()]);
        process::capture(&mut valgrind)?;
        let text = fs::read_to_string(&profile)
            .with_context(|| format!("cannot read {}", profile.display()))?;
        total(&text).with_context(|| format!("{} has no total", profile.display()))
    }
}

/// The total in a file that callgrind wrote.
fn total(profile: &str) -> Option<u64> {
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    total?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
