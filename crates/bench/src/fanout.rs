//! `foghorn bench fanout`: events published over the API, delivered to many.

use clap::Args;
use foghorn_cli::{Failure, Output};
use serde::Serialize;

use crate::arguments::{CommonArguments, CrowdArguments, EventArguments, PublisherArguments};
use crate::clock;
use crate::publishers::Publishers;
use crate::report::{ClientFigures, Deliveries, Outcome, Publishes, ServerFigures};
use crate::session::{Cost, Session};
use crate::settings::settings;

/// What to measure.
#[derive(Args, Serialize)]
pub struct Arguments {
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
        crowd,
        publishers,
        events,
        common,
    } = arguments;
    let server = common.resolve()?;
    let manner = publishers.manner(events.channels);
    let publishers = Publishers::new(server.api, server.requests(events.payload, None), manner);
    let plan = server.plan(crowd, events.channels);
    let mut session = Session::new(server, plan, publishers, None)?;
    session.spread(crowd.processes)?;
    session.open()?;
    let cost = measure(&mut session, events)?;
    let mut result = result(&mut session, cost)?;
    result.scenario = "fanout";
    result.settings = settings;
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
