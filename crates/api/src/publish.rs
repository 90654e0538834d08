//! `events` and `batch_events`.

use std::collections::BTreeMap;

use bytes::Bytes;
use foghorn_node::{Accepted, App, Node, Publish};
use foghorn_protocol::{Allowance, Moment, Rate, UnixSeconds};
use http::StatusCode;
use serde::Serialize;

use crate::api::Done;
use crate::body::Trigger;
use crate::error::ApiError;
use crate::info::Attributes;
use crate::respond::to_json;

/// Who publishes, and when.
pub(crate) struct Publisher<'a> {
    pub(crate) node: &'a Node,
    pub(crate) app: &'a App,
    /// By the clock that never goes back, and by the wall clock.
    pub(crate) at: (Moment, UnixSeconds),
}

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
pub(crate) fn event(back_end: &Publisher<'_>, trigger: Trigger<'_>) -> Result<Done, ApiError> {
    let &Publisher { node, app, .. } = back_end;
    let Trigger { publish, info } = trigger;
    let events = [publish];
    let accepted = back_end.publish(&events)?;
    if info.is_empty() {
        return Ok(done(accepted, None));
    }
    app.usage().count(cost(&events));
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
    back_end: &Publisher<'_>,
    triggers: Vec<Trigger<'_>>,
) -> Result<Done, ApiError> {
    let &Publisher { node, app, .. } = back_end;
    let asked = triggers.iter().any(|trigger| !trigger.info.is_empty());
    let (events, infos): (Vec<Publish<'_>>, Vec<_>) = triggers
        .into_iter()
        .map(|trigger| (trigger.publish, trigger.info))
        .unzip();
    let accepted = back_end.publish(&events)?;
    if !asked {
        return Ok(done(accepted, None));
    }
    let asking = events.iter().zip(&infos);
    let asking = asking.filter(|(_, info)| !info.is_empty());
    app.usage()
        .count(asking.map(|(event, _)| event.recipients.len()).sum());
    let attributes = events.iter().zip(infos).map(|(event, info)| {
        let occupancy = |channel: &_| node.occupancy(app, channel);
        info.of_recipient(app, event.recipients.first(), occupancy)
    });
    let batch = attributes.collect();
    let said = to_json(&BatchAnswer { batch })?;
    Ok(done(accepted, Some(said)))
}

fn done((accepted, allowance): (Accepted, Option<Allowance>), said: Option<Bytes>) -> Done {
    Done {
        status: StatusCode::OK,
        said,
        eased: accepted.eased,
        allowance,
    }
}

/// What publishing `events` costs. An event that also asks something costs the same once more.
fn cost(events: &[Publish<'_>]) -> usize {
    events.iter().map(|event| event.recipients.len()).sum()
}

impl Publisher<'_> {
    /// Publishes all of the events or, if they are too many or too fast, none. What is left of the
    /// rate, where there is one.
    fn publish(&self, events: &[Publish<'_>]) -> Result<(Accepted, Option<Allowance>), ApiError> {
        let Self { node, app, at } = *self;
        let (now, wall_clock) = at;
        let asked = u32::try_from(cost(events)).unwrap_or(u32::MAX);
        if let Rate::PerSecond(limit) = app.limits().api_events_per_second
            && asked > limit
        {
            // There is no time at which it would be accepted.
            return Err(ApiError::FasterThanAllowed { asked, limit });
        }
        let quota = app.quota();
        app.usage()
            .check(quota.messages_per_day, wall_clock)
            .map_err(|over| ApiError::OverQuota {
                over,
                status: quota.status,
            })?;
        let allowance = app
            .take_events(asked, now)
            .map_err(|exhausted| ApiError::TooFast {
                what: "events",
                asked,
                exhausted,
            })?;
        let accepted = node
            .publish(app, events, now)
            .map_err(ApiError::OverCapacity)?;
        Ok((accepted, allowance))
    }
}
