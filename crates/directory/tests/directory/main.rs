//! Apps in databases: the same scenarios in SQLite, PostgreSQL and MariaDB, the latter two started
//! here with folders and ports of their own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod database;
mod names;
mod outage;
mod own;
mod rivals;
mod server;
mod soketi;

use database::{Database, Kind};
use foghorn_config::{AppConfig, AppSettings, Config, DatabaseConfig, Sources};
use foghorn_directory::{Directory, Found};
use serde_json::{Value as Json, json};
use server::Server;

#[tokio::test]
async fn sqlite() {
    run_all(&Kind::Sqlite).await;
}

#[tokio::test]
async fn postgresql() {
    let server = Server::postgresql();
    let kind = Kind::Postgres(server);
    run_all(&kind).await;
    names::an_encoding_lacks_characters(&kind).await;
    outage::run(kind).await;
}

#[tokio::test]
async fn mariadb() {
    let server = Server::mariadb();
    let kind = Kind::Mariadb(server);
    run_all(&kind).await;
    outage::run(kind).await;
}

/// Each scenario has a database of its own.
async fn run_all(kind: &Kind) {
    own::apps_come_and_go(&kind.fresh().await).await;
    own::keys_come_and_go(&kind.fresh().await).await;
    own::texts_are_compared_exactly(&kind.fresh().await).await;
    own::rows_change_behind_the_back(&kind.fresh().await).await;
    own::what_is_not_said_is_as_in_every_app(&kind.fresh().await).await;
    own::many_apps_are_read_in_pages(&kind.fresh().await).await;
    own::servers_start_at_once(&kind.fresh().await).await;
    own::secrets_are_not_told(&kind.fresh().await).await;
    names::some_are_in_no_database(&kind.fresh().await).await;
    names::a_refusal_is_an_answer(&kind.fresh().await).await;
    rivals::what_is_rolled_back_is_tried_again(&kind.fresh().await).await;
    rivals::strangers_leave_connections(&kind.fresh().await).await;
    rivals::bytes_are_one_apps_problem(&kind.fresh().await).await;
    soketi::rows_are_apps(&kind.fresh().await).await;
    soketi::null_is_as_in_every_app(&kind.fresh().await).await;
    soketi::numbers_are_ids(&kind.fresh().await).await;
    soketi::wrong_rows_name_their_columns(&kind.fresh().await).await;
    soketi::bits_and_zeros(&kind.fresh().await).await;
    soketi::columns_have_any_type(&kind.fresh().await).await;
    soketi::nothing_is_written(&kind.fresh().await).await;
    soketi::a_table_has_a_name(&kind.fresh().await).await;
}

/// The configuration with these lines about the database.
fn config(lines: &str) -> DatabaseConfig {
    let sources = Sources {
        file: Some(("test.toml".into(), Ok(format!("[database]\n{lines}")))),
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let loaded = Config::load(sources).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.config.database
}

/// The directory of a database, as `lines` say it is.
fn connect(database: &Database, lines: &str) -> Directory {
    connect_with(database, lines, AppSettings::default())
}

fn connect_with(database: &Database, lines: &str, base: AppSettings) -> Directory {
    let config = config(&format!("url = \"{}\"\n{lines}", database.url));
    let directory = Directory::connect(&config, base).unwrap();
    directory.expect("a database is configured")
}

/// An app of this id with one key, `key-ID`, and `more` members.
fn app(id: &str, more: Json) -> AppConfig {
    let mut form = json!({"id": id, "keys": [{"key": format!("key-{id}"), "secret": "hunter2"}]});
    let Json::Object(more) = more else {
        panic!("members of an object: {more}")
    };
    form.as_object_mut().unwrap().extend(more);
    AppConfig::from_json(&form, &AppSettings::default()).unwrap()
}

/// The ids of what was found, those of what cannot be read included.
fn ids(found: &[Found]) -> Vec<&str> {
    let ids = found.iter().map(|found| match found {
        Ok(app) => app.settings.id.as_str(),
        Err(unreadable) => unreadable.app.as_str(),
    });
    ids.collect()
}
