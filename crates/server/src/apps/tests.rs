//! The apps of a node and of a database, which is SQLite here.

use foghorn_cluster::local::LocalBus;
use foghorn_config::{Config, Sources};
use prometheus::Registry;

use super::*;
use crate::capacity::Capacity;
use crate::composition;

/// A node with a database of its own.
struct World {
    node: Arc<Node>,
    apps: Arc<Catalogue>,
    folder: std::path::PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A configuration of these lines and a database at `folder`.
fn loaded(folder: &std::path::Path, apps: &str) -> Loaded {
    let url = folder.join("apps.db");
    let database = format!("[database]\nurl = \"sqlite://{}\"\n", url.display());
    let data = format!(
        "[server]\ndata_dir = \"{}\"\n",
        folder.join("data").display()
    );
    let sources = Sources {
        file: Some(("foghorn.toml".into(), Ok(format!("{data}{database}{apps}")))),
        environment: Vec::new(),
        flags: Vec::new(),
    };
    Config::load(sources).unwrap()
}

fn configured(id: &str, key: &str) -> String {
    format!("[[apps]]\nid = \"{id}\"\nkey = \"{key}\"\nsecret = \"secret\"\n")
}

impl World {
    fn new(apps: &str) -> Self {
        let name = format!("foghorn-apps-{:016x}", getrandom::u64().unwrap());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let loaded = loaded(&folder, apps);
        let capacity = Capacity {
            open_files: 100,
            connections: 50,
        };
        let bus = LocalBus::new();
        let composed = composition::node(&loaded.config, capacity, &Registry::new(), &bus).unwrap();
        let apps = Catalogue::unattended(&composed.node, loaded, Clock::start());
        Self {
            node: composed.node,
            apps,
            folder,
        }
    }

    fn directory(&self) -> &Directory {
        self.apps.directory().unwrap()
    }

    /// Puts an app into the database behind the node's back.
    async fn store(&self, id: &str, key: &str) -> AppConfig {
        let app = app(id, key);
        self.directory().create(&app).await.unwrap();
        app
    }

    /// Whether somebody with this key is let in, who waits while the app is looked for.
    async fn lets_in(&self, key: &str) -> bool {
        let name = || Name::Key(key.to_owned().into());
        if let Some(search) = self.apps.look_for(name()) {
            search.await;
        }
        assert!(!self.apps.is_unsure_of(name()), "{key}");
        self.node.apps().with_key(key).is_some()
    }

    fn has(&self, id: &str) -> bool {
        self.node.apps().with_id(id).is_some()
    }
}

fn app(id: &str, key: &str) -> AppConfig {
    let keys = serde_json::json!([{ "key": key, "secret": "secret" }]);
    let app = serde_json::json!({ "id": id, "keys": keys });
    AppConfig::from_json(&app, &foghorn_config::AppSettings::default()).unwrap()
}

#[tokio::test]
async fn an_app_is_there_when_somebody_asks_for_it() {
    let world = World::new("");
    world.store("a", "key-a").await;
    assert!(!world.has("a"));
    assert!(world.lets_in("key-a").await);
    assert!(world.has("a"));
    assert!(!world.lets_in("key-b").await);
    // It was not there a moment ago, but who puts it there says so.
    let b = world.store("b", "key-b").await;
    assert!(!world.lets_in("key-b").await);
    world.apps.put_stored(&b).unwrap();
    assert!(world.lets_in("key-b").await);
}

#[tokio::test]
async fn a_crowd_that_comes_at_once_is_let_in() {
    let world = World::new("");
    for number in 0..200 {
        world
            .store(&format!("app-{number}"), &format!("key-{number}"))
            .await;
    }
    let keys: Vec<String> = (0..200).map(|number| format!("key-{number}")).collect();
    let searches: Vec<_> = keys
        .iter()
        .filter_map(|key| world.apps.look_for(Name::Key(key.into())))
        .collect();
    assert_eq!(searches.len(), 200);
    for search in searches {
        search.await;
    }
    for key in &keys {
        assert!(world.node.apps().with_key(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn a_key_is_found_in_the_app_that_it_went_to() {
    let world = World::new("");
    let moved = world.store("a", "key-a").await;
    assert!(world.lets_in("key-a").await);
    let mut without = moved.clone();
    without.keys = app("a", "key-other").keys;
    // By hand: the key goes from one app to another that the node has not seen.
    world.directory().delete("a").await.unwrap();
    world.directory().create(&without).await.unwrap();
    world.apps.put_stored(&without).unwrap();
    world.store("b", "key-a").await;
    assert!(world.lets_in("key-a").await);
    assert_eq!(&**world.node.apps().with_key("key-a").unwrap().id(), "b");
}

#[tokio::test]
async fn an_app_of_the_configuration_is_not_the_databases() {
    let world = World::new("");
    let stored = world.store("a", "key-a").await;
    assert!(world.lets_in("key-a").await);
    let later = loaded(&world.folder, &configured("a", "key-a"));
    world.apps.take_over(&later).unwrap();
    assert!(world.apps.put_stored(&stored).is_err());
    world.apps.drop_stored("a").unwrap();
    assert!(world.has("a"));
}

#[tokio::test]
async fn the_configuration_comes_first() {
    let world = World::new(&configured("own", "key-own"));
    world.store("a", "key-a").await;
    assert!(world.lets_in("key-a").await);
    let apps = configured("own", "key-own") + &configured("new", "key-a");
    world.apps.take_over(&loaded(&world.folder, &apps)).unwrap();
    assert!(world.has("new") && !world.has("a"));
    assert_eq!(&**world.node.apps().with_key("key-a").unwrap().id(), "new");
}

#[tokio::test]
async fn a_mistake_in_the_database_is_not_the_clients_fault() {
    let world = World::new(&configured("own", "key-own"));
    let mut two = app("a", "key-a");
    two.keys.extend(app("a", "key-own").keys);
    world.directory().create(&two).await.unwrap();
    let name = || Name::Key("key-a".into());
    world.apps.look_for(name()).unwrap().await;
    assert!(world.apps.is_unsure_of(name()));
    assert!(!world.has("a"));
}
