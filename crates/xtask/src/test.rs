//! Every test of the project, as named steps in one order: what the README tells readers to run,
//! and what CI runs.

use crate::{counts, fuzz, process, setup, wasm, workspace};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Setup,
    Workspace,
    Concurrency,
    Wasm,
    Build,
    BlackBox,
    Counts,
    Fuzz,
}

const ALL: [Step; 8] = [
    Step::Setup,
    Step::Workspace,
    Step::Concurrency,
    Step::Wasm,
    Step::Build,
    Step::BlackBox,
    Step::Counts,
    Step::Fuzz,
];

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Workspace => "workspace",
            Self::Concurrency => "concurrency",
            Self::Wasm => "wasm",
            Self::Build => "build",
            Self::BlackBox => "black-box",
            Self::Counts => "counts",
            Self::Fuzz => "fuzz",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Setup => "install what the tests need (cargo xtask setup)",
            Self::Workspace => "unit, property and integration tests of every crate",
            Self::Concurrency => "schedules of the operation queue, explored by shuttle",
            Self::Wasm => "the pure crates build for wasm32-unknown-unknown",
            Self::Build => "build the foghorn binary, and a program with the Rust SDK",
            Self::BlackBox => "clients and HTTP libraries against the foghorn binary",
            Self::Counts => "instructions of fixed scenarios against a baseline (callgrind)",
            Self::Fuzz => "a minute of ever new inputs for every parser (cargo xtask fuzz)",
        }
    }

    /// The steps whose results this one uses.
    const fn needs(self) -> &'static [Self] {
        match self {
            Self::BlackBox => &[Self::Setup, Self::Build],
            Self::Counts | Self::Fuzz => &[Self::Setup],
            _ => &[],
        }
    }

    fn run(self, root: &Path) -> Result<()> {
        match self {
            Self::Setup => setup::run(root),
            Self::Workspace => cargo(root, &["test", "--workspace"]),
            Self::Concurrency => concurrency(root),
            Self::Wasm => wasm::run(root),
            Self::Build => build(root),
            Self::BlackBox => black_box(root),
            Self::Counts => counts::run(root, counts::Purpose::Check),
            Self::Fuzz => fuzz::run(root, &fuzz::Options::default()),
        }
    }
}

const BINARY: &str = "foghorn";
const RUST_SDK: &str = "rust-pusher";

/// Prints the steps in the order in which they run.
pub(crate) fn list() {
    for step in ALL {
        println!("{:<12} {}", step.name(), step.about());
    }
}

/// Runs every step.
///
/// # Errors
/// When a step fails; the steps after it are not run.
pub(crate) fn run_all(root: &Path) -> Result<()> {
    run_steps(&ALL, |step| step.run(root))
}

/// Runs the step called `name` and those it needs.
///
/// # Errors
/// When there is no such step, or a step fails.
pub(crate) fn run_only(root: &Path, name: &str) -> Result<()> {
    run_steps(&plan(name)?, |step| step.run(root))
}

fn plan(name: &str) -> Result<Vec<Step>> {
    let Some(step) = ALL.into_iter().find(|step| step.name() == name) else {
        bail!("no step `{name}`; see `cargo xtask test --list`");
    };
    Ok(step.needs().iter().copied().chain([step]).collect())
}

fn run_steps(steps: &[Step], mut run: impl FnMut(Step) -> Result<()>) -> Result<()> {
    let mut done = Vec::new();
    for &step in steps {
        println!("\n== {}: {}", step.name(), step.about());
        let (outcome, took) = timed(|| run(step));
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        done.push(format!(
            "{verdict:<7} {:<12} {:>7.1} s",
            step.name(),
            took.as_secs_f64()
        ));
        if outcome.is_err() {
            summarise(&done);
            return outcome.with_context(|| format!("step `{}` failed", step.name()));
        }
    }
    summarise(&done);
    Ok(())
}

fn summarise(lines: &[String]) {
    println!("\n== summary");
    for line in lines {
        println!("{line}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stopwatch for people; no behaviour hangs on it"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    process::run(process::cargo().current_dir(root).args(arguments))
}

fn concurrency(root: &Path) -> Result<()> {
    let package = ["test", "--package", "foghorn-channels"];
    let target = ["--features", "shuttle", "--test", "concurrency"];
    cargo(root, &[&package[..], &target[..]].concat())
}

fn build(root: &Path) -> Result<()> {
    let package = ["build", "--package", "foghorn-server", "--bin", BINARY];
    cargo(root, &package)?;
    // Its dependencies are old ones, and none of ours: it has a manifest and a lock of its own.
    let mut sdk = process::cargo();
    sdk.current_dir(root.join("protocol-tests/clients").join(RUST_SDK))
        .args(["build", "--locked", "--target-dir"])
        .arg(clients_directory(root)?);
    process::run(&mut sdk)
}

/// Where the programs of clients are built, out of the way of the workspace's own.
fn clients_directory(root: &Path) -> Result<PathBuf> {
    Ok(workspace::target_directory(root)?.join("clients"))
}

fn black_box(root: &Path) -> Result<()> {
    // `build` uses the dev profile, so that the workspace's dependencies are compiled once.
    let binary = workspace::target_directory(root)?
        .join("debug")
        .join(BINARY);
    let sdk = clients_directory(root)?.join("debug").join(RUST_SDK);
    let mut npm = Command::new("npm");
    npm.current_dir(root.join("protocol-tests")).arg("test");
    npm.env("FOGHORN_BIN", binary)
        .env("FOGHORN_PYTHON", setup::python(root))
        .env("FOGHORN_RUST_SDK", sdk);
    process::run(&mut npm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_runs_after_those_it_needs() {
        let check = |name: &str, expect: &[Step]| assert_eq!(plan(name).unwrap(), expect, "{name}");
        check("wasm", &[Step::Wasm]);
        check("black-box", &[Step::Setup, Step::Build, Step::BlackBox]);
        let unknown = plan("blackbox").unwrap_err().to_string();
        assert!(
            unknown.contains("blackbox") && unknown.contains("--list"),
            "{unknown}"
        );
    }

    #[test]
    fn the_first_failure_stops_the_run_and_is_named() {
        let mut ran = Vec::new();
        let outcome = run_steps(&ALL, |step| {
            ran.push(step);
            if step == Step::Concurrency {
                bail!("two drainers")
            } else {
                Ok(())
            }
        });
        assert_eq!(ran, [Step::Setup, Step::Workspace, Step::Concurrency]);
        let error = format!("{:#}", outcome.unwrap_err());
        assert!(
            error.contains("`concurrency`") && error.contains("two drainers"),
            "{error}"
        );
    }
}
