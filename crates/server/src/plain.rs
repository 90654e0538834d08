//! Answers that are a line of text.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};

/// A short text for people and probes.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The answer to a probe.
pub(crate) fn health<B>(request: &Request<B>, status: StatusCode) -> Response<Bytes> {
    match *request.method() {
        Method::GET | Method::HEAD if status == StatusCode::OK => plain(status, "OK\n"),
        Method::GET | Method::HEAD => plain(status, "shutting down\n"),
        _ => plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed, use GET\n",
        ),
    }
}
