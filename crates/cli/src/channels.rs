//! `foghorn channels`: asks which channels are occupied, and about one of them.

use clap::Args;
use foghorn_protocol::ChannelName;
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::{self, Question, segment};
use crate::failure::Failure;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::{Paint, visible};
use crate::target::{TargetArguments, environment};
use crate::trigger::attributes_text;

/// Which channels to ask about.
#[derive(Args)]
pub struct Arguments {
    /// Tell the state of this channel; without it, all occupied ones are listed
    #[arg(value_name = "CHANNEL")]
    channel: Option<String>,
    /// List only the channels whose names begin so
    #[arg(long, value_name = "TEXT", conflicts_with = "channel")]
    prefix: Option<String>,
    /// List the users on CHANNEL, which must be a presence channel
    #[arg(long, requires = "channel", conflicts_with = "info")]
    users: bool,
    /// Ask for these: user_count, subscription_count, cache; several with commas. By default
    /// what a single channel has by its kind
    #[arg(long, value_name = "ATTRIBUTES")]
    info: Option<String>,
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// A channel and what was said of it.
#[derive(Serialize)]
struct Channel {
    channel: String,
    #[serde(flatten)]
    attributes: Map<String, Value>,
    /// Columns that people see before the attributes.
    #[serde(skip)]
    width: usize,
}

/// A user on a presence channel.
#[derive(Serialize)]
struct User {
    id: Value,
    #[serde(flatten)]
    more: Map<String, Value>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.output);
    let target = arguments.target.resolve(&environment)?;
    let path = match (&arguments.channel, arguments.users) {
        (None, _) => "/channels".to_owned(),
        (Some(name), false) => format!("/channels/{}", segment(name)),
        (Some(name), true) => format!("/channels/{}/users", segment(name)),
    };
    let mut params = Vec::new();
    if let Some(prefix) = &arguments.prefix {
        params.push(("filter_by_prefix", prefix.as_str()));
    }
    let by_kind = arguments.channel.as_deref().and_then(info_by_kind);
    let info = arguments.info.as_deref().or(by_kind);
    if let Some(info) = info.filter(|_| !arguments.users) {
        params.push(("info", info));
    }
    let question = Question {
        method: Method::GET,
        path,
        params: &params,
        body: String::new(),
    };
    let answer = api::ask(&target, question)?;
    match arguments.channel {
        Some(_) if arguments.users => report_users(&answer, output),
        Some(channel) => output.report(&Channel {
            channel,
            attributes: answer.as_object().cloned().unwrap_or_default(),
            width: 0,
        }),
        None => report_list(&answer, output),
    }
}

/// What every server tells of such a channel.
fn info_by_kind(channel: &str) -> Option<&'static str> {
    let kind = ChannelName::parse(channel, usize::MAX).ok()?.kind();
    match (kind.is_presence(), kind.cache) {
        (true, true) => Some("user_count,cache"),
        (true, false) => Some("user_count"),
        (false, true) => Some("cache"),
        (false, false) => None,
    }
}

fn report_list(answer: &Value, output: Output) -> Result<(), Failure> {
    let channels = answer.get("channels").and_then(Value::as_object);
    let channels = channels.ok_or_else(|| alien("channels"))?;
    if channels.is_empty() {
        output.progress("no channel is occupied");
    }
    let width = channels.keys().map(|name| name.chars().count()).max();
    for (channel, attributes) in channels {
        output.report(&Channel {
            channel: channel.clone(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            width: width.unwrap_or_default(),
        })?;
    }
    Ok(())
}

fn report_users(answer: &Value, output: Output) -> Result<(), Failure> {
    let users = answer.get("users").and_then(Value::as_array);
    let users = users.ok_or_else(|| alien("users"))?;
    if users.is_empty() {
        output.progress("nobody is there");
    }
    for user in users {
        let mut more = user.as_object().cloned().unwrap_or_default();
        let id = more.remove("id").unwrap_or_default();
        output.report(&User { id, more })?;
    }
    Ok(())
}

fn alien(field: &str) -> Failure {
    Failure::refused(format!("the server's answer has no {field}"))
}

impl Report for Channel {
    fn people(&self, paint: Paint) -> String {
        let name = visible(&self.channel);
        let space = " ".repeat(self.width.saturating_sub(name.chars().count()));
        let mut rest = self.attributes.clone();
        let occupied = match rest.remove("occupied") {
            Some(Value::Bool(true)) => Some(paint.good("occupied")),
            Some(Value::Bool(false)) => Some(paint.dim("not occupied")),
            _ => None,
        };
        let rest = Some(attributes_text(&rest)).filter(|text| !text.is_empty());
        let name = format!("{}{space}", paint.name(&name));
        let parts = [Some(name), occupied, rest].into_iter().flatten();
        let line = parts.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    }
}

impl Report for User {
    fn people(&self, paint: Paint) -> String {
        let id = match self.id.as_str() {
            Some(id) => visible(id),
            None => self.id.to_string(),
        };
        let name = paint.name(&id);
        match self.more.get("user_info") {
            Some(info) => format!("{name}  {info}"),
            None => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn channel(attributes: &Value, width: usize) -> Channel {
        Channel {
            channel: "news".to_owned(),
            attributes: attributes.as_object().unwrap().clone(),
            width,
        }
    }

    #[test]
    fn people_read_columns() {
        for (attributes, expect) in [
            (json!({}), "news"),
            (json!({ "user_count": 2 }), "news    2 users"),
            (json!({ "occupied": false }), "news    not occupied"),
            (
                json!({ "occupied": true, "cache": null, "subscription_count": 1 }),
                "news    occupied  cache null, 1 subscription",
            ),
        ] {
            assert_eq!(channel(&attributes, 6).people(Paint::PLAIN), expect);
        }
    }

    #[test]
    fn pipes_read_one_flat_object() {
        let line = serde_json::to_string(&channel(&json!({ "user_count": 2 }), 6)).unwrap();
        assert_eq!(line, r#"{"channel":"news","user_count":2}"#);
    }

    #[test]
    fn a_kind_decides_what_is_asked() {
        for (name, expect) in [
            ("news", None),
            ("private-x", None),
            ("cache-x", Some("cache")),
            ("presence-x", Some("user_count")),
            ("presence-cache-x", Some("user_count,cache")),
        ] {
            assert_eq!(info_by_kind(name), expect, "{name}");
        }
    }
}
