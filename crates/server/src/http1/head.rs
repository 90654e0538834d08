//! The head of a request: bytes in, what it asks out (RFC 9112 §2, §3, §5, §6 and §9).
//!
//! It borrows everything from the bytes. Where the standard lets a server choose between guessing
//! and refusing, this refuses: two readings of one request are how requests are smuggled past
//! proxies.

use std::mem::MaybeUninit;
use std::str;

use httparse::{Error, Header, Request, Status};

/// Headers that a request may have.
pub(crate) const HEADERS: usize = 100;

/// Where the headers of one head are put while it is looked at.
pub(crate) type Room<'b> = [MaybeUninit<Header<'b>>; HEADERS];

/// The head of one request.
#[derive(Debug)]
pub(crate) struct Head<'b, 'r> {
    /// The method, in the case in which it came.
    pub(crate) method: &'b str,
    /// The path as received, still percent-encoded.
    pub(crate) path: &'b str,
    /// The text after the `?`, still percent-encoded; empty when there is none.
    pub(crate) query: &'b str,
    /// The version of the protocol.
    pub(crate) version: Version,
    /// How long the body is.
    pub(crate) framing: Framing,
    /// What becomes of the connection after the answer.
    pub(crate) persistence: Persistence,
    /// Whether the client waits to be told to send the body.
    pub(crate) expects: Expects,
    /// Bytes of the head.
    pub(crate) length: usize,
    headers: &'r [Header<'b>],
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// It has so many bytes; most requests have none.
    Length(u64),
    /// It comes in chunks.
    Chunked,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It stays open, as every connection of HTTP/1.1.
    Stays,
    /// It stays open because a client of HTTP/1.0 asked for it, who has to be told.
    StaysAsAsked,
    /// It closes.
    Closes,
}

/// What a client waits for before it sends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Nothing.
    Nothing,
    /// `100 Continue`.
    Continue,
}

/// Why bytes are no head. Nothing that follows them can be read either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They break a rule; the text says which.
    Malformed(&'static str),
    /// There are too many headers.
    TooManyHeaders,
}

impl<'b, 'r> Head<'b, 'r> {
    /// Reads the head at the beginning of `bytes`; `None` if its end is yet to come.
    ///
    /// # Errors
    /// What is there is no beginning of a head, or its body could end in more than one place.
    pub(crate) fn read(
        bytes: &'b [u8],
        room: &'r mut Room<'b>,
    ) -> Result<Option<Self>, Unreadable> {
        let mut request = Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, room) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(Error::TooManyHeaders) => return Err(Unreadable::TooManyHeaders),
            Err(error) => return Err(Unreadable::Malformed(reason(error))),
        };
        let target = split(request.path.unwrap_or_default());
        let (path, query) = target.ok_or(Unreadable::Malformed("the target is no path"))?;
        let version = match request.version {
            Some(1) => Version::Http11,
            _ => Version::Http10,
        };
        let mut said = Said::default();
        for header in request.headers.iter() {
            said.hear(header)?;
        }
        Ok(Some(Self {
            method: request.method.unwrap_or_default(),
            path,
            query,
            version,
            framing: said.framing(version)?,
            persistence: said.persistence(version),
            expects: match version {
                Version::Http11 => said.expects,
                // It knows no `100 Continue`.
                Version::Http10 => Expects::Nothing,
            },
            length,
            headers: request.headers,
        }))
    }

    /// The values of a header in the order received; its name in lower case.
    pub(crate) fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &'b [u8]> {
        let named = self
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value)
    }

    /// The first value of a header.
    pub(crate) fn value(&self, name: &'static str) -> Option<&'b [u8]> {
        self.values(name).next()
    }

    /// The elements of a header that is a list, as far as they are text.
    pub(crate) fn elements(&self, name: &'static str) -> impl Iterator<Item = &'b str> {
        self.values(name).flat_map(elements)
    }

    /// Whether `token` is among the elements of a header, in any case.
    pub(crate) fn has_token(&self, name: &'static str, token: &str) -> bool {
        self.elements(name)
            .any(|element| element.eq_ignore_ascii_case(token))
    }
}

/// What the headers say of the message itself.
struct Said {
    length: Option<u64>,
    coding: Option<Framing>,
    close: Option<Persistence>,
    expects: Expects,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            length: None,
            coding: None,
            close: None,
            expects: Expects::Nothing,
        }
    }
}

impl Said {
    fn hear(&mut self, header: &Header<'_>) -> Result<(), Unreadable> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // Most headers are told apart by their length alone.
        match header.name.len() {
            6 if is("expect") && header.value.eq_ignore_ascii_case(b"100-continue") => {
                self.expects = Expects::Continue;
            }
            10 if is("connection") => self.hear_connection(header.value),
            14 if is("content-length") => self.hear_length(header.value)?,
            17 if is("transfer-encoding") => self.hear_coding(header.value)?,
            _ => {}
        }
        Ok(())
    }

    fn hear_connection(&mut self, value: &[u8]) {
        for option in elements(value) {
            if option.eq_ignore_ascii_case("close") {
                self.close = Some(Persistence::Closes);
            } else if option.eq_ignore_ascii_case("keep-alive") {
                self.close.get_or_insert(Persistence::StaysAsAsked);
            }
        }
    }

    /// Digits alone, and where the header is repeated, the same number.
    fn hear_length(&mut self, value: &[u8]) -> Result<(), Unreadable> {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = str::from_utf8(value).ok().filter(|_| is_number);
        let length = number.and_then(|text| text.parse().ok());
        let length = length.ok_or(Unreadable::Malformed(
            "Content-Length is no number of bytes",
        ))?;
        match self.length.replace(length) {
            Some(other) if other != length => Err(Unreadable::Malformed(
                "there are two different Content-Lengths",
            )),
            _ => Ok(()),
        }
    }

    fn hear_coding(&mut self, value: &[u8]) -> Result<(), Unreadable> {
        let chunked = value.eq_ignore_ascii_case(b"chunked");
        match self.coding.replace(Framing::Chunked) {
            None if chunked => Ok(()),
            _ => Err(Unreadable::Malformed(
                "the one Transfer-Encoding read here is chunked",
            )),
        }
    }

    fn framing(&self, version: Version) -> Result<Framing, Unreadable> {
        match (self.coding, self.length) {
            (Some(_), Some(_)) => Err(Unreadable::Malformed(
                "Content-Length and Transfer-Encoding exclude each other",
            )),
            (Some(_), None) if version == Version::Http10 => {
                Err(Unreadable::Malformed("HTTP/1.0 has no Transfer-Encoding"))
            }
            (Some(coding), None) => Ok(coding),
            (None, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }

    fn persistence(&self, version: Version) -> Persistence {
        match (version, self.close) {
            (_, Some(Persistence::Closes)) | (Version::Http10, None) => Persistence::Closes,
            (Version::Http10, Some(_)) => Persistence::StaysAsAsked,
            (Version::Http11, _) => Persistence::Stays,
        }
    }
}

fn elements(value: &[u8]) -> impl Iterator<Item = &str> {
    let text = str::from_utf8(value).unwrap_or_default();
    text.split(',').map(str::trim)
}

/// The path and the query of a target; of one in absolute form, as clients of a proxy send it,
/// those of its URL. `None` for anything else but `*`.
fn split(target: &str) -> Option<(&str, &str)> {
    let begins_with = |scheme: &&&str| {
        let beginning = target.get(..scheme.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    };
    let rest = if target.starts_with('/') || target == "*" {
        target
    } else {
        let scheme = ["http://", "https://"].iter().find(begins_with)?;
        let rest = target.get(scheme.len()..)?;
        let authority = rest.find(['/', '?']).unwrap_or(rest.len());
        rest.get(authority..)?
    };
    Some(rest.split_once('?').unwrap_or((rest, "")))
}

fn reason(error: Error) -> &'static str {
    match error {
        Error::HeaderName => "the name of a header is malformed",
        Error::HeaderValue => "the value of a header is malformed",
        Error::NewLine => "a line ends in the middle",
        Error::Token => "the first line is malformed",
        Error::Version => "the version is neither HTTP/1.1 nor HTTP/1.0",
        _ => "the head is malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a head says, without its headers.
    #[derive(Debug, PartialEq, Eq)]
    struct Gist(Version, Framing, Persistence, Expects);

    fn gist(lines: &str) -> Result<Gist, Unreadable> {
        let text = format!("{lines}\r\n\r\n");
        let mut room = [const { MaybeUninit::uninit() }; HEADERS];
        let head = Head::read(text.as_bytes(), &mut room)?.expect("a whole head");
        assert_eq!(head.length, text.len());
        Ok(Gist(
            head.version,
            head.framing,
            head.persistence,
            head.expects,
        ))
    }

    /// The framing of a request with these headers.
    fn framing(headers: &str) -> Result<Framing, Unreadable> {
        gist(&format!("POST / HTTP/1.1\r\n{headers}")).map(|Gist(_, framing, ..)| framing)
    }

    #[test]
    fn a_body_ends_in_one_place_or_the_request_is_refused() {
        for (headers, expect) in [
            ("A: b", Some(Framing::Length(0))),
            ("Content-Length: 0", Some(Framing::Length(0))),
            ("content-LENGTH:  12 ", Some(Framing::Length(12))),
            (
                "Content-Length: 7\r\nContent-Length: 7",
                Some(Framing::Length(7)),
            ),
            ("Content-Length: 7\r\nContent-Length: 8", None),
            ("Content-Length: 7, 7", None),
            ("Content-Length:", None),
            ("Content-Length: +7", None),
            ("Content-Length: -7", None),
            ("Content-Length: 0x7", None),
            ("Content-Length: 7 7", None),
            ("Content-Length: 18446744073709551616", None),
            ("Transfer-Encoding: chunked", Some(Framing::Chunked)),
            ("Transfer-Encoding: Chunked", Some(Framing::Chunked)),
            ("Transfer-Encoding: gzip", None),
            ("Transfer-Encoding: gzip, chunked", None),
            ("Transfer-Encoding: chunked, identity", None),
            ("Transfer-Encoding: xchunked", None),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                None,
            ),
            ("Transfer-Encoding: chunked\r\nContent-Length: 7", None),
            ("Content-Length: 7\r\nTransfer-Encoding: chunked", None),
            ("Content-Length : 7", None),
            ("A: b\r\n Content-Length: 7", None),
            ("A: b\r\n\tc", None),
        ] {
            assert_eq!(framing(headers).ok(), expect, "{headers:?}");
        }
        assert!(gist("POST / HTTP/1.0\r\nTransfer-Encoding: chunked").is_err());
    }

    #[test]
    fn whether_the_connection_stays() {
        use Persistence::{Closes, Stays, StaysAsAsked};
        for (lines, expect) in [
            ("GET / HTTP/1.1", Stays),
            ("GET / HTTP/1.1\r\nConnection: keep-alive", Stays),
            ("GET / HTTP/1.1\r\nConnection: Upgrade, Close", Closes),
            (
                "GET / HTTP/1.1\r\nConnection: close\r\nConnection: keep-alive",
                Closes,
            ),
            ("GET / HTTP/1.1\r\nConnection: keep-alive, close", Closes),
            ("GET / HTTP/1.0", Closes),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive", StaysAsAsked),
            ("GET / HTTP/1.0\r\nConnection: close", Closes),
        ] {
            assert_eq!(gist(lines).unwrap().2, expect, "{lines:?}");
        }
    }

    #[test]
    fn who_waits_to_be_told_to_go_on() {
        use Expects::{Continue, Nothing};
        for (lines, expect) in [
            ("GET / HTTP/1.1\r\nExpect: 100-Continue", Continue),
            ("GET / HTTP/1.1\r\nExpect: something", Nothing),
            ("GET / HTTP/1.0\r\nExpect: 100-continue", Nothing),
        ] {
            assert_eq!(gist(lines).unwrap().3, expect, "{lines:?}");
        }
    }

    #[test]
    fn targets() {
        for (target, path, query) in [
            ("/", "/", ""),
            ("/a?b=c?d", "/a", "b=c?d"),
            ("/a?", "/a", ""),
            ("/a?u=http://x/y", "/a", "u=http://x/y"),
            ("http://host:1/a?b", "/a", "b"),
            ("http://host?b", "", "b"),
            ("http://host", "", ""),
            ("*", "*", ""),
        ] {
            assert_eq!(split(target), Some((path, query)), "{target}");
        }
        for target in [
            "",
            "a",
            "apps/1/events",
            "x?u=http://host/app/key",
            "host:1",
            "ws://host/a",
        ] {
            assert_eq!(split(target), None, "{target}");
        }
    }

    #[test]
    fn too_many_headers_are_told_apart() {
        let lines = |count| format!("GET / HTTP/1.1{}", "\r\nA: b".repeat(count));
        assert!(gist(&lines(HEADERS)).is_ok());
        assert_eq!(gist(&lines(HEADERS + 1)), Err(Unreadable::TooManyHeaders));
    }

    proptest! {
        /// Where a head is cut does not matter: it is unfinished, not malformed.
        #[test]
        fn an_unfinished_head_is_waited_for(
            method in "[A-Z]{1,7}", target in "/[!-~]{0,40}",
            headers in prop::collection::vec(("[A-Za-z-]{1,12}", "[ -~]{0,20}"), 0..6),
        ) {
            let headers: String =
                headers.iter().map(|(name, value)| format!("X{name}: {value}\r\n")).collect();
            let text = format!("{method} {target} HTTP/1.1\r\n{headers}\r\n");
            for end in 0..text.len() {
                let mut room = [const { MaybeUninit::uninit() }; HEADERS];
                let read = Head::read(&text.as_bytes()[..end], &mut room);
                prop_assert!(matches!(read, Ok(None)), "{read:?} of {:?}", &text[..end]);
            }
            let mut room = [const { MaybeUninit::uninit() }; HEADERS];
            prop_assert!(matches!(Head::read(text.as_bytes(), &mut room), Ok(Some(_))));
        }
    }
}
