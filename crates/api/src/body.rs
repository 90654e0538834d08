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
pub(crate) struct Trigger<'a> {
    pub(crate) publish: Publish<'a>,
    pub(crate) info: Info,
}

/// One event as posted. Unknown members are ignored, `null` is absent except as data.
#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<Text<'a>>,
    #[serde(borrow)]
    channels: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    socket_id: Option<Text<'a>>,
    #[serde(borrow)]
    info: Option<Text<'a>>,
}

/// A string that is copied only if it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) data: Option<Cow<'a, str>>,
    pub(crate) channel: Option<Cow<'a, str>>,
    pub(crate) channels: Vec<Cow<'a, str>>,
    pub(crate) socket_id: Option<Cow<'a, str>>,
    pub(crate) info: Option<Cow<'a, str>>,
}

impl<'a> TryFrom<RawEvent<'a>> for Fields<'a> {
    type Error = ApiError;

    fn try_from(raw: RawEvent<'a>) -> Result<Self, ApiError> {
        let text = |Text(text)| text;
        let channels = raw.channels.unwrap_or_default().into_iter();
        Ok(Self {
            name: raw.name.map(text),
            data: raw.data.map(wire_text).transpose().map_err(json_error)?,
            channel: raw.channel.map(text),
            channels: channels.map(text).collect(),
            socket_id: raw.socket_id.map(text),
            info: raw.info.map(text),
        })
    }
}

/// Reads the body of `events`; without one, the parameters say it all.
pub(crate) fn event<'a>(
    app: &App,
    body: &'a [u8],
    query: &'a Query<'_>,
) -> Result<Trigger<'a>, ApiError> {
    let text = |name| query.get(name).map(Cow::Borrowed);
    let fields = match body {
        [] => Fields {
            name: text("name"),
            data: text("data"),
            channel: text("channel"),
            channels: query.all("channels[]").map(Cow::Borrowed).collect(),
            socket_id: text("socket_id"),
            info: text("info"),
        },
        json => from_json::<RawEvent<'_>>(json)?.try_into()?,
    };
    trigger(app, fields)
}

/// Reads the body of `batch_events`. Nothing is published unless every event is in order.
pub(crate) fn batch<'a>(app: &App, body: &'a [u8]) -> Result<Vec<Trigger<'a>>, ApiError> {
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
pub(crate) fn trigger<'a>(app: &App, fields: Fields<'a>) -> Result<Trigger<'a>, ApiError> {
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
    let recipients = recipients(app, fields.channel.as_deref(), &fields.channels)?;
    let except = match fields.socket_id.filter(|id| !id.is_empty()) {
        Some(id) => SocketId::parse(&id).map_err(ApiError::SocketId)?,
        None => None,
    };
    let publish = Publish {
        recipients,
        event,
        data,
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
    one: Option<&str>,
    many: &[Cow<'_, str>],
) -> Result<Vec<Recipient>, ApiError> {
    let limits = app.limits();
    let others = many
        .iter()
        .map(|name| &**name)
        .filter(|name| Some(*name) != one);
    let names = one.into_iter().chain(others);
    let count = names.clone().count();
    if count == 0 {
        return Err(ApiError::Missing("channel or channels"));
    }
    if count > limits.max_channels_per_event {
        let limit = limits.max_channels_per_event;
        return Err(ApiError::TooMany {
            what: "channels",
            count,
            limit,
        });
    }
    let mut recipients = Vec::with_capacity(count);
    for name in names {
        let recipient = Recipient::parse(name, limits).map_err(|invalid| ApiError::Channel {
            name: excerpt(name),
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
