//! What has changed, as an operator reads it.

use super::*;

#[test]
fn settings_are_named_and_secrets_are_not_shown() {
    let before = valid(APP, &[], &[]).config;
    let after = format!(
        "[server]\nport = 6002\n[log]\nlevel = \"debug\"\n[admin]\ntoken = \"{}\"\n{APP}",
        "t0k3n-".repeat(6)
    );
    let after = valid(&after, &[], &[]).config;
    let changed = before.changed_settings(&after);
    assert_eq!(changed, ["server.port", "admin.token", "log.level"]);
    assert_eq!(after.changed_settings(&after), Vec::<String>::new());
    let mut other = after.clone();
    other.admin.token = valid(
        &format!("[admin]\ntoken = \"{}\"\n", "x".repeat(40)),
        &[],
        &[],
    )
    .config
    .admin
    .token;
    assert_eq!(after.changed_settings(&other), ["admin.token"]);
}

#[test]
fn changes_of_an_app_are_told_in_words() {
    let before = "[[apps]]\nid = \"a\"\nkeys = [\n\
        { key = \"old\", secret = \"hunter2\" }, { key = \"k\", secret = \"hunter3\" } ]\n";
    let after = "[[apps]]\nid = \"a\"\nmax_connections = 7\nenabled = false\nkeys = [\n\
        { key = \"old\", secret = \"hunter2\", enabled = false },\n\
        { key = \"k\", secret = \"hunter4\" }, { key = \"new\", secret = \"hunter5\" } ]\n\
        webhooks = [{ url = \"http://a.example/hook\" }]\n";
    let app = |text| valid(text, &[], &[]).config.apps.remove(0);
    let changes = app(before).changes(&app(after));
    assert_eq!(
        changes,
        [
            "enabled: true is now false",
            "max_connections: -1 is now 7",
            "key k: has another secret",
            "key new: accepted now",
            "key old: accepted no more",
            "keys: webhooks are signed with k now",
            "webhooks: 0 before, 1 now",
        ]
    );
    assert!(!changes.concat().contains("hunter"));
    assert_eq!(app(before).changes(&app(before)), Vec::<String>::new());
}

#[test]
fn the_order_of_keys_is_told_if_another_one_signs() {
    let app = |keys: [&str; 3]| {
        let keys = keys.map(|key| format!("{{ key = \"{key}\", secret = \"s\" }}"));
        let text = format!("[[apps]]\nid = \"a\"\nkeys = [{}]\n", keys.join(","));
        valid(&text, &[], &[]).config.apps.remove(0)
    };
    let before = app(["k1", "k2", "k3"]);
    let signed_with_k2 = ["keys: webhooks are signed with k2 now"];
    assert_eq!(before.changes(&app(["k2", "k1", "k3"])), signed_with_k2);
    let nothing = Vec::<String>::new();
    assert_eq!(before.changes(&app(["k1", "k3", "k2"])), nothing);
}

#[test]
fn a_file_that_loses_all_its_apps_is_known() {
    let other = "[[apps]]\nid = \"b\"\nkey = \"kb\"\nsecret = \"sb\"\n";
    let database = "[database]\nurl = \"postgres://db.example/foghorn\"\n";
    let environment = [
        ("FOGHORN_APP_ID", "own"),
        ("FOGHORN_APP_KEY", "own-key"),
        ("FOGHORN_APP_SECRET", "own-secret"),
    ];
    let is_emptied = |before: &str, later: &str, environment: &[(&str, &str)]| {
        let [before, later] = [before, later].map(|text| valid(text, environment, &[]));
        before.is_emptied_by(&later)
    };
    let with_database = format!("{database}{APP}");
    let both = format!("{APP}{other}");
    // The built-in app, whose secret everybody knows, would take their place.
    assert!(is_emptied(APP, "", &[]));
    assert!(is_emptied(database, "", &[]));
    assert!(is_emptied(&with_database, database, &[]));
    // A database is there after a restart at the earliest.
    assert!(is_emptied("", database, &[]));
    assert!(is_emptied(APP, "", &environment));
    assert!(!is_emptied("", "", &[]));
    assert!(!is_emptied(database, database, &[]));
    assert!(!is_emptied("", APP, &[]));
    assert!(!is_emptied(database, &with_database, &[]));
    assert!(!is_emptied(&both, APP, &[]));
    assert!(!is_emptied(APP, other, &[]));
    assert!(!is_emptied("", "", &environment));
    assert!(!is_emptied("", APP, &environment));
}
