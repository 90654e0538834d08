//! `channels`, `channels/{name}` and `channels/{name}/users`.

use std::collections::BTreeMap;

use foghorn_auth::Query;
use foghorn_node::{App, Node};
use foghorn_protocol::UserId;
use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::info::{Attributes, Info};

/// Always an object: PHP and Go cannot read an empty array.
#[derive(Serialize)]
pub(crate) struct ChannelList {
    channels: BTreeMap<String, Attributes>,
}

#[derive(Serialize)]
pub(crate) struct ChannelState {
    occupied: bool,
    #[serde(flatten)]
    attributes: Attributes,
}

#[derive(Serialize)]
pub(crate) struct UserList {
    users: Vec<User>,
}

#[derive(Serialize)]
struct User {
    id: UserId,
}

pub(crate) fn channels(node: &Node, app: &App, query: &Query<'_>) -> Result<ChannelList, ApiError> {
    let prefix = query.get("filter_by_prefix").unwrap_or_default();
    let info = Info::parse(query.get("info"))?.require_for_list(app, prefix)?;
    let occupied = node.occupied(app, prefix).into_iter();
    let channels = occupied
        .map(|(channel, occupancy)| {
            (
                channel.as_str().to_owned(),
                info.of(app, &channel, occupancy),
            )
        })
        .collect();
    Ok(ChannelList { channels })
}

pub(crate) fn channel(
    node: &Node,
    app: &App,
    name: &str,
    query: &Query<'_>,
) -> Result<ChannelState, ApiError> {
    let channel = body::channel(app, name)?;
    let info = Info::parse(query.get("info"))?.require_for(app, &channel)?;
    let occupancy = node.occupancy(app, &channel);
    let attributes = info.of(app, &channel, occupancy);
    Ok(ChannelState {
        occupied: occupancy.subscriptions > 0,
        attributes,
    })
}

pub(crate) fn users(node: &Node, app: &App, name: &str) -> Result<UserList, ApiError> {
    let channel = body::channel(app, name)?;
    if !channel.kind().is_presence() {
        return Err(ApiError::NotPresence);
    }
    let users = node
        .user_ids(app, &channel)
        .into_iter()
        .map(|id| User { id })
        .collect();
    Ok(UserList { users })
}
