//! An answer, before it is HTTP.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

/// A complete answer to a request. Most have no headers but those that describe the body, so these
/// are no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body's media type.
    pub media_type: &'static str,
    /// Further headers, in this order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer without further headers.
    #[must_use]
    pub fn new(status: StatusCode, media_type: &'static str, body: Bytes) -> Self {
        Self {
            status,
            media_type,
            headers: Vec::new(),
            body,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}
