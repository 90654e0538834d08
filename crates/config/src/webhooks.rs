//! An app's webhooks: an array of tables in the file, JSON elsewhere (webhooks.md §7).

use std::collections::BTreeMap;

use foghorn_webhooks::{Invalid, Spec, Webhook};
use serde_json::{Map, Value as Json};

use super::apps::OwnApp;
use super::problem::{Place, Problem};
use super::reader::{Reader, Shape};
use super::tree::Node;
use super::value::quoted;
use super::{Notes, full_key};

/// What an app's table calls the array of its webhooks.
pub(super) const HEADING: &str = "webhooks";

/// What a webhook can say.
pub(super) struct Member {
    pub(super) name: &'static str,
    shape: Shape,
    /// What it is for, line by line.
    pub(super) doc: &'static [&'static str],
    /// A value of it as the file would have it.
    pub(super) example: &'static str,
}

/// All that a webhook can say.
pub(super) const MEMBERS: [Member; 4] = [
    Member {
        name: "url",
        shape: Shape::Text,
        doc: &[" Where to send: an http or https URL. Required."],
        example: "\"https://backend.example/hooks\"",
    },
    Member {
        name: "event_types",
        shape: Shape::Texts,
        doc: &[
            " Of channel_occupied, channel_vacated, member_added, member_removed, client_event,",
            " cache_miss and subscription_count those that it is told of; all, if it is left out.",
        ],
        example: "[\"channel_occupied\", \"channel_vacated\"]",
    },
    Member {
        name: "filter",
        shape: Shape::Table,
        doc: &[
            " Of which channels: those that all of channel_name_starts_with,",
            " channel_name_ends_with and channel_pattern, a regular expression, hold for.",
        ],
        example: "{ channel_name_starts_with = \"private-\" }",
    },
    Member {
        name: "headers",
        shape: Shape::Table,
        doc: &[" Further headers of its requests."],
        example: "{ X-Env = \"production\" }",
    },
];

/// What is shown of the value of a header; it could be one.
const HIDDEN: &str = "...";

/// What soketi calls the functions in a cloud that it can start in place of a request.
const FUNCTIONS: &str = "lambda";

/// Reads an array of webhooks, which full keys call `key`.
pub(super) fn read(reader: &mut Reader<'_>, key: &str, value: Node<'_>) -> Vec<Webhook> {
    let tables = reader.tables(key, value).into_iter();
    tables
        .filter_map(|(prefix, table)| read_one(reader, &prefix, table))
        .collect()
}

/// Reads the webhooks of the environment's app from the text of a variable, in which full keys
/// call them `key`. Only the names within the text are told: the variable is the rest.
pub(super) fn read_text(text: &str, place: Place, own: &mut OwnApp, notes: &mut Notes) {
    own.is_described = true;
    let key = full_key(OwnApp::HEADING, HEADING);
    notes.provenance.places.insert(key.clone(), place.clone());
    // A text may hold secret headers, so nothing of it is shown.
    let Ok(json) = serde_json::from_str(text) else {
        let message = "expected a list of webhooks as JSON, found other text";
        return notes.problem(&key, place, message);
    };
    let mut inner = Notes::default();
    let mut reader = Reader::of_value(place.clone(), &mut inner);
    own.webhooks = read(&mut reader, HEADING, Node::of_json(&json));
    for problem in inner.problems {
        let message = format!("{}: {}", problem.key, problem.message);
        let outer = Problem::new(&key, place.clone(), message);
        notes.problems.push(outer.suggest(problem.suggestion));
    }
    let places = inner.provenance.places.into_iter();
    let places = places.map(|(key, place)| (full_key(OwnApp::HEADING, &key), place));
    notes.provenance.places.extend(places);
}

/// A webhook, unless something is wrong with it.
fn read_one(reader: &mut Reader<'_>, prefix: &str, table: Node<'_>) -> Option<Webhook> {
    let before = reader.notes.problems.len();
    let mut members = Map::new();
    for entry in table.entries().unwrap_or_default() {
        let (name, value) = (entry.name, entry.value);
        let key = full_key(prefix, name);
        let place = reader.place(value.at);
        reader.notes.provenance.places.insert(key.clone(), place);
        match MEMBERS.iter().find(|member| member.name == name) {
            Some(_) if value.is_null() => {}
            Some(Member { shape, .. }) => {
                let json = member(reader, &key, *shape, value);
                members.extend(json.map(|json| (name.to_owned(), json)));
            }
            // The webhook itself says why these are refused.
            None if name.starts_with(FUNCTIONS) => _ = members.insert(name.into(), Json::Null),
            None => reader.unknown(prefix, entry, &known(prefix)),
        }
    }
    let webhook = match serde_json::from_value::<Spec>(Json::Object(members)) {
        Ok(spec) => Webhook::new(spec),
        Err(error) => Err(vec![Invalid {
            field: String::new(),
            problem: error.to_string(),
        }]),
    };
    let webhook = webhook.map_err(|problems| note(reader.notes, prefix, problems));
    webhook
        .ok()
        .filter(|_| reader.notes.problems.len() == before)
}

/// Notes what is wrong with a webhook, unless a member of another shape than it should have is
/// already noted: to the webhook, it is missing.
fn note(notes: &mut Notes, prefix: &str, problems: Vec<Invalid>) {
    for Invalid { field, problem } in problems {
        let key = match field.as_str() {
            "" => prefix.to_owned(),
            field => full_key(prefix, field),
        };
        if !notes.problems.iter().any(|noted| noted.key == key) {
            let place = nearest_place(notes, &key);
            notes.problem(&key, place, problem);
        }
    }
}

fn known(prefix: &str) -> Vec<String> {
    let members = MEMBERS.iter();
    members
        .map(|member| full_key(prefix, member.name))
        .collect()
}

/// What a webhook says, as the file would have it, without the values of its headers.
pub(super) fn members(webhook: &Webhook) -> Vec<(String, Json)> {
    let mut spec = webhook.spec().clone();
    for value in spec.headers.iter_mut().flat_map(BTreeMap::values_mut) {
        HIDDEN.clone_into(value);
    }
    // Plain texts have a JSON form.
    let Ok(Json::Object(members)) = serde_json::to_value(spec) else {
        return Vec::new();
    };
    let in_order = MEMBERS
        .iter()
        .filter_map(|member| members.get_key_value(member.name));
    in_order
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A value as the file has it.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| format!("{} = {}", quoted(name), literal(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Json::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(literal).collect();
            format!("[{}]", elements.join(", "))
        }
        Json::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// The value of a webhook's member as JSON, if it has the right shape.
fn member(reader: &mut Reader<'_>, key: &str, shape: Shape, value: Node<'_>) -> Option<Json> {
    match shape {
        Shape::Table => {
            let Some(entries) = value.entries() else {
                reader.expected(key, shape, value);
                return None;
            };
            let entries = entries.into_iter().filter(|entry| !entry.value.is_null());
            let members = entries.filter_map(|entry| {
                let key = full_key(key, entry.name);
                let json = member(reader, &key, Shape::Text, entry.value)?;
                Some((entry.name.to_owned(), json))
            });
            Some(Json::Object(members.collect()))
        }
        Shape::Texts => {
            let Some(elements) = value.elements() else {
                reader.expected(key, shape, value);
                return None;
            };
            let texts = elements
                .into_iter()
                .enumerate()
                .filter_map(|(index, element)| {
                    member(reader, &format!("{key}[{index}]"), Shape::Text, element)
                });
            Some(Json::Array(texts.collect()))
        }
        Shape::Text | Shape::Tables => {
            let place = reader.place(value.at);
            reader.notes.provenance.places.insert(key.to_owned(), place);
            match value.found.text() {
                Some(text) => Some(text.into()),
                None => {
                    reader.expected(key, Shape::Text, value);
                    None
                }
            }
        }
    }
}

/// Where `key` is, or what holds it.
fn nearest_place(notes: &Notes, key: &str) -> Place {
    let places = &notes.provenance.places;
    let holders = std::iter::successors(Some(key), |key| {
        key.rfind(['.', '[']).and_then(|end| key.get(..end))
    });
    let mut known = holders.filter_map(|holder| places.get(holder).cloned());
    known.next().unwrap_or(Place::Nowhere)
}
