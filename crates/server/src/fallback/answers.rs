//! Answers of the fallback transports. Pages of any origin may read them all
//! (fallback-transports.md §6); which origins an app allows is settled when a session opens.

use bytes::Bytes;
use foghorn_api::Answer;
use foghorn_node::Refusal;
use foghorn_protocol::fallback::{closing, opening};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::plain::plain;

/// Browsers show the text of a response while it comes in only if it is text.
const LINES: &str = "application/javascript; charset=UTF-8";

/// Has nginx pass on every byte at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The methods of these paths.
const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// The answer to a browser that asks whether it may ask.
pub(super) fn preflight() -> Answer {
    let day = HeaderValue::from_static("86400");
    let headers = HeaderValue::from_static("content-type");
    done()
        .with(ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .with(ACCESS_CONTROL_ALLOW_HEADERS, headers)
        .with(ACCESS_CONTROL_MAX_AGE, day)
}

/// What was sent has been taken.
pub(super) fn done() -> Answer {
    for_all(Answer::new(StatusCode::NO_CONTENT, LINES, Bytes::new()))
}

/// Lines for a session, or the head of a response to which they are added.
pub(super) fn lines(lines: impl Into<Bytes>) -> Answer {
    let answer = Answer::new(StatusCode::OK, LINES, lines.into());
    let fresh = HeaderValue::from_static("no-store, no-transform");
    for_all(answer)
        .with(CACHE_CONTROL, fresh)
        .with(UNBUFFERED, HeaderValue::from_static("no"))
}

/// Tells a client why it may not come in. It looks at that only in a session that is open.
pub(super) fn refusal(refusal: &Refusal) -> Answer {
    let mut all = opening(None).into_bytes();
    if let Some(farewell) = &refusal.farewell {
        all.extend_from_slice(farewell.line().bytes());
    }
    all.extend_from_slice(closing(&refusal.close).as_bytes());
    lines(all)
}

/// An error, as text for people.
pub(super) fn error(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    for_all(plain(status, text))
}

/// No session has this name here.
pub(super) fn unknown_session() -> Answer {
    let text = "Unknown session; it may have ended, or be another server's\n";
    error(StatusCode::NOT_FOUND, text)
}

/// Only one method is for these paths.
pub(super) fn only_post() -> Answer {
    let text = "Method not allowed, use POST\n";
    error(StatusCode::METHOD_NOT_ALLOWED, text).with(ALLOW, METHODS)
}

/// Lets pages of any origin read it.
pub(super) fn for_all(answer: Answer) -> Answer {
    answer.with(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_protocol::{CloseCode, ProtocolVersion};

    #[test]
    fn a_refusal_opens_and_closes() {
        let refuse = |protocol, reason: &str| {
            let protocol = ProtocolVersion::parse(protocol).unwrap();
            let refused = Refusal::new(protocol, CloseCode::UnknownApp, reason.to_owned());
            String::from_utf8(refusal(&refused).body.to_vec()).unwrap()
        };
        assert_eq!(refuse("7", "no"), "o\nc[4001,\"no\"]\n");
        let old = refuse("5", "no");
        assert!(
            old.starts_with("o\na[\"{\\\"event\\\":\\\"pusher:error\\\""),
            "{old}"
        );
        assert!(old.ends_with("]\nc[4001,\"no\"]\n"), "{old}");
    }
}
