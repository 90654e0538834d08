//! `foghorn bench idle`: what connections cost that do nothing, and what stays of it.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{ListenArguments, duration};
use crate::clock;
use crate::counts::Counts;
use crate::process::Memory;
use crate::report::{ClientFigures, Outcome, ServerFigures};
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    #[command(flatten)]
    #[serde(flatten)]
    listen: ListenArguments,
    /// How long to wait before the memory is read, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = duration)]
    settle: f64,
    /// How long to wait after all connections are closed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = duration)]
    after: f64,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.listen.common.output);
    let settings = settings(&arguments)?;
    let Arguments {
        listen,
        settle,
        after,
    } = arguments;
    let connections = listen.crowd.connections;
    let mut session = listen.session()?;
    let before = memory(&session)?;
    session.open()?;
    let mark = session.mark();
    session.wait(clock::nanos(settle))?;
    let cost = session.since(&mark);
    let counts = session.counts()?;
    let during = memory(&session)?;
    let held = held(&counts)?;
    session.close();
    session.wait(clock::nanos(after))?;
    let left = memory(&session)?;
    let added = during.resident.saturating_sub(before.resident) as f64;
    let server = session.server.as_ref().map(|process| ServerFigures {
        rss_bytes: Some(during.resident),
        peak_bytes: Some(during.peak),
        bytes_per_connection: Some((added / held as f64).round()),
        ..ServerFigures::new(process, cost)
    });
    let mut result = Outcome {
        scenario: "idle",
        settings,
        seconds: clock::seconds(cost.length),
        server,
        client: ClientFigures::new(cost),
        ..Outcome::default()
    };
    result.note("connections", connections);
    result.note_trouble(&counts);
    result.note("rss_bytes_before", before.resident);
    result.note("rss_bytes_after_close", left.resident);
    drop(session);
    result.finish(output)
}

/// The memory of the server, without which there is nothing to measure.
fn memory(session: &Session) -> Result<Memory, Failure> {
    let Some(process) = &session.server else {
        let said = "the server's process is not on this computer, or not to be seen";
        return Err(Failure::usage(said).hint("name it with --pid"));
    };
    let ended = || Failure::refused(format!("the server's process {} has ended", process.pid));
    process.memory().ok_or_else(ended)
}

/// How many connections the server still holds.
fn held(counts: &Counts) -> Result<u64, Failure> {
    match counts.live.iter().sum::<u64>() {
        0 => {
            let why = counts.closed_because.as_deref().unwrap_or_default();
            let said = format!("the server has closed all connections: {why}");
            Err(Failure::refused(said))
        }
        held => Ok(held),
    }
}
