//! `foghorn bench slow`: some subscribers stop reading; what becomes of them and of the others.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{
    CommonArguments, CrowdArguments, EventArguments, PublisherArguments, at_least_one,
};
use crate::fanout::{measure, result};
use crate::publishers::Publishers;
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// How many more connections subscribe and then read nothing
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = at_least_one)]
    stopped: usize,
    #[command(flatten)]
    #[serde(flatten)]
    crowd: CrowdArguments,
    #[command(flatten)]
    #[serde(flatten)]
    publishers: PublisherArguments,
    #[command(flatten)]
    #[serde(flatten)]
    events: EventArguments,
    #[command(flatten)]
    #[serde(skip)]
    common: CommonArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.common.output);
    let settings = settings(&arguments)?;
    let Arguments {
        stopped,
        crowd,
        publishers,
        events,
        common,
    } = arguments;
    let server = common.resolve()?;
    let manner = publishers.manner(events.channels);
    let requests = server.requests(events.payload, None);
    let publishers = Publishers::new(server.api, requests, manner);
    let plan = server.plan(crowd, events.channels);
    let mut guests = server.plan(CrowdArguments::here(stopped), events.channels);
    guests.first = crowd.connections;
    let mut session = Session::new(server, plan, publishers, None)?;
    session.invite(guests, None);
    session.spread(crowd.processes)?;
    session.open()?;
    let memory = |session: &Session| session.server.as_ref().and_then(|p| p.memory());
    let before = memory(&session);
    session.guests.stop_reading();
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?;
    result.scenario = "slow";
    result.settings = settings;
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
