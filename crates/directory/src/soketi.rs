//! soketi's table of apps, as soketi makes it (limits-and-quotas.md §3.1). It is never written.
//!
//! What the columns' types are depends on the database and on who made the table, so all of them
//! are read as text. NULL is what every app has, −1 is no limit. What 0 means is what soketi makes
//! of it: no limit of connections, and no client event at all.

use foghorn_config::{AppConfig, AppSettings, FieldProblem, TableName};
use serde_json::{Map, Value as Json, json};
use tokio::sync::OnceCell;

use crate::cell::{Cell, Row, no_text};
use crate::failure::Failure;
use crate::pool::{Meets, Pool, Statement, Value};
use crate::search::Search;
use crate::{Found, Unreadable, Which};

/// The table, as statements name it.
pub(crate) struct Table {
    name: String,
    searches: OnceCell<Searches>,
}

/// How apps are looked for, which depends on the types of the columns.
#[derive(Clone, Copy, Debug)]
struct Searches {
    id: Search,
    key: Search,
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
    /// A number, of which 0 is as good as −1.
    Connections,
    /// A number of 1,024 bytes.
    Kilobytes,
}

const fn column(name: &'static str, member: &'static str, unit: Unit) -> Column {
    Column { name, member, unit }
}

const ID: &str = "id";
const KEY: &str = "key";
const SECRET: &str = "secret";

const CLIENT_EVENTS: &str = "client_events";
const CLIENT_RATE: &str = "client_events_per_second";

use Unit::{Connections, Kilobytes, List, Number, Text, Truth};

const COLUMNS: [Column; 18] = [
    column(ID, "id", Text),
    column(KEY, "key", Text),
    column(SECRET, "secret", Text),
    column("max_connections", "max_connections", Connections),
    column("enable_client_messages", CLIENT_EVENTS, Truth),
    column("enabled", "enabled", Truth),
    column(
        "max_backend_events_per_sec",
        "api_events_per_second",
        Number,
    ),
    column("max_client_events_per_sec", CLIENT_RATE, Number),
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
            searches: OnceCell::new(),
        }
    }

    pub(crate) async fn read(
        &self,
        pool: &Pool,
        which: Which<'_>,
        base: &AppSettings,
    ) -> Result<Vec<Found>, Failure> {
        let searches = self.searches.get_or_try_init(|| self.searches(pool));
        let select = self.select(pool, which, *searches.await?);
        let rows = pool.rows(&select).await?;
        let asked = rows.into_iter().filter(|row| is(row, which));
        Ok(asked.filter_map(|row| read(&row, base)).collect())
    }

    async fn searches(&self, pool: &Pool) -> Result<Searches, Failure> {
        let names = [ID, KEY].map(|name| pool.quoted(name)).join(", ");
        let sql = format!("SELECT {names} FROM {}", self.name);
        let types = pool.types(&sql).await?;
        let mut types = types.iter().map(String::as_str);
        let mut next = || Search::of(pool, types.next().unwrap_or_default());
        Ok(Searches {
            id: next(),
            key: next(),
        })
    }

    fn select<'a>(&self, pool: &Pool, which: Which<'a>, by: Searches) -> Statement<'a> {
        let text = |name: &str| pool.text(&pool.quoted(name));
        let columns = COLUMNS.map(|column| text(column.name)).join(", ");
        let id = text(ID);
        let (condition, values) = match which {
            Which::Key(asked) => {
                let condition = by.key.condition(pool, &pool.quoted(KEY), &[asked]);
                (
                    format!("{condition} ORDER BY {id}"),
                    vec![Value::Text(asked)],
                )
            }
            Which::Ids(ids) => (
                by.id.condition(pool, &pool.quoted(ID), ids),
                ids.iter().map(|id| Value::Text(id)).collect(),
            ),
            // Numbers have the order of texts, as what they come after is one.
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
fn is(row: &Row, which: Which<'_>) -> bool {
    match which {
        Which::Key(key) => cell(row, KEY) == Some(key),
        Which::Ids(ids) => cell(row, ID).is_some_and(|id| ids.contains(&id)),
        Which::Page { .. } => true,
    }
}

fn cell<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    let mut cells = COLUMNS.iter().zip(row);
    let (_, cell) = cells.find(|(column, _)| column.name == name)?;
    cell.text()
}

/// The app of a row, `None` if its id is no text: none can ask for it.
fn read(row: &Row, base: &AppSettings) -> Option<Found> {
    let app = cell(row, ID)?.to_owned();
    let cells = || COLUMNS.iter().zip(row);
    let wrong = cells().filter(|(_, cell)| **cell == Cell::Bytes);
    let problems: Vec<_> = wrong.map(|(column, _)| no_text(column.name)).collect();
    let read = match problems.is_empty() {
        true => AppConfig::from_json(&form(row).into(), base),
        false => Err(problems),
    };
    Some(read.map_err(|problems| Unreadable {
        app,
        problems: problems.into_iter().map(in_columns).collect(),
    }))
}

/// The app's JSON form.
fn form(row: &Row) -> Map<String, Json> {
    let mut form = Map::new();
    for (column, cell) in COLUMNS.iter().zip(row) {
        if let Some(text) = cell.text() {
            form.insert(column.member.to_owned(), column.unit.json(text));
        }
    }
    if form.get(CLIENT_RATE) == Some(&json!(0)) {
        form.remove(CLIENT_RATE);
        form.insert(CLIENT_EVENTS.to_owned(), false.into());
    }
    form
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
                // A bit is a byte of that value.
                "1" | "t" | "true" | "\u{1}" => Some(true.into()),
                "0" | "f" | "false" | "\0" => Some(false.into()),
                _ => None,
            },
            Self::Number => whole(text, 1.0),
            Self::Connections => match whole(text, 1.0) {
                Some(number) if number == 0 => Some((-1).into()),
                other => other,
            },
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
