//! An HTTP server that asks the test for every answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A test that waits this long waits in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One target of webhooks.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    calls: UnboundedReceiver<Call>,
}

/// A request that waits for its answer.
pub(crate) struct Call {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    answer: oneshot::Sender<String>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::accept(None).await
    }

    /// With a certificate for `localhost`.
    pub(crate) async fn start_tls() -> Self {
        let certificate = include_bytes!("tls/certificate.pem");
        let key = include_bytes!("tls/key.pem");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(key).unwrap(),
            )
            .unwrap();
        Self::accept(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn accept(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, calls) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(greet(stream, tls.clone(), sender.clone()));
            }
        });
        Self { port, calls }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The next request.
    pub(crate) async fn call(&mut self) -> Call {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("a request comes").unwrap()
    }

    /// Checks that every request that came was asked for.
    pub(crate) fn assert_no_call(&mut self) {
        assert!(self.calls.try_recv().is_err(), "a request too many");
    }
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(own, _)| own == name);
        let (_, value) = found.next().expect("the header is there");
        assert!(found.next().is_none(), "{name} more than once");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn answer(self, status: u16) {
        self.answer_with(&format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n"));
    }

    pub(crate) fn answer_with(self, answer: &str) {
        // The courier may have stopped waiting.
        let _ = self.answer.send(answer.to_owned());
    }

    /// Closes the connection instead.
    pub(crate) fn hang_up(self) {
        drop(self.answer);
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, calls: UnboundedSender<Call>) {
    match tls {
        None => serve(stream, calls).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, calls).await;
            }
        }
    }
}

/// Reads requests until the connection or the test is over.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, calls: UnboundedSender<Call>) {
    let mut stream = BufReader::new(stream);
    while let Some((line, headers)) = head(&mut stream).await {
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        let (answer, answered) = oneshot::channel();
        let call = Call {
            line,
            headers,
            body,
            answer,
        };
        if calls.send(call).is_err() {
            return;
        }
        let Ok(answer) = answered.await else {
            return;
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        stream.flush().await.unwrap();
    }
}

async fn head(
    stream: &mut BufReader<impl AsyncRead + Unpin>,
) -> Option<(String, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let headers = lines[1..].iter().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_lowercase(), value.to_owned())
    });
    Some((lines[0].clone(), headers.collect()))
}
