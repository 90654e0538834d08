//! Apps of a database: looked for when somebody asks for one, and kept in step afterwards.
//!
//! What is known is believed: the database may be down for any time without anybody noticing who
//! uses an app that this node has seen. What is not known is asked for once at a time, and what is
//! not there is not asked for again for a while.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use foghorn_config::AppConfig;
use foghorn_directory::{Directory, LookupError};
use foghorn_protocol::Moment;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Catalogue;
use crate::clock::Clock;

/// How many names that were not found are remembered, and how many may be looked for at a time: who
/// asks for names that do not exist must not keep the database or the memory busy.
const MISSES: usize = 10_000;
const UNDER_WAY: usize = 64;

/// What an app is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// Clients name a key.
    Key(String),
    /// Back ends name the id.
    Id(String),
}

/// Why there is no such app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Miss {
    /// The database does not have it.
    Absent,
    /// The database cannot be asked; come back later.
    Unanswered,
}

/// What this node knows of a database.
pub(super) struct Stored {
    pub(super) directory: Arc<Directory>,
    clock: Clock,
    cache_ttl: Duration,
    negative_ttl: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that the node has, as they were read last.
    known: BTreeMap<String, AppConfig>,
    /// What was not found, until when that is believed.
    misses: BTreeMap<Name, (Moment, Miss)>,
    /// What is being looked for. The channel closes when it is over.
    under_way: BTreeMap<Name, watch::Receiver<()>>,
}

impl Stored {
    pub(super) fn new(
        directory: Arc<Directory>,
        clock: Clock,
        (cache_ttl, negative_ttl): (Duration, Duration),
    ) -> Self {
        Self {
            directory,
            clock,
            cache_ttl,
            negative_ttl,
            state: Mutex::default(),
        }
    }

    fn miss(&self, name: &Name) -> Option<Miss> {
        let state = self.state.lock();
        let (until, miss) = state.misses.get(name)?;
        (*until > self.clock.now()).then_some(*miss)
    }

    fn remember_miss(&self, name: Name, miss: Miss) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if state.misses.len() >= MISSES {
            state.misses.retain(|_, (until, _)| *until > now);
        }
        if state.misses.len() >= MISSES {
            state.misses.clear();
        }
        let until = now.after(self.negative_ttl);
        state.misses.insert(name, (until, miss));
    }

    /// Forgets that these names were not found.
    fn forgive(&self, app: &AppConfig) {
        let mut state = self.state.lock();
        let id = app.settings.id.as_str();
        state.misses.remove(&Name::Id(id.to_owned()));
        for pair in &app.keys {
            let key = pair.key.as_str().to_owned();
            state.misses.remove(&Name::Key(key));
        }
    }
}

/// What has become of an app that was known.
enum Change<'a> {
    Changed {
        before: &'a AppConfig,
        app: &'a AppConfig,
    },
    Removed(&'a AppConfig),
}

impl Change<'_> {
    fn id(&self) -> &str {
        let (Self::Changed { before, .. } | Self::Removed(before)) = self;
        before.settings.id.as_str()
    }
}

impl Catalogue {
    /// Looks for an app that the node does not have: ends when it is known whether there is one.
    /// `None` if that is known already, or if there is nowhere to look.
    pub(crate) fn look_for(
        self: &Arc<Self>,
        name: Name,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let stored = self.stored.as_ref()?;
        if self.has(&name) || stored.miss(&name).is_some() {
            return None;
        }
        let mut over = {
            let mut state = stored.state.lock();
            match state.under_way.get(&name) {
                Some(over) => over.clone(),
                None if state.under_way.len() >= UNDER_WAY => {
                    drop(state);
                    stored.remember_miss(name, Miss::Unanswered);
                    return None;
                }
                None => {
                    let (busy, over) = watch::channel(());
                    state.under_way.insert(name.clone(), over.clone());
                    // A task of its own: who asked may go away, others wait for the same.
                    tokio::spawn(Arc::clone(self).search(name, busy));
                    over
                }
            }
        };
        Some(async move { while over.changed().await.is_ok() {} })
    }

    /// Whether nobody can say now if there is such an app.
    pub(crate) fn is_unsure_of(&self, name: &Name) -> bool {
        let miss = self.stored.as_ref().and_then(|stored| stored.miss(name));
        miss == Some(Miss::Unanswered) && !self.has(name)
    }

    /// Has an app of the database hold as it is there now.
    ///
    /// # Errors
    /// It has no key that is accepted, or another app's; or what it needs cannot be remembered.
    pub(crate) fn put_stored(&self, app: &AppConfig) -> Result<()> {
        self.change_stored(&[app], &[])
    }

    /// Takes an app away that is no longer in the database.
    ///
    /// # Errors
    /// None; the node says so of any change.
    pub(crate) fn drop_stored(&self, id: &str) -> Result<()> {
        self.change_stored(&[], &[id])
    }

    /// All of it or nothing: keys may go from one app to another.
    fn change_stored(&self, apps: &[&AppConfig], removed: &[&str]) -> Result<()> {
        self.put(apps.iter().copied(), removed)?;
        let Some(stored) = &self.stored else {
            return Ok(());
        };
        for app in apps {
            stored.forgive(app);
            let id = app.settings.id.as_str().to_owned();
            stored.state.lock().known.insert(id, AppConfig::clone(app));
        }
        for id in removed {
            stored.state.lock().known.remove(*id);
        }
        Ok(())
    }

    /// Leaves apps to the configuration that has them now, whatever the database says of them.
    pub(super) fn disown(&self, configured: &[AppConfig]) {
        if let Some(stored) = &self.stored {
            let known = &mut stored.state.lock().known;
            for app in configured {
                known.remove(app.settings.id.as_str());
            }
        }
    }

    /// Keeps the node in step with the database, for ever.
    pub(crate) async fn keep_in_step(self: Arc<Self>) {
        let Some(stored) = &self.stored else {
            return;
        };
        let mut turns = interval(stored.cache_ttl);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = true;
        loop {
            turns.tick().await;
            self.look_for_the_remembered().await;
            let known: Vec<AppConfig> = stored.state.lock().known.values().cloned().collect();
            let ids: Vec<&str> = known.iter().map(|app| app.settings.id.as_str()).collect();
            if ids.is_empty() {
                continue;
            }
            match stored.directory.by_ids(&ids).await {
                Ok(found) => {
                    if !std::mem::replace(&mut answered, true) {
                        tracing::info!("the database of apps answers again");
                    }
                    self.follow(&known, found);
                }
                Err(error) => {
                    if std::mem::replace(&mut answered, false) {
                        let error = error.to_string();
                        tracing::warn!(error, "apps stay as they were known");
                    }
                }
            }
        }
    }

    /// Apps whose receivers were told something before a restart have to hear that it is over, even
    /// if nobody asks for those apps any more.
    async fn look_for_the_remembered(self: &Arc<Self>) {
        for id in self.node.apps().remembered() {
            if let Some(search) = self.look_for(Name::Id(id.to_string())) {
                search.await;
            }
        }
    }

    /// Has hold what the database says now of the apps that were `known`.
    fn follow(&self, known: &[AppConfig], found: Vec<foghorn_directory::Found>) {
        let mut now = BTreeMap::new();
        for found in found {
            match found {
                Ok(app) => drop(now.insert(app.settings.id.as_str().to_owned(), Some(app))),
                // It stays as it was.
                Err(unreadable) => {
                    let error = unreadable.to_string();
                    tracing::error!(error, "an app of the database stays as it was");
                    now.insert(unreadable.app, None);
                }
            }
        }
        let changes: Vec<Change<'_>> = known
            .iter()
            .filter(|before| !self.is_configured(before.settings.id.as_str()))
            .filter_map(|before| match now.get(before.settings.id.as_str()) {
                Some(Some(app)) if app != before => Some(Change::Changed { before, app }),
                Some(_) => None,
                None => Some(Change::Removed(before)),
            })
            .collect();
        if self.make_hold(&changes).is_ok() {
            return;
        }
        // One that cannot be right keeps no other from changing.
        for change in &changes {
            if let Err(error) = self.make_hold(slice::from_ref(change)) {
                let (id, error) = (change.id(), format!("{error:#}"));
                tracing::error!(id, error, "an app of the database stays as it was");
            }
        }
    }

    /// Makes all of these changes, or none.
    fn make_hold(&self, changes: &[Change<'_>]) -> Result<()> {
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Changed { app, .. } => changed.push(*app),
                Change::Removed(_) => removed.push(change.id()),
            }
        }
        self.change_stored(&changed, &removed)?;
        for change in changes {
            let id = change.id();
            match change {
                Change::Changed { before, app } => {
                    let changes = before.changes(app);
                    tracing::info!(id, ?changes, "app changed in the database");
                }
                Change::Removed(_) => tracing::info!(id, "app removed from the database"),
            }
        }
        Ok(())
    }

    /// Whether the configuration has an app of this id, which precedes the database's.
    fn is_configured(&self, id: &str) -> bool {
        let loaded = self.loaded();
        let mut apps = loaded.config.apps.iter();
        apps.any(|app| app.settings.id.as_str() == id)
    }

    fn has(&self, name: &Name) -> bool {
        let apps = self.node.apps();
        match name {
            // Of a key that its app has no longer, another app may have it now.
            Name::Key(key) => apps.with_key(key).is_some(),
            Name::Id(id) => apps.with_id(id).is_some(),
        }
    }

    async fn search(self: Arc<Self>, name: Name, busy: watch::Sender<()>) {
        let Some(stored) = &self.stored else {
            return;
        };
        let found = match &name {
            Name::Key(key) => stored.directory.by_key(key).await,
            Name::Id(id) => stored.directory.by_id(id).await,
        };
        let miss = match found {
            Ok(None) => Some(Miss::Absent),
            Ok(Some(app)) => self.put_found(&app, &name),
            Err(LookupError::Unavailable(error)) => {
                tracing::warn!(error, "the database of apps does not answer");
                Some(Miss::Unanswered)
            }
            Err(LookupError::Unreadable(unreadable)) => {
                let error = unreadable.to_string();
                tracing::error!(error, "an app of the database is not served");
                Some(Miss::Absent)
            }
        };
        if let Some(miss) = miss {
            stored.remember_miss(name.clone(), miss);
        }
        stored.state.lock().under_way.remove(&name);
        drop(busy);
    }

    /// Why the node does not have an app under the name by which it was found.
    fn put_found(&self, app: &AppConfig, name: &Name) -> Option<Miss> {
        let id = app.settings.id.as_str();
        if self.is_configured(id) {
            tracing::error!(
                id,
                "the database has an app with the id of one of the configuration"
            );
            return Some(Miss::Absent);
        }
        match self.put_stored(app) {
            // A key that is no longer accepted finds its app, and lets nobody in.
            Ok(()) => (!self.has(name)).then_some(Miss::Absent),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(id, error, "an app of the database is not served");
                Some(Miss::Absent)
            }
        }
    }
}
