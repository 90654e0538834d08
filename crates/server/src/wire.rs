//! The writing half of a connection's socket.

use std::io::{self, IoSlice};

use tokio::io::AsyncWrite;

use crate::outbox::Sharing;

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
