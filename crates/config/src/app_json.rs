//! The JSON form of an app, with the names of the file: in bodies of requests, and in databases.

use std::fmt;

use foghorn_webhooks::Spec;
use serde_json::{Map, Value as Json, json};

use super::apps::{self, AppConfig, PAIRS};
use super::problem::{Place, Problem};
use super::reader::{Reader, Shape};
use super::section::Section;
use super::settings::AppSettings;
use super::tree::Node;
use super::{Notes, webhooks};

/// One thing that is wrong with an app. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The member, as in `max_connections` or `webhooks[1].event_types[0]`; empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.problem),
            field => write!(f, "{field}: {}", self.problem),
        }
    }
}

impl From<Problem> for FieldProblem {
    fn from(problem: Problem) -> Self {
        let meant = problem.suggestion;
        let meant = meant.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
        Self {
            field: problem.key,
            problem: format!("{}{meant}", problem.message),
        }
    }
}

impl AppConfig {
    /// Reads an app. What is absent or null is as in `base`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(value: &Json, base: &AppSettings) -> Result<Self, Vec<FieldProblem>> {
        let mut notes = Notes::default();
        let whole = String::new();
        let places = &mut notes.provenance.places;
        places.insert(whole.clone(), Place::Nowhere);
        let mut reader = Reader::of_value(Place::Nowhere, &mut notes);
        let node = Node::of_json(value);
        if node.entries().is_none() {
            reader.expected(&whole, Shape::Table, node);
            return Err(told(notes));
        }
        let app = apps::read_app(&mut reader, (whole, node), base.clone());
        apps::check_apps(&mut notes, std::slice::from_ref(&app));
        match notes.problems.is_empty() {
            true => Ok(app),
            false => Err(told(notes)),
        }
    }

    /// The app without its secrets: neither those of its keys, nor the values of its webhooks'
    /// headers.
    pub fn to_json(&self) -> Json {
        let keys = self.keys.iter();
        let keys = keys.map(|pair| json!({"key": pair.key.as_str(), "enabled": pair.enabled}));
        self.form(keys.collect(), Spec::redacted)
    }

    /// The app with its secrets, as [`AppConfig::from_json`] takes it.
    pub fn to_json_with_secrets(&self) -> Json {
        let keys = self.keys.iter().map(|pair| {
            json!({
                "key": pair.key.as_str(),
                "secret": pair.secret.expose(),
                "enabled": pair.enabled,
            })
        });
        self.form(keys.collect(), Spec::clone)
    }

    fn form(&self, keys: Vec<Json>, shown: fn(&Spec) -> Spec) -> Json {
        let mut form = settings(&self.settings);
        form.insert(PAIRS.to_owned(), keys.into());
        let webhooks = self.webhooks.iter();
        let webhooks = webhooks.map(|webhook| {
            // Plain texts in plain structs have a JSON form.
            serde_json::to_value(shown(webhook.spec())).unwrap_or_default()
        });
        form.insert(webhooks::HEADING.to_owned(), webhooks.collect());
        form.into()
    }
}

/// What the file says of an app is JSON as well.
fn settings(settings: &AppSettings) -> Map<String, Json> {
    let rows = settings.rows().iter().map(|row| {
        let literal = settings.literal(row.name);
        let value = serde_json::from_str(&literal).unwrap_or_default();
        (row.name.to_owned(), value)
    });
    rows.collect()
}

fn told(notes: Notes) -> Vec<FieldProblem> {
    notes.problems.into_iter().map(Into::into).collect()
}
