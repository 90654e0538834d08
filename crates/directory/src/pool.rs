//! Connections to one of the three kinds of database, behind one way to ask.
//!
//! Values go in as text or whole numbers and come out as text: what the three have in common.
//! What others do at the same time is dealt with here.

use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use foghorn_config::{DatabaseConfig, DatabaseLayout};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
use sqlx::{Column, Database, Executor, Row as _, Statement as _, TypeInfo};

use crate::ConnectError;
use crate::cell::{Cell, Row};
use crate::failure::Failure;

/// How long a database may take for anything, connecting included.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection is kept that nobody needs.
const IDLE: Duration = Duration::from_secs(60);

/// How often a transaction is tried that the database gives up because of others.
const ATTEMPTS: u32 = 8;

/// How much longer each time others are let get on with it.
const PAUSE: Duration = Duration::from_millis(5);

/// What other clients of the database see.
const NAME: &str = "foghorn";

/// Connections that are made when they are needed.
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

/// A value for a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

/// One statement and its values, each of which has a `?` in the text.
pub(crate) struct Statement<'a> {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) meets: Meets,
}

/// How many rows a statement has to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meets {
    AtLeastOne,
    Any,
}

/// The same for whichever database it is.
macro_rules! on {
    ($pool:expr, $each:ident => $body:expr) => {
        match $pool {
            Pool::Sqlite($each) => $body,
            Pool::Postgres($each) => $body,
            Pool::Mysql($each) => $body,
        }
    };
}

/// A query with its values.
macro_rules! query {
    ($sql:expr, $values:expr) => {{
        // Texts vary with the number of ids, and must not fill the cache of prepared ones.
        let mut query = sqlx::query($sql).persistent(false);
        for value in $values {
            query = match *value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        query
    }};
}

/// The columns of a row. That they are texts is the statement's concern: MySQL says of some texts
/// that they are bytes.
macro_rules! cells {
    ($row:expr) => {
        (0..$row.len())
            .map(|index| match $row.try_get_unchecked(index) {
                Ok(Some(text)) => Ok(Cell::Text(text)),
                Ok(None) => Ok(Cell::Null),
                Err(sqlx::Error::ColumnDecode { .. }) => Ok(Cell::Bytes),
                Err(error) => Err(error),
            })
            .collect::<Result<Row, sqlx::Error>>()
    };
}

impl Pool {
    /// At most `size` connections to the database at `url`.
    pub(crate) fn connect(
        url: &str,
        config: &DatabaseConfig,
        size: u32,
    ) -> Result<Self, ConnectError> {
        let scheme = url.split("://").next().unwrap_or_default();
        match scheme {
            "sqlite" => {
                let mut options: SqliteConnectOptions = parse(url)?;
                options = options.busy_timeout(TIMEOUT);
                let is_ours = config.layout == DatabaseLayout::Foghorn;
                if is_ours && !url.contains("mode=") {
                    options = options
                        .create_if_missing(true)
                        .journal_mode(SqliteJournalMode::Wal);
                }
                Ok(Self::Sqlite(pool(size).connect_lazy_with(options)))
            }
            "postgres" | "postgresql" => {
                let options: PgConnectOptions = parse(url)?;
                let options = options.application_name(NAME);
                Ok(Self::Postgres(pool(size).connect_lazy_with(options)))
            }
            _ => {
                let options: MySqlConnectOptions = parse(url)?;
                Ok(Self::Mysql(pool(size).connect_lazy_with(options)))
            }
        }
    }

    /// The rows that a statement selects.
    pub(crate) async fn rows(&self, statement: &Statement<'_>) -> Result<Vec<Row>, Failure> {
        let sql = &*self.numbered(&statement.sql);
        let asked = async {
            on!(self, pool => {
                let rows = query!(sql, &statement.values).fetch_all(pool).await?;
                rows.iter()
                    .map(|row| cells!(row))
                    .collect::<Result<Vec<Row>, sqlx::Error>>()
            })
        };
        asked.await.map_err(|error| Failure::of(&error, 0))
    }

    /// What the database calls the types of the columns that a statement without values selects.
    pub(crate) async fn types(&self, sql: &str) -> Result<Vec<String>, Failure> {
        let asked = async {
            on!(self, pool => {
                let prepared = pool.prepare(sql).await?;
                let columns = prepared.columns().iter();
                Ok(columns.map(|column| column.type_info().name().to_owned()).collect())
            })
        };
        asked.await.map_err(|error| Failure::of(&error, 0))
    }

    /// Executes statements: all of them, or none if one fails or misses its row. What the database
    /// gives up because of others is tried again.
    pub(crate) async fn execute(&self, statements: &[Statement<'_>]) -> Result<(), Failure> {
        for attempt in 1..ATTEMPTS {
            match self.transact(statements).await {
                Err(Failure::RolledBack(_)) => tokio::time::sleep(PAUSE * attempt).await,
                done => return done,
            }
        }
        self.transact(statements).await
    }

    async fn transact(&self, statements: &[Statement<'_>]) -> Result<(), Failure> {
        on!(self, pool => {
            let mut transaction = pool.begin().await.map_err(|error| Failure::of(&error, 0))?;
            for (index, statement) in statements.iter().enumerate() {
                let sql = &*self.numbered(&statement.sql);
                let query = query!(sql, &statement.values);
                let done = query.execute(&mut *transaction).await;
                let met = done.map_err(|error| Failure::of(&error, index))?.rows_affected();
                if met == 0 && statement.meets == Meets::AtLeastOne {
                    return Err(Failure::Missed);
                }
            }
            transaction.commit().await.map_err(|error| Failure::of(&error, 0))
        })
    }

    /// An expression for `column` as text, whatever its type.
    pub(crate) fn text(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => format!("CAST({column} AS TEXT)"),
            Self::Mysql(_) => format!("CAST({column} AS CHAR)"),
        }
    }

    /// A name that may be a word of the language.
    pub(crate) fn quoted(&self, name: &str) -> String {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => format!("\"{name}\""),
            Self::Mysql(_) => format!("`{name}`"),
        }
    }

    pub(crate) async fn close(&self) {
        on!(self, pool => pool.close().await);
    }

    /// The statement with its values numbered, where it has to be so.
    fn numbered(&self, sql: &str) -> String {
        if !matches!(self, Self::Postgres(_)) {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (index, part) in parts.enumerate() {
            numbered.push_str(&format!("${}{part}", index + 1));
        }
        numbered
    }
}

fn parse<O: FromStr<Err = sqlx::Error>>(url: &str) -> Result<O, ConnectError> {
    // What the parser says of a URL may quote it.
    url.parse()
        .map_err(|_| ConnectError("it is no valid URL of a database".to_owned()))
}

fn pool<DB: Database>(size: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(size)
        .acquire_timeout(TIMEOUT)
        .idle_timeout(IDLE)
}

/// What comes of `asked`, `None` if that takes too long.
pub(crate) async fn within<T>(asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(TIMEOUT, asked).await.ok()
}

/// What is said of a database that takes too long.
pub(crate) fn too_late() -> String {
    format!("it has not answered within {} seconds", TIMEOUT.as_secs())
}
