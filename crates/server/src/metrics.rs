//! The listener for Prometheus.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use foghorn_node::Node;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use prometheus::{IntGauge, Registry, TEXT_FORMAT, TextEncoder};

use crate::plain::{health, plain};

/// What a scrape reads.
pub(crate) struct Scrape {
    registry: Registry,
    channels: IntGauge,
    node: Arc<Node>,
}

impl Scrape {
    /// Adds to `registry` what is known only when asked.
    ///
    /// # Errors
    /// A name is taken.
    pub(crate) fn new(registry: Registry, node: Arc<Node>) -> prometheus::Result<Self> {
        let channels = IntGauge::new(
            "foghorn_channels",
            "Channels that have subscribers on this node.",
        )?;
        registry.register(Box::new(channels.clone()))?;
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process))?;
        Ok(Self {
            registry,
            channels,
            node,
        })
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Never; the type is hyper's.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of a service")]
    pub(crate) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let response = match request.uri().path() {
            "/" => health(&request, StatusCode::OK),
            "/ready" if self.node.is_draining() => {
                health(&request, StatusCode::SERVICE_UNAVAILABLE)
            }
            "/ready" => health(&request, StatusCode::OK),
            "/metrics" => self.metrics(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "Not found; metrics are at /metrics\n",
            ),
        };
        Ok(response.map(Full::new))
    }

    fn metrics(&self) -> Response<Bytes> {
        self.channels
            .set(i64::try_from(self.node.channels()).unwrap_or(i64::MAX));
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => {
                let mut response = Response::new(Bytes::from(text));
                let kind = HeaderValue::from_static(TEXT_FORMAT);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                tracing::error!(%error, "cannot encode the metrics");
                plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "cannot encode the metrics\n",
                )
            }
        }
    }
}
