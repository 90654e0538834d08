//! `foghorn sign`: makes the signatures that a back end makes.

use clap::{Args, Subcommand};
use foghorn_auth::{
    SignedHead, UnsignedRequest, channel_text, request_text, sign_channel, sign_request, sign_user,
    sign_webhook, user_text,
};
use serde::Serialize;

use crate::clock;
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::{Paint, visible};
use crate::target::{CredentialArguments, GivenCredential, environment};

/// What to sign.
#[derive(Subcommand)]
pub enum Subject {
    /// A subscription: what an authorisation endpoint answers
    Channel(ChannelArguments),
    /// A sign-in: what a user authentication endpoint answers
    User(UserArguments),
    /// A request to the HTTP API: its query string
    Request(RequestArguments),
    /// A webhook: its X-Pusher-Signature
    Webhook(WebhookArguments),
}

/// A subscription.
#[derive(Args)]
pub struct ChannelArguments {
    /// The connection, such as 123.456
    socket_id: String,
    /// The channel's full name
    channel: String,
    /// Exactly the text that will be sent; - for standard input, @FILE for a file
    channel_data: Option<String>,
    #[command(flatten)]
    common: CommonArguments,
}

/// A sign-in.
#[derive(Args)]
pub struct UserArguments {
    /// The connection, such as 123.456
    socket_id: String,
    /// Exactly the text that will be sent; - for standard input, @FILE for a file
    user_data: String,
    #[command(flatten)]
    common: CommonArguments,
}

/// A request.
#[derive(Args)]
pub struct RequestArguments {
    /// The method, such as POST
    method: String,
    /// The path, such as /apps/4242/events, without a query
    path: String,
    /// A parameter of the query, not escaped; repeat it for more
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// The body; - for standard input, @FILE for a file
    #[arg(long)]
    body: Option<String>,
    /// Unix seconds in place of now
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    #[command(flatten)]
    common: CommonArguments,
}

/// A webhook.
#[derive(Args)]
pub struct WebhookArguments {
    /// The body, byte for byte; - for standard input, @FILE for a file
    body: String,
    #[command(flatten)]
    common: CommonArguments,
}

/// What all need.
#[derive(Args)]
pub(crate) struct CommonArguments {
    #[command(flatten)]
    credentials: CredentialArguments,
    #[command(flatten)]
    output: OutputArguments,
}

impl CommonArguments {
    /// The credential to use, and where to write.
    pub(crate) fn open(self) -> Result<(GivenCredential, Output), Failure> {
        let output = Output::open(&self.output);
        let given = self.credentials.resolve(&environment)?;
        if let Some(note) = given.note() {
            output.progress(note);
        }
        Ok((given, output))
    }
}

/// A signature with what it belongs to; only what there is is written.
#[derive(Default, Serialize)]
struct Signed {
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_text: Option<String>,
}

pub(crate) fn run(subject: Subject) -> Result<(), Failure> {
    match subject {
        Subject::Channel(arguments) => channel(arguments),
        Subject::User(arguments) => user(arguments),
        Subject::Request(arguments) => request(arguments),
        Subject::Webhook(arguments) => webhook(arguments),
    }
}

fn channel(arguments: ChannelArguments) -> Result<(), Failure> {
    let ChannelArguments {
        socket_id,
        channel,
        channel_data,
        common,
    } = arguments;
    let (given, output) = common.open()?;
    let channel_data = channel_data.as_deref().map(input::text).transpose()?;
    let data = channel_data.as_deref();
    let text = channel_text(&socket_id, &channel, data).to_string();
    output.report(&Signed {
        auth: Some(sign_channel(&given.credential, &socket_id, &channel, data)),
        signed_text: Some(text),
        channel_data,
        ..Signed::default()
    })
}

fn user(arguments: UserArguments) -> Result<(), Failure> {
    let UserArguments {
        socket_id,
        user_data,
        common,
    } = arguments;
    let (given, output) = common.open()?;
    let user_data = input::text(&user_data)?;
    let text = user_text(&socket_id, &user_data).to_string();
    output.report(&Signed {
        auth: Some(sign_user(&given.credential, &socket_id, &user_data)),
        signed_text: Some(text),
        user_data: Some(user_data),
        ..Signed::default()
    })
}

fn request(arguments: RequestArguments) -> Result<(), Failure> {
    let RequestArguments {
        method,
        path,
        params,
        body,
        timestamp,
        common,
    } = arguments;
    let (given, output) = common.open()?;
    if !path.starts_with('/') || path.contains('?') {
        let said = "the path must begin with a slash and have no query; use --param";
        return Err(Failure::usage(said));
    }
    let body = body.as_deref().map(input::bytes).transpose()?;
    let pairs = params.iter().map(|param| {
        let bad = || Failure::usage(format!("--param {param} has no = in it"));
        param.split_once('=').ok_or_else(bad)
    });
    let params = pairs.collect::<Result<Vec<_>, _>>()?;
    let unsigned = UnsignedRequest {
        method: &method,
        path: &path,
        params: &params,
        body: body.as_deref().unwrap_or_default(),
    };
    let now = timestamp.unwrap_or_else(|| clock::unix_seconds().0);
    let query = sign_request(&given.credential, &unsigned, now);
    let head = SignedHead {
        method: &method,
        path: &path,
        query: &query,
        mount_prefix: "",
    };
    output.report(&Signed {
        signed_text: Some(request_text(&head)),
        target: Some(format!("{path}?{query}")),
        ..Signed::default()
    })
}

fn webhook(arguments: WebhookArguments) -> Result<(), Failure> {
    let (given, output) = arguments.common.open()?;
    let body = input::bytes(&arguments.body)?;
    output.report(&Signed {
        key: Some(given.credential.key.to_string()),
        signature: Some(sign_webhook(&given.credential.secret, &body).to_string()),
        ..Signed::default()
    })
}

impl Report for Signed {
    fn people(&self, paint: Paint) -> String {
        let rows = [
            ("auth", &self.auth),
            ("channel_data", &self.channel_data),
            ("user_data", &self.user_data),
            ("request", &self.target),
            ("X-Pusher-Key", &self.key),
            ("X-Pusher-Signature", &self.signature),
            ("signed text", &self.signed_text),
        ];
        let rows: Vec<_> = rows
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect();
        let width = rows.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        let line = |(name, value): &(&str, &str)| {
            let name = paint.dim(&format!("{name:width$}"));
            format!("{name}  {}", visible(value))
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_rows_and_pipes_only_what_there_is() {
        let signed = Signed {
            auth: Some("k:00".to_owned()),
            signed_text: Some("1.2:a\n".to_owned()),
            ..Signed::default()
        };
        let expect = "auth         k:00\nsigned text  1.2:a\\n";
        assert_eq!(signed.people(Paint::PLAIN), expect);
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(json, r#"{"auth":"k:00","signed_text":"1.2:a\n"}"#);
    }
}
