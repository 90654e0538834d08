//! Accepting connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use foghorn_node::Encryption;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::http1::{self, Patience, Service};
use crate::peer::Peer;
use crate::socket::Socket;
use crate::stream::Stream;

/// Connections that the system may hold for us before we accept them.
const BACKLOG: u32 = 4_096;

/// How long to wait after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes that TLS may hold of what is written: the less, the sooner a client that reads is told
/// from one that does not.
const TLS_BUFFER: usize = 16 * 1_024;

/// What connections are accepted with.
#[derive(Clone)]
pub(crate) struct Terms {
    /// TLS, if the listener speaks it.
    pub(crate) tls: Option<TlsAcceptor>,
    /// How many sockets may be open at a time.
    pub(crate) sockets: usize,
    /// How long clients may take.
    pub(crate) patience: Patience,
}

/// Listens on `host` and `port`; 0 is any free port.
///
/// # Errors
/// The address is taken or not ours.
pub(crate) fn bind(host: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr)> {
    let address = SocketAddr::new(host, port);
    let bind = || {
        let socket = if host.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        // What is written is complete, so waiting for more only delays it. Accepted sockets have it
        // from the listener's.
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok::<_, io::Error>((listener, address))
    };
    bind().with_context(|| format!("cannot listen on {address}"))
}

/// Accepts for ever, and has `service` answer. At most `terms.sockets` are open at a time; beyond
/// that, clients wait in the system's queue instead of using up the process's open files.
pub(crate) async fn serve<A: Service>(listener: TcpListener, terms: Terms, service: Arc<A>) {
    let Terms {
        tls,
        sockets,
        patience,
    } = terms;
    let places = Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS)));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, address)) => {
                let peer = Peer {
                    address: address.ip(),
                    encryption: match tls {
                        Some(_) => Encryption::Tls,
                        None => Encryption::Plain,
                    },
                };
                let service = Arc::clone(&service);
                match &tls {
                    None => {
                        let stream = Stream::Plain(stream);
                        let socket = Socket::new(stream, place, patience.write_timeout);
                        tokio::spawn(serve_one(socket, patience, service, peer));
                    }
                    Some(tls) => {
                        let tls = tls.clone();
                        tokio::spawn(async move {
                            if let Some(socket) = encrypt((stream, place), &tls, patience).await {
                                serve_one(socket, patience, service, peer).await;
                            }
                        });
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

/// The handshake of TLS.
async fn encrypt(
    (stream, place): (TcpStream, OwnedSemaphorePermit),
    tls: &TlsAcceptor,
    patience: Patience,
) -> Option<Socket<Stream>> {
    let handshake = tls.accept_with(stream, |tls| tls.set_buffer_limit(Some(TLS_BUFFER)));
    match timeout(patience.header_timeout, handshake).await {
        Ok(Ok(stream)) => {
            let stream = Stream::Tls(Box::new(stream));
            Some(Socket::new(stream, place, patience.write_timeout))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("a client took too long for its TLS handshake");
            None
        }
    }
}

/// Serves one connection, first with HTTP. What speaks that is boxed, to be given back with the
/// handshake: as a part of this future it would take room for as long as the connection lives.
fn serve_one<A: Service>(
    socket: Socket<Stream>,
    patience: Patience,
    service: Arc<A>,
    peer: Peer,
) -> impl Future<Output = ()> + Send {
    let answering = Arc::clone(&service);
    let http = Box::pin(async move { http1::serve(socket, patience, &*answering, peer).await });
    async move {
        if let Some(upgraded) = http.await {
            service.go_on(upgraded).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Outbox;
    use crate::shared::Shared;
    use crate::stream::Writing;
    use crate::websocket::Line;
    use foghorn_node::Connection;

    #[tokio::test]
    async fn accepted_sockets_do_not_wait_for_more_to_write() {
        let (listener, address) = bind([127, 0, 0, 1].into(), 0).unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(accepted.nodelay().unwrap());
    }

    /// Bytes of the future that `task` makes; it need not be called for that.
    fn size_of_task<A, B, C, D, F: Future>(_task: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// Every connection costs these bytes for as long as it lives, so growth is to be a decision:
    /// whoever needs more raises a limit, and whoever needs less lowers it. The task's, with the 96
    /// bytes that tokio adds, is what jemalloc gives for anything above 1,024.
    #[test]
    fn a_connection_stays_small() {
        for (what, size, limit) in [
            ("the task", size_of_task(serve_one::<Shared>), 1_184),
            ("its connection", size_of::<Connection>(), 160),
            (
                "the outbox beside it",
                size_of::<Outbox<Line<Writing>>>(),
                160,
            ),
            ("its line", size_of::<Line<Writing>>(), 160),
        ] {
            assert!(size <= limit, "{what}: {size} bytes, the limit is {limit}");
        }
    }
}
