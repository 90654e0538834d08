//! The apps of a node, which the operator may change while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foghorn_auth::{AppKey, Credential};
use foghorn_channels::AppNumber;
use foghorn_cluster::AppId;
use foghorn_webhooks::Subject;
use parking_lot::RwLock;

use crate::app::{App, AppSpec, Tenant};
use crate::metrics::Metrics;
use crate::quota::UsedToday;
use crate::usage::Day;
use crate::webhooks::Told;

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
    /// Keys that let nobody in any more to these apps, where their clients are connected still.
    /// Another app may have such a key.
    retired: BTreeMap<AppKey, BTreeSet<AppNumber>>,
    /// What a former life of this node used, of apps that have yet to come.
    used: BTreeMap<AppId, (Day, u64)>,
    /// What its webhooks were told, of the same; see [`Apps::restore_told`].
    told: BTreeMap<AppId, Vec<Subject>>,
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
        this.change(specs, &[])?;
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

    /// The apps that clients who came with `key` may be connected to: the one that has it, then
    /// those that had it before.
    #[must_use]
    pub fn connected_with_key(&self, key: &str) -> Vec<Arc<App>> {
        let index = self.index.read();
        let (now, before) = (index.by_key.get(key), index.retired.get(key));
        let numbers = now.into_iter().chain(before.into_iter().flatten());
        let apps = numbers.filter_map(|number| index.by_number.get(number).cloned());
        apps.collect()
    }

    /// All apps, in the order in which they came.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<App>> {
        self.index.read().by_number.values().cloned().collect()
    }

    pub(crate) fn with_number(&self, number: AppNumber) -> Option<Arc<App>> {
        self.index.read().by_number.get(&number).cloned()
    }

    /// Makes `specs` hold, for new apps and for those that have their ids, and takes the apps
    /// `removed` away: all of it or, if two apps would share a key, nothing. The apps as they were.
    pub(crate) fn change(
        &self,
        specs: Vec<AppSpec>,
        removed: &[&str],
    ) -> Result<Vec<Arc<App>>, DuplicateApp> {
        let mut index = self.index.write();
        index.check(&specs, removed)?;
        let gone = removed.iter().filter_map(|id| index.remove(id));
        let mut before: Vec<_> = gone.collect();
        // Keys may go from one app to another.
        for spec in &specs {
            index.retire_keys(&spec.id);
        }
        for spec in specs {
            before.extend(index.put(spec, &self.metrics));
        }
        Ok(before)
    }

    /// Restores what receivers were told of each app. The apps that are here; others get it when
    /// they come.
    pub(crate) fn restore_told(&self, told: Vec<Told>) -> Vec<Arc<App>> {
        let mut index = self.index.write();
        let mut here = BTreeMap::new();
        for (id, subject) in told {
            let number = index.by_id.get(&id);
            match number.and_then(|number| index.by_number.get(number).cloned()) {
                Some(app) => {
                    app.desk().lock().restore([subject]);
                    here.insert(app.number(), app);
                }
                None => index.told.entry(id).or_default().push(subject),
            }
        }
        here.into_values().collect()
    }

    /// Apps that have yet to come, of which receivers were told something in a former life.
    #[must_use]
    pub fn remembered(&self) -> Vec<AppId> {
        self.index.read().told.keys().cloned().collect()
    }

    /// Forgets what receivers were told of an app that will not come.
    pub fn forget_told(&self, id: &str) {
        self.index.write().told.remove(id);
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
}

impl Index {
    /// Whether `specs` may hold once the apps `removed` are gone.
    fn check(&self, specs: &[AppSpec], removed: &[&str]) -> Result<(), DuplicateApp> {
        let number = |id: &str| self.by_id.get(id).copied();
        let changed = specs.iter().map(|spec| number(&spec.id));
        let free: BTreeSet<_> = changed.chain(removed.iter().map(|id| number(id))).collect();
        let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for spec in specs {
            if !ids.insert(&spec.id) {
                return Err(DuplicateApp::Id(spec.id.clone()));
            }
            for Credential { key, .. } in spec.policy.keys.iter() {
                let owner = self.by_key.get(key);
                if owner.is_some_and(|owner| !free.contains(&Some(*owner))) || !keys.insert(key) {
                    return Err(DuplicateApp::Key(key.clone()));
                }
            }
        }
        Ok(())
    }

    /// Lets nobody in any more with the keys of the app `id`.
    fn retire_keys(&mut self, id: &str) {
        let Some(&number) = self.by_id.get(id) else {
            return;
        };
        let app = self.by_number.get(&number).cloned();
        for credential in app.iter().flat_map(|app| app.keys().iter()) {
            self.by_key.remove(&credential.key);
            let owners = self.retired.entry(credential.key.clone()).or_default();
            owners.insert(number);
        }
    }

    fn put(&mut self, spec: AppSpec, metrics: &Metrics) -> Option<Arc<App>> {
        let number = self.by_id.get(&spec.id).copied();
        let before = number.and_then(|number| self.by_number.get(&number).cloned());
        let (number, tenant) = match &before {
            Some(app) => (app.number(), Arc::clone(app.tenant())),
            None => {
                self.last += 1;
                let number = AppNumber(self.last);
                let tenant = Tenant::new(number, metrics.of_app(&spec.id));
                if let Some(told) = self.told.remove(&spec.id) {
                    tenant.desk().lock().restore(told);
                }
                if let Some((day, messages)) = self.used.remove(&spec.id) {
                    tenant.usage().restore(day, messages);
                }
                (number, tenant)
            }
        };
        for credential in spec.policy.keys.iter() {
            if let Some(owners) = self.retired.get_mut(&credential.key) {
                owners.remove(&number);
                if owners.is_empty() {
                    self.retired.remove(&credential.key);
                }
            }
            self.by_key.insert(credential.key.clone(), number);
        }
        self.by_id.insert(spec.id.clone(), number);
        self.by_number.insert(number, App::next(tenant, spec));
        before
    }

    fn remove(&mut self, id: &str) -> Option<Arc<App>> {
        let number = *self.by_id.get(id)?;
        self.by_id.retain(|_, owner| *owner != number);
        let app = self.by_number.remove(&number)?;
        for credential in app.keys().iter() {
            self.by_key.remove(&credential.key);
        }
        self.retired.retain(|_, owners| {
            owners.remove(&number);
            !owners.is_empty()
        });
        // Who comes back the same day goes on counting.
        if let Some(used) = app.usage().snapshot() {
            self.used.insert(app.id().clone(), used);
        }
        app.tenant().close();
        Some(app)
    }
}
