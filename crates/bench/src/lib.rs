//! A load generator for any server that speaks the Pusher Channels protocol, which also tells what
//! the load cost that server's process.
//!
//! It shares its computer with the server, so it is cheap: one thread that never blocks, no JSON
//! read for a frame, no allocation for a frame.
//!
//! This crate must not know: the server's insides. It meets a server as clients and back ends do,
//! and looks at its process as any program may.
//!
//! It reads `/proc` and waits with `timerfd`, so elsewhere than on Linux there is nothing in it.

#![cfg(target_os = "linux")]

mod alarm;
mod answer;
mod arguments;
mod child;
mod children;
mod client_events;
mod clock;
mod connect;
mod counts;
mod crowd;
mod engine;
mod fanout;
mod files;
mod histogram;
mod idle;
mod join;
mod marker;
mod pace;
mod presence;
mod process;
mod progress;
mod publish;
mod publishers;
mod report;
mod request;
mod session;
mod settings;
mod slow;
mod socket;
mod talk;
mod tally;
mod wire;

use std::process::ExitCode;

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Scenario {
    /// Connect and subscribe: CPU time per connection
    Connect(connect::Arguments),
    /// Publish to many subscribers: CPU time per delivery, latency, losses
    Fanout(fanout::Arguments),
    /// Publish with nobody subscribed: CPU time per request
    Publish(publish::Arguments),
    /// Hold connections that do nothing: memory per connection, and what stays of it
    Idle(idle::Arguments),
    /// Send client events on presence channels: CPU time per delivery, latency, losses
    ClientEvents(client_events::Arguments),
    /// Leave presence channels and come back: CPU time of that, and whether all are told
    Presence(presence::Arguments),
    /// Publish while some subscribers read nothing: what becomes of them and of the others
    Slow(slow::Arguments),
    /// Subscribe to a busy channel: how long that takes
    Join(join::Arguments),
    /// Be the subscribers of another process of the bench
    #[command(hide = true)]
    Crowd,
}

/// Measures. Exit codes: 0 done, 1 events were lost, duplicated or reordered or the run failed, 2
/// asked wrongly.
#[must_use]
pub fn run(scenario: Scenario) -> ExitCode {
    files::raise_limit();
    let result = match scenario {
        Scenario::Connect(arguments) => connect::run(arguments),
        Scenario::Fanout(arguments) => fanout::run(arguments),
        Scenario::Publish(arguments) => publish::run(arguments),
        Scenario::Idle(arguments) => idle::run(arguments),
        Scenario::ClientEvents(arguments) => client_events::run(arguments),
        Scenario::Presence(arguments) => presence::run(arguments),
        Scenario::Slow(arguments) => slow::run(arguments),
        Scenario::Join(arguments) => join::run(arguments),
        // What went wrong is told by the process that started this one.
        Scenario::Crowd => {
            return child::run().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
