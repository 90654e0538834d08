//! Generators of valid protocol values, shared by the property tests of other crates.

use proptest::prelude::*;

use crate::{ChannelName, Recipient, SocketId, UserId};

/// Any channel name of up to 40 characters, of every kind.
pub fn channel_name() -> impl Strategy<Value = ChannelName> {
    let prefix = prop::sample::select(vec![
        "",
        "cache-",
        "private-",
        "private-cache-",
        "private-encrypted-",
        "private-encrypted-cache-",
        "presence-",
        "presence-cache-",
    ]);
    (prefix, "[A-Za-z0-9_=@,.;-]{1,15}").prop_filter_map("not a channel name", |(prefix, rest)| {
        ChannelName::parse(&format!("{prefix}{rest}"), 200).ok()
    })
}

/// Any socket id.
pub fn socket_id() -> impl Strategy<Value = SocketId> {
    any::<u64>().prop_map(SocketId::from_random)
}

/// Any recipient: a channel, or a user.
pub fn recipient() -> impl Strategy<Value = Recipient> {
    let user = "[A-Za-z0-9_=@,.;-]{1,15}"
        .prop_filter_map("not a user id", |id| UserId::parse_plain(&id, 128).ok());
    prop_oneof![
        channel_name().prop_map(Recipient::Channel),
        user.prop_map(Recipient::User),
    ]
}
