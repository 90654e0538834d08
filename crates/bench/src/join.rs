//! `foghorn bench join`: how long a subscription takes on a busy channel.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{LoadArguments, positive};
use crate::crowd::Habit;
use crate::fanout::{measure, result};
use crate::pace::Pace;
use crate::settings::settings;

/// How many take turns to subscribe, so that each has long left when it does so again.
const VISITORS: usize = 8;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// Join so often a second, in place of as often as is acknowledged
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    joins: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    load: LoadArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.load.common.output);
    let settings = settings(&arguments)?;
    let Arguments { joins, load } = arguments;
    let events = load.events;
    let mut session = load.session()?;
    session.invite_more(VISITORS);
    session.guests.prepare_churn(Habit::Visit, Pace::new(joins));
    session.open()?;
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?.about("join", settings);
    let counts = session.guests.counts();
    result.note("joins", counts.rejoined.iter().sum::<u64>());
    result.join_latency_us = counts.rejoining.percentiles();
    drop(session);
    result.finish(output)
}
