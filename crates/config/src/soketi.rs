//! The environment of soketi, another server for the same protocol: its variables are aliases of
//! settings, so that this server takes the other's place without a new configuration.
//!
//! As soon as one of them is set, limits and addresses have soketi's defaults. A variable that
//! cannot be followed is a warning; a value that cannot be right is a problem, as everywhere.

pub(super) mod database;
mod reading;
pub(super) mod table;

use super::apps::{HEADING, OwnApp};
use super::problem::{Place, Problem, Warning, nearest, printable};
use super::section::Section;
use super::settings::{AppSettings, LARGEST_BODY, LARGEST_FRAME};
use super::value::Found;
use super::{Draft, Notes, environment, full_key, webhooks};
use database::Values;
use reading::plain;
use table::{Alias, Fate, Scope, TABLE, Variable};

const PREFIX: &str = "SOKETI_";

/// What precedes all that soketi's environment says of its one app.
const APP_PREFIX: &str = "SOKETI_DEFAULT_APP_";

/// What a message needs besides the data of its events: names, ids, punctuation.
const ENVELOPE: usize = 65_536;

/// Variables of soketi that are set to something.
pub(super) struct Variables<'a> {
    known: Vec<(&'static Variable, &'a str)>,
    warnings: Vec<Warning>,
}

/// One value for the setting behind an alias.
struct Given<'a> {
    alias: &'static Alias,
    raw: &'a str,
    place: Place,
}

impl<'a> Variables<'a> {
    /// Looks for them, in the order of their names.
    pub(super) fn find(environment: &'a [(String, String)]) -> Self {
        let ours = environment.iter().filter_map(|(name, value)| {
            let tail = name.strip_prefix(PREFIX)?;
            let counts = !value.is_empty() && !environment::is_service_link(tail, value);
            counts.then_some((tail, value.as_str()))
        });
        let mut given: Vec<_> = ours.collect();
        given.sort_unstable();
        let (mut known, mut warnings) = (Vec::new(), Vec::new());
        for (tail, value) in given {
            match TABLE.iter().find(|variable| variable.name == tail) {
                Some(variable) => {
                    warnings.extend(variable.unmet(value));
                    known.push((variable, value));
                }
                None => warnings.push(unknown(tail)),
            }
        }
        Self { known, warnings }
    }

    /// What the operator should know of them: one warning for each that is not followed.
    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }

    /// If a variable is set, takes soketi's defaults, and what is said of every app. A file and
    /// other variables may still say otherwise.
    pub(super) fn set_defaults(&self, draft: &mut Draft) {
        if !self.are_set() {
            return;
        }
        for alias in TABLE.iter().filter_map(Variable::alias) {
            let Some(raw) = alias.default else { continue };
            let place = Place::Soketi;
            set_shared(Given { alias, raw, place }, draft);
        }
        for given in self.given() {
            if given.alias.scope == Scope::EveryApp {
                set_shared(given, draft);
            }
        }
    }

    /// Takes what is said of the server and of the app that the environment describes.
    pub(super) fn set(&self, own: &mut OwnApp, draft: &mut Draft) {
        for given in self.given() {
            match given.alias.scope {
                Scope::EveryApp => {}
                Scope::Section(_) => set_shared(given, draft),
                Scope::App => {
                    let section = own.section_with(given.alias.setting);
                    let prefix = section.heading();
                    set(section, prefix, given, &mut draft.notes);
                }
            }
        }
        for (variable, raw) in &self.known {
            if let Fate::Webhooks = variable.fate {
                webhooks::read_text(raw, variable.place(), own, &mut draft.notes);
            }
        }
        Values(|name: &str| {
            let mut known = self.known.iter();
            let given = known.find(|(variable, _)| variable.name == name);
            given.map(|(_, raw)| *raw)
        })
        .set(draft);
    }

    /// Lets messages, requests and queues be as large as the largest events need, unless somebody
    /// said how large they may be. soketi itself takes 100 MB of either from anybody.
    pub(super) fn make_room(&self, draft: &mut Draft) {
        if !self.are_set() {
            return;
        }
        let room = |events: fn(&AppSettings) -> usize| {
            let apps = draft.config.apps.iter().map(|app| &app.settings);
            // Of apps in a database, it is known what every app has.
            let common = draft.config.database.url.get().map(|_| &draft.common);
            let rooms = apps.chain(common).map(|app| {
                // In data that is JSON within JSON every quote has a backslash.
                let data = app.max_event_data_bytes.saturating_mul(2);
                let data = data.saturating_mul(events(app));
                data.saturating_add(ENVELOPE)
            });
            rooms.max().unwrap_or_default()
        };
        let frame = room(|_| 1).min(LARGEST_FRAME);
        let body = room(|app| app.max_batch_size).min(LARGEST_BODY);
        let Draft { config, notes, .. } = draft;
        let server = &mut config.server;
        let heading = server.heading();
        for (name, bytes, now) in [
            ("max_frame_bytes", frame, &mut server.max_frame_bytes),
            ("max_body_bytes", body, &mut server.max_body_bytes),
            // A batch is published at once, so it has to fit into the queue of a subscriber.
            ("send_queue_bytes", body, &mut server.send_queue_bytes),
        ] {
            let key = full_key(heading, name);
            if *now < bytes && notes.provenance.place(&key) == Place::Nowhere {
                *now = bytes;
                notes.provenance.places.insert(key, Place::EventSize);
            }
        }
    }

    fn are_set(&self) -> bool {
        !self.known.is_empty()
    }

    /// The values of the aliases among them.
    fn given(&self) -> impl Iterator<Item = Given<'a>> {
        self.known.iter().filter_map(|&(variable, raw)| {
            Some(Given {
                alias: variable.alias()?,
                raw,
                place: variable.place(),
            })
        })
    }
}

impl Variable {
    fn alias(&self) -> Option<&Alias> {
        match &self.fate {
            Fate::Sets(alias) => Some(alias),
            _ => None,
        }
    }

    fn place(&self) -> Place {
        Place::Environment(format!("{PREFIX}{}", self.name))
    }

    /// What to say if `value` asks for something that is not here.
    fn unmet(&self, value: &str) -> Option<Warning> {
        let plain = plain(value);
        let (what, asks) = match &self.fate {
            Fate::Needs { what, unless } => (*what, !unless.contains(&plain.as_str())),
            Fate::Database => {
                let asks = self.name == database::DRIVER && plain == database::DYNAMODB;
                (table::DYNAMODB, asks)
            }
            Fate::Sets(_) | Fate::Webhooks | Fate::Moot => return None,
        };
        asks.then(|| {
            let message = format!("is ignored: it needs {what}, which this server does not have");
            Warning::new(format!("{PREFIX}{}", self.name), message)
        })
    }
}

fn unknown(tail: &str) -> Warning {
    let name = format!("{PREFIX}{tail}");
    let names = TABLE.iter();
    let names = names.map(|variable| format!("{PREFIX}{}", variable.name));
    let meant = nearest(&name, tail, names);
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    let message = format!("is ignored: soketi has no such variable{meant}");
    Warning::new(printable(&name), message)
}

/// Sets what is not the environment's own app: a setting of a section, or what every app starts
/// with.
fn set_shared(given: Given<'_>, draft: &mut Draft) {
    let Draft {
        config,
        notes,
        common,
    } = draft;
    match given.alias.scope {
        Scope::App | Scope::EveryApp => set(common, HEADING, given, notes),
        Scope::Section(heading) => {
            let mut sections = config.sections_mut().into_iter();
            if let Some(section) = sections.find(|section| section.heading() == heading) {
                set(section, heading, given, notes);
            }
        }
    }
}

/// Sets a value in `section`, which full keys call `prefix`, and notes where it is from.
fn set(section: &mut dyn Section, prefix: &str, given: Given<'_>, notes: &mut Notes) {
    let Given { alias, raw, place } = given;
    let key = full_key(prefix, alias.setting);
    match alias.reading.read(raw) {
        Ok(None) => return,
        Ok(Some(read)) => {
            if let Err(mismatch) = section.set(alias.setting, Found::Text(&read.text)) {
                let message = format!("{}{}", read.remark, mismatch.message);
                let problem = Problem::new(&key, place.clone(), message);
                notes.problems.push(problem.suggest(mismatch.suggestion));
            }
        }
        Err(expected) => {
            let found = Found::Text(raw).describe();
            notes.problem(
                &key,
                place.clone(),
                format!("expected {expected}, found {found}"),
            );
        }
    }
    notes.provenance.places.insert(key, place);
}

/// Whether any value is there because of soketi.
pub(super) fn has_a_say(notes: &Notes) -> bool {
    notes.provenance.places.values().any(|place| match place {
        Place::Soketi => true,
        Place::Environment(name) => name.starts_with(PREFIX),
        _ => false,
    })
}

/// The variables of an app's id, key and secret.
pub(super) fn credentials() -> [String; 3] {
    ["ID", "KEY", "SECRET"].map(|part| format!("{APP_PREFIX}{part}"))
}

/// The variable that is missed for `setting`, if the environment's app is described to soketi.
pub(super) fn missing(notes: &Notes, setting: &str) -> Option<Place> {
    let is_theirs =
        |place: &Place| matches!(place, Place::Environment(name) if name.starts_with(APP_PREFIX));
    notes
        .provenance
        .places
        .values()
        .any(is_theirs)
        .then_some(())?;
    let mut variables = TABLE.iter();
    let variable = variables.find(|variable| {
        let alias = variable.alias();
        alias.is_some_and(|alias| alias.scope == Scope::App && alias.setting == setting)
    });
    variable.map(Variable::place)
}
