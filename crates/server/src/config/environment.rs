//! Environment variables: every setting has one, and the settings of one app make an app.

use std::path::PathBuf;

use super::problem::{Place, Problem, nearest};
use super::section::{Row, Section};
use super::settings::{AppSettings, KeyPair};
use super::value::Found;
use super::{Draft, Given, apps, full_key};

/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "FOGHORN_CONFIG";

const PREFIX: &str = "FOGHORN_";

/// The configuration file that the environment names, if it does.
pub(crate) fn file_variable(environment: &[(String, String)]) -> Option<PathBuf> {
    let named = environment.iter().find(|(name, _)| name == FILE_VARIABLE);
    named.map(|(_, path)| path.into())
}

/// The variable of a setting.
pub(super) fn variable(heading: &str, name: &str) -> String {
    let key = full_key(heading, name).replace('.', "_");
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

/// All variables of a setting, the one with the section's name first.
pub(super) fn variables(section: &dyn Section, row: &Row) -> Vec<String> {
    let mut names = vec![variable(section.heading(), row.name)];
    names.extend(row.short.map(|short| variable("", short)));
    names
}

/// Reads the variables in the order of their names.
pub(super) fn read(mut environment: Vec<(String, String)>, draft: &mut Draft) {
    environment.retain(|(name, _)| name.starts_with(PREFIX) && name != FILE_VARIABLE);
    environment.sort();
    let (mut app, mut pair) = (AppSettings::default(), KeyPair::default());
    let mut has_app = false;
    for (name, value) in &environment {
        let [server, metrics, log] = draft.config.sections_mut();
        // `app` precedes `pair`: FOGHORN_APP_ENABLED is the app's.
        let mut sections: [&mut dyn Section; 5] = [server, metrics, log, &mut app, &mut pair];
        let setting = sections.iter_mut().find_map(|section| {
            let mut rows = section.rows().iter();
            let row = rows.find(|row| variables(*section, row).contains(name))?;
            Some((section, row))
        });
        let Some((section, row)) = setting else {
            draft.notes.problems.push(unknown(name, &sections));
            continue;
        };
        let heading = section.heading();
        has_app |= heading == "app";
        let place = Place::Environment(name.clone());
        let key = full_key(heading, row.name);
        if let Place::Environment(other) = draft.notes.origins.place(&key) {
            let message = format!("{other} is set too and is the same setting; set one of them");
            draft.notes.problem(&key, place.clone(), message);
        }
        let found = Found::Text(value);
        draft
            .notes
            .assign(*section, heading, Given { row, found, place });
    }
    if has_app {
        apps::add_from_environment(draft, app, pair);
    }
}

fn unknown(name: &str, sections: &[&mut dyn Section]) -> Problem {
    let settings = sections.iter().flat_map(|section| {
        let rows = section.rows().iter();
        rows.flat_map(|row| variables(&**section, row))
    });
    let names = settings.chain([FILE_VARIABLE.to_owned()]);
    let tail = name.strip_prefix(PREFIX).unwrap_or(name);
    let place = Place::Environment(name.to_owned());
    if is_service_link(name) {
        let message = "unknown setting; Kubernetes sets it for a Service of this name, unless the \
                       pod has enableServiceLinks: false";
        return Problem::new(name, place, message);
    }
    Problem::new(name, place, "unknown setting").suggest(nearest(name, tail, names))
}

/// Whether a container platform may have made the variable from the name of a service.
fn is_service_link(name: &str) -> bool {
    ["_SERVICE_", "_TCP", "_UDP"]
        .iter()
        .any(|part| name.contains(part))
}
