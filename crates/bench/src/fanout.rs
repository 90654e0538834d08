//! `foghorn bench fanout`: events published over the API, delivered to many.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{EventArguments, LoadArguments};
use crate::clock;
use crate::report::{ClientFigures, Deliveries, Outcome, Publishes, ServerFigures};
use crate::session::{Cost, Session};
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
    #[command(flatten)]
    #[serde(flatten)]
    load: LoadArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let load = arguments.load;
    let output = Output::open(&load.common.output);
    let settings = settings(&load)?;
    let events = load.events;
    let mut session = load.session()?;
    session.open()?;
    let cost = measure(&mut session, events)?;
    let result = result(&mut session, cost)?.about("fanout", settings);
    drop(session);
    result.finish(output)
}

/// Publishes, first to warm up and then to measure.
pub(crate) fn measure(session: &mut Session, events: EventArguments) -> Result<Cost, Failure> {
    session.load(clock::nanos(events.warmup))?;
    let mark = session.begin()?;
    session.load(clock::nanos(events.seconds))?;
    Ok(session.since(&mark))
}

/// What publishing at this cost has shown.
pub(crate) fn result(session: &mut Session, cost: Cost) -> Result<Outcome, Failure> {
    let counts = session.counts()?;
    let lost = counts.missing(session.accepted());
    let published = &session.publishers.published;
    let receiving = counts.last.saturating_sub(cost.begun);
    let seconds = clock::seconds(if receiving > 0 {
        receiving
    } else {
        cost.length
    });
    let server = session.server.as_ref().map(|process| {
        let figures = ServerFigures::new(process, cost);
        ServerFigures {
            cpu_us_per_delivery: figures.per(counts.deliveries),
            cpu_us_per_publish: figures.per(published.requests),
            ..figures
        }
    });
    let subscribed = counts.live.iter().any(|live| *live > 0) || counts.closed > 0;
    Ok(Outcome {
        seconds,
        deliveries: subscribed.then(|| Deliveries::new(&counts, lost, seconds)),
        publishes: (session.publishers.count() > 0).then(|| Publishes::new(published, cost.begun)),
        latency_us: counts.latency.percentiles(),
        publish_latency_us: published.latency.percentiles(),
        server,
        client: ClientFigures::new(cost),
        ..Outcome::default()
    })
}
