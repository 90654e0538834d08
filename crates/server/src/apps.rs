//! The apps of this node, wherever they are kept, and keeping the node in step with that.
//!
//! Those of the configuration are all there from the start; a reload changes them. Those of a
//! database come when somebody asks for them.

mod asked;
mod following;
mod misses;
mod reload;
mod spec;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::{Result, bail};
use foghorn_config::{AppConfig, Loaded};
use foghorn_directory::Directory;
use foghorn_node::Node;
use parking_lot::{Mutex, RwLock};

use crate::clock::Clock;

use crate::webhooks::{self, Clerk};

use stored::Stored;

pub(crate) use asked::asked_for;
pub(crate) use misses::Name;
pub(crate) use reload::follow;
pub(crate) use spec::app_spec;

/// The apps of this node.
pub(crate) struct Catalogue {
    node: Arc<Node>,
    clerk: Arc<Clerk>,
    /// What was read last.
    loaded: RwLock<Arc<Loaded>>,
    /// What is known of a database, if there is one.
    stored: Option<Stored>,
    /// Held while apps change: those of the configuration come before those of a database.
    changing: Mutex<()>,
}

impl Catalogue {
    /// Those of `loaded`, which `node` has, and those of the database that it names.
    ///
    /// # Errors
    /// The database's URL is of no use.
    pub(crate) fn new(
        node: Arc<Node>,
        clerk: Arc<Clerk>,
        loaded: Loaded,
        clock: Clock,
    ) -> Result<Self> {
        let config = &loaded.config;
        let directory = Directory::connect(&config.database, config.app_defaults.clone())?;
        let times = (config.database.cache_ttl, config.database.negative_ttl);
        let stored = directory.map(|directory| Stored::new(directory, clock, times));
        Ok(Self {
            node,
            clerk,
            stored,
            changing: Mutex::new(()),
            loaded: RwLock::new(Arc::new(loaded)),
        })
    }

    /// One whose node has no clerk and no database.
    #[cfg(test)]
    pub(crate) fn unattended(node: &Arc<Node>, loaded: Loaded, clock: Clock) -> Arc<Self> {
        let times = (clock, Arc::default());
        let registry = prometheus::Registry::new();
        let clerk = Clerk::new(Arc::clone(node), &loaded.config, times, registry);
        let node = Arc::clone(node);
        Arc::new(Self::new(node, Arc::new(clerk), loaded, clock).unwrap())
    }

    /// The database, if there is one.
    pub(crate) fn directory(&self) -> Option<&Directory> {
        self.stored.as_ref().map(|stored| &stored.directory)
    }

    /// The configuration as it was read last.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read())
    }

    /// Has the apps of a later configuration hold from now on. What else has changed takes a
    /// restart, and is named in the log.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub(crate) fn take_over(&self, later: &Loaded) -> Result<()> {
        let _turn = self.changing.lock();
        let before = self.loaded();
        if before.is_emptied_by(later) {
            bail!("the configuration names no app any more; only a restart takes all of them away");
        }
        for setting in before.config.changed_settings(&later.config) {
            tracing::warn!(setting, "changed, but only a restart makes it hold");
        }
        let changes = Changes::between(&before.config.apps, &later.config.apps);
        if changes.is_empty() {
            tracing::info!("configuration read again, no app has changed");
            return Ok(());
        }
        let removed = changes.removed.iter();
        let removed: Vec<_> = removed.map(|app| app.settings.id.as_str()).collect();
        let apps: Vec<&AppConfig> = changes.later.iter().map(|(app, _)| *app).collect();
        let displaced = self.displaced_by(&apps);
        let displaced: Vec<&str> = displaced.iter().map(String::as_str).collect();
        let gone: Vec<&str> = removed.iter().chain(&displaced).copied().collect();
        self.put(apps.iter().copied(), &gone)?;
        for id in removed {
            tracing::info!(id, "app removed");
        }
        for id in &displaced {
            tracing::error!(
                id,
                "an app of the database gives way: the configuration has its key"
            );
        }
        self.disown(apps.iter().map(|app| app.settings.id.as_str()));
        self.disown(displaced);
        for (app, what) in changes.later {
            let id = app.settings.id.as_str();
            match what {
                Some(changes) => tracing::info!(id, ?changes, "app changed"),
                None => tracing::info!(id, "app added"),
            }
        }
        let mut loaded = Loaded::clone(&before);
        loaded.take_apps(later);
        *self.loaded.write() = Arc::new(loaded);
        Ok(())
    }

    /// Has `apps` hold, and takes away those that are `removed`: all of it or nothing.
    fn put<'a>(
        &self,
        apps: impl IntoIterator<Item = &'a AppConfig>,
        removed: &[&str],
    ) -> Result<()> {
        let config = &self.loaded().config;
        let mut specs = Vec::new();
        for app in apps {
            specs.push(app_spec(app, config)?);
            if webhooks::is_needed(app) {
                self.clerk.hire()?;
            }
        }
        self.node.change_apps(specs, removed)?;
        for id in removed {
            self.clerk.forget(id);
        }
        Ok(())
    }
}

/// A new app, or a changed one and what has changed.
type Later<'a> = (&'a AppConfig, Option<Vec<String>>);

/// What a reload changes.
struct Changes<'a> {
    removed: Vec<&'a AppConfig>,
    later: Vec<Later<'a>>,
}

impl<'a> Changes<'a> {
    fn between(before: &'a [AppConfig], later: &'a [AppConfig]) -> Self {
        let find = |apps: &'a [AppConfig], app: &AppConfig| {
            apps.iter()
                .find(|other| other.settings.id == app.settings.id)
        };
        let removed = before.iter().filter(|app| find(later, app).is_none());
        let later = later.iter().filter_map(|app| match find(before, app) {
            None => Some((app, None)),
            Some(old) if old == app => None,
            Some(old) => Some((app, Some(old.changes(app)))),
        });
        Self {
            removed: removed.collect(),
            later: later.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.later.is_empty()
    }
}
