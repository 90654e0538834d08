//! Carrying out a node's effects.

use std::sync::{Arc, OnceLock};

use foghorn_channels::{Drain, Progress};
use foghorn_node::{Clustering, Effect, Emit, Node};

/// Deliveries between two turns of the other tasks of a worker.
const SLICE: usize = 1_024;

/// The effects of a node that is alone: long fan-outs become tasks.
///
/// At most one task per channel exists, because a drain holds the channel's only delivery list.
#[derive(Default)]
pub(crate) struct Emitter {
    node: OnceLock<std::sync::Weak<Node>>,
}

impl Emitter {
    /// Names the node whose effects are carried out.
    pub(crate) fn attach(&self, node: &Arc<Node>) {
        let _ = self.node.set(Arc::downgrade(node));
    }
}

impl Emit for Emitter {
    fn emit(&self, effect: Effect) {
        match effect {
            Effect::Drain(drain) => {
                if let Some(node) = self.node.get().and_then(std::sync::Weak::upgrade) {
                    tokio::spawn(finish(node, drain));
                }
            }
            Effect::Join(_) | Effect::Leave(_) | Effect::Publish(..) | Effect::FactsWaiting => {
                debug_assert!(false, "a node that is alone has nobody to tell");
            }
        }
    }

    fn clustering(&self) -> Clustering {
        Clustering::Alone
    }
}

async fn finish(node: Arc<Node>, mut drain: Drain) {
    while node.run_drain(&mut drain, SLICE) == Progress::More {
        tokio::task::yield_now().await;
    }
}
