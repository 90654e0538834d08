//! What a person at the terminal reads.

use std::io::Write as _;

use anyhow::{Context as _, Result};

/// Says on standard error why the command failed.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nothing is left to do if standard error is closed.
    let _ = writeln!(std::io::stderr(), "foghorn: {error:#}");
}

/// Writes to standard output; a reader that went away is not an error.
pub(crate) fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
