//! The environment of soketi.

use super::*;
use crate::soketi::table::{Fate, TABLE};

mod apps;

const SOKETI_APP: [(&str, &str); 3] = [
    ("SOKETI_DEFAULT_APP_ID", "4242"),
    ("SOKETI_DEFAULT_APP_KEY", "\"sk\""),
    ("SOKETI_DEFAULT_APP_SECRET", "hunter2"),
];

/// soketi's one app, and more variables.
fn with_app<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&SOKETI_APP, more].concat()
}

fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.warnings.iter().map(ToString::to_string).collect()
}

/// The line of `config show` for a setting of a section or of the last app.
fn shown(loaded: &Loaded, heading: &str, setting: &str) -> String {
    let page = loaded.show();
    let (_, section) = page.rsplit_once(&format!("{heading}\n")).unwrap();
    let is_it = |line: &&str| line.starts_with(&format!("{setting} = "));
    let line = section.lines().find(is_it).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A variable, a value, and the line that shows it: heading, setting, value.
const ALIASES: &[(&str, &str, &str, &str)] = &[
    ("HOST", "localhost", "[server]", "host = \"127.0.0.1\""),
    ("PORT", "\"7001\"", "[server]", "port = 7001"),
    ("PATH_PREFIX", "/ws", "[server]", "path_prefix = \"/ws\""),
    ("DEBUG", "1", "[log]", "level = \"debug\""),
    (
        "SHUTDOWN_GRACE_PERIOD",
        "4500",
        "[server]",
        "shutdown_grace = 5",
    ),
    (
        "USER_AUTHENTICATION_TIMEOUT",
        "9001",
        "[[apps]]",
        "authorization_timeout = 10",
    ),
    ("DEFAULT_APP_ENABLED", "0", "[[apps]]", "enabled = false"),
    (
        "DEFAULT_APP_MAX_CONNS",
        "5",
        "[[apps]]",
        "max_connections = 5",
    ),
    (
        "DEFAULT_APP_ENABLE_CLIENT_MESSAGES",
        "true",
        "[[apps]]",
        "client_events = true",
    ),
    (
        "DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC",
        "6",
        "[[apps]]",
        "api_events_per_second = 6",
    ),
    (
        "DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC",
        "7",
        "[[apps]]",
        "client_events_per_second = 7",
    ),
    (
        "DEFAULT_APP_MAX_READ_REQ_PER_SEC",
        "8",
        "[[apps]]",
        "api_reads_per_second = 8",
    ),
    (
        "DEFAULT_APP_USER_AUTHENTICATION",
        "true",
        "[[apps]]",
        "authorized_connections = true",
    ),
    (
        "CHANNEL_LIMITS_MAX_NAME_LENGTH",
        "9",
        "[[apps]]",
        "max_channel_name_length = 9",
    ),
    ("CHANNEL_CACHE_TTL", "10", "[[apps]]", "cache_ttl = 10"),
    (
        "EVENT_MAX_BATCH_SIZE",
        "11",
        "[[apps]]",
        "max_batch_size = 11",
    ),
    (
        "EVENT_MAX_CHANNELS_AT_ONCE",
        "12",
        "[[apps]]",
        "max_channels_per_event = 12",
    ),
    (
        "EVENT_MAX_NAME_LENGTH",
        "13",
        "[[apps]]",
        "max_event_name_length = 13",
    ),
    (
        "EVENT_MAX_SIZE_IN_KB",
        "14",
        "[[apps]]",
        "max_event_data_bytes = 14336",
    ),
    ("METRICS_ENABLED", "true", "[metrics]", "enabled = true"),
    (
        "METRICS_HOST",
        "127.0.0.3",
        "[metrics]",
        "host = \"127.0.0.3\"",
    ),
    ("METRICS_SERVER_PORT", "15", "[metrics]", "port = 15"),
    (
        "PRESENCE_MAX_MEMBERS",
        "16",
        "[[apps]]",
        "max_presence_members = 16",
    ),
    (
        "PRESENCE_MAX_MEMBER_SIZE",
        "1.5",
        "[[apps]]",
        "max_presence_member_bytes = 1536",
    ),
    (
        "WEBHOOKS_BATCHING",
        "1",
        "[[apps]]",
        "batch_webhooks = true",
    ),
    (
        "WEBHOOKS_BATCHING_DURATION",
        "75",
        "[webhooks]",
        "batch_window = 75",
    ),
];

#[test]
fn aliases_set_their_settings() {
    for (tail, value, heading, expect) in ALIASES {
        let name = format!("SOKETI_{tail}");
        let loaded = valid("", &with_app(&[(&name, value)]), &[]);
        let (setting, _) = expect.split_once(" = ").unwrap();
        let line = shown(&loaded, heading, setting);
        assert_eq!(line, format!("{expect} # environment {name}"));
        assert_eq!(warnings(&loaded), [""; 0]);
    }
    let tls = [
        ("SOKETI_SSL_CERT", "cert.pem"),
        ("SOKETI_SSL_KEY", "key.pem"),
    ];
    let loaded = valid("", &with_app(&tls), &[]);
    let line = shown(&loaded, "[server]", "tls_key");
    assert_eq!(line, "tls_key = \"key.pem\" # environment SOKETI_SSL_KEY");
    // The rows that are missing above are the credentials.
    let sets = TABLE
        .iter()
        .filter(|variable| matches!(variable.fate, Fate::Sets(_)));
    assert_eq!(sets.count(), ALIASES.len() + tls.len() + SOKETI_APP.len());
}

#[test]
fn credentials_are_text() {
    for (raw, expect) in [("4242", "4242"), ("\"4242\"", "4242"), ("0x10", "0x10")] {
        let environment = [
            ("SOKETI_DEFAULT_APP_ID", raw),
            ("SOKETI_DEFAULT_APP_KEY", raw),
            ("SOKETI_DEFAULT_APP_SECRET", raw),
        ];
        let loaded = valid("", &environment, &[]);
        let [app] = loaded.config.apps.as_slice() else {
            panic!("{:?}", loaded.config.apps)
        };
        assert_eq!(app.settings.id.as_str(), expect);
        assert_eq!(app.keys[0].key.as_str(), expect);
        assert_eq!(app.keys[0].secret.expose(), expect);
        assert_eq!(
            shown(&loaded, "[[apps.keys]]", "secret"),
            "secret = \"…\" # environment \
                                                             SOKETI_DEFAULT_APP_SECRET"
        );
    }
}

#[test]
fn any_variable_brings_the_defaults() {
    let limits = Limits {
        max_event_data_bytes: 102_400,
        client_events_per_second: Rate::Unlimited,
        cache_ttl: Duration::from_secs(3_600),
        ..Limits::default()
    };
    for variable in ["SOKETI_PORT", "SOKETI_QUEUE_DRIVER"] {
        let loaded = valid(APP, &[(variable, "6001")], &[]);
        let Config {
            server,
            metrics,
            apps,
            ..
        } = &loaded.config;
        assert_eq!(apps[0].limits(), limits, "{variable}");
        assert!(server.host.is_unspecified() && metrics.host.is_unspecified());
        assert_eq!((server.port, metrics.port), (6001, 9601));
        assert_eq!(server.shutdown_grace, Duration::from_secs(3));
        assert!(!metrics.enabled);
        let line = shown(&loaded, "[[apps]]", "cache_ttl");
        assert_eq!(line, "cache_ttl = 3600 # soketi's default");
    }
    let nothing = [
        ("SOKETI_PORT", ""),
        ("SOKETI_SERVICE_HOST", "10.0.0.1"),
        ("SOKETI_PORT", "tcp://10.0.0.1:6001"),
        ("SOKETI_PORT_6001_TCP_ADDR", "10.0.0.1"),
        ("soketi_port", "7001"),
    ];
    let loaded = valid(APP, &nothing, &[]);
    assert_eq!(loaded.config, valid(APP, &[], &[]).config);
    assert_eq!(warnings(&loaded), [""; 0]);
    // A name that soketi does not have is ignored, as its warning says.
    let misspelt = valid(APP, &[("SOKETI_PROT", "6001")], &[]);
    assert_eq!(misspelt.config, loaded.config);
    assert_eq!(warnings(&misspelt).len(), 1);
}

#[test]
fn our_variables_precede_theirs_precede_the_file_precedes_their_defaults() {
    for sources in 0..8_u8 {
        let given = |bit: u8| sources & bit != 0;
        let file = format!("{APP}[server]\n{}", if given(1) { "port = 1" } else { "" });
        let mut environment = vec![("SOKETI_EVENT_MAX_NAME_LENGTH", "100")];
        environment.extend(given(2).then_some(("SOKETI_PORT", "2")));
        environment.extend(given(4).then_some(("FOGHORN_PORT", "3")));
        let expect = match sources {
            4..8 => "port = 3 # environment FOGHORN_PORT",
            2..4 => "port = 2 # environment SOKETI_PORT",
            1 => "port = 1 # foghorn.toml:6:8",
            _ => "port = 6001 # soketi's default",
        };
        assert_eq!(
            shown(&valid(&file, &environment, &[]), "[server]", "port"),
            expect
        );
    }
    let flagged = valid(APP, &[("SOKETI_PORT", "2")], &[("server.port", "4")]);
    assert_eq!(
        shown(&flagged, "[server]", "port"),
        "port = 4 # flag --port"
    );
}

#[test]
fn both_environments_describe_one_app() {
    let ours = [
        ("FOGHORN_APP_SECRET", "rotated"),
        ("FOGHORN_APP_MAX_BATCH_SIZE", "3"),
        ("SOKETI_EVENT_MAX_BATCH_SIZE", "4"),
    ];
    let loaded = valid("", &with_app(&ours), &[]);
    let [app] = loaded.config.apps.as_slice() else {
        panic!("{:?}", loaded.config.apps)
    };
    assert_eq!(app.settings.id.as_str(), "4242");
    assert_eq!(app.keys[0].secret.expose(), "rotated");
    assert_eq!(app.settings.max_batch_size, 3);
}

/// soketi has limits of the server, which an app's own limits precede, and so have we.
#[test]
fn limits_of_the_server_are_those_of_every_app_that_has_none() {
    let file = format!("{APP}max_batch_size = 3\n");
    let more = [
        ("SOKETI_EVENT_MAX_BATCH_SIZE", "4"),
        ("SOKETI_EVENT_MAX_CHANNELS_AT_ONCE", "5"),
        ("SOKETI_DEFAULT_APP_MAX_CONNS", "6"),
    ];
    let loaded = valid(&file, &with_app(&more), &[]);
    let seen = loaded.config.apps.iter().map(|app| {
        let app = &app.settings;
        (
            app.max_batch_size,
            app.max_channels_per_event,
            app.max_connections,
        )
    });
    let seen: Vec<_> = seen.collect();
    assert_eq!(
        seen,
        [(3, 5, Ceiling::Unlimited), (4, 5, Ceiling::AtMost(6))]
    );
}

#[test]
fn messages_and_requests_have_room_for_the_largest_events() {
    let sizes = |file: &str, kilobytes: &str| {
        let more = [("SOKETI_EVENT_MAX_SIZE_IN_KB", kilobytes)];
        let server = valid(file, &with_app(&more), &[]).config.server;
        (server.max_frame_bytes, server.max_body_bytes)
    };
    let (frame, body) = sizes("", "100");
    assert!(frame >= 2 * 102_400 && body >= 2 * 10 * 102_400);
    assert_eq!(sizes("", "1048576"), (1 << 26, 1 << 30));
    assert_eq!(sizes("", "1").1, ServerConfig::default().max_body_bytes);
    let file = "[server]\nmax_frame_bytes = 2000\nmax_body_bytes = 3000";
    assert_eq!(sizes(file, "100"), (2_000, 3_000));
    // The built-in app is no exception.
    let loaded = valid("", &[("SOKETI_HOST", "127.0.0.1")], &[]);
    assert_eq!(loaded.config.app_source, AppSource::BuiltIn);
    assert_eq!(loaded.config.apps[0].limits().max_event_data_bytes, 102_400);
    let line = shown(&loaded, "[server]", "max_frame_bytes");
    assert_eq!(
        line,
        "max_frame_bytes = 270336 # room for the largest events"
    );
}

#[test]
fn what_is_not_here_is_one_warning_each() {
    for variable in TABLE {
        let Fate::Needs { what, unless } = &variable.fate else {
            continue;
        };
        let name = format!("SOKETI_{}", variable.name);
        let loaded = valid("", &with_app(&[(&name, "hunter2")]), &[]);
        let expect = format!("{name} is ignored: it needs {what}, which this server does not have");
        assert_eq!(warnings(&loaded), [expect]);
        for value in *unless {
            for written in [(*value).to_owned(), format!("\"{value}\"")] {
                let loaded = valid("", &with_app(&[(&name, &written)]), &[]);
                assert_eq!(warnings(&loaded), [""; 0], "{name}={written}");
            }
        }
    }
}

#[test]
fn unknown_variables_are_warnings() {
    let more = [
        ("SOKETI_PROT", "1"),
        ("SOKETI_DEFAULT_APP_MAX_CON", "hunter2"),
        ("SOKETI_", "1"),
        ("SOKETI_A\nB", "1"),
    ];
    let expect = [
        "SOKETI_ is ignored: soketi has no such variable",
        "SOKETI_A\\nB is ignored: soketi has no such variable",
        "SOKETI_DEFAULT_APP_MAX_CON is ignored: soketi has no such variable; did you mean \
         SOKETI_DEFAULT_APP_MAX_CONNS?",
        "SOKETI_PROT is ignored: soketi has no such variable; did you mean SOKETI_PORT?",
    ];
    assert_eq!(warnings(&valid("", &with_app(&more), &[])), expect);
}

fn check(tail: &str, value: &str, expect: &str) {
    let name = format!("SOKETI_{tail}");
    let message = problems("", &with_app(&[(&name, value)]), &[]);
    assert_eq!(message, format!("environment {name}: {expect}"));
}

#[test]
fn bad_values_are_problems() {
    check(
        "PORT",
        "many",
        "expected a whole number from 0 to 65535, found \"many\"",
    );
    check(
        "PORT",
        "1.5",
        "expected a whole number from 0 to 65535, found \"1.5\"",
    );
    check(
        "HOST",
        "nowhere",
        "expected an IP address or \"localhost\", found \"nowhere\"",
    );
    check("DEBUG", "yes", "expected true or false, found \"yes\"");
    check(
        "DEFAULT_APP_ENABLED",
        "no",
        "expected true or false, found \"no\"",
    );
    check(
        "SHUTDOWN_GRACE_PERIOD",
        "3600001",
        "3600001 milliseconds are 3601 seconds; expected a whole number of seconds from 0 to \
         3600, found \"3601\"",
    );
    check(
        "EVENT_MAX_SIZE_IN_KB",
        "0",
        "0 KB are 0 bytes; expected a whole number of bytes from 1 to 1073741824, found \"0\"",
    );
    check(
        "EVENT_MAX_SIZE_IN_KB",
        "big",
        "expected a number of KB, found \"big\"",
    );
    check(
        "DEFAULT_APP_MAX_CONNS",
        "0",
        "expected a whole number of connections from 1 to 10000000, or -1 for no limit, found \
         \"0\"",
    );
    check(
        "DEFAULT_APP_KEY",
        "hunter2:hunter2",
        "expected text of 1 to 255 bytes without spaces and : / ? # %, found other text",
    );
}

#[test]
fn an_app_has_to_come_from_somewhere() {
    let expect = "apps: no app is configured. The built-in development app, whose secret \
                  everybody knows, is there only on a loopback address, and server.host is \
                  0.0.0.0, soketi's default. Add [[apps]] with id, key and secret to the \
                  configuration file, or set SOKETI_DEFAULT_APP_ID, SOKETI_DEFAULT_APP_KEY and \
                  SOKETI_DEFAULT_APP_SECRET, or listen on 127.0.0.1\n\
                  warning: SOKETI_APP_MANAGER_DRIVER is ignored: it needs apps kept in \
                  DynamoDB, which this server does not have";
    let environment = [("SOKETI_APP_MANAGER_DRIVER", "dynamodb")];
    assert_eq!(problems("", &environment, &[]), expect);
    let environment = [("SOKETI_PORT", "1"), ("FOGHORN_HOST", "::")];
    let message = problems("", &environment, &[]);
    assert!(message.starts_with("environment FOGHORN_HOST: no app is configured"));
    assert!(message.contains("server.host is ::. Add"), "{message}");
    let environment = [("SOKETI_DEFAULT_APP_ID", "1"), ("SOKETI_HOST", "127.0.0.1")];
    let missing = "is required and missing; soketi's default is not taken, everybody knows it";
    let expect = format!(
        "environment SOKETI_DEFAULT_APP_KEY: {missing}\n\
         environment SOKETI_DEFAULT_APP_SECRET: {missing}"
    );
    assert_eq!(problems("", &environment, &[]), expect);
    let environment = [
        ("FOGHORN_APP_ID", "1"),
        ("SOKETI_EVENT_MAX_BATCH_SIZE", "1"),
    ];
    let message = problems("", &environment, &[]);
    assert!(
        message.starts_with("environment FOGHORN_APP_KEY: is required"),
        "{message}"
    );
}
