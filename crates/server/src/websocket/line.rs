//! The line of a WebSocket: its writer and the half of the stream that it writes to.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use foghorn_protocol::Frame;
use tokio::io::AsyncWrite;

use super::writer::Writer;
use crate::outbox::{self, Sharing, Written};

/// The writing half of a stream.
pub(crate) trait Wire: AsyncWrite + Send + Unpin {
    /// Who may write while the stream takes everything.
    fn sharing(&self) -> Sharing;

    /// Writes what the stream takes at once. Only for a stream that anybody may write to.
    ///
    /// # Errors
    /// It takes nothing now, or is broken.
    fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A writer with its wire.
pub(crate) struct Line<W> {
    pub(super) writer: Writer,
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

    /// Writes until nothing waits, and sees it off.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.poll_write(cx, &mut self.wire)
    }
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
        debug_assert!(self.is_idle());
        std::mem::swap(self.writer.batch(), frames);
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
}
