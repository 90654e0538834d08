//! The last words of a session, in every response that is to be had.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use foghorn_protocol::fallback::closing;
use foghorn_protocol::{Close, CloseCode};
use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::keeper::{ABSENCE, Terms};
use super::line::Line;
use super::pulse::Receiving;
use super::receiver::{Receiver, Stream};
use super::session::{Note, Session};
use crate::connections::Registered;
use crate::wire::{Wire, linger};

/// Has `line` go on in another response; gives what the client of a stream sends.
pub(super) fn join<R, W: Wire>(line: &mut Line<W>, receiver: Receiver<R, W>) -> Option<R> {
    match receiver {
        Receiver::Poll(poll) => {
            line.poll(poll);
            None
        }
        Receiver::Stream(Stream { reading, outlet }) => {
            line.stream(outlet);
            Some(reading)
        }
    }
}

/// Tells every request that comes within the session's time that it has closed. The connection
/// counts as gone when the first has heard it, or when none comes soon.
pub(super) async fn say_goodbye<R: AsyncRead + Unpin, W: Wire>(
    session: &Session<R, W>,
    (line, reading): (&mut Line<W>, &mut Option<R>),
    close: &Close,
    terms: &Terms,
    registered: Registered,
) {
    let mut registered = Some(registered);
    let words = closing(close);
    let over = Instant::now() + terms.timing.session_timeout;
    // What is kept for who may still come counts with what waits for somebody to come.
    let _away = terms.away.enter();
    line.close(&words);
    loop {
        let (receives, patience) = match line.receiving() {
            Receiving::Nothing => (false, ABSENCE),
            Receiving::Poll => (true, ABSENCE),
            Receiving::Stream | Receiving::Full => (true, terms.rules.write_timeout),
        };
        tokio::select! {
            biased;
            // The newest request receives, also of last words.
            note = poll_fn(|cx| session.poll_note(cx)) => {
                if let Note::Receiver(receiver) = note {
                    *reading = join(line, *receiver);
                    line.close(&words);
                }
            }
            told = finish(line, reading, patience), if receives => {
                line.detach();
                *reading = None;
                if told.is_ok() {
                    registered = None;
                }
            }
            () = sleep(patience), if registered.is_some() => registered = None,
            () = sleep_until(over) => return,
        }
    }
}

/// Tells a request that has come for a session a moment too late.
pub(super) async fn turn_away<R: AsyncRead + Unpin, W: Wire>(
    receiver: Receiver<R, W>,
    patience: Duration,
) {
    let mut line = Line::of_nobody();
    let mut reading = join(&mut line, receiver);
    let reason = "The session is over";
    line.close(&closing(&Close::new(
        CloseCode::ReconnectImmediately,
        reason,
    )));
    // Whoever does not take it is gone.
    let _ = finish(&mut line, &mut reading, patience).await;
}

/// Ends the response behind all that is to be said. May be dropped and called again.
async fn finish<R: AsyncRead + Unpin, W: Wire>(
    line: &mut Line<W>,
    reading: &mut Option<R>,
    patience: Duration,
) -> io::Result<()> {
    let finished = timeout(patience, async {
        poll_fn(|cx| line.poll_write(cx)).await?;
        match line.wire() {
            Some(wire) => wire.shutdown().await,
            None => Ok(()),
        }
    });
    finished
        .await
        .unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
    if let Some(reading) = reading {
        // Running out of time is an end like any other.
        let _ = linger(reading).await;
    }
    Ok(())
}
