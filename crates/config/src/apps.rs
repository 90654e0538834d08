//! Apps: an array of tables in the file, one app in the environment, or the built-in one.

use std::collections::BTreeMap;

use foghorn_protocol::Limits;
use foghorn_webhooks::Webhook;

use super::problem::Place;
use super::reader::{Reader, Table};
use super::section::Section;
use super::settings::{AppSettings, KeyPair};
use super::tree::{Entry, Node};
use super::types::development_credentials;
use super::webhooks;
use super::{AppPrefix, Draft, Notes, environment, full_key, soketi};

/// What the file calls the array of apps.
pub(super) const HEADING: &str = "apps";

/// What an app's table calls the array of its key pairs.
pub(super) const PAIRS: &str = "keys";

/// One app with its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfig {
    /// What it is and what it may.
    pub settings: AppSettings,
    /// Its credentials; at least one pair. The pair written directly in the app is the first.
    pub keys: Vec<KeyPair>,
    /// Who is told of what happens in it.
    pub webhooks: Vec<Webhook>,
}

/// Where the apps are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppSource {
    /// From the file or the environment.
    Configured,
    /// There is only the built-in development app, whose secret everybody knows.
    BuiltIn,
}

impl AppConfig {
    /// How much of everything the app may use.
    pub fn limits(&self) -> Limits {
        let settings = &self.settings;
        Limits {
            max_channel_name_length: settings.max_channel_name_length,
            max_event_name_length: settings.max_event_name_length,
            max_event_data_bytes: settings.max_event_data_bytes,
            max_channels_per_event: settings.max_channels_per_event,
            max_batch_size: settings.max_batch_size,
            max_presence_members: settings.max_presence_members,
            max_presence_member_bytes: settings.max_presence_member_bytes,
            max_user_id_length: settings.max_user_id_length,
            max_channels_per_connection: settings.max_channels_per_connection,
            max_watchlist: settings.max_watchlist,
            max_connections: settings.max_connections,
            cache_ttl: settings.cache_ttl,
            client_events_per_second: settings.client_events_per_second,
            api_events_per_second: settings.api_events_per_second,
            api_reads_per_second: settings.api_reads_per_second,
        }
    }

    fn built_in(common: AppSettings) -> Self {
        let (id, key, secret) = development_credentials();
        Self {
            settings: AppSettings {
                id,
                client_events: true,
                ..common
            },
            keys: vec![KeyPair {
                key,
                secret,
                ..KeyPair::default()
            }],
            webhooks: Vec::new(),
        }
    }
}

/// The app that the environment describes.
pub(super) struct OwnApp {
    pub(super) settings: AppSettings,
    pub(super) pair: KeyPair,
    pub(super) webhooks: Vec<Webhook>,
    /// Whether it is described at all.
    pub(super) is_described: bool,
}

impl OwnApp {
    /// What full keys call it.
    pub(super) const HEADING: &str = "app";

    /// An app of which nothing is known but what every app has.
    pub(super) fn new(common: AppSettings) -> Self {
        Self {
            settings: common,
            pair: KeyPair::default(),
            webhooks: Vec::new(),
            is_described: false,
        }
    }

    /// The part of it that has this setting, to set it.
    pub(super) fn section_with(&mut self, name: &str) -> &mut dyn Section {
        self.is_described = true;
        match self.settings.row(name) {
            Some(_) => &mut self.settings,
            None => &mut self.pair,
        }
    }

    /// Adds it to the other apps, if it is described.
    pub(super) fn add(self, draft: &mut Draft) {
        if !self.is_described {
            return;
        }
        let app = self.settings.heading().to_owned();
        note_common(&mut draft.notes, &app);
        let pairs = vec![app.clone()];
        draft.notes.provenance.apps.push(AppPrefix { app, pairs });
        draft.config.apps.push(AppConfig {
            settings: self.settings,
            keys: vec![self.pair],
            webhooks: self.webhooks,
        });
    }
}

/// Reads the file's array of apps, each of which has what is `common` and what it says itself.
pub(super) fn read(
    reader: &mut Reader<'_>,
    value: Node<'_>,
    common: &AppSettings,
) -> Vec<AppConfig> {
    let tables = reader.tables(HEADING, value);
    tables
        .into_iter()
        .map(|(app, table)| read_app(reader, (app, table), common.clone()))
        .collect()
}

/// Reads one app, which full keys call `app`, and notes how it and its pairs are called.
pub(super) fn read_app(
    reader: &mut Reader<'_>,
    (app, table): (String, Node<'_>),
    mut settings: AppSettings,
) -> AppConfig {
    let entries = table.entries().unwrap_or_default();
    let list = |name: &str| {
        let mut entries = entries.iter().filter(|entry| entry.name == name);
        let value = entries.next().map(|entry: &Entry<'_>| entry.value);
        value.filter(|value| !value.is_null())
    };
    let (pairs, webhooks) = (list(PAIRS), list(webhooks::HEADING));
    let mut pair = KeyPair::default();
    let mut known = keys_of(&app, &[&settings, &pair]);
    known.extend([PAIRS, webhooks::HEADING].map(|name| full_key(&app, name)));
    let prefix = &app;
    reader.fill(
        &mut [&mut settings, &mut pair],
        &Table { prefix, entries },
        &known,
    );
    note_common(reader.notes, &app);
    let mut prefixes = Vec::new();
    let mut keys = Vec::new();
    if names_pair(reader.notes, &app) {
        prefixes.push(app.clone());
        keys.push(pair);
    }
    if let Some(pairs) = pairs {
        let (more, pairs) = read_pairs(reader, &full_key(&app, PAIRS), pairs);
        prefixes.extend(more);
        keys.extend(pairs);
    }
    let webhooks = webhooks.map_or_else(Vec::new, |value| {
        webhooks::read(reader, &full_key(&app, webhooks::HEADING), value)
    });
    reader.notes.provenance.apps.push(AppPrefix {
        app,
        pairs: prefixes,
    });
    AppConfig {
        settings,
        keys,
        webhooks,
    }
}

/// What full keys call the pairs of a list, and the pairs.
fn read_pairs(reader: &mut Reader<'_>, key: &str, value: Node<'_>) -> (Vec<String>, Vec<KeyPair>) {
    let tables = reader.tables(key, value).into_iter();
    let pairs = tables.map(|(prefix, table)| {
        let mut pair = KeyPair::default();
        let known = keys_of(&prefix, &[&pair]);
        let entries = table.entries().unwrap_or_default();
        let table = Table {
            prefix: &prefix,
            entries,
        };
        reader.fill(&mut [&mut pair], &table, &known);
        (prefix, pair)
    });
    pairs.unzip()
}

fn keys_of(prefix: &str, sections: &[&dyn Section]) -> Vec<String> {
    let rows = sections.iter().flat_map(|section| section.rows());
    rows.map(|row| full_key(prefix, row.name)).collect()
}

fn names_pair(notes: &Notes, prefix: &str) -> bool {
    let given = |name| {
        notes
            .provenance
            .places
            .contains_key(&full_key(prefix, name))
    };
    given("key") || given("secret")
}

/// Notes for an app where those of its values are from that it has as every app has them.
fn note_common(notes: &mut Notes, app: &str) {
    let places = &mut notes.provenance.places;
    for row in AppSettings::default().rows() {
        if let Some(place) = places.get(&full_key(HEADING, row.name)).cloned() {
            places.entry(full_key(app, row.name)).or_insert(place);
        }
    }
}

/// Checks the apps as a whole, and takes the built-in one if there is none.
pub(super) fn check(draft: &mut Draft) {
    if draft.config.apps.is_empty() {
        // Who keeps apps in a database has not asked for one that everybody knows.
        if draft.config.database.url.get().is_none() {
            take_built_in(draft);
        }
        return;
    }
    check_apps(&mut draft.notes, &draft.config.apps);
}

/// Checks that apps have what they require, and that no two have the same.
pub(super) fn check_apps(notes: &mut Notes, configs: &[AppConfig]) {
    let apps = std::mem::take(&mut notes.provenance.apps);
    for prefix in &apps {
        check_required(notes, &prefix.app, &["id"]);
        for pair in &prefix.pairs {
            check_required(notes, pair, &["key", "secret"]);
        }
        let pairs = full_key(&prefix.app, PAIRS);
        let misread = notes
            .problems
            .iter()
            .any(|problem| problem.key.starts_with(&pairs));
        if prefix.pairs.is_empty() && !misread {
            let place = notes.provenance.place(&prefix.app);
            // Only in the file can an app's one pair be written directly in it.
            match prefix.app.as_str() {
                "" => notes.problem(PAIRS, place, "is required and missing"),
                app => {
                    let message = format!("has no key and secret, and no [[{HEADING}.{PAIRS}]]");
                    notes.problem(app, place, message);
                }
            }
        }
    }
    let prefixed = || configs.iter().zip(&apps);
    let ids = prefixed().map(|(app, prefix)| (&prefix.app, app.settings.id.as_str()));
    check_distinct(notes, "id", ids);
    let pairs = prefixed().flat_map(|(app, prefix)| prefix.pairs.iter().zip(&app.keys));
    check_distinct(
        notes,
        "key",
        pairs.map(|(prefix, pair)| (prefix, pair.key.as_str())),
    );
    notes.provenance.apps = apps;
}

fn check_required(notes: &mut Notes, prefix: &str, names: &[&str]) {
    for name in names {
        let key = full_key(prefix, name);
        if !notes.provenance.places.contains_key(&key) {
            // The tables of the file have a place, the app of the environment has none.
            let table = notes.provenance.places.get(prefix).cloned();
            let (place, message) = match (table, soketi::missing(notes, name)) {
                (Some(table), _) => (table, "is required and missing"),
                (None, Some(variable)) => (
                    variable,
                    "is required and missing; soketi's default is not taken, everybody knows it",
                ),
                (None, None) => (
                    Place::Environment(environment::variable(prefix, name)),
                    "is required and missing",
                ),
            };
            notes.problem(&key, place, message);
        }
    }
}

fn check_distinct<'a>(
    notes: &mut Notes,
    name: &str,
    values: impl Iterator<Item = (&'a String, &'a str)>,
) {
    let mut seen: BTreeMap<&str, (Place, String)> = BTreeMap::new();
    // Empty is what was not given or not valid, and already a problem.
    for (prefix, value) in values.filter(|(_, value)| !value.is_empty()) {
        let key = full_key(prefix, name);
        let place = notes.provenance.place(&key);
        match seen.get(value) {
            Some((Place::Nowhere, first)) => {
                notes.problem(&key, place, format!("is already used by {first}"));
            }
            Some((first, _)) => notes.problem(&key, place, format!("is already used at {first}")),
            None => _ = seen.insert(value, (place, key)),
        }
    }
}

/// The built-in app's secret is public, so it is there only where nobody else can reach it.
fn take_built_in(draft: &mut Draft) {
    let host = draft.config.server.host;
    if host.to_canonical().is_loopback() {
        let app = AppConfig::built_in(draft.common.clone());
        let prefix = app.settings.heading().to_owned();
        note_common(&mut draft.notes, &prefix);
        draft.config.apps.push(app);
        draft.config.app_source = AppSource::BuiltIn;
        draft.notes.provenance.apps.push(AppPrefix {
            pairs: vec![prefix.clone()],
            app: prefix,
        });
        return;
    }
    let place = draft.notes.provenance.place("server.host");
    let (why, [id, key, secret]) = match soketi::has_a_say(&draft.notes) {
        true if place == Place::Soketi => (", soketi's default", soketi::credentials()),
        true => ("", soketi::credentials()),
        false => (
            "",
            ["id", "key", "secret"].map(|name| environment::variable("app", name)),
        ),
    };
    let message = format!(
        "no app is configured. The built-in development app, whose secret everybody knows, is \
         there only on a loopback address, and server.host is {host}{why}. Add [[{HEADING}]] with \
         id, key and secret to the configuration file, or set {id}, {key} and {secret}, or listen \
         on 127.0.0.1"
    );
    draft.notes.problem(HEADING, place, message);
}
