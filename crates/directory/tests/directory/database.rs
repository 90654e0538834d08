//! Databases of their own for scenarios, and statements behind the directory's back.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{MySqlPool, PgPool, Row, SqlitePool};

use crate::server::{Folder, PASSWORD, Server};

/// What databases are in.
pub(crate) enum Kind {
    Sqlite,
    Postgres(Server),
    Mariadb(Server),
}

/// One database, and nothing in it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) direct: Direct,
    /// The folder of a database that has no server.
    _folder: Option<Folder>,
}

/// A way to the database past the directory.
pub(crate) enum Direct {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

impl Kind {
    pub(crate) async fn fresh(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("apps{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (url, direct, folder) = match self {
            Self::Sqlite => {
                let folder = Folder::new();
                let url = format!("sqlite://{}/{name}.db", folder.0.display());
                let direct = SqlitePool::connect(&format!("{url}?mode=rwc")).await;
                (url, Direct::Sqlite(direct.unwrap()), Some(folder))
            }
            Self::Postgres(_) => {
                let all = PgPool::connect(&self.url("postgres")).await.unwrap();
                let create = format!("CREATE DATABASE {name}");
                sqlx::query(&create).execute(&all).await.unwrap();
                let url = self.url(&name);
                let direct = PgPool::connect(&url).await.unwrap();
                (url, Direct::Postgres(direct), None)
            }
            Self::Mariadb(_) => {
                let all = MySqlPool::connect(&self.url("mysql")).await.unwrap();
                let create = format!("CREATE DATABASE {name}");
                sqlx::query(&create).execute(&all).await.unwrap();
                let url = self.url(&name);
                let direct = MySqlPool::connect(&url).await.unwrap();
                (url, Direct::Mysql(direct), None)
            }
        };
        Database {
            url,
            direct,
            _folder: folder,
        }
    }

    /// The URL of the server's database with this name.
    pub(crate) fn url(&self, name: &str) -> String {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres(server) => {
                format!(
                    "postgres://postgres:{PASSWORD}@127.0.0.1:{}/{name}",
                    server.port
                )
            }
            Self::Mariadb(server) => {
                format!(
                    "mysql://foghorn:{PASSWORD}@127.0.0.1:{}/{name}",
                    server.port
                )
            }
        }
    }

    pub(crate) fn server(&mut self) -> &mut Server {
        match self {
            Self::Sqlite => panic!("SQLite has no server"),
            Self::Postgres(server) | Self::Mariadb(server) => server,
        }
    }
}

macro_rules! on {
    ($direct:expr, $pool:ident => $body:expr) => {
        match $direct {
            Direct::Sqlite($pool) => $body,
            Direct::Postgres($pool) => $body,
            Direct::Mysql($pool) => $body,
        }
    };
}

pub(crate) use on;

impl Database {
    pub(crate) fn new(url: String, direct: Direct) -> Self {
        Self {
            url,
            direct,
            _folder: None,
        }
    }

    /// Executes a statement.
    pub(crate) async fn execute(&self, sql: &str) {
        let done = on!(&self.direct, pool => sqlx::query(sql).execute(pool).await.map(drop));
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The text in the one column of the one row that a statement selects.
    pub(crate) async fn text(&self, sql: &str) -> String {
        on!(&self.direct, pool => {
            let row = sqlx::query(sql).fetch_one(pool).await.unwrap();
            row.get_unchecked(0)
        })
    }

    /// The number of rows of a table.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// The number in the one column of the one row that a statement selects.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        on!(&self.direct, pool => {
            let row = sqlx::query(sql).fetch_one(pool).await.unwrap();
            row.get_unchecked(0)
        })
    }
}
