//! Answers that are a line of text.

use bytes::Bytes;
use foghorn_api::Answer;
use http::header::{ALLOW, CONNECTION, UPGRADE};
use http::{HeaderValue, StatusCode};

use crate::http1::Head;

/// A short text for people and probes.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    Answer::new(status, "text/plain; charset=utf-8", text.into())
}

/// The answer to a request with another method than GET (RFC 9110 §15.5.6).
pub(crate) fn only_get(text: &'static str) -> Answer {
    let allow = HeaderValue::from_static("GET, HEAD");
    plain(StatusCode::METHOD_NOT_ALLOWED, text).with(ALLOW, allow)
}

/// The answer to a request that has to become a WebSocket first (RFC 9110 §15.5.22).
pub(crate) fn upgrade_required(text: &'static str) -> Answer {
    plain(StatusCode::UPGRADE_REQUIRED, text)
        .with(UPGRADE, HeaderValue::from_static("websocket"))
        .with(CONNECTION, HeaderValue::from_static("Upgrade"))
}

/// The answer to a probe.
pub(crate) fn health(head: &Head<'_, '_>, status: StatusCode) -> Answer {
    match head.method {
        "GET" | "HEAD" if status == StatusCode::OK => plain(status, "OK\n"),
        "GET" | "HEAD" => plain(status, "shutting down\n"),
        _ => only_get("Method not allowed, use GET\n"),
    }
}
