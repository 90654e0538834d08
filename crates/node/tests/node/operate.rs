//! Apps that change while they are used.

use foghorn_auth::{AppKey, Credential, KeyRing, Secret};
use foghorn_node::{AppSpec, AppStatus, DuplicateApp, Effect};
use foghorn_protocol::{Ceiling, CloseCode};
use foghorn_session::{ClientEvents, Policy};
use serde_json::json;
use std::sync::Arc;

use crate::client::event;
use crate::site::{ONE, Site, TWO};

/// App `id` with these keys; the secret of key `x` is `secret-x`.
fn spec(id: &str, keys: &[&str]) -> AppSpec {
    let credential = |key: &&str| Credential {
        key: AppKey::parse(key).unwrap(),
        secret: Secret::parse(&format!("secret-{key}")).unwrap(),
    };
    let keys = KeyRing::new(keys.iter().map(credential).collect()).unwrap();
    AppSpec::new(id.into(), Policy::new(keys))
}

/// The apps whose connections are to be closed, with the codes.
fn closed(site: &Site) -> Vec<(String, CloseCode)> {
    let effects = site.effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::CloseApp { app, close } => Some((app.id().to_string(), close.code())),
            // Rules may be webhooks.
            Effect::WebhooksWaiting => None,
            other => panic!("unexpected {other:?}"),
        })
        .collect()
}

fn code(site: &Site, key: &str) -> Option<CloseCode> {
    let refused = site.admit(key, Some("7")).err();
    refused.map(|refusal| refusal.close.code())
}

#[test]
fn a_new_app_is_there_at_once() {
    let site = Site::alone();
    assert_eq!(code(&site, "key-new"), Some(CloseCode::UnknownApp));
    assert_eq!(
        site.node.change_apps(vec![spec("new", &["key-new"])], &[]),
        Ok(())
    );
    assert_eq!(code(&site, "key-new"), None);
    assert_eq!(&**site.app("new").id(), "new");
    assert_eq!(closed(&site), []);
}

#[test]
fn an_app_that_is_switched_off_loses_its_connections() {
    let site = Site::alone();
    let admitted = site.admit("key-one", Some("7")).unwrap();
    let before = site.app(ONE);
    let mut off = spec(ONE, &["key-one"]);
    off.status = AppStatus::Disabled;
    assert_eq!(site.node.change_apps(vec![off], &[]), Ok(()));
    assert_eq!(closed(&site), [(ONE.to_owned(), CloseCode::AppDisabled)]);
    assert_eq!(code(&site, "key-one"), Some(CloseCode::AppDisabled));
    // Who was let in a moment ago has been overlooked.
    let regrets = site.node.regrets(&admitted.app);
    assert_eq!(regrets.unwrap().code(), CloseCode::AppDisabled);
    assert!(site.node.regrets(&site.app(TWO)).is_none());
    // And back on.
    assert_eq!(
        site.node.change_apps(vec![spec(ONE, &["key-one"])], &[]),
        Ok(())
    );
    assert_eq!(code(&site, "key-one"), None);
    assert!(site.node.regrets(&before).is_none());
    assert_eq!(closed(&site), []);
}

#[test]
fn an_app_that_is_removed_is_unknown() {
    let site = Site::alone();
    let before = site.app(ONE);
    let remove = || site.node.change_apps(Vec::new(), &[ONE, "none"]);
    assert_eq!(remove(), Ok(()));
    assert_eq!(remove(), Ok(()));
    assert_eq!(closed(&site), [(ONE.to_owned(), CloseCode::UnknownApp)]);
    assert_eq!(code(&site, "key-one"), Some(CloseCode::UnknownApp));
    assert!(site.node.apps().with_id(ONE).is_none());
    let regrets = site.node.regrets(&before);
    assert_eq!(regrets.unwrap().code(), CloseCode::UnknownApp);
    // Another app of that name is another app.
    assert_eq!(
        site.node.change_apps(vec![spec(ONE, &["key-one"])], &[]),
        Ok(())
    );
    let regrets = site.node.regrets(&before);
    assert_eq!(regrets.unwrap().code(), CloseCode::UnknownApp);
}

#[test]
fn a_retired_key_keeps_its_connections_and_gets_no_new_ones() {
    let site = Site::alone();
    let mut old = site.subscriber("news");
    let both = spec(ONE, &["key-one", "key-next"]);
    assert_eq!(site.node.change_apps(vec![both], &[]), Ok(()));
    assert_eq!(code(&site, "key-one"), None);
    assert_eq!(
        site.node.change_apps(vec![spec(ONE, &["key-next"])], &[]),
        Ok(())
    );
    assert_eq!(code(&site, "key-one"), Some(CloseCode::UnknownApp));
    assert_eq!(code(&site, "key-next"), None);
    assert_eq!(closed(&site), []);
    let connected = |key| {
        let apps = site.node.apps().connected_with_key(key);
        let ids = apps.iter().map(|app| app.id().to_string());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(connected("key-one"), [ONE]);
    assert_eq!(connected("key-two"), [TWO]);
    assert!(connected("key-none").is_empty());
    site.publish(&["news"], "1").unwrap();
    assert_eq!(old.heard().len(), 1);
    // Another app may have it from now on.
    assert_eq!(
        site.node.change_apps(vec![spec("new", &["key-one"])], &[]),
        Ok(())
    );
    assert_eq!(connected("key-one"), ["new", ONE]);
    old.subscribe("more");
    assert_eq!(old.heard().len(), 1);
    // And it may come back to where it was.
    let back = vec![spec(ONE, &["key-one"]), spec("new", &["key-new"])];
    assert_eq!(site.node.change_apps(back, &[]), Ok(()));
    assert_eq!(connected("key-one"), [ONE, "new"]);
    assert_eq!(site.node.change_apps(Vec::new(), &["new"]), Ok(()));
    assert_eq!(connected("key-one"), [ONE]);
    assert!(connected("key-new").is_empty());
}

#[test]
fn two_apps_cannot_have_one_key() {
    let site = Site::alone();
    let taken = DuplicateApp::Key(AppKey::parse("key-two").unwrap());
    assert_eq!(taken.to_string(), "two apps have the key \"key-two\"");
    let greedy = spec(ONE, &["key-one", "key-two"]);
    assert_eq!(site.node.change_apps(vec![greedy], &[]), Err(taken.clone()));
    assert_eq!(
        site.node.change_apps(vec![spec("new", &["key-two"])], &[]),
        Err(taken)
    );
    assert!(site.node.apps().with_id("new").is_none());
    assert_eq!(&**site.app(TWO).id(), TWO);
    assert!(site.app(ONE).keys().find("key-two").is_none());
}

#[test]
fn changed_rules_hold_for_who_is_connected() {
    let site = Site::alone();
    let mut client = site.subscriber("private-room");
    let mut changed = spec(ONE, &["key-one"]);
    Arc::make_mut(&mut changed.policy).client_events = ClientEvents::Refused;
    Arc::make_mut(&mut changed.policy).limits.max_connections = Ceiling::AtMost(0);
    Arc::make_mut(&mut changed.policy)
        .limits
        .max_channel_name_length = 5;
    assert_eq!(site.node.change_apps(vec![changed], &[]), Ok(()));
    // Nobody is sent away because there are too many.
    assert_eq!(closed(&site), []);
    assert_eq!(code(&site, "key-one"), Some(CloseCode::OverConnectionQuota));
    client.say(&json!({ "event": "client-a", "channel": "private-room", "data": "1" }));
    client.subscribe("too-long-by-now");
    let heard = client.heard();
    assert!(heard[0].starts_with("pusher:error"), "{heard:?}");
    assert!(heard[1].contains("too-long-by-now"), "{heard:?}");
    let app = site.app(ONE);
    let published = site
        .node
        .publish(&app, &[event(&["private-room"], "1")], site.clock.now());
    assert!(published.is_ok());
    assert_eq!(client.heard().len(), 1);
}

#[test]
fn keys_go_from_one_app_to_another() {
    let site = Site::alone();
    let exchanged = vec![spec(ONE, &["key-two"]), spec(TWO, &["key-one"])];
    assert_eq!(site.node.change_apps(exchanged, &[]), Ok(()));
    let owner = |key| site.admit(key, Some("7")).unwrap().app.id().to_string();
    assert_eq!(owner("key-one"), TWO);
    assert_eq!(owner("key-two"), ONE);
    let inherited = vec![spec("new", &["key-two", "key-new"])];
    assert_eq!(site.node.change_apps(inherited, &[ONE]), Ok(()));
    assert_eq!(owner("key-two"), "new");
    assert_eq!(closed(&site), [(ONE.to_owned(), CloseCode::UnknownApp)]);
    // Of a change that cannot be made nothing is made.
    let greedy = vec![spec("new", &["key-new"]), spec("other", &["key-one"])];
    let taken = DuplicateApp::Key(AppKey::parse("key-one").unwrap());
    assert_eq!(site.node.change_apps(greedy, &[]), Err(taken));
    assert_eq!(owner("key-two"), "new");
    let twins = vec![spec("twin", &["key-a"]), spec("twin", &["key-b"])];
    assert_eq!(
        site.node.change_apps(twins, &[]),
        Err(DuplicateApp::Id("twin".into()))
    );
}
