//! `events` and `batch_events`.

use std::collections::BTreeMap;

use foghorn_node::{App, Node, Publish};
use serde::Serialize;

use crate::body::{self, Trigger};
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

pub(crate) fn event(node: &Node, app: &App, body: &[u8]) -> Result<EventAnswer, ApiError> {
    let Trigger { publish, info } = body::event(app, body)?;
    let events = [publish];
    node.publish(app, &events).map_err(ApiError::OverCapacity)?;
    let asked = events
        .iter()
        .flat_map(|event| &event.channels)
        .map(|channel| {
            let attributes = info.of(app, channel, node.occupancy(app, channel));
            (channel.as_str().to_owned(), attributes)
        });
    Ok(EventAnswer {
        channels: (!info.is_empty()).then(|| asked.collect()),
    })
}

pub(crate) fn batch(node: &Node, app: &App, body: &[u8]) -> Result<BatchAnswer, ApiError> {
    let triggers = body::batch(app, body)?;
    let asked = triggers.iter().any(|trigger| !trigger.info.is_empty());
    let (events, infos): (Vec<Publish>, Vec<_>) = triggers
        .into_iter()
        .map(|trigger| (trigger.publish, trigger.info))
        .unzip();
    node.publish(app, &events).map_err(ApiError::OverCapacity)?;
    let attributes = events
        .iter()
        .zip(infos)
        .map(|(event, info)| match event.channels.first() {
            Some(channel) => info.of(app, channel, node.occupancy(app, channel)),
            None => Attributes::default(),
        });
    Ok(BatchAnswer {
        batch: asked.then(|| attributes.collect()),
    })
}
