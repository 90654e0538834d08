//! `foghorn bench join`: how long a subscription takes on a busy channel.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{CommonArguments, CrowdArguments, EventArguments, PublisherArguments};
use crate::fanout::{measure, result};
use crate::pace::Pace;
use crate::publishers::Publishers;
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// Join so often a second, in place of as often as is acknowledged
    #[arg(long, value_name = "NUMBER", value_parser = crate::arguments::positive)]
    joins: Option<f64>,
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
        joins,
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
    let guest = server.plan(CrowdArguments::here(1), events.channels);
    let mut session = Session::new(server, plan, publishers, None)?;
    session.invite(guest, None);
    session.churn = Some(match joins {
        Some(per_second) => Pace::Open { per_second },
        None => Pace::Closed,
    });
    session.spread(crowd.processes)?;
    session.open()?;
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?;
    result.scenario = "join";
    result.settings = settings;
    let counts = session.guests.counts();
    result.note("joins", counts.rejoined.iter().sum::<u64>());
    result.join_latency_us = counts.rejoining.percentiles();
    drop(session);
    result.finish(output)
}
