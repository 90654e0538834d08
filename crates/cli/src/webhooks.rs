//! `foghorn webhooks`: what waits to be delivered and what was given up, by the admin API.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use crate::admin::{Common, Told};
use crate::api::segment;
use crate::failure::Failure;
use crate::paint::{Paint, visible};

/// What to do with webhooks.
#[derive(Subcommand)]
pub enum Webhooks {
    /// Tell what waits to be delivered, app by app
    Status(Status),
    /// List what was given up, and why
    Dead(Dead),
    /// Deliver again what was given up
    Redeliver(Redeliver),
    /// Forget what was given up
    Discard(Discard),
}

/// How to tell.
#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    common: Common,
}

/// Which dead letters to list.
#[derive(Args)]
pub struct Dead {
    /// Those of this app alone
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Which dead letters to deliver again.
#[derive(Args)]
pub struct Redeliver {
    /// The numbers that `webhooks dead` tells
    #[arg(
        value_name = "NUMBER",
        required_unless_present = "app",
        conflicts_with = "app"
    )]
    ids: Vec<u64>,
    /// All of this app
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Which dead letters to forget.
#[derive(Args)]
pub struct Discard {
    /// The numbers that `webhooks dead` tells
    #[arg(value_name = "NUMBER", required = true)]
    ids: Vec<u64>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(command: Webhooks) -> Result<(), Failure> {
    match command {
        Webhooks::Status(Status { common }) => status(common),
        Webhooks::Dead(arguments) => dead(arguments),
        Webhooks::Redeliver(arguments) => redeliver(arguments),
        Webhooks::Discard(arguments) => discard(arguments),
    }
}

fn status(common: Common) -> Result<(), Failure> {
    let (output, admin) = common.open()?;
    let answer = admin.ask(Method::GET, "/webhooks", None)?;
    let apps = answer.get("apps").and_then(Value::as_array);
    let apps = apps.map(Vec::as_slice).unwrap_or_default();
    if apps.is_empty() {
        output.progress("nothing waits, nothing was given up");
    }
    apps.iter().cloned().try_for_each(|json| {
        output.report(&Told {
            json,
            people: backlog,
        })
    })
}

fn dead(arguments: Dead) -> Result<(), Failure> {
    let (output, admin) = arguments.common.open()?;
    let app = arguments.app.as_deref().map(segment);
    let query = app.map_or_else(String::new, |app| format!("app={app}&"));
    admin.each(("/webhooks/dead", &query, "dead"), |json| {
        output.report(&Told {
            json,
            people: letter,
        })
    })
}

fn redeliver(arguments: Redeliver) -> Result<(), Failure> {
    let (output, admin) = arguments.common.open()?;
    let body = match arguments.app {
        Some(app) => json!({ "app": app }),
        None => json!({ "ids": arguments.ids }),
    };
    let json = admin.ask(Method::POST, "/webhooks/dead/redeliver", Some(&body))?;
    let people = |answer: &Value, paint: Paint| {
        let number = answer.get("redelivered").and_then(Value::as_u64);
        let number = number.unwrap_or_default();
        format!("{} {number}", paint.good("delivering again"))
    };
    output.report(&Told { json, people })
}

fn discard(arguments: Discard) -> Result<(), Failure> {
    let (output, admin) = arguments.common.open()?;
    for id in arguments.ids {
        admin.ask(Method::DELETE, &format!("/webhooks/dead/{id}"), None)?;
        let people = |answer: &Value, paint: Paint| {
            let id = answer.get("discarded").map(Value::to_string);
            format!("{} {}", paint.good("discarded"), id.unwrap_or_default())
        };
        let json = json!({ "discarded": id });
        output.report(&Told { json, people })?;
    }
    Ok(())
}

fn backlog(app: &Value, paint: Paint) -> String {
    let number = |name| app.get(name).and_then(Value::as_u64);
    let name = paint.name(&visible(text(app, "app")));
    let waiting = number("waiting").unwrap_or_default();
    let age = number("oldest_age").map(|age| format!(", the oldest for {age} s"));
    let dead = match number("dead").unwrap_or_default() {
        0 => String::new(),
        dead => format!("  {}", paint.bad(&format!("{dead} given up"))),
    };
    format!("{name}  {waiting} waiting{}{dead}", age.unwrap_or_default())
}

fn letter(letter: &Value, paint: Paint) -> String {
    let id = letter.get("id").map(Value::to_string).unwrap_or_default();
    let events = letter.get("events").and_then(Value::as_array);
    let events = events.into_iter().flatten().filter_map(Value::as_str);
    let events: Vec<_> = events.collect();
    let parts = [
        id,
        text(letter, "given_up").to_owned(),
        paint.name(&visible(text(letter, "app"))),
        visible(&events.join(",")),
        visible(text(letter, "url")),
        paint.bad(&visible(text(letter, "reason"))),
    ];
    parts.join("  ")
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    let text = value.get(member).and_then(Value::as_str);
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_lines() {
        let app = json!({ "app": "7", "waiting": 3, "oldest_age": 9, "dead": 1 });
        let expect = "7  3 waiting, the oldest for 9 s  1 given up";
        assert_eq!(backlog(&app, Paint::PLAIN), expect);
        let idle = json!({ "app": "7", "waiting": 0, "oldest_age": null, "dead": 0 });
        assert_eq!(backlog(&idle, Paint::PLAIN), "7  0 waiting");
        let one = json!({
            "id": 5, "app": "7", "url": "http://h/", "events": ["a", "b"],
            "given_up": "2026-01-01T00:00:00Z", "reason": "status 500",
        });
        let expect = "5  2026-01-01T00:00:00Z  7  a,b  http://h/  status 500";
        assert_eq!(letter(&one, Paint::PLAIN), expect);
    }
}
