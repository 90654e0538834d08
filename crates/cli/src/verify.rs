//! `foghorn verify`: checks a signature, and explains a wrong one.

mod difference;
mod digest;
mod examination;
mod mistakes;
mod rewriting;
mod verdict;

use clap::{Args, Subcommand};
use foghorn_auth::{
    ChannelProof, Coverage, ProofError, Query, RequestAuthError, Signature, SignedHead, UserProof,
    Verified, WebhookProof, channel_text, request_text, user_text, verify_channel, verify_head,
    verify_user, verify_webhook,
};
use foghorn_protocol::{ChannelName, SocketId};
use http::Uri;

use crate::clock;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::sign::CommonArguments;
use crate::target::GivenCredential;

use examination::{Examination, Part};
use rewriting::rewritings;
use verdict::Verdict;

/// What a server refuses to differ by, in seconds.
const TOLERANCE: u64 = foghorn_auth::TIMESTAMP_TOLERANCE;

/// What to check.
#[derive(Subcommand)]
pub enum Subject {
    /// The `auth` of a subscription
    Channel(ChannelArguments),
    /// The `auth` of a sign-in
    User(UserArguments),
    /// The query string of a request to the HTTP API
    Request(RequestArguments),
    /// The X-Pusher-Signature of a webhook
    Webhook(WebhookArguments),
}

/// A subscription and its signature.
#[derive(Args)]
pub struct ChannelArguments {
    /// What the authorisation endpoint answered, KEY:SIGNATURE
    auth: String,
    /// The connection that subscribes, such as 123.456
    socket_id: String,
    /// The channel's full name
    channel: String,
    /// Exactly the text that is sent; - for standard input, @FILE for a file
    channel_data: Option<String>,
    #[command(flatten)]
    suspicion: Suspicion,
    #[command(flatten)]
    common: CommonArguments,
}

/// A sign-in and its signature.
#[derive(Args)]
pub struct UserArguments {
    /// What the authentication endpoint answered, KEY:SIGNATURE
    auth: String,
    /// The connection that signs in, such as 123.456
    socket_id: String,
    /// Exactly the text that is sent; - for standard input, @FILE for a file
    user_data: String,
    #[command(flatten)]
    suspicion: Suspicion,
    #[command(flatten)]
    common: CommonArguments,
}

/// A request with its signature.
#[derive(Args)]
pub struct RequestArguments {
    /// The method, such as POST
    method: String,
    /// The path with its query, or the whole URL, as it was sent
    target: String,
    /// The body; - for standard input, @FILE for a file. Without it only the head is checked
    #[arg(long)]
    body: Option<String>,
    #[command(flatten)]
    suspicion: Suspicion,
    #[command(flatten)]
    common: CommonArguments,
}

/// A webhook and its signature.
#[derive(Args)]
pub struct WebhookArguments {
    /// X-Pusher-Signature
    signature: String,
    /// The body, byte for byte; - for standard input, @FILE for a file
    body: String,
    #[command(flatten)]
    suspicion: Suspicion,
    #[command(flatten)]
    common: CommonArguments,
}

/// What somebody knows of how the signature was made.
#[derive(Args)]
struct Suspicion {
    /// The text that your code signed, to see where it differs; - for standard input, @FILE for
    /// a file
    #[arg(long, value_name = "TEXT")]
    signed_text: Option<String>,
}

pub(crate) fn run(subject: Subject) -> Result<(), Failure> {
    let (verdict, output) = match subject {
        Subject::Channel(arguments) => channel(arguments)?,
        Subject::User(arguments) => user(arguments)?,
        Subject::Request(arguments) => request(arguments)?,
        Subject::Webhook(arguments) => webhook(arguments)?,
    };
    output.report(&verdict)?;
    if verdict.is_right() {
        Ok(())
    } else {
        Err(Failure::Negative)
    }
}

/// What came out, and where to write it.
type Checked = (Verdict, Output);

fn channel(arguments: ChannelArguments) -> Result<Checked, Failure> {
    let (given, output) = arguments.common.open()?;
    let data = arguments
        .channel_data
        .as_deref()
        .map(input::text)
        .transpose()?;
    let (socket_id, channel) = (&arguments.socket_id, arguments.channel.as_str());
    let signed = arguments.suspicion.signed_text()?;
    let data = data.as_deref();
    let name = ChannelName::parse(channel, usize::MAX)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let coverage = if name.kind().is_presence() {
        Coverage::Exactly
    } else {
        Coverage::DataOptional
    };
    let proof = ChannelProof {
        socket_id,
        channel,
        auth: &arguments.auth,
        channel_data: data,
        coverage,
    };
    let text = channel_text(socket_id, channel, data).to_string();
    let mut verdict = match verify_channel(&given.ring()?, &proof) {
        Ok(()) => accepted(&given, text, last_field(&arguments.auth)),
        Err(error) => {
            let examination = Examination {
                parts: Part::of_channel(socket_id, channel, data),
                attempts: mistakes::of_channel(&given, [socket_id, channel], data),
                text: text.into_bytes(),
                digest: last_field(&arguments.auth),
                given: &given,
                signed,
            };
            examination.explain(error.to_string(), of_proof(&error))
        }
    };
    if name.kind().is_presence() && !data.is_some_and(names_member) {
        verdict.notes.push(NO_MEMBER.to_owned());
    }
    verdict.notes.extend(auth_notes(socket_id, &arguments.auth));
    Ok((verdict, output))
}

fn user(arguments: UserArguments) -> Result<Checked, Failure> {
    let (given, output) = arguments.common.open()?;
    let user_data = input::text(&arguments.user_data)?;
    let socket_id = &arguments.socket_id;
    let signed = arguments.suspicion.signed_text()?;
    let proof = UserProof {
        socket_id,
        auth: &arguments.auth,
        user_data: &user_data,
    };
    let text = user_text(socket_id, &user_data).to_string();
    let mut verdict = match verify_user(&given.ring()?, &proof) {
        Ok(()) => Verdict::right(text),
        Err(error) => {
            let examination = Examination {
                parts: Part::of_user(socket_id, &user_data),
                attempts: mistakes::of_user(&given, socket_id, &user_data),
                text: text.into_bytes(),
                digest: last_field(&arguments.auth),
                given: &given,
                signed,
            };
            examination.explain(error.to_string(), of_proof(&error))
        }
    };
    verdict.notes.extend(auth_notes(socket_id, &arguments.auth));
    Ok((verdict, output))
}

fn webhook(arguments: WebhookArguments) -> Result<Checked, Failure> {
    let (given, output) = arguments.common.open()?;
    let body = input::bytes(&arguments.body)?;
    let signed = arguments.suspicion.signed_text()?;
    let proof = WebhookProof {
        key: given.credential.key.as_str(),
        signature: &arguments.signature,
        body: &body,
    };
    let mut verdict = match verify_webhook(&given.ring()?, &proof) {
        Ok(()) => Verdict::right(String::from_utf8_lossy(&body).into_owned()),
        Err(error) => {
            let examination = Examination {
                parts: Vec::new(),
                attempts: mistakes::of_webhook(&body),
                text: body,
                digest: &arguments.signature,
                given: &given,
                signed,
            };
            examination.explain(error.to_string(), None)
        }
    };
    verdict
        .notes
        .extend(digest::case_note(&arguments.signature));
    Ok((verdict, output))
}

fn request(arguments: RequestArguments) -> Result<Checked, Failure> {
    let (given, output) = arguments.common.open()?;
    let body = arguments.body.as_deref().map(input::bytes).transpose()?;
    let signed = arguments.suspicion.signed_text()?;
    let (path, query) = split_target(&arguments.target)?;
    let head = SignedHead {
        method: &arguments.method,
        path,
        query,
        mount_prefix: path
            .find("/apps/")
            .and_then(|at| path.get(..at))
            .unwrap_or_default(),
    };
    let now = clock::unix_seconds().0;
    let parameters = Query::parse(query);
    let timestamp = parameters
        .get("auth_timestamp")
        .and_then(|text| text.parse().ok());
    let text = request_text(&head);
    let digest = parameters.get("auth_signature").unwrap_or_default();
    let mut verdict = match verify_head(&given.ring()?, &head, timestamp.unwrap_or(now)) {
        Ok(verified) => {
            let verdict = accepted(&given, text, digest);
            of_body(&verified, body.as_deref(), verdict)
        }
        Err(error) => {
            let examination = Examination {
                parts: Part::of_request(&text),
                attempts: mistakes::of_request(&text, query),
                text: text.into_bytes(),
                digest,
                given: &given,
                signed,
            };
            match &error {
                RequestAuthError::WrongSignature { .. }
                | RequestAuthError::MalformedSignature { .. } => {
                    examination.explain(said(&error), None)
                }
                RequestAuthError::UnknownKey { .. } => {
                    examination.explain(said(&error), Some(OTHER_KEY))
                }
                other => examination.refuse(other.to_string()),
            }
        }
    };
    verdict.notes.extend(clock_note(timestamp, now));
    verdict.notes.extend(digest::case_note(digest));
    Ok((verdict, output))
}

const NO_MEMBER: &str = "a presence subscription needs channel_data, a JSON object with user_id, \
                         unless the connection is signed in";

/// Whether this `channel_data` says who the member is.
fn names_member(data: &str) -> bool {
    let data = serde_json::from_str::<serde_json::Value>(data);
    data.is_ok_and(|data| data.get("user_id").is_some_and(|id| !id.is_null()))
}

const OTHER_KEY: &str = "the signature names another key than the one given here";

/// The whole text is shown by itself, so the error need not repeat it.
fn said(error: &RequestAuthError) -> String {
    match error {
        RequestAuthError::WrongSignature { got, .. } => {
            format!("Invalid signature: {got} is not the one of this request")
        }
        other => other.to_string(),
    }
}

/// What a refused proof says of itself besides the digest.
fn of_proof(error: &ProofError) -> Option<&'static str> {
    match error {
        ProofError::Malformed { .. } => Some("auth does not have the form KEY:SIGNATURE"),
        ProofError::UnknownKey { .. } => Some(OTHER_KEY),
        ProofError::WrongSignature { .. } => None,
    }
}

/// A signature that is accepted, perhaps by indulgence.
fn accepted(given: &GivenCredential, text: String, digest: &str) -> Verdict {
    let signature = Signature::parse(digest);
    let exact = signature.is_ok_and(|signature| given.credential.secret.sign(&text) == signature);
    let mut verdict = Verdict::right(text);
    if !exact {
        verdict.notes.push(
            "it covers another form of this that Foghorn accepts as well; a stricter server wants \
             exactly this text"
                .to_owned(),
        );
    }
    verdict
}

/// Checks the body of a request whose head is in order.
fn of_body(verified: &Verified<'_, '_>, body: Option<&[u8]>, mut verdict: Verdict) -> Verdict {
    let Some(body) = body else {
        if verdict.expected_text.contains("body_md5=") {
            let note = "the body was not checked; give it with --body";
            verdict.notes.push(note.to_owned());
        }
        return verdict;
    };
    let Err(error) = verified.body.verify(body) else {
        return verdict;
    };
    let fits = |other: &[u8]| verified.body.verify(other).is_ok();
    let found = if fits(&[]) {
        Some("body_md5 is the one of an empty body".to_owned())
    } else {
        let mut others = rewritings(body).into_iter();
        let found = others.find(|(_, other)| fits(other));
        found.map(|(how, _)| format!("body_md5 is of another body: {how}"))
    };
    Verdict::wrong(error.to_string(), found, verdict.expected_text)
}

fn clock_note(timestamp: Option<u64>, now: u64) -> Option<String> {
    let timestamp = timestamp?;
    let apart = now.abs_diff(timestamp);
    if apart < TOLERANCE {
        return None;
    }
    // No plausible clock shows seconds beyond the year 5000.
    if timestamp > 100_000_000_000 {
        return Some("auth_timestamp must be seconds; these look like milliseconds".to_owned());
    }
    let side = if timestamp < now {
        "behind"
    } else {
        "ahead of"
    };
    Some(format!(
        "auth_timestamp is {apart} s {side} this computer's clock; servers refuse {TOLERANCE} s \
         or more"
    ))
}

/// What is odd about a connection or the signature for it, right or wrong.
fn auth_notes(socket_id: &str, auth: &str) -> impl Iterator<Item = String> {
    let case = digest::case_note(last_field(auth));
    socket_note(socket_id).into_iter().chain(case)
}

fn socket_note(socket_id: &str) -> Option<String> {
    let malformed = SocketId::parse(socket_id).err()?;
    Some(malformed.to_string())
}

/// What follows the last colon, which every form of `auth` has before its digest.
fn last_field(auth: &str) -> &str {
    auth.rsplit(':').next().unwrap_or(auth)
}

/// The path and the query of a request's target or URL.
fn split_target(target: &str) -> Result<(&str, &str), Failure> {
    let rest = match target.split_once("://") {
        Some((_, rest)) if target.parse::<Uri>().is_ok() => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => target,
    };
    if !rest.starts_with('/') {
        return Err(Failure::usage(
            "the target must be a path that begins with a slash, or a URL",
        ));
    }
    Ok(rest.split_once('?').unwrap_or((rest, "")))
}

impl Suspicion {
    fn signed_text(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.signed_text.as_deref().map(input::bytes).transpose()
    }
}
