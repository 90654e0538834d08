//! `foghorn bench slow`: some subscribers stop reading; what becomes of them and of the others.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{LoadArguments, at_least_one};
use crate::fanout::{measure, result};
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// How many more connections subscribe and then read nothing
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = at_least_one)]
    stopped: usize,
    #[command(flatten)]
    #[serde(flatten)]
    load: LoadArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.load.common.output);
    let settings = settings(&arguments)?;
    let Arguments { stopped, load } = arguments;
    let events = load.events;
    let mut session = load.session()?;
    session.invite_more(stopped);
    session.open()?;
    let before = session.memory();
    session.guests.stop_reading();
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?.about("slow", settings);
    session.resume_guests()?;
    let counts = session.guests.counts();
    result.note("stopped", stopped);
    result.note("stopped_closed", counts.closed);
    if let Some(why) = &counts.closed_because {
        result.note("stopped_closed_because", why.as_str());
    }
    if let Some(before) = before {
        result.note("rss_bytes_before", before.resident);
    }
    drop(session);
    result.finish(output)
}
