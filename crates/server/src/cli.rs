//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use foghorn_config::{Config, Loaded, Sources, example, file_variable};

use crate::console::print;
use crate::serve;

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

#[derive(Args)]
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

/// Does what the command line asks for.
///
/// # Errors
/// What a person at the terminal needs to know.
pub(crate) fn run() -> Result<()> {
    let Cli { command, settings } = Cli::parse();
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(load(settings)?),
        Command::Config(ConfigCommand::Check) => {
            for warning in load(settings)?.warnings {
                print(&format!("warning: {warning}\n"))?;
            }
            print("The configuration is in order.\n")
        }
        Command::Config(ConfigCommand::Show) => print(&load(settings)?.show()),
        Command::Config(ConfigCommand::Example) => print(&example()),
    }
}

fn load(settings: Settings) -> Result<Loaded> {
    let environment = environment()?;
    let path = settings
        .config
        .clone()
        .or_else(|| file_variable(&environment));
    let file = path.map(|path| (path.clone(), std::fs::read_to_string(&path)));
    let sources = Sources {
        file,
        environment,
        flags: settings.flags(),
    };
    match Config::load(sources) {
        Ok(loaded) => Ok(loaded),
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
