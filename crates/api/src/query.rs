//! `channels`, `channels/{name}` and `channels/{name}/users`.

use std::collections::BTreeMap;

use foghorn_auth::Query;
use foghorn_node::{App, CachedEvent, Node};
use foghorn_protocol::{ChannelName, Member, Moment, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::body;
use crate::error::ApiError;
use crate::info::{Attributes, Info};
use crate::options::{ChannelInfo, Options};

/// Always an object: PHP and Go cannot read an empty array.
#[derive(Serialize)]
pub(crate) struct ChannelList {
    channels: BTreeMap<String, Listed>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Option::is_none")]
    occupied: Option<bool>,
    #[serde(flatten)]
    attributes: Attributes,
}

#[derive(Serialize)]
pub(crate) struct ChannelState {
    occupied: bool,
    #[serde(flatten)]
    attributes: Attributes,
    /// `null` where nothing is cached; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Option<Cache>>,
}

#[derive(Serialize)]
struct Cache {
    data: String,
    /// Seconds.
    ttl: u64,
}

#[derive(Serialize)]
pub(crate) struct UserList {
    users: Vec<User>,
}

#[derive(Serialize)]
struct User {
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_info: Option<Box<RawValue>>,
}

pub(crate) fn channels(
    node: &Node,
    app: &App,
    query: &Query<'_>,
    options: &Options,
) -> Result<ChannelList, ApiError> {
    let prefix = query.get("filter_by_prefix").unwrap_or_default();
    let info = Info::parse(query.get("info"))?;
    info.require_for_list(app, prefix, options.unavailable)?;
    let listed = |channel: &ChannelName, occupancy| match options.channel_info {
        ChannelInfo::Asked => Listed {
            occupied: None,
            attributes: info.of(app, channel, occupancy),
        },
        ChannelInfo::Soketi => Listed {
            occupied: Some(true),
            attributes: Attributes::soketi(channel, occupancy),
        },
    };
    let occupied = node.occupied(app, prefix).into_iter();
    let channels = occupied
        .map(|(channel, occupancy)| (channel.to_string(), listed(&channel, occupancy)))
        .collect();
    Ok(ChannelList { channels })
}

pub(crate) fn channel(
    node: &Node,
    app: &App,
    (name, query): (&str, &Query<'_>),
    options: &Options,
    now: Moment,
) -> Result<ChannelState, ApiError> {
    let channel = body::channel(app, name)?;
    let info = Info::parse(query.get("info"))?;
    info.require_for(app, &channel, options.unavailable)?;
    let occupancy = node.occupancy(app, &channel);
    let cached = || node.cached(app, &channel, now).map(Cache::from);
    Ok(ChannelState {
        occupied: occupancy.subscriptions > 0,
        attributes: match options.channel_info {
            ChannelInfo::Asked => info.of(app, &channel, occupancy),
            ChannelInfo::Soketi => Attributes::soketi(&channel, occupancy),
        },
        cache: info.wants_cache(&channel).then(cached),
    })
}

pub(crate) fn users(
    node: &Node,
    app: &App,
    name: &str,
    query: &Query<'_>,
) -> Result<UserList, ApiError> {
    let channel = body::channel(app, name)?;
    if !channel.kind().is_presence() {
        return Err(ApiError::NotPresence);
    }
    let with_info = matches!(query.get("with_user_info"), Some("1" | "true"));
    let users = node.members(app, &channel).into_iter();
    let users = users.map(|Member { user_id, user_info }| User {
        id: user_id,
        user_info: user_info
            .filter(|_| with_info)
            .and_then(|info| RawValue::from_string(info.to_string()).ok()),
    });
    Ok(UserList {
        users: users.collect(),
    })
}

impl From<CachedEvent> for Cache {
    fn from(CachedEvent { data, ttl }: CachedEvent) -> Self {
        Self {
            data,
            ttl: ttl.as_secs(),
        }
    }
}
