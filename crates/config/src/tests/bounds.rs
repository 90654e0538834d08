//! Settings at the edges of what they take.

use super::*;

/// The file's text that sets `setting` of `heading`; an app needs more than that.
fn file(heading: &str, setting: &str) -> String {
    match heading {
        "apps" => format!("{APP}{setting}"),
        heading => format!("{APP}[{heading}]\n{setting}"),
    }
}

/// Numbers: heading, name, smallest, largest, what they count.
const NUMBERS: &[(&str, &str, i64, i64, &str)] = &[
    ("server", "cache_bytes", 1_024, 1 << 36, "of bytes "),
    ("server", "offline_delay", 0, 3_600, "of seconds "),
    (
        "server",
        "connections_per_second_per_address",
        1,
        1_000_000,
        "of connections a second ",
    ),
    ("webhooks", "delay", 0, 3_600, "of seconds "),
    ("webhooks", "batch_window", 0, 60_000, "of milliseconds "),
    ("webhooks", "batch_size", 1, 10_000, "of events "),
    ("webhooks", "concurrency", 1, 1_000, "of requests "),
    ("database", "max_connections", 1, 1_000, "of connections "),
    ("database", "cache_ttl", 1, 86_400, "of seconds "),
    (
        "apps",
        "max_messages_per_day",
        1,
        4_294_967_295,
        "of messages ",
    ),
    ("apps", "authorization_timeout", 1, 3_600, "of seconds "),
    ("apps", "max_connections", 1, 10_000_000, "of connections "),
    ("apps", "max_watchlist", 1, 10_000, "of users "),
    ("apps", "cache_ttl", 1, 86_400, "of seconds "),
    (
        "apps",
        "api_events_per_second",
        1,
        1_000_000,
        "of events a second ",
    ),
    (
        "apps",
        "api_reads_per_second",
        1,
        1_000_000,
        "of requests a second ",
    ),
];

const WITHOUT_LIMIT: [(&str, &str); 5] = [
    ("server", "connections_per_second_per_address"),
    ("apps", "max_messages_per_day"),
    ("apps", "max_connections"),
    ("apps", "api_events_per_second"),
    ("apps", "api_reads_per_second"),
];

#[test]
fn numbers_end_where_they_should() {
    for (heading, name, min, max, of) in NUMBERS {
        for number in [min, max] {
            let shown = valid(&file(heading, &format!("{name} = {number}")), &[], &[]).show();
            assert!(shown.contains(&format!("\n{name} = {number} ")), "{shown}");
        }
        let unlimited = WITHOUT_LIMIT.contains(&(heading, name));
        let (below, or) = match unlimited {
            true => (-2, ", or -1 for no limit"),
            false => (min - 1, ""),
        };
        for number in [below, min - 1, max + 1] {
            let message = problems(&file(heading, &format!("{name} = {number}")), &[], &[]);
            let expect = format!(
                "{name}: expected a whole number {of}from {min} to {max}{or}, found the number \
                 {number}"
            );
            assert!(
                message.ends_with(&expect),
                "{message}\ninstead of\n{expect}"
            );
        }
        let message = problems(&file(heading, &format!("{name} = -1")), &[], &[]);
        assert_eq!(message.is_empty(), unlimited, "{message}");
    }
}

#[test]
fn limits_reach_the_app() {
    let file = file(
        "apps",
        "max_connections = 7\nmax_watchlist = 8\ncache_ttl = 9\napi_events_per_second = 10\n\
         api_reads_per_second = 11\nclient_events_per_second = 12",
    );
    let limits = valid(&file, &[], &[]).config.apps[0].limits();
    let expect = Limits {
        max_connections: Ceiling::AtMost(7),
        max_watchlist: 8,
        cache_ttl: Duration::from_secs(9),
        api_events_per_second: Rate::PerSecond(10),
        api_reads_per_second: Rate::PerSecond(11),
        client_events_per_second: Rate::PerSecond(12),
        ..Limits::default()
    };
    assert_eq!(limits, expect);
}

#[test]
fn two_codes_tell_a_client_that_the_app_is_full() {
    let code = |text: &str| {
        let loaded = load(
            &file("compat", &format!("over_quota_code = {text}")),
            &[],
            &[],
        );
        loaded.map(|loaded| loaded.config.compat.over_quota_code)
    };
    assert_eq!(code("4004"), Ok(OverQuotaCode::OverConnectionQuota));
    assert_eq!(code("4100"), Ok(OverQuotaCode::OverCapacity));
    for text in ["4003", "4200", "\"4004\"", "true"] {
        let message = code(text).unwrap_err().to_string();
        assert!(
            message.contains("over_quota_code: expected 4004 or 4100, found"),
            "{message}"
        );
    }
}

#[test]
fn origins_are_a_list() {
    let from_file = |value: &str| {
        let file = file("apps", &format!("allowed_origins = {value}"));
        load(&file, &[], &[]).map(|mut loaded| loaded.config.apps.remove(0).settings)
    };
    let from_environment = |value: &str| {
        let environment = [
            ("FOGHORN_APP_ID", "1"),
            ("FOGHORN_APP_KEY", "1"),
            ("FOGHORN_APP_SECRET", "1"),
            ("FOGHORN_APP_ALLOWED_ORIGINS", value),
        ];
        let loaded = load("", &environment, &[]);
        loaded.map(|mut loaded| loaded.config.apps.remove(0).settings)
    };
    for (list, text) in [
        ("[\"*\"]", "*"),
        (
            "['https://A.example', \"b.example\", 'null']",
            "https://A.example,b.example , null",
        ),
    ] {
        let origins = from_file(list).unwrap().allowed_origins;
        assert_eq!(origins, from_environment(text).unwrap().allowed_origins);
    }
    let origins = from_file("['https://a.example', '*.b.example']")
        .unwrap()
        .allowed_origins;
    assert!(origins.allow("https://a.example") && origins.allow("http://c.b.example:1"));
    assert!(!origins.allow("http://a.example") && !origins.allow("http://b.example"));
    let wrong = |loaded: Result<AppSettings, Problems>, found: &str| {
        let message = loaded.unwrap_err().to_string();
        let expect = format!(
            "expected a list of \"*\", \"null\", \"https://host\", \"https://host:port\", \
             \"host\" or \"*.host\", without paths, found {found}"
        );
        assert!(
            message.ends_with(&expect),
            "{message}\ninstead of\n{expect}"
        );
    };
    wrong(from_file("[]"), "an empty list");
    wrong(from_file("'*'"), "\"*\"");
    wrong(from_file("5"), "the number 5");
    wrong(from_file("['*', 5]"), "an array");
    wrong(
        from_file("['*', 'https://a.example/']"),
        "\"https://a.example/\"",
    );
    wrong(
        from_environment("*,https://a.example/path"),
        "\"https://a.example/path\"",
    );
    wrong(from_environment("*,"), "\"\"");
    wrong(from_environment(""), "\"\"");
}

#[test]
fn proxies_are_addresses_and_networks() {
    let from_file = |value: &str| {
        let file = file("server", &format!("trusted_proxies = {value}"));
        load(&file, &[], &[]).map(|loaded| loaded.config.server.trusted_proxies)
    };
    let networks = from_file("['10.0.0.0/8', '127.0.0.1', 'fd00::/8']").unwrap();
    for (address, expect) in [
        ("10.255.0.1", true),
        ("::ffff:10.1.2.3", true),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("fd00::1", true),
        ("fe00::1", false),
    ] {
        assert_eq!(
            networks.contain(address.parse().unwrap()),
            expect,
            "{address}"
        );
    }
    assert!(
        !from_file("[]")
            .unwrap()
            .contain("127.0.0.1".parse().unwrap())
    );
    for wrong in ["['10.0.0.0/33']", "['proxy']", "'x'", "[1]"] {
        let message = from_file(wrong).unwrap_err().to_string();
        assert!(
            message.contains("a list of IP addresses or networks"),
            "{message}"
        );
    }
}

#[test]
fn a_certificate_needs_its_key() {
    for (given, missing) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        let file = file("server", &format!("{given} = 'x.pem'"));
        let message = load(&file, &[], &[]).unwrap_err().to_string();
        let expect = format!("server.{given}: needs server.{missing} too");
        assert!(message.contains(&expect), "{message}");
    }
}

#[test]
fn a_database_is_named_by_its_url() {
    let url = |text: &str| {
        let loaded = load(&file("database", &format!("url = '{text}'")), &[], &[]);
        loaded.map(|loaded| loaded.config.database.url)
    };
    for text in [
        "sqlite://apps.db",
        "sqlite:///var/lib/apps.db?mode=ro",
        "postgres://me:hunter2@db/apps",
        "postgresql://db",
        "mysql://me@db:1/apps",
        "mariadb://db/apps",
    ] {
        assert_eq!(url(text).unwrap().get(), Some(text));
    }
    assert_eq!(url("").unwrap().get(), None);
    for text in [
        "hunter2",
        "sqlite://",
        "sqlite://:memory:",
        "oracle://hunter2@db",
    ] {
        let message = url(text).unwrap_err().to_string();
        let expect = "database.url: expected \"sqlite://FILE\", \
                      \"postgres://USER:PASSWORD@HOST/NAME\", \
                      \"mysql://USER:PASSWORD@HOST/NAME\" or \"\" for none, found other text";
        assert!(message.ends_with(expect), "{message}");
    }
}

#[test]
fn names_of_tables_and_tokens_are_plain() {
    let check = |heading: &str, setting: &str, expect: bool| {
        let loaded = load(&file(heading, setting), &[], &[]);
        assert_eq!(loaded.is_ok(), expect, "{setting}");
    };
    for (name, expect) in [
        ("apps", true),
        ("their-schema.apps_2", true),
        ("", false),
        ("a.b.c", false),
        ("apps; drop", false),
        ("a`b", false),
        (".apps", false),
    ] {
        check("database", &format!("table = '{name}'"), expect);
    }
    for (token, expect) in [
        ("", true),
        ("s3cr3t+/=", true),
        ("a b", false),
        ("a\tb", false),
    ] {
        check("admin", &format!("token = \"{token}\""), expect);
    }
    let shown = valid(&file("admin", "token = 'hunter2'"), &[], &[]).show();
    assert!(
        !shown.contains("hunter2") && shown.contains("token = \"…\""),
        "{shown}"
    );
    check("server", "data_dir = ''", false);
    check("apps", "quota_status = 403", true);
    check("apps", "quota_status = 401", false);
    check("webhooks", "store = 'redis'", false);
}

/// A public address needs no configured app where apps are in a database.
#[test]
fn apps_may_all_be_in_the_database() {
    let text = "server.host = '::'\ndatabase.url = 'sqlite://apps.db'\n";
    assert_eq!(valid(text, &[], &[]).config.apps, []);
}
