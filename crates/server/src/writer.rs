//! Writing to a socket: shared frames as they are, everything that waits in one call.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use foghorn_protocol::Frame;
use tokio::io::AsyncWrite;

use crate::outbox::Written;

/// Batches up to this many frames keep their memory while idle; longer ones give it back.
const KEPT_CAPACITY: usize = 8;

/// Pieces that one call takes; the rest goes with the next.
const PIECES: usize = 64;

/// What a frame looks like on the socket.
pub(crate) trait Encoding {
    /// Its bytes.
    fn bytes<'f>(&self, frame: &'f Frame) -> &'f [u8];

    /// How many of its last bytes are no part of the message: who has all before them has it.
    fn trailing(&self) -> usize {
        0
    }
}

/// One vectored write that does not wait.
pub(crate) trait Attempt: Fn(&[IoSlice<'_>]) -> io::Result<usize> {}

impl<F: Fn(&[IoSlice<'_>]) -> io::Result<usize>> Attempt for F {}

/// What is being written, without a copy of it: a batch of shared frames, and control frames, which
/// go in between at the next boundary.
#[derive(Default)]
pub(crate) struct Writer<E> {
    encoding: E,
    batch: VecDeque<Frame>,
    /// Bytes of the batch's first frame that are out.
    begun: usize,
    control: Vec<u8>,
    /// Bytes of `control` that are out; if there are any, no frame has begun.
    control_begun: usize,
    written: Written,
    /// Bytes that the socket has taken, ever.
    taken: u64,
    flush: Flush,
}

/// Whether what was written may still be on its way to the socket: TLS takes bytes that the socket
/// does not, and only a flush or more bytes make it go on.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Flush {
    #[default]
    Done,
    Due,
}

impl<E: Encoding> Writer<E> {
    /// Nothing waits, and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_empty() && self.flush == Flush::Done
    }

    fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.control.is_empty()
    }

    /// The batch, to be filled when it is empty.
    pub(crate) fn batch(&mut self) -> &mut VecDeque<Frame> {
        &mut self.batch
    }

    /// Writes `frames` with one call of `write` while nothing else waits. What it does not take
    /// is the batch then, to be written later.
    pub(crate) fn send(&mut self, frames: &[Frame], write: impl Attempt) {
        debug_assert!(self.is_idle());
        let outcome = match frames {
            [frame] => write(&[IoSlice::new(self.encoding.bytes(frame))]),
            _ => {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                for (piece, frame) in pieces.iter_mut().zip(frames) {
                    *piece = IoSlice::new(self.encoding.bytes(frame));
                }
                write(pieces.get(..frames.len()).unwrap_or(&pieces))
            }
        };
        // Whoever writes the rest finds the error, too.
        let mut written = outcome.unwrap_or(0);
        self.taken += written as u64;
        for (at, frame) in frames.iter().enumerate() {
            let length = self.encoding.bytes(frame).len();
            if written < length {
                self.begun = written;
                let rest = frames.get(at..).unwrap_or_default();
                self.batch.extend(rest.iter().cloned());
                return;
            }
            written -= length;
            self.written.frames += 1;
            self.written.bytes += frame.wire_len();
        }
    }

    /// Writes what waits as far as `write` takes it.
    pub(crate) fn push(&mut self, write: impl Attempt) {
        while !self.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.gather(&mut pieces);
            match write(pieces.get(..count).unwrap_or_default()) {
                // Whoever writes the rest finds the error, too.
                Ok(0) | Err(_) => return,
                Ok(written) => {
                    self.taken += written as u64;
                    self.advance(written);
                }
            }
        }
    }

    /// Bytes that the socket has taken, ever: it moves as long as the client reads.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// What has been written since the last call.
    pub(crate) fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    /// Bytes of control frames that wait.
    pub(crate) fn control_len(&self) -> usize {
        self.control.len()
    }

    /// Adds complete control frames.
    pub(crate) fn control(&mut self, frames: &[u8]) {
        self.control.extend_from_slice(frames);
    }

    /// Gives back the memory that a burst needed.
    pub(crate) fn rest(&mut self) {
        if self.batch.capacity() > KEPT_CAPACITY {
            self.batch = VecDeque::new();
        }
    }

    /// Goes on with another socket, on which frames look like this. Nothing must wait.
    pub(crate) fn begin(&mut self, encoding: E) {
        debug_assert!(self.is_idle());
        self.encoding = encoding;
    }

    /// Stops writing to a socket that is of no use any more: the frames that are not out.
    pub(crate) fn give_up(&mut self) -> VecDeque<Frame> {
        let first = self.batch.front().map(|frame| self.encoding.bytes(frame));
        if first.is_some_and(|bytes| {
            self.begun > 0 && self.begun + self.encoding.trailing() >= bytes.len()
        }) {
            self.leaves();
        }
        (self.begun, self.control_begun) = (0, 0);
        self.control = Vec::new();
        self.flush = Flush::Done;
        std::mem::take(&mut self.batch)
    }

    /// Forgets every frame that has not begun.
    pub(crate) fn abandon(&mut self) {
        self.batch.truncate(usize::from(self.begun > 0));
        self.batch.shrink_to_fit();
    }

    /// Writes until nothing waits, and sees it off.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.gather(&mut pieces);
            let pieces = pieces.get(..count).unwrap_or_default();
            let written = ready!(Pin::new(&mut *stream).poll_write_vectored(cx, pieces))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += written as u64;
            self.flush = Flush::Due;
            self.advance(written);
        }
        if self.flush == Flush::Due {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.flush = Flush::Done;
        }
        Poll::Ready(Ok(()))
    }

    /// The begun frame, the control frames, the other frames, in this order.
    fn gather<'a>(&'a self, pieces: &mut [IoSlice<'a>; PIECES]) -> usize {
        let begun = self.batch.front().filter(|_| self.begun > 0);
        let begun = begun.and_then(|frame| self.encoding.bytes(frame).get(self.begun..));
        let control = self
            .control
            .get(self.control_begun..)
            .filter(|rest| !rest.is_empty());
        let rest = self
            .batch
            .iter()
            .skip(usize::from(self.begun > 0))
            .map(|frame| self.encoding.bytes(frame));
        let mut count = 0;
        for (piece, bytes) in pieces
            .iter_mut()
            .zip(begun.into_iter().chain(control).chain(rest))
        {
            *piece = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut written: usize) {
        if self.begun > 0 {
            self.advance_frame(&mut written);
        }
        if self.begun == 0 && written > 0 && !self.control.is_empty() {
            let part = written.min(self.control.len() - self.control_begun);
            self.control_begun += part;
            written -= part;
            if self.control_begun == self.control.len() {
                self.control_begun = 0;
                self.control = Vec::new();
            }
        }
        while written > 0 && !self.batch.is_empty() {
            self.advance_frame(&mut written);
        }
    }

    fn advance_frame(&mut self, written: &mut usize) {
        let Some(frame) = self.batch.front() else {
            return;
        };
        let left = self.encoding.bytes(frame).len() - self.begun;
        if *written < left {
            self.begun += *written;
            *written = 0;
            return;
        }
        *written -= left;
        self.leaves();
    }

    /// The first frame is out.
    fn leaves(&mut self) {
        if let Some(frame) = self.batch.pop_front() {
            self.written.frames += 1;
            self.written.bytes += frame.wire_len();
        }
        self.begun = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{Frames, PING};
    use proptest::prelude::*;

    /// Takes as many bytes per call as it is told.
    struct Narrow {
        widths: VecDeque<usize>,
        out: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
        }
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let Some(width) = self.widths.pop_front() else {
                return Poll::Pending;
            };
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            let taken = &all[..width.min(all.len())];
            self.out.extend_from_slice(taken);
            Poll::Ready(Ok(taken.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn frame(text: &str) -> Frame {
        Frame::from_text(text.as_bytes())
    }

    #[test]
    fn abandoning_keeps_the_frame_that_has_begun() {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut stream = Narrow {
            widths: [3].into(),
            out: Vec::new(),
        };
        let mut writer = Writer::<Frames>::default();
        writer.batch().extend([frame("first"), frame("second")]);
        assert!(writer.poll_write(&mut cx, &mut stream).is_pending());
        writer.abandon();
        writer.control(&PING);
        stream.widths = [100].into();
        assert!(writer.poll_write(&mut cx, &mut stream).is_ready());
        assert_eq!(
            stream.out,
            [frame("first").websocket(), &[0x89, 0]].concat()
        );
        assert_eq!(
            writer.take_written(),
            Written {
                frames: 1,
                bytes: 7
            }
        );
    }

    /// Takes everything, and passes it on when it is flushed.
    #[derive(Default)]
    struct Lazy {
        held: Vec<u8>,
        out: Vec<u8>,
    }

    impl AsyncWrite for Lazy {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.held.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            // Once in vain: the socket under it is full.
            if self.out.is_empty() {
                self.out.push(0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let held = std::mem::take(&mut self.held);
            self.out.extend(held);
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_a_stream_holds_back_is_seen_off() {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let (mut writer, mut stream) = (Writer::<Frames>::default(), Lazy::default());
        writer.control(b"last words");
        assert!(writer.poll_write(&mut cx, &mut stream).is_pending());
        assert!(!writer.is_idle(), "it is on its way");
        assert!(writer.poll_write(&mut cx, &mut stream).is_ready());
        assert!(writer.is_idle());
        assert_eq!(stream.out, b"\0last words");
    }

    proptest! {
        /// However the socket takes it, frames stay whole and in order, and pings never cut one.
        #[test]
        fn frames_stay_whole_and_in_order(
            steps in prop::collection::vec((0usize..4, any::<bool>(), 1usize..40), 1..40)
        ) {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut stream = Narrow { widths: VecDeque::new(), out: Vec::new() };
            let mut writer = Writer::<Frames>::default();
            let (mut frames, mut pings) = (Vec::new(), 0);
            for (add, ping, width) in steps {
                if writer.batch().is_empty() {
                    for _ in 0..add {
                        let next = frame(&"x".repeat(frames.len() % 9));
                        writer.batch().push_back(next.clone());
                        frames.push(next);
                    }
                }
                if ping {
                    writer.control(&PING);
                    pings += 1;
                }
                stream.widths = [width].into();
                let _ = writer.poll_write(&mut cx, &mut stream);
            }
            stream.widths = [10_000; 200].into();
            prop_assert!(writer.poll_write(&mut cx, &mut stream).is_ready());
            prop_assert_eq!(writer.take_written().frames, frames.len() as u64);
            let (mut at, mut seen, mut seen_pings) = (0, Vec::new(), 0);
            while at < stream.out.len() {
                let end = at + 2 + usize::from(stream.out[at + 1]);
                match stream.out[at] {
                    0x81 => seen.push(Frame::from_text(&stream.out[at + 2..end])),
                    other => {
                        prop_assert_eq!(other, 0x89);
                        seen_pings += 1;
                    }
                }
                at = end;
            }
            prop_assert_eq!(seen, frames);
            prop_assert_eq!(seen_pings, pings);
        }
    }
}
