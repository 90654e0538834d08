//! The line of a session: what it has to say, and the response that this goes into.
//!
//! A stream's messages are written by whoever delivers, unless there is TLS, as those of a
//! WebSocket are. A poll is answered by the session's own task, with all that there is and that
//! fits.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use foghorn_api::Answer;
use foghorn_protocol::Frame;
use foghorn_protocol::fallback::{HEARTBEAT, RESPONSE_UNITS};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answers;
use super::pulse::Receiving;
use super::receiver::{Body, Outlet, Receiver};
use crate::outbox::{self, Sharing, Written};
use crate::wire::Wire;
use crate::writer::Writer;

/// What a session has to say, and to whom.
pub(crate) struct Line<W> {
    response: Response<W>,
    opening: Opening,
    /// Words of the session's own; they precede the messages.
    words: Vec<u8>,
    /// Messages that wait for a response with room for them.
    held: VecDeque<Frame>,
    /// The last words, behind which the response ends.
    closing: Option<Box<str>>,
    writer: Writer<Body>,
    last_write: LastWrite,
    /// What polls have taken since somebody asked.
    answered: Written,
}

/// The response that is being given.
enum Response<W> {
    Nothing,
    Stream(Box<Streaming<W>>),
    Poll(oneshot::Sender<Answer>),
}

/// A stream's response.
struct Streaming<W> {
    outlet: Outlet<W>,
    room: Room,
}

/// When a stream was last written to, and the bytes that were out then.
struct LastWrite {
    at: Instant,
    taken: u64,
}

/// The first words of the session.
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
    /// Nothing but a heartbeat, which will tell when the client has read all before it.
    Mark,
    /// Nothing, and the heartbeat is on its way.
    Full,
    /// Any amount.
    Endless,
}

impl<W: Wire> Line<W> {
    /// A session that begins with `opening`, for which nothing receives yet.
    pub(super) fn new(opening: String) -> Self {
        Self {
            opening: Opening::Due(opening.into_boxed_str()),
            ..Self::of_nobody()
        }
    }

    /// A line for the last word to who comes for a session that is over.
    pub(super) fn of_nobody() -> Self {
        Self {
            response: Response::Nothing,
            opening: Opening::Out,
            words: Vec::new(),
            held: VecDeque::new(),
            closing: None,
            writer: Writer::default(),
            last_write: LastWrite {
                at: Instant::now(),
                taken: 0,
            },
            answered: Written::default(),
        }
    }

    /// Goes on in another response; the one before it ends where it is. Gives what the client of a
    /// stream sends.
    pub(super) fn go_on_in<R>(&mut self, receiver: Receiver<R, W>) -> Option<R> {
        self.detach();
        match receiver {
            Receiver::Poll(poll) => {
                self.response = Response::Poll(poll);
                None
            }
            Receiver::Stream { reading, outlet } => {
                self.begin(outlet);
                Some(reading)
            }
        }
    }

    fn begin(&mut self, mut outlet: Outlet<W>) {
        self.writer.begin(outlet.body);
        self.writer.control(&std::mem::take(&mut outlet.head));
        let mut room = Room::Used(0);
        if let Opening::Due(words) = std::mem::replace(&mut self.opening, Opening::Out) {
            room.take(words.len());
            self.writer.control(&outlet.body.part(words.as_bytes()));
            self.opening = Opening::Begun(words);
        }
        self.response = Response::Stream(Box::new(Streaming { outlet, room }));
    }

    /// Ends the response where it is. What was not written completely waits for the next.
    pub(super) fn detach(&mut self) {
        self.response = Response::Nothing;
        self.opening = match std::mem::replace(&mut self.opening, Opening::Out) {
            Opening::Begun(words) | Opening::Due(words) => Opening::Due(words),
            Opening::Out => Opening::Out,
        };
        let mut unwritten = self.writer.give_up();
        unwritten.append(&mut self.held);
        self.held = unwritten;
    }

    /// Ends the response with `closing`, behind all that is to be said and has room in it. Behind
    /// the rest it comes in the next.
    pub(super) fn close(&mut self, closing: &str) {
        self.closing = Some(closing.into());
    }

    /// Forgets all messages but one that has begun.
    pub(super) fn abandon(&mut self) {
        self.held = VecDeque::new();
        self.writer.abandon();
    }

    /// Goes on in a response that is full: its client takes more than others, or there is nothing
    /// left that it could miss.
    pub(super) fn go_on(&mut self) {
        if let Response::Stream(stream) = &mut self.response {
            stream.room = Room::Endless;
        }
    }

    /// What receives now.
    pub(super) fn receiving(&self) -> Receiving {
        match &self.response {
            Response::Nothing => Receiving::Nothing,
            Response::Poll(_) => Receiving::Poll,
            Response::Stream(stream) if stream.room == Room::Full => Receiving::Full,
            Response::Stream(_) => Receiving::Stream,
        }
    }

    /// Whether it is for the socket to take more.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.response, Response::Stream(_)) && !self.writer.is_idle()
    }

    /// Bytes that sockets have taken, ever.
    pub(super) fn taken(&self) -> u64 {
        self.writer.taken()
    }

    /// When a stream was last written to.
    pub(super) fn written_at(&self) -> Instant {
        self.last_write.at
    }

    /// Whether messages wait for a response, or for more room than there is.
    pub(super) fn holds_messages(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether there is nothing that a response with room would take, but the last words.
    fn has_said_all(&self) -> bool {
        !matches!(self.opening, Opening::Due(_)) && self.words.is_empty() && self.held.is_empty()
    }

    /// Ready when the client of a poll has gone away.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.response {
            Response::Poll(poll) => poll.poll_closed(cx),
            Response::Stream(_) | Response::Nothing => Poll::Pending,
        }
    }

    /// Has the writer take what the response has room for.
    fn fill(&mut self) {
        let Response::Stream(stream) = &mut self.response else {
            return;
        };
        let room = &mut stream.room;
        if room.is_there() && !self.words.is_empty() && self.writer.control_len() == 0 {
            let words = std::mem::take(&mut self.words);
            room.take(words.len());
            self.writer.control(&stream.outlet.body.part(&words));
        }
        let fit = room.fitting(self.held.iter());
        self.writer.batch().extend(self.held.drain(..fit));
    }

    /// Answers a poll, if there is anything to say. The client of a poll ends it early as that of a
    /// stream does, so what takes an answer above the limit is the last in it.
    fn answer_poll(&mut self) {
        if self.has_said_all() && self.closing.is_none() {
            return;
        }
        let Response::Poll(poll) = std::mem::replace(&mut self.response, Response::Nothing) else {
            return;
        };
        let mut body = match &self.opening {
            Opening::Due(words) | Opening::Begun(words) => words.as_bytes().to_vec(),
            Opening::Out => Vec::new(),
        };
        body.extend_from_slice(&self.words);
        let mut room = Room::Used(0);
        room.take(body.len());
        let fit = room.fitting(self.held.iter());
        for frame in self.held.iter().take(fit) {
            body.extend_from_slice(frame.fallback().bytes());
        }
        let closes = fit == self.held.len();
        if let Some(closing) = self.closing.as_deref().filter(|_| closes) {
            body.extend_from_slice(closing.as_bytes());
        }
        // Who is gone got nothing: all of it waits for the next.
        if poll.send(answers::lines(body)).is_ok() {
            self.opening = Opening::Out;
            self.words = Vec::new();
            self.closing.take_if(|_| closes);
            for frame in self.held.drain(..fit) {
                self.answered.frames += 1;
                self.answered.bytes += frame.wire_len();
            }
        }
    }
}

/// Adds words to others. Saying the same twice is saying it once, so what a client asks again and
/// again without listening does not pile up.
pub(super) fn add(words: &mut Vec<u8>, more: &[u8]) {
    if !words.ends_with(more) {
        words.extend_from_slice(more);
    }
}

impl Room {
    /// Whether there is any.
    fn is_there(self) -> bool {
        matches!(self, Self::Used(_) | Self::Endless)
    }

    /// How many of `messages` there is room for, which they use then. The one that takes more than
    /// there is left is among them.
    fn fitting<'f>(&mut self, messages: impl Iterator<Item = &'f Frame>) -> usize {
        let mut fit = 0;
        for message in messages {
            if !self.is_there() {
                break;
            }
            self.take(message.fallback().units());
            fit += 1;
        }
        fit
    }

    /// Uses so many UTF-16 units.
    fn take(&mut self, units: usize) {
        if let Self::Used(used) = self {
            *self = match *used + units {
                more if more > RESPONSE_UNITS => Self::Mark,
                more => Self::Used(more),
            };
        }
    }
}

impl LastWrite {
    /// So many bytes are out now.
    fn note(&mut self, taken: u64) {
        if self.taken != taken {
            *self = Self {
                at: Instant::now(),
                taken,
            };
        }
    }
}

impl<W: Wire> outbox::Line for Line<W> {
    fn is_idle(&self) -> bool {
        let has_room = match &self.response {
            Response::Stream(stream) => stream.room.is_there(),
            Response::Poll(_) | Response::Nothing => true,
        };
        has_room && self.has_said_all() && self.closing.is_none() && self.writer.is_idle()
    }

    fn send(&mut self, frames: &[Frame]) {
        let Response::Stream(stream) = &mut self.response else {
            return self.held.extend(frames.iter().cloned());
        };
        let fit = stream.room.fitting(frames.iter());
        let (now, later) = frames.split_at_checked(fit).unwrap_or((frames, &[]));
        let wire = &stream.outlet.wire;
        self.writer.send(now, |pieces: &[IoSlice<'_>]| {
            wire.try_write_vectored(pieces)
        });
        self.held.extend(later.iter().cloned());
        self.last_write.note(self.writer.taken());
    }

    fn load(&mut self, frames: &mut VecDeque<Frame>) {
        match self.held.is_empty() {
            true => std::mem::swap(&mut self.held, frames),
            false => self.held.append(frames),
        }
    }

    fn push(&mut self) {
        self.fill();
        if let Response::Stream(stream) = &self.response {
            let wire = &stream.outlet.wire;
            self.writer
                .push(|pieces: &[IoSlice<'_>]| wire.try_write_vectored(pieces));
            self.last_write.note(self.writer.taken());
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

    fn say(&mut self, words: &[u8]) {
        add(&mut self.words, words);
    }

    /// Waits for a response as well as for room in it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Response::Poll(_) = self.response {
            self.answer_poll();
        }
        loop {
            self.fill();
            let Response::Stream(stream) = &mut self.response else {
                return match self.has_said_all() && self.closing.is_none() {
                    true => Poll::Ready(Ok(())),
                    false => Poll::Pending,
                };
            };
            let written = self.writer.poll_write(cx, &mut stream.outlet.wire);
            self.last_write.note(self.writer.taken());
            if self.writer.control_len() == 0 {
                self.opening = Opening::Out;
            }
            ready!(written)?;
            let body = stream.outlet.body;
            let said_all = self.words.is_empty() && self.held.is_empty();
            if said_all && let Some(closing) = self.closing.take() {
                // Nothing follows that could be lost.
                stream.room = Room::Endless;
                self.writer.control(&body.part(closing.as_bytes()));
                self.writer.control(body.end());
                continue;
            }
            match stream.room {
                Room::Mark => {
                    stream.room = Room::Full;
                    self.writer.control(&body.part(HEARTBEAT.as_bytes()));
                }
                Room::Full => return Poll::Pending,
                Room::Used(_) | Room::Endless if said_all => return Poll::Ready(Ok(())),
                Room::Used(_) | Room::Endless => {}
            }
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.response {
            Response::Stream(stream) => Pin::new(&mut stream.outlet.wire).poll_shutdown(cx),
            Response::Poll(_) | Response::Nothing => Poll::Ready(Ok(())),
        }
    }

    fn sharing(&self) -> Sharing {
        match &self.response {
            Response::Stream(stream) => stream.outlet.wire.sharing(),
            Response::Poll(_) | Response::Nothing => Sharing::TaskOnly,
        }
    }
}
