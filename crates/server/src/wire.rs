//! The halves of a connection's socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::outbox::Sharing;

/// Bytes that are read away at a time.
const READ: usize = 4_096;

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
