//! An accepted connection's bytes, with TLS or without.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::server::TlsStream;

use crate::outbox::Sharing;
use crate::wire::Wire;

/// Something of a connection, with TLS or without.
pub(crate) enum Either<P, T> {
    /// As it is on the wire.
    Plain(P),
    /// Encrypted on the wire.
    Tls(T),
}

/// TLS on a connection. Boxed: most connections have none here, and its state is large.
type Encrypted = Box<TlsStream<TcpStream>>;

/// The bytes of an accepted connection.
pub(crate) type Stream = Either<TcpStream, Encrypted>;

/// What is read from a connection.
pub(crate) type Reading = Either<OwnedReadHalf, ReadHalf<Encrypted>>;

/// The way to write to a connection.
pub(crate) type Writing = Either<OwnedWriteHalf, WriteHalf<Encrypted>>;

impl Stream {
    /// Both directions apart.
    pub(crate) fn split(self) -> (Reading, Writing) {
        match self {
            Self::Plain(stream) => {
                let (reading, writing) = stream.into_split();
                (Either::Plain(reading), Either::Plain(writing))
            }
            Self::Tls(stream) => {
                let (reading, writing) = split(stream);
                (Either::Tls(reading), Either::Tls(writing))
            }
        }
    }
}

impl Wire for Writing {
    fn sharing(&self) -> Sharing {
        match self {
            Self::Plain(_) => Sharing::Anybody,
            // Encrypting takes time, which is the connection's own.
            Self::Tls(_) => Sharing::TaskOnly,
        }
    }

    fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(half) => {
                // Sending costs less than writing: the system looks at no file position. The
                // runtime need not know: it is asked when the socket is full, by the task.
                let socket = SockRef::from(half.as_ref());
                match pieces {
                    [piece] => socket.send(piece),
                    _ => socket.send_vectored(pieces),
                }
            }
            Self::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<P: AsyncRead + Unpin, T: AsyncRead + Unpin> AsyncRead for Either<P, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl<P: AsyncWrite + Unpin, T: AsyncWrite + Unpin> AsyncWrite for Either<P, T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_write_vectored(cx, pieces),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(plain) => plain.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
