//! What a connection goes on as after its request: a WebSocket (RFC 6455 §4.2), or a stream of a
//! fallback transport.

use std::sync::Arc;

use foghorn_api::Answer;
use foghorn_auth::percent_decode;
use foghorn_node::{Admission, Refusal, Transport};
use foghorn_protocol::ProtocolVersion;
use http::header::SEC_WEBSOCKET_VERSION;
use http::{HeaderValue, StatusCode};
use tungstenite::handshake::derive_accept_key;

use crate::connections::Registered;
use crate::fallback::Joining;
use crate::http1::{Framing, Head, Step, Upgraded, Version};
use crate::peer::Peer;
use crate::plain::{only_get, plain, upgrade_required};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::websocket::{self, Opening};

/// The sub-protocol names that Pusher clients may offer; the Swift client does.
const SUB_PROTOCOL: &str = "pusher-channels-protocol-";

/// Whether the request wants to become a WebSocket.
pub(crate) fn is_wanted(head: &Head<'_, '_>) -> bool {
    head.has_token("upgrade", "websocket")
}

/// Upgrades the connection. `key` is the path's segment behind `/app/`, or `None` for a path that
/// is none of the protocol's: refusals are told after the upgrade, because browsers see nothing of
/// a refused one.
pub(crate) fn accept<C>(
    shared: &Shared,
    head: &Head<'_, '_>,
    peer: Peer,
    key: Option<&str>,
) -> Step<C, Upgrade> {
    let nonce = match check(head) {
        Ok(nonce) => nonce,
        Err(answer) => return Step::Answer(*answer),
    };
    let key = key.and_then(percent_decode);
    let admitted = shared.admit(head, peer, key.as_deref(), Transport::WebSocket);
    Step::Upgrade {
        response: response(&derive_accept_key(nonce), offered_sub_protocol(head)),
        upgrade: Upgrade::WebSocket(admitted),
    }
}

/// What a connection goes on with.
pub(crate) enum Upgrade {
    /// A WebSocket, if the client may come in.
    WebSocket(Result<Admission, Refusal>),
    /// A response without end.
    Stream(Joining),
}

/// Goes on with an upgraded connection, to its end.
pub(crate) async fn go_on(shared: Arc<Shared>, upgraded: Box<Upgraded<Stream, Upgrade>>) {
    let Upgraded {
        socket,
        early,
        response,
        upgrade,
    } = *upgraded;
    let (stream, place) = socket.into_parts();
    match upgrade {
        Upgrade::WebSocket(Ok(admission)) => {
            let opening = Opening { early, response };
            let Some((served, _registered)) = open(&shared, stream, opening, admission) else {
                return;
            };
            served.await;
            drop(place);
        }
        Upgrade::WebSocket(Err(refusal)) => {
            tracing::debug!(code = refusal.close.code().number(), "connection refused");
            let opening = Opening { early, response };
            websocket::refuse(stream.split(), opening, refusal, shared.rules).await;
        }
        // Boxed: few have to wait in there, and every WebSocket would have room for them.
        Upgrade::Stream(joining) => {
            drop(early);
            Box::pin(joining.hand_over(stream, place, response)).await;
        }
    }
}

/// Lets a client in: what serves it, and its entry among the open connections.
fn open(
    shared: &Shared,
    stream: Stream,
    opening: Opening,
    admission: Admission,
) -> Option<(impl Future<Output = ()> + use<>, Registered)> {
    let arrival = shared.let_in(admission)?;
    let served = websocket::serve(
        stream.split(),
        opening,
        arrival.connection,
        arrival.outbox,
        shared.rules,
    );
    Some((served, arrival.registered))
}

/// The bytes of the response that the client's handshake asks for.
fn response(accept: &str, sub_protocol: Option<&str>) -> Vec<u8> {
    let mut response = String::with_capacity(256);
    response.extend([
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        "Sec-WebSocket-Accept: ",
        accept,
        "\r\n",
    ]);
    if let Some(name) = sub_protocol {
        response.extend(["Sec-WebSocket-Protocol: ", name, "\r\n"]);
    }
    response.push_str("\r\n");
    response.into_bytes()
}

/// The nonce of a proper handshake, or what is wrong with it.
fn check<'b>(head: &Head<'b, '_>) -> Result<&'b [u8], Box<Answer>> {
    let bad = |text| Box::new(plain(StatusCode::BAD_REQUEST, text));
    if head.version != Version::Http11 {
        return Err(bad("A WebSocket handshake needs HTTP/1.1\n"));
    }
    if head.method != "GET" {
        return Err(Box::new(only_get(
            "A WebSocket handshake is a GET request\n",
        )));
    }
    if head.framing != Framing::Length(0) {
        return Err(bad("A WebSocket handshake has no body\n"));
    }
    if !head.has_token("connection", "upgrade") {
        return Err(bad(
            "A WebSocket handshake needs the header Connection: Upgrade\n",
        ));
    }
    if head.value("sec-websocket-version") != Some(b"13") {
        let text = "Only version 13 of the WebSocket protocol is supported\n";
        let version = HeaderValue::from_static("13");
        let answer = upgrade_required(text).with(SEC_WEBSOCKET_VERSION, version);
        return Err(Box::new(answer));
    }
    head.value("sec-websocket-key").filter(|key| is_nonce(key)).ok_or_else(|| {
        bad("A WebSocket handshake needs the header Sec-WebSocket-Key with 16 bytes in base64\n")
    })
}

/// The one sub-protocol that is spoken here, if it was offered. Browsers fail on one that was not.
fn offered_sub_protocol<'b>(head: &Head<'b, '_>) -> Option<&'b str> {
    head.elements("sec-websocket-protocol").find(|name| {
        let number = name.strip_prefix(SUB_PROTOCOL);
        number.is_some_and(|number| ProtocolVersion::parse(number).is_ok())
    })
}

/// 16 bytes in base64 are 22 characters and two of padding.
fn is_nonce(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|key| key.len() == 22 && key.iter().all(is_base64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::tests::with_head;

    #[test]
    fn only_an_offered_and_spoken_sub_protocol_is_echoed() {
        for (offers, expect) in [
            (vec![], None),
            (
                vec!["pusher-channels-protocol-7"],
                Some("pusher-channels-protocol-7"),
            ),
            (
                vec!["chat, pusher-channels-protocol-5"],
                Some("pusher-channels-protocol-5"),
            ),
            (
                vec!["chat", "pusher-channels-protocol-7"],
                Some("pusher-channels-protocol-7"),
            ),
            (vec!["pusher-channels-protocol-8"], None),
            (vec!["pusher-channels-protocol-"], None),
            (vec!["chat"], None),
        ] {
            let headers = offers
                .iter()
                .map(|offer| ("Sec-WebSocket-Protocol", *offer));
            let echoed = with_head(headers, |head| {
                offered_sub_protocol(head).map(str::to_owned)
            });
            assert_eq!(echoed.as_deref(), expect);
        }
    }
}
