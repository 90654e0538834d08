//! This server's own tables.

use foghorn_config::{AppSettings, KeyPair};
use foghorn_directory::{ChangeError, Directory, LookupError};
use serde_json::{Value as Json, json};

use crate::database::Database;
use crate::{app, connect, connect_with, ids};

const APPS: &str = "foghorn_apps";
const KEYS: &str = "foghorn_app_keys";

pub(crate) async fn apps_come_and_go(database: &Database) {
    let directory = connect(database, "");
    assert_eq!(directory.by_key("key-a").await, Ok(None));
    assert_eq!(directory.list(None, 10).await, Ok(vec![]));
    let webhook = json!([{"url": "https://a.example/", "headers": {"X-Token": "hunter3"}}]);
    let mut a = app(
        "a",
        json!({"name": "Ä \"'\\?$1", "max_connections": 7, "webhooks": webhook}),
    );
    directory.create(&a).await.unwrap();
    directory
        .create(&app("b", json!({"enabled": false})))
        .await
        .unwrap();
    assert_eq!(directory.by_key("key-a").await, Ok(Some(a.clone())));
    assert_eq!(directory.by_id("a").await, Ok(Some(a.clone())));
    assert!(
        !directory
            .by_id("b")
            .await
            .unwrap()
            .unwrap()
            .settings
            .enabled
    );
    assert_eq!(directory.by_key("a").await, Ok(None));
    assert_eq!(directory.by_id("key-a").await, Ok(None));

    let taken = app("a", json!({"keys": [{"key": "new", "secret": "s"}]}));
    assert_eq!(directory.create(&taken).await, Err(ChangeError::Exists));
    let keys = json!({"keys": [{"key": "new", "secret": "s"}, {"key": "key-b", "secret": "s"}]});
    assert_eq!(
        directory.create(&app("c", keys)).await,
        Err(ChangeError::KeyTaken)
    );
    assert_eq!(
        directory.by_key("new").await,
        Ok(None),
        "all of an app or nothing"
    );
    assert_eq!(directory.by_id("c").await, Ok(None));

    a.settings.enabled = false;
    a.settings.name = String::new();
    a.webhooks.clear();
    directory.update(&a).await.unwrap();
    // The same once more changes nothing, and is no failure.
    directory.update(&a).await.unwrap();
    assert_eq!(directory.by_key("key-a").await, Ok(Some(a.clone())));
    let unknown = directory.update(&app("c", json!({}))).await;
    assert_eq!(unknown, Err(ChangeError::NotFound));

    directory.delete("a").await.unwrap();
    assert_eq!(directory.delete("a").await, Err(ChangeError::NotFound));
    assert_eq!(directory.by_key("key-a").await, Ok(None));
    assert_eq!(
        (database.count(APPS).await, database.count(KEYS).await),
        (1, 1)
    );
    directory.create(&a).await.unwrap();
    assert_eq!(directory.by_id("a").await, Ok(Some(a)));
    directory.close().await;
}

fn pair(key: &str) -> KeyPair {
    let app = app(
        "x",
        json!({"keys": [{"key": key, "secret": format!("secret-{key}")}]}),
    );
    app.keys[0].clone()
}

/// The keys of app `a`, each with what it proves itself with, and `-` if it is not accepted.
async fn keys(directory: &Directory) -> Vec<String> {
    let app = directory.by_id("a").await.unwrap().unwrap();
    let shown = app.keys.iter().map(|pair| {
        let accepted = if pair.enabled { "" } else { "-" };
        format!("{accepted}{}:{}", pair.key.as_str(), pair.secret.expose())
    });
    shown.collect()
}

pub(crate) async fn keys_come_and_go(database: &Database) {
    let directory = connect(database, "");
    directory.create(&app("a", json!({}))).await.unwrap();
    directory.create(&app("b", json!({}))).await.unwrap();
    // Their order is that of their making, whatever their names.
    for key in ["z", "0", "m"] {
        directory.add_key("a", &pair(key)).await.unwrap();
    }
    directory.disable_key("a", "key-a").await.unwrap();
    directory.disable_key("a", "key-a").await.unwrap();
    let expect = ["-key-a:hunter2", "z:secret-z", "0:secret-0", "m:secret-m"];
    assert_eq!(keys(&directory).await, expect);
    let by_refused_key = directory.by_key("key-a").await.unwrap().unwrap();
    assert_eq!(by_refused_key.settings.id.as_str(), "a");
    directory.enable_key("a", "key-a").await.unwrap();
    directory.remove_key("a", "0").await.unwrap();
    assert_eq!(
        keys(&directory).await,
        ["key-a:hunter2", "z:secret-z", "m:secret-m"]
    );

    assert_eq!(
        directory.add_key("a", &pair("key-b")).await,
        Err(ChangeError::KeyTaken)
    );
    assert_eq!(
        directory.add_key("a", &pair("z")).await,
        Err(ChangeError::KeyTaken)
    );
    for (id, key) in [("a", "0"), ("b", "z"), ("c", "z"), ("a", "key-b")] {
        assert_eq!(
            directory.enable_key(id, key).await,
            Err(ChangeError::NotFound)
        );
        assert_eq!(
            directory.disable_key(id, key).await,
            Err(ChangeError::NotFound)
        );
        assert_eq!(
            directory.remove_key(id, key).await,
            Err(ChangeError::NotFound)
        );
    }
    assert_eq!(
        directory.add_key("c", &pair("n")).await,
        Err(ChangeError::NotFound)
    );
    assert_eq!(database.count(KEYS).await, 4, "no key without an app");

    directory.remove_key("a", "z").await.unwrap();
    // Of two that would take the last two away, one is told that it cannot.
    let (one, other) = tokio::join!(
        directory.remove_key("a", "key-a"),
        directory.remove_key("a", "m")
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let refused = one.err().or(other.err());
    assert_eq!(refused, Some(ChangeError::LastKey));
    assert_eq!(keys(&directory).await.len(), 1);
}

pub(crate) async fn texts_are_compared_exactly(database: &Database) {
    let directory = connect(database, "");
    let odd = "O'Brien\"`ü$1;--";
    for id in ["a", "A", "ä", odd] {
        directory.create(&app(id, json!({}))).await.unwrap();
    }
    for id in ["a", "A", "ä", odd] {
        let found = directory.by_key(&format!("key-{id}")).await.unwrap();
        assert_eq!(found.unwrap().settings.id.as_str(), id);
        assert!(directory.by_id(id).await.unwrap().is_some());
    }
    for nobody in ["a ", " a", "Ä", "", "a%", "a\\", "a' OR '1' = '1"] {
        assert_eq!(directory.by_id(nobody).await, Ok(None), "{nobody:?}");
        let key = format!("key-{nobody}");
        assert_eq!(directory.by_key(&key).await, Ok(None), "{key:?}");
    }
    assert_eq!(directory.delete("Ä").await, Err(ChangeError::NotFound));
}

pub(crate) async fn rows_change_behind_the_back(database: &Database) {
    let directory = connect(database, "");
    for id in ["a", "b", "c", "d", "e"] {
        directory.create(&app(id, json!({}))).await.unwrap();
    }
    for sql in [
        "UPDATE foghorn_apps SET enabled = 0 WHERE id = 'a'",
        "UPDATE foghorn_apps SET settings = 'hunter2' WHERE id = 'b'",
        r#"UPDATE foghorn_apps SET settings = '{"max_batch_size": 0, "id": 5}' WHERE id = 'c'"#,
        "DELETE FROM foghorn_app_keys WHERE app_id = 'd'",
        "DELETE FROM foghorn_apps WHERE id = 'e'",
        "UPDATE foghorn_app_keys SET enabled = 7 WHERE app_id = 'c'",
    ] {
        database.execute(sql).await;
    }
    assert!(
        !directory
            .by_key("key-a")
            .await
            .unwrap()
            .unwrap()
            .settings
            .enabled
    );
    let unreadable = |found: Result<_, LookupError>| found.unwrap_err().to_string();
    let expect = "app \"b\" in the database is wrong: settings: expected an object as JSON, found \
                  other text";
    assert_eq!(unreadable(directory.by_key("key-b").await), expect);
    let text = unreadable(directory.by_id("c").await);
    assert!(text.contains("app \"c\""), "{text}");
    assert!(
        text.contains("max_batch_size: expected a whole number"),
        "{text}"
    );
    assert!(
        text.contains("keys[0].enabled: expected true or false"),
        "{text}"
    );
    let text = unreadable(directory.by_id("d").await);
    assert!(text.ends_with("keys: is required and missing"), "{text}");
    assert_eq!(directory.by_key("key-d").await, Ok(None));
    // A key of no app is nobody's, and nobody else's.
    assert_eq!(directory.by_key("key-e").await, Ok(None));
    let e = directory.create(&app("e", json!({}))).await;
    assert_eq!(e, Err(ChangeError::KeyTaken));
    // Those that cannot be read keep nobody from the others.
    let all = directory.list(None, 10).await.unwrap();
    assert_eq!(ids(&all), ["a", "b", "c", "d"]);
    let readable: Vec<_> = all.iter().map(Result::is_ok).collect();
    assert_eq!(readable, [true, false, false, false]);
    let some = directory.by_ids(&["b", "a", "x"]).await.unwrap();
    assert_eq!(some.len(), 2);
}

pub(crate) async fn what_is_not_said_is_as_in_every_app(database: &Database) {
    let directory = connect(database, "");
    let own = app("a", json!({"max_batch_size": 7, "client_events": true}));
    directory.create(&own).await.unwrap();
    let stored = database.text("SELECT settings FROM foghorn_apps").await;
    let stored: Json = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored, json!({"max_batch_size": 7, "client_events": true}));
    let base = AppSettings {
        max_batch_size: 3,
        max_watchlist: 4,
        ..AppSettings::default()
    };
    let other = connect_with(database, "", base);
    let settings = other.by_id("a").await.unwrap().unwrap().settings;
    assert_eq!((settings.max_batch_size, settings.max_watchlist), (7, 4));
}

pub(crate) async fn many_apps_are_read_in_pages(database: &Database) {
    let directory = connect(database, "");
    let names: Vec<_> = (0..25).map(|number| format!("app-{number:02}")).collect();
    for name in &names {
        directory.create(&app(name, json!({}))).await.unwrap();
    }
    directory.add_key("app-03", &pair("more")).await.unwrap();
    let mut all: Vec<String> = Vec::new();
    loop {
        let page = directory
            .list(all.last().map(String::as_str), 10)
            .await
            .unwrap();
        let page: Vec<_> = ids(&page).into_iter().map(str::to_owned).collect();
        if page.is_empty() {
            break;
        }
        assert_eq!(page.len(), 10.min(names.len() - all.len()));
        all.extend(page);
    }
    assert_eq!(all, names);
    // More than go into one query.
    let strangers: Vec<_> = (0..1_500)
        .map(|number| format!("stranger-{number}"))
        .collect();
    let mut asked: Vec<_> = strangers.iter().map(String::as_str).collect();
    asked.extend(names.iter().map(String::as_str));
    let found = directory.by_ids(&asked).await.unwrap();
    let mut found = ids(&found);
    found.sort_unstable();
    assert_eq!(found, names);
    assert_eq!(directory.by_ids(&[]).await, Ok(vec![]));
}

pub(crate) async fn servers_start_at_once(database: &Database) {
    let starts = (0..6).map(|number| {
        let directory = connect(database, "max_connections = 1");
        tokio::spawn(async move {
            directory
                .create(&app(&format!("app-{number}"), json!({})))
                .await
                .unwrap();
        })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap();
    }
    assert_eq!(database.count(APPS).await, 6);
}

pub(crate) async fn secrets_are_not_told(database: &Database) {
    let directory = connect(database, "");
    let secret = "hunter2-of-an-app";
    let keys = json!([{"key": "k", "secret": secret}, {"key": "key-b", "secret": secret}]);
    let webhooks = json!([{"url": "https://a.example/", "headers": {"X-Token": secret}}]);
    let keys = json!({"keys": keys, "webhooks": webhooks});
    directory.create(&app("b", json!({}))).await.unwrap();
    // Somebody else has the key.
    let mut texts = vec![format!("{:?}", directory.create(&app("a", keys)).await)];
    texts.push(format!("{:?}", directory.by_id("a").await));
    database
        .execute("UPDATE foghorn_app_keys SET enabled = 7")
        .await;
    texts.push(format!("{:?}", directory.list(None, 9).await));
    database.execute("DROP TABLE foghorn_apps").await;
    texts.push(format!("{:?}", directory.by_id("a").await));
    texts.push(format!(
        "{:?}",
        directory.create(&app("b", json!({}))).await
    ));
    let texts = texts.concat();
    assert!(texts.contains("Unavailable"), "{texts}");
    assert!(!texts.contains("hunter2"), "{texts}");
}
