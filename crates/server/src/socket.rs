//! An accepted socket: it counts against the sockets that the process may have, and gives up on a
//! client that takes nothing of what is written to it.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

/// A socket while HTTP is spoken on it.
pub(crate) struct Socket<S> {
    stream: S,
    place: OwnedSemaphorePermit,
    write_timeout: Duration,
    /// Runs while the client takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    /// A socket that holds `place` and may refuse to take anything for `write_timeout`.
    pub(crate) fn new(stream: S, place: OwnedSemaphorePermit, write_timeout: Duration) -> Self {
        Self {
            stream,
            place,
            write_timeout,
            patience: None,
        }
    }

    /// The bare stream and its place, for who writes with a time-out of its own.
    pub(crate) fn into_parts(self) -> (S, OwnedSemaphorePermit) {
        (self.stream, self.place)
    }

    /// Passes progress on, and turns too long a wait for it into an error.
    fn within_patience<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let write_timeout = self.write_timeout;
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_patience(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut_down = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within_patience(cx, shut_down)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_an_error_and_a_slow_one_is_not() {
        let places = Arc::new(Semaphore::new(1));
        let (mut client, stream) = duplex(4);
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let mut socket = Socket::new(stream, place, PATIENCE);
        let writing = tokio::spawn(async move { socket.write_all(&[1; 20]).await });
        for _ in 0..4 {
            sleep(PATIENCE * 9 / 10).await;
            client.read_exact(&mut [0; 4]).await.unwrap();
        }
        let begun = Instant::now();
        assert!(
            writing.await.unwrap().is_ok(),
            "the last bytes fit into the pipe"
        );
        assert!(begun.elapsed() < PATIENCE);

        let (_client, stream) = duplex(4);
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let mut socket = Socket::new(stream, place, PATIENCE);
        let error = socket.write_all(&[1; 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(socket);
        assert_eq!(places.available_permits(), 1);
    }

    /// What TLS is to a client that takes nothing: it takes a little, and never gets rid of it.
    struct Stuck;

    impl AsyncWrite for Stuck {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_and_a_shutdown_have_an_end_too() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let mut socket = Socket::new(Stuck, place, PATIENCE);
        socket.write_all(b"taken").await.unwrap();
        let flushed = socket.flush().await.unwrap_err();
        assert_eq!(flushed.kind(), io::ErrorKind::TimedOut);
        let shut_down = socket.shutdown().await.unwrap_err();
        assert_eq!(shut_down.kind(), io::ErrorKind::TimedOut);
    }
}
