//! A database that is not there, or not yet, or does not answer.

use foghorn_config::AppSettings;
use foghorn_directory::{ChangeError, Directory, LookupError};
use serde_json::json;

use crate::database::Kind;
use crate::server::PASSWORD;
use crate::{app, config, connect};

/// Stops and starts the server.
pub(crate) async fn run(mut kind: Kind) {
    let database = kind.fresh().await;
    let directory = connect(&database, "");
    let a = app("a", json!({}));
    directory.create(&a).await.unwrap();

    kind.server().stop();
    assert_unavailable(&directory).await;
    // Who connects now has to wait until it is needed, and no longer.
    let late = connect(&database, "");
    assert_unavailable(&late).await;
    kind.server().start();
    assert_eq!(directory.by_key("key-a").await, Ok(Some(a.clone())));
    assert_eq!(late.by_id("a").await, Ok(Some(a.clone())));
    late.add_key("a", &app("x", json!({})).keys[0])
        .await
        .unwrap();

    // It takes connections, and says nothing.
    if matches!(kind, Kind::Mariadb(_)) {
        kind.server().signal("STOP");
        assert_unavailable(&directory).await;
        kind.server().signal("CONT");
        assert!(directory.by_id("a").await.unwrap().is_some());
    }

    let wrong = database.url.replace(PASSWORD, "hunter3");
    let config = config(&format!("url = \"{wrong}\""));
    let wrong = Directory::connect(&config, AppSettings::default());
    let wrong = wrong.unwrap().unwrap();
    let refused = wrong.by_id("a").await.unwrap_err();
    assert!(matches!(refused, LookupError::Unavailable(_)), "{refused}");
    let refused = refused.to_string();
    assert!(!refused.contains("hunter"), "{refused}");
}

async fn assert_unavailable(directory: &Directory) {
    let new = app("n", json!({}));
    let (by_key, by_id, created) = tokio::join!(
        directory.by_key("key-a"),
        directory.by_id("a"),
        directory.create(&new)
    );
    for found in [by_key, by_id] {
        let Err(LookupError::Unavailable(text)) = found else {
            panic!("{found:?}")
        };
        assert!(!text.contains("hunter"), "{text}");
    }
    assert!(
        matches!(created, Err(ChangeError::Unavailable(_))),
        "{created:?}"
    );
}

#[tokio::test]
async fn urls_are_wrong_at_the_start_or_never() {
    let connect = |url: &str| {
        let config = config(&format!("url = '{url}'"));
        Directory::connect(&config, AppSettings::default()).map(|directory| directory.is_some())
    };
    assert_eq!(connect(""), Ok(false));
    for url in [
        "sqlite:///nowhere/apps.db",
        "postgres://127.0.0.1:1/apps",
        "mariadb://db/apps",
    ] {
        assert_eq!(connect(url), Ok(true), "{url}");
    }
    for url in [
        "postgres://me:hunter2@host:hunter2/apps",
        "mysql://me:hunter2@host:99999/apps",
        "mysql://[hunter2/apps",
        "postgres://host/apps?sslmode=hunter2",
        "sqlite://apps.db?mode=hunter2",
    ] {
        let refused = connect(url).unwrap_err().to_string();
        assert_eq!(
            refused,
            "database.url cannot be used: it is no valid URL of a database"
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_no_database() {
    let config = config("url = 'sqlite:///nowhere/apps.db'");
    let directory = Directory::connect(&config, AppSettings::default());
    let found = directory.unwrap().unwrap().by_id("a").await;
    assert!(
        matches!(found, Err(LookupError::Unavailable(_))),
        "{found:?}"
    );
}
