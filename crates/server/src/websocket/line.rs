//! The line of a WebSocket: its writer and the half of the stream that it writes to.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use foghorn_protocol::{Close, Frame};

use crate::outbox::{self, Sharing, Written};
use crate::wire::Wire;
use crate::writer::{Encoding, Writer};

/// A ping without payload (RFC 6455 §5.5.2).
pub(crate) const PING: [u8; 2] = [0x89, 0];

/// Messages as frames of a WebSocket.
#[derive(Default)]
pub(crate) struct Frames;

impl Encoding for Frames {
    fn bytes<'f>(&self, frame: &'f Frame) -> &'f [u8] {
        frame.websocket()
    }
}

/// A writer with its wire.
pub(crate) struct Line<W> {
    pub(super) writer: Writer<Frames>,
    pub(super) wire: W,
}

impl<W: Wire> Line<W> {
    /// A line on which nothing was written yet.
    pub(super) fn new(wire: W) -> Self {
        Self {
            writer: Writer::default(),
            wire,
        }
    }

    /// Adds a close frame.
    pub(super) fn close(&mut self, close: &Close) {
        close_frame(&mut self.writer, close);
    }
}

/// Adds a close frame (RFC 6455 §5.5.1).
fn close_frame(writer: &mut Writer<Frames>, close: &Close) {
    let reason = close.reason().as_bytes();
    // `Close` holds at most 123 bytes of reason.
    let length = u8::try_from(2 + reason.len()).unwrap_or(2);
    writer.control(&[0x88, length]);
    writer.control(&close.code().number().to_be_bytes());
    let reason = reason.get(..usize::from(length) - 2);
    writer.control(reason.unwrap_or_default());
}

impl<W: Wire> outbox::Line for Line<W> {
    fn is_idle(&self) -> bool {
        self.writer.is_idle()
    }

    fn send(&mut self, frames: &[Frame]) {
        let wire = &self.wire;
        self.writer.send(frames, |pieces: &[IoSlice<'_>]| {
            wire.try_write_vectored(pieces)
        });
    }

    fn load(&mut self, frames: &mut VecDeque<Frame>) {
        if self.is_idle() {
            std::mem::swap(self.writer.batch(), frames);
        }
    }

    fn push(&mut self) {
        let wire = &self.wire;
        self.writer
            .push(|pieces: &[IoSlice<'_>]| wire.try_write_vectored(pieces));
    }

    fn take_written(&mut self) -> Written {
        self.writer.take_written()
    }

    fn rest(&mut self) {
        self.writer.rest();
    }

    fn sharing(&self) -> Sharing {
        self.wire.sharing()
    }

    fn say(&mut self, words: &[u8]) {
        self.writer.control(words);
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll_write(cx, &mut self.wire)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_protocol::CloseCode;
    use std::task::Waker;

    #[test]
    fn a_close_frame_byte_for_byte() {
        let mut writer = Writer::<Frames>::default();
        close_frame(&mut writer, &Close::new(CloseCode::UnknownApp, "no"));
        let (mut out, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
        assert!(writer.poll_write(&mut cx, &mut out).is_ready());
        assert_eq!(out, [0x88, 4, 0x0f, 0xa1, b'n', b'o']);
    }
}
