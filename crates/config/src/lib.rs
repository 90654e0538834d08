//! The configuration: what the file, the environment and the command line say, or all that is
//! wrong with it.
//!
//! A flag precedes the environment, the environment precedes the file, the file precedes the
//! default; within the environment our variables precede soketi's, which are read as aliases.
//! Everything that was given is checked, used or not, and every problem is reported at once. The
//! contents of the sources are arguments, so what parses them is tested, and fed with any text at
//! all, without a process around it.
//!
//! This crate must not know: files, the process's environment, the command line's parser, the log,
//! what a setting does.

mod app_json;
mod apps;
mod database;
mod difference;
mod environment;
mod file;
mod flags;
mod problem;
mod reader;
mod section;
mod settings;
mod show;
mod soketi;
mod tree;
mod types;
mod value;
mod webhooks;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

pub use app_json::FieldProblem;
pub use apps::{AppConfig, AppSource};
pub use database::{DatabaseLayout, DatabaseUrl, TableName};
pub use environment::file_variable;
pub use problem::{Problems, Warning};
pub use settings::{
    AdminConfig, AppSettings, CompatConfig, DatabaseConfig, FallbackConfig, KeyPair, LogConfig,
    MetricsConfig, ServerConfig, WebhooksConfig,
};
pub use show::{Effective, example};
pub use types::{
    AppId, AppKey, BearerToken, FilePath, FolderPath, HostName, LogFilter, LogFormat,
    MaxConnections, Milliseconds, Networks, OverQuotaCode, PathPrefix, QuotaStatus, SecretText,
    WebhookStore, is_app_name,
};

use apps::OwnApp;
use file::Syntax;
use problem::{Place, Problem};
use section::{Row, Section};
use value::Found;

/// How many sections are not an app's.
const SECTIONS: usize = 8;

/// A configuration without problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The listener for WebSocket clients and the HTTP API.
    pub server: ServerConfig,
    /// Streaming and polling over HTTP.
    pub fallback: FallbackConfig,
    /// The listener for Prometheus.
    pub metrics: MetricsConfig,
    /// Answers in the manner of other servers.
    pub compat: CompatConfig,
    /// How webhooks are sent.
    pub webhooks: WebhooksConfig,
    /// The admin API.
    pub admin: AdminConfig,
    /// A database with more apps.
    pub database: DatabaseConfig,
    /// The log.
    pub log: LogConfig,
    /// The apps that are not in the database; at least one, unless there is a database. Ids
    /// differ, and so do keys.
    pub apps: Vec<AppConfig>,
    /// What an app has that does not say otherwise.
    pub app_defaults: AppSettings,
    /// Whether the apps were configured.
    pub app_source: AppSource,
}

/// What the process was given.
#[derive(Debug)]
pub struct Sources {
    /// The file's name, and its contents or why it could not be read.
    pub file: Option<(PathBuf, io::Result<String>)>,
    /// Environment variables; those without the prefix `FOGHORN_` or `SOKETI_` are not looked at.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line: the setting's key, as in `server.port`, and the text.
    pub flags: Vec<(&'static str, String)>,
}

/// A configuration and where each of its values is from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What an operator should know: one for each variable of soketi that is not followed.
    pub warnings: Vec<Warning>,
    provenance: Provenance,
}

/// Where values are from.
#[derive(Clone, Debug, Default)]
struct Provenance {
    /// By full key. What is absent has its default.
    places: BTreeMap<String, Place>,
    /// How the apps are called in full keys, one for one with `Config::apps`.
    apps: Vec<AppPrefix>,
}

/// How an app and its key pairs are called in full keys.
#[derive(Clone, Debug)]
struct AppPrefix {
    app: String,
    pairs: Vec<String>,
}

/// A configuration in the making.
struct Draft {
    config: Config,
    notes: Notes,
    /// What an app has that does not say otherwise.
    common: AppSettings,
}

/// What is noted while sources are read.
#[derive(Default)]
struct Notes {
    provenance: Provenance,
    problems: Vec<Problem>,
}

/// One value for one setting.
struct Given<'a> {
    row: &'static Row,
    found: Found<'a>,
    place: Place,
}

impl Config {
    /// Puts the sources together.
    ///
    /// # Errors
    /// Everything that is wrong with any source or with their sum.
    pub fn load(sources: Sources) -> Result<Loaded, Problems> {
        let mut draft = Draft {
            config: Self::without_apps(),
            notes: Notes::default(),
            common: AppSettings::default(),
        };
        let soketi = soketi::Variables::find(&sources.environment);
        soketi.set_defaults(&mut draft);
        let syntax = match sources.file {
            None => Syntax::Valid,
            Some((path, Ok(text))) => file::read(&path, &text, &mut draft),
            Some((path, Err(error))) => {
                let message = format!("cannot be read: {error}");
                draft
                    .notes
                    .problem(&path.display().to_string(), Place::Nowhere, message);
                Syntax::Broken
            }
        };
        let mut own = OwnApp::new(draft.common.clone());
        soketi.set(&mut own, &mut draft);
        environment::read(&sources.environment, &mut own, &mut draft);
        own.add(&mut draft);
        flags::read(&sources.flags, &mut draft);
        // What a broken file lacks was perhaps only misread.
        if syntax == Syntax::Valid {
            apps::check(&mut draft);
            check_listeners(&mut draft);
            check_tls(&mut draft);
            check_admin(&mut draft);
            soketi.make_room(&mut draft);
        }
        let Draft {
            mut config,
            notes,
            common,
        } = draft;
        config.app_defaults = common;
        let warnings = soketi.into_warnings();
        match notes.problems.is_empty() {
            true => Ok(Loaded {
                config,
                warnings,
                provenance: notes.provenance,
            }),
            false => Err(Problems::new(notes.problems, warnings)),
        }
    }

    fn without_apps() -> Self {
        Self {
            server: ServerConfig::default(),
            fallback: FallbackConfig::default(),
            metrics: MetricsConfig::default(),
            compat: CompatConfig::default(),
            webhooks: WebhooksConfig::default(),
            admin: AdminConfig::default(),
            database: DatabaseConfig::default(),
            log: LogConfig::default(),
            apps: Vec::new(),
            app_defaults: AppSettings::default(),
            app_source: AppSource::Configured,
        }
    }

    fn sections(&self) -> [&dyn Section; SECTIONS] {
        [
            &self.server,
            &self.fallback,
            &self.metrics,
            &self.compat,
            &self.webhooks,
            &self.admin,
            &self.database,
            &self.log,
        ]
    }

    fn sections_mut(&mut self) -> [&mut dyn Section; SECTIONS] {
        [
            &mut self.server,
            &mut self.fallback,
            &mut self.metrics,
            &mut self.compat,
            &mut self.webhooks,
            &mut self.admin,
            &mut self.database,
            &mut self.log,
        ]
    }

    /// The full keys of all settings that are not an app's.
    fn keys(&self) -> impl Iterator<Item = String> {
        self.sections().into_iter().flat_map(|section| {
            let heading = section.heading();
            section
                .rows()
                .iter()
                .map(move |row| full_key(heading, row.name))
        })
    }
}

impl Loaded {
    /// Puts the apps of `later` in the place of these, and leaves everything else.
    pub fn take_apps(&mut self, later: &Self) {
        self.config.apps.clone_from(&later.config.apps);
        self.config.app_source = later.config.app_source;
        self.provenance.take_apps(&later.provenance);
    }

    /// All values with their origins, in the manner of the file; secrets are hidden.
    pub fn show(&self) -> String {
        show::show(self)
    }

    /// The same, setting by setting.
    pub fn effective(&self) -> Vec<Effective> {
        show::effective(self)
    }
}

impl Provenance {
    fn take_apps(&mut self, later: &Self) {
        let is_of_an_app = |provenance: &Self, key: &str| {
            let mut apps = provenance.apps.iter();
            apps.any(|prefix| key.starts_with(prefix.app.as_str()))
        };
        let mut places = std::mem::take(&mut self.places);
        places.retain(|key, _| !is_of_an_app(self, key));
        let theirs = later.places.iter();
        let theirs = theirs.filter(|(key, _)| is_of_an_app(later, key));
        places.extend(theirs.map(|(key, place)| (key.clone(), place.clone())));
        self.places = places;
        self.apps.clone_from(&later.apps);
    }

    fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Nowhere)
    }
}

impl Notes {
    fn problem(&mut self, key: &str, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(key, place, message));
    }

    /// Sets a value in `section`, which full keys call `prefix`, and notes where it is from.
    fn assign(&mut self, section: &mut dyn Section, prefix: &str, given: Given<'_>) {
        let Given { row, found, place } = given;
        let key = full_key(prefix, row.name);
        if let Err(mismatch) = section.set(row.name, found) {
            let problem = Problem::new(&key, place.clone(), mismatch.message);
            self.problems.push(problem.suggest(mismatch.suggestion));
        }
        self.provenance.places.insert(key, place);
    }
}

fn full_key(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_owned(),
        prefix => format!("{prefix}.{name}"),
    }
}

/// A certificate is of no use without its key.
fn check_tls(draft: &mut Draft) {
    let ServerConfig {
        tls_cert, tls_key, ..
    } = &draft.config.server;
    let (given, missing) = match (tls_cert.path(), tls_key.path()) {
        (Some(_), None) => ("server.tls_cert", "server.tls_key"),
        (None, Some(_)) => ("server.tls_key", "server.tls_cert"),
        (Some(_), Some(_)) | (None, None) => return,
    };
    let place = draft.notes.provenance.place(given);
    let message = format!("needs {missing} too");
    draft.notes.problem(given, place, message);
}

/// The admin API has no listener of its own.
fn check_admin(draft: &mut Draft) {
    let Config { admin, metrics, .. } = &draft.config;
    if metrics.enabled || admin.token.expose().is_none() {
        return;
    }
    let place = draft.notes.provenance.place("admin.token");
    let message = "needs metrics.enabled: the admin API is on that listener";
    draft.notes.problem("admin.token", place, message);
}

/// Two listeners cannot have one address.
fn check_listeners(draft: &mut Draft) {
    let Config {
        server, metrics, ..
    } = &draft.config;
    let one_covers_other = server.host == metrics.host
        || server.host.is_unspecified()
        || metrics.host.is_unspecified();
    if !metrics.enabled || server.port != metrics.port || server.port == 0 || !one_covers_other {
        return;
    }
    let message = format!(
        "port {} is also the port of server.port; the two listeners need one each",
        metrics.port
    );
    let keys = ["metrics.port", "server.port", "metrics.host", "server.host"];
    let places = &draft.notes.provenance.places;
    let place = keys.iter().find_map(|&key| places.get(key).cloned());
    draft
        .notes
        .problem("metrics.port", place.unwrap_or(Place::Nowhere), message);
}
