//! The configuration as its readers see it: texts in, values or problems out.

use std::net::IpAddr;
use std::time::Duration;

use foghorn_protocol::{Ceiling, Limits, Rate};
use proptest::prelude::*;
use serde_json::json;

use super::settings::KeyPair;
use super::*;

mod bounds;
mod difference;
mod json;
mod problems;
mod soketi;
mod table;

type Flags<'a> = &'a [(&'static str, &'a str)];

const APP: &str = "[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = \"hunter2\"\n";

fn load(file: &str, environment: &[(&str, &str)], flags: Flags<'_>) -> Result<Loaded, Problems> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config::load(Sources {
        file: Some(("foghorn.toml".into(), Ok(file.to_owned()))),
        environment: environment.iter().map(owned).collect(),
        flags: flags
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect(),
    })
}

fn problems(file: &str, environment: &[(&str, &str)], flags: Flags<'_>) -> String {
    load(file, environment, flags)
        .err()
        .map_or_else(String::new, |problems| problems.to_string())
}

fn valid(file: &str, environment: &[(&str, &str)], flags: Flags<'_>) -> Loaded {
    load(file, environment, flags).unwrap_or_else(|problems| panic!("{problems}\nin\n{file}"))
}

#[test]
fn nothing_given_is_the_default() {
    let sources = Sources {
        file: None,
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let config = Config::load(sources).unwrap().config;
    assert_eq!(config.server, ServerConfig::default());
    assert_eq!(
        (config.server.host.to_string(), config.server.port),
        ("127.0.0.1".into(), 6001)
    );
    assert_eq!(config.app_source, AppSource::BuiltIn);
    let [app] = config.apps.as_slice() else {
        panic!("{:?}", config.apps)
    };
    let pair = &app.keys[0];
    assert_eq!(app.settings.id.as_str(), "app-id");
    assert_eq!(
        (pair.key.as_str(), pair.secret.expose()),
        ("app-key", "app-secret")
    );
    assert!(app.settings.client_events && app.settings.enabled && pair.enabled);
    assert_eq!(app.limits(), Limits::default());
}

#[test]
fn apps_and_pairs_add_up() {
    let file = format!(
        "{APP}[[apps.keys]]\nkey = \"k2\"\nsecret = \"s2\"\nenabled = false\n\
         [[apps]]\nid = \"b\"\nenabled = false\nclient_events_per_second = -1\n\
         keys = [{{ key = \"k3\", secret = \"s3\" }}]\n"
    );
    let environment = [
        ("FOGHORN_APP_ID", "c"),
        ("FOGHORN_APP_KEY", "k4"),
        ("FOGHORN_APP_SECRET", "s4"),
        ("FOGHORN_APP_ENABLED", "false"),
        ("FOGHORN_APP_MAX_BATCH_SIZE", "7"),
    ];
    let config = valid(&file, &environment, &[]).config;
    let seen: Vec<_> = config
        .apps
        .iter()
        .map(|app| {
            let pair = |pair: &KeyPair| {
                format!(
                    "{}:{}:{}",
                    pair.key.as_str(),
                    pair.secret.expose(),
                    pair.enabled
                )
            };
            let pairs: Vec<_> = app.keys.iter().map(pair).collect();
            let settings = &app.settings;
            format!(
                "{} {} {}",
                settings.id.as_str(),
                settings.enabled,
                pairs.join(" ")
            )
        })
        .collect();
    let expect = [
        "a true k:hunter2:true k2:s2:false",
        "b false k3:s3:true",
        "c false k4:s4:true",
    ];
    assert_eq!(seen, expect);
    assert_eq!(
        config.apps[1].limits().client_events_per_second,
        Rate::Unlimited
    );
    assert_eq!(config.apps[2].limits().max_batch_size, 7);
    assert_eq!(config.app_source, AppSource::Configured);
}

#[test]
fn a_flag_precedes_the_environment_precedes_the_file_precedes_the_default() {
    for sources in 0..8_u8 {
        let given = |bit: u8| sources & bit != 0;
        let file = if given(1) { "[server]\nport = 1" } else { "" };
        let environment = [("FOGHORN_PORT", "2")];
        let flags = [("server.port", "3")];
        let (port, origin) = match sources {
            4..8 => (3, "flag --port"),
            2..4 => (2, "environment FOGHORN_PORT"),
            1 => (1, "foghorn.toml:2:8"),
            _ => (6001, "default"),
        };
        let environment = if given(2) { &environment[..] } else { &[] };
        let flags = if given(4) { &flags[..] } else { &[] };
        let loaded = valid(file, environment, flags);
        assert_eq!(loaded.config.server.port, port);
        let setting = format!("port = {port}");
        let line = format!("{setting:40}  # {origin}\n");
        assert!(
            loaded.show().contains(&line),
            "{line} in\n{}",
            loaded.show()
        );
    }
}

#[test]
fn hosts_are_addresses() {
    for (text, address) in [
        ("localhost", "127.0.0.1"),
        ("::1", "::1"),
        ("0.0.0.0", "0.0.0.0"),
    ] {
        let config = valid(APP, &[("FOGHORN_HOST", text)], &[]).config;
        assert_eq!(config.server.host, address.parse::<IpAddr>().unwrap());
    }
}

#[test]
fn secrets_are_not_shown() {
    let loaded = valid(APP, &[], &[]);
    let secret = &loaded.config.apps[0].keys[0].secret;
    assert_eq!(format!("{secret} {secret:?}"), "… SecretText(…)");
    assert!(!loaded.show().contains("hunter2") && !format!("{loaded:?}").contains("hunter2"));
    assert!(loaded.show().contains("secret = \"…\""));
}

#[test]
fn what_is_in_force_is_told_setting_by_setting() {
    let file =
        format!("{APP}webhooks = [{{ url = \"http://x.org/\", headers = {{ a = \"b\" }} }}]\n");
    let loaded = valid(&file, &[("FOGHORN_PORT", "7")], &[]);
    let all = loaded.effective();
    let told = |setting: &str| {
        let found = all.iter().find(|one| one.setting == setting).unwrap();
        (found.value.clone(), found.source.clone())
    };
    let from_port = (json!(7), "environment FOGHORN_PORT".to_owned());
    assert_eq!(told("server.port"), from_port);
    assert_eq!(told("metrics.enabled"), (json!(true), "default".to_owned()));
    assert_eq!(told("apps[0].secret").0, json!("…"));
    assert_eq!(told("apps[0].webhooks[0].headers").0, json!({"a": "..."}));
}

#[test]
fn the_admin_api_needs_the_listener_that_it_is_on() {
    let off = "[metrics]\nenabled = false\n[admin]\ntoken = \"hunter2-hunter2-hunter2\"\n";
    let problems = load(&format!("{off}{APP}"), &[], &[]).unwrap_err();
    let expect = "foghorn.toml:4:9  admin.token: needs metrics.enabled: the admin API is on that \
        listener";
    assert_eq!(problems.to_string(), expect);
}

fn text() -> impl Strategy<Value = String> {
    let words = "[a-z]{1,6}|[\\[\\]]{1,2}|[=\"'\n,.{}]|apps|keys|server|port|[0-9]|\\PC";
    prop_oneof![
        any::<String>(),
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_has_problems(
        file in text(),
        name in "(FOGHORN|SOKETI)_([A-Z_]{0,12}|(SERVER|APP|LOG)_(PORT|ID|LEVEL)|PORT|DEBUG)",
        value in text(),
    ) {
        let flags = [("server.host", value.as_str()), ("log.level", value.as_str())];
        if let Err(problems) = load(&file, &[(&name, &value)], &flags) {
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    /// A slip of the pen in the file does not put a secret into a log.
    #[test]
    fn a_damaged_file_does_not_tell_its_secrets(
        at in any::<prop::sample::Index>(),
        cut in 0..6_usize,
        slip in "|[\"'=\\[\\]{}#., \n]|\"\"|=\n",
    ) {
        let secret = "hunter2";
        let file = format!("{APP}[[apps.keys]]\nsecret = '{secret}'\n[log]\nlevel = \"x\"");
        let at = at.index(file.len());
        let end = file.len().min(at + cut);
        let damaged = format!("{}{slip}{}", &file[..at], &file[end..]);
        prop_assert!(!problems(&damaged, &[], &[]).contains(secret), "{}", damaged);
    }
}
