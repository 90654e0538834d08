//! Reading the configuration again while it is in use: on SIGHUP, and when its file changes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::Catalogue;
use crate::origin::Origin;

/// How often the file is looked at. It is read when it has stayed the same for that long: editors
/// and deployments write in steps.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the configuration again, for ever.
///
/// # Errors
/// The system does not let the process hear SIGHUP.
pub(crate) fn follow(
    catalogue: Arc<Catalogue>,
    origin: Origin,
) -> Result<impl Future<Output = ()>> {
    let hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    Ok(run(catalogue, origin, hangup))
}

async fn run(catalogue: Arc<Catalogue>, origin: Origin, mut hangup: Signal) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read = origin.first_stamp();
    let mut seen = read;
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            _ = looks.tick() => {
                let now = origin.stamp();
                let settled = std::mem::replace(&mut seen, now) == now;
                if !settled || now == read {
                    continue;
                }
            }
        }
        // Before the file is read: what is written meanwhile is news.
        read = origin.stamp();
        seen = read;
        // A bad configuration is told once for each state of the file, and the old one stays.
        if let Err(error) = reload(&catalogue, &origin) {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "the configuration was not taken over, the old one stays"
            );
        }
    }
}

fn reload(catalogue: &Catalogue, origin: &Origin) -> Result<()> {
    let loaded = origin.load()?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    catalogue.take_over(&loaded)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::{env, fs, process};

    use foghorn_cluster::local::LocalBus;
    use foghorn_node::Node;
    use prometheus::Registry;
    use tokio::time::timeout;

    use super::*;
    use crate::capacity::Capacity;
    use crate::clock::Clock;
    use crate::composition;

    /// A configuration file that is removed in the end.
    struct File(PathBuf);

    impl File {
        /// A test calls its file by its own `name`.
        fn new(name: &str, apps: &[&str]) -> Self {
            let name = format!("foghorn-reload-{}-{name}.toml", process::id());
            let this = Self(env::temp_dir().join(name));
            this.write(apps);
            this
        }

        fn write(&self, apps: &[&str]) {
            let app = |id| format!("[[apps]]\nid = \"{id}\"\nkey = \"k-{id}\"\nsecret = \"s\"\n");
            let apps: Vec<_> = apps.iter().map(app).collect();
            fs::write(&self.0, apps.concat()).unwrap();
        }

        fn origin(&self) -> Origin {
            Origin::new(Some(self.0.clone()), Vec::new()).unwrap()
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            fs::remove_file(&self.0).unwrap();
        }
    }

    /// A node with the apps that are configured now.
    fn start(origin: &Origin) -> (Arc<Node>, Arc<Catalogue>) {
        let loaded = origin.load().unwrap();
        let capacity = Capacity {
            open_files: 100,
            connections: 50,
        };
        let (registry, bus) = (Registry::new(), LocalBus::new());
        let composed = composition::node(&loaded.config, capacity, &registry, &bus).unwrap();
        let catalogue = Catalogue::unattended(&composed.node, loaded, Clock::start());
        (composed.node, catalogue)
    }

    fn ids(node: &Node) -> Vec<String> {
        let apps = node.apps().all().into_iter();
        apps.map(|app| app.id().to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_while_the_server_starts_is_noticed() {
        let file = File::new("start", &["a"]);
        let origin = file.origin();
        let (node, catalogue) = start(&origin);
        file.write(&["a", "b"]);
        let for_ever = follow(catalogue, origin).unwrap();
        assert!(timeout(4 * LOOK, for_ever).await.is_err());
        assert_eq!(ids(&node), ["a", "b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_emptied_file_takes_no_apps_away() {
        let file = File::new("emptied", &["a", "b"]);
        let origin = file.origin();
        let (node, catalogue) = start(&origin);
        file.write(&[]);
        for _ in 0..2 {
            let refused = reload(&catalogue, &origin).unwrap_err().to_string();
            assert!(refused.contains("names no app any more"), "{refused}");
            assert_eq!(ids(&node), ["a", "b"]);
            assert_eq!(catalogue.loaded().config.apps.len(), 2);
        }
        file.write(&["b"]);
        reload(&catalogue, &origin).unwrap();
        assert_eq!(ids(&node), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_built_in_app_gives_way_and_does_not_come_back() {
        let file = File::new("built-in", &[]);
        let origin = file.origin();
        let (node, catalogue) = start(&origin);
        let built_in = ids(&node);
        reload(&catalogue, &origin).unwrap();
        assert_eq!(ids(&node), built_in);
        file.write(&["a"]);
        reload(&catalogue, &origin).unwrap();
        file.write(&[]);
        reload(&catalogue, &origin).unwrap_err();
        assert_eq!(ids(&node), ["a"]);
    }
}
