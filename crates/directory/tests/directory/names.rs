//! Names that no column can hold.

use foghorn_directory::ChangeError;
use serde_json::json;
use sqlx::PgPool;

use crate::database::{Database, Direct, Kind};
use crate::soketi::LAYOUT;
use crate::{app, connect, ids};

pub(crate) async fn some_are_in_no_database(database: &Database) {
    let directory = connect(database, "");
    let longest = "ä".repeat(125);
    for id in ["a", "b", &longest] {
        directory.create(&app(id, json!({}))).await.unwrap();
    }
    assert!(directory.by_id(&longest).await.unwrap().is_some());
    let long = "x".repeat(256);
    for nobody in ["a\0", "\0", "a\0b", &long] {
        assert_eq!(directory.by_key(nobody).await, Ok(None), "{nobody:?}");
        assert_eq!(directory.by_id(nobody).await, Ok(None), "{nobody:?}");
        let found = directory.by_ids(&[nobody, "a"]).await.unwrap();
        assert_eq!(ids(&found), ["a"]);
        let missing = Err(ChangeError::NotFound);
        assert_eq!(directory.delete(nobody).await, missing);
        assert_eq!(directory.disable_key("a", nobody).await, missing);
        assert_eq!(directory.remove_key(nobody, "key-a").await, missing);
    }
    let page = directory.list(Some("a\0z"), 1).await.unwrap();
    assert_eq!(ids(&page), ["b"]);
    assert_eq!(directory.list(None, 9).await.unwrap().len(), 3);
}

/// A database that says no is not said to be silent.
pub(crate) async fn a_refusal_is_an_answer(database: &Database) {
    let directory = connect(database, LAYOUT);
    let text = directory.by_id("a").await.unwrap_err().to_string();
    let expect = "the database of apps cannot be asked: it refuses: ";
    assert!(text.starts_with(expect), "{text}");
}

/// PostgreSQL has encodings that lack most characters; nobody can be called by one of those.
pub(crate) async fn an_encoding_lacks_characters(kind: &Kind) {
    let all = PgPool::connect(&kind.url("postgres")).await.unwrap();
    let create = "CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    sqlx::query(create).execute(&all).await.unwrap();
    let url = kind.url("latin1");
    let direct = Direct::Postgres(PgPool::connect(&url).await.unwrap());
    let database = Database::new(url, direct);
    let directory = connect(&database, "");
    let known = app("ü", json!({}));
    directory.create(&known).await.unwrap();
    assert_eq!(directory.by_key("key-ü").await, Ok(Some(known)));
    assert_eq!(directory.by_key("鍵").await, Ok(None));
    assert_eq!(directory.by_id("鍵").await, Ok(None));
}
