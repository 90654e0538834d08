//! The keeper: one task for a session, from its first request to its end. It gives responses what
//! there is to say, and decides how long nobody may come for it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use foghorn_protocol::fallback::{HEARTBEAT, NOTHING};
use foghorn_protocol::{Close, CloseCode, Moment};
use tokio::io::AsyncRead;
use tokio::time::{Instant, Sleep, sleep_until};

use super::farewell::{join, say_goodbye, turn_away};
use super::line::Line;
use super::pulse::{Due, Empty, Pulse, Receiving, Timing};
use super::receiver::Receiver;
use super::session::{Ask, Note, Session};
use crate::connections::Registered;
use crate::gate::{Gate, Pass};
use crate::outbox::{Control, End, Pending};
use crate::rules::Rules;
use crate::stall::Stall;
use crate::wire::{Wire, poll_end};

/// How long a session that closes waits for a request to tell that to, before it counts as gone:
/// more than a poll takes to come back. It is still told for as long as it is remembered.
pub(super) const ABSENCE: Duration = Duration::from_secs(1);

/// What sessions share.
#[derive(Clone)]
pub(crate) struct Terms {
    /// How long what may last.
    pub(super) timing: Timing,
    /// What they share with WebSockets.
    pub(super) rules: Rules,
    /// Counts the sessions for which nothing receives.
    pub(super) away: Gate,
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
    /// Lines of the session's own on their way to the line.
    words: Vec<u8>,
    pulse: Pulse,
    stall: Stall,
    closing: Option<Box<Closing>>,
    terms: Terms,
    /// While nothing receives.
    away: Option<Pass>,
}

/// Keeps `session` until it is over, and then drops its `entry`.
pub(super) fn keep<R: AsyncRead + Unpin, W: Wire>(
    session: Arc<Session<R, W>>,
    line: Line<W>,
    terms: Terms,
    (registered, entry): (Registered, impl Send),
) -> impl Future<Output = ()> {
    let away = terms.away.enter();
    let mut keeper = Keeper {
        session,
        line: Some(Box::new(line)),
        reading: None,
        words: Vec::new(),
        pulse: Pulse::new(terms.timing, terms.rules.clock.now()),
        stall: Stall::default(),
        closing: None,
        terms,
        away: Some(away),
    };
    async move {
        let ending = keeper.run().await;
        tracing::debug!(?ending, "session ended");
        keeper.session.leave();
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
        let mut timer = pin!(sleep_until(clock.instant(self.pulse.deadline())));
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
        let silence = self.pulse.deadline();
        let silence = next.map_or(silence, |next| next.min(silence));
        let silence = self.terms.rules.clock.instant(silence);
        let patience = self.stall.end(self.terms.rules.write_timeout);
        let all = [patience, self.closing_end()].into_iter().flatten();
        all.fold(silence, Instant::min)
    }

    /// When a session that closes has had its time to say what waits.
    fn closing_end(&self) -> Option<Instant> {
        let patience = match self.away {
            Some(_) => ABSENCE,
            None => self.terms.rules.write_timeout,
        };
        let closing = self.closing.as_ref();
        closing.map(|closing| closing.since + patience)
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
        let clock = self.terms.rules.clock;
        let receiving = line.receiving();
        self.pulse.receives(receiving, clock.now());
        self.pulse.spoke(clock.moment(line.written_at()));
        match line.is_blocked() {
            true => self.stall.at(line.taken()),
            false => self.stall.ends(),
        }
        match receiving {
            Receiving::Nothing => {
                self.away.get_or_insert_with(|| self.terms.away.enter());
            }
            _ => self.away = None,
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

    async fn take(&mut self, note: Note<R, W>, now: Moment) {
        match note {
            Note::Receiver(receiver) => self.attach(*receiver, now).await,
            Note::Empty => {
                if self.pulse.on_empty(now) == Empty::Question {
                    self.words.extend_from_slice(NOTHING.as_bytes());
                }
            }
            Note::Sent(messages) => {
                self.session.post(&messages, now);
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
        let line = self.with_line().await;
        self.reading = join(line, receiver);
        self.pulse.begins_anew(now);
        self.look();
        self.session.on_activity(now);
    }

    async fn detach(&mut self) {
        self.with_line().await.detach();
        self.reading = None;
        self.look();
    }

    async fn on_timer(&mut self, next: &mut Option<Moment>, now: Moment) -> Option<Ending> {
        if self.stall.is_over(self.terms.rules.write_timeout) {
            return Some(Ending::Lost);
        }
        if let Some(end) = self.closing_end()
            && end <= Instant::now()
            && let Some(closing) = self.closing.take()
        {
            return Some(self.give_up(closing.close).await);
        }
        if next.is_some_and(|next| next <= now)
            && let Some(Ask) = self.session.on_timeout(now)
        {
            self.ask(now);
        }
        *next = self.session.deadline();
        self.on_silence(now).await
    }

    /// Does what silence calls for.
    async fn on_silence(&mut self, now: Moment) -> Option<Ending> {
        if self.pulse.check(now) == Due::Nothing {
            return None;
        }
        // Others may have written.
        let line = self.with_line().await;
        let is_blocked = line.is_blocked();
        self.look();
        match self.pulse.check(now) {
            Due::Nothing => {}
            // Whether it takes anything is the stall's business.
            Due::Beat | Due::Dead if is_blocked => self.pulse.spoke(now),
            Due::Beat => self.ask(now),
            Due::GoOn => {
                self.with_line().await.go_on();
                self.look();
            }
            Due::Over => return Some(Ending::Over),
            Due::Dead => {
                if self.with_line().await.receiving() == Receiving::Full {
                    self.detach().await;
                }
                self.pulse.spoke(now);
                let reason = "Heartbeats were not answered";
                let close = Close::new(CloseCode::PongNotReceived, reason);
                self.session.close(close);
            }
        }
        None
    }

    /// Asks the client whether it is there. A poll is over with that.
    fn ask(&mut self, now: Moment) {
        self.words.extend_from_slice(HEARTBEAT.as_bytes());
        self.pulse.asked(now);
    }

    /// Closes although not everything has been said that waited.
    async fn give_up(&mut self, close: Close) -> Ending {
        let is_away = self.away.is_some();
        let line = self.with_line().await;
        if line.is_blocked() {
            return Ending::Lost;
        }
        // Who comes back for it still hears it.
        if !is_away {
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
        self.away = None;
        if let (Some(close), Some(line)) = (close, &mut self.line) {
            let session = &*self.session;
            let responding = (&mut **line, &mut self.reading);
            say_goodbye(session, responding, &close, &self.terms, registered).await;
        }
        // From here on its name is unknown, and who still had it is told.
        drop(entry);
        if let Some(late) = self.session.end() {
            turn_away(*late, self.terms.rules.write_timeout).await;
        }
    }
}
