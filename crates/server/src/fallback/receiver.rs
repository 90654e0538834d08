//! A request that receives for a session.

use foghorn_api::Answer;
use foghorn_protocol::Frame;
use foghorn_protocol::fallback::chunk;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::http1::Version;
use crate::writer::Encoding;

/// A request that receives for a session, from the moment it is handed over. Dropping it ends its
/// response without a word.
pub(crate) enum Receiver<R, W> {
    /// A response without end, whose socket is the session's now. What the client sends on it is
    /// of no interest but for its end.
    Stream {
        /// What the client sends.
        reading: R,
        /// Where the lines go.
        outlet: Outlet<W>,
    },
    /// A request that waits for one answer.
    Poll(oneshot::Sender<Answer>),
}

/// Where a stream's lines go.
pub(crate) struct Outlet<W> {
    pub(super) wire: W,
    pub(super) body: Body,
    /// The head of the response.
    pub(super) head: Vec<u8>,
    /// Its place among the process's sockets.
    _place: OwnedSemaphorePermit,
}

impl<R, W> Receiver<R, W> {
    /// A stream of `version` on a socket that holds `place`; `head` is yet to be written.
    pub(super) fn stream(
        (reading, wire): (R, W),
        place: OwnedSemaphorePermit,
        version: Version,
        head: Vec<u8>,
    ) -> Self {
        let body = match version {
            Version::Http10 => Body::Plain,
            Version::Http11 => Body::Chunked,
        };
        let outlet = Outlet {
            wire,
            body,
            head,
            _place: place,
        };
        Self::Stream { reading, outlet }
    }
}

/// How the body of a stream is framed (RFC 9112 §6.3, §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Body {
    /// In chunks, of which an empty one is the last.
    #[default]
    Chunked,
    /// Not at all: its end is the connection's. For clients of HTTP/1.0.
    Plain,
}

impl Body {
    /// `text` as a part of the body.
    pub(super) fn part(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => text.to_vec(),
            Self::Chunked => chunk(text),
        }
    }

    /// What ends the body.
    pub(super) fn end(self) -> &'static [u8] {
        match self {
            Self::Plain => b"",
            Self::Chunked => b"0\r\n\r\n",
        }
    }
}

impl Encoding for Body {
    fn bytes<'f>(&self, frame: &'f Frame) -> &'f [u8] {
        match self {
            Self::Plain => frame.fallback().bytes(),
            Self::Chunked => frame.fallback().chunk(),
        }
    }

    fn trailing(&self) -> usize {
        match self {
            Self::Plain => 0,
            // What ends the chunk.
            Self::Chunked => 2,
        }
    }
}
