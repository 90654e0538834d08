//! Connections to a server: TCP, and TLS where the address asks for it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::address::{Address, Security};
use crate::failure::Failure;

/// How long a server may take to accept a connection, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of bytes to and from a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects.
pub(crate) async fn dial(address: &Address) -> Result<Box<dyn Stream>, Failure> {
    let cannot = |why: String| Failure::refused(format!("cannot connect to {address}: {why}"));
    match tokio::time::timeout(PATIENCE, connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(cannot(error.to_string()).hint(hint(&error))),
        Err(_) => Err(cannot(format!("no answer in {} s", PATIENCE.as_secs())).hint(NOBODY)),
    }
}

const NOBODY: &str = "is the server running there? name another with --url or FOGHORN_URL";

fn hint(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref();
    match inner.and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "if the certificate is right, let the system trust who issued it, or name a file with \
             their certificate in SSL_CERT_FILE"
        }
        Some(_) => "does the server speak TLS there? if not, --url begins with http://",
        None => NOBODY,
    }
}

async fn connect(address: &Address) -> std::io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    tcp.set_nodelay(true)?;
    if address.security == Security::Plain {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(address.host.clone()).map_err(std::io::Error::other)?;
    let tls = connector()?.connect(name, tcp).await?;
    Ok(Box::new(tls))
}

/// Trusts whom the system trusts, so that a company's own authority needs no flag; SSL_CERT_FILE
/// names others.
fn connector() -> std::io::Result<TlsConnector> {
    static TRUST: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = TRUST.get() {
        return Ok(TlsConnector::from(Arc::clone(config)));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let why = "this computer has no root certificates; name a file of some in SSL_CERT_FILE";
        return Err(std::io::Error::other(why));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = TRUST.get_or_init(|| Arc::new(config));
    Ok(TlsConnector::from(Arc::clone(config)))
}
