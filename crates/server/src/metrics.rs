//! What Prometheus reads.

use std::sync::Arc;

use bytes::Bytes;
use foghorn_api::Answer;
use foghorn_node::Node;
use http::StatusCode;
use prometheus::{IntGauge, Registry, TEXT_FORMAT, TextEncoder};

use crate::plain::plain;

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

    /// All counters and gauges as they are now.
    pub(crate) fn metrics(&self) -> Answer {
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
