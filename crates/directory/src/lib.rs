//! Apps that are kept in a database: SQLite, PostgreSQL or MySQL.
//!
//! It owns the tables and their queries: this server's own layout, and soketi's, which it only
//! reads. Both are read into the same apps, checked like those of the configuration file.
//!
//! This crate must not know which apps are in use, how long an answer is believed, or what an app
//! may do.

mod cell;
mod error;
mod failure;
mod foghorn;
mod name;
mod pool;
mod search;
mod soketi;

use foghorn_config::{AppConfig, AppSettings, DatabaseConfig, DatabaseLayout, KeyPair};

pub use error::{ChangeError, ConnectError, LookupError, Unreadable};

use failure::Failure;
use foghorn::Accepted;
use pool::{Pool, too_late, within};

/// What is found of one app: the app, or why it cannot be served.
pub type Found = Result<AppConfig, Unreadable>;

/// The apps of one database.
///
/// Every question takes two seconds at most, whatever becomes of the database. Keys and ids are
/// compared exactly, whatever the database thinks of upper and lower case. Those that no column
/// can hold are not asked for.
pub struct Directory {
    /// For what anybody can have looked for.
    searches: Pool,
    /// For everything else, which must not wait for that.
    upkeep: Pool,
    layout: Layout,
    /// What an app has that does not say otherwise.
    base: AppSettings,
}

enum Layout {
    Foghorn(foghorn::Tables),
    Soketi(soketi::Table),
}

/// Which apps are asked for. Databases may take other texts for the same, of which nobody asked.
#[derive(Clone, Copy, Debug)]
enum Which<'a> {
    /// The one with this key, enabled or not.
    Key(&'a str),
    /// Those with these ids; not none.
    Ids(&'a [&'a str]),
    /// The first so many of those whose ids come after this one.
    Page { after: &'a str, limit: u32 },
}

/// How many connections there may be besides those of searches.
const UPKEEP: u32 = 2;

/// How many ids are asked for in one query: no database takes any number of arguments.
const IDS_AT_ONCE: usize = 1_000;

impl Directory {
    /// The apps of the database that is configured, `None` if there is none. Nothing is asked of
    /// it yet, so it may be down. `base` is what an app has that does not say otherwise.
    ///
    /// It has to be called where tasks can be spawned.
    ///
    /// # Errors
    /// The URL is none that can be connected to, ever.
    pub fn connect(
        config: &DatabaseConfig,
        base: AppSettings,
    ) -> Result<Option<Self>, ConnectError> {
        let Some(url) = config.url.get() else {
            return Ok(None);
        };
        let searches = Pool::connect(url, config, config.max_connections)?;
        let upkeep = Pool::connect(url, config, UPKEEP)?;
        let layout = match config.layout {
            DatabaseLayout::Foghorn => Layout::Foghorn(foghorn::Tables::default()),
            DatabaseLayout::Soketi => Layout::Soketi(soketi::Table::new(&config.table, &upkeep)),
        };
        Ok(Some(Self {
            searches,
            upkeep,
            layout,
            base,
        }))
    }

    /// The app that has this key, enabled or not. Strangers may have it looked for.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn by_key(&self, key: &str) -> Result<Option<AppConfig>, LookupError> {
        self.search(key, Which::Key(key)).await
    }

    /// The app with this id. Strangers may have it looked for.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn by_id(&self, id: &str) -> Result<Option<AppConfig>, LookupError> {
        self.search(id, Which::Ids(&[id])).await
    }

    /// Those of the apps with these ids that are there, in any order. This does not wait for what
    /// strangers have looked for.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn by_ids(&self, ids: &[&str]) -> Result<Vec<Found>, LookupError> {
        let mut all = Vec::new();
        let ids: Vec<&str> = ids.iter().copied().filter(|id| name::can_be(id)).collect();
        for ids in ids.chunks(IDS_AT_ONCE) {
            all.extend(told(self.read(&self.upkeep, Which::Ids(ids)).await)?);
        }
        Ok(all)
    }

    /// The first `limit` apps whose ids come after `after`, in the database's order of ids.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<Found>, LookupError> {
        let after = name::last_up_to(after.unwrap_or_default());
        told(self.read(&self.upkeep, Which::Page { after, limit }).await)
    }

    /// Adds an app with its keys.
    ///
    /// # Errors
    /// There is one with this id, or one of the keys is taken; see also [`ChangeError`].
    pub async fn create(&self, app: &AppConfig) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[])?;
        changed(tables.create(&self.upkeep, app, &self.base)).await
    }

    /// Replaces the settings and webhooks of an app. Its keys stay as they are.
    ///
    /// # Errors
    /// There is no such app; see also [`ChangeError`].
    pub async fn update(&self, app: &AppConfig) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[app.settings.id.as_str()])?;
        changed(tables.update(&self.upkeep, app, &self.base)).await
    }

    /// Removes an app with its keys.
    ///
    /// # Errors
    /// There is no such app; see also [`ChangeError`].
    pub async fn delete(&self, id: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[id])?;
        changed(tables.delete(&self.upkeep, id)).await
    }

    /// Gives an app one more key.
    ///
    /// # Errors
    /// There is no such app, or the key is taken; see also [`ChangeError`].
    pub async fn add_key(&self, id: &str, pair: &KeyPair) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[id])?;
        changed(tables.add_key(&self.upkeep, id, pair)).await
    }

    /// Has an app's key accepted.
    ///
    /// # Errors
    /// There is no such app, or it has no such key; see also [`ChangeError`].
    pub async fn enable_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[id, key])?;
        changed(tables.set_key(&self.upkeep, (id, key), Accepted::Yes)).await
    }

    /// Has an app's key refused from now on.
    ///
    /// # Errors
    /// There is no such app, or it has no such key; see also [`ChangeError`].
    pub async fn disable_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[id, key])?;
        changed(tables.set_key(&self.upkeep, (id, key), Accepted::No)).await
    }

    /// Takes a key away from an app, unless it is its last one.
    ///
    /// # Errors
    /// There is no such app, it has no such key, or it has no other; see also [`ChangeError`].
    pub async fn remove_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables(&[id, key])?;
        changed(tables.remove_key(&self.upkeep, id, key)).await
    }

    /// Ends the connections to the database, when nobody asks any more.
    pub async fn close(&self) {
        self.searches.close().await;
        self.upkeep.close().await;
    }

    /// The one app that has this name.
    async fn search(&self, name: &str, which: Which<'_>) -> Result<Option<AppConfig>, LookupError> {
        if !name::can_be(name) {
            return Ok(None);
        }
        match self.read(&self.searches, which).await {
            // What it cannot hold is not there.
            Err(Failure::NoText(_)) => Ok(None),
            found => Ok(told(found)?.into_iter().next().transpose()?),
        }
    }

    async fn read(&self, pool: &Pool, which: Which<'_>) -> Result<Vec<Found>, Failure> {
        let base = &self.base;
        let found = within(async {
            match &self.layout {
                Layout::Foghorn(tables) => tables.read(pool, which, base).await,
                Layout::Soketi(table) => table.read(pool, which, base).await,
            }
        });
        let late = || Err(Failure::Unreachable(too_late()));
        found.await.unwrap_or_else(late)
    }

    /// The tables that can be changed, if they can have all of these names.
    fn own_tables(&self, names: &[&str]) -> Result<&foghorn::Tables, ChangeError> {
        match &self.layout {
            Layout::Foghorn(tables) if names.iter().all(|name| name::can_be(name)) => Ok(tables),
            Layout::Foghorn(_) => Err(ChangeError::NotFound),
            Layout::Soketi(_) => Err(ChangeError::ReadOnly),
        }
    }
}

fn told(found: Result<Vec<Found>, Failure>) -> Result<Vec<Found>, LookupError> {
    found.map_err(|failure| LookupError::Unavailable(failure.text()))
}

async fn changed(change: impl Future<Output = Result<(), ChangeError>>) -> Result<(), ChangeError> {
    let changed = within(change).await;
    changed.unwrap_or_else(|| Err(ChangeError::Unavailable(too_late())))
}
