//! Makes connections: in time, over TLS that is verified, and only where they may go.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::is_public;
use crate::settings::{Addresses, RequestSettings};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Why it cannot be said whom to trust.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The file cannot be read or has no certificate.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// TLS does not start.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no connection, as far as this file decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name has addresses, and none is public.
    Blocked,
    NotFound(String),
    TimedOut(Duration),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked => f.write_str("the address is not public, which is not allowed here"),
            Self::NotFound(why) => write!(f, "host not found: {why}"),
            Self::TimedOut(limit) => write!(f, "no connection after {limit:?}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The connector.
#[derive(Clone)]
pub(super) struct Connect {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    addresses: Addresses,
    timeout: Duration,
}

impl Connect {
    pub(super) fn new(settings: &RequestSettings) -> Result<Self, AuthoritiesError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(settings.addresses));
        // Otherwise it refuses what TLS is to be spoken over.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            inner,
            addresses: settings.addresses,
            timeout: settings.connect_timeout,
        })
    }
}

impl Service<Uri> for Connect {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Later<Self::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        // An address in the URL itself is never looked up, so the resolver does not see it.
        let literal = url.host().and_then(literal);
        if literal.is_some_and(|address| !allows(self.addresses, address)) {
            return Box::pin(async { Err(Refusal::Blocked.into()) });
        }
        let limit = self.timeout;
        let connecting = tokio::time::timeout(limit, self.inner.call(url));
        Box::pin(async move {
            let connected = connecting.await;
            connected.unwrap_or_else(|_| Err(Refusal::TimedOut(limit).into()))
        })
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

fn allows(addresses: Addresses, address: IpAddr) -> bool {
    match addresses {
        Addresses::All => true,
        Addresses::Public => is_public(address),
    }
}

/// Looks names up and leaves out what may not be connected to. What it returns is connected to, so
/// that no second look-up can say otherwise.
#[derive(Clone)]
pub(super) struct Resolver(Addresses);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Refusal;
    type Future = Later<Self::Response, Refusal>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| Refusal::NotFound(error.to_string()))?;
            let allowed = found.filter(|found| allows(addresses, found.ip()));
            let allowed: Vec<_> = allowed.collect();
            if allowed.is_empty() {
                return Err(Refusal::Blocked);
            }
            Ok(allowed.into_iter())
        })
    }
}

fn tls(settings: &RequestSettings) -> Result<ClientConfig, AuthoritiesError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(settings)?)
        .with_no_client_auth();
    Ok(config)
}

fn authorities(settings: &RequestSettings) -> Result<RootCertStore, AuthoritiesError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = &settings.ca_file {
        let failed = |problem: String| AuthoritiesError::File {
            path: path.clone(),
            problem,
        };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(error.to_string()))?;
        if certificates.is_empty() {
            return Err(failed("it has no certificate".to_owned()));
        }
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|error| failed(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        tracing::warn!("no certificate authorities found: no webhook can be sent to an https URL");
    }
    Ok(roots)
}
