//! The apps of this node, wherever they are kept, and keeping the node in step with that.
//!
//! Those of the configuration are all there from the start; a reload changes them.

mod reload;
mod spec;

use std::sync::Arc;

use anyhow::Result;
use foghorn_config::{AppConfig, Loaded};
use foghorn_node::Node;
use parking_lot::RwLock;

use crate::webhooks::{self, Clerk};

pub(crate) use reload::follow;
pub(crate) use spec::app_spec;

/// The apps of this node.
pub(crate) struct Catalogue {
    node: Arc<Node>,
    clerk: Arc<Clerk>,
    /// What was read last.
    loaded: RwLock<Arc<Loaded>>,
}

impl Catalogue {
    /// Those of `loaded`, which `node` has.
    pub(crate) fn new(node: Arc<Node>, clerk: Arc<Clerk>, loaded: Loaded) -> Self {
        Self {
            node,
            clerk,
            loaded: RwLock::new(Arc::new(loaded)),
        }
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
        let before = self.loaded();
        for setting in before.config.changed_settings(&later.config) {
            tracing::warn!(setting, "changed, but only a restart makes it hold");
        }
        let changes = Changes::between(&before.config.apps, &later.config.apps);
        if changes.is_empty() {
            tracing::info!("configuration read again, no app has changed");
            return Ok(());
        }
        if later.config.apps.iter().any(webhooks::is_needed) {
            self.clerk.hire()?;
        }
        let specs = changes.later.iter();
        let specs = specs.map(|(app, _)| app_spec(app, &before.config));
        let removed = changes.removed.iter();
        let removed: Vec<_> = removed.map(|app| app.settings.id.as_str()).collect();
        self.node
            .change_apps(specs.collect::<Result<_>>()?, &removed)?;
        for id in removed {
            self.clerk.forget(id);
            tracing::info!(id, "app removed");
        }
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
