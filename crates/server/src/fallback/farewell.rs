//! The last words of a session, in every response that is to be had.

use std::future::poll_fn;
use std::time::Duration;

use foghorn_protocol::fallback::closing;
use foghorn_protocol::{Close, CloseCode};
use tokio::io::AsyncRead;
use tokio::time::{Instant, sleep, sleep_until};

use super::Terms;
use super::line::Line;
use super::pulse::Receiving;
use super::receiver::Receiver;
use super::session::{Note, Session};
use crate::connections::Registered;
use crate::outbox::see_off;
use crate::wire::Wire;

/// How long a session that closes waits for a request to tell that to, before it counts as gone:
/// more than a poll takes to come back. It is still told for as long as it is remembered.
pub(super) const ABSENCE: Duration = Duration::from_secs(1);

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
                    *reading = line.go_on_in(*receiver);
                    line.close(&words);
                }
            }
            told = see_off(line, reading.as_mut(), patience), if receives => {
                line.detach();
                *reading = None;
                if told.is_ok() {
                    registered = None;
                }
            }
            () = sleep(patience), if registered.is_some() => registered = None,
            () = sleep_until(over), if !receives => return,
        }
    }
}

/// Tells a request that has come for a session a moment too late.
pub(super) async fn turn_away<R: AsyncRead + Unpin, W: Wire>(
    receiver: Receiver<R, W>,
    patience: Duration,
) {
    let mut line = Line::of_nobody();
    let mut reading = line.go_on_in(receiver);
    let reason = "The session is over";
    line.close(&closing(&Close::new(
        CloseCode::ReconnectImmediately,
        reason,
    )));
    // Whoever does not take it is gone.
    let _ = see_off(&mut line, reading.as_mut(), patience).await;
}
