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
            "webhooks: 0 before, 1 now",
        ]
    );
    assert!(!changes.concat().contains("hunter"));
    assert_eq!(app(before).changes(&app(before)), Vec::<String>::new());
}
