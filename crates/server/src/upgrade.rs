//! From an HTTP request to a WebSocket (RFC 6455 §4.2).

use bytes::Bytes;
use foghorn_auth::{Query, percent_decode};
use foghorn_channels::Mailbox as _;
use foghorn_node::{Admission, Connection, Handshake, Refusal};
use foghorn_protocol::ProtocolVersion;
use http::header::{
    CONNECTION, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tungstenite::handshake::derive_accept_key;

use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::plain::{only_get, plain, upgrade_required};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::websocket;

/// The sub-protocol names that Pusher clients may offer; the Swift client does.
const SUB_PROTOCOL: &str = "pusher-channels-protocol-";

/// Whether the request wants to become a WebSocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    has_token(headers, UPGRADE, "websocket")
}

/// Upgrades the connection and goes on with it in a task of its own. `key` is the path's segment
/// behind `/app/`, or `None` for a path that is none of the protocol's: refusals are told after the
/// upgrade, because browsers see nothing of a refused one.
pub(crate) fn accept(
    shared: &Arc<Shared>,
    request: &mut Request<Incoming>,
    peer: Peer,
    key: Option<&str>,
) -> Response<Bytes> {
    if request.version() != Version::HTTP_11 {
        return plain(
            StatusCode::BAD_REQUEST,
            "A WebSocket handshake needs HTTP/1.1\n",
        );
    }
    if request.method() != Method::GET {
        return only_get("A WebSocket handshake is a GET request\n");
    }
    let headers = request.headers();
    let accept = match check(headers) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(answer) => return *answer,
    };
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let key = key.and_then(percent_decode);
    let admitted = shared.node.admit(&Handshake {
        key: key.as_deref(),
        protocol: query.get("protocol"),
        client: query.get("client"),
        // What is no text is no origin that anybody allows.
        origin: headers
            .get(ORIGIN)
            .map(|origin| origin.to_str().unwrap_or("invalid")),
        transport: peer.client_transport(headers, &shared.trusted_proxies),
    });
    let sub_protocol = offered_sub_protocol(headers);
    tokio::spawn(go_on(
        Arc::clone(shared),
        hyper::upgrade::on(request),
        admitted,
    ));
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(sub_protocol) = sub_protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, sub_protocol);
    }
    response
}

/// The task of an upgraded connection.
async fn go_on(shared: Arc<Shared>, upgrade: OnUpgrade, admitted: Result<Admission, Refusal>) {
    let Ok(upgraded) = upgrade.await else { return };
    // Only the socket and what was read too far is kept of the HTTP connection.
    let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Socket<Stream>>>() else {
        return;
    };
    let (stream, _place) = io.into_inner().into_parts();
    match admitted {
        Ok(admission) => {
            let meters = Arc::clone(admission.app.meters());
            let outbox = Arc::new(Outbox::new(shared.rules.send_queue, meters));
            let Ok(random) = getrandom::u64() else {
                return tracing::error!("the system has no randomness for a socket id");
            };
            let node = Arc::clone(&shared.node);
            let now = shared.rules.clock.now();
            let connection = Connection::open(node, admission, outbox.clone(), random, now);
            let socket = connection.socket();
            tracing::debug!(app = %connection.app().id(), %socket, "connected");
            let _registered = shared.connections.register(socket, outbox.clone());
            if shared.node.is_draining() {
                // Let in just before the drain looked at who is here.
                outbox.ask_to_close(&crate::drain::reconnect());
            }
            websocket::serve(stream.split(), read_buf, connection, outbox, shared.rules).await;
        }
        Err(refusal) => {
            tracing::debug!(code = refusal.close.code().number(), "connection refused");
            websocket::refuse(stream.split(), refusal, shared.rules).await;
        }
    }
}

fn check(headers: &HeaderMap) -> Result<&HeaderValue, Box<Response<Bytes>>> {
    let bad = |text| Box::new(plain(StatusCode::BAD_REQUEST, text));
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(bad(
            "A WebSocket handshake needs the header Connection: Upgrade\n",
        ));
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut answer =
            upgrade_required("Only version 13 of the WebSocket protocol is supported\n");
        answer
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(answer));
    }
    headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_nonce(key.as_bytes())).ok_or_else(|| {
        bad("A WebSocket handshake needs the header Sec-WebSocket-Key with 16 bytes in base64\n")
    })
}

/// The one sub-protocol that is spoken here, if it was offered. Browsers fail on one that was not.
fn offered_sub_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let names = offers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','));
    let spoken = names.map(str::trim).find(|name| {
        let number = name.strip_prefix(SUB_PROTOCOL);
        number.is_some_and(|number| ProtocolVersion::parse(number).is_ok())
    });
    spoken.and_then(|name| HeaderValue::from_str(name).ok())
}

/// 16 bytes in base64 are 22 characters and two of padding.
fn is_nonce(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==")
        .is_some_and(|key| key.len() == 22 && key.iter().all(is_base64))
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|v| v.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Writing;
    use crate::websocket::Line;

    /// Bytes of the future that `task` makes; it need not be called for that.
    fn size_of_task<A, B, C, F: Future>(_task: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Every connection costs these bytes for as long as it lives, so growth is to be a decision:
    /// whoever needs more raises a limit, and whoever needs less lowers it.
    #[test]
    fn a_connection_stays_small() {
        for (what, size, limit) in [
            ("the task", size_of_task(go_on), 2_000),
            ("its connection", size_of::<Connection>(), 160),
            (
                "the outbox beside it",
                size_of::<Outbox<Line<Writing>>>(),
                160,
            ),
            ("its line", size_of::<Line<Writing>>(), 160),
        ] {
            assert!(size <= limit, "{what}: {size} bytes, the limit is {limit}");
        }
    }

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
            let mut headers = HeaderMap::new();
            for offer in &offers {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
            }
            let echoed = offered_sub_protocol(&headers);
            assert_eq!(
                echoed.as_ref().map(HeaderValue::as_bytes),
                expect.map(str::as_bytes)
            );
        }
    }
}
