//! The line of a session: what it has to say, and the response that this goes into.
//!
//! A stream's messages are written by whoever delivers, as those of a WebSocket are. A poll is
//! answered by the session's own task, with all that there is.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use foghorn_api::Answer;
use foghorn_protocol::Frame;
use foghorn_protocol::fallback::{HEARTBEAT, RESPONSE_UNITS};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

use super::answers;
use super::pulse::Receiving;
use super::receiver::{Body, Outlet};
use crate::outbox::{self, Sharing, Written};
use crate::wire::Wire;
use crate::writer::Writer;

/// What a session has to say, and to whom.
pub(crate) struct Line<W> {
    into: Into<W>,
    opening: Opening,
    /// Lines of the session's own; they precede the messages.
    words: Vec<u8>,
    /// Messages that wait for a response with room for them.
    held: VecDeque<Frame>,
    writer: Writer<Body>,
    room: Room,
    /// What polls have taken since somebody asked.
    answered: Written,
}

/// The response that is being given.
enum Into<W> {
    Nothing,
    Stream(Box<Outlet<W>>),
    Poll(oneshot::Sender<Answer>),
}

/// The first line of the session.
enum Opening {
    /// It is yet to be said.
    Due(Box<str>),
    /// It is on its way in a stream, which may end before it is out.
    Begun(Box<str>),
    /// It is out.
    Out,
}

/// How much more a streaming response takes (fallback-transports.md §3.1). The client ends one
/// that it has read to its end and found too long. What is written between its last look and that
/// moment is lost, so nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// It has so many UTF-16 units.
    Used(usize),
    /// Nothing; a heartbeat behind all that was written will tell when the client has read it.
    Full,
    /// Nothing, and the heartbeat is on its way.
    Marked,
    /// Any amount.
    Endless,
}

impl<W: Wire> Line<W> {
    /// A session that begins with `opening`, for which nothing receives yet.
    pub(super) fn new(opening: String) -> Self {
        Self {
            into: Into::Nothing,
            opening: Opening::Due(opening.into_boxed_str()),
            words: Vec::new(),
            held: VecDeque::new(),
            writer: Writer::default(),
            room: Room::Used(0),
            answered: Written::default(),
        }
    }

    /// Goes on in a stream; the response before it ends where it is.
    pub(super) fn stream(&mut self, mut outlet: Outlet<W>) {
        self.detach();
        self.writer.begin(outlet.body);
        self.writer.control(&std::mem::take(&mut outlet.head));
        if let Opening::Due(line) = std::mem::replace(&mut self.opening, Opening::Out) {
            self.room.take(line.len());
            self.writer.control(&outlet.body.part(line.as_bytes()));
            self.opening = Opening::Begun(line);
        }
        self.into = Into::Stream(Box::new(outlet));
    }

    /// Goes on in the answer to a poll; the response before it ends where it is.
    pub(super) fn poll(&mut self, poll: oneshot::Sender<Answer>) {
        self.detach();
        self.into = Into::Poll(poll);
    }

    /// Ends the response where it is. What was not written completely waits for the next.
    pub(super) fn detach(&mut self) {
        self.into = Into::Nothing;
        self.room = Room::Used(0);
        self.opening = match std::mem::replace(&mut self.opening, Opening::Out) {
            Opening::Begun(line) | Opening::Due(line) => Opening::Due(line),
            Opening::Out => Opening::Out,
        };
        let mut unwritten = self.writer.give_up();
        unwritten.append(&mut self.held);
        self.held = unwritten;
    }

    /// Adds lines of the session's own. Saying the same twice is saying it once, so what a client
    /// asks again and again without listening does not pile up.
    pub(super) fn say(&mut self, words: &[u8]) {
        if !self.words.ends_with(words) {
            self.words.extend_from_slice(words);
        }
    }

    /// Forgets all messages but one that has begun.
    pub(super) fn abandon(&mut self) {
        self.held = VecDeque::new();
        self.writer.abandon();
        // What is still to be said needs room.
        self.room = Room::Endless;
    }

    /// Goes on in a response that is full: its client takes more than others.
    pub(super) fn go_on(&mut self) {
        self.room = Room::Endless;
    }

    /// What receives now.
    pub(super) fn receiving(&self) -> Receiving {
        match (&self.into, self.room) {
            (Into::Nothing, _) => Receiving::Nothing,
            (Into::Poll(_), _) => Receiving::Poll,
            (Into::Stream(_), Room::Marked) => Receiving::Full,
            (Into::Stream(_), _) => Receiving::Stream,
        }
    }

    /// Whether it is for the socket to take more.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.into, Into::Stream(_)) && !self.writer.is_idle()
    }

    /// Bytes that sockets have taken, ever.
    pub(super) fn taken(&self) -> u64 {
        self.writer.taken()
    }

    /// Whether there is nothing that a response with room would take.
    fn has_said_all(&self) -> bool {
        !matches!(self.opening, Opening::Due(_)) && self.words.is_empty() && self.held.is_empty()
    }

    /// Ready when the client of a poll has gone away.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.into {
            Into::Poll(poll) => poll.poll_closed(cx),
            Into::Stream(_) | Into::Nothing => Poll::Pending,
        }
    }

    /// Says all that there is to say. Ready when that is done; waits for a response as well as for
    /// room in it.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Into::Poll(_) = self.into {
            self.answer_poll();
        }
        loop {
            self.fill();
            let Into::Stream(outlet) = &mut self.into else {
                return match self.has_said_all() {
                    true => Poll::Ready(Ok(())),
                    false => Poll::Pending,
                };
            };
            ready!(self.writer.poll_write(cx, &mut outlet.wire))?;
            self.opening = Opening::Out;
            match self.room {
                Room::Full => {
                    let mark = outlet.body.part(HEARTBEAT.as_bytes());
                    self.writer.control(&mark);
                    self.room = Room::Marked;
                }
                Room::Marked => return Poll::Pending,
                Room::Used(_) | Room::Endless if self.has_said_all() => return Poll::Ready(Ok(())),
                Room::Used(_) | Room::Endless => {}
            }
        }
    }

    /// Ends a stream behind all that was said.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        if let Into::Stream(outlet) = &mut self.into {
            self.writer.control(outlet.body.end());
            let (writer, wire) = (&mut self.writer, &mut outlet.wire);
            std::future::poll_fn(|cx| writer.poll_write(cx, wire)).await?;
            outlet.wire.shutdown().await?;
        }
        Ok(())
    }

    /// Has the writer take what the response has room for.
    fn fill(&mut self) {
        let Into::Stream(outlet) = &self.into else {
            return;
        };
        if self.room.is_there() && !self.words.is_empty() && self.writer.control_len() == 0 {
            let words = std::mem::take(&mut self.words);
            self.room.take(words.len());
            self.writer.control(&outlet.body.part(&words));
        }
        while self.room.is_there()
            && let Some(frame) = self.held.pop_front()
        {
            self.room.take(frame.line().units());
            self.writer.batch().push_back(frame);
        }
    }

    fn answer_poll(&mut self) {
        if self.has_said_all() {
            return;
        }
        let Into::Poll(poll) = std::mem::replace(&mut self.into, Into::Nothing) else {
            return;
        };
        let mut body = match &self.opening {
            Opening::Due(line) | Opening::Begun(line) => line.as_bytes().to_vec(),
            Opening::Out => Vec::new(),
        };
        body.extend_from_slice(&self.words);
        for frame in &self.held {
            body.extend_from_slice(frame.line().bytes());
        }
        // Who is gone got nothing: all of it waits for the next.
        if poll.send(answers::lines(body)).is_ok() {
            self.opening = Opening::Out;
            self.words = Vec::new();
            for frame in self.held.drain(..) {
                self.answered.frames += 1;
                self.answered.bytes += frame.wire_len();
            }
        }
    }
}

impl Room {
    /// Whether there is any.
    fn is_there(self) -> bool {
        matches!(self, Self::Used(_) | Self::Endless)
    }

    /// Uses so many UTF-16 units.
    fn take(&mut self, units: usize) {
        if let Self::Used(used) = self {
            *self = match *used + units {
                more if more > RESPONSE_UNITS => Self::Full,
                more => Self::Used(more),
            };
        }
    }
}

impl<W: Wire> outbox::Line for Line<W> {
    fn is_idle(&self) -> bool {
        self.has_said_all() && self.writer.is_idle() && self.room.is_there()
    }

    fn send(&mut self, frames: &[Frame]) {
        let Into::Stream(outlet) = &self.into else {
            return self.held.extend(frames.iter().cloned());
        };
        let mut fit = 0;
        for frame in frames {
            if !self.room.is_there() {
                break;
            }
            self.room.take(frame.line().units());
            fit += 1;
        }
        let (now, later) = frames.split_at_checked(fit).unwrap_or((frames, &[]));
        let wire = &outlet.wire;
        self.writer.send(now, |pieces: &[IoSlice<'_>]| {
            wire.try_write_vectored(pieces)
        });
        self.held.extend(later.iter().cloned());
    }

    fn load(&mut self, frames: &mut VecDeque<Frame>) {
        match self.held.is_empty() {
            true => std::mem::swap(&mut self.held, frames),
            false => self.held.append(frames),
        }
    }

    fn push(&mut self) {
        self.fill();
        if let Into::Stream(outlet) = &self.into {
            let wire = &outlet.wire;
            self.writer
                .push(|pieces: &[IoSlice<'_>]| wire.try_write_vectored(pieces));
        }
    }

    fn take_written(&mut self) -> Written {
        let written = self.writer.take_written();
        let answered = std::mem::take(&mut self.answered);
        Written {
            frames: written.frames + answered.frames,
            bytes: written.bytes + answered.bytes,
        }
    }

    fn rest(&mut self) {
        self.writer.rest();
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
    }

    fn sharing(&self) -> Sharing {
        match &self.into {
            Into::Stream(outlet) => outlet.wire.sharing(),
            Into::Poll(_) | Into::Nothing => Sharing::TaskOnly,
        }
    }
}
