//! A WebSocket connection: one task that owns the socket, feeds the session and empties its queue.

mod line;
mod reader;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use foghorn_node::{Action, Connection, Refusal};
use foghorn_protocol::Close;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tungstenite::Utf8Bytes;

use crate::outbox::{Concern, Line as _, Outbox, see_off};
use crate::rules::Rules;
use crate::stall::Stall;
use crate::wire::Wire;
#[cfg(test)]
pub(crate) use line::Frames;
pub(crate) use line::{Line, PING};
use reader::{Incoming, Reader};

/// Bytes that one read takes from the socket, on the stack.
const READ: usize = 4_096;

/// Control frames that may wait before reading pauses: a client that pings without taking the
/// answers fills its own socket, not our memory.
const WAITING_CONTROL: usize = 4_096;

/// Why a connection ends.
#[derive(Debug)]
enum Ending {
    /// The server closes.
    Close(Close),
    /// The client did not keep up.
    Overflow(Close),
    /// The client closes.
    Closed,
    /// The socket is of no use any more.
    Lost,
}

enum Event {
    Text(Utf8Bytes),
    Alive,
    /// The client broke a rule, or somebody wants it gone.
    Close(Close),
    Timer,
    End(Ending),
}

struct Socket<R, W> {
    stream: R,
    reader: Reader,
    /// The line, while this task has something to write; see [`Outbox`].
    line: Option<Box<Line<W>>>,
    /// Control frames on their way to the line.
    control: Vec<u8>,
    reading: Reading,
    stall: Stall,
}

#[derive(PartialEq, Eq)]
enum Reading {
    On,
    /// What comes in does not matter any more.
    Off,
}

/// What is left of the handshake.
pub(crate) struct Opening {
    /// What was read beyond the request.
    pub(crate) early: Vec<u8>,
    /// The response, which goes out with the first message.
    pub(crate) response: Vec<u8>,
}

/// Serves an open connection until it ends.
///
/// The future is what an idle connection costs. An `async fn` would keep its arguments twice, as
/// they came and as they are used.
pub(crate) fn serve<R: AsyncRead + Unpin, W: Wire>(
    (stream, wire): (R, W),
    opening: Opening,
    mut connection: Connection,
    outbox: Arc<Outbox<Line<W>>>,
    rules: Rules,
) -> impl Future<Output = ()> {
    let mut socket = Socket::new(stream, wire, opening, rules.max_message);
    async move {
        let ending = socket.run(&mut connection, &outbox, &rules).await;
        tracing::debug!(?ending, "connection ended");
        // Others see the client leave now, not after the farewell.
        drop(connection);
        let mut line = match socket.line.take() {
            Some(line) => line,
            None => poll_fn(|cx| outbox.poll_line(cx)).await,
        };
        outbox.end();
        line.writer.control(&socket.control);
        say_goodbye(&mut line, &mut socket.stream, &ending, &rules).await;
    }
}

/// Tells a client that has been upgraded why it may not come in.
pub(crate) async fn refuse<R: AsyncRead + Unpin, W: Wire>(
    (mut stream, wire): (R, W),
    opening: Opening,
    refusal: Refusal,
    rules: Rules,
) {
    let mut line = Line::new(wire);
    line.writer.control(&opening.response);
    line.writer.batch().extend(refusal.farewell);
    let told = timeout(rules.write_timeout, poll_fn(|cx| line.poll_write(cx)));
    if matches!(told.await, Ok(Ok(()))) {
        let ending = Ending::Close(refusal.close);
        say_goodbye(&mut line, &mut stream, &ending, &rules).await;
    }
}

impl<R: AsyncRead + Unpin, W: Wire> Socket<R, W> {
    fn new(stream: R, wire: W, opening: Opening, max_message: usize) -> Self {
        let mut reader = Reader::new(max_message);
        reader.feed(&opening.early);
        Self {
            stream,
            reader,
            line: Some(Box::new(Line::new(wire))),
            control: opening.response,
            reading: Reading::On,
            stall: Stall::default(),
        }
    }

    async fn run(
        &mut self,
        connection: &mut Connection,
        outbox: &Outbox<Line<W>>,
        rules: &Rules,
    ) -> Ending {
        let clock = rules.clock;
        let mut timer = pin!(sleep_until(clock.instant(connection.deadline())));
        loop {
            let event = poll_fn(|cx| self.poll_event(cx, outbox, timer.as_mut(), rules)).await;
            let action = match event {
                Event::Text(text) => connection.on_text(&text, clock.now()),
                Event::Alive => {
                    connection.on_activity(clock.now());
                    None
                }
                Event::Close(close) => connection.close(close),
                // It has had its time to take what was queued.
                Event::Timer if self.reading == Reading::Off => return Ending::Lost,
                Event::Timer => {
                    let action = connection.on_timeout(clock.now());
                    timer.as_mut().reset(clock.instant(connection.deadline()));
                    action
                }
                Event::End(ending) => return ending,
            };
            match action {
                None => {}
                Some(Action::Ping) => self.control.extend_from_slice(&PING),
                Some(Action::Close(close)) => {
                    self.reading = Reading::Off;
                    timer.as_mut().reset(Instant::now() + rules.write_timeout);
                    outbox.close(close);
                }
            }
        }
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox<Line<W>>,
        mut timer: Pin<&mut Sleep>,
        rules: &Rules,
    ) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_out(cx, outbox) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_in(cx) {
            return Poll::Ready(event);
        }
        let patience = rules.write_timeout;
        if let Some(end) = self.stall.end(patience)
            && end < timer.deadline()
        {
            timer.as_mut().reset(end);
        }
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(if self.stall.is_over(patience) {
                Event::End(Ending::Lost)
            } else {
                Event::Timer
            });
        }
        Poll::Pending
    }

    /// Writes all that waits, unless somebody else does. Ready only when the session or the
    /// connection's end is concerned.
    fn poll_out(&mut self, cx: &mut Context<'_>, outbox: &Outbox<Line<W>>) -> Poll<Event> {
        let stall = &mut self.stall;
        let look = |line: &Line<W>| match line.writer.is_idle() {
            true => stall.ends(),
            false => stall.at(line.writer.taken()),
        };
        let concern = outbox.poll_out(cx, &mut self.line, &mut self.control, look);
        concern.map(|concern| match concern {
            Concern::Asked(close) => Event::Close(close),
            Concern::Close(close) => Event::End(Ending::Close(close)),
            Concern::Overflow(close) => Event::End(Ending::Overflow(close)),
            Concern::Broken => Event::End(Ending::Lost),
        })
    }

    /// Bytes of control frames that wait.
    fn waiting_control(&self) -> usize {
        let on_line = self.line.as_ref();
        self.control.len() + on_line.map_or(0, |line| line.writer.control_len())
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while self.reading == Reading::On && self.waiting_control() < WAITING_CONTROL {
            if let Some(incoming) = self.reader.next() {
                self.control.append(&mut self.reader.take_control());
                return Poll::Ready(match incoming {
                    Incoming::Text(text) => Event::Text(text),
                    Incoming::Alive => Event::Alive,
                    Incoming::Closed => Event::End(Ending::Closed),
                    Incoming::Broken(close) => Event::Close(close),
                });
            }
            let mut bytes = [0; READ];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.reader.feed(buffer.filled());
                }
                // Nothing more to read, or an error: the client is gone.
                Poll::Ready(_) => return Poll::Ready(Event::End(Ending::Lost)),
            }
        }
        Poll::Pending
    }
}

async fn say_goodbye<R: AsyncRead + Unpin, W: Wire>(
    line: &mut Line<W>,
    stream: &mut R,
    ending: &Ending,
    rules: &Rules,
) {
    match ending {
        Ending::Close(close) => line.close(close),
        Ending::Overflow(close) => {
            line.writer.abandon();
            line.close(close);
        }
        // The answer is among the control frames already; the rest does not matter any more.
        Ending::Closed => line.writer.abandon(),
        Ending::Lost => return,
    }
    // Whoever does not take it is gone.
    let _ = see_off(line, Some(stream), rules.write_timeout).await;
}
