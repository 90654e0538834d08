//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use foghorn_config::{Loaded, example};

use crate::console::print;
use crate::origin::Origin;
use crate::{serve, tls};

/// A self-hosted server for the Pusher Channels protocol.
///
/// Without a subcommand it serves. Settings come from flags, FOGHORN_… variables, the SOKETI_…
/// variables of soketi, the file given with --config (or FOGHORN_CONFIG) and built-in defaults, in
/// that order; `foghorn config example` prints all of them.
#[derive(Parser)]
#[command(name = "foghorn", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve WebSocket clients and the HTTP API (the default)
    Serve,
    /// Look at the configuration without serving
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Put a load on a server, and tell what that cost its process
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    Bench(Box<foghorn_bench::Scenario>),
    /// The tools, each of which is a command of its own
    #[command(flatten)]
    Tool(Box<foghorn_cli::Command>),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Report every problem of the configuration, or say that there is none
    Check,
    /// Print every setting with its value and where that comes from; secrets are hidden
    Show,
    /// Print a configuration file with every setting, its default and what it means
    Example,
}

#[derive(Args, Clone)]
struct Settings {
    /// Read the configuration from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address (server.host)
    #[arg(long, global = true, value_name = "ADDRESS")]
    host: Option<String>,
    /// Listen on this port, 0 for any free one (server.port)
    #[arg(long, global = true, value_name = "PORT")]
    port: Option<String>,
    /// Mount everything under this path (server.path_prefix)
    #[arg(long, global = true, value_name = "PATH")]
    path_prefix: Option<String>,
    /// Serve Prometheus metrics on this address (metrics.host)
    #[arg(long, global = true, value_name = "ADDRESS")]
    metrics_host: Option<String>,
    /// Serve Prometheus metrics on this port, 0 for any free one (metrics.port)
    #[arg(long, global = true, value_name = "PORT")]
    metrics_port: Option<String>,
    /// Which log lines are written: a level, or levels by target (log.level)
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How log lines look: text or json (log.format)
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Does what the command line asks for; gives the exit code.
///
/// # Errors
/// What a person at the terminal needs to know.
pub(crate) fn run() -> Result<ExitCode> {
    let Cli { command, settings } = parse();
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let (loaded, origin) = load(settings)?;
            serve::run(loaded, origin)?;
        }
        Command::Config(ConfigCommand::Check) => {
            let (loaded, _) = load(settings)?;
            for warning in &loaded.warnings {
                print(&format!("warning: {warning}\n"))?;
            }
            tls::acceptor(&loaded.config.server)?;
            print("The configuration is in order.\n")?;
        }
        Command::Config(ConfigCommand::Show) => print(&load(settings)?.0.show())?,
        Command::Config(ConfigCommand::Example) => print(&example())?,
        #[cfg(target_os = "linux")]
        Command::Bench(scenario) => {
            refuse(&settings);
            return Ok(foghorn_bench::run(*scenario));
        }
        Command::Tool(tool) => {
            refuse(&settings);
            return Ok(foghorn_cli::run(*tool));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends with an error if a tool is given settings of the server.
fn refuse(settings: &Settings) {
    if let Some((key, _)) = settings.clone().flags().first() {
        let said = format!("{key} is a setting of the server; the tools have --url");
        Cli::command()
            .error(ErrorKind::ArgumentConflict, said)
            .exit();
    }
}

/// Reads the command line. The server's settings are no flags of the tools, which have their own.
fn parse() -> Cli {
    let mut command = Cli::command();
    if names_tool(std::env::args_os().skip(1)) {
        command = command.mut_args(|flag| flag.global(false));
    }
    let matches = command.get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Whether these words begin with a tool, or ask for help with one. A tool's name further back is
/// the value of a flag.
fn names_tool(mut words: impl Iterator<Item = OsString>) -> bool {
    let first = words.next();
    let named = match first {
        Some(word) if word == "help" => words.next(),
        word => word,
    };
    let named = named.as_deref().and_then(OsStr::to_str);
    named.is_some_and(|name| name == "bench" || foghorn_cli::Command::has_subcommand(name))
}

/// The configuration that is served, and where it can be read again.
fn load(settings: Settings) -> Result<(Loaded, Origin)> {
    let origin = Origin::new(settings.config.clone(), settings.flags())?;
    match origin.load() {
        Ok(loaded) => Ok((loaded, origin)),
        Err(problems) => bail!("the configuration has problems, nothing was started\n{problems}"),
    }
}

impl Settings {
    fn flags(self) -> Vec<(&'static str, String)> {
        let given = [
            ("server.host", self.host),
            ("server.port", self.port),
            ("server.path_prefix", self.path_prefix),
            ("metrics.host", self.metrics_host),
            ("metrics.port", self.metrics_port),
            ("log.level", self.log_level),
            ("log.format", self.log_format),
        ];
        given
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_command_itself_is_a_tool() {
        for (line, expect) in [
            ("channels", true),
            ("bench fanout", true),
            ("help channels", true),
            ("trigger config", true),
            ("", false),
            ("help", false),
            ("config check", false),
            ("help config", false),
            ("--config channels config check", false),
            ("--port 1 trigger", false),
        ] {
            let words = line.split_whitespace().map(OsString::from);
            assert_eq!(names_tool(words), expect, "{line}");
        }
    }
}
