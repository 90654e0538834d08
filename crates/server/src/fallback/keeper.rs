//! The keeper: one task for a session, from its first request to its end. It gives responses what
//! there is to say, and does what the pulse finds due.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use foghorn_protocol::fallback::{HEARTBEAT, NOTHING};
use foghorn_protocol::{Close, CloseCode, Moment};
use tokio::io::AsyncRead;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Terms;
use super::farewell::{ABSENCE, say_goodbye, turn_away};
use super::line::{Line, add};
use super::pulse::{Due, Empty, Pulse, Receiving};
use super::receiver::Receiver;
use super::session::{Note, Question, Session};
use crate::clock::Clock;
use crate::connections::Registered;
use crate::gate::Pass;
use crate::outbox::Concern;
use crate::stall::Stall;
use crate::wire::{Wire, poll_end};

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

/// A session that has closed and has yet to say all that waits.
struct Closing {
    close: Close,
    since: Instant,
}

struct Keeper<R, W> {
    session: Arc<Session<R, W>>,
    /// The line, while this task has something to do with it; see [`crate::outbox::Outbox`].
    line: Option<Box<Line<W>>>,
    /// What the client of a stream sends.
    reading: Option<R>,
    /// Words of the session's own on their way to the line.
    words: Vec<u8>,
    watch: Watch,
    closing: Option<Box<Closing>>,
    terms: Terms,
    client: Client,
}

/// Whether a client has shown that it exists: opening a session by a poll needs no socket.
enum Client {
    /// Its first request is on its way.
    Unseen(Pass),
    /// It has polled once.
    SeenOnce(#[expect(dead_code, reason = "held to be counted")] Pass),
    /// It has come back, or held a socket.
    Known,
}

/// What is known of the line from when it was last here.
struct Watch {
    pulse: Pulse,
    stall: Stall,
    clock: Clock,
}

/// Keeps `session` until it is over, and then drops its `entry`.
pub(super) fn keep<R: AsyncRead + Unpin, W: Wire>(
    session: Arc<Session<R, W>>,
    line: Line<W>,
    terms: Terms,
    (registered, entry): (Registered, impl Send),
) -> impl Future<Output = ()> {
    let clock = terms.rules.clock;
    let mut keeper = Keeper {
        session,
        line: Some(Box::new(line)),
        reading: None,
        words: Vec::new(),
        watch: Watch {
            pulse: Pulse::new(terms.timing, clock.now()),
            stall: Stall::default(),
            clock,
        },
        closing: None,
        client: Client::Unseen(terms.fresh.enter()),
        terms,
    };
    async move {
        let ending = keeper.run().await;
        tracing::debug!(?ending, "session ended");
        keeper.session.disconnect();
        keeper.with_line().await;
        keeper.session.outbox().end();
        // Boxed: it is for the end, and every session would have room for it.
        Box::pin(keeper.end(ending, (registered, entry))).await;
    }
}

impl<R: AsyncRead + Unpin, W: Wire> Keeper<R, W> {
    async fn run(&mut self) -> Ending {
        let clock = self.terms.rules.clock;
        let mut next = self.session.deadline();
        let mut timer = pin!(sleep_until(clock.instant(self.watch.pulse.deadline())));
        loop {
            let event = poll_fn(|cx| self.poll_event(cx, timer.as_mut(), next)).await;
            let now = clock.now();
            match event {
                Event::Note(note) => self.take(note, now).await,
                Event::Close(close) => self.session.close(close),
                Event::Gone => self.detach().await,
                Event::Timer => {
                    if let Some(ending) = self.on_timer(&mut next, now).await {
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
        let silence = self.watch.pulse.deadline();
        let silence = next.map_or(silence, |next| next.min(silence));
        let silence = self.terms.rules.clock.instant(silence);
        let patience = self.watch.stall.end(self.terms.rules.write_timeout);
        let all = [patience, self.closing_end()].into_iter().flatten();
        all.fold(silence, Instant::min)
    }

    /// When a session that closes has had its time to say what waits.
    fn closing_end(&self) -> Option<Instant> {
        let patience = match self.watch.pulse.receiving() {
            Receiving::Nothing => ABSENCE,
            _ => self.terms.rules.write_timeout,
        };
        let closing = self.closing.as_ref();
        closing.map(|closing| closing.since + patience)
    }

    /// Says all that waits, unless somebody else does. Ready only when the session is concerned.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Event<R, W>> {
        let watch = &mut self.watch;
        let look = |line: &Line<W>| watch.look(line);
        let outbox = self.session.outbox();
        let concern = outbox.poll_out(cx, &mut self.line, &mut self.words, look);
        concern.map(|concern| match concern {
            Concern::Asked(close) => Event::Close(close),
            Concern::Close(close) => Event::End(Ending::Close(close)),
            Concern::Overflow(close) => Event::End(Ending::Overflow(close)),
            Concern::Broken => Event::Gone,
        })
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

    async fn take(&mut self, note: Note<R, W>, now: Moment) {
        match note {
            Note::Receiver(receiver) => self.attach(*receiver, now).await,
            Note::Empty => {
                if self.watch.pulse.on_empty(now) == Empty::Question {
                    add(&mut self.words, NOTHING.as_bytes());
                }
            }
            Note::Sent(messages) => {
                self.session.post(&messages, now);
                // There may be many of them, all there at once.
                yield_now().await;
            }
            Note::Closed(close) => {
                let since = Instant::now();
                self.closing = Some(Box::new(Closing { close, since }));
                let session = Arc::clone(&self.session);
                let line = self.with_line().await;
                session.outbox().load(line);
                if !line.holds_messages() {
                    line.go_on();
                }
            }
        }
    }

    /// Goes on in another response; the one before it ends where it is.
    async fn attach(&mut self, receiver: Receiver<R, W>, now: Moment) {
        self.reading = self.with_line().await.go_on_in(receiver);
        self.client = match std::mem::replace(&mut self.client, Client::Known) {
            Client::Unseen(pass) if self.reading.is_none() => Client::SeenOnce(pass),
            _ => Client::Known,
        };
        self.watch.pulse.begins_anew(now);
        self.look();
        self.session.on_activity(now);
    }

    async fn detach(&mut self) {
        self.with_line().await.detach();
        self.reading = None;
        self.look();
    }

    fn look(&mut self) {
        if let Some(line) = &self.line {
            self.watch.look(line);
        }
    }

    async fn on_timer(&mut self, next: &mut Option<Moment>, now: Moment) -> Option<Ending> {
        if self.watch.stall.is_over(self.terms.rules.write_timeout) {
            return Some(Ending::Lost);
        }
        if let Some(end) = self.closing_end()
            && end <= Instant::now()
            && let Some(closing) = self.closing.take()
        {
            return Some(self.give_up(closing.close).await);
        }
        if next.is_some_and(|next| next <= now) && self.session.on_timeout(now) == Question::Due {
            match self.watch.pulse.receiving() {
                Receiving::Stream => self.ask(now),
                // These have a time of their own, which is not to be cut short.
                Receiving::Nothing | Receiving::Poll | Receiving::Full => {
                    self.session.on_activity(now);
                }
            }
        }
        *next = self.session.deadline();
        self.on_silence(now).await
    }

    /// Does what silence calls for.
    async fn on_silence(&mut self, now: Moment) -> Option<Ending> {
        if self.watch.pulse.check(now) == Due::Nothing {
            return None;
        }
        // Others may have written.
        let is_blocked = self.with_line().await.is_blocked();
        self.look();
        match self.watch.pulse.check(now) {
            Due::Nothing => {}
            // Whether the socket takes what was said before is the stall's business.
            Due::Beat | Due::Dead if is_blocked => self.watch.pulse.wait(now),
            Due::Beat => self.ask(now),
            Due::GoOn => {
                self.with_line().await.go_on();
                self.look();
            }
            // Its goodbye has a time of its own, and begins soon.
            Due::Over if self.closing.is_some() => self.watch.pulse.wait(now),
            Due::Over => return Some(Ending::Over),
            Due::Dead => {
                if self.watch.pulse.receiving() == Receiving::Full {
                    self.detach().await;
                }
                self.watch.pulse.wait(now);
                let reason = "Heartbeats were not answered";
                let close = Close::new(CloseCode::PongNotReceived, reason);
                self.session.close(close);
            }
        }
        None
    }

    /// Asks the client whether it is there. A poll is over with that.
    fn ask(&mut self, now: Moment) {
        add(&mut self.words, HEARTBEAT.as_bytes());
        self.watch.pulse.asked(now);
    }

    /// Closes although not everything has been said that waited.
    async fn give_up(&mut self, close: Close) -> Ending {
        let receiving = self.watch.pulse.receiving();
        let line = self.with_line().await;
        if line.is_blocked() {
            // Who comes back hears the rest, and that it has closed.
            self.detach().await;
        } else if receiving != Receiving::Nothing {
            line.abandon();
        }
        Ending::Close(close)
    }

    async fn end(mut self, ending: Ending, (registered, entry): (Registered, impl Send)) {
        let close = match ending {
            Ending::Close(close) => Some(close),
            Ending::Overflow(close) => {
                self.with_line().await.abandon();
                Some(close)
            }
            Ending::Over | Ending::Lost => None,
        };
        match (close, &mut self.line) {
            (Some(close), Some(line)) => {
                let responding = (&mut **line, &mut self.reading);
                say_goodbye(&self.session, responding, &close, &self.terms, registered).await;
            }
            // Nobody is to be waited for.
            _ => drop(registered),
        }
        // From here on its name is unknown, and who still had it is told.
        drop(entry);
        if let Some(late) = self.session.end() {
            turn_away(*late, self.terms.rules.write_timeout).await;
        }
    }
}

impl Watch {
    /// Takes note of what has become of the line.
    fn look<W: Wire>(&mut self, line: &Line<W>) {
        self.pulse.receives(line.receiving(), self.clock.now());
        self.pulse.spoke(self.clock.moment(line.written_at()));
        match line.is_blocked() {
            true => self.stall.at(line.taken()),
            false => self.stall.ends(),
        }
    }
}
