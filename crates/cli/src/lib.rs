//! Commands for people: publish, listen, ask, sign and verify, at any host that speaks the Pusher
//! Channels protocol, and manage a running server by its admin API.
//!
//! A person at a terminal gets short, coloured text; a pipe gets one JSON object per line. Errors
//! and progress go to standard error.
//!
//! This crate must not know: the server's insides. It meets a server as any other client does, so
//! that what it shows is what a client would see.

mod address;
mod admin;
mod api;
mod apps;
mod channels;
mod clock;
mod dial;
mod encryption;
mod failure;
mod input;
mod keygen;
mod output;
mod paint;
mod sign;
mod subscribe;
mod target;
mod terminate;
mod trigger;
mod verify;
mod webhooks;

use std::process::ExitCode;

pub use address::{Address, Addresses, Security};
pub use failure::Failure;
pub use output::{Output, OutputArguments, Report};
pub use paint::{Colour, Paint};
pub use target::{Target, TargetArguments, environment};

/// What a person may ask for.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Publish an event to channels or to a user
    Trigger(trigger::Arguments),
    /// Subscribe to channels and print what happens there
    Subscribe(subscribe::Arguments),
    /// List the occupied channels, or tell the state or the users of one
    Channels(channels::Arguments),
    /// Close all connections that are signed in as a user
    Terminate(terminate::Arguments),
    /// Make up the id, key and secret of a new app
    Keygen(keygen::Arguments),
    /// Sign as an application's back end does
    #[command(subcommand)]
    Sign(sign::Subject),
    /// Check a signature; a wrong one is explained
    ///
    /// Shows the text that should have been signed, tries the mistakes that people make, and marks
    /// the first difference from what was signed.
    #[command(subcommand)]
    Verify(verify::Subject),
    /// Manage the apps of a running server
    #[command(subcommand)]
    Apps(apps::Apps),
    /// See to webhooks that could not be delivered
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
}

/// Does what was asked for. Exit codes: 0 done, 1 refused or failed, 2 asked wrongly.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Trigger(arguments) => trigger::run(arguments),
        Command::Subscribe(arguments) => subscribe::run(arguments),
        Command::Channels(arguments) => channels::run(arguments),
        Command::Terminate(arguments) => terminate::run(arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Sign(subject) => sign::run(subject),
        Command::Verify(subject) => verify::run(subject),
        Command::Apps(command) => apps::run(command),
        Command::Webhooks(command) => webhooks::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
