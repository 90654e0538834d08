//! Others who hold what the directory needs: locks, and connections.

use std::sync::Arc;

use serde_json::json;
use sqlx::raw_sql;

use crate::database::{Database, Direct, on};
use crate::{app, connect, ids};

impl Database {
    /// How many statements wait for a lock of somebody else.
    async fn waiting(&self) -> i64 {
        let sql = match self.direct {
            Direct::Sqlite(_) => panic!("SQLite does not tell"),
            Direct::Postgres(_) => {
                "SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock'"
            }
            Direct::Mysql(_) => {
                "SELECT CAST((SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
                 WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS') AS SIGNED) + \
                 (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() \
                 AND STATE LIKE 'Waiting for table metadata lock')"
            }
        };
        self.number(sql).await
    }

    async fn wait_until_waiting(&self, number: i64) {
        while self.waiting().await < number {
            tokio::task::yield_now().await;
        }
    }
}

/// A transaction that the database gives up because of another one is as if it had not been.
pub(crate) async fn what_is_rolled_back_is_tried_again(database: &Database) {
    let makers = connect(database, "");
    makers.create(&app("a", json!({}))).await.unwrap();
    database.execute("CREATE TABLE others (n INTEGER)").await;
    let disable = "UPDATE foghorn_apps SET enabled = 0 WHERE id = 'a'";
    let (begin, end) = match database.direct {
        Direct::Sqlite(_) => return,
        // Of two that have not the same past, the second is given up.
        Direct::Postgres(_) => {
            let name = database.url.rsplit('/').next().unwrap();
            let level = "default_transaction_isolation = 'repeatable read'";
            let sql = format!("ALTER DATABASE {name} SET {level}");
            database.execute(&sql).await;
            (disable.to_owned(), "SELECT 1")
        }
        // Of two that wait for each other, the one that has done less is given up.
        Direct::Mysql(_) => (
            "INSERT INTO others VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9); \
             UPDATE foghorn_app_keys SET ordinal = 7 WHERE app_key = 'key-a'"
                .to_owned(),
            disable,
        ),
    };
    let directory = Arc::new(connect(database, ""));
    on!(&database.direct, pool => {
        let mut rival = pool.begin().await.unwrap();
        raw_sql(&begin).execute(&mut *rival).await.unwrap();
        let disabling = tokio::spawn({
            let directory = Arc::clone(&directory);
            async move { directory.disable_key("a", "key-a").await }
        });
        database.wait_until_waiting(1).await;
        raw_sql(end).execute(&mut *rival).await.unwrap();
        rival.commit().await.unwrap();
        disabling.await.unwrap().unwrap();
    });
    let a = directory.by_id("a").await.unwrap().unwrap();
    assert!(!a.settings.enabled && !a.keys[0].enabled);
}

/// Whoever asks for names that do not exist keeps nobody from what is known.
pub(crate) async fn strangers_leave_connections(database: &Database) {
    let directory = Arc::new(connect(database, "max_connections = 1"));
    directory.create(&app("a", json!({}))).await.unwrap();
    let (lock, unlock) = match database.direct {
        Direct::Sqlite(_) => return,
        Direct::Postgres(_) => ("BEGIN; LOCK TABLE foghorn_app_keys", "COMMIT"),
        Direct::Mysql(_) => (
            "LOCK TABLES foghorn_apps WRITE, foghorn_app_keys WRITE",
            "UNLOCK TABLES",
        ),
    };
    on!(&database.direct, pool => {
        let mut rival = pool.acquire().await.unwrap();
        raw_sql(lock).execute(&mut *rival).await.unwrap();
        let strangers: Vec<_> = (0..3).map(|number| {
            let directory = Arc::clone(&directory);
            tokio::spawn(async move { directory.by_id(&format!("stranger-{number}")).await })
        }).collect();
        database.wait_until_waiting(1).await;
        let refresh = tokio::spawn({
            let directory = Arc::clone(&directory);
            async move { directory.by_ids(&["a"]).await.map(|found| found.len()) }
        });
        // One of the strangers, and the refresh, which is not behind the other two.
        while database.waiting().await < 2 {
            assert!(!refresh.is_finished(), "it waits for a connection");
            tokio::task::yield_now().await;
        }
        raw_sql(unlock).execute(&mut *rival).await.unwrap();
        assert_eq!(refresh.await.unwrap(), Ok(1));
        for stranger in strangers {
            assert_eq!(stranger.await.unwrap(), Ok(None));
        }
    });
}

/// A row in which nothing is text hides no other.
pub(crate) async fn bytes_are_one_apps_problem(database: &Database) {
    let directory = connect(database, "");
    for id in ["a", "b", "c", "d"] {
        directory.create(&app(id, json!({}))).await.unwrap();
    }
    let (columns, bytes): (&[&str], _) = match database.direct {
        Direct::Sqlite(_) => (&[], "x'ff00'"),
        Direct::Postgres(_) => (
            &[
                "ALTER TABLE foghorn_apps ALTER settings TYPE bytea USING settings::bytea",
                "ALTER TABLE foghorn_app_keys ALTER secret TYPE bytea USING secret::bytea",
            ],
            "'\\xff00'::bytea",
        ),
        Direct::Mysql(_) => (
            &[
                "ALTER TABLE foghorn_apps MODIFY settings LONGBLOB",
                "ALTER TABLE foghorn_app_keys MODIFY secret LONGBLOB",
            ],
            "x'ff00'",
        ),
    };
    for sql in columns {
        database.execute(sql).await;
    }
    for (table, column, id) in [
        ("foghorn_apps", "settings", "id = 'b'"),
        ("foghorn_app_keys", "secret", "app_id = 'c'"),
    ] {
        let sql = format!("UPDATE {table} SET {column} = {bytes} WHERE {id}");
        database.execute(&sql).await;
    }
    // The types of columns that changed are not those of connections that were there before.
    let directory = connect(database, "");
    let all = directory.by_ids(&["a", "b", "c", "d"]).await.unwrap();
    assert_eq!(ids(&all), ["a", "b", "c", "d"]);
    let readable: Vec<_> = all.iter().map(Result::is_ok).collect();
    assert_eq!(readable, [true, false, false, true]);
    let texts: Vec<_> = all
        .iter()
        .filter_map(|found| found.as_ref().err())
        .collect();
    assert_eq!(
        texts[0].to_string(),
        "app \"b\" in the database is wrong: settings: expected text, found bytes that are none"
    );
    assert_eq!(texts[1].problems[0].field, "keys[0].secret");
    assert_eq!(directory.list(None, 10).await.unwrap().len(), 4);
}
