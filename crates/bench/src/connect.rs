//! `foghorn bench connect`: many connections at once, each of which subscribes.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{CommonArguments, CrowdArguments};
use crate::clock;
use crate::report::{ClientFigures, Outcome, ServerFigures, rounded};
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    #[command(flatten)]
    #[serde(flatten)]
    crowd: CrowdArguments,
    /// How many channels the connections subscribe to in turn
    #[arg(short = 'k', long, value_name = "NUMBER", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    channels: u32,
    #[command(flatten)]
    #[serde(skip)]
    common: CommonArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.common.output);
    let settings = settings(&arguments)?;
    let Arguments {
        crowd,
        channels,
        common,
    } = arguments;
    let server = common.resolve()?;
    let plan = server.plan(crowd, channels as usize);
    let mut session = Session::listening(server, plan, None)?;
    session.spread(crowd.processes)?;
    let mark = session.mark();
    session.open()?;
    let cost = session.since(&mark);
    let connections = crowd.connections as u64;
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
