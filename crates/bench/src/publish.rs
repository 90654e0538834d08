//! `foghorn bench publish`: the API alone, with nobody to deliver to.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{CommonArguments, EventArguments, PublisherArguments};
use crate::fanout::{measure, result};
use crate::publishers::Publishers;
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// Send so many events in each request, as a batch; servers may take no more than 10
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    batch: Option<u16>,
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
        batch,
        publishers,
        events,
        common,
    } = arguments;
    let server = common.resolve()?;
    let requests = server.requests(events.payload, batch.map(usize::from));
    let manner = publishers.manner(events.channels);
    let publishers = Publishers::new(server.api, requests, manner);
    let plan = server.nobody(events.channels);
    let mut session = Session::new(server, plan, publishers, None)?;
    let cost = measure(&mut session, events)?;
    let result = result(&mut session, cost)?.about("publish", settings);
    drop(session);
    result.finish(output)
}
