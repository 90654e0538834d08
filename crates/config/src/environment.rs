//! Environment variables: every setting has one, and the settings of one app make an app.

use std::path::PathBuf;

use super::problem::{Place, Problem, nearest};
use super::section::{Row, Section};
use super::value::Found;
use super::{Draft, Given, apps::OwnApp, full_key, webhooks};

/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "FOGHORN_CONFIG";

/// The variable that tells the tools where a server is; the server itself need not know.
const TOOLS_VARIABLE: &str = "FOGHORN_URL";

const PREFIX: &str = "FOGHORN_";

/// The configuration file that the environment names, if it does; an empty name is none.
pub fn file_variable(environment: &[(String, String)]) -> Option<PathBuf> {
    let named = environment.iter().find(|(name, _)| name == FILE_VARIABLE);
    named
        .filter(|(_, path)| !path.is_empty())
        .map(|(_, path)| path.into())
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

/// Reads the variables in the order of their names; those of an app go to `own`.
pub(super) fn read(environment: &[(String, String)], own: &mut OwnApp, draft: &mut Draft) {
    let ours = environment.iter().filter(|(name, value)| {
        let is_setting = ![FILE_VARIABLE, TOOLS_VARIABLE].contains(&name.as_str());
        let tail = name.strip_prefix(PREFIX).filter(|_| is_setting);
        tail.is_some_and(|tail| !is_service_link(tail, value))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort();
    for (name, value) in ours {
        if *name == variable(OwnApp::HEADING, webhooks::HEADING) {
            let place = Place::Environment(name.clone());
            webhooks::read_text(value, place, own, &mut draft.notes);
            continue;
        }
        let OwnApp {
            settings,
            pair,
            is_described,
            ..
        } = own;
        let mut sections = Vec::from(draft.config.sections_mut());
        // The app precedes the pair: FOGHORN_APP_ENABLED is the app's.
        sections.extend([settings as &mut dyn Section, pair]);
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
        *is_described |= heading == OwnApp::HEADING;
        let place = Place::Environment(name.clone());
        let key = full_key(heading, row.name);
        if let Place::Environment(other) = draft.notes.provenance.place(&key)
            && other.starts_with(PREFIX)
        {
            let message = format!("{other} is set too and is the same setting; set one of them");
            draft.notes.problem(&key, place.clone(), message);
        }
        let found = Found::Text(value);
        draft
            .notes
            .assign(*section, heading, Given { row, found, place });
    }
}

fn unknown(name: &str, sections: &[&mut dyn Section]) -> Problem {
    let settings = sections.iter().flat_map(|section| {
        let rows = section.rows().iter();
        rows.flat_map(|row| variables(&**section, row))
    });
    let webhooks = variable(OwnApp::HEADING, webhooks::HEADING);
    let names = settings.chain([FILE_VARIABLE.to_owned(), webhooks]);
    let tail = name.strip_prefix(PREFIX).unwrap_or(name);
    let place = Place::Environment(name.to_owned());
    Problem::new(name, place, "unknown setting").suggest(nearest(name, tail, names))
}

/// Whether Kubernetes made the variable with this `tail`: it gives every pod some for a Service
/// called `foghorn` or `soketi`, the likeliest names there are, and nobody who sees them has set
/// anything.
pub(super) fn is_service_link(tail: &str, value: &str) -> bool {
    const TRANSPORTS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    if tail == "PORT" {
        return value.contains("://");
    }
    let port = tail
        .strip_prefix("PORT_")
        .and_then(|rest| rest.split_once('_'));
    let is_link_of_port = port.is_some_and(|(number, rest)| {
        let transport = rest.split('_').next().unwrap_or_default();
        number.parse::<u16>().is_ok() && TRANSPORTS.contains(&transport)
    });
    let is_service = matches!(tail, "SERVICE_HOST" | "SERVICE_PORT");
    is_link_of_port || is_service || tail.starts_with("SERVICE_PORT_")
}
