//! The halves of a connection's socket.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Timeout, timeout};

use crate::outbox::Sharing;

/// Bytes that are read away at a time.
const READ: usize = 4_096;

/// How long a client may take to close its side of a connection that has ended here. Closing at
/// once would make the system throw away the last words together with what still comes in.
const LINGER: Duration = Duration::from_secs(2);

/// The writing half of a stream.
pub(crate) trait Wire: AsyncWrite + Send + Unpin {
    /// Who may write while the stream takes everything.
    fn sharing(&self) -> Sharing;

    /// Writes what the stream takes at once. Only for a stream that anybody may write to.
    ///
    /// # Errors
    /// It takes nothing now, or is broken.
    fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// Reads away what the client sends, until it has closed its side or the socket is lost.
pub(crate) fn poll_end<R: AsyncRead + Unpin>(cx: &mut Context<'_>, stream: &mut R) -> Poll<()> {
    loop {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
        if read.is_err() || buffer.filled().is_empty() {
            return Poll::Ready(());
        }
    }
}

/// Gives a client that has heard the last words the time to close its side.
pub(crate) fn linger<R: AsyncRead + Unpin>(stream: &mut R) -> Timeout<impl Future<Output = ()>> {
    timeout(LINGER, poll_fn(|cx| poll_end(cx, stream)))
}

/// What tests write to.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::task::Waker;
    use tokio::io::{DuplexStream, ReadHalf, WriteHalf, split};

    /// The writing half of a pipe.
    pub(crate) struct Pipe {
        half: Mutex<WriteHalf<DuplexStream>>,
        sharing: Sharing,
    }

    /// Both halves of a pipe that is shared so.
    pub(crate) fn pipe(stream: DuplexStream, sharing: Sharing) -> (ReadHalf<DuplexStream>, Pipe) {
        let (reading, half) = split(stream);
        let half = Mutex::new(half);
        (reading, Pipe { half, sharing })
    }

    impl Wire for Pipe {
        fn sharing(&self) -> Sharing {
            self.sharing
        }

        fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut cx = Context::from_waker(Waker::noop());
            let mut half = self.half.lock();
            match Pin::new(&mut *half).poll_write_vectored(&mut cx, pieces) {
                Poll::Ready(written) => written,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(self.half.get_mut()).poll_write(cx, bytes)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(self.half.get_mut()).poll_write_vectored(cx, pieces)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(self.half.get_mut()).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(self.half.get_mut()).poll_shutdown(cx)
        }
    }
}
