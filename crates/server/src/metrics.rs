//! The listener for Prometheus.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foghorn_api::Answer;
use foghorn_node::Node;
use http::StatusCode;
use prometheus::{IntGauge, Registry, TEXT_FORMAT, TextEncoder};

use crate::gate::Gate;
use crate::http1::{BodyError, BodyTerms, Head, Service, Step, Upgraded};
use crate::peer::Peer;
use crate::plain::{health, plain};
use crate::stream::Stream;

/// Nobody asks with a body; who sends one all the same may, if it is small and quick.
const BODY_TERMS: BodyTerms = BodyTerms {
    limit: 16 * 1_024,
    timeout: Duration::from_secs(1),
};

/// What a scrape reads.
pub(crate) struct Scrape {
    registry: Registry,
    channels: IntGauge,
    node: Arc<Node>,
    requests: Gate,
}

impl Service for Scrape {
    type Call<'h> = Infallible;
    type Upgrade = Infallible;

    fn begin<'h>(&'h self, head: &Head<'h, '_>, _: Peer) -> Step<Infallible, Infallible> {
        Step::Answer(match head.path {
            "/" => health(head, StatusCode::OK),
            "/ready" if self.node.is_draining() => health(head, StatusCode::SERVICE_UNAVAILABLE),
            "/ready" => health(head, StatusCode::OK),
            "/metrics" => self.metrics(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "Not found; metrics are at /metrics\n",
            ),
        })
    }

    async fn finish(&self, call: Self::Call<'_>, _: Result<&[u8], BodyError>) -> Answer {
        match call {}
    }

    fn body_terms(&self) -> BodyTerms {
        BODY_TERMS
    }

    fn requests(&self) -> &Gate {
        &self.requests
    }

    async fn go_on(self: Arc<Self>, upgraded: Box<Upgraded<Stream, Infallible>>) {
        match upgraded.upgrade {}
    }
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
            requests: Gate::default(),
        })
    }

    fn metrics(&self) -> Answer {
        self.channels
            .set(i64::try_from(self.node.channels()).unwrap_or(i64::MAX));
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => Answer::new(StatusCode::OK, TEXT_FORMAT, Bytes::from(text)),
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
