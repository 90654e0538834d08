//! `foghorn serve`: from start to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use foghorn_cluster::local::LocalBus;
use foghorn_config::{AppSource, Config, Loaded};
use prometheus::Registry;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin::{Admin, Parts};
use crate::apps::Catalogue;
use crate::capacity::{Capacity, METRICS_SOCKETS};
use crate::clock::Clock;
use crate::composition::Composed;
use crate::http1::Patience;
use crate::listener::{Terms, bind};
use crate::metrics::Scrape;
use crate::origin::Origin;
use crate::private::Private;
use crate::shared::Shared;
use crate::webhooks::Clerk;
use crate::{announcement, apps, composition, console, drain, listener, telemetry, tls, webhooks};

/// How long the process waits for threads that are busy when it has nothing left to do. What has
/// to be stored is stored by then.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// Serves until a signal says stop.
///
/// # Errors
/// What keeps the server from starting.
pub(crate) fn run(loaded: Loaded, origin: Origin) -> Result<()> {
    let config = &loaded.config;
    telemetry::start(&config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let capacity = Capacity::raise(config.server.max_connections)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    run_to_end(runtime, serve(loaded, origin, capacity))
}

/// Waits for the end of `main`, and then no longer than [`LAST_BREATH`] for what else is running:
/// threads that look up a name or read a file cannot be interrupted, and may hang for minutes.
fn run_to_end<T>(runtime: Runtime, main: impl Future<Output = T>) -> T {
    let ended = runtime.block_on(main);
    runtime.shutdown_timeout(LAST_BREATH);
    ended
}

async fn serve(loaded: Loaded, origin: Origin, capacity: Capacity) -> Result<()> {
    let config = loaded.config.clone();
    let mut signals = Signals::listen()?;
    let registry = Registry::new();
    let clock = Clock::start();
    // One process is one node today: the in-process driver has nobody else to talk to.
    let composed = composition::node(&config, capacity, &registry, &LocalBus::new())?;
    let Composed { node, link, .. } = composed;
    tokio::spawn(link.run(clock));
    let times = (clock, composed.bell);
    let clerk = Clerk::new(Arc::clone(&node), &config, times, registry.clone());
    let clerk = Arc::new(clerk);
    if clerk.has_past() || config.apps.iter().any(webhooks::is_needed) {
        clerk.hire()?;
    }
    tokio::spawn(Arc::clone(&clerk).run());
    let catalogue = Catalogue::new(Arc::clone(&node), Arc::clone(&clerk), loaded, clock)?;
    let catalogue = Arc::new(catalogue);
    tokio::spawn(Arc::clone(&catalogue).keep_in_step());
    let parts = (node, composed.clients, Arc::clone(&catalogue));
    let shared = Arc::new(composition::shared(&config, parts, clock));
    let parts = Parts {
        node: Arc::clone(&shared.node),
        connections: shared.connections.clone(),
        clerk: Arc::clone(&clerk),
        catalogue: Arc::clone(&catalogue),
    };
    let admin = Admin::new(&config.admin.token, parts);
    listen(&config, capacity, &shared, (registry, admin))?;
    tokio::spawn(apps::follow(catalogue, origin)?);
    signals.stop().await;
    stop(&shared, &clerk, &config, signals).await;
    Ok(())
}

/// Takes both addresses before either is announced, for half a server is none, and serves them.
fn listen(
    config: &Config,
    capacity: Capacity,
    shared: &Arc<Shared>,
    (registry, admin): (Registry, Admin),
) -> Result<()> {
    let patience = Patience {
        header_timeout: config.server.header_timeout,
        idle_timeout: config.server.idle_timeout,
        write_timeout: config.server.write_timeout,
    };
    let tls = tls::acceptor(&config.server)?;
    let (main, address) = bind(config.server.host, config.server.port)?;
    if config.metrics.enabled {
        let (metrics, address) = bind(config.metrics.host, config.metrics.port)
            .context("metrics (metrics.port moves them, metrics.enabled = false does without)")?;
        let node = Arc::clone(&shared.node);
        let scrape = Scrape::new(registry, Arc::clone(&node))?;
        let private = Arc::new(Private::new(node, scrape, admin));
        let terms = Terms {
            tls: None,
            sockets: METRICS_SOCKETS,
            patience,
        };
        tokio::spawn(listener::serve(metrics, terms, private));
        tracing::info!(%address, "metrics listening");
    }
    tracing::info!(
        open_files = capacity.open_files,
        connections = capacity.connections,
        "capacity"
    );
    for app in &config.apps {
        let settings = &app.settings;
        let name = Some(settings.name.as_str()).filter(|name| !name.is_empty());
        tracing::info!(id = settings.id.as_str(), name, "app");
    }
    let with_tls = tls.is_some();
    let terms = Terms {
        tls,
        sockets: capacity.sockets(),
        patience,
    };
    tokio::spawn(listener::serve(main, terms, Arc::clone(shared)));
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(%address, version, tls = with_tls, "listening");
    if let (AppSource::BuiltIn, Some(app)) = (&config.app_source, config.apps.first()) {
        console::print(&announcement::text(address, app))?;
    }
    Ok(())
}

async fn stop(shared: &Shared, clerk: &Clerk, config: &Config, mut signals: Signals) {
    let done = async {
        drain::drain(shared, config.server.shutdown_grace).await;
        clerk.stop().await;
    };
    tokio::select! {
        () = done => {
            tracing::info!("stopped");
            return;
        }
        () = signals.stop() => tracing::warn!("asked again to stop, cutting all connections"),
    }
    // The store may be failing: whoever asks a third time does not wait for it.
    tokio::select! {
        () = clerk.stop_at_once() => {}
        () = signals.stop() => tracing::warn!("asked a third time to stop"),
    }
}

/// The signals that mean stop: SIGTERM from service managers, SIGINT from a terminal.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_hangs_keeps_nobody_from_ending() {
        let runtime = Runtime::new().unwrap();
        let (hangs, wait) = channel::<()>();
        let (started, start) = channel();
        let ended = run_to_end(runtime, async {
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                // As long as the other end is there, which is until the end of this test.
                wait.recv()
            });
            start.recv().unwrap();
            7
        });
        assert_eq!(ended, 7);
        drop(hangs);
    }
}
