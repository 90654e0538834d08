//! Builds the pure crates for a target that has no sockets, files, threads or clock.
//!
//! What builds there cannot have taken a dependency on any of them by accident.

use crate::{process, workspace};
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-unknown-unknown";
/// A closed network may leave the download hanging.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(120);

/// Builds the pure crates. Where the target is neither installed nor to be had, says so and
/// succeeds: the allow-list of `tidy` checks the same thing by name.
///
/// # Errors
/// When a crate does not build.
pub(crate) fn run(root: &Path) -> Result<()> {
    if !installed()
        && let Err(error) = add()
    {
        println!("wasm: not built, the target {TARGET} cannot be had here: {error:#}");
        println!("wasm: the dependency allow-list of `cargo xtask tidy` stands in");
        return Ok(());
    }
    let mut build = process::cargo();
    build
        .current_dir(root)
        .args(["build", "--lib", "--target", TARGET]);
    for name in workspace::PURE {
        build
            .arg("--package")
            .arg(format!("{}{name}", workspace::PREFIX));
    }
    process::run(&mut build)
}

/// Asks the compiler, not rustup: a compiler from a distribution's package has targets too.
fn installed() -> bool {
    let mut ask = Command::new("rustc");
    ask.args(["--print", "target-libdir", "--target", TARGET]);
    process::capture(&mut ask).is_ok_and(|folder| Path::new(folder.trim_end()).is_dir())
}

fn add() -> Result<()> {
    process::run_within(
        Command::new("rustup").args(["target", "add", TARGET]),
        DOWNLOAD_LIMIT,
    )
}
