//! Keeping the node in step with a database: what it has of there is asked for again and again.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_config::AppConfig;
use foghorn_directory::Found;
use tokio::time::{MissedTickBehavior, interval};

use super::Catalogue;
use super::stored::{Held, Stored};

impl Catalogue {
    /// Keeps the node in step with the database, for ever.
    pub(crate) async fn keep_in_step(self: Arc<Self>) {
        let Some(stored) = &self.stored else {
            return;
        };
        let mut turns = interval(stored.cache_ttl);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.follow(stored).await;
        }
    }

    async fn follow(&self, stored: &Stored) {
        let (known, changes) = {
            let mut state = stored.state.lock();
            state.misses.expire(stored.clock.now());
            (state.known.clone(), state.changes)
        };
        self.follow_remembered(stored, changes).await;
        if known.is_empty() {
            return;
        }
        let ids: Vec<&str> = known.keys().map(String::as_str).collect();
        let answer = stored.directory.by_ids(&ids).await;
        stored.note_answer(answer.as_ref().map(|_| ()));
        if let Ok(found) = answer {
            self.have_hold(&known, &readable(found), changes);
        }
    }

    /// Apps whose receivers were told something before a restart have to hear that it is over, even
    /// if nobody asks for those apps any more.
    async fn follow_remembered(&self, stored: &Stored, changes: u64) {
        let remembered = self.node.apps().remembered();
        if remembered.is_empty() {
            return;
        }
        let ids: Vec<&str> = remembered.iter().map(|id| &**id).collect();
        let answer = stored.directory.by_ids(&ids).await;
        stored.note_answer(answer.as_ref().map(|_| ()));
        let Ok(found) = answer else { return };
        let found = readable(found);
        self.have_hold(&BTreeMap::new(), &found, changes);
        // A database that has no app at all is rather the wrong one.
        let is_somebody_there = match found.is_empty() {
            true => stored
                .directory
                .list(None, 1)
                .await
                .is_ok_and(|apps| !apps.is_empty()),
            false => true,
        };
        let gone = remembered.iter().filter(|id| !found.contains_key(&***id));
        for id in gone.filter(|_| is_somebody_there) {
            self.node.apps().forget_told(id);
            self.clerk.forget(id);
        }
    }

    /// Has hold what the database says now.
    fn have_hold(
        &self,
        known: &BTreeMap<String, AppConfig>,
        found: &BTreeMap<String, Option<AppConfig>>,
        changes: u64,
    ) {
        let readable = found.values().flatten();
        let later: Vec<&AppConfig> = readable
            .filter(|app| known.get(app.settings.id.as_str()) != Some(app))
            .collect();
        let gone = known.keys().filter(|id| !found.contains_key(*id));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        if later.is_empty() && gone.is_empty() {
            return;
        }
        // Keys may have gone from one app to another. What cannot hold together is tried alone.
        match self.change_stored(&later, &gone, Some(changes)) {
            Ok(Held::Now) => {
                later.iter().for_each(|app| tell_change(known, app));
                gone.iter().for_each(|id| tell_gone(id));
                return;
            }
            // What was read may be older than what this node has done since; the next turn knows.
            Ok(Held::Outdated) => return,
            Err(_) => {}
        }
        for id in gone {
            if self.drop_stored(id).is_ok() {
                tell_gone(id);
            }
        }
        for app in later {
            match self.put_stored(app) {
                Ok(()) => tell_change(known, app),
                Err(error) => {
                    let (id, error) = (app.settings.id.as_str(), format!("{error:#}"));
                    tracing::error!(id, error, "an app of the database stays as it was");
                }
            }
        }
    }
}

/// What was found, by id; nothing of what cannot be read, which stays as it was.
fn readable(found: Vec<Found>) -> BTreeMap<String, Option<AppConfig>> {
    let found = found.into_iter().map(|found| match found {
        Ok(app) => (app.settings.id.as_str().to_owned(), Some(app)),
        Err(unreadable) => {
            let error = unreadable.to_string();
            tracing::error!(error, "an app of the database stays as it was");
            (unreadable.app, None)
        }
    });
    found.collect()
}

fn tell_change(known: &BTreeMap<String, AppConfig>, app: &AppConfig) {
    let id = app.settings.id.as_str();
    match known.get(id) {
        Some(before) => {
            let changes = before.changes(app);
            tracing::info!(id, ?changes, "app changed in the database");
        }
        None => tracing::info!(id, "app found in the database"),
    }
}

fn tell_gone(id: &str) {
    tracing::info!(id, "app removed from the database");
}
