//! Apps of a database: looked for when somebody asks for one.
//!
//! What is known is believed: the database may be down for any time without anybody noticing who
//! uses an app that this node has seen. What is not known is asked for once at a time, and what is
//! not there is not asked for again for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use foghorn_config::AppConfig;
use foghorn_directory::{Directory, LookupError};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::misses::{Miss, Misses};
use super::{Catalogue, Name};
use crate::clock::Clock;

/// Searches of strangers that the database is asked at a time; the others wait.
const AT_ONCE: usize = 4;

/// Names that are looked for at a time, those that wait included. Who asks for another one is told
/// to come back.
const UNDER_WAY: usize = 1_000;

/// How long a search waits for its turn. The database has as long again to answer.
const TURN: Duration = Duration::from_secs(2);

/// For how long it is believed that nobody can say whether there is an app.
const UNSURE: Duration = Duration::from_secs(1);

/// What this node knows of a database.
pub(super) struct Stored {
    pub(super) directory: Directory,
    pub(super) clock: Clock,
    pub(super) cache_ttl: Duration,
    negative_ttl: Duration,
    turns: Semaphore,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    /// Those that the node has, as they were read last.
    pub(super) known: BTreeMap<String, AppConfig>,
    pub(super) misses: Misses,
    /// What is being looked for. The channel closes when it is over.
    under_way: BTreeMap<Name<'static>, watch::Receiver<()>>,
    /// How often this node has changed what it knows: what was read before the last time may be
    /// older than that.
    pub(super) changes: u64,
    /// Whether the database answered when it was asked last.
    answers: bool,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// It holds.
    Now,
    /// It was read before another one was made, and has to be read again.
    Outdated,
}

/// What became of an app that was found.
enum Found {
    /// The node lets in whoever asked for it.
    Here,
    /// It does not.
    Missed(Miss),
    /// See [`Held::Outdated`].
    Outdated,
}

/// A search under way. However it ends, who waits for it hears of that.
struct Search {
    catalogue: Arc<Catalogue>,
    name: Name<'static>,
    _busy: watch::Sender<()>,
}

impl Drop for Search {
    fn drop(&mut self) {
        if let Some(stored) = &self.catalogue.stored {
            stored.state.lock().under_way.remove(&self.name);
        }
    }
}

impl Stored {
    pub(super) fn new(
        directory: Directory,
        clock: Clock,
        (cache_ttl, negative_ttl): (Duration, Duration),
    ) -> Self {
        Self {
            directory,
            clock,
            cache_ttl,
            negative_ttl,
            turns: Semaphore::new(AT_ONCE),
            state: Mutex::new(State {
                known: BTreeMap::new(),
                misses: Misses::default(),
                under_way: BTreeMap::new(),
                changes: 0,
                answers: true,
            }),
        }
    }

    /// Notes whether the database answered, and says so if that has changed.
    pub(super) fn note_answer(&self, answer: Result<(), &LookupError>) {
        let before = std::mem::replace(&mut self.state.lock().answers, answer.is_ok());
        match answer {
            Err(error) if before => {
                let error = error.to_string();
                tracing::warn!(error, "apps of the database stay as they are known");
            }
            Ok(()) if !before => tracing::info!("the database of apps answers again"),
            Ok(()) | Err(_) => {}
        }
    }

    fn remember(&self, name: Name<'static>, miss: Miss, span: Duration) {
        let times = (self.clock.now(), span);
        self.state.lock().misses.remember(name, miss, times);
    }
}

impl State {
    /// The app is known, and no longer missed.
    fn learn(&mut self, app: &AppConfig) {
        let id = app.settings.id.as_str().to_owned();
        for pair in &app.keys {
            let key = pair.key.as_str().to_owned();
            self.misses.forget(&Name::Key(key.into()));
        }
        self.misses.forget(&Name::Id(id.clone().into()));
        self.known.insert(id, app.clone());
    }

    fn unlearn(&mut self, id: &str) {
        self.known.remove(id);
    }
}

impl Catalogue {
    /// Looks for an app that the node does not have: ends when it is known whether there is one.
    /// `None` if that is known already, or if there is nowhere to look.
    pub(crate) fn look_for(
        self: &Arc<Self>,
        name: Name<'_>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let stored = self.stored.as_ref()?;
        if self.has(&name) {
            return None;
        }
        let name = name.into_owned();
        let now = stored.clock.now();
        let mut over = {
            let mut state = stored.state.lock();
            if state.misses.get(&name, now).is_some() {
                return None;
            }
            match state.under_way.get(&name) {
                Some(over) => over.clone(),
                None if state.under_way.len() >= UNDER_WAY => {
                    state.misses.remember(name, Miss::Unanswered, (now, UNSURE));
                    return None;
                }
                None => {
                    let (busy, over) = watch::channel(());
                    state.under_way.insert(name.clone(), over.clone());
                    let search = Search {
                        catalogue: Arc::clone(self),
                        name,
                        _busy: busy,
                    };
                    // A task of its own: who asked may go away, others wait for the same.
                    tokio::spawn(search.run());
                    over
                }
            }
        };
        Some(async move { while over.changed().await.is_ok() {} })
    }

    /// Whether nobody can say now if there is such an app.
    pub(crate) fn is_unsure_of(&self, name: Name<'_>) -> bool {
        let Some(stored) = &self.stored else {
            return false;
        };
        if self.has(&name) {
            return false;
        }
        let (name, now) = (name.into_owned(), stored.clock.now());
        stored.state.lock().misses.get(&name, now) == Some(Miss::Unanswered)
    }

    /// Has an app of the database hold as it is there now.
    ///
    /// # Errors
    /// The configuration has an app of this id; it has another app's key; or what it needs cannot
    /// be remembered.
    pub(crate) fn put_stored(&self, app: &AppConfig) -> Result<()> {
        self.change_stored(&[app], &[], None).map(drop)
    }

    /// Takes an app away that is no longer in the database. An app of the configuration stays.
    ///
    /// # Errors
    /// None; the node says so of any change.
    pub(crate) fn drop_stored(&self, id: &str) -> Result<()> {
        self.change_stored(&[], &[id], None).map(drop)
    }

    /// Both, all of it or nothing. Nothing of what was read when there were so many `changes`, if
    /// there are more by now.
    pub(super) fn change_stored(
        &self,
        apps: &[&AppConfig],
        gone: &[&str],
        changes: Option<u64>,
    ) -> Result<Held> {
        let _turn = self.changing.lock();
        let now = self
            .stored
            .as_ref()
            .map(|stored| stored.state.lock().changes);
        if changes.is_some() && changes != now {
            return Ok(Held::Outdated);
        }
        for app in apps {
            let id = app.settings.id.as_str();
            ensure!(
                !self.is_configured(id),
                "the configuration has an app {id:?}"
            );
        }
        let gone: Vec<&str> = gone
            .iter()
            .copied()
            .filter(|id| !self.is_configured(id))
            .collect();
        self.put(apps.iter().copied(), &gone)?;
        if let Some(stored) = &self.stored {
            let mut state = stored.state.lock();
            // Whoever has just found an app knows nothing of others.
            let is_known = |app: &&AppConfig| state.known.contains_key(app.settings.id.as_str());
            if changes.is_none() || !gone.is_empty() || apps.iter().any(is_known) {
                state.changes += 1;
            }
            apps.iter().for_each(|app| state.learn(app));
            gone.iter().for_each(|id| state.unlearn(id));
        }
        Ok(Held::Now)
    }

    /// Apps of the database that have a key of one of these apps of the configuration, which come
    /// before them.
    pub(super) fn displaced_by(&self, apps: &[&AppConfig]) -> Vec<String> {
        let Some(stored) = &self.stored else {
            return Vec::new();
        };
        let keys = apps.iter().flat_map(|app| &app.keys);
        let keys: BTreeSet<&str> = keys.map(|pair| pair.key.as_str()).collect();
        let ids: BTreeSet<&str> = apps.iter().map(|app| app.settings.id.as_str()).collect();
        let state = stored.state.lock();
        let displaced = state.known.iter().filter(|(id, known)| {
            let mut pairs = known.keys.iter();
            !ids.contains(id.as_str()) && pairs.any(|pair| keys.contains(pair.key.as_str()))
        });
        displaced.map(|(id, _)| id.clone()).collect()
    }

    /// These apps are not the database's any more, as far as this node is concerned.
    pub(super) fn disown<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        if let Some(stored) = &self.stored {
            let mut state = stored.state.lock();
            ids.into_iter().for_each(|id| state.unlearn(id));
        }
    }

    fn is_configured(&self, id: &str) -> bool {
        let apps = &self.loaded().config.apps;
        apps.iter().any(|app| app.settings.id.as_str() == id)
    }

    /// Whether the node lets in whoever asks by this name.
    pub(super) fn has(&self, name: &Name<'_>) -> bool {
        let apps = self.node.apps();
        match name {
            Name::Key(key) => apps.with_key(key).is_some(),
            Name::Id(id) => apps.with_id(id).is_some(),
        }
    }

    /// Why the node does not have an app under the name by which it was found.
    fn put_found(&self, app: &AppConfig, name: &Name<'_>, changes: u64) -> Found {
        let id = app.settings.id.as_str();
        let known = self.stored.as_ref().map(|stored| stored.state.lock());
        let is_news = known.is_some_and(|state| state.known.get(id) != Some(app));
        let held = match is_news {
            true => self.change_stored(&[app], &[], Some(changes)),
            false => Ok(Held::Now),
        };
        match held {
            Ok(Held::Outdated) => Found::Outdated,
            Ok(Held::Now) if self.has(name) => Found::Here,
            // A key that is no longer accepted finds its app, and lets nobody in.
            Ok(Held::Now) => Found::Missed(Miss::Absent),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(id, error, "an app of the database is not served");
                // It is a mistake that somebody will mend; clients must not give up for good.
                Found::Missed(Miss::Unanswered)
            }
        }
    }
}

impl Search {
    async fn run(self) {
        let Some(stored) = &self.catalogue.stored else {
            return;
        };
        let (miss, span) = match timeout(TURN, stored.turns.acquire()).await {
            Ok(_turn) => self.ask(stored).await,
            Err(_) => (Some(Miss::Unanswered), UNSURE),
        };
        if let Some(miss) = miss {
            stored.remember(self.name.clone(), miss, span);
        }
    }

    /// Why there is no such app, and for how long that is to be believed.
    async fn ask(&self, stored: &Stored) -> (Option<Miss>, Duration) {
        loop {
            let changes = stored.state.lock().changes;
            let found = match &self.name {
                Name::Key(key) => stored.directory.by_key(key).await,
                Name::Id(id) => stored.directory.by_id(id).await,
            };
            if let Ok(_) | Err(LookupError::Unreadable(_)) = &found {
                stored.note_answer(Ok(()));
            }
            return match found {
                // It may have been changed here since, by who knows better.
                Ok(None) if stored.state.lock().changes != changes => continue,
                Ok(None) => (Some(Miss::Absent), stored.negative_ttl),
                Ok(Some(app)) => match self.catalogue.put_found(&app, &self.name, changes) {
                    Found::Outdated => continue,
                    Found::Here => (None, stored.negative_ttl),
                    Found::Missed(miss) => (Some(miss), stored.negative_ttl),
                },
                Err(LookupError::Unreadable(unreadable)) => {
                    let error = unreadable.to_string();
                    tracing::error!(error, "an app of the database is not served");
                    (Some(Miss::Unanswered), stored.negative_ttl)
                }
                Err(error @ LookupError::Unavailable(_)) => {
                    stored.note_answer(Err(&error));
                    (Some(Miss::Unanswered), UNSURE)
                }
            };
        }
    }
}
