//! Requests to the HTTP API, signed: what is in their bodies and parameters.

use std::sync::Arc;

use foghorn_api::{Answer, Api, Head, Options};
use foghorn_auth::{UnsignedRequest, sign_request};
use foghorn_protocol::{Moment, UnixSeconds};
use serde_json::Value;

use crate::world::{self, APP_ID, Client};

/// The time at which requests are signed and answered.
const NOW: u64 = 1_760_000_000;

/// Statuses that a signed request may get.
const STATUSES: [u16; 8] = [200, 202, 400, 404, 405, 413, 415, 503];

const CHANNELS: [&str; 4] = ["a", "private-a", "presence-a", "private-encrypted-a"];

/// The first line is the method and the path within the app with its parameters, as in
/// `GET /channels?info=user_count`; the rest is the body.
///
/// Every answer is a JSON object with a status that the API knows, errors say why, and who is
/// refused has published nothing.
pub fn event_body(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n');
    let (head, body) = data.split_at(end.unwrap_or(data.len()));
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let line = std::str::from_utf8(head).ok();
    let Some((method, path, query)) = line.and_then(|line| signed(line, body)) else {
        return;
    };
    let node = world::node();
    let mut peer = Client::connect(&node, 1);
    peer.subscribe(&CHANNELS);
    let api = Api::new(Arc::clone(&node), Options::default());
    let head = Head {
        method,
        path: &path,
        query: &query,
        content_encoding: None,
    };
    let answer = match api.begin(&head, UnixSeconds(NOW)) {
        Ok(call) => api.finish(&call, body, Moment::default()).answer,
        Err(refusal) => *refusal,
    };
    let status = answer.status.as_u16();
    check_answer(&answer);
    let heard = peer.heard();
    let accepted = matches!(status, 200 | 202);
    assert!(heard.is_empty() || accepted, "{status}, but {heard:?}");
    for event in &heard {
        let name = event
            .get("event")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let reserved = ["pusher:", "pusher_internal:"];
        assert!(!reserved.iter().any(|own| name.starts_with(own)), "{event}");
    }
    if status == 200 && path.ends_with("/events") {
        check_delivery(body, &heard);
    }
}

/// Method, path and query of the request that a back end would send; `None` if it could not.
fn signed<'a>(line: &'a str, body: &[u8]) -> Option<(&'a str, String, String)> {
    let (method, target) = line.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let params: Vec<_> = query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| !is_reserved(&name.to_ascii_lowercase()))
        .collect();
    let path = format!("/apps/{APP_ID}{path}");
    let is_target = |path: &str| {
        path.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    };
    if !is_target(&path) {
        return None;
    }
    let unsigned = UnsignedRequest {
        method,
        path: &path,
        params: &params,
        body,
    };
    let query = sign_request(&world::credential(), &unsigned, NOW);
    Some((method, path, query))
}

/// Whether the signature brings this parameter along.
fn is_reserved(name: &str) -> bool {
    name.starts_with("auth_") || name == "body_md5"
}

fn check_answer(answer: &Answer) {
    let status = answer.status.as_u16();
    let said = String::from_utf8_lossy(&answer.body);
    assert!(STATUSES.contains(&status), "{status}: {said}");
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.is_object(), "{said}");
    if !matches!(status, 200 | 202) {
        assert!(answer.get("error").is_some_and(Value::is_string), "{said}");
        assert_eq!(answer.get("code"), Some(&status.into()), "{said}");
    }
}

/// The simplest event there is arrives as it was sent.
fn check_delivery(body: &[u8], heard: &[Value]) {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| sent.get(name).and_then(Value::as_str);
    let (Some("a"), Some(name), Some(data)) = (field("channel"), field("name"), field("data"))
    else {
        return;
    };
    // The sender named here may be our peer, who then gets nothing; a list has precedence.
    if sent.get("socket_id").is_some() || sent.get("channels").is_some() {
        return;
    }
    let expected = serde_json::json!({ "event": name, "channel": "a", "data": data });
    assert_eq!(heard, [expected]);
}
