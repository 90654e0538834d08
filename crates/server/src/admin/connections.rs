//! `/admin/v1/apps/{id}/connections`: who is connected to this node.

use foghorn_api::Answer;
use foghorn_protocol::{Close, CloseCode, SocketId};
use http::StatusCode;
use serde::Serialize;

use super::Admin;
use super::params::{Params, bad, whole};
use super::refusal::{Refusal, excerpt};
use super::view::{json, nothing, rfc3339};
use crate::connections::Entry;

#[derive(Serialize)]
struct ConnectionList {
    connections: Vec<ConnectionView>,
    next: Option<String>,
}

#[derive(Serialize)]
struct ConnectionView {
    socket_id: String,
    transport: &'static str,
    since: String,
}

impl Admin {
    pub(super) async fn list_connections(
        &self,
        id: &str,
        params: &Params,
    ) -> Result<Answer, Refusal> {
        let page = params.page()?;
        let after = page.after.map(|after| {
            position(after).ok_or_else(|| bad("after", "must be a socket id such as 123.456"))
        });
        let after = after.transpose()?;
        let app = self.on_node(id).await?;
        let found = self.parts.connections.page(app.id(), after, page.reach());
        let (found, next) = page.cut(found, |(socket, _)| socket.to_string());
        let connections = found.into_iter().map(ConnectionView::from).collect();
        json(StatusCode::OK, &ConnectionList { connections, next })
    }

    /// Closes as a back end does that terminates a user (protocol.md §9.4): the client stays away.
    pub(super) async fn close_connection(
        &self,
        (id, socket): (&str, &str),
    ) -> Result<Answer, Refusal> {
        let app = self.on_node(id).await?;
        let close = Close::new(CloseCode::Unauthorized, "Terminated by the operator");
        let parsed = SocketId::parse(socket).ok().flatten();
        let connections = &self.parts.connections;
        let closed = parsed.is_some_and(|socket| connections.close(app.id(), socket, &close));
        match closed {
            true => Ok(nothing()),
            false => Err(Refusal::NoConnection(excerpt(socket))),
        }
    }
}

impl From<(SocketId, Entry)> for ConnectionView {
    fn from((socket, entry): (SocketId, Entry)) -> Self {
        Self {
            socket_id: socket.to_string(),
            transport: entry.transport.name(),
            since: rfc3339(entry.since),
        }
    }
}

/// Where an id stands among others, whether there is such a connection or not.
fn position(text: &str) -> Option<SocketId> {
    const DIGITS: usize = 10;
    let (high, low) = text.split_once('.')?;
    let half = |text: &str| {
        let number = whole(text).filter(|_| text.len() <= DIGITS)?;
        Some(number.min(u32::MAX.into()))
    };
    Some(SocketId::from_random(half(high)? << 32 | half(low)?))
}
