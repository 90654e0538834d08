//! Endpoints that Pusher deprecated in 2012 and that old back ends still call (http-api.md §10).

use std::borrow::Cow;

use foghorn_auth::Query;
use foghorn_node::{App, Node};
use serde::Serialize;

use crate::body::{self, Fields, Trigger};
use crate::error::ApiError;

/// What `channels/{name}/stats` says.
#[derive(Serialize)]
pub(crate) struct Stats {
    occupied: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
    connection_count: u64,
}

/// Reads an event whose body is its data and whose other fields are parameters.
pub(crate) fn event<'a>(
    app: &App,
    channel: &'a str,
    query: &'a Query<'_>,
    body: &'a [u8],
) -> Result<Trigger<'a>, ApiError> {
    let data = std::str::from_utf8(body).map_err(|_| ApiError::DataNotText)?;
    let fields = Fields {
        name: query.get("name").map(Cow::Borrowed),
        data: Some(data.into()),
        channel: Some(Cow::Borrowed(channel)),
        channels: Vec::new(),
        socket_id: query.get("socket_id").map(Cow::Borrowed),
        info: None,
    };
    body::trigger(app, fields)
}

/// Says how many are on a channel.
pub(crate) fn stats(node: &Node, app: &App, name: &str) -> Result<Stats, ApiError> {
    let channel = body::channel(app, name)?;
    let occupancy = node.occupancy(app, &channel);
    Ok(Stats {
        occupied: occupancy.subscriptions > 0,
        user_count: channel.kind().is_presence().then_some(occupancy.users),
        connection_count: occupancy.subscriptions,
    })
}
