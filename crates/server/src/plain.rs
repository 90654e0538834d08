//! Answers that are a line of text.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

/// A short text for people and probes.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The answer to a request with another method than GET (RFC 9110 §15.5.6).
pub(crate) fn only_get(text: &'static str) -> Response<Bytes> {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    let allow = HeaderValue::from_static("GET, HEAD");
    answer.headers_mut().insert(ALLOW, allow);
    answer
}

/// The answer to a request that has to become a WebSocket first (RFC 9110 §15.5.22).
pub(crate) fn upgrade_required(text: &'static str) -> Response<Bytes> {
    let mut answer = plain(StatusCode::UPGRADE_REQUIRED, text);
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer
}

/// The answer to a probe.
pub(crate) fn health<B>(request: &Request<B>, status: StatusCode) -> Response<Bytes> {
    match *request.method() {
        Method::GET | Method::HEAD if status == StatusCode::OK => plain(status, "OK\n"),
        Method::GET | Method::HEAD => plain(status, "shutting down\n"),
        _ => only_get("Method not allowed, use GET\n"),
    }
}
