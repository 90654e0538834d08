//! `foghorn bench connect`: many connections at once, each of which subscribes.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::ListenArguments;
use crate::clock;
use crate::report::{ClientFigures, Outcome, ServerFigures, rounded};
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    #[command(flatten)]
    #[serde(flatten)]
    listen: ListenArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let listen = arguments.listen;
    let output = Output::open(&listen.common.output);
    let settings = settings(&listen)?;
    let connections = listen.crowd.connections as u64;
    let mut session = listen.session()?;
    let mark = session.mark();
    session.open()?;
    let cost = session.since(&mark);
    let seconds = clock::seconds(cost.length);
    let server = session.server.as_ref().map(|process| {
        let figures = ServerFigures::new(process, cost);
        ServerFigures {
            cpu_us_per_connection: figures.per(connections),
            ..figures
        }
    });
    let mut result = Outcome {
        scenario: "connect",
        settings,
        seconds,
        server,
        client: ClientFigures::new(cost),
        ..Outcome::default()
    };
    result.note("connections", connections);
    result.note(
        "connections_per_second",
        rounded(connections as f64 / seconds),
    );
    drop(session);
    result.finish(output)
}
