//! From the configuration to a node and all that hangs on it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use foghorn_api::{Api, ChannelInfo, Options, Success, Unavailable};
use foghorn_channels::{HashSeed, QueueLimits};
use foghorn_cluster::local::{LocalBus, LocalHandle, LocalInbox};
use foghorn_cluster::{Bus as _, NodeId, Patience, Reach};
use foghorn_config::{AppSource, Config};
use foghorn_node::{Apps, Clustering, Metrics, Node, NodeConfig, ProtocolRule};
use prometheus::Registry;
use tokio::sync::Notify;

use crate::apps::{Catalogue, app_spec};
use crate::capacity::Capacity;
use crate::clock::Clock;
use crate::connections::Clients;
use crate::emitter::Emitter;
use crate::fallback::Fallback;
use crate::gate::Gate;
use crate::link::{self, Outgoing, Waiting};
use crate::lots::Lots;
use crate::newcomers::Newcomers;
use crate::rules::Rules;
use crate::shared::Shared;

/// How long peers may be silent: several heartbeats.
const PATIENCE: Patience = Patience {
    suspect_after: Duration::from_secs(10),
    ask_again_after: Duration::from_secs(2),
};

/// A second id of the built-in app: the Python SDK takes only digits.
pub(crate) const NUMERIC_ID: &str = "1";

/// A node and what links it to others.
pub(crate) struct Composed {
    pub(crate) node: Arc<Node>,
    pub(crate) link: Link,
    pub(crate) clients: Clients,
    /// Rung when webhooks may be due.
    pub(crate) bell: Arc<Notify>,
}

/// A link that waits to be run.
pub(crate) struct Link {
    node: Arc<Node>,
    driver: (LocalHandle, LocalInbox),
    outgoing: Arc<Outgoing>,
    waiting: Waiting,
}

impl Link {
    /// Moves messages between the node and its driver for ever.
    pub(crate) fn run(self, clock: Clock) -> impl Future<Output = ()> {
        link::run(self.node, self.driver, self.outgoing, self.waiting, clock)
    }
}

/// Builds a node on `bus`, with its counters in `registry`.
///
/// # Errors
/// The configuration was checked, so only the system can fail here.
pub(crate) fn node(
    config: &Config,
    capacity: Capacity,
    registry: &Registry,
    bus: &LocalBus,
) -> Result<Composed> {
    let metrics = Metrics::register(registry).context("cannot register the metrics")?;
    let server = &config.server;
    let specs = config
        .apps
        .iter()
        .map(|app| app_spec(app, config))
        .collect::<Result<Vec<_>>>()?;
    let mut apps = Apps::new(specs, &metrics)?;
    if let (AppSource::BuiltIn, Some(app)) = (config.app_source, config.apps.first()) {
        apps = apps.with_alias(NUMERIC_ID.into(), app.settings.id.as_str())?;
    }
    let id = NodeId::from_random(random()?);
    let driver = bus.attach(id);
    let clustering = match driver.0.reach() {
        Reach::Alone => Clustering::Alone,
        Reach::Peers => Clustering::Linked(driver.0.joining()),
    };
    let (outgoing, waiting) = Outgoing::new(metrics.link_overflows());
    let (clients, bell) = (Clients::default(), Arc::<Notify>::default());
    let emitter = Emitter::new(
        Arc::clone(&outgoing),
        (clients.clone(), Arc::clone(&bell)),
        clustering,
    );
    let config = NodeConfig {
        id,
        apps,
        seed: HashSeed::new(random()?, random()?),
        queue_limits: QueueLimits {
            cached_bytes: server.cache_bytes,
            ..QueueLimits::default()
        },
        protocol_rule: match server.require_protocol {
            true => ProtocolRule::Required,
            false => ProtocolRule::Assumed,
        },
        max_connections: capacity.connections,
        patience: PATIENCE,
        offline_delay: server.offline_delay,
        started: Clock::unix_seconds(),
        metrics,
    };
    let node = Arc::new(Node::new(config, Arc::new(emitter)));
    Ok(Composed {
        link: Link {
            node: Arc::clone(&node),
            driver,
            outgoing,
            waiting,
        },
        node,
        clients,
        bell,
    })
}

/// What all requests to `node` share.
pub(crate) fn shared(
    config: &Config,
    (node, clients, apps): (Arc<Node>, Clients, Arc<Catalogue>),
    clock: Clock,
) -> Shared {
    let server = &config.server;
    let path_prefix = server.path_prefix.as_str().to_owned();
    let rules = Rules {
        max_message: server.max_frame_bytes,
        send_queue: server.send_queue_bytes,
        write_timeout: server.write_timeout,
        clock,
    };
    Shared {
        api: Api::new(Arc::clone(&node), api_options(config)),
        node,
        apps,
        connections: clients.connections,
        lots: Lots::default(),
        requests: Gate::default(),
        path_prefix,
        newcomers: Newcomers::new(server.connections_per_second_per_address),
        trusted_proxies: server.trusted_proxies.clone(),
        max_body_bytes: server.max_body_bytes,
        body_timeout: server.body_timeout,
        rules,
        fallback: Fallback::new(config.fallback.clone(), rules, clients.sessions),
    }
}

fn api_options(config: &Config) -> Options {
    let compat = &config.compat;
    Options {
        mount_prefix: config.server.path_prefix.as_str().to_owned(),
        unavailable: match compat.ignore_unavailable_info {
            true => Unavailable::LeftOut,
            false => Unavailable::Refused,
        },
        channel_info: match compat.soketi_channel_info {
            true => ChannelInfo::Soketi,
            false => ChannelInfo::Asked,
        },
        success: match compat.soketi_ok {
            true => Success::Ok,
            false => Success::Empty,
        },
    }
}

fn random() -> Result<u64> {
    getrandom::u64().context("the system has no randomness")
}

/// A node on `bus` as the server without any configuration has it.
#[cfg(test)]
pub(crate) fn unconfigured(bus: &LocalBus) -> Composed {
    use foghorn_config::Sources;
    let sources = Sources {
        file: None,
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let config = Config::load(sources).unwrap().config;
    let capacity = Capacity {
        open_files: 100,
        connections: 50,
    };
    node(&config, capacity, &Registry::new(), bus).unwrap()
}

/// A client of the built-in app that `node` lets in over `transport`.
#[cfg(test)]
pub(crate) fn admitted(node: &Node, transport: foghorn_node::Transport) -> foghorn_node::Admission {
    let handshake = foghorn_node::Handshake {
        key: Some("app-key"),
        protocol: Some("7"),
        client: None,
        origin: None,
        encryption: foghorn_node::Encryption::Plain,
        transport,
    };
    node.admit(&handshake).unwrap()
}
