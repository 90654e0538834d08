//! `foghorn apps`: the apps of a running server, by its admin API.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use crate::admin::{Common, Told};
use crate::api::segment;
use crate::failure::Failure;
use crate::input;
use crate::paint::{Paint, visible};

/// What to do with apps.
#[derive(Subcommand)]
pub enum Apps {
    /// List all apps
    List(List),
    /// Create an app in the server's database; its secret is shown this once
    Create(Create),
    /// Show the settings of an app
    Show(One),
    /// Give an app one more key pair, whose secret is shown this once
    ///
    /// The old key goes on until it is retired: change the clients and back ends first.
    Rotate(One),
    /// Retire a key: nobody new comes in with it, who is connected stays
    Retire(Key),
    /// Switch an app off: its connections are closed, its API requests refused
    Disable(One),
    /// Switch an app on again
    Enable(One),
    /// Delete an app for good
    Delete(One),
}

/// How to list.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    common: Common,
}

/// What the new app is like.
#[derive(Args)]
pub struct Create {
    /// Settings as a JSON object with the names of the configuration file; - for standard input,
    /// @FILE for a file
    #[arg(value_name = "SETTINGS", default_value = "{}")]
    settings: String,
    /// Its id; made up if it is not given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Its name, for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Which app.
#[derive(Args)]
pub struct One {
    /// The app's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

/// Which key of which app.
#[derive(Args)]
pub struct Key {
    /// The app's id
    #[arg(value_name = "ID")]
    id: String,
    /// The public half of the pair
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    common: Common,
}

/// What one app is asked to do.
struct Step<'a> {
    method: Method,
    /// Below the app.
    path: &'a str,
    body: Option<Value>,
    people: fn(&Value, Paint) -> String,
}

pub(crate) fn run(command: Apps) -> Result<(), Failure> {
    match command {
        Apps::List(List { common }) => list(common),
        Apps::Create(arguments) => create(arguments),
        Apps::Show(one) => one.take(Step {
            method: Method::GET,
            path: "",
            body: None,
            people: settings,
        }),
        Apps::Rotate(one) => one.take(Step {
            method: Method::POST,
            path: "/keys",
            body: None,
            people: new_key,
        }),
        Apps::Retire(Key { id, key, common }) => One { id, common }.take(Step {
            method: Method::PATCH,
            path: &format!("/keys/{}", segment(&key)),
            body: Some(json!({ "enabled": false })),
            people: |key, paint| format!("{} {}", paint.good("retired"), text(key, "key", paint)),
        }),
        Apps::Disable(one) => one.take(Step {
            method: Method::PATCH,
            path: "",
            body: Some(json!({ "enabled": false })),
            people: |app, paint| format!("{} {}", paint.good("disabled"), text(app, "id", paint)),
        }),
        Apps::Enable(one) => one.take(Step {
            method: Method::PATCH,
            path: "",
            body: Some(json!({ "enabled": true })),
            people: |app, paint| format!("{} {}", paint.good("enabled"), text(app, "id", paint)),
        }),
        Apps::Delete(one) => one.delete(),
    }
}

fn list(common: Common) -> Result<(), Failure> {
    let (output, admin) = common.open()?;
    admin.each(("/apps", "", "apps"), |json| {
        output.report(&Told { json, people: line })
    })
}

fn create(arguments: Create) -> Result<(), Failure> {
    let (output, admin) = arguments.common.open()?;
    let given = input::text(&arguments.settings)?;
    let mut settings: Map<String, Value> = serde_json::from_str(&given).map_err(|_| {
        Failure::usage("SETTINGS must be a JSON object such as '{\"enabled\":true}'")
    })?;
    let flags = [("id", arguments.id), ("name", arguments.name)];
    for (name, value) in flags {
        settings.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    let json = admin.ask(Method::POST, "/apps", Some(&settings.into()))?;
    let people = |app: &Value, paint: Paint| {
        let keys = app.get("keys").and_then(Value::as_array);
        let keys = keys.into_iter().flatten().map(|key| new_key(key, paint));
        let created = format!("{} {}", paint.good("created"), text(app, "id", paint));
        [created]
            .into_iter()
            .chain(keys)
            .collect::<Vec<_>>()
            .join("\n")
    };
    output.report(&Told { json, people })
}

impl One {
    fn take(self, step: Step<'_>) -> Result<(), Failure> {
        let (output, admin) = self.common.open()?;
        let path = format!("/apps/{}{}", segment(&self.id), step.path);
        output.report(&Told {
            json: admin.ask(step.method, &path, step.body.as_ref())?,
            people: step.people,
        })
    }

    fn delete(self) -> Result<(), Failure> {
        let (output, admin) = self.common.open()?;
        let path = format!("/apps/{}", segment(&self.id));
        admin.ask(Method::DELETE, &path, None)?;
        output.report(&Told {
            json: json!({ "deleted": self.id }),
            people: |app, paint| {
                format!("{} {}", paint.good("deleted"), text(app, "deleted", paint))
            },
        })
    }
}

/// An app on one line.
fn line(app: &Value, paint: Paint) -> String {
    let member = |name| app.get(name).and_then(Value::as_str).unwrap_or_default();
    let state = match app.get("enabled") {
        Some(Value::Bool(false)) => paint.bad("disabled"),
        _ => paint.good("enabled"),
    };
    let source = paint.dim(member("source"));
    let line = format!("{}  {state}  {source}", text(app, "id", paint));
    match member("name") {
        "" => line,
        name => format!("{line}  {}", visible(name)),
    }
}

/// An app, a setting on a line.
fn settings(app: &Value, paint: Paint) -> String {
    let members = app.as_object().cloned().unwrap_or_default();
    let width = members.keys().map(String::len).max().unwrap_or_default();
    let lines = members.iter().map(|(name, value)| {
        let space = " ".repeat(width - name.len());
        format!(
            "{}{space}  {}",
            paint.name(name),
            visible(&value.to_string())
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A key pair that is seen this once.
fn new_key(key: &Value, paint: Paint) -> String {
    let key_text = text(key, "key", paint);
    let secret = text(key, "secret", Paint::PLAIN);
    let note = paint.dim("(not shown again)");
    format!("key     {key_text}\nsecret  {secret}  {note}")
}

fn text(value: &Value, member: &str, paint: Paint) -> String {
    let text = value.get(member).and_then(Value::as_str);
    paint.name(&visible(text.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_lines() {
        let app = json!({ "id": "7", "enabled": false, "source": "database", "name": "a\u{1b}" });
        assert_eq!(line(&app, Paint::PLAIN), "7  disabled  database  a\\u{1b}");
        let some = json!({ "id": "7", "enabled": true });
        assert_eq!(
            settings(&some, Paint::PLAIN),
            "enabled  true\nid       \"7\""
        );
        let key = json!({ "key": "k", "secret": "s" });
        assert_eq!(
            new_key(&key, Paint::PLAIN),
            "key     k\nsecret  s  (not shown again)"
        );
    }
}
