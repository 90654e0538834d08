//! `events` and `batch_events`.

use std::collections::BTreeMap;

use bytes::Bytes;
use foghorn_node::{Accepted, App, Node, Publish};
use foghorn_protocol::{Moment, Rate};
use http::StatusCode;
use serde::Serialize;

use crate::api::Done;
use crate::body::Trigger;
use crate::error::ApiError;
use crate::info::Attributes;
use crate::respond::to_json;

/// The attributes that were asked for, by channel.
#[derive(Serialize)]
struct EventAnswer {
    channels: BTreeMap<String, Attributes>,
}

/// The attributes that were asked for, by the event's place in the batch.
#[derive(Serialize)]
struct BatchAnswer {
    batch: Vec<Attributes>,
}

/// Publishes one event; gives what was asked for, if anything was.
pub(crate) fn event(
    node: &Node,
    app: &App,
    trigger: Trigger<'_>,
    now: Moment,
) -> Result<Done, ApiError> {
    let Trigger { publish, info } = trigger;
    let events = [publish];
    let accepted = accept(node, app, &events, now)?;
    if info.is_empty() {
        return Ok(done(accepted, None));
    }
    let recipients = events.iter().flat_map(|event| &event.recipients);
    let asked = recipients.map(|recipient| {
        let occupancy = |channel: &_| node.occupancy(app, channel);
        let attributes = info.of_recipient(app, Some(recipient), occupancy);
        (recipient.to_string(), attributes)
    });
    let channels = asked.collect();
    let said = to_json(&EventAnswer { channels })?;
    Ok(done(accepted, Some(said)))
}

/// Publishes several events; gives what was asked for, if anything was.
pub(crate) fn batch(
    node: &Node,
    app: &App,
    triggers: Vec<Trigger<'_>>,
    now: Moment,
) -> Result<Done, ApiError> {
    let asked = triggers.iter().any(|trigger| !trigger.info.is_empty());
    let (events, infos): (Vec<Publish<'_>>, Vec<_>) = triggers
        .into_iter()
        .map(|trigger| (trigger.publish, trigger.info))
        .unzip();
    let accepted = accept(node, app, &events, now)?;
    if !asked {
        return Ok(done(accepted, None));
    }
    let attributes = events.iter().zip(infos).map(|(event, info)| {
        let occupancy = |channel: &_| node.occupancy(app, channel);
        info.of_recipient(app, event.recipients.first(), occupancy)
    });
    let batch = attributes.collect();
    let said = to_json(&BatchAnswer { batch })?;
    Ok(done(accepted, Some(said)))
}

fn done(accepted: Accepted, said: Option<Bytes>) -> Done {
    Done {
        status: StatusCode::OK,
        said,
        eased: accepted.eased,
    }
}

/// Publishes all of the events or, if they are too many or too fast, none.
fn accept(
    node: &Node,
    app: &App,
    events: &[Publish<'_>],
    now: Moment,
) -> Result<Accepted, ApiError> {
    let asked: usize = events.iter().map(|event| event.recipients.len()).sum();
    let asked = u32::try_from(asked).unwrap_or(u32::MAX);
    if let Rate::PerSecond(limit) = app.limits().api_events_per_second
        && asked > limit
    {
        // There is no time at which it would be accepted.
        return Err(ApiError::FasterThanAllowed { asked, limit });
    }
    app.take_events(asked, now)
        .map_err(|exhausted| ApiError::TooFast {
            what: "events",
            asked,
            exhausted,
        })?;
    node.publish(app, events, now)
        .map_err(ApiError::OverCapacity)
}
