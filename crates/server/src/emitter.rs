//! Carrying out a node's effects.

use std::sync::Arc;

use foghorn_channels::{Drain, Progress};
use foghorn_node::{Clustering, Effect, Emit};

use crate::link::Outgoing;

/// Deliveries between two turns of the other tasks of a worker.
const SLICE: usize = 128;

/// The effects of a node: long fan-outs become tasks, at most one per channel, because a drain
/// holds the channel's only delivery list; what is for other nodes waits for the driver.
pub(crate) struct Emitter {
    outgoing: Arc<Outgoing>,
    clustering: Clustering,
}

impl Emitter {
    /// Effects for others go to `outgoing`.
    pub(crate) fn new(outgoing: Arc<Outgoing>, clustering: Clustering) -> Self {
        Self {
            outgoing,
            clustering,
        }
    }
}

impl Emit for Emitter {
    fn emit(&self, effect: Effect) {
        match effect {
            Effect::Drain(drain) => {
                tokio::spawn(finish(drain));
            }
            Effect::Join(topic) | Effect::Leave(topic) => self.outgoing.look_at(topic),
            Effect::Publish(topic, message) => self.outgoing.publish(topic, message),
            Effect::FactsWaiting => self.outgoing.facts_wait(),
            Effect::UsersWaiting => self.outgoing.users_wait(),
            // Sessions have names on the HTTP transports alone, and nobody is connected by them.
            Effect::Sent { .. } => {}
        }
    }

    fn clustering(&self) -> Clustering {
        self.clustering
    }
}

async fn finish(mut drain: Drain) {
    while drain.run(SLICE) == Progress::More {
        tokio::task::yield_now().await;
    }
}
