//! The node: what its parts share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use foghorn_channels::{Drain, HashSeed, Hub, Progress, QueueLimits};
use foghorn_cluster::{Ledger, NodeId, Patience, View};
use foghorn_protocol::UnixSeconds;
use parking_lot::Mutex;

use crate::apps::Apps;
use crate::crowds::Crowds;
use crate::effect::{Clustering, Effect, Emit};
use crate::herald::Herald;
use crate::metrics::Metrics;
use crate::online::Online;
use crate::place::Place;
use crate::webhooks::Rounds;

/// Deliveries that a publisher, or whoever subscribes, makes itself before it hands the rest to the
/// shell: enough for the usual channel, too few to hold anybody up.
const INLINE_DELIVERIES: usize = 32;

/// Deliveries that one call from outside may still make itself, over all its channels.
pub(crate) struct Inline {
    left: usize,
}

impl Inline {
    /// Those of a new call.
    pub(crate) fn new() -> Self {
        Self {
            left: INLINE_DELIVERIES,
        }
    }
}

/// Facts that wait for the link before peers are told to ask for a snapshot instead.
const WAITING_FACTS: usize = 10_000;

/// Cached events that all nodes together publish in a second, at most: so what a node counts after
/// a start is later than what was counted before it.
const VERSIONS_PER_SECOND: u64 = 1_000_000;

/// One server of a cluster, or the only one.
pub struct Node {
    id: NodeId,
    apps: Arc<Apps>,
    hub: Hub,
    emit: Arc<dyn Emit>,
    metrics: Metrics,
    protocol_rule: ProtocolRule,
    max_connections: u64,
    connections: Arc<AtomicU64>,
    draining: AtomicBool,
    crowds: Arc<Crowds>,
    online: Arc<Online>,
    rounds: Arc<Rounds>,
    pub(crate) link_is_down: Arc<AtomicBool>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) view: Mutex<View>,
}

/// What makes a node.
pub struct NodeConfig {
    /// Its name among nodes: random.
    pub id: NodeId,
    /// Its apps.
    pub apps: Apps,
    /// The seed of its hash maps: random, because channel names come from strangers.
    pub seed: HashSeed,
    /// How much may wait in one channel's queue.
    pub queue_limits: QueueLimits,
    /// Whether clients must say which protocol they speak.
    pub protocol_rule: ProtocolRule,
    /// Connections that the node takes, all apps together.
    pub max_connections: u64,
    /// How long peers may be silent.
    pub patience: Patience,
    /// How long watchers do not hear that a user went offline: a page that is reloaded is back by
    /// then.
    pub offline_delay: Duration,
    /// When the process started.
    pub started: UnixSeconds,
    /// Counters, registered by the caller.
    pub metrics: Metrics,
}

/// Whether clients must say which protocol they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolRule {
    /// A client that does not say speaks the latest.
    Assumed,
    /// A client that does not say is refused with 4008.
    Required,
}

impl Node {
    /// A node without connections, which emits to `emit`.
    #[must_use]
    pub fn new(config: NodeConfig, emit: Arc<dyn Emit>) -> Self {
        let apps = Arc::new(config.apps);
        let ledger = Arc::new(Mutex::new(Ledger::new(config.id, WAITING_FACTS)));
        let link_is_down = Arc::new(AtomicBool::new(false));
        let crowds = Arc::new(Crowds::default());
        let online = Arc::new(Online::new(config.offline_delay, config.seed));
        let rounds = Arc::<Rounds>::default();
        let herald = Herald {
            crowds: Arc::clone(&crowds),
            online: Arc::clone(&online),
            rounds: Arc::clone(&rounds),
            metrics: config.metrics.clone(),
            link_is_down: Arc::clone(&link_is_down),
            apps: Arc::clone(&apps),
            emit: Arc::clone(&emit),
            ledger: Arc::clone(&ledger),
        };
        let hub = Hub::new(config.seed, config.queue_limits, Box::new(herald));
        hub.count_from(config.started.0.saturating_mul(VERSIONS_PER_SECOND));
        Self {
            id: config.id,
            apps,
            hub,
            emit,
            metrics: config.metrics,
            protocol_rule: config.protocol_rule,
            max_connections: config.max_connections,
            connections: Arc::default(),
            draining: AtomicBool::new(false),
            crowds,
            online,
            rounds,
            link_is_down,
            ledger,
            view: Mutex::new(View::new(config.id, config.patience)),
        }
    }

    /// Its name among nodes.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its apps.
    #[must_use]
    pub fn apps(&self) -> &Apps {
        &self.apps
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Connections now, all apps together, and clients that have been admitted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many of these there may be.
    #[must_use]
    pub fn max_connections(&self) -> u64 {
        self.max_connections
    }

    /// Channels that this node knows of now, all apps together.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.hub.channels()
    }

    /// From now on nobody is let in.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the node is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Carries out what is small and emits what is not.
    pub(crate) fn start_drain(&self, drain: Option<Drain>, inline: &mut Inline) {
        let Some(mut drain) = drain else { return };
        let progress = match inline.left {
            0 => Progress::More,
            left => drain.run(left),
        };
        inline.left = inline.left.saturating_sub(drain.visited());
        if progress == Progress::More {
            self.emit.emit(Effect::Drain(drain));
        }
    }

    /// The same for several.
    pub(crate) fn start_drains(&self, drains: Vec<Drain>) {
        let mut inline = Inline::new();
        for drain in drains {
            self.start_drain(Some(drain), &mut inline);
        }
    }

    pub(crate) fn emit(&self, effect: Effect) {
        self.emit.emit(effect);
    }

    pub(crate) fn clustering(&self) -> Clustering {
        self.emit.clustering()
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn online(&self) -> &Online {
        &self.online
    }

    pub(crate) fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    pub(crate) fn crowds(&self) -> &Crowds {
        &self.crowds
    }

    pub(crate) fn protocol_rule(&self) -> ProtocolRule {
        self.protocol_rule
    }

    /// A place among the node's connections; or how many there are, if these are all.
    pub(crate) fn take_place(&self) -> Result<Place, u64> {
        Place::take(&self.connections, self.max_connections)
    }
}
