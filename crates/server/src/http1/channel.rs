//! A socket with a clock beside it: one timer for a connection, however many things it waits for.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::socket::Socket;
use crate::wire::linger;

/// Bytes that there is room for when something is read.
const READ: usize = 8 * 1_024;

/// How patient a listener is with clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the handshake of TLS, for the first request's head, and for the rest of a later one.
    pub(crate) header_timeout: Duration,
    /// For a later head to begin.
    pub(crate) idle_timeout: Duration,
    /// For a client to take anything of an answer.
    pub(crate) write_timeout: Duration,
}

/// The socket of a connection while it speaks HTTP.
pub(super) struct Channel<S> {
    socket: Socket<S>,
    /// Made when something is first waited for, and moved on from then on.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    pub(super) fn new(socket: Socket<S>) -> Self {
        Self {
            socket,
            timer: None,
        }
    }

    pub(super) fn into_socket(self) -> Socket<S> {
        self.socket
    }

    /// Adds to `buffer` what the client sends next; 0 bytes are the end.
    ///
    /// # Errors
    /// The connection is lost, or `until` has come.
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>, until: Instant) -> io::Result<usize> {
        buffer.reserve(READ);
        let mut reading = pin!(self.socket.read_buf(buffer));
        let timer = &mut self.timer;
        poll_fn(|cx| {
            if let Poll::Ready(read) = reading.as_mut().poll(cx) {
                return Poll::Ready(read);
            }
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if timer.deadline() != until {
                timer.as_mut().reset(until);
            }
            ready!(timer.as_mut().poll(cx));
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// Waits for `outcome`, and adds to `buffer` what the client sends meanwhile; `None` if the
    /// client goes away, or sends more than there is room for in `limit` bytes.
    pub(super) async fn read_during<T>(
        &mut self,
        mut outcome: impl Future<Output = T> + Unpin,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Option<T> {
        poll_fn(|cx| {
            if let Poll::Ready(outcome) = Pin::new(&mut outcome).poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            loop {
                if buffer.len() > limit {
                    return Poll::Ready(None);
                }
                // Usually nothing comes for a long time, so there is no room kept for it.
                let mut bytes = [0; 512];
                let mut read = ReadBuf::new(&mut bytes);
                let polled = Pin::new(&mut self.socket).poll_read(cx, &mut read);
                if ready!(polled).is_err() || read.filled().is_empty() {
                    return Poll::Ready(None);
                }
                buffer.extend_from_slice(read.filled());
            }
        })
        .await
    }

    /// Writes all of `bytes`, and sees them off.
    ///
    /// # Errors
    /// The connection is lost, or the client takes nothing.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await
    }

    /// Closes, when everything has been read.
    pub(super) async fn close(mut self) {
        // Whether the client is told that nothing more comes makes no difference any more.
        let _ = self.socket.shutdown().await;
    }

    /// Closes, and reads on for a moment what nobody wants.
    pub(super) async fn linger(mut self) {
        if self.socket.shutdown().await.is_ok() {
            // Running out of time is an end like any other.
            let _ = linger(&mut self.socket).await;
        }
    }
}
