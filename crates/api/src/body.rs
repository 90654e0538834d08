//! Reading what back ends post.

use foghorn_node::{App, Publish};
use foghorn_protocol::{ChannelName, EventName, SocketId, wire_text};
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

/// Reads the body of `events`.
pub(crate) fn event(app: &App, body: &[u8]) -> Result<Trigger, ApiError> {
    trigger(app, from_json(body)?)
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
        .map(|event| trigger(app, from_json(event.get().as_bytes())?))
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

fn trigger(app: &App, raw: RawEvent<'_>) -> Result<Trigger, ApiError> {
    let limits = app.limits();
    let name = raw.name.ok_or(ApiError::Missing("name"))?;
    let event = EventName::parse(&name, limits.max_event_name_length).map_err(ApiError::Event)?;
    let data = wire_text(raw.data.ok_or(ApiError::Missing("data"))?).map_err(json_error)?;
    if data.len() > limits.max_event_data_bytes {
        return Err(ApiError::DataTooLarge {
            event: excerpt(&name),
            length: data.len(),
            limit: limits.max_event_data_bytes,
        });
    }
    let channels = channels(app, raw.channel, raw.channels.unwrap_or_default())?;
    let except = match raw.socket_id.filter(|id| !id.is_empty()) {
        Some(id) => SocketId::parse(&id).map_err(ApiError::SocketId)?,
        None => None,
    };
    let publish = Publish {
        channels,
        event,
        data: data.into_owned(),
        except,
    };
    Ok(Trigger {
        publish,
        info: Info::parse(raw.info.as_deref())?,
    })
}

/// The union of both fields, each channel once, in the order given.
fn channels(
    app: &App,
    one: Option<String>,
    many: Vec<String>,
) -> Result<Vec<ChannelName>, ApiError> {
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
    let mut channels = Vec::with_capacity(names.len());
    for name in names {
        let channel = channel(app, &name)?;
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    Ok(channels)
}

/// A channel name of this app.
pub(crate) fn channel(app: &App, name: &str) -> Result<ChannelName, ApiError> {
    ChannelName::parse(name, app.limits().max_channel_name_length).map_err(|invalid| {
        ApiError::Channel {
            name: excerpt(name),
            invalid,
        }
    })
}
