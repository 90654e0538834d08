//! The log.

use std::io::IsTerminal as _;

use anyhow::{Result, anyhow};
use foghorn_config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error. Standard output is for what was asked for.
///
/// Only our own lines: libraries that log through other means would put clients' messages,
/// signatures included, into it.
///
/// # Errors
/// The level was checked with the configuration, so only a second call fails.
pub(crate) fn start(config: &LogConfig) -> Result<()> {
    let filter = EnvFilter::try_new(config.level.as_str())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A line that cannot be written is lost; to say so on the same stream would be a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| anyhow!("cannot start the log: {error}"))
}
