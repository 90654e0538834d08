//! Answers as bytes (RFC 9112 §4 and §6, RFC 9110 §6.6.1).

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use foghorn_api::Answer;
use foghorn_protocol::UnixSeconds;
use http::StatusCode;
use httpdate::HttpDate;

use super::head::{Persistence, Version};

/// What tells a client to send the body that it announced.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How much of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// The head alone, to who asked with HEAD.
    HeadOnly,
}

/// The `Date` of answers. It is written anew when the second changes.
#[derive(Debug, Default)]
pub(super) struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn at(&mut self, now: UnixSeconds) -> &str {
        if self.text.is_empty() || self.second != now.0 {
            self.second = now.0;
            self.text = HttpDate::from(UNIX_EPOCH + Duration::from_secs(now.0)).to_string();
        }
        &self.text
    }
}

/// Adds `answer` to `out`.
pub(super) fn write(
    out: &mut Vec<u8>,
    answer: &Answer,
    (extent, persistence): (Extent, Persistence),
    (date, now): (&mut Date, UnixSeconds),
) {
    write_head(out, answer, persistence, date.at(now));
    if answer.status == StatusCode::NO_CONTENT {
        // It has no body by definition, and must not say that it is empty (RFC 9110 §8.6).
        return out.extend_from_slice(b"\r\n");
    }
    // A vector takes everything.
    let _ = write!(out, "Content-Length: {}\r\n\r\n", answer.body.len());
    if extent == Extent::Whole {
        out.extend_from_slice(&answer.body);
    }
}

/// The beginning of `answer`, of which more will follow for as long as the connection is open: in
/// chunks, unless the client is too old for them.
pub(crate) fn beginning(answer: &Answer, version: Version, now: UnixSeconds) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let date = &mut Date::default();
    write_head(&mut out, answer, Persistence::Closes, date.at(now));
    if version == Version::Http11 {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// All of an answer's head but how long the body is.
fn write_head(out: &mut Vec<u8>, answer: &Answer, persistence: Persistence, date: &str) {
    let reason = answer.status.canonical_reason().unwrap_or_default();
    let mut add = |texts: &[&str]| {
        for text in texts {
            out.extend_from_slice(text.as_bytes());
        }
    };
    add(&["HTTP/1.1 ", answer.status.as_str(), " ", reason, "\r\n"]);
    if answer.status != StatusCode::NO_CONTENT {
        add(&["Content-Type: ", answer.media_type, "\r\n"]);
    }
    add(&["Date: ", date, "\r\n"]);
    add(match persistence {
        Persistence::Stays => &[],
        Persistence::StaysAsAsked => &["Connection: keep-alive\r\n"],
        Persistence::Closes => &["Connection: close\r\n"],
    });
    for (name, value) in &answer.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderValue;
    use http::header::ALLOW;

    fn text(answer: &Answer, extent: Extent, persistence: Persistence) -> String {
        let mut out = Vec::new();
        let now = UnixSeconds(784_111_777);
        let date = &mut Date::default();
        write(&mut out, answer, (extent, persistence), (date, now));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn answers_byte_for_byte() {
        let body = Bytes::from_static(b"no\n");
        let answer = Answer::new(StatusCode::METHOD_NOT_ALLOWED, "text/plain", body)
            .with(ALLOW, HeaderValue::from_static("GET, HEAD"));
        let head = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n\
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let rest = "allow: GET, HEAD\r\nContent-Length: 3\r\n\r\n";
        for (extent, persistence, more, body) in [
            (Extent::Whole, Persistence::Stays, "", "no\n"),
            (
                Extent::Whole,
                Persistence::Closes,
                "Connection: close\r\n",
                "no\n",
            ),
            (
                Extent::HeadOnly,
                Persistence::StaysAsAsked,
                "Connection: keep-alive\r\n",
                "",
            ),
        ] {
            let expect = format!("{head}{more}{rest}{body}");
            assert_eq!(text(&answer, extent, persistence), expect);
        }
    }

    #[test]
    fn no_content_has_no_length() {
        let answer = Answer::new(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
        let expect = "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        let text = text(&answer, Extent::Whole, Persistence::Stays);
        assert_eq!(text, expect);
    }

    #[test]
    fn a_beginning_says_how_it_goes_on() {
        let answer = Answer::new(StatusCode::OK, "text/plain", Bytes::new());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\
            Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n";
        for (version, expect) in [
            (Version::Http10, format!("{head}\r\n")),
            (
                Version::Http11,
                format!("{head}Transfer-Encoding: chunked\r\n\r\n"),
            ),
        ] {
            let bytes = beginning(&answer, version, UnixSeconds(0));
            assert_eq!(String::from_utf8(bytes), Ok(expect));
        }
    }

    #[test]
    fn the_date_goes_on() {
        let mut date = Date::default();
        let first = date.at(UnixSeconds(0)).to_owned();
        assert_eq!(first, "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date.at(UnixSeconds(0)), first);
        assert_eq!(date.at(UnixSeconds(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
