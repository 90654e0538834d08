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
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::socket::Socket;

/// Connections that the system may hold for us before we accept them.
const BACKLOG: u32 = 4_096;

/// How long to wait after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes of a request's head that hyper may buffer, and so the longest head.
const HEAD_BYTES: usize = 16 * 1_024;

/// How patient a listener is with HTTP clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the first request's head.
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

/// Accepts for ever and serves each connection with `answer`. At most `sockets` are open at a time;
/// beyond that, clients wait in the system's queue instead of using up the process's open files.
pub(crate) async fn serve<A, F>(
    listener: TcpListener,
    sockets: usize,
    patience: Patience,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, std::convert::Infallible>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS)));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                // What is written is complete, so waiting for more only delays it.
                let _ = stream.set_nodelay(true);
                let socket = Socket::new(stream, place, patience.write_timeout);
                tokio::spawn(serve_one(socket, patience, answer.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_one<A, F>(socket: Socket<TcpStream>, patience: Patience, answer: A)
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
