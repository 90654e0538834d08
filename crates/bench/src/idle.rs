//! `foghorn bench idle`: what connections cost that do nothing, and what stays of it.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::ListenArguments;
use crate::clock;
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
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    settle: f64,
    /// How long to wait after all connections are closed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
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
    if session.server.is_none() {
        let said = "the server's process is not on this computer, or not to be seen";
        return Err(Failure::usage(said).hint("name it with --pid"));
    }
    let before = resident(&session);
    session.open()?;
    let mark = session.mark();
    session.wait(clock::nanos(settle))?;
    let cost = session.since(&mark);
    let counts = session.counts()?;
    let during = session.memory().unwrap_or_default();
    session.close();
    session.wait(clock::nanos(after))?;
    let left = resident(&session);
    let added = during.resident.saturating_sub(before) as f64;
    let server = session.server.as_ref().map(|process| ServerFigures {
        rss_bytes: Some(during.resident),
        peak_bytes: Some(during.peak),
        bytes_per_connection: Some((added / connections.max(1) as f64).round()),
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
    result.note("closed", counts.closed);
    result.note("rss_bytes_before", before);
    result.note("rss_bytes_after_close", left);
    drop(session);
    result.finish(output)
}

fn resident(session: &Session) -> u64 {
    session.memory().unwrap_or_default().resident
}
