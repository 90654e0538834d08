//! `events` and `batch_events`.

use std::collections::BTreeMap;

use foghorn_node::{Accepted, App, Node, Publish};
use foghorn_protocol::{Moment, Rate};
use serde::Serialize;

use crate::body::Trigger;
use crate::error::ApiError;
use crate::info::Attributes;

/// `{}`, or the attributes that were asked for, by channel.
#[derive(Serialize)]
pub(crate) struct EventAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<BTreeMap<String, Attributes>>,
}

/// `{}`, or the attributes that were asked for, by the event's place in the batch.
#[derive(Serialize)]
pub(crate) struct BatchAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Vec<Attributes>>,
}

pub(crate) fn event(
    node: &Node,
    app: &App,
    trigger: Trigger,
    now: Moment,
) -> Result<(EventAnswer, Accepted), ApiError> {
    let Trigger { publish, info } = trigger;
    let events = [publish];
    let accepted = accept(node, app, &events, now)?;
    let recipients = events.iter().flat_map(|event| &event.recipients);
    let asked = recipients.map(|recipient| {
        let occupancy = |channel: &_| node.occupancy(app, channel);
        let attributes = info.of_recipient(app, Some(recipient), occupancy);
        (recipient.to_string(), attributes)
    });
    let answer = EventAnswer {
        channels: (!info.is_empty()).then(|| asked.collect()),
    };
    Ok((answer, accepted))
}

pub(crate) fn batch(
    node: &Node,
    app: &App,
    triggers: Vec<Trigger>,
    now: Moment,
) -> Result<(BatchAnswer, Accepted), ApiError> {
    let asked = triggers.iter().any(|trigger| !trigger.info.is_empty());
    let (events, infos): (Vec<Publish>, Vec<_>) = triggers
        .into_iter()
        .map(|trigger| (trigger.publish, trigger.info))
        .unzip();
    let accepted = accept(node, app, &events, now)?;
    let attributes = events.iter().zip(infos).map(|(event, info)| {
        let occupancy = |channel: &_| node.occupancy(app, channel);
        info.of_recipient(app, event.recipients.first(), occupancy)
    });
    let answer = BatchAnswer {
        batch: asked.then(|| attributes.collect()),
    };
    Ok((answer, accepted))
}

/// Publishes all of the events or, if they are too many or too fast, none.
fn accept(node: &Node, app: &App, events: &[Publish], now: Moment) -> Result<Accepted, ApiError> {
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
