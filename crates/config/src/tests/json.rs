//! The JSON form of an app.

use serde_json::{Value as Json, json};

use super::*;
use crate::settings::AppSettings;

/// An app that says something of everything that is no setting.
fn full() -> Json {
    json!({
        "id": 42,
        "max_connections": -1,
        "max_messages_per_day": 1_000,
        "quota_status": 402,
        "allowed_origins": ["https://a.example"],
        "keys": [
            {"key": "k1", "secret": "hunter2"},
            {"key": "k2", "secret": "hunter3", "enabled": false},
        ],
        "webhooks": [
            {"url": "https://a.example/hooks", "headers": {"X-Token": "hunter4"}},
            {"url": "https://b.example/", "filter": {"channel_pattern": "^a"}},
        ],
    })
}

fn read(value: &Json) -> Result<AppConfig, Vec<String>> {
    AppConfig::from_json(value, &AppSettings::default())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn refused(value: &Json) -> Vec<String> {
    read(value).expect_err("must be refused")
}

#[test]
fn an_app_is_what_its_json_says() {
    let app = read(&full()).unwrap();
    assert_eq!(app.settings.id.as_str(), "42");
    assert_eq!(app.settings.max_messages_per_day, Ceiling::AtMost(1_000));
    assert_eq!(app.settings.quota_status, QuotaStatus::PaymentRequired);
    assert!(!app.settings.allowed_origins.allow("https://b.example"));
    let pairs = app.keys.iter();
    let pairs = pairs.map(|pair| (pair.key.as_str(), pair.secret.expose(), pair.enabled));
    assert_eq!(
        pairs.collect::<Vec<_>>(),
        [("k1", "hunter2", true), ("k2", "hunter3", false)]
    );
    assert_eq!(app.webhooks[1].target().url, "https://b.example/");
    // In the file, the same app has the same names.
    let file = "[[apps]]\nid = 42\nmax_connections = -1\nmax_messages_per_day = 1000\n\
                quota_status = 402\nallowed_origins = ['https://a.example']\n\
                [[apps.keys]]\nkey = 'k1'\nsecret = 'hunter2'\n\
                [[apps.keys]]\nkey = 'k2'\nsecret = 'hunter3'\nenabled = false\n\
                [[apps.webhooks]]\nurl = 'https://a.example/hooks'\nheaders.X-Token = 'hunter4'\n\
                [[apps.webhooks]]\nurl = 'https://b.example/'\nfilter.channel_pattern = '^a'\n";
    assert_eq!(valid(file, &[], &[]).config.apps, [app]);
}

#[test]
fn what_is_written_is_read_again() {
    let app = read(&full()).unwrap();
    assert_eq!(read(&app.to_json_with_secrets()), Ok(app.clone()));
    let shown = app.to_json();
    assert!(!shown.to_string().contains("hunter") && !format!("{app:?}").contains("hunter"));
    assert_eq!(shown["keys"][1], json!({"key": "k2", "enabled": false}));
    assert_eq!(shown["webhooks"][0]["headers"], json!({"X-Token": "…"}));
    assert_eq!(shown["cache_ttl"], json!(1_800));
    let rows = AppSettings::default().rows().len();
    assert_eq!(shown.as_object().unwrap().len(), rows + 2);
    // Each value has the type that the file gives it.
    for row in app.settings.rows() {
        assert_ne!(shown[row.name], Json::Null, "{}", row.name);
    }
}

#[test]
fn what_is_absent_or_null_is_as_in_every_app() {
    let base = AppSettings {
        max_batch_size: 7,
        client_events: true,
        ..AppSettings::default()
    };
    let app = json!({
        "id": "a", "key": "k", "secret": "s", "name": "x\u{7f}\"\\\n", "client_events": null,
        "webhooks": null, "keys": null,
    });
    let app = AppConfig::from_json(&app, &base).unwrap();
    assert_eq!(
        (app.settings.max_batch_size, app.settings.client_events),
        (7, true)
    );
    assert_eq!((app.keys.len(), app.webhooks.len()), (1, 0));
    assert_eq!(app.to_json()["name"], json!("x\u{7f}\"\\\n"));
}

#[test]
fn all_problems_are_told_with_their_fields() {
    let app = json!({
        "id": "a/b",
        "max_connection": 1,
        "max_batch_size": "10",
        "cache_ttl": 1.5,
        "quota_status": 404,
        "allowed_origins": {},
        "keys": [{"key": "k", "secret": 5}, {"key": "k", "secret": "hunter2"}, "hunter2", {}],
        "webhooks": [
            {"url": "ftp://a", "event_types": ["member_joined", 5], "headers": {"Host": "hunter2"}},
            {"url": 5, "event_type": [], "lambda_function": "f", "filter": []},
        ],
    });
    let problems = refused(&app);
    for expect in [
        "id: expected text of 1 to 255 bytes without spaces and / ? # %, found \"a/b\"",
        "max_connection: unknown setting; did you mean \"max_connections\"?",
        "max_batch_size: expected a whole number of events from 1 to 100000, found \"10\"",
        "cache_ttl: expected a whole number of seconds from 1 to 86400, found the number 1.5",
        "quota_status: expected 403 or 402, found the number 404",
        "keys[0].secret: expected text that is not empty, found a whole number",
        "keys[1].key: is already used by keys[0].key",
        "keys[2]: expected an object, found other text",
        "keys[3].key: is required and missing",
        "keys[3].secret: is required and missing",
        "webhooks[0].event_types[1]: expected text, found a whole number",
        "webhooks[1].url: expected text, found a whole number",
        "webhooks[1].event_type: unknown setting; did you mean \"webhooks[1].event_types\"?",
        "webhooks[1].filter: expected an object, found an array",
    ] {
        assert!(
            problems.contains(&expect.to_owned()),
            "{expect}\nnot in\n{problems:#?}"
        );
    }
    for field in [
        "allowed_origins",
        "webhooks[0].url",
        "webhooks[0].event_types[0]",
        "webhooks[0].headers.Host",
        "webhooks[1].lambda_function",
    ] {
        let begins = format!("{field}: ");
        assert!(
            problems.iter().any(|problem| problem.starts_with(&begins)),
            "{field}"
        );
    }
    assert_eq!(problems.len(), 19, "{problems:#?}");
    assert!(!problems.concat().contains("hunter2"));
}

#[test]
fn an_app_is_an_object_with_an_id_and_keys() {
    assert_eq!(refused(&json!([])), ["expected an object, found an array"]);
    let expect = [
        "id: is required and missing",
        "keys: is required and missing",
    ];
    assert_eq!(refused(&json!({"id": null, "keys": []})), expect);
    let expect = ["keys: expected an array of objects, found an object"];
    assert_eq!(
        refused(&json!({"id": "a", "keys": {"key": "k", "secret": "s"}})),
        expect
    );
    assert_eq!(
        refused(&json!({"id": "a", "key": "k"})),
        ["secret: is required and missing"]
    );
}

/// Problems in the file have the place of what is wrong, or of what holds it.
#[test]
fn webhooks_in_the_file_are_checked() {
    let file = format!(
        "{APP}[[apps.webhooks]]\n\
         [[apps.webhooks]]\nurl = 'https://a.example'\nevent_types = [\n'client_event',\n'Event']\n\
         [[apps.webhooks]]\nurl = 'https://a.example'\nfilter = {{ channel_pattern = '(' }}\n\
         evnet_types = []\nheaders = {{ X-A = 1 }}\n\
         [apps.webhooks.lambda]\nasync = true\n"
    );
    let problems = problems(&file, &[], &[]);
    let lines: Vec<_> = problems.lines().collect();
    let begin = [
        "foghorn.toml:5:1  apps[0].webhooks[0].url: ",
        "foghorn.toml:10:1  apps[0].webhooks[1].event_types[1]: unknown event \"Event\"",
        "foghorn.toml:13:30  apps[0].webhooks[2].filter.channel_pattern: is no regular",
        "foghorn.toml:14:1  apps[0].webhooks[2].evnet_types: unknown setting; did you mean",
        "foghorn.toml:15:19  apps[0].webhooks[2].headers.X-A: expected text, found a whole number",
        "foghorn.toml:16:1  apps[0].webhooks[2].lambda: AWS Lambda",
    ];
    for begin in begin {
        assert!(
            lines.iter().any(|line| line.starts_with(begin)),
            "{begin}\nnot in\n{problems}"
        );
    }
}

proptest! {
    #[test]
    fn no_json_panics(text: String, number: i64, member in "[a-z_]{1,12}|keys|webhooks|url") {
        let app = json!({
            "id": &text, "name": &text, &member: number,
            "webhooks": [{&member: &text}, text], "keys": [{"key": text, &member: number}],
        });
        let _ = read(&app);
        let _ = read(&json!({"id": "a", "keys": number, &member: [number]}));
    }
}
