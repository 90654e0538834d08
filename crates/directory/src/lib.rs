//! Apps that are kept in a database: SQLite, PostgreSQL or MySQL.
//!
//! It owns the tables and their queries: this server's own layout, and soketi's, which it only
//! reads. Both are read into the same apps, checked like those of the configuration file.
//!
//! This crate must not know which apps are in use, how long an answer is believed, or what an app
//! may do.

mod error;
mod foghorn;
mod pool;
mod soketi;

use foghorn_config::{AppConfig, AppSettings, DatabaseConfig, DatabaseLayout, KeyPair};

pub use error::{ChangeError, ConnectError, LookupError, Unreadable};

use foghorn::Accepted;
use pool::{Pool, too_late, within};

/// What is found of one app: the app, or why it cannot be served.
pub type Found = Result<AppConfig, Unreadable>;

/// The apps of one database.
///
/// Every question takes two seconds at most, whatever becomes of the database. Keys and ids are
/// compared exactly, whatever the database thinks of upper and lower case.
pub struct Directory {
    pool: Pool,
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
        let pool = Pool::connect(url, config)?;
        let layout = match config.layout {
            DatabaseLayout::Foghorn => Layout::Foghorn(foghorn::Tables::default()),
            DatabaseLayout::Soketi => Layout::Soketi(soketi::Table::new(&config.table, &pool)),
        };
        Ok(Some(Self { pool, layout, base }))
    }

    /// The app that has this key, enabled or not.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn by_key(&self, key: &str) -> Result<Option<AppConfig>, LookupError> {
        let found = self.read(Which::Key(key)).await?;
        Ok(found.into_iter().next().transpose()?)
    }

    /// The app with this id.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn by_id(&self, id: &str) -> Result<Option<AppConfig>, LookupError> {
        Ok(self.by_ids(&[id]).await?.pop().transpose()?)
    }

    /// Those of the apps with these ids that are there, in any order.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn by_ids(&self, ids: &[&str]) -> Result<Vec<Found>, LookupError> {
        let mut all = Vec::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            all.extend(self.read(Which::Ids(ids)).await?);
        }
        Ok(all)
    }

    /// The first `limit` apps whose ids come after `after`, in the database's order of ids.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<Found>, LookupError> {
        let after = after.unwrap_or_default();
        self.read(Which::Page { after, limit }).await
    }

    /// Adds an app with its keys.
    ///
    /// # Errors
    /// There is one with this id, or one of the keys is taken; see also [`ChangeError`].
    pub async fn create(&self, app: &AppConfig) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.create(&self.pool, app, &self.base)).await
    }

    /// Replaces the settings and webhooks of an app. Its keys stay as they are.
    ///
    /// # Errors
    /// There is no such app; see also [`ChangeError`].
    pub async fn update(&self, app: &AppConfig) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.update(&self.pool, app, &self.base)).await
    }

    /// Removes an app with its keys.
    ///
    /// # Errors
    /// There is no such app; see also [`ChangeError`].
    pub async fn delete(&self, id: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.delete(&self.pool, id)).await
    }

    /// Gives an app one more key.
    ///
    /// # Errors
    /// There is no such app, or the key is taken; see also [`ChangeError`].
    pub async fn add_key(&self, id: &str, pair: &KeyPair) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.add_key(&self.pool, id, pair)).await
    }

    /// Has an app's key accepted.
    ///
    /// # Errors
    /// There is no such app, or it has no such key; see also [`ChangeError`].
    pub async fn enable_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.set_key(&self.pool, (id, key), Accepted::Yes)).await
    }

    /// Has an app's key refused from now on.
    ///
    /// # Errors
    /// There is no such app, or it has no such key; see also [`ChangeError`].
    pub async fn disable_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.set_key(&self.pool, (id, key), Accepted::No)).await
    }

    /// Takes a key away from an app, unless it is its last one.
    ///
    /// # Errors
    /// There is no such app, it has no such key, or it has no other; see also [`ChangeError`].
    pub async fn remove_key(&self, id: &str, key: &str) -> Result<(), ChangeError> {
        let tables = self.own_tables()?;
        changed(tables.remove_key(&self.pool, id, key)).await
    }

    /// Ends the connections to the database, when nobody asks any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn read(&self, which: Which<'_>) -> Result<Vec<Found>, LookupError> {
        let (pool, base) = (&self.pool, &self.base);
        let found = within(async {
            match &self.layout {
                Layout::Foghorn(tables) => tables.read(pool, which, base).await,
                Layout::Soketi(table) => table.read(pool, which, base).await,
            }
        });
        let found = found.await.unwrap_or_else(|| Err(too_late()));
        found.map_err(LookupError::Unavailable)
    }

    fn own_tables(&self) -> Result<&foghorn::Tables, ChangeError> {
        match &self.layout {
            Layout::Foghorn(tables) => Ok(tables),
            Layout::Soketi(_) => Err(ChangeError::ReadOnly),
        }
    }
}

async fn changed(change: impl Future<Output = Result<(), ChangeError>>) -> Result<(), ChangeError> {
    let changed = within(change).await;
    changed.unwrap_or_else(|| Err(ChangeError::Unavailable(too_late())))
}
