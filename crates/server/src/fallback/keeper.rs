//! The keeper: one task for a session, from its first request to its end. It gives responses what
//! there is to say, and decides how long nobody may come for it.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use foghorn_protocol::fallback::{HEARTBEAT, NOTHING, closing};
use foghorn_protocol::{Close, CloseCode, Moment};
use tokio::io::AsyncRead;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use super::line::Line;
use super::pulse::{Due, Empty, Pulse, Receiving, Timing};
use super::receiver::{Receiver, Stream};
use super::session::{Ask, Note, Session};
use crate::connections::Registered;
use crate::outbox::{Control, End, Pending};
use crate::rules::Rules;
use crate::stall::Stall;
use crate::wire::{Wire, poll_end};

/// How long a client may take to close its side of a stream that has ended. Closing at once would
/// make the system throw away the last line together with what the client sent meanwhile.
const LINGER: Duration = Duration::from_secs(2);

/// What sessions share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// How long what may last.
    pub(crate) timing: Timing,
    /// What they share with WebSockets.
    pub(crate) rules: Rules,
}

/// Why a session ends.
#[derive(Debug)]
enum Ending {
    /// The server closes it.
    Close(Close),
    /// The client did not keep up.
    Overflow(Close),
    /// Nobody came for it.
    Over,
    /// Its stream took nothing for too long.
    Lost,
}

enum Event<R, W> {
    Note(Note<R, W>),
    /// Somebody wants the client gone.
    Close(Close),
    /// What received is gone.
    Gone,
    Timer,
    End(Ending),
}

struct Keeper<R, W> {
    session: Arc<Session<R, W>>,
    /// The line, while this task has something to do with it; see [`crate::outbox::Outbox`].
    line: Option<Box<Line<W>>>,
    /// What the client of a stream sends.
    reading: Option<R>,
    /// Lines of the session's own on their way to the line.
    words: Vec<u8>,
    pulse: Pulse,
    stall: Stall,
    /// Bytes that were written when this task last looked.
    taken: u64,
    terms: Terms,
}

/// Keeps `session` until it is over.
pub(super) fn keep<R: AsyncRead + Unpin, W: Wire>(
    session: Arc<Session<R, W>>,
    line: Line<W>,
    terms: Terms,
    registered: Registered,
) -> impl Future<Output = ()> {
    let mut keeper = Keeper {
        session,
        line: Some(Box::new(line)),
        reading: None,
        words: Vec::new(),
        pulse: Pulse::new(terms.timing, terms.rules.clock.now()),
        stall: Stall::default(),
        taken: 0,
        terms,
    };
    async move {
        let ending = keeper.run().await;
        tracing::debug!(?ending, "session ended");
        keeper.session.leave();
        let line = keeper.with_line().await;
        let close = match ending {
            Ending::Close(close) => Some(close),
            Ending::Overflow(close) => {
                line.abandon();
                Some(close)
            }
            Ending::Over | Ending::Lost => None,
        };
        keeper.session.outbox().end();
        if let Some(close) = close {
            // Boxed: it is for the end, and every session would have room for it.
            Box::pin(keeper.say_goodbye(&close, registered)).await;
        }
        keeper.session.end();
    }
}

impl<R: AsyncRead + Unpin, W: Wire> Keeper<R, W> {
    async fn run(&mut self) -> Ending {
        let clock = self.terms.rules.clock;
        let mut next = self.session.deadline();
        let mut timer = pin!(sleep_until(clock.instant(self.pulse.deadline())));
        loop {
            let event = poll_fn(|cx| self.poll_event(cx, timer.as_mut(), next)).await;
            let now = clock.now();
            match event {
                Event::Note(Note::Receiver(receiver)) => self.attach(*receiver, now).await,
                Event::Note(Note::Empty) => {
                    if self.pulse.on_empty(now) == Empty::Question {
                        self.words.extend_from_slice(NOTHING.as_bytes());
                    }
                }
                Event::Note(Note::Sent(messages)) => {
                    self.session.post(&messages, now);
                }
                Event::Close(close) => self.session.close(close),
                Event::Gone => self.detach(now).await,
                Event::Timer if self.stall.is_over(self.terms.rules.write_timeout) => {
                    return Ending::Lost;
                }
                Event::Timer => {
                    if next.is_some_and(|next| next <= now)
                        && let Some(Ask) = self.session.on_timeout(now)
                    {
                        self.ask();
                    }
                    next = self.session.deadline();
                    if let Some(ending) = self.on_silence(now).await {
                        return ending;
                    }
                }
                Event::End(ending) => return ending,
            }
        }
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
        next: Option<Moment>,
    ) -> Poll<Event<R, W>> {
        if let Poll::Ready(note) = self.session.poll_note(cx) {
            return Poll::Ready(Event::Note(note));
        }
        if let Poll::Ready(event) = self.poll_out(cx) {
            return Poll::Ready(event);
        }
        if self.poll_gone(cx).is_ready() {
            return Poll::Ready(Event::Gone);
        }
        let deadline = self.deadline(next);
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.poll(cx).map(|()| Event::Timer)
    }

    /// When something has to be looked at again.
    fn deadline(&self, next: Option<Moment>) -> Instant {
        let clock = self.terms.rules.clock;
        let silence = self.pulse.deadline();
        let silence = next.map_or(silence, |next| next.min(silence));
        let patience = self.stall.end(self.terms.rules.write_timeout);
        let silence = clock.instant(silence);
        patience.map_or(silence, |end| end.min(silence))
    }

    /// Says all that waits, unless somebody else does. Ready only when the session is concerned.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Event<R, W>> {
        let session = Arc::clone(&self.session);
        let outbox = session.outbox();
        let end = |ending| Poll::Ready(Event::End(ending));
        loop {
            let control = match self.words.is_empty() {
                true => Control::None,
                false => Control::Waits,
            };
            match ready!(outbox.poll_work(cx, &mut self.line, control)) {
                Pending::Asked(close) => return Poll::Ready(Event::Close(close)),
                Pending::Close(close) => return end(Ending::Close(close)),
                Pending::Overflow(close) => return end(Ending::Overflow(close)),
                Pending::Work => {}
            }
            let Some(line) = &mut self.line else {
                return Poll::Pending;
            };
            line.say(&std::mem::take(&mut self.words));
            let written = line.poll_write(cx);
            self.look();
            match written {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Gone),
                Poll::Pending => {
                    return outbox.poll_end(cx).map(|pending| match pending {
                        End::Asked(close) => Event::Close(close),
                        End::Overflow(close) => Event::End(Ending::Overflow(close)),
                    });
                }
            }
        }
    }

    /// Takes note of what has become of the line that is here.
    fn look(&mut self) {
        let Some(line) = &self.line else {
            return;
        };
        let now = self.terms.rules.clock.now();
        self.pulse.receives(line.receiving(), now);
        if line.taken() != self.taken {
            self.taken = line.taken();
            self.pulse.spoke(now);
        }
        match line.is_blocked() {
            true => self.stall.at(line.taken()),
            false => self.stall.ends(),
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match (&mut self.reading, &mut self.line) {
            (Some(reading), _) => poll_end(cx, reading),
            (None, Some(line)) => line.poll_gone(cx),
            (None, None) => Poll::Pending,
        }
    }

    /// The line, now.
    async fn with_line(&mut self) -> &mut Line<W> {
        let line = match self.line.take() {
            Some(line) => line,
            None => poll_fn(|cx| self.session.outbox().poll_line(cx)).await,
        };
        self.line.insert(line)
    }

    /// Goes on in another response; the one before it ends where it is.
    async fn attach(&mut self, receiver: Receiver<R, W>, now: Moment) {
        let line = self.with_line().await;
        let reading = match receiver {
            Receiver::Poll(poll) => {
                line.poll(poll);
                None
            }
            Receiver::Stream(Stream { reading, outlet }) => {
                line.stream(outlet);
                Some(reading)
            }
        };
        self.reading = reading;
        self.pulse.begins_anew(now);
        self.look();
        self.session.on_activity(now);
    }

    async fn detach(&mut self, now: Moment) {
        self.with_line().await.detach();
        self.reading = None;
        self.look();
        tracing::trace!(?now, "a session's response has ended");
    }

    /// Does what silence calls for.
    async fn on_silence(&mut self, now: Moment) -> Option<Ending> {
        if self.pulse.check(now) == Due::Nothing {
            return None;
        }
        // Others may have written.
        self.with_line().await;
        self.look();
        match self.pulse.check(now) {
            Due::Nothing => {}
            Due::Beat => self.ask(),
            Due::GoOn => self.with_line().await.go_on(),
            Due::Over => return Some(Ending::Over),
            Due::Dead => {
                let line = self.with_line().await;
                if line.receiving() == Receiving::Full {
                    line.detach();
                    self.reading = None;
                    self.look();
                }
                let reason = "Heartbeats were not answered";
                let close = Close::new(CloseCode::PongNotReceived, reason);
                self.session.close(close);
            }
        }
        None
    }

    /// Asks the client whether it is there. A poll is over with that.
    fn ask(&mut self) {
        self.words.extend_from_slice(HEARTBEAT.as_bytes());
        self.pulse.asked();
    }

    /// Tells every request that comes within the session's time that it has closed.
    async fn say_goodbye(&mut self, close: &Close, registered: Registered) {
        let mut registered = Some(registered);
        let over = Instant::now() + self.terms.timing.session_timeout;
        loop {
            let line = self.with_line().await;
            if line.receiving() != Receiving::Nothing {
                line.say(closing(close).as_bytes());
                if self.finish().await.is_ok() {
                    registered = None;
                }
            }
            let session = Arc::clone(&self.session);
            let next = poll_fn(|cx| session.poll_note(cx));
            match timeout_at(over, next).await {
                Ok(Note::Receiver(receiver)) => {
                    let now = self.terms.rules.clock.now();
                    self.attach(*receiver, now).await;
                }
                Ok(Note::Empty | Note::Sent(_)) => {}
                Err(_) => break,
            }
        }
        drop(registered);
    }

    /// Ends the response behind what was said.
    async fn finish(&mut self) -> io::Result<()> {
        let patience = self.terms.rules.write_timeout;
        let line = self.with_line().await;
        let finished = timeout(patience, async {
            poll_fn(|cx| line.poll_write(cx)).await?;
            line.finish().await
        });
        let finished = finished
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        if let (Ok(()), Some(reading)) = (&finished, &mut self.reading) {
            // Running out of time is an end like any other.
            let _ = timeout(LINGER, poll_fn(|cx| poll_end(cx, reading))).await;
        }
        self.with_line().await.detach();
        self.reading = None;
        finished
    }
}
