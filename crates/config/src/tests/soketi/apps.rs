//! What soketi's environment says of webhooks, and of apps in a database.

use super::*;

const WEBHOOKS: &str = r#"[{"url": "https://a.example/hooks", "headers": {"X-Env": "hunter2"},
    "event_types": ["member_added"], "filter": {"channel_name_starts_with": "private-"}}]"#;

#[test]
fn webhooks_are_taken() {
    let loaded = valid(
        "",
        &with_app(&[("SOKETI_DEFAULT_APP_WEBHOOKS", WEBHOOKS)]),
        &[],
    );
    let [webhook] = loaded.config.apps[0].webhooks.as_slice() else {
        panic!("{:?}", loaded.config.apps)
    };
    assert_eq!(webhook.target().url, "https://a.example/hooks");
    let expect = "event_types = [\"member_added\"] # environment SOKETI_DEFAULT_APP_WEBHOOKS";
    assert_eq!(shown(&loaded, "[[apps.webhooks]]", "event_types"), expect);
    let headers = shown(&loaded, "[[apps.webhooks]]", "headers");
    assert!(
        headers.starts_with("headers = { \"X-Env\" = \"...\" } "),
        "{headers}"
    );
    assert_eq!(warnings(&loaded), [""; 0]);
    let ours = [
        ("SOKETI_DEFAULT_APP_WEBHOOKS", WEBHOOKS),
        ("FOGHORN_APP_WEBHOOKS", "[]"),
    ];
    assert!(
        valid("", &with_app(&ours), &[]).config.apps[0]
            .webhooks
            .is_empty()
    );
}

/// The database's URL that variables of soketi make.
fn database(more: &[(&str, &str)]) -> DatabaseConfig {
    let loaded = valid("", more, &[]);
    assert_eq!(warnings(&loaded), [""; 0]);
    assert_eq!(
        loaded.config.apps,
        [],
        "with a database, no app is built in"
    );
    loaded.config.database
}

#[test]
fn apps_in_a_database_are_found_where_soketi_has_them() {
    let driver = |name| ("SOKETI_APP_MANAGER_DRIVER", name);
    let mysql = database(&[driver("mysql")]);
    assert_eq!(
        mysql.url.get(),
        Some("mysql://root:password@127.0.0.1:3306/main")
    );
    assert_eq!(mysql.layout, DatabaseLayout::Soketi);
    assert_eq!(mysql.table.parts().collect::<Vec<_>>(), ["apps"]);
    let defaults = DatabaseConfig::default();
    assert_eq!(mysql.max_connections, defaults.max_connections);
    assert_eq!(mysql.cache_ttl, defaults.cache_ttl);
    let postgres = database(&[
        driver("\"postgres\""),
        ("SOKETI_DB_POSTGRES_HOST", "::1"),
        ("SOKETI_DB_POSTGRES_PORT", "\"6000\""),
        ("SOKETI_DB_POSTGRES_USERNAME", "me@home"),
        ("SOKETI_DB_POSTGRES_PASSWORD", "p/ä:%"),
        ("SOKETI_DB_POSTGRES_DATABASE", "42"),
        ("SOKETI_DB_MYSQL_HOST", "elsewhere"),
        ("SOKETI_APP_MANAGER_POSTGRES_TABLE", "public.their_apps"),
        ("SOKETI_APP_MANAGER_MYSQL_TABLE", "other"),
        ("SOKETI_APP_MANAGER_POSTGRES_VERSION", "13.3"),
        ("SOKETI_DB_POOLING_ENABLED", "true"),
        ("SOKETI_DB_POOLING_MAX", "9"),
        ("SOKETI_APP_MANAGER_CACHE_ENABLED", "1"),
        ("SOKETI_APP_MANAGER_CACHE_TTL", "60"),
    ]);
    let url = "postgres://me%40home:p%2F%C3%A4%3A%25@[::1]:6000/42";
    assert_eq!(postgres.url.get(), Some(url));
    assert_eq!(
        postgres.table.parts().collect::<Vec<_>>(),
        ["public", "their_apps"]
    );
    assert_eq!(postgres.max_connections, 9);
    assert_eq!(postgres.cache_ttl, Duration::from_secs(60));
    let for_ever = [
        driver("mysql"),
        ("SOKETI_APP_MANAGER_CACHE_ENABLED", "true"),
    ];
    assert_eq!(database(&for_ever).cache_ttl, Duration::from_secs(86_400));
    let ours = [driver("mysql"), ("FOGHORN_DATABASE_URL", "mysql://b/c")];
    assert_eq!(database(&ours).url.get(), Some("mysql://b/c"));
    // What is said of a database that nobody asked for is of no consequence.
    let unused = [driver("array"), ("SOKETI_DB_MYSQL_HOST", "elsewhere")];
    assert_eq!(valid("", &with_app(&unused), &[]).config.database, defaults);
}

#[test]
fn the_password_of_a_database_is_not_shown() {
    let more = [
        ("SOKETI_APP_MANAGER_DRIVER", "mysql"),
        ("SOKETI_DB_MYSQL_PASSWORD", "hunter2"),
    ];
    let loaded = valid("", &with_app(&more), &[]);
    let expect = "url = \"mysql://…\" # environment SOKETI_APP_MANAGER_DRIVER";
    assert_eq!(shown(&loaded, "[database]", "url"), expect);
    assert!(!loaded.show().contains("hunter2") && !format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn what_cannot_be_right_is_a_problem() {
    check(
        "APP_MANAGER_DRIVER",
        "oracle",
        "expected \"array\", \"mysql\" or \"postgres\", found \"oracle\"",
    );
    check(
        "DB_POSTGRES_PORT",
        "many",
        "expected a whole number from 0 to 65535, found \"many\"",
    );
    check(
        "DEFAULT_APP_WEBHOOKS",
        "hunter2",
        "expected a list of webhooks as JSON, found other text",
    );
    check(
        "DEFAULT_APP_WEBHOOKS",
        "[{\"url\": \"https://a.example\", \"event_type\": 5}]",
        "webhooks[0].event_type: unknown setting; did you mean webhooks[0].event_types?",
    );
}
