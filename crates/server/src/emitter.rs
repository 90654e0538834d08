//! Carrying out a node's effects.

use std::sync::Arc;

use foghorn_channels::{Drain, Progress};
use foghorn_node::{Clustering, Effect, Emit};

use tokio::sync::Notify;

use crate::connections::Clients;
use crate::link::Outgoing;

/// Deliveries between two turns of the other tasks of a worker.
const SLICE: usize = 128;

/// The effects of a node: long fan-outs become tasks, at most one per channel, because a drain
/// holds the channel's only delivery list; what is for other nodes waits for the driver.
pub(crate) struct Emitter {
    outgoing: Arc<Outgoing>,
    clients: Clients,
    /// Rung when webhooks may be due.
    bell: Arc<Notify>,
    clustering: Clustering,
}

impl Emitter {
    /// Effects for others go to `outgoing`, those for clients of this node find them in `clients`,
    /// and `bell` is rung when webhooks may be due.
    pub(crate) fn new(
        outgoing: Arc<Outgoing>,
        (clients, bell): (Clients, Arc<Notify>),
        clustering: Clustering,
    ) -> Self {
        Self {
            outgoing,
            clients,
            bell,
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
            Effect::WebhooksWaiting => self.bell.notify_one(),
            Effect::UsersWaiting => self.outgoing.users_wait(),
            Effect::CloseApp { app, close } => {
                let connections = self.clients.connections.clone();
                // Called with locks held, which whoever closes may need.
                tokio::spawn(async move { connections.close_all(&app, &close) });
            }
            Effect::Sent {
                app,
                session,
                messages,
            } => self.clients.sessions.pass_on(&app, session, messages),
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
