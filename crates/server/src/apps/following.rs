//! Keeping the node in step with a database: what it has of there is asked for again and again.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_config::AppConfig;
use foghorn_directory::Found;
use tokio::time::{MissedTickBehavior, interval};

use super::Catalogue;
use super::stored::Stored;

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
        // Apps whose receivers were told something before a restart have to hear that it is over,
        // even if nobody asks for those apps any more.
        let remembered = self.node.apps().remembered();
        let ids = known.keys().map(String::as_str);
        let ids: Vec<&str> = ids.chain(remembered.iter().map(|id| &**id)).collect();
        if ids.is_empty() {
            return;
        }
        let answer = stored.directory.by_ids(&ids).await;
        stored.note_answer(answer.as_ref().map(|_| ()));
        let Ok(found) = answer else { return };
        if stored.state.lock().changes != changes {
            // What was read may be older than what this node has done since; the next turn knows.
            return;
        }
        let found = readable(found);
        for id in &remembered {
            if !found.contains_key(&**id) {
                self.node.apps().forget_told(id);
                self.clerk.forget(id);
            }
        }
        self.have_hold(&known, &found);
    }

    /// Has hold what the database says now.
    fn have_hold(
        &self,
        known: &BTreeMap<String, AppConfig>,
        found: &BTreeMap<String, Option<AppConfig>>,
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
        if self.change_stored(&later, &gone).is_ok() {
            later.iter().for_each(|app| tell_change(known, app));
            gone.iter().for_each(|id| tell_gone(id));
            return;
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
