//! What nodes say, and that every node comes to know what the others said.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod convergence;
mod ledger;
mod strategies;
mod view;
mod wire;

use std::time::Duration;

use foghorn_cluster::{AppId, Cached, Fact, NodeId};
use foghorn_protocol::fallback::SessionName;
use foghorn_protocol::{ChannelName, Frame, Limits, Member, Recipient, SocketId, UserId};

fn node(bits: u64) -> NodeId {
    NodeId::from_random(bits)
}

fn app() -> AppId {
    "1".into()
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name, 200).unwrap()
}

fn recipient(name: &str) -> Recipient {
    Recipient::parse(name, &Limits::default()).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::parse(id, 128).unwrap()
}

fn member(channel_data: &str) -> Member {
    Member::parse(channel_data, &Limits::default()).unwrap()
}

fn socket(id: &str) -> SocketId {
    SocketId::parse(id).unwrap().unwrap()
}

fn session(name: &str) -> SessionName {
    name.parse().unwrap()
}

fn frame(text: &str) -> Frame {
    Frame::from_text(text.as_bytes())
}

fn occupied(name: &str, count: u32) -> Fact {
    Fact::Occupied {
        app: app(),
        recipient: recipient(name),
        count,
    }
}

fn connected(count: u32) -> Fact {
    Fact::Connected { app: app(), count }
}

fn cached(name: &str, version: u64, text: &str) -> Cached {
    Cached {
        app: app(),
        channel: channel(name),
        version,
        ttl: Duration::from_millis(1_500),
        frame: frame(text),
    }
}

fn joined(name: &str, channel_data: &str) -> Fact {
    Fact::Joined {
        app: app(),
        channel: channel(name),
        member: member(channel_data),
    }
}

fn left(name: &str, user_id: &str) -> Fact {
    Fact::Left {
        app: app(),
        channel: channel(name),
        user_id: user(user_id),
    }
}
