//! The apps of a node, which the operator may change while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_auth::AppKey;
use foghorn_channels::AppNumber;
use foghorn_cluster::AppId;
use parking_lot::RwLock;

use crate::app::{App, AppSpec, Tenant};
use crate::metrics::Metrics;
use crate::quota::UsedToday;
use crate::usage::Day;

/// Two apps want to be the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DuplicateApp {
    /// The id is taken.
    #[error("two apps have the id {0:?}")]
    Id(AppId),
    /// The key is taken; WebSocket paths name the key alone.
    #[error("two apps have the key {0:?}")]
    Key(AppKey),
}

/// All apps of a node, by id for the API and by key for clients.
#[derive(Debug)]
pub struct Apps {
    metrics: Metrics,
    /// A leaf lock: it is taken under audiences' locks.
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    by_number: BTreeMap<AppNumber, Arc<App>>,
    by_id: BTreeMap<AppId, AppNumber>,
    by_key: BTreeMap<AppKey, AppNumber>,
    /// Keys that let nobody in any more, whose clients are connected still.
    retired: BTreeMap<AppKey, AppNumber>,
    /// What a former life of this node used, of apps that have yet to come.
    used: BTreeMap<AppId, (Day, u64)>,
    last: u32,
}

impl Apps {
    /// Numbers the apps and makes them findable.
    ///
    /// # Errors
    /// Two apps share an id or a key.
    pub fn new(specs: Vec<AppSpec>, metrics: &Metrics) -> Result<Self, DuplicateApp> {
        let this = Self {
            metrics: metrics.clone(),
            index: RwLock::default(),
        };
        for spec in specs {
            let mut index = this.index.write();
            if index.by_id.contains_key(&spec.id) {
                return Err(DuplicateApp::Id(spec.id));
            }
            index.put(spec, metrics)?;
        }
        Ok(this)
    }

    /// Lets API paths call the app `id` by a second id.
    ///
    /// # Errors
    /// The second id is taken.
    pub fn with_alias(self, alias: AppId, id: &str) -> Result<Self, DuplicateApp> {
        {
            let mut index = self.index.write();
            if let Some(&number) = index.by_id.get(id)
                && index.by_id.insert(alias.clone(), number).is_some()
            {
                return Err(DuplicateApp::Id(alias));
            }
        }
        Ok(self)
    }

    /// The app that API paths call `id`.
    #[must_use]
    pub fn with_id(&self, id: &str) -> Option<Arc<App>> {
        let index = self.index.read();
        let number = index.by_id.get(id)?;
        index.by_number.get(number).cloned()
    }

    /// The app that clients call `key`.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Option<Arc<App>> {
        let index = self.index.read();
        let number = index.by_key.get(key)?;
        index.by_number.get(number).cloned()
    }

    /// The app that clients who came with `key` are connected to, also if the key has been retired
    /// since.
    #[must_use]
    pub fn connected_with_key(&self, key: &str) -> Option<Arc<App>> {
        let index = self.index.read();
        let number = index.by_key.get(key).or_else(|| index.retired.get(key))?;
        index.by_number.get(number).cloned()
    }

    /// All apps, in the order in which they came.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<App>> {
        self.index.read().by_number.values().cloned().collect()
    }

    pub(crate) fn with_number(&self, number: AppNumber) -> Option<Arc<App>> {
        self.index.read().by_number.get(&number).cloned()
    }

    /// Makes `spec` hold: for a new app, or for the one that has its id. The app as it was.
    pub(crate) fn put(&self, spec: AppSpec) -> Result<Option<Arc<App>>, DuplicateApp> {
        self.index.write().put(spec, &self.metrics)
    }

    /// Has apps go on where a former life of this node stopped counting.
    pub(crate) fn restore(&self, kept: Vec<UsedToday>) {
        let mut index = self.index.write();
        for UsedToday { app, day, messages } in kept {
            let here = index.by_id.get(&app);
            match here.and_then(|number| index.by_number.get(number)) {
                Some(app) => app.usage().restore(day, messages),
                None => {
                    index.used.insert(app, (day, messages));
                }
            }
        }
    }

    /// Takes the app `id` away.
    pub(crate) fn remove(&self, id: &str) -> Option<Arc<App>> {
        self.index.write().remove(id)
    }
}

impl Index {
    fn put(&mut self, spec: AppSpec, metrics: &Metrics) -> Result<Option<Arc<App>>, DuplicateApp> {
        let number = self.by_id.get(&spec.id).copied();
        let taken = spec.policy.keys.iter().find(|credential| {
            let owner = self.by_key.get(&credential.key);
            owner.is_some() && owner.copied() != number
        });
        if let Some(credential) = taken {
            return Err(DuplicateApp::Key(credential.key.clone()));
        }
        let before = number.and_then(|number| self.by_number.get(&number).cloned());
        let (number, tenant) = match &before {
            Some(app) => (app.number(), Arc::clone(app.tenant())),
            None => {
                self.last += 1;
                let number = AppNumber(self.last);
                let tenant = Tenant::new(number, metrics.of_app(&spec.id));
                if let Some((day, messages)) = self.used.remove(&spec.id) {
                    tenant.usage().restore(day, messages);
                }
                (number, tenant)
            }
        };
        // A key that is no longer in the ring lets nobody in.
        for credential in before.iter().flat_map(|app| app.keys().iter()) {
            self.by_key.remove(&credential.key);
            self.retired.insert(credential.key.clone(), number);
        }
        for credential in spec.policy.keys.iter() {
            self.retired.remove(&credential.key);
            self.by_key.insert(credential.key.clone(), number);
        }
        self.by_id.insert(spec.id.clone(), number);
        self.by_number.insert(number, App::next(tenant, spec));
        Ok(before)
    }

    fn remove(&mut self, id: &str) -> Option<Arc<App>> {
        let number = *self.by_id.get(id)?;
        self.by_id.retain(|_, owner| *owner != number);
        let app = self.by_number.remove(&number)?;
        for credential in app.keys().iter() {
            self.by_key.remove(&credential.key);
        }
        self.retired.retain(|_, owner| *owner != number);
        app.tenant().close();
        Some(app)
    }
}
