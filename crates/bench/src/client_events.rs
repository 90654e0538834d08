//! `foghorn bench client-events`: members of presence channels talk to each other.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{CommonArguments, CrowdArguments, EventArguments, positive};
use crate::crowd::Senders;
use crate::fanout::{measure, result};
use crate::pace::Pace;
use crate::report::rounded;
use crate::session::Session;
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    /// How many members each channel has
    #[arg(short, long, value_name = "NUMBER", default_value_t = 10,
          value_parser = clap::value_parser!(u16).range(2..))]
    members: u16,
    /// How many events to send a second, evenly spaced, over all channels
    #[arg(long, value_name = "NUMBER", default_value_t = 1000.0, value_parser = positive)]
    rate: f64,
    /// Which members send; servers limit how many events each may send
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Senders::One)]
    senders: Senders,
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
        members,
        rate,
        senders,
        events,
        common,
    } = arguments;
    let server = common.resolve()?;
    let members = usize::from(members);
    let crowd = CrowdArguments::here(members * events.channels);
    let mut plan = server.members(crowd, events.channels, 0);
    plan.publishers = match senders {
        Senders::One => 1,
        Senders::All => members,
    };
    let credential = server.target.credential.clone();
    let mut session = Session::listening(server, plan, Some(credential))?;
    let pace = Pace::Open { per_second: rate };
    session.crowd.prepare_speech(senders, events.payload, pace);
    session.open()?;
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?.about("client-events", settings);
    result.note("sent", session.crowd.spoken_lately());
    let behind = session.crowd.behind() as f64 / 1e6;
    result.note("behind_ms", rounded(behind));
    drop(session);
    result.finish(output)
}
