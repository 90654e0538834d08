//! What clients send: the text of WebSocket messages.

use std::collections::BTreeSet;

use foghorn_auth::{sign_channel, sign_user};
use foghorn_node::Action;
use foghorn_protocol::{ClientMessage, Moment};
use serde_json::Value;

use crate::world::{self, Client};

/// In place of `auth`, since no fuzzer guesses a signature: the harness puts in the right one.
const SIGN_HERE: &str = "sign:here";

/// Channels of a second client, which must not be disturbed.
const PEERS: [&str; 3] = ["room", "private-room", "presence-room"];

/// Each line is a message of one client, fed to a real connection of a node.
///
/// Whatever it says: answers have the protocol's form, nothing ends the connection with a code
/// that would stop pusher-js for good, a peer hears only what clients may cause, and nothing of the
/// client is left when it is gone.
pub fn client_frame(data: &[u8]) {
    // Messages that are not UTF-8 end at the WebSocket's reader.
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let node = world::node();
    let mut peer = Client::connect(&node, 1);
    peer.subscribe(&PEERS);
    let channels = node.channels();
    let mut client = Client::connect(&node, 2);
    let mut room = BTreeSet::new();
    for line in text.split('\n') {
        let line = signed(line, &client);
        match client.connection.on_text(&line, Moment::default()) {
            None | Some(Action::Ping) => {}
            Some(Action::Close(close)) => {
                let code = close.code().number();
                assert!(code < 4300, "closed with {code}");
                break;
            }
        }
        node.look_at_users(Moment::default());
        client.heard();
        for message in peer.heard() {
            overhear(&message, &mut room);
        }
    }
    drop(client);
    for message in peer.heard() {
        overhear(&message, &mut room);
    }
    assert_eq!(room, BTreeSet::new(), "members that have left");
    assert_eq!(node.connections(), 1);
    assert_eq!(node.channels(), channels, "channels without subscribers");
}

/// The message with the signature that its sender could have got.
fn signed(line: &str, client: &Client) -> String {
    match ClientMessage::parse(line) {
        Ok(ClientMessage::Subscribe {
            channel,
            auth: Some(auth),
            channel_data,
        }) if auth == SIGN_HERE => {
            let socket = client.connection.socket();
            let data = channel_data.as_deref();
            let auth = sign_channel(&world::credential(), socket, &channel, data);
            line.replace(SIGN_HERE, &auth)
        }
        Ok(ClientMessage::SignIn { auth, user_data }) if auth == SIGN_HERE => {
            let socket = client.connection.socket();
            let auth = sign_user(&world::credential(), socket, &user_data);
            line.replace(SIGN_HERE, &auth)
        }
        _ => line.to_owned(),
    }
}

/// Checks what the peer hears of another client, and who is in the room besides.
fn overhear(message: &Value, room: &mut BTreeSet<String>) {
    let text = |name: &str| {
        message
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (event, channel) = (text("event"), text("channel"));
    assert!(PEERS.contains(&channel), "{message}");
    let presence = channel.starts_with("presence-");
    let user = || {
        let data: Value = serde_json::from_str(text("data")).unwrap();
        let user = data.get("user_id").and_then(Value::as_str);
        user.unwrap_or_default().to_owned()
    };
    match event {
        "pusher_internal:member_added" if presence => assert!(room.insert(user()), "{message}"),
        "pusher_internal:member_removed" if presence => assert!(room.remove(&user()), "{message}"),
        _ => {
            assert!(event.starts_with("client-"), "{message}");
            assert_ne!(
                channel, "room",
                "client events need an authenticated channel"
            );
            assert_eq!(message.get("user_id").is_some(), presence, "{message}");
        }
    }
}
