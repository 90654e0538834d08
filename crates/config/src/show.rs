//! The configuration for people: what is in force, and what there is to set.

use std::fmt::Write;

use serde_json::Value as Json;

use super::apps::{HEADING, OwnApp, PAIRS};
use super::problem::Place;
use super::section::{Row, Section};
use super::settings::{AppSettings, KeyPair};
use super::{AppSource, Config, Loaded, environment, flags, full_key, webhooks};

/// Where origins stand, if the values leave room.
const ORIGIN_COLUMN: usize = 40;

/// One setting that is in force. Secrets are hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Its full key, as in `server.port` or `apps[0].keys[1].enabled`.
    pub setting: String,
    /// Its value.
    pub value: Json,
    /// Where it is from, as in `default` or `environment FOGHORN_PORT`.
    pub source: String,
}

/// A table of the file.
struct Block {
    title: String,
    /// What full keys call it.
    prefix: String,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    /// As the file has it.
    literal: String,
    value: Json,
    origin: String,
}

/// A configuration with the origin of every value, in the manner of the file.
pub(super) fn show(loaded: &Loaded) -> String {
    let mut page = String::new();
    for block in blocks(loaded) {
        let gap = if page.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        _ = writeln!(page, "{gap}{}", block.title);
        for line in block.lines {
            let setting = format!("{} = {}", line.name, line.literal);
            _ = writeln!(page, "{setting:ORIGIN_COLUMN$}  # {}", line.origin);
        }
    }
    page
}

/// The same, setting by setting.
pub(super) fn effective(loaded: &Loaded) -> Vec<Effective> {
    let of_block = |block: Block| {
        let prefix = block.prefix;
        block.lines.into_iter().map(move |line| Effective {
            setting: full_key(&prefix, &line.name),
            value: line.value,
            source: line.origin,
        })
    };
    blocks(loaded).into_iter().flat_map(of_block).collect()
}

fn blocks(loaded: &Loaded) -> Vec<Block> {
    let Loaded {
        config, provenance, ..
    } = loaded;
    let origin = |key: &str| provenance.place(key).to_string();
    let mut blocks: Vec<_> = config
        .sections()
        .into_iter()
        .map(|section| {
            let title = format!("[{}]", section.heading());
            Block::of(title, section.heading(), section, &origin)
        })
        .collect();
    let origin = |key: &str| match (provenance.place(key), config.app_source) {
        (Place::Nowhere, AppSource::BuiltIn) => "built-in".to_owned(),
        (place, _) => place.to_string(),
    };
    for (app, prefix) in config.apps.iter().zip(&provenance.apps) {
        let title = format!("[[{HEADING}]]");
        blocks.push(Block::of(title, &prefix.app, &app.settings, &origin));
        for (pair, prefix) in app.keys.iter().zip(&prefix.pairs) {
            let title = format!("[[{HEADING}.{PAIRS}]]");
            blocks.push(Block::of(title, prefix, pair, &origin));
        }
        let list = full_key(&prefix.app, webhooks::HEADING);
        for (index, webhook) in app.webhooks.iter().enumerate() {
            let prefix = format!("{list}[{index}]");
            let members = webhooks::members(webhook).into_iter();
            let lines = members.map(|(name, value)| Line {
                origin: origin(&full_key(&prefix, &name)),
                literal: webhooks::literal(&value),
                name,
                value,
            });
            blocks.push(Block {
                title: format!("[[{HEADING}.{}]]", webhooks::HEADING),
                lines: lines.collect(),
                prefix,
            });
        }
    }
    blocks
}

impl Block {
    fn of(
        title: String,
        prefix: &str,
        section: &dyn Section,
        origin: &dyn Fn(&str) -> String,
    ) -> Self {
        let lines = section.rows().iter().map(|row| {
            let literal = section.literal(row.name);
            Line {
                name: row.name.to_owned(),
                // What a setting writes for the file is JSON as well.
                value: serde_json::from_str(&literal).unwrap_or_default(),
                literal,
                origin: origin(&full_key(prefix, row.name)),
            }
        });
        Self {
            title,
            prefix: prefix.to_owned(),
            lines: lines.collect(),
        }
    }
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
