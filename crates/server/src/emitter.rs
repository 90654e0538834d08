//! Carrying out a node's effects.

use std::sync::{Arc, OnceLock, Weak};

use foghorn_channels::{Drain, Progress};
use foghorn_node::{Clustering, Effect, Emit, Node};

use crate::link::Outgoing;

/// Deliveries between two turns of the other tasks of a worker.
const SLICE: usize = 1_024;

/// The effects of a node: long fan-outs become tasks, at most one per channel, because a drain
/// holds the channel's only delivery list; what is for other nodes waits for the driver.
pub(crate) struct Emitter {
    node: OnceLock<Weak<Node>>,
    outgoing: Arc<Outgoing>,
    clustering: Clustering,
}

impl Emitter {
    /// Effects for others go to `outgoing`.
    pub(crate) fn new(outgoing: Arc<Outgoing>, clustering: Clustering) -> Self {
        Self {
            node: OnceLock::new(),
            outgoing,
            clustering,
        }
    }

    /// Names the node whose effects are carried out.
    pub(crate) fn attach(&self, node: &Arc<Node>) {
        let _ = self.node.set(Arc::downgrade(node));
    }
}

impl Emit for Emitter {
    fn emit(&self, effect: Effect) {
        match effect {
            Effect::Drain(drain) => {
                if let Some(node) = self.node.get().and_then(Weak::upgrade) {
                    tokio::spawn(finish(node, drain));
                }
            }
            Effect::Join(topic) | Effect::Leave(topic) => self.outgoing.look_at(topic),
            Effect::Publish(topic, message) => self.outgoing.publish(topic, message),
            Effect::FactsWaiting => self.outgoing.facts_wait(),
        }
    }

    fn clustering(&self) -> Clustering {
        self.clustering
    }
}

async fn finish(node: Arc<Node>, mut drain: Drain) {
    while node.run_drain(&mut drain, SLICE) == Progress::More {
        tokio::task::yield_now().await;
    }
}
