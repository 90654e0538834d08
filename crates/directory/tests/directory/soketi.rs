//! soketi's table of apps, with the types that it has in each database.

use std::time::Duration;

use foghorn_config::AppSettings;
use foghorn_directory::{ChangeError, LookupError};
use foghorn_protocol::{Ceiling, Rate};
use serde_json::json;

use crate::database::{Database, Direct};
use crate::{app, connect, connect_with, ids};

pub(crate) const LAYOUT: &str = "layout = \"soketi\"\n";

/// Columns that have no type of their own below.
const NUMBERS: [&str; 7] = [
    "max_presence_members_per_channel",
    "max_presence_member_size_in_kb",
    "max_channel_name_length",
    "max_event_channels_at_once",
    "max_event_name_length",
    "max_event_payload_in_kb",
    "max_event_batch_size",
];

impl Database {
    /// A name that is a word of the language.
    fn word(&self, name: &str) -> String {
        match self.direct {
            Direct::Mysql(_) => format!("`{name}`"),
            Direct::Sqlite(_) | Direct::Postgres(_) => format!("\"{name}\""),
        }
    }

    /// Makes soketi's table, with ids of this type.
    async fn make_table(&self, name: &str, id: &str) {
        self.make_table_with(name, (id, "varchar(255)")).await;
    }

    /// Makes soketi's table, with ids and keys of these types.
    async fn make_table_with(&self, name: &str, (id, key_type): (&str, &str)) {
        let (truth, json) = match self.direct {
            Direct::Sqlite(_) => ("INTEGER", "TEXT"),
            Direct::Postgres(_) => ("smallint", "json"),
            Direct::Mysql(_) => ("tinyint(1)", "json"),
        };
        let numbers = NUMBERS
            .map(|name| format!("{name} smallint NULL"))
            .join(", ");
        let key = self.word("key");
        let sql = format!(
            "CREATE TABLE {name} (id {id} NOT NULL PRIMARY KEY, {key} {key_type} NOT NULL, \
             secret varchar(255) NOT NULL, max_connections integer NULL, \
             enable_client_messages {truth} NULL, enabled {truth} NULL, \
             max_backend_events_per_sec integer NULL, max_client_events_per_sec integer NULL, \
             max_read_req_per_sec integer NULL, webhooks {json} NULL, {numbers}, \
             enable_user_authentication {truth} NULL)"
        );
        self.execute(&sql).await;
    }

    /// Inserts a row into `table`: columns, and what they are in the language.
    async fn insert(&self, table: &str, cells: &[(&str, &str)]) {
        let columns: Vec<_> = cells.iter().map(|(column, _)| self.word(column)).collect();
        let values: Vec<_> = cells.iter().map(|(_, value)| *value).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({values})");
        self.execute(&sql).await;
    }
}

fn credentials<'a>(id: &'a str, key: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("id", id), ("key", key), ("secret", "'hunter2'")]
}

const WEBHOOKS: &str = r#"'[{"url": "https://a.example/", "event_types": ["member_added"],
    "headers": {"X-Env": "prod"}}]'"#;

pub(crate) async fn rows_are_apps(database: &Database) {
    database.make_table("apps", "char(36)").await;
    let mut full = credentials("'a'", "'key-a'");
    full.extend([
        ("max_connections", "-1"),
        ("enable_client_messages", "1"),
        ("enabled", "0"),
        ("max_backend_events_per_sec", "10"),
        ("max_client_events_per_sec", "-1"),
        ("max_read_req_per_sec", "12"),
        ("webhooks", WEBHOOKS),
        ("max_presence_members_per_channel", "13"),
        ("max_presence_member_size_in_kb", "14"),
        ("max_channel_name_length", "15"),
        ("max_event_channels_at_once", "16"),
        ("max_event_name_length", "17"),
        ("max_event_payload_in_kb", "100"),
        ("max_event_batch_size", "19"),
        ("enable_user_authentication", "1"),
    ]);
    database.insert("apps", &full).await;
    database
        .insert("apps", &credentials("'b'", "'key-b'"))
        .await;
    let base = AppSettings {
        max_watchlist: 3,
        max_batch_size: 4,
        max_connections: Ceiling::AtMost(5),
        ..AppSettings::default()
    };
    let directory = connect_with(database, LAYOUT, base.clone());
    let found = directory.by_key("key-a").await.unwrap().unwrap();
    assert_eq!(directory.by_id("a").await, Ok(Some(found.clone())));
    let settings = &found.settings;
    assert_eq!((settings.id.as_str(), settings.enabled), ("a", false));
    assert!(settings.client_events && settings.authorized_connections);
    assert_eq!(settings.authorization_timeout, Duration::from_secs(30));
    let limits = found.limits();
    assert_eq!(limits.max_connections, Ceiling::Unlimited);
    assert_eq!(limits.api_events_per_second, Rate::PerSecond(10));
    assert_eq!(limits.client_events_per_second, Rate::Unlimited);
    assert_eq!(limits.api_reads_per_second, Rate::PerSecond(12));
    assert_eq!(
        (
            limits.max_presence_members,
            limits.max_presence_member_bytes
        ),
        (13, 14 * 1_024)
    );
    assert_eq!(
        (limits.max_channel_name_length, limits.max_event_name_length),
        (15, 17)
    );
    assert_eq!(
        (limits.max_channels_per_event, limits.max_batch_size),
        (16, 19)
    );
    assert_eq!(
        (limits.max_event_data_bytes, limits.max_watchlist),
        (102_400, 3)
    );
    assert_eq!(found.webhooks[0].target().url, "https://a.example/");
    assert_eq!(found.keys[0].secret.expose(), "hunter2");
}

pub(crate) async fn null_is_as_in_every_app(database: &Database) {
    database.make_table("apps", "char(36)").await;
    let base = AppSettings {
        max_batch_size: 4,
        max_connections: Ceiling::AtMost(5),
        ..AppSettings::default()
    };
    let directory = connect_with(database, LAYOUT, base.clone());
    for (id, key) in [("'a'", "'key-a'"), ("'b'", "'key-b'")] {
        database.insert("apps", &credentials(id, key)).await;
    }
    let b = directory.by_id("b").await.unwrap().unwrap();
    let expect = AppSettings {
        id: b.settings.id.clone(),
        ..base
    };
    assert_eq!((b.settings, b.webhooks), (expect, vec![]));
    // MySQL takes one for the other.
    for nobody in ["KEY-A", "key-a ", ""] {
        assert_eq!(directory.by_key(nobody).await, Ok(None), "{nobody:?}");
    }
    assert_eq!(directory.by_id("B").await, Ok(None));
    let page = directory.list(Some("a"), 10).await.unwrap();
    assert_eq!(ids(&page), ["b"]);
    assert_eq!(directory.list(None, 1).await.unwrap().len(), 1);
    let two = directory.by_ids(&["b", "a", "c"]).await.unwrap();
    assert_eq!(two.len(), 2);
}

pub(crate) async fn numbers_are_ids(database: &Database) {
    database.make_table("apps", "integer").await;
    database.insert("apps", &credentials("42", "'123'")).await;
    let directory = connect(database, LAYOUT);
    let found = directory.by_id("42").await.unwrap().unwrap();
    assert_eq!(directory.by_key("123").await, Ok(Some(found)));
    for nobody in ["42x", "042", "x", "42.0"] {
        assert_eq!(directory.by_id(nobody).await, Ok(None), "{nobody}");
    }
}

pub(crate) async fn wrong_rows_name_their_columns(database: &Database) {
    database.make_table("apps", "char(36)").await;
    let mut row = credentials("'a'", "'a/b'");
    row.extend([
        ("max_connections", "-2"),
        ("max_backend_events_per_sec", "0"),
        ("enabled", "7"),
        ("max_event_payload_in_kb", "-1"),
        ("max_event_batch_size", "0"),
        (
            "webhooks",
            r#"'[{"url": "https://a.example", "event_types": ["x"]}, {"lambda": {}}]'"#,
        ),
    ]);
    database.insert("apps", &row).await;
    let mut row = credentials("'b'", "'b'");
    row.push(("webhooks", r#"'{"url": "hunter2"}'"#));
    database.insert("apps", &row).await;
    // Some clients write JSON within JSON.
    let mut row = credentials("'c'", "'c'");
    row.push(("webhooks", r#"'"[]"'"#));
    database.insert("apps", &row).await;
    let directory = connect(database, LAYOUT);
    let Err(LookupError::Unreadable(unreadable)) = directory.by_key("a/b").await else {
        panic!("it must be refused")
    };
    let fields: Vec<_> = unreadable
        .problems
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    for field in [
        "key",
        "max_connections",
        "max_backend_events_per_sec",
        "enabled",
        "max_event_payload_in_kb",
        "max_event_batch_size",
        "webhooks[0].event_types[0]",
        "webhooks[1].lambda",
    ] {
        assert!(fields.contains(&field), "{field} in {unreadable}");
    }
    assert!(!unreadable.to_string().contains("hunter2"), "{unreadable}");
    let refused = directory.by_id("b").await.unwrap_err().to_string();
    let expect = "app \"b\" in the database is wrong: webhooks: expected an array of objects, \
                  found an object";
    assert_eq!(refused, expect);
    assert!(
        directory
            .by_id("c")
            .await
            .unwrap()
            .unwrap()
            .webhooks
            .is_empty()
    );
    assert_eq!(directory.list(None, 9).await.unwrap().len(), 3);
}

/// Booleans may be bits, and soketi has a meaning for some zeros.
pub(crate) async fn bits_and_zeros(database: &Database) {
    database.make_table("apps", "char(36)").await;
    let (yes, no) = match database.direct {
        Direct::Mysql(_) => {
            for column in ["enabled", "enable_client_messages"] {
                let sql = format!("ALTER TABLE apps MODIFY {column} BIT(1) NULL");
                database.execute(&sql).await;
            }
            ("b'1'", "b'0'")
        }
        Direct::Sqlite(_) => ("x'01'", "x'00'"),
        Direct::Postgres(_) => ("1", "0"),
    };
    for (id, key, enabled) in [("'a'", "'key-a'", yes), ("'b'", "'key-b'", no)] {
        let mut row = credentials(id, key);
        row.extend([
            ("enabled", enabled),
            ("enable_client_messages", yes),
            ("max_connections", "0"),
        ]);
        database.insert("apps", &row).await;
    }
    let mut row = credentials("'c'", "'key-c'");
    row.extend([
        ("enable_client_messages", yes),
        ("max_client_events_per_sec", "0"),
    ]);
    database.insert("apps", &row).await;
    let directory = connect(database, LAYOUT);
    let a = directory.by_id("a").await.unwrap().unwrap().settings;
    let b = directory.by_id("b").await.unwrap().unwrap().settings;
    let c = directory.by_id("c").await.unwrap().unwrap().settings;
    assert_eq!((a.enabled, b.enabled), (true, false));
    assert_eq!((a.client_events, c.client_events), (true, false));
    assert_eq!(a.max_connections, Ceiling::Unlimited);
    let default = AppSettings::default().client_events_per_second;
    assert_eq!(c.client_events_per_second, default);
}

/// A name finds its app whatever the type of the column, and the bytes in one row hide no other.
pub(crate) async fn columns_have_any_type(database: &Database) {
    let (key_type, key, odd) = match database.direct {
        // Without a type, numbers are numbers.
        Direct::Sqlite(_) => ("", "7", Some("x'ff00'")),
        Direct::Postgres(_) => ("integer", "7", None),
        Direct::Mysql(_) => ("varchar(40) CHARACTER SET latin1", "'7'", None),
    };
    database.make_table_with("apps", ("bigint", key_type)).await;
    database.insert("apps", &credentials("42", key)).await;
    if let Some(odd) = odd {
        let row = vec![("id", "43"), ("key", "'b'"), ("secret", odd)];
        database.insert("apps", &row).await;
    }
    let directory = connect(database, LAYOUT);
    let found = directory.by_key("7").await.unwrap().unwrap();
    assert_eq!(directory.by_id("42").await, Ok(Some(found)));
    for nobody in ["7x", "07", "鍵", "x", "99999999999999999999999999"] {
        assert_eq!(directory.by_key(nobody).await, Ok(None), "{nobody}");
        assert_eq!(directory.by_id(nobody).await, Ok(None), "{nobody}");
    }
    if odd.is_some() {
        let all = directory.by_ids(&["42", "43"]).await.unwrap();
        let unreadable = all[1].as_ref().unwrap_err();
        assert!(all[0].is_ok());
        assert_eq!(unreadable.problems[0].field, "secret");
    }
}

pub(crate) async fn nothing_is_written(database: &Database) {
    let directory = connect(database, LAYOUT);
    // Not even the table, if there is none.
    let missing = directory.by_id("a").await;
    assert!(
        matches!(missing, Err(LookupError::Unavailable(_))),
        "{missing:?}"
    );
    database.make_table("apps", "char(36)").await;
    database
        .insert("apps", &credentials("'a'", "'key-a'"))
        .await;
    let found = directory.by_id("a").await.unwrap().unwrap();
    let refused = Err(ChangeError::ReadOnly);
    assert_eq!(directory.create(&app("b", json!({}))).await, refused);
    assert_eq!(directory.update(&found).await, refused);
    assert_eq!(directory.delete("a").await, refused);
    assert_eq!(directory.add_key("a", &found.keys[0]).await, refused);
    assert_eq!(directory.enable_key("a", "key-a").await, refused);
    assert_eq!(directory.disable_key("a", "key-a").await, refused);
    assert_eq!(directory.remove_key("a", "key-a").await, refused);
    assert_eq!(directory.by_id("a").await, Ok(Some(found)));
    assert_eq!(database.count("apps").await, 1);
}

pub(crate) async fn a_table_has_a_name(database: &Database) {
    let schema = match database.direct {
        Direct::Sqlite(_) => "main",
        Direct::Postgres(_) => "public",
        Direct::Mysql(_) => database.url.rsplit('/').next().unwrap(),
    };
    // A word of the language, within a schema.
    let name = format!("{schema}.{}", database.word("group"));
    database.make_table(&name, "char(36)").await;
    database.insert(&name, &credentials("'a'", "'key-a'")).await;
    for table in ["group", &format!("{schema}.group")] {
        let directory = connect(database, &format!("{LAYOUT}table = \"{table}\""));
        assert!(
            directory.by_key("key-a").await.unwrap().is_some(),
            "{table}"
        );
    }
}
