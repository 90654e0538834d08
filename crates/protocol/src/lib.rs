//! The words of the Pusher Channels wire: names, messages, limits, codes and their encoding.
//!
//! What strangers send is parsed here, once, into types that cannot hold a wrong value
//! ([`ChannelName`], [`SocketId`], [`UserId`], [`ClientMessage`]); what the server says is encoded
//! here, once, into a [`Frame`] that any number of connections share.
//!
//! This crate must not know: who is connected, what is allowed, secrets, time, sockets.

mod bucket;
mod channel;
mod client;
mod close;
mod event;
pub mod fallback;
mod frame;
mod json;
mod limits;
mod member;
mod moment;
mod origin;
mod recipient;
mod server;
mod socket_id;
mod user;
mod version;

#[cfg(any(test, feature = "proptest"))]
pub mod strategies;

pub use bucket::{Allowance, Bucket, Exhausted};
pub use channel::{Access, ChannelKind, ChannelName, InvalidChannelName};
pub use client::{ClientMessage, MalformedMessage};
pub use close::{Close, CloseCode};
pub use event::{EventName, InvalidEventName};
pub use frame::Frame;
pub use json::{encrypted_envelope, event_data, wire_text};
pub use limits::{Ceiling, Limits, Rate};
pub use member::{InvalidMember, InvalidUserId, Member, UserId};
pub use moment::{Moment, UnixSeconds};
pub use origin::{InvalidOriginPattern, Origin, OriginPattern, Origins};
pub use recipient::{InvalidRecipient, Recipient};
pub use server::{RefusalKind, ServerMessage};
pub use socket_id::{InvalidSocketId, SocketId};
pub use user::{InvalidUser, User, Watched};
pub use version::{InvalidProtocolVersion, ProtocolVersion};
