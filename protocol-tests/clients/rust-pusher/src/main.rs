//! Drives the server SDK for Rust: one JSON request per input line, one JSON answer per output line.
//!
//! ```text
//! {"id": 1, "call": "trigger", "args": [["news"], "tick", {"n": 1}, null]}
//! {"id": 1, "result": {}}
//! {"id": 2, "error": {"type": "String", "message": "Error: 401 Unauthorized. …"}}
//! ```

use pusher::{Channel, PusherBuilder};
use serde_json::{Map, Value, json};
use std::error::Error;
use std::io::{self, BufRead, Write};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [id, key, secret, host] = arguments()?;
    let client = PusherBuilder::new(&id, &key, &secret)
        .host(&host)
        .finalize();
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let args = &request["args"];
        let result = match request["call"].as_str().unwrap_or_default() {
            "trigger" => {
                let channels = texts(&args[0]);
                let (event, data) = (text(&args[1]), &args[2]);
                let triggered = match args[3].as_str() {
                    Some(sender) => {
                        client
                            .trigger_multi_exclusive(&channels, event, data, sender)
                            .await
                    }
                    None => client.trigger_multi(&channels, event, data).await,
                };
                triggered.map(|_| json!({}))
            }
            "channels" => client
                .channels_with_options(parameters(&args[0]))
                .await
                .map(|list| {
                    let channels = list.channels.into_iter();
                    let channels: Map<_, _> =
                        channels.map(|(name, it)| (name, state(&it))).collect();
                    json!({ "channels": channels })
                }),
            "channel" => client
                .channel_with_options(text(&args[0]), parameters(&args[1]))
                .await
                .map(|channel| state(&channel)),
            "users" => client.channel_users(text(&args[0])).await.map(|list| {
                let users: Vec<_> = list
                    .users
                    .iter()
                    .map(|user| json!({"id": user.id}))
                    .collect();
                json!({ "users": users })
            }),
            call => Err(format!("the SDK has no `{call}`")),
        };
        let answer = match result {
            Ok(result) => json!({"id": request["id"], "result": result}),
            Err(message) => {
                json!({"id": request["id"], "error": {"type": "String", "message": message}})
            }
        };
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

/// App id, key, secret, and `host:port`.
fn arguments() -> Result<[String; 4], Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    given
        .try_into()
        .map_err(|_| "usage: rust-pusher ID KEY SECRET HOST:PORT".into())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn parameters(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), text(value).to_owned()))
        .collect()
}

/// What the SDK understood of a channel; what it was not told is left out.
fn state(channel: &Channel) -> Value {
    let mut known = Map::new();
    known.extend(channel.occupied.map(|is| ("occupied".into(), is.into())));
    known.extend(channel.user_count.map(|n| ("user_count".into(), n.into())));
    let subscriptions = channel.subscription_count;
    known.extend(subscriptions.map(|n| ("subscription_count".into(), n.into())));
    Value::Object(known)
}
