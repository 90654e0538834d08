//! `foghorn bench presence`: members leave presence channels and come back, and others are told.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{
    CommonArguments, CrowdArguments, at_least_one, duration, positive, stretch,
};
use crate::clock;
use crate::crowd::Habit;
use crate::pace::Pace;
use crate::report::{Announcements, ClientFigures, Outcome, ServerFigures, rounded};
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// How many presence channels there are
    #[arg(short = 'k', long, value_name = "NUMBER", default_value_t = 10,
          value_parser = at_least_one)]
    channels: usize,
    /// How many members of each channel stay and are told who comes and goes
    #[arg(short, long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one)]
    members: usize,
    /// How many more members leave and come back, over all channels
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one)]
    visitors: usize,
    /// How many of them leave and come back a second, in place of as many as are acknowledged
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    rate: Option<f64>,
    /// How long to measure, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = stretch)]
    seconds: f64,
    /// How long to do it before that, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = duration)]
    warmup: f64,
    #[command(flatten)]
    #[serde(skip)]
    common: CommonArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.common.output);
    let settings = settings(&arguments)?;
    let server = arguments.common.resolve()?;
    let channels = arguments.channels;
    let members = CrowdArguments::here(arguments.members * channels);
    let visitors = CrowdArguments::here(arguments.visitors);
    let plan = server.members(members, channels, 0);
    let guests = server.members(visitors, channels, members.connections);
    let credential = server.target.credential.clone();
    let mut session = Session::listening(server, plan, Some(credential.clone()))?;
    session.invite(guests, Some(credential));
    let pace = Pace::new(arguments.rate);
    session.guests.prepare_churn(Habit::Return, pace);
    session.open()?;
    session.load(clock::nanos(arguments.warmup))?;
    let mark = session.begin()?;
    session.load(clock::nanos(arguments.seconds))?;
    let cost = session.since(&mark);
    let counts = session.counts()?;
    let visits = session.guests.counts();
    let mut everybody = counts.clone();
    everybody.merge(visits.clone());
    let rejoined: u64 = visits.rejoined.iter().sum();
    let server = session.server.as_ref();
    let figures = server.map(|process| ServerFigures::new(process, cost));
    let mut result = Outcome {
        scenario: "presence",
        settings,
        seconds: clock::seconds(cost.length),
        join_latency_us: visits.rejoining.percentiles(),
        announcements: Some(Announcements {
            announcements_expected: session.announcements(&counts),
            member_added: counts.added,
            member_removed: counts.removed,
        }),
        client: ClientFigures::new(cost),
        ..Outcome::default()
    };
    result.note("joins_and_leaves", rejoined);
    let per_second = rejoined as f64 / arguments.seconds;
    result.note("joins_and_leaves_per_second", rounded(per_second));
    let per = figures.as_ref().and_then(|figures| figures.per(rejoined));
    result.note("server_cpu_us_per_join_and_leave", per);
    result.note_trouble(&everybody);
    result.server = figures;
    drop(session);
    result.finish(output)
}
