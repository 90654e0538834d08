//! TLS for the main listener.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use foghorn_config::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig as TlsConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What TLS connections are accepted with; `None` if the listener speaks no TLS.
///
/// # Errors
/// A file cannot be read, or certificate and key are none or do not fit each other.
pub(crate) fn acceptor(server: &ServerConfig) -> Result<Option<TlsAcceptor>> {
    let (Some(certificate), Some(key)) = (server.tls_cert.path(), server.tls_key.path()) else {
        return Ok(None);
    };
    let chain = chain(certificate)
        .with_context(|| format!("server.tls_cert, {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("server.tls_key, {}: no private key", key.display()))?;
    let mut config = TlsConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("server.tls_cert and server.tls_key do not make a certificate together")?;
    // WebSockets begin as HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .context("no certificate")?;
    if chain.is_empty() {
        bail!("the file holds no certificate");
    }
    Ok(chain)
}
