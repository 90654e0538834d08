//! A WebSocket connection: one task that owns the socket, feeds the session and empties its queue.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use foghorn_node::{Action, Connection, Refusal};
use foghorn_protocol::{Close, CloseCode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tungstenite::Utf8Bytes;

use crate::clock::Clock;
use crate::outbox::{Outbox, Pending};
use reader::{Incoming, Reader};
use writer::Writer;

/// Bytes that one read takes from the socket, on the stack.
const READ: usize = 4_096;

/// Control frames that may wait before reading pauses: a client that pings without taking the
/// answers fills its own socket, not our memory.
const WAITING_CONTROL: usize = 4_096;

/// How long a closed connection may take to close its side. Closing at once would make the system
/// throw away the close frame together with what the client sent meanwhile.
const LINGER: Duration = Duration::from_secs(2);

/// What all WebSocket connections share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Bytes of a client's message.
    pub(crate) max_message: usize,
    /// Bytes that may wait for one connection.
    pub(crate) send_queue: usize,
    /// How long the socket may refuse to take anything.
    pub(crate) write_timeout: Duration,
    /// What time it is.
    pub(crate) clock: Clock,
}

/// Why a connection ends.
#[derive(Debug)]
enum Ending {
    /// The server closes.
    Close(Close),
    /// The client did not keep up.
    Overflow,
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

struct Socket<S> {
    stream: S,
    reader: Reader,
    writer: Writer,
    reading: Reading,
    /// Since when the socket takes nothing although something waits, and what it had taken by then.
    stalled: Option<(Instant, u64)>,
}

#[derive(PartialEq, Eq)]
enum Reading {
    On,
    /// What comes in does not matter any more.
    Off,
}

/// Serves an open connection until it ends. `early` was read together with the handshake.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    early: Bytes,
    mut connection: Connection,
    outbox: Arc<Outbox>,
    rules: Rules,
) {
    let mut socket = Socket::new(stream, &early, rules.max_message);
    // It is a part of the handshake's buffer, which would live as long as the connection.
    drop(early);
    let ending = socket.run(&mut connection, &outbox, rules).await;
    tracing::debug!(?ending, "connection ended");
    // Others see the client leave now, not after the farewell.
    drop(connection);
    outbox.end();
    socket.say_goodbye(&ending, rules).await;
}

/// Tells a client that has been upgraded why it may not come in.
pub(crate) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    refusal: Refusal,
    rules: Rules,
) {
    let mut socket = Socket::new(stream, &[], rules.max_message);
    socket.writer.batch().extend(refusal.farewell);
    if socket.flush(rules).await.is_ok() {
        socket
            .say_goodbye(&Ending::Close(refusal.close), rules)
            .await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn new(stream: S, early: &[u8], max_message: usize) -> Self {
        let mut reader = Reader::new(max_message);
        reader.feed(early);
        let writer = Writer::default();
        Self {
            stream,
            reader,
            writer,
            reading: Reading::On,
            stalled: None,
        }
    }

    async fn run(&mut self, connection: &mut Connection, outbox: &Outbox, rules: Rules) -> Ending {
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
                Some(Action::Ping) => self.writer.ping(),
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
        outbox: &Outbox,
        mut timer: Pin<&mut Sleep>,
        rules: Rules,
    ) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_out(cx, outbox) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_in(cx) {
            return Poll::Ready(event);
        }
        let deadline = self.earlier(timer.deadline(), rules);
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        if timer.as_mut().poll(cx).is_ready() {
            let patience = |(since, _): (Instant, u64)| since.elapsed() >= rules.write_timeout;
            let given_up = self.stalled.is_some_and(patience);
            return Poll::Ready(if given_up {
                Event::End(Ending::Lost)
            } else {
                Event::Timer
            });
        }
        Poll::Pending
    }

    /// Writes all that waits. Ready only when the connection is to end.
    fn poll_out(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Poll<Event> {
        let end = |ending| Poll::Ready(Event::End(ending));
        loop {
            if self.writer.batch().is_empty() {
                let written = self.writer.take_written();
                match outbox.poll_take(cx, self.writer.batch(), written) {
                    Poll::Ready(Pending::Asked(close)) => return Poll::Ready(Event::Close(close)),
                    Poll::Ready(Pending::Close(close)) => return end(Ending::Close(close)),
                    Poll::Ready(Pending::Overflow) => return end(Ending::Overflow),
                    Poll::Ready(Pending::Frames) | Poll::Pending => {}
                }
            }
            if self.writer.is_idle() {
                return Poll::Pending;
            }
            match self.writer.poll_write(cx, &mut self.stream) {
                Poll::Ready(Ok(())) => self.stalled = None,
                Poll::Ready(Err(_)) => return end(Ending::Lost),
                Poll::Pending => {
                    let taken = self.writer.taken();
                    if self.stalled.is_none_or(|(_, before)| before != taken) {
                        self.stalled = Some((Instant::now(), taken));
                    }
                    return outbox.poll_end(cx).map(|pending| match pending {
                        Pending::Asked(close) => Event::Close(close),
                        _ => Event::End(Ending::Overflow),
                    });
                }
            }
        }
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while self.reading == Reading::On && self.writer.control_len() < WAITING_CONTROL {
            if let Some(incoming) = self.reader.next() {
                let control = self.reader.take_control();
                self.writer.control(&control);
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

    /// `deadline`, or the end of patience with a socket that takes nothing.
    fn earlier(&self, deadline: Instant, rules: Rules) -> Instant {
        let patience = self.stalled.map(|(since, _)| since + rules.write_timeout);
        patience.map_or(deadline, |end| deadline.min(end))
    }

    async fn say_goodbye(&mut self, ending: &Ending, rules: Rules) {
        match ending {
            Ending::Close(close) => self.writer.close(close),
            Ending::Overflow => {
                self.writer.abandon();
                let limit = rules.send_queue;
                let reason =
                    format!("Too slow: more than {limit} bytes, the limit, wait to be sent");
                self.writer
                    .close(&Close::new(CloseCode::OverCapacity, reason));
            }
            // The answer is among the control frames already; the rest does not matter any more.
            Ending::Closed => self.writer.abandon(),
            Ending::Lost => return,
        }
        // With TLS, a shutdown writes too.
        let shutdown = timeout(rules.write_timeout, async {
            self.flush(rules).await?;
            self.stream.shutdown().await
        });
        if let Ok(Ok(())) = shutdown.await {
            // Running out of time is an end like any other.
            let _ = timeout(LINGER, self.discard()).await;
        }
    }

    async fn flush(&mut self, rules: Rules) -> io::Result<()> {
        let write = poll_fn(|cx| self.writer.poll_write(cx, &mut self.stream));
        timeout(rules.write_timeout, write)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Reads until the client has closed its side.
    async fn discard(&mut self) {
        poll_fn(|cx| {
            loop {
                let mut bytes = [0; READ];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}
