//! What holds for every setting of the table.

use std::collections::BTreeMap;

use super::*;
use crate::settings::{AppSettings, KeyPair};

/// A valid value, as the file has it, that is not the default.
fn other_value(heading: &str, name: &str, default: &str) -> String {
    match (name, default) {
        (_, "true") => "false".into(),
        (_, "false") => "true".into(),
        ("host", _) => "\"::1\"".into(),
        ("path_prefix" | "path", _) => "\"/a/b\"".into(),
        ("level", _) => "\"warn,foghorn_server::listen=trace\"".into(),
        ("format", _) => "\"json\"".into(),
        ("secret", _) => "\"…\"".into(),
        ("over_quota_code", _) => "4100".into(),
        ("quota_status", _) => "402".into(),
        ("store", _) => "\"memory\"".into(),
        ("layout", _) => "\"soketi\"".into(),
        ("url", _) => "\"sqlite://other\"".into(),
        ("trusted_proxies", _) => "[\"10.0.0.0/8\", \"::1/128\"]".into(),
        ("allowed_origins", _) => "[\"https://a.example:8443\", \"*.b.example\"]".into(),
        (_, "-1") => "7".into(),
        (_, number) if number.parse::<u32>().is_ok() => {
            (number.parse::<u32>().unwrap() + 1).to_string()
        }
        _ => format!("\"other-{heading}\""),
    }
}

/// What is shown of a value.
fn shown(name: &str, value: &str) -> String {
    match name {
        "url" => "\"sqlite://…\"".to_owned(),
        "token" => "\"…\"".to_owned(),
        _ => value.to_owned(),
    }
}

/// The same value as the environment has it.
fn as_text(value: &str) -> String {
    value.replace(['[', ']', '"'], "")
}

#[test]
fn every_setting_is_reachable_from_every_source() {
    let config = Config::without_apps();
    for section in config.sections() {
        for row in section.rows() {
            let (heading, name) = (section.heading(), row.name);
            let value = other_value(heading, name, &section.literal(name));
            let text = &*as_text(&value);
            let key: &'static str = full_key(heading, name).leak();
            // A certificate and its key come together.
            let base = match name {
                "tls_cert" => format!("{APP}[server]\ntls_key = \"k\"\n"),
                "tls_key" => format!("{APP}[server]\ntls_cert = \"c\"\n"),
                _ => APP.to_owned(),
            };
            let section_of_file = match base.contains("[server]") {
                true => String::new(),
                false => format!("[{heading}]\n"),
            };
            let file = format!("{base}{section_of_file}{name} = {value}");
            let mut all = vec![valid(&file, &[], &[]), valid(&base, &[], &[(key, text)])];
            for variable in environment::variables(section, row) {
                all.push(valid(&base, &[(&variable, text)], &[]));
            }
            for loaded in all {
                let sections = loaded.config.sections();
                let section = sections.iter().find(|section| section.heading() == heading);
                assert_eq!(section.unwrap().literal(name), shown(name, &value), "{key}");
            }
        }
    }
}

#[test]
fn every_setting_of_an_app_is_reachable_from_file_and_environment() {
    let (app, pair) = (AppSettings::default(), KeyPair::default());
    let sections: [&dyn Section; 2] = [&app, &pair];
    let mut values = BTreeMap::new();
    for (section, row) in sections
        .iter()
        .flat_map(|s| s.rows().iter().map(move |row| (s, row)))
    {
        values.insert(
            row.name,
            other_value("app", row.name, &section.literal(row.name)),
        );
    }
    let lines: Vec<_> = values
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    let variables: Vec<_> = values
        .iter()
        .map(|(name, value)| (environment::variable("app", name), as_text(value)))
        .collect();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let from_file = valid(&format!("[[apps]]\n{}", lines.join("\n")), &[], &[])
        .config
        .apps;
    let from_environment = valid("", &variables, &[]).config.apps;
    assert_eq!(from_file, from_environment);
    let settings = &from_file[0].settings;
    for row in settings.rows() {
        assert_eq!(settings.literal(row.name), values[row.name], "{}", row.name);
    }
    assert_eq!(from_file[0].keys[0].secret.expose(), "…");
}

#[test]
fn the_example_holds_every_default() {
    let defaults = valid("", &[], &[]).config;
    assert_eq!(valid(&example(), &[], &[]).config, defaults);
    // With every setting in force only what an app requires is still to be filled in.
    let fill = |line: &str| match line {
        "#id = \"\"" => "id = \"a\"".to_owned(),
        "#secret = \"\"" => "secret = \"s\"".to_owned(),
        _ if line.starts_with("# ") => String::new(),
        _ => line.strip_prefix('#').unwrap_or(line).to_owned(),
    };
    let lines: Vec<_> = example().lines().map(fill).collect();
    let (first, second) = lines.split_at(lines.iter().position(|l| l == "[[apps.keys]]").unwrap());
    let filled = first.join("\n").replace("\nkey = \"\"", "\nkey = \"k\"");
    let filled = format!(
        "{filled}\n{}",
        second.join("\n").replace("\nkey = \"\"", "\nkey = \"l\"")
    );
    let config = valid(&filled, &[], &[]).config;
    assert_eq!(config.server, defaults.server);
    assert_eq!(
        (config.metrics, config.compat, config.log),
        (defaults.metrics, defaults.compat, defaults.log)
    );
    assert_eq!(
        (config.webhooks, config.admin, config.database),
        (defaults.webhooks, defaults.admin, defaults.database)
    );
    assert_eq!(config.apps[0].limits(), Limits::default());
    assert_eq!(config.apps[0].keys.len(), 2);
    assert_eq!(config.apps[0].webhooks.len(), 1);
}

#[test]
fn what_kubernetes_sets_for_a_service_of_this_name_is_not_ours() {
    let environment = [
        ("FOGHORN_SERVICE_HOST", "10.0.0.1"),
        ("FOGHORN_SERVICE_PORT", "6001"),
        ("FOGHORN_SERVICE_PORT_HTTP", "6001"),
        ("FOGHORN_PORT", "tcp://10.0.0.1:6001"),
        ("FOGHORN_PORT_6001_TCP", "tcp://10.0.0.1:6001"),
        ("FOGHORN_PORT_6001_TCP_PROTO", "tcp"),
        ("FOGHORN_PORT_6001_TCP_PORT", "6001"),
        ("FOGHORN_PORT_6001_TCP_ADDR", "10.0.0.1"),
        ("FOGHORN_SERVER_PORT", "7001"),
    ];
    let loaded = Config::load(Sources {
        file: None,
        environment: environment
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec(),
        flags: Vec::new(),
    });
    assert_eq!(loaded.unwrap().config.server.port, 7001);
}

#[test]
fn an_id_of_digits_needs_no_quotes() {
    for (file, expect) in [
        ("id = 42", "42"),
        ("id = \"0042\"", "0042"),
        ("id = \"+1\"", "+1"),
    ] {
        let text = format!("[[apps]]\n{file}\nkey = \"k\"\nsecret = \"s\"");
        let loaded = Config::load(Sources {
            file: Some(("foghorn.toml".into(), Ok(text))),
            environment: Vec::new(),
            flags: Vec::new(),
        });
        assert_eq!(loaded.unwrap().config.apps[0].settings.id.as_str(), expect);
    }
}

/// What operators count on who set nothing, and what docs/fallback.md says.
#[test]
fn fallback_sessions_have_the_times_that_clients_expect() {
    let FallbackConfig {
        heartbeat,
        session_timeout,
        enabled,
        path,
        hostname,
    } = FallbackConfig::default();
    assert_eq!((heartbeat.as_secs(), session_timeout.as_secs()), (25, 10));
    assert_eq!(
        (enabled, path.as_str(), hostname.get()),
        (true, "/pusher", None)
    );
}
