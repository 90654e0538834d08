//! What is said about configurations that are wrong.

use super::*;

/// A file and the problems in it, each without the file's name.
type FileCase<'a> = (&'a str, &'a [&'a str]);

fn check_file((file, expect): &FileCase<'_>) {
    let expect: Vec<_> = expect
        .iter()
        .map(|line| format!("foghorn.toml:{line}"))
        .collect();
    assert_eq!(problems(file, &[], &[]), expect.join("\n"), "for\n{file}");
}

const NAMES: &[FileCase<'_>] = &[
    ("", &[]),
    (APP, &[]),
    (
        "\n[server]\nprot = 1",
        &["3:1  server.prot: unknown setting; did you mean \"server.port\"?"],
    ),
    (
        "port = 1",
        &["1:1  port: unknown setting; did you mean \"server.port\"?"],
    ),
    ("zzz = 1", &["1:1  zzz: unknown setting"]),
    (
        "[app]\nid = 1",
        &["1:2  app: unknown setting; did you mean \"apps\"?"],
    ),
    (
        "[server]\nlevel = 1",
        &["2:1  server.level: unknown setting; did you mean \"log.level\"?"],
    ),
    ("\"a\\nb\" = 1", &["1:1  a\\nb: unknown setting"]),
    (
        "server = 5",
        &["1:10  server: expected a table, found a whole number"],
    ),
];

const SYNTAX: &[FileCase<'_>] = &[
    // A column is a character, not a byte.
    (
        "log.format = \"jsn\" # ö\n'ö' = ä",
        &[
            "1:14  log.format: expected \"text\" or \"json\", found \"jsn\"; did you mean \
             \"json\"?",
            "2:7  string values must be quoted, expected literal string",
        ],
    ),
    // What is left of a broken line is not judged, the other lines are.
    (
        "[server]\nport = \nhost = 5\n",
        &[
            "2:8  string values must be quoted, expected literal string",
            "3:8  server.host: expected an IP address or \"localhost\", found the number 5",
        ],
    ),
    ("[server]\nport = 1\nport = 2", &["3:1  duplicate key"]),
    // A broken file may hold the app that is missed.
    (
        "server.host = \"::\"\n[[apps]\n",
        &["2:8  unclosed array table, expected `]`"],
    ),
];

const SAME_LISTENER: &str =
    "metrics.port: port 9601 is also the port of server.port; the two listeners need one each";

const APPS: &[FileCase<'_>] = &[
    (
        "apps = \"hunter2\"",
        &["1:8  apps: expected an array of tables, found other text"],
    ),
    (
        "[apps]",
        &["1:1  apps: expected an array of tables, found a table"],
    ),
    (
        "apps = [\"hunter2\"]",
        &["1:9  apps[0]: expected a table, found other text"],
    ),
    (
        "[[apps]]",
        &[
            "1:1  apps[0].id: is required and missing",
            "1:1  apps[0]: has no key and secret, and no [[apps.keys]]",
        ],
    ),
    (
        "[[apps]]\nid = \"a\"\nkeys = []",
        &["1:1  apps[0]: has no key and secret, and no [[apps.keys]]"],
    ),
    (
        "[[apps]]\nid = \"a\"\nkeys = \"hunter2\"",
        &["3:8  apps[0].keys: expected an array of tables, found other text"],
    ),
    (
        "[[apps]]\nid = \"a\"\nkey = \"k\"",
        &["1:1  apps[0].secret: is required and missing"],
    ),
    (
        "[[apps]]\nid = -42\nkey = \"k:hunter2\"\nsecret = \"\"",
        &[
            "2:6  apps[0].id: expected text of 1 to 255 bytes without spaces and / ? # %, found \
             the number -42",
            "3:7  apps[0].key: expected text of 1 to 255 bytes without spaces and : / ? # %, \
             found other text",
            "4:10  apps[0].secret: expected text that is not empty, found empty text",
        ],
    ),
    (
        "[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = 5\n[[apps.keys]]\nkey = \"\"\nsecrt = \"s\"",
        &[
            "4:10  apps[0].secret: expected text that is not empty, found a whole number",
            "5:1  apps[0].keys[0].secret: is required and missing",
            "6:7  apps[0].keys[0].key: expected text of 1 to 255 bytes without spaces and : / ? \
             # %, found empty text",
            "7:1  apps[0].keys[0].secrt: unknown setting; did you mean \"apps[0].keys[0].secret\"?",
        ],
    ),
];

#[test]
fn of_names_and_syntax_and_apps() {
    [NAMES, SYNTAX, APPS].concat().iter().for_each(check_file);
}

#[test]
fn of_values() {
    for (value, found) in [
        ("65536", "the number 65536"),
        ("-1", "the number -1"),
        (
            "99999999999999999999999",
            "the number 99999999999999999999999",
        ),
        ("1.5", "the number 1.5"),
        ("\"6001\"", "\"6001\""),
        ("true", "true"),
        ("[1]", "an array"),
        ("1979-05-27", "a date or time"),
        ("{ a = 1 }", "a table"),
        ("'''1\n2'''", "text of several lines"),
    ] {
        let expect =
            format!("2:8  server.port: expected a whole number from 0 to 65535, found {found}");
        check_file(&(&format!("[server]\nport = {value}"), &[&expect]));
    }
    for prefix in ["x", "/", "/x/", "//x", "/x//y", "/x y", "/x?"] {
        let expect = format!(
            "2:15  server.path_prefix: expected \"\" or a path that starts with / and does not \
             end with it, found \"{prefix}\""
        );
        check_file(&(&format!("[server]\npath_prefix = \"{prefix}\""), &[&expect]));
    }
    for host in [
        "node3.example.com:6001",
        "https://node3.example.com",
        "a b",
        "[::1]",
        "...",
        ".a",
    ] {
        let expect = format!(
            "2:12  fallback.hostname: expected the name of a host without a port, or \"\" for none, \
             found \"{host}\""
        );
        check_file(&(&format!("[fallback]\nhostname = \"{host}\""), &[&expect]));
    }
    let expect = "1:27  server.activity_timeout: expected a whole number of seconds from 1 to 3600";
    let expect = format!("{expect}, found the number 0");
    check_file(&("server.activity_timeout = 0", &[&expect]));
    let expect = "5:28  apps[0].client_events_per_second: expected a whole number of events a \
                  second from 1 to 1000000, or -1 for no limit, found the number 0";
    check_file(&(&format!("{APP}client_events_per_second = 0"), &[expect]));
}

#[test]
fn of_values_that_exclude_each_other() {
    let same_listener = format!("2:8  {SAME_LISTENER}");
    let both_named = format!("4:8  {SAME_LISTENER}");
    let used = [
        "6:6  apps[1].id: is already used at foghorn.toml:2:6",
        "7:7  apps[1].key: is already used at foghorn.toml:3:7",
        "10:7  apps[1].keys[0].key: is already used at foghorn.toml:3:7",
    ];
    let twice = format!("{APP}{APP}[[apps.keys]]\nkey = \"k\"\nsecret = \"s\"");
    let everywhere = format!("{APP}[server]\nhost = \"::\"\nport = 9601");
    let everywhere_expect = format!("7:8  {SAME_LISTENER}");
    let cases: &[FileCase<'_>] = &[
        ("[server]\nport = 9601", &[&same_listener]),
        (
            "[server]\nport = 9601\n[metrics]\nport = 9601",
            &[&both_named],
        ),
        (&everywhere, &[&everywhere_expect]),
        ("[server]\nport = 9601\n[metrics]\nenabled = false", &[]),
        ("[server]\nport = 0\n[metrics]\nport = 0", &[]),
        (
            "[server]\nport = 9601\n[metrics]\nhost = \"127.0.0.2\"",
            &[],
        ),
        (&twice, &used),
    ];
    cases.iter().for_each(check_file);
}

/// Variables and the problems with them.
type EnvironmentCase<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

const ENVIRONMENT: &[EnvironmentCase<'_>] = &[
    (&[("HOME", "/"), ("FOGHORN_CONFIG", "x.toml")], &[]),
    (
        &[("FOGHORN_PROT", "1")],
        &["FOGHORN_PROT: unknown setting; did you mean FOGHORN_PORT?"],
    ),
    (
        &[("FOGHORN_KEY", "1")],
        &["FOGHORN_KEY: unknown setting; did you mean FOGHORN_APP_KEY?"],
    ),
    (
        &[("FOGHORN_CONFG", "1"), ("FOGHORN_", "1")],
        &[
            "FOGHORN_: unknown setting",
            "FOGHORN_CONFG: unknown setting; did you mean FOGHORN_CONFIG?",
        ],
    ),
    (
        &[("FOGHORN_PORT_6001_QUIC", "1"), ("FOGHORN_SERVICE", "1")],
        &[
            "FOGHORN_PORT_6001_QUIC: unknown setting",
            "FOGHORN_SERVICE: unknown setting",
        ],
    ),
    (
        &[("FOGHORN_PORT", ""), ("FOGHORN_METRICS_ENABLED", "1")],
        &[
            "FOGHORN_METRICS_ENABLED: expected true or false, found \"1\"",
            "FOGHORN_PORT: expected a whole number from 0 to 65535, found \"\"",
        ],
    ),
    (
        &[("FOGHORN_PORT", "1"), ("FOGHORN_SERVER_PORT", "1")],
        &["FOGHORN_SERVER_PORT: FOGHORN_PORT is set too and is the same setting; set one of them"],
    ),
    (
        &[("FOGHORN_APP_CLIENT_EVENTS", "true")],
        &[
            "FOGHORN_APP_ID: is required and missing",
            "FOGHORN_APP_KEY: is required and missing",
            "FOGHORN_APP_SECRET: is required and missing",
        ],
    ),
    (
        &[
            ("FOGHORN_APP_ID", "a"),
            ("FOGHORN_APP_KEY", "x"),
            ("FOGHORN_APP_SECRET", "s"),
        ],
        &["FOGHORN_APP_ID: is already used at foghorn.toml:2:6"],
    ),
    (
        &[
            ("FOGHORN_APP_ID", "x"),
            ("FOGHORN_APP_KEY", "k:hunter2"),
            ("FOGHORN_APP_SECRET", ""),
        ],
        &[
            "FOGHORN_APP_KEY: expected text of 1 to 255 bytes without spaces and : / ? # %, found \
             other text",
            "FOGHORN_APP_SECRET: expected text that is not empty, found empty text",
        ],
    ),
];

#[test]
fn of_the_environment() {
    for (environment, expect) in ENVIRONMENT {
        let expect: Vec<_> = expect
            .iter()
            .map(|line| format!("environment {line}"))
            .collect();
        assert_eq!(
            problems(APP, environment, &[]),
            expect.join("\n"),
            "for {environment:?}"
        );
    }
}

#[test]
fn of_flags() {
    let check = |key, value, expect: &str| {
        // A value that another source overrides is checked all the same.
        let environment = [("FOGHORN_PORT", "9")];
        assert_eq!(problems(APP, &environment, &[(key, value)]), expect);
    };
    check(
        "log.level",
        "inof",
        "flag --log-level: expected error, warn, info, debug, trace, off or a list such as \
         \"info,foghorn=debug\", found \"inof\"; did you mean info?",
    );
    check(
        "server.port",
        "x",
        "flag --port: expected a whole number from 0 to 65535, found \"x\"",
    );
    check(
        "server.prot",
        "1",
        "flag --server-prot: unknown setting; did you mean server.port?",
    );
}

#[test]
fn of_all_sources_at_once() {
    let expect = "foghorn.toml:1:15  server.port: expected a whole number from 0 to 65535, found \
                  \"a\"\n\
                  environment FOGHORN_PORT: expected a whole number from 0 to 65535, found \"b\"\n\
                  flag --port: expected a whole number from 0 to 65535, found \"c\"";
    let all = problems(
        "server.port = \"a\"",
        &[("FOGHORN_PORT", "b")],
        &[("server.port", "c")],
    );
    assert_eq!(all, expect);
    let unreadable = Sources {
        file: Some(("x.toml".into(), Err(io::Error::other("too far away")))),
        environment: vec![("FOGHORN_PROT".into(), "x".into())],
        flags: Vec::new(),
    };
    let expect = "environment FOGHORN_PROT: unknown setting; did you mean FOGHORN_PORT?\n\
                  x.toml: cannot be read: too far away";
    assert_eq!(Config::load(unreadable).unwrap_err().to_string(), expect);
}

#[test]
fn of_the_built_in_app_on_a_public_address() {
    let check = |host: &str, file: &str, expect: Option<AppSource>| {
        let loaded = load(file, &[("FOGHORN_HOST", host)], &[]);
        let source = loaded.as_ref().ok().map(|loaded| loaded.config.app_source);
        assert_eq!(source, expect, "for {host}");
        if let Err(problems) = loaded {
            let expect = format!(
                "environment FOGHORN_HOST: no app is configured. The built-in development app, \
                 whose secret everybody knows, is there only on a loopback address, and \
                 server.host is {host}. Add [[apps]] with id, key and secret to the configuration \
                 file, or set FOGHORN_APP_ID, FOGHORN_APP_KEY and FOGHORN_APP_SECRET, or listen on \
                 127.0.0.1"
            );
            assert_eq!(problems.to_string(), expect);
        }
    };
    for loopback in [
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "localhost",
        "::ffff:127.0.0.1",
    ] {
        check(loopback, "", Some(AppSource::BuiltIn));
        check(loopback, APP, Some(AppSource::Configured));
    }
    for public in ["0.0.0.0", "::", "192.168.1.1", "::ffff:10.0.0.1"] {
        check(public, "", None);
        check(public, "apps = []", None);
        check(public, APP, Some(AppSource::Configured));
    }
}
