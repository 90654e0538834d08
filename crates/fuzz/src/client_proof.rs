//! Signatures that clients present.

use foghorn_auth::{
    ChannelProof, Coverage, UserProof, sign_channel, sign_user, verify_channel, verify_user,
};
use foghorn_protocol::{ChannelName, SocketId};

use crate::{first_line, world};

/// The lines are `auth`, the channel, and the rest is `channel_data` or `user_data`.
///
/// No text that was not signed is accepted; what was signed is; and neither kind of signature
/// passes for the other.
pub fn client_proof(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (auth, rest) = first_line(text);
    let (channel, data) = first_line(rest);
    let ring = world::ring();
    let socket_id = &SocketId::from_random(7);
    let user = |auth: &str, user_data: &str| {
        let proof = UserProof {
            socket_id,
            auth,
            user_data,
        };
        verify_user(&ring, &proof).is_ok()
    };
    assert!(!user(auth, data), "nobody signed it");
    let signed = sign_user(&world::credential(), socket_id, data);
    assert!(user(&signed, data), "signed");
    assert!(!user(&altered(&signed), data), "a digit is wrong");

    // Only checked names get as far as signatures.
    let Ok(channel) = ChannelName::parse(channel, 200) else {
        return;
    };
    let channel = channel.as_str();
    let both = format!("{channel}:{data}");
    for coverage in [Coverage::Exactly, Coverage::DataOptional] {
        let joined = |auth: &str, channel_data: Option<&str>| {
            let proof = ChannelProof {
                socket_id,
                channel,
                auth,
                channel_data,
                coverage,
            };
            verify_channel(&ring, &proof).is_ok()
        };
        assert!(!joined(&signed, Some(data)), "a sign-in is no subscription");
        for channel_data in [None, Some(data)] {
            assert!(!joined(auth, channel_data), "nobody signed it");
            let signed = sign_channel(&world::credential(), socket_id, channel, channel_data);
            let empty = channel_data == Some("") && coverage == Coverage::DataOptional;
            assert_eq!(joined(&signed, channel_data), !empty, "signed");
            assert!(!joined(&altered(&signed), channel_data), "a digit is wrong");
            for user_data in [data, channel, &both] {
                assert!(!user(&signed, user_data), "a subscription is no sign-in");
            }
        }
        let without = sign_channel(&world::credential(), socket_id, channel, None);
        let optional = coverage == Coverage::DataOptional;
        assert_eq!(
            joined(&without, Some(data)),
            optional,
            "data that nobody signed"
        );
    }
}

/// `auth` with another last digit.
fn altered(auth: &str) -> String {
    let mut altered = auth.to_owned();
    let last = altered.pop();
    altered.push(if last == Some('0') { '1' } else { '0' });
    altered
}
