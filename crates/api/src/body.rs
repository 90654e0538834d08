//! Reading what back ends post.

use std::borrow::Cow;

use foghorn_auth::Query;
use foghorn_node::{App, Publish};
use foghorn_protocol::{ChannelName, EventName, Recipient, SocketId, wire_text};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{ApiError, excerpt};
use crate::info::Info;

/// An event with what the answer should say about its channels.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) publish: Publish,
    pub(crate) info: Info,
}

/// One event as posted. Unknown members are ignored, `null` is absent except as data.
#[derive(Deserialize)]
struct RawEvent<'a> {
    name: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    channel: Option<String>,
    channels: Option<Vec<String>>,
    socket_id: Option<String>,
    info: Option<String>,
}

#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    batch: Option<Vec<&'a RawValue>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What an event needs to say, wherever it stood.
pub(crate) struct Fields<'a> {
    pub(crate) name: Option<String>,
    pub(crate) data: Option<Cow<'a, str>>,
    pub(crate) channel: Option<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) socket_id: Option<String>,
    pub(crate) info: Option<String>,
}

impl<'a> TryFrom<RawEvent<'a>> for Fields<'a> {
    type Error = ApiError;

    fn try_from(raw: RawEvent<'a>) -> Result<Self, ApiError> {
        Ok(Self {
            name: raw.name,
            data: raw.data.map(wire_text).transpose().map_err(json_error)?,
            channel: raw.channel,
            channels: raw.channels.unwrap_or_default(),
            socket_id: raw.socket_id,
            info: raw.info,
        })
    }
}

/// Reads the body of `events`; without one, the parameters say it all.
pub(crate) fn event(app: &App, body: &[u8], query: &Query<'_>) -> Result<Trigger, ApiError> {
    let text = |name| query.get(name).map(str::to_owned);
    let fields = match body {
        [] => Fields {
            name: text("name"),
            data: text("data").map(Cow::Owned),
            channel: text("channel"),
            channels: query.all("channels[]").map(str::to_owned).collect(),
            socket_id: text("socket_id"),
            info: text("info"),
        },
        json => from_json::<RawEvent<'_>>(json)?.try_into()?,
    };
    trigger(app, fields)
}

/// Reads the body of `batch_events`. Nothing is published unless every event is in order.
pub(crate) fn batch(app: &App, body: &[u8]) -> Result<Vec<Trigger>, ApiError> {
    let raw: RawBatch<'_> = from_json(body)?;
    let events = raw.batch.ok_or(ApiError::Missing("batch"))?;
    let limit = app.limits().max_batch_size;
    if events.len() > limit {
        return Err(ApiError::TooMany {
            what: "events",
            count: events.len(),
            limit,
        });
    }
    events
        .into_iter()
        .map(|event| {
            let raw: RawEvent<'_> = from_json(event.get().as_bytes())?;
            trigger(app, raw.try_into()?)
        })
        .collect()
}

fn from_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    // serde would also take an array for a struct.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::Json("must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(json_error)
}

/// serde's text may hold a whole value of the request.
#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn json_error(error: serde_json::Error) -> ApiError {
    ApiError::Json(excerpt(&error.to_string()))
}

/// Checks an event, field by field.
pub(crate) fn trigger(app: &App, fields: Fields<'_>) -> Result<Trigger, ApiError> {
    let limits = app.limits();
    let name = fields.name.ok_or(ApiError::Missing("name"))?;
    let event = EventName::parse(&name, limits.max_event_name_length).map_err(ApiError::Event)?;
    let data = fields.data.ok_or(ApiError::Missing("data"))?;
    if data.len() > limits.max_event_data_bytes {
        return Err(ApiError::DataTooLarge {
            event: excerpt(&name),
            length: data.len(),
            limit: limits.max_event_data_bytes,
        });
    }
    let recipients = recipients(app, fields.channel, fields.channels)?;
    let except = match fields.socket_id.filter(|id| !id.is_empty()) {
        Some(id) => SocketId::parse(&id).map_err(ApiError::SocketId)?,
        None => None,
    };
    let publish = Publish {
        recipients,
        event,
        data: data.into_owned(),
        except,
    };
    Ok(Trigger {
        publish,
        info: Info::parse(fields.info.as_deref())?,
    })
}

/// The union of both fields, each channel and user once, in the order given.
fn recipients(
    app: &App,
    one: Option<String>,
    many: Vec<String>,
) -> Result<Vec<Recipient>, ApiError> {
    let limits = app.limits();
    let mut names = Vec::from_iter(one);
    let first = names.first().cloned();
    names.extend(many.into_iter().filter(|name| Some(name) != first.as_ref()));
    if names.is_empty() {
        return Err(ApiError::Missing("channel or channels"));
    }
    if names.len() > limits.max_channels_per_event {
        let limit = limits.max_channels_per_event;
        return Err(ApiError::TooMany {
            what: "channels",
            count: names.len(),
            limit,
        });
    }
    let mut recipients = Vec::with_capacity(names.len());
    for name in names {
        let recipient = Recipient::parse(&name, limits).map_err(|invalid| ApiError::Channel {
            name: excerpt(&name),
            invalid,
        })?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}

/// A channel name of this app.
pub(crate) fn channel(app: &App, name: &str) -> Result<ChannelName, ApiError> {
    ChannelName::parse(name, app.limits().max_channel_name_length).map_err(|invalid| {
        ApiError::Channel {
            name: excerpt(name),
            invalid: invalid.into(),
        }
    })
}
