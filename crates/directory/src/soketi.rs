//! soketi's table of apps, as soketi makes it (limits-and-quotas.md §3.1). It is never written.
//!
//! What the columns' types are depends on the database and on who made the table, so all of them
//! are read as text. NULL is what every app has, −1 is no limit.

use foghorn_config::{AppConfig, AppSettings, FieldProblem, TableName};
use serde_json::{Map, Value as Json, json};

use crate::foghorn::{marks, text};
use crate::pool::{Meets, Pool, Statement, Texts, Value};
use crate::{Found, Unreadable, Which};

/// The table, as statements name it.
pub(crate) struct Table {
    name: String,
}

/// A column of soketi's and the member of an app's JSON form that says the same.
struct Column {
    name: &'static str,
    member: &'static str,
    unit: Unit,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Text,
    /// A list as JSON.
    List,
    /// True or false, as a number or a word.
    Truth,
    Number,
    /// A number of 1,024 bytes.
    Kilobytes,
}

const fn column(name: &'static str, member: &'static str, unit: Unit) -> Column {
    Column { name, member, unit }
}

const ID: &str = "id";
const KEY: &str = "key";
const SECRET: &str = "secret";

use Unit::{Kilobytes, List, Number, Text, Truth};

const COLUMNS: [Column; 18] = [
    column(ID, "id", Text),
    column(KEY, "key", Text),
    column(SECRET, "secret", Text),
    column("max_connections", "max_connections", Number),
    column("enable_client_messages", "client_events", Truth),
    column("enabled", "enabled", Truth),
    column(
        "max_backend_events_per_sec",
        "api_events_per_second",
        Number,
    ),
    column(
        "max_client_events_per_sec",
        "client_events_per_second",
        Number,
    ),
    column("max_read_req_per_sec", "api_reads_per_second", Number),
    column("webhooks", "webhooks", List),
    column(
        "max_presence_members_per_channel",
        "max_presence_members",
        Number,
    ),
    column(
        "max_presence_member_size_in_kb",
        "max_presence_member_bytes",
        Kilobytes,
    ),
    column("max_channel_name_length", "max_channel_name_length", Number),
    column(
        "max_event_channels_at_once",
        "max_channels_per_event",
        Number,
    ),
    column("max_event_name_length", "max_event_name_length", Number),
    column("max_event_payload_in_kb", "max_event_data_bytes", Kilobytes),
    column("max_event_batch_size", "max_batch_size", Number),
    column(
        "enable_user_authentication",
        "authorized_connections",
        Truth,
    ),
];

impl Table {
    pub(crate) fn new(name: &TableName, pool: &Pool) -> Self {
        let parts: Vec<_> = name.parts().map(|part| pool.quoted(part)).collect();
        Self {
            name: parts.join("."),
        }
    }

    pub(crate) async fn read(
        &self,
        pool: &Pool,
        which: Which<'_>,
        base: &AppSettings,
    ) -> Result<Vec<Found>, String> {
        let rows = pool.rows(&self.select(pool, which)).await.map_err(text)?;
        let asked = rows.into_iter().filter(|row| is(row, which));
        Ok(asked.map(|row| read(&row, base)).collect())
    }

    fn select<'a>(&self, pool: &Pool, which: Which<'a>) -> Statement<'a> {
        // Numbers as ids are compared as the texts that they are asked for.
        let text = |name: &str| pool.text(&pool.quoted(name));
        let columns = COLUMNS.map(|column| text(column.name)).join(", ");
        let (id, key) = (text(ID), text(KEY));
        let (condition, values) = match which {
            Which::Key(asked) => (format!("{key} = ? ORDER BY {id}"), vec![Value::Text(asked)]),
            Which::Ids(ids) => (
                format!("{id} IN ({})", marks(ids.len())),
                ids.iter().map(|id| Value::Text(id)).collect(),
            ),
            Which::Page { after, limit } => (
                format!("{id} > ? ORDER BY {id} LIMIT ?"),
                vec![Value::Text(after), Value::Number(limit.into())],
            ),
        };
        Statement {
            sql: format!("SELECT {columns} FROM {} WHERE {condition}", self.name),
            values,
            meets: Meets::Any,
        }
    }
}

/// Whether a row was asked for.
fn is(row: &Texts, which: Which<'_>) -> bool {
    match which {
        Which::Key(key) => cell(row, KEY) == Some(key),
        Which::Ids(ids) => cell(row, ID).is_some_and(|id| ids.contains(&id)),
        Which::Page { .. } => true,
    }
}

fn cell<'a>(row: &'a Texts, name: &str) -> Option<&'a str> {
    let mut cells = COLUMNS.iter().zip(row);
    let (_, cell) = cells.find(|(column, _)| column.name == name)?;
    cell.as_deref()
}

fn read(row: &Texts, base: &AppSettings) -> Found {
    let mut form = Map::new();
    for (column, cell) in COLUMNS.iter().zip(row) {
        if let Some(text) = cell {
            form.insert(column.member.to_owned(), column.unit.json(text));
        }
    }
    AppConfig::from_json(&form.into(), base).map_err(|problems| Unreadable {
        app: cell(row, ID).unwrap_or_default().to_owned(),
        problems: problems.into_iter().map(in_columns).collect(),
    })
}

/// The problem with the name of the column instead of the member's.
fn in_columns(problem: FieldProblem) -> FieldProblem {
    let mut columns = COLUMNS.iter();
    let column = columns.find(|column| column.member == problem.field);
    let field = column.map_or(problem.field, |column| column.name.to_owned());
    FieldProblem { field, ..problem }
}

impl Unit {
    /// What a column says, as the JSON form has it. What is none of that stays text, which the
    /// check of the form refuses.
    fn json(self, text: &str) -> Json {
        let known = match self {
            Self::Text => None,
            Self::List => list(text),
            Self::Truth => match text {
                "1" | "t" | "true" => Some(true.into()),
                "0" | "f" | "false" => Some(false.into()),
                _ => None,
            },
            Self::Number => whole(text, 1.0),
            Self::Kilobytes => whole(text, 1_024.0),
        };
        known.unwrap_or_else(|| text.into())
    }
}

/// JSON, perhaps within a JSON string; no text at all is an empty list.
fn list(text: &str) -> Option<Json> {
    if text.is_empty() {
        return Some(json!([]));
    }
    match serde_json::from_str(text).ok()? {
        Json::String(inner) => serde_json::from_str(&inner).ok(),
        outer => Some(outer),
    }
}

/// So many units of a number, which may have a fraction that makes no part of a unit.
fn whole(text: &str, unit: f64) -> Option<Json> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    let number = (number * unit).floor();
    (number.abs() <= LARGEST).then(|| json!(number as i64))
}
