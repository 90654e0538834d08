//! The configuration's file and environment.

use foghorn_config::{Config, Sources, example};

/// Between the file and the environment.
const SEPARATOR: &str = "\n%%\n";

/// The file, and after a line `%%` one variable per line, as `NAME=value`.
///
/// Either there are problems, each with words for it, or what `config show` prints is itself a
/// file of the same configuration, secrets aside.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (file, environment) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let environment = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match Config::load(sources(file, environment)) {
        Err(problems) => assert_ne!(problems.to_string(), ""),
        Ok(loaded) => {
            let page = loaded.show();
            let mut again = Config::load(sources(&page, Vec::new())).unwrap().config;
            with_secrets_of(&mut again, &loaded.config);
            assert_eq!(again, loaded.config, "{page}");
        }
    }
    assert!(!example().is_empty());
}

fn sources(file: &str, environment: Vec<(String, String)>) -> Sources {
    Sources {
        file: Some(("foghorn.toml".into(), Ok(file.to_owned()))),
        environment,
        flags: Vec::new(),
    }
}

/// Puts back what a page of settings does not tell: secrets, that an app was built in, and what
/// apps elsewhere have.
fn with_secrets_of(shown: &mut Config, original: &Config) {
    shown.app_source = original.app_source;
    shown.app_defaults.clone_from(&original.app_defaults);
    shown.admin.clone_from(&original.admin);
    shown.database.url.clone_from(&original.database.url);
    for (app, from) in shown.apps.iter_mut().zip(&original.apps) {
        for (pair, from) in app.keys.iter_mut().zip(&from.keys) {
            pair.secret.clone_from(&from.secret);
        }
        for (webhook, from) in app.webhooks.iter_mut().zip(&from.webhooks) {
            if webhook.spec().redacted() == from.spec().redacted() {
                webhook.clone_from(from);
            }
        }
    }
}
