//! Chores of this workspace: the project's rules, what its tests need, and the tests themselves.
//!
//! Run as `cargo xtask COMMAND`. This crate must not know: the server's types, or anything that a
//! released binary does. It starts programs and reads files, so it is not a pure crate.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore's answer is what it prints; no log collector reads it"
)]

mod compiler;
mod counts;
mod fuzz;
mod process;
mod setup;
mod test;
mod tidy;
mod wasm;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
Chores of this workspace.

Usage: cargo xtask COMMAND

Commands:
  setup               install what the tests need: system packages, npm packages, Python packages
  test                set up, then run every test; the first step that fails stops the run
  test --list         name the steps of `test`
  test --only STEP    run one step, and the steps that it needs
  fuzz [TARGET]       feed the fuzz targets with ever new inputs; --seconds 60 is for each of
                      them, --keep adds what reaches new code to the committed corpus
  counts              compare the instructions that fixed scenarios take with the committed
                      baseline; --accept makes them the baseline
  tidy                check the project's own rules; print every breach as file:line
  wasm                build the pure crates for wasm32-unknown-unknown
  help                print this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["setup"] => setup::run(&workspace::root()?),
        ["test"] => test::run_all(&workspace::root()?),
        ["test", "--list"] => {
            test::list();
            Ok(())
        }
        ["test", "--only", step] => test::run_only(&workspace::root()?, step),
        ["fuzz", options @ ..] => fuzz::run(&workspace::root()?, &fuzz::Options::parse(options)?),
        ["counts"] => counts::run(&workspace::root()?, counts::Purpose::Check),
        ["counts", "--accept"] => counts::run(&workspace::root()?, counts::Purpose::Accept),
        ["tidy"] => tidy::run(&workspace::root()?),
        ["wasm"] => wasm::run(&workspace::root()?),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        unknown => bail!(
            "no such command: `{}`; see `cargo xtask help`",
            unknown.join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_help_does_not_list() {
        for words in [&["tidyy"][..], &["test", "--only"], &["tidy", "--fix"]] {
            let error = dispatch(words).unwrap_err().to_string();
            assert!(error.contains(&words.join(" ")), "{error}");
        }
    }
}
