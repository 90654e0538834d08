//! The configuration for people: what is in force, and what there is to set.

use std::fmt::Write;

use super::apps::{HEADING, OwnApp, PAIRS};
use super::problem::Place;
use super::section::{Row, Section};
use super::settings::{AppSettings, KeyPair};
use super::{AppSource, Config, Loaded, environment, flags, full_key, webhooks};

/// Where origins stand, if the values leave room.
const ORIGIN_COLUMN: usize = 40;

/// A configuration with the origin of every value, in the manner of the file.
pub(super) fn show(loaded: &Loaded) -> String {
    let Loaded {
        config, provenance, ..
    } = loaded;
    let mut page = String::new();
    for section in config.sections() {
        block(&mut page, &format!("[{}]", section.heading()));
        for row in section.rows() {
            let place = provenance.place(&full_key(section.heading(), row.name));
            line(&mut page, section, row, &place.to_string());
        }
    }
    let origin = |key: &str| match (provenance.place(key), config.app_source) {
        (Place::Nowhere, AppSource::BuiltIn) => "built-in".to_owned(),
        (place, _) => place.to_string(),
    };
    for (app, prefix) in config.apps.iter().zip(&provenance.apps) {
        block(&mut page, &format!("[[{HEADING}]]"));
        for row in app.settings.rows() {
            let key = full_key(&prefix.app, row.name);
            line(&mut page, &app.settings, row, &origin(&key));
        }
        for (pair, prefix) in app.keys.iter().zip(&prefix.pairs) {
            block(&mut page, &format!("[[{HEADING}.{PAIRS}]]"));
            for row in pair.rows() {
                line(&mut page, pair, row, &origin(&full_key(prefix, row.name)));
            }
        }
        let list = full_key(&prefix.app, webhooks::HEADING);
        for (index, webhook) in app.webhooks.iter().enumerate() {
            let prefix = format!("{list}[{index}]");
            block(&mut page, &format!("[[{HEADING}.{}]]", webhooks::HEADING));
            for (name, literal) in webhooks::literals(webhook) {
                setting_line(
                    &mut page,
                    &name,
                    &literal,
                    &origin(&full_key(&prefix, &name)),
                );
            }
        }
    }
    page
}

fn block(page: &mut String, heading: &str) {
    if !page.is_empty() {
        page.push('\n');
    }
    page.push_str(heading);
    page.push('\n');
}

fn line(page: &mut String, section: &dyn Section, row: &Row, origin: &str) {
    setting_line(page, row.name, &section.literal(row.name), origin);
}

fn setting_line(page: &mut String, name: &str, literal: &str, origin: &str) {
    let setting = format!("{name} = {literal}");
    // Writing to a string cannot fail.
    _ = writeln!(page, "{setting:ORIGIN_COLUMN$}  # {origin}");
}

/// A configuration file that explains every setting and sets none.
pub fn example() -> String {
    let config = Config::without_apps();
    let mut page = String::from(
        "# Foghorn's settings with their defaults. To change one, remove the # before it.\n\
         # A flag precedes the environment, the environment this file, this file the default.\n\
         # In the environment, soketi's variables are understood too; ours precede them.\n",
    );
    for section in config.sections() {
        page.push('\n');
        doc(&mut page, section.doc());
        _ = writeln!(page, "[{}]", section.heading());
        for row in section.rows() {
            let key = full_key(section.heading(), row.name);
            let names = environment::variables(section, row).join(" or ");
            let also = match row.short {
                Some(_) => format!("{names}; flag {}", flags::flag(&key, row)),
                None => names,
            };
            setting(&mut page, section, row, &also);
        }
    }
    example_app(&mut page);
    page
}

fn example_app(page: &mut String) {
    let (app, pair) = (AppSettings::default(), KeyPair::default());
    page.push('\n');
    doc(page, app.doc());
    doc(
        page,
        &[
            " As many as needed, each under a heading of its own. The variables make one app more.",
            " While there is none and server.host is a loopback address, there is a development",
            " app with the id app-id, the key app-key and the secret app-secret.",
        ],
    );
    _ = writeln!(page, "#[[{HEADING}]]");
    for row in app.rows() {
        setting(
            page,
            &app,
            row,
            &environment::variable(app.heading(), row.name),
        );
    }
    // Written directly in the app, a pair has no names that the app has.
    for row in pair.rows().iter().filter(|row| app.row(row.name).is_none()) {
        setting(
            page,
            &pair,
            row,
            &environment::variable(pair.heading(), row.name),
        );
    }
    page.push('\n');
    doc(page, pair.doc());
    doc(
        page,
        &[" These are further pairs of the app above, or all of them."],
    );
    _ = writeln!(page, "#[[{HEADING}.{PAIRS}]]");
    for row in pair.rows() {
        setting(page, &pair, row, "");
    }
    example_webhook(page);
}

fn example_webhook(page: &mut String) {
    let variable = environment::variable(OwnApp::HEADING, webhooks::HEADING);
    page.push('\n');
    doc(
        page,
        &[
            " A receiver of webhooks of the app above. As many as needed.",
            &format!(" Environment: {variable}, a list of such as JSON"),
        ],
    );
    _ = writeln!(page, "#[[{HEADING}.{}]]", webhooks::HEADING);
    for member in &webhooks::MEMBERS {
        page.push('\n');
        doc(page, member.doc);
        _ = writeln!(page, "#{} = {}", member.name, member.example);
    }
}

fn doc(page: &mut String, lines: &[&str]) {
    for line in lines {
        _ = writeln!(page, "#{line}");
    }
}

fn setting(page: &mut String, section: &dyn Section, row: &Row, also: &str) {
    page.push('\n');
    doc(page, row.doc);
    _ = writeln!(page, "# Takes {}.", (row.expected)());
    if !also.is_empty() {
        _ = writeln!(page, "# Environment: {also}");
    }
    _ = writeln!(page, "#{} = {}", row.name, section.literal(row.name));
}
