//! `foghorn trigger`: publishes events.

mod batch;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use foghorn_protocol::{Access, ChannelName, Limits, encrypted_envelope};
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::{self, Question};
use crate::encryption::MasterKey;
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::{Paint, visible};
use crate::target::{Target, TargetArguments, environment};

/// Data of an event that is given none.
const NO_DATA: &str = "{}";

const USAGE: &str = "\
foghorn trigger [OPTIONS] CHANNEL EVENT [DATA]
       foghorn trigger [OPTIONS] --channel CHANNEL… EVENT [DATA]
       foghorn trigger [OPTIONS] --user ID EVENT [DATA]
       foghorn trigger [OPTIONS] --batch FILE";

/// What to publish, and where.
#[derive(Args)]
#[command(override_usage = USAGE)]
pub struct Arguments {
    /// The channel (unless --channel or --user says where to), the event's name, and its data:
    /// any text, {} if there is none, - for standard input, @FILE for a file
    #[arg(
        value_names = ["CHANNEL", "EVENT", "DATA"],
        num_args = 0..=3,
        allow_negative_numbers = true
    )]
    words: Vec<String>,
    /// Publish to this channel; repeat it for more
    #[arg(short, long = "channel", value_name = "CHANNEL", conflicts_with_all = ["user", "batch"])]
    channels: Vec<String>,
    /// Publish to all connections that are signed in as this user
    #[arg(short, long, value_name = "ID", conflicts_with = "batch")]
    user: Option<String>,
    /// Publish the events in this file, - for standard input: one JSON object per line with
    /// channel, event (or name), data, and perhaps socket_id and info
    #[arg(long, value_name = "FILE", conflicts_with_all = ["words", "socket_id", "info"])]
    batch: Option<PathBuf>,
    /// Send so many events of the file in one request; servers may take fewer or more than the
    /// usual 10
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "batch",
        conflicts_with = "words"
    )]
    batch_size: Option<NonZeroUsize>,
    /// Leave out this connection
    #[arg(long, value_name = "ID")]
    socket_id: Option<String>,
    /// Ask how many there are: user_count, subscription_count, or both with a comma
    #[arg(long, value_name = "ATTRIBUTES")]
    info: Option<String>,
    /// Encrypt what goes to private-encrypted- channels: 32 bytes in base64, or @FILE, which
    /// nobody sees in the list of processes
    #[arg(long, value_name = "KEY")]
    master_key: Option<String>,
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// An event that was accepted.
#[derive(Serialize)]
struct Published {
    event: String,
    /// What `--info` asked for, by channel.
    channels: Map<String, Value>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let output = Output::open(&arguments.output);
    let master_key = arguments.master_key.as_deref();
    let master_key = master_key
        .map(|given| MasterKey::parse(&input::text(given)?))
        .transpose()?;
    if let Some(path) = &arguments.batch {
        let target = arguments.target.resolve(&environment)?;
        let usual = Limits::default().max_batch_size;
        let size = arguments.batch_size.map_or(usual, NonZeroUsize::get);
        let entries = batch::read_file(path, master_key.as_ref())?;
        return batch::publish(&target, &entries, size, output);
    }
    let Event {
        channels,
        name,
        data,
    } = Event::read(
        arguments.channels,
        arguments.user.as_deref(),
        arguments.words,
    )?;
    let data = sealed(&channels, input::text(&data)?, master_key.as_ref())?;
    let target = arguments.target.resolve(&environment)?;
    let mut body = json!({ "name": name, "channels": channels, "data": data });
    let more = [("socket_id", arguments.socket_id), ("info", arguments.info)];
    for (field, value) in more {
        if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
            body.insert(field.to_owned(), value.into());
        }
    }
    let answer = post(&target, "/events", &body)?;
    let attributes = |channel: &String| {
        let found = answer.get("channels").and_then(|all| all.get(channel));
        (channel.clone(), found.cloned().unwrap_or_else(|| json!({})))
    };
    output.report(&Published {
        event: name,
        channels: channels.iter().map(attributes).collect(),
    })
}

fn post(target: &Target, path: &str, body: &Value) -> Result<Value, Failure> {
    let question = Question {
        method: Method::POST,
        path: path.to_owned(),
        params: &[],
        body: body.to_string(),
    };
    api::ask(target, question)
}

/// What the words on the command line mean.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    channels: Vec<String>,
    name: String,
    data: String,
}

impl Event {
    fn read(
        mut channels: Vec<String>,
        user: Option<&str>,
        words: Vec<String>,
    ) -> Result<Self, Failure> {
        let mut words = words.into_iter();
        let mut missing = "EVENT";
        if let Some(user) = user {
            channels.push(format!("#server-to-user-{user}"));
        } else if channels.is_empty() {
            missing = "CHANNEL EVENT";
            channels.extend(words.next());
        }
        let name = words
            .next()
            .ok_or_else(|| Failure::usage(format!("{missing} is missing")).hint(USAGE))?;
        let data = words.next().unwrap_or_else(|| NO_DATA.to_owned());
        if let Some(extra) = words.next() {
            let said = format!("there is one word too many: {extra}");
            let hint = "with --channel or --user there is only EVENT [DATA]; put data in quotes";
            return Err(Failure::usage(said).hint(hint));
        }
        Ok(Self {
            channels,
            name,
            data,
        })
    }
}

/// The data as it is sent: encrypted for encrypted channels.
fn sealed(
    channels: &[String],
    data: String,
    master_key: Option<&MasterKey>,
) -> Result<String, Failure> {
    let Some(channel) = channels.iter().find(|name| is_encrypted(name)) else {
        return Ok(data);
    };
    if channels.len() > 1 {
        let said = format!("{channel} has a key of its own; publish to it alone");
        return Err(Failure::usage(said));
    }
    match master_key {
        Some(master_key) => master_key.encrypt(channel, &data),
        None if encrypted_envelope(&data) => Ok(data),
        None => Err(Failure::usage(format!("{channel} needs --master-key"))),
    }
}

/// Whether the channel's events are encrypted end to end.
pub(crate) fn is_encrypted(channel: &str) -> bool {
    ChannelName::parse(channel, usize::MAX)
        .is_ok_and(|name| name.kind().access == Access::Encrypted)
}

impl Report for Published {
    fn people(&self, paint: Paint) -> String {
        let channels = self.channels.iter().map(|(channel, attributes)| {
            let channel = paint.name(&visible(channel));
            match attributes.as_object().filter(|found| !found.is_empty()) {
                Some(found) => format!("{channel} ({})", attributes_text(found)),
                None => channel,
            }
        });
        let channels: Vec<_> = channels.collect();
        let event = paint.name(&visible(&self.event));
        format!(
            "{} {event} to {}",
            paint.good("published"),
            channels.join(", ")
        )
    }
}

/// `2 users, 3 subscriptions` for what the API calls `user_count` and `subscription_count`.
pub(crate) fn attributes_text(attributes: &Map<String, Value>) -> String {
    let texts = attributes.iter().map(|(name, value)| {
        let plural = |one: &str| {
            let end = if value.as_u64() == Some(1) { "" } else { "s" };
            format!("{value} {one}{end}")
        };
        match name.as_str() {
            "user_count" => plural("user"),
            "subscription_count" => plural("subscription"),
            _ => visible(&format!("{name} {value}")),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(channels: &[&str], user: Option<&str>, words: &[&str]) -> Result<Event, Failure> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Event::read(owned(channels), user, owned(words))
    }

    #[test]
    fn words_mean_what_is_not_given_otherwise() {
        let event = |channels: &[&str], data: &str| {
            Ok(Event {
                channels: channels.iter().map(|c| (*c).to_owned()).collect(),
                name: "hello".to_owned(),
                data: data.to_owned(),
            })
        };
        assert_eq!(
            read(&[], None, &["news", "hello", "x"]),
            event(&["news"], "x")
        );
        assert_eq!(read(&[], None, &["news", "hello"]), event(&["news"], "{}"));
        assert_eq!(
            read(&["a", "b"], None, &["hello", "x"]),
            event(&["a", "b"], "x")
        );
        let user = event(&["#server-to-user-u-17"], "-");
        assert_eq!(read(&[], Some("u-17"), &["hello", "-"]), user);
        for (channels, user, words) in [
            (&[][..], None, &["news"][..]),
            (&[], None, &[]),
            (&["a"], None, &[]),
            (&["a"], None, &["news", "hello", "x"]),
            (&[], Some("u"), &["news", "hello", "x"]),
        ] {
            let result = read(channels, user, words);
            assert!(matches!(result, Err(Failure::Usage(_))), "{words:?}");
        }
    }

    #[test]
    fn encrypted_channels_get_nothing_in_the_clear() {
        let master = MasterKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let vault = ["private-encrypted-vault".to_owned()];
        let two = [vault[0].clone(), "news".to_owned()];
        let data = || "{}".to_owned();
        assert!(sealed(&vault, data(), None).is_err());
        assert!(sealed(&two, data(), Some(&master)).is_err());
        let envelope = sealed(&vault, data(), Some(&master)).unwrap();
        assert_eq!(master.decrypt(&vault[0], &envelope).unwrap(), "{}");
        assert_eq!(sealed(&vault, envelope.clone(), None).unwrap(), envelope);
        assert_eq!(
            sealed(&["news".to_owned()], data(), Some(&master)).unwrap(),
            "{}"
        );
    }

    #[test]
    fn people_read_counts() {
        let channels = json!({ "a": {}, "presence-b": { "user_count": 1 },
            "c": { "subscription_count": 3 } });
        let published = Published {
            event: "hello".to_owned(),
            channels: channels.as_object().unwrap().clone(),
        };
        let expect = "published hello to a, c (3 subscriptions), presence-b (1 user)";
        assert_eq!(published.people(Paint::PLAIN), expect);
    }
}
