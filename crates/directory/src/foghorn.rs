//! This server's own tables: one of apps, one of their keys.
//!
//! Of an app's settings those are stored that are not as every app has them, as the JSON form of
//! the app without its id, keys, and whether it is enabled, which have columns of their own.

use foghorn_config::{AppConfig, AppSettings, FieldProblem, KeyPair};
use serde_json::{Map, Value as Json, json};
use tokio::sync::OnceCell;

use crate::cell::{Cell, Row, no_text};
use crate::failure::Failure;
use crate::pool::{Meets, Pool, Statement, Value};
use crate::{ChangeError, Found, Unreadable, Which};

const APPS: &str = "foghorn_apps";
const KEYS: &str = "foghorn_app_keys";

/// The members of an app's JSON form that have columns of their own.
const COLUMNS: [&str; 3] = ["id", "enabled", "keys"];

/// The tables, made at their first use if they are not there.
#[derive(Default)]
pub(crate) struct Tables {
    made: OnceCell<()>,
}

impl Tables {
    pub(crate) async fn read(
        &self,
        pool: &Pool,
        which: Which<'_>,
        base: &AppSettings,
    ) -> Result<Vec<Found>, Failure> {
        self.make(pool).await?;
        let rows = pool.rows(&select(pool, which)).await?;
        let mut apps = gather(rows);
        apps.retain(|app| app.is(which));
        Ok(apps.into_iter().map(|app| app.read(base)).collect())
    }

    pub(crate) async fn create(
        &self,
        pool: &Pool,
        app: &AppConfig,
        base: &AppSettings,
    ) -> Result<(), ChangeError> {
        let id = app.settings.id.as_str();
        let settings = settings(app, base);
        let mut statements = vec![Statement {
            sql: format!("INSERT INTO {APPS} (id, settings, enabled) VALUES (?, ?, ?)"),
            values: vec![
                Value::Text(id),
                Value::Text(&settings),
                Value::Number(app.settings.enabled.into()),
            ],
            meets: Meets::AtLeastOne,
        }];
        statements.extend(app.keys.iter().map(|pair| insert_key(id, pair)));
        self.change(pool, &statements).await
    }

    pub(crate) async fn update(
        &self,
        pool: &Pool,
        app: &AppConfig,
        base: &AppSettings,
    ) -> Result<(), ChangeError> {
        let settings = settings(app, base);
        let statement = Statement {
            sql: format!(
                "UPDATE {APPS} SET settings = ?, enabled = ?, updated_at = CURRENT_TIMESTAMP \
                 WHERE id = ?"
            ),
            values: vec![
                Value::Text(&settings),
                Value::Number(app.settings.enabled.into()),
                Value::Text(app.settings.id.as_str()),
            ],
            meets: Meets::AtLeastOne,
        };
        self.change(pool, &[statement]).await
    }

    pub(crate) async fn delete(&self, pool: &Pool, id: &str) -> Result<(), ChangeError> {
        let app = Statement {
            sql: format!("DELETE FROM {APPS} WHERE id = ?"),
            values: vec![Value::Text(id)],
            meets: Meets::AtLeastOne,
        };
        let keys = Statement {
            sql: format!("DELETE FROM {KEYS} WHERE app_id = ?"),
            values: vec![Value::Text(id)],
            meets: Meets::Any,
        };
        self.change(pool, &[app, keys]).await
    }

    pub(crate) async fn add_key(
        &self,
        pool: &Pool,
        id: &str,
        pair: &KeyPair,
    ) -> Result<(), ChangeError> {
        let statements = [touch(id), insert_key(id, pair)];
        self.change(pool, &statements).await
    }

    pub(crate) async fn set_key(
        &self,
        pool: &Pool,
        (id, key): (&str, &str),
        accepted: Accepted,
    ) -> Result<(), ChangeError> {
        let accepted = match accepted {
            Accepted::Yes => 1,
            Accepted::No => 0,
        };
        let statement = Statement {
            sql: format!("UPDATE {KEYS} SET enabled = ? WHERE app_key = ? AND app_id = ?"),
            values: vec![Value::Number(accepted), Value::Text(key), Value::Text(id)],
            meets: Meets::AtLeastOne,
        };
        self.change(pool, &[touch(id), statement]).await
    }

    pub(crate) async fn remove_key(
        &self,
        pool: &Pool,
        id: &str,
        key: &str,
    ) -> Result<(), ChangeError> {
        // Not every database lets a table be read while rows of it are deleted; all let what was
        // made of it be.
        let others = format!("SELECT app_key FROM {KEYS} WHERE app_id = ? AND app_key <> ?");
        let statement = Statement {
            sql: format!(
                "DELETE FROM {KEYS} WHERE app_key = ? AND app_id = ? \
                 AND EXISTS (SELECT 1 FROM ({others}) others)"
            ),
            values: [key, id, id, key].map(Value::Text).to_vec(),
            meets: Meets::AtLeastOne,
        };
        let removed = self.change(pool, &[touch(id), statement]).await;
        if removed != Err(ChangeError::NotFound) {
            return removed;
        }
        let statement = Statement {
            sql: format!("SELECT app_key FROM {KEYS} WHERE app_key = ? AND app_id = ?"),
            values: [key, id].map(Value::Text).to_vec(),
            meets: Meets::Any,
        };
        let rows = pool.rows(&statement).await.map_err(changed)?;
        match rows.is_empty() {
            true => Err(ChangeError::NotFound),
            false => Err(ChangeError::LastKey),
        }
    }

    async fn change(&self, pool: &Pool, statements: &[Statement<'_>]) -> Result<(), ChangeError> {
        self.make(pool).await.map_err(changed)?;
        pool.execute(statements).await.map_err(changed)
    }

    /// Makes the tables, unless they are there: who may not make any may still use them. That of
    /// keys is made last.
    async fn make(&self, pool: &Pool) -> Result<(), Failure> {
        let made = self.made.get_or_try_init(|| async {
            let probe = |table| plain(format!("SELECT 1 FROM {table} WHERE 1 = 0"));
            match pool.rows(&probe(KEYS)).await {
                Ok(_) => return Ok(()),
                Err(failure @ Failure::Unreachable(_)) => return Err(failure),
                Err(_) => {}
            }
            let tables = tables(pool);
            // Of two servers that start at once, one may be told that the other was first.
            let made = pool.execute(&tables).await;
            match made {
                Ok(()) | Err(Failure::Unreachable(_)) => made,
                Err(_) => pool.execute(&tables).await,
            }
        });
        made.await.copied()
    }
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Yes,
    No,
}

/// An app as it is stored.
struct Stored {
    id: String,
    settings: Cell,
    enabled: Cell,
    keys: Vec<StoredKey>,
}

struct StoredKey {
    key: Cell,
    secret: Cell,
    enabled: Cell,
}

impl Stored {
    /// Whether it was asked for.
    fn is(&self, which: Which<'_>) -> bool {
        match which {
            Which::Key(key) => self.keys.iter().any(|pair| pair.key.text() == Some(key)),
            Which::Ids(ids) => ids.contains(&self.id.as_str()),
            Which::Page { .. } => true,
        }
    }

    fn read(self, base: &AppSettings) -> Found {
        let problems = self.without_text();
        let form = match problems.is_empty() {
            true => self.form(),
            false => Err(problems),
        };
        let app = form.and_then(|form| AppConfig::from_json(&form, base));
        app.map_err(|problems| Unreadable {
            app: self.id,
            problems,
        })
    }

    /// The problems of the columns that are no text.
    fn without_text(&self) -> Vec<FieldProblem> {
        let own = [("settings", &self.settings), ("enabled", &self.enabled)];
        let mut cells = own.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
        for (index, pair) in self.keys.iter().enumerate() {
            cells.extend([
                (format!("keys[{index}].key"), &pair.key),
                (format!("keys[{index}].secret"), &pair.secret),
                (format!("keys[{index}].enabled"), &pair.enabled),
            ]);
        }
        cells.retain(|(_, cell)| **cell == Cell::Bytes);
        cells.into_iter().map(|(name, _)| no_text(name)).collect()
    }

    /// The app's JSON form.
    fn form(&self) -> Result<Json, Vec<FieldProblem>> {
        let settings = match self.settings.text().unwrap_or_default() {
            "" => Ok(Json::Object(Map::new())),
            text => serde_json::from_str(text),
        };
        let Ok(Json::Object(mut form)) = settings else {
            return Err(vec![FieldProblem {
                field: "settings".to_owned(),
                problem: "expected an object as JSON, found other text".to_owned(),
            }]);
        };
        let keys = self.keys.iter().map(|pair| {
            json!({
                "key": pair.key.text(),
                "secret": pair.secret.text(),
                "enabled": truth(&pair.enabled),
            })
        });
        form.insert("keys".to_owned(), keys.collect());
        form.insert("id".to_owned(), self.id.as_str().into());
        form.insert("enabled".to_owned(), truth(&self.enabled));
        Ok(form.into())
    }
}

/// The apps of rows that are in their order. An id that is no text is nobody's: none can ask for
/// it.
fn gather(rows: Vec<Row>) -> Vec<Stored> {
    let mut apps: Vec<Stored> = Vec::new();
    for row in rows {
        let Ok([Cell::Text(id), settings, enabled, key, secret, accepted]) =
            <[_; 6]>::try_from(row)
        else {
            continue;
        };
        if apps.last().is_none_or(|app| app.id != id) {
            apps.push(Stored {
                id,
                settings,
                enabled,
                keys: Vec::new(),
            });
        }
        if let (Some(app), Cell::Text(_) | Cell::Bytes) = (apps.last_mut(), &key) {
            app.keys.push(StoredKey {
                key,
                secret,
                enabled: accepted,
            });
        }
    }
    apps
}

/// A row for each key of each app, or one if an app has none.
fn select<'a>(pool: &Pool, which: Which<'a>) -> Statement<'a> {
    let columns = "id, settings, enabled";
    let (apps, values) = match which {
        Which::Key(key) => (
            format!(
                "SELECT {columns} FROM {APPS} WHERE id IN \
                     (SELECT app_id FROM {KEYS} WHERE app_key = ?)"
            ),
            vec![Value::Text(key)],
        ),
        Which::Ids(ids) => (
            format!(
                "SELECT {columns} FROM {APPS} WHERE id IN ({})",
                marks(ids.len())
            ),
            ids.iter().map(|id| Value::Text(id)).collect(),
        ),
        Which::Page { after, limit } => (
            format!("SELECT {columns} FROM {APPS} WHERE id > ? ORDER BY id LIMIT ?"),
            vec![Value::Text(after), Value::Number(limit.into())],
        ),
    };
    let (enabled, accepted) = (pool.text("a.enabled"), pool.text("k.enabled"));
    Statement {
        sql: format!(
            "SELECT a.id, a.settings, {enabled}, k.app_key, k.secret, {accepted} \
             FROM ({apps}) a LEFT JOIN {KEYS} k ON k.app_id = a.id \
             ORDER BY a.id, k.ordinal, k.app_key"
        ),
        values,
        meets: Meets::Any,
    }
}

/// As many places for values.
fn marks(number: usize) -> String {
    vec!["?"; number].join(", ")
}

/// Keys are read in the order in which they were added.
fn insert_key<'a>(id: &'a str, pair: &'a KeyPair) -> Statement<'a> {
    Statement {
        sql: format!(
            "INSERT INTO {KEYS} (app_key, app_id, secret, enabled, ordinal) \
             SELECT ?, ?, ?, ?, COALESCE(MAX(ordinal), 0) + 1 FROM {KEYS} WHERE app_id = ?"
        ),
        values: vec![
            Value::Text(pair.key.as_str()),
            Value::Text(id),
            Value::Text(pair.secret.expose()),
            Value::Number(pair.enabled.into()),
            Value::Text(id),
        ],
        meets: Meets::AtLeastOne,
    }
}

/// Notes that an app is changed, and that there is one. Who changes it at the same time waits.
fn touch(id: &str) -> Statement<'_> {
    Statement {
        sql: format!("UPDATE {APPS} SET updated_at = CURRENT_TIMESTAMP WHERE id = ?"),
        values: vec![Value::Text(id)],
        meets: Meets::AtLeastOne,
    }
}

fn plain(sql: String) -> Statement<'static> {
    Statement {
        sql,
        values: Vec::new(),
        meets: Meets::Any,
    }
}

/// How the tables are made.
fn tables(pool: &Pool) -> [Statement<'static>; 2] {
    // Texts are compared byte by byte.
    let (name, long, time, index) = match pool {
        Pool::Sqlite(_) => ("TEXT", "TEXT", "TEXT", ""),
        Pool::Postgres(_) => ("TEXT COLLATE \"C\"", "TEXT", "TIMESTAMP WITH TIME ZONE", ""),
        // Elsewhere an index is made by a statement of its own, and this table is short.
        Pool::Mysql(_) => (
            "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "TIMESTAMP",
            ", INDEX (app_id)",
        ),
    };
    let since = format!("{time} NOT NULL DEFAULT CURRENT_TIMESTAMP");
    [
        plain(format!(
            "CREATE TABLE IF NOT EXISTS {APPS} (id {name} NOT NULL PRIMARY KEY, \
             settings {long} NOT NULL, enabled SMALLINT NOT NULL, \
             created_at {since}, updated_at {since})"
        )),
        plain(format!(
            "CREATE TABLE IF NOT EXISTS {KEYS} (app_key {name} NOT NULL PRIMARY KEY, \
             app_id {name} NOT NULL, secret {long} NOT NULL, enabled SMALLINT NOT NULL, \
             ordinal INTEGER NOT NULL, created_at {since}{index})"
        )),
    ]
}

/// What the app says that is not as in `base`.
fn settings(app: &AppConfig, base: &AppSettings) -> String {
    let whole = |app: &AppConfig| match app.to_json_with_secrets() {
        Json::Object(members) => members,
        _ => Map::new(),
    };
    let common = whole(&AppConfig {
        settings: base.clone(),
        keys: Vec::new(),
        webhooks: Vec::new(),
    });
    let mut own = whole(app);
    own.retain(|name, value| {
        !COLUMNS.contains(&name.as_str()) && common.get(name) != Some(&*value)
    });
    Json::Object(own).to_string()
}

/// What a column says that is 1 or 0.
fn truth(column: &Cell) -> Json {
    match column.text() {
        Some("1") => true.into(),
        Some("0") => false.into(),
        other => other.into(),
    }
}

fn changed(failure: Failure) -> ChangeError {
    match failure {
        // An app is inserted before its keys, and nothing else that is first can be a duplicate.
        Failure::Duplicate(0) => ChangeError::Exists,
        Failure::Duplicate(_) => ChangeError::KeyTaken,
        Failure::Missed => ChangeError::NotFound,
        other => ChangeError::Unavailable(other.text()),
    }
}
