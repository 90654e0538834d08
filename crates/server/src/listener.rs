//! Accepting connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use foghorn_node::Transport;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

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

/// Bytes of a request's head that hyper may buffer, and so the longest head.
const HEAD_BYTES: usize = 16 * 1_024;

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

/// How patient a listener is with HTTP clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the handshake of TLS, and for the first request's head.
    pub(crate) header_timeout: Duration,
    /// For every later head, which includes being idle.
    pub(crate) idle_timeout: Duration,
    /// For a client to take anything of an answer.
    pub(crate) write_timeout: Duration,
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
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok::<_, io::Error>((listener, address))
    };
    bind().with_context(|| format!("cannot listen on {address}"))
}

/// Accepts for ever and serves each connection with `answer`. At most `terms.sockets` are open at a
/// time; beyond that, clients wait in the system's queue instead of using up the process's open
/// files.
pub(crate) async fn serve<A, F>(listener: TcpListener, terms: Terms, answer: A)
where
    A: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, std::convert::Infallible>> + Send + 'static,
{
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
                // What is written is complete, so waiting for more only delays it.
                let _ = stream.set_nodelay(true);
                let peer = Peer {
                    address: address.ip(),
                    transport: match tls {
                        Some(_) => Transport::Tls,
                        None => Transport::Plain,
                    },
                };
                let answer = answer.clone();
                let answer = move |request| answer(request, peer);
                match &tls {
                    None => {
                        let socket =
                            Socket::new(Stream::Plain(stream), place, patience.write_timeout);
                        tokio::spawn(serve_one(socket, patience, answer));
                    }
                    Some(tls) => {
                        let tls = tls.clone();
                        tokio::spawn(async move {
                            if let Some(socket) = encrypt((stream, place), &tls, patience).await {
                                serve_one(socket, patience, answer).await;
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

async fn serve_one<A, F>(socket: Socket<Stream>, patience: Patience, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Result<Response<Full<Bytes>>, std::convert::Infallible>> + Send,
{
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.store(true, Ordering::Relaxed);
            answer(request)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper counts idle time as part of waiting for the next head.
        .header_read_timeout(patience.idle_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = sleep(patience.header_timeout) => {
            if !asked.load(Ordering::Relaxed) {
                return tracing::debug!("a client took too long to send a request");
            }
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
